//! Cookies: read from a request's header, written as `Set-Cookie` values.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rhai::{Dynamic, EvalAltResult, Map};

use super::options::{expected, flag, is_token, optional, refuse_unknown};
use super::{refuse, url};
use crate::modules::put;

/// What a cookie's value cannot hold as it is.
const NOT_IN_VALUES: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'%').add(b',').add(b';').add(b'\\');

const NAMES: [&str; 8] =
    ["name", "value", "max_age", "path", "domain", "http_only", "secure", "same_site"];

/// Adds the cookies of `a=1; b=2` to `cookies`. The first of a name counts: browsers send the more
/// specific one first.
pub(crate) fn read_into(cookies: &mut Map, header: &str) {
    for pair in header.split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if !name.is_empty() && !cookies.contains_key(name) {
            put(cookies, name, url::decode(bare.unwrap_or(value)).into());
        }
    }
}

/// The value of a `Set-Cookie` header, from what a script says of a cookie.
///
/// # Errors
/// `WebError` for what no cookie can be.
pub(crate) fn write(cookie: &Dynamic) -> Result<String, Box<EvalAltResult>> {
    let Ok(cookie) = cookie.as_map_ref() else {
        return Err(expected("cookies", "a list of maps `#{ name, value, … }`", cookie));
    };
    refuse_unknown(&cookie, &NAMES, "a cookie")?;
    let name = optional(&cookie, "name")?.unwrap_or_default();
    if !is_token(&name) {
        return Err(refuse(format!("{name:?} cannot be the name of a cookie")));
    }
    let value = optional(&cookie, "value")?.unwrap_or_default();
    let mut out = format!("{name}={}", utf8_percent_encode(&value, NOT_IN_VALUES));
    if let Some(seconds) = cookie.get("max_age").filter(|value| !value.is_unit()) {
        let seconds = seconds
            .as_int()
            .map_err(|_| expected("max_age", "a whole number of seconds", seconds))?;
        out.push_str(&format!("; Max-Age={seconds}"));
    }
    for (key, attribute) in [("path", "Path"), ("domain", "Domain")] {
        let Some(value) = optional(&cookie, key)? else { continue };
        if value.contains(';') {
            return Err(refuse(format!("`{key}` of the cookie `{name}` cannot hold a `;`")));
        }
        out.push_str(&format!("; {attribute}={value}"));
    }
    if flag(&cookie, "http_only")? {
        out.push_str("; HttpOnly");
    }
    let secure = flag(&cookie, "secure")?;
    if secure {
        out.push_str("; Secure");
    }
    if let Some(wanted) = optional(&cookie, "same_site")? {
        let known = ["Strict", "Lax", "None"];
        let Some(same_site) = known.iter().find(|known| known.eq_ignore_ascii_case(&wanted)) else {
            let message = format!("`same_site` is \"Strict\", \"Lax\" or \"None\", not {wanted:?}");
            return Err(refuse(message));
        };
        if *same_site == "None" && !secure {
            let message = format!(
                "browsers drop the cookie `{name}`: `same_site: \"None\"` needs `secure: true`"
            );
            return Err(refuse(message));
        }
        out.push_str(&format!("; SameSite={same_site}"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use rhai::Map;

    use super::read_into;

    #[test]
    fn a_header_becomes_cookies() {
        let mut cookies = Map::new();
        read_into(&mut cookies, "a=1; b=\"two\";c=x%20y=z; a=9; nonsense; =5");
        assert_eq!(format!("{cookies:?}"), r#"{"a": "1", "b": "two", "c": "x y=z"}"#);
    }
}
