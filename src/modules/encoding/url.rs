//! Percent-encoding and `application/x-www-form-urlencoded`, by the rules of WHATWG's URL standard.

use rhai::{Array, Dynamic, ImmutableString, Map};

use crate::modules::bytes::with_article;
use crate::modules::encoding::Undecodable;

/// Writes each byte as it is, if `keep` says so, else as `%XX`.
fn percent_encode(out: &mut String, bytes: &[u8], keep: impl Fn(u8) -> bool) {
    let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || keep(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Reads `%XX`; `refuse` says whether a `%` without two digits is an error or stays as it is.
fn percent_decode(text: &[u8], refuse: bool) -> Result<Vec<u8>, Undecodable> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                at += 3;
                continue;
            }
            (b'%', ..) if refuse => {
                let message = format!("the `%` at {at} is not followed by two hexadecimal digits");
                return Err(Undecodable { message, offset: Some(at) });
            }
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    Ok(bytes)
}

/// What `encodeURIComponent` keeps, WHATWG's component percent-encode set read the other way.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    percent_encode(&mut out, bytes, |byte| b"-_.!~*'()".contains(&byte));
    out
}

pub(crate) fn decode(text: &[u8]) -> Result<String, Undecodable> {
    super::text_of(percent_decode(text, true)?)
}

/// Writes a map as the body of a form or as a query: sorted by key, arrays as repeated keys.
///
/// # Errors
/// Which value is none that a form can hold.
pub(crate) fn form_encode(map: &Map) -> Result<String, String> {
    let mut out = String::new();
    for (key, value) in map {
        match value.as_array_ref() {
            Ok(array) => {
                for (at, item) in array.iter().enumerate() {
                    write_pair(&mut out, key, item)
                        .map_err(|found| format!("`{key}[{at}]` is {found}, {EXPECTED}"))?;
                }
            }
            Err(_) => write_pair(&mut out, key, value)
                .map_err(|found| format!("`{key}` is {found}, {EXPECTED} or an array of these"))?,
        }
    }
    Ok(out)
}

const EXPECTED: &str = "a form holds strings, numbers, true, false";

/// Writes `key=value`; `()` is not written.
fn write_pair(out: &mut String, key: &str, value: &Dynamic) -> Result<(), String> {
    let is_plain = value.is_string() || value.is_char() || value.is_int() || value.is_float();
    if value.is_unit() {
        return Ok(());
    }
    if !is_plain && !value.is_bool() {
        return Err(with_article(value.type_name()));
    }
    if !out.is_empty() {
        out.push('&');
    }
    write_component(out, key.as_bytes());
    out.push('=');
    match value.as_immutable_string_ref() {
        Ok(text) => write_component(out, text.as_bytes()),
        Err(_) => write_component(out, value.to_string().as_bytes()),
    }
    Ok(())
}

fn write_component(out: &mut String, bytes: &[u8]) {
    for (at, word) in bytes.split(|byte| *byte == b' ').enumerate() {
        if at > 0 {
            out.push('+');
        }
        percent_encode(out, word, |byte| b"*-._".contains(&byte));
    }
}

/// The pairs of a form or a query, in order. There is no text that is not one: what is not
/// percent-encoding stays as it is, and what is not UTF-8 becomes `U+FFFD`.
pub(crate) fn form_pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).map(|part| {
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let value = part.get(at + 1..).unwrap_or_default();
        (read_component(&part[..at]), read_component(value))
    })
}

fn read_component(text: &[u8]) -> String {
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    let bytes = percent_decode(&spaced, false).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A map of the pairs; keys that come again have arrays.
pub(crate) fn form_decode(text: &[u8]) -> Map {
    let mut map = Map::new();
    for (key, value) in form_pairs(text) {
        let value = Dynamic::from(ImmutableString::from(value));
        match map.get_mut(key.as_str()) {
            None => {
                map.insert(key.as_str().into(), value);
            }
            Some(known) => {
                if !known.is_array() {
                    *known = Dynamic::from_array(Array::from([known.take()]));
                }
                if let Ok(mut array) = known.as_array_mut() {
                    array.push(value);
                }
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::{form_encode, form_pairs, percent_encode};

    #[test]
    fn pairs_are_read_as_the_url_standard_says() {
        let pairs = |text: &str| form_pairs(text.as_bytes()).collect::<Vec<_>>();
        for (text, expected) in [
            ("test", vec![("test", "")]),
            ("a=1&b=2&c=3", vec![("a", "1"), ("b", "2"), ("c", "3")]),
            ("&&&a=b&&&&c=d&", vec![("a", "b"), ("c", "d")]),
            ("a=a&a=b&a=c", vec![("a", "a"), ("a", "b"), ("a", "c")]),
            ("a==a", vec![("a", "=a")]),
            ("a=a+b+c+d", vec![("a", "a b c d")]),
            ("%=a", vec![("%", "a")]),
            ("%a=a", vec![("%a", "a")]),
            ("%a_=a", vec![("%a_", "a")]),
            ("%61=a", vec![("a", "a")]),
            ("%61+%4d%4D=", vec![("a MM", "")]),
            ("=x", vec![("", "x")]),
            ("=", vec![("", "")]),
            ("id=0&value=%", vec![("id", "0"), ("value", "%")]),
            ("b=%2sf%2a", vec![("b", "%2sf*")]),
            ("b=%%2a", vec![("b", "%*")]),
            ("\u{feff}test=\u{feff}", vec![("\u{feff}test", "\u{feff}")]),
            ("%EF%BB%BFtest=%EF%BB%BF", vec![("\u{feff}test", "\u{feff}")]),
            ("%FE%FF", vec![("\u{fffd}\u{fffd}", "")]),
            ("a=%ef%bf", vec![("a", "\u{fffd}")]),
            ("%C2", vec![("\u{fffd}", "")]),
            ("%C2x", vec![("\u{fffd}x", "")]),
            (
                "_charset_=windows-1252&test=%C2x",
                vec![("_charset_", "windows-1252"), ("test", "\u{fffd}x")],
            ),
            ("", vec![]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(pairs(text), expected, "{text}");
        }
    }

    /// The form set is all ASCII but letters, digits, `*`, `-`, `.`, `_`; the component set, all but
    /// letters, digits and `-_.!~*'()`.
    #[test]
    fn every_byte_is_in_its_set() {
        for byte in 0..=255_u8 {
            let mut form = rhai::Map::new();
            let text = if byte < 128 { char::from(byte).to_string() } else { String::new() };
            form.insert("k".into(), text.into());
            let hex = format!("%{byte:02X}");
            let kept = byte.is_ascii_alphanumeric();
            let expected = match byte {
                b' ' => "+".to_owned(),
                b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
                _ if kept => char::from(byte).to_string(),
                _ => hex.clone(),
            };
            if byte < 128 {
                assert_eq!(form_encode(&form).unwrap(), format!("k={expected}"));
            }
            let kept = kept
                || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
            let expected = if kept { char::from(byte).to_string() } else { hex };
            assert_eq!(super::encode(&[byte]), expected);
        }
        let mut out = String::new();
        percent_encode(&mut out, "é".as_bytes(), |_| false);
        assert_eq!(out, "%C3%A9");
    }
}
