//! What a script says of a request, checked: its options become a [`Request`].

use std::time::Duration;

use rhai::{Array, Dynamic, Map};
use ureq::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, StatusCode};

use super::url::{Url, encode};
use crate::payload::{self, Style};
use crate::suggest::nearest;

/// The time that one try may take, if the script says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Redirects that are followed, if the script says nothing.
const DEFAULT_REDIRECTS: u32 = 10;

const MAX_REDIRECTS: i64 = 50;
const MAX_ATTEMPTS: i64 = 20;

const OPTIONS: [&str; 9] = [
    "headers",
    "query",
    "json",
    "form",
    "body",
    "timeout_ms",
    "redirect",
    "retry",
    "error_for_status",
];

/// These say how the message is cut into bytes, which is not the script's business.
const RESERVED_HEADERS: [&str; 6] =
    ["content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"];

/// A request, ready to be sent as often as needed.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// `None` sends no body, and no length of one either.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    /// `None` takes a redirect for the answer.
    pub(crate) redirects: Option<u32>,
    pub(crate) retry: Retry,
    pub(crate) error_for_status: bool,
}

/// How often to try, and after which failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    /// `None` is the default, which depends on the method.
    pub(crate) on: Option<Vec<Cause>>,
}

/// What a further try may mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No connection came about, so nothing was sent.
    Connect,
    /// The connection ended before the answer did.
    Closed,
    /// The time of one try was up.
    Timeout,
    /// The answer has this status.
    Status(u16),
    /// The answer has any status from 500.
    ServerError,
}

impl Retry {
    /// Whether another try may follow.
    pub(crate) fn covers(&self, cause: Cause, method: &Method) -> bool {
        let in_general = |named: &[Cause]| {
            named.contains(&cause)
                || matches!(cause, Cause::Status(500..)) && named.contains(&Cause::ServerError)
        };
        match &self.on {
            Some(named) => in_general(named),
            None if method.is_idempotent() => {
                in_general(&[Cause::Connect, Cause::Closed, Cause::Status(429), Cause::ServerError])
            }
            None => cause == Cause::Connect,
        }
    }
}

/// Reads a method, a URL and the options.
///
/// # Errors
/// Which argument or option is wrong, and what it should be. No value of a header, a body or a
/// query is part of it.
pub(crate) fn request(
    method: &str,
    url: &str,
    options: Map,
    max_depth: usize,
) -> Result<Request, String> {
    let method = read_method(method)?;
    let takes_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    let mut request = Request {
        url: Url::parse(url)?,
        headers: HeaderMap::new(),
        body: takes_body.then(Vec::new),
        timeout: DEFAULT_TIMEOUT,
        redirects: Some(DEFAULT_REDIRECTS),
        retry: Retry { attempts: 1, on: None },
        error_for_status: false,
        method,
    };
    let bodies: Vec<&str> = ["json", "form", "body"]
        .into_iter()
        .filter(|name| options.get(*name).is_some_and(|value| !value.is_unit()))
        .collect();
    if let [one, other, ..] = bodies[..] {
        return Err(format!("the options `{one}` and `{other}` cannot both be the body"));
    }
    // A default, which the headers of the script may replace.
    let mut content_type = None;
    for (name, value) in options {
        if value.is_unit() {
            check_name(&name)?;
            continue;
        }
        match name.as_str() {
            "headers" => read_headers(&mut request.headers, value)?,
            "query" => request.url.add_query(&pairs(value, "query", "%20")?),
            "json" => {
                let mut json = Vec::new();
                payload::write(&mut json, &value, max_depth, Style::Compact)
                    .map_err(|error| error.describe("json"))?;
                request.body = Some(json);
                content_type = Some("application/json");
            }
            "form" => {
                request.body = Some(pairs(value, "form", "+")?.into_bytes());
                content_type = Some("application/x-www-form-urlencoded");
            }
            "body" => {
                let (body, kind) = read_body(value)?;
                request.body = Some(body);
                content_type = Some(kind);
            }
            "timeout_ms" => {
                let ms = whole_number(&value, "timeout_ms", 1, i64::from(u32::MAX))?;
                request.timeout = Duration::from_millis(ms.unsigned_abs());
            }
            "redirect" => {
                request.redirects = match value.as_bool() {
                    Ok(true) => Some(DEFAULT_REDIRECTS),
                    Ok(false) => None,
                    Err(_) => match whole_number(&value, "redirect", 0, MAX_REDIRECTS)
                        .map_err(|error| format!("{error}, or false"))?
                    {
                        0 => None,
                        most => Some(most.unsigned_abs() as u32),
                    },
                };
            }
            "retry" => request.retry = read_retry(value)?,
            "error_for_status" => {
                request.error_for_status = value
                    .as_bool()
                    .map_err(|found| wrong("error_for_status", "true or false", found))?;
            }
            _ => check_name(&name)?,
        }
    }
    if let Some(kind) = content_type
        && !request.headers.contains_key(CONTENT_TYPE)
    {
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(request)
}

fn check_name(name: &str) -> Result<(), String> {
    if OPTIONS.contains(&name) {
        return Ok(());
    }
    Err(unknown("option", name, &OPTIONS))
}

/// There is no such name; it is what a slip made of one of `known`, or else these are all.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no {what} `{name}`; did you mean `{near}`?"),
        None => format!("there is no {what} `{name}`, there are {}", known.join(", ")),
    }
}

fn wrong(option: &str, expected: &str, found: &str) -> String {
    let found = match found {
        "array" | "i64" => format!("an {found}"),
        _ => format!("a {found}"),
    };
    format!("the option `{option}` takes {expected}, not {found}")
}

fn read_method(name: &str) -> Result<Method, String> {
    let wrong =
        || format!("{name:?} is not a method, expected one such as `GET`, `POST` or `DELETE`");
    if name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        return Err(wrong());
    }
    match Method::from_bytes(name.to_ascii_uppercase().as_bytes()) {
        Ok(Method::CONNECT) | Err(_) => Err(wrong()),
        Ok(method) => Ok(method),
    }
}

fn whole_number(value: &Dynamic, option: &str, low: i64, high: i64) -> Result<i64, String> {
    let expected = format!("a whole number from {low} to {high}");
    match value.as_int() {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        Ok(number) => Err(format!("the option `{option}` takes {expected}, not {number}")),
        Err(found) => Err(wrong(option, &expected, found)),
    }
}

fn map_of(value: Dynamic, option: &str) -> Result<Map, String> {
    let found = value.type_name();
    value.try_cast::<Map>().ok_or_else(|| wrong(option, "a map", found))
}

/// A string, number or boolean as text; `None` for what has no plain text.
fn plain_text(value: &Dynamic) -> Option<String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(text.to_string());
    }
    let is_plain = value.is_int() || value.is_bool() || value.is_float() || value.is_char();
    is_plain.then(|| value.to_string())
}

/// Each value of a name: one, or those of an array; `()` is none.
fn values_of(value: Dynamic, what: &str) -> Result<Vec<String>, String> {
    let is_array = value.is_array();
    let values = if is_array { value.cast::<Array>() } else { vec![value] };
    let texts = values.iter().filter(|value| !value.is_unit()).map(|value| {
        plain_text(value).ok_or_else(|| {
            let found = value.type_name();
            format!("{what} takes a string, a number, a boolean or an array of them, not a {found}")
        })
    });
    texts.collect()
}

fn read_headers(headers: &mut HeaderMap, value: Dynamic) -> Result<(), String> {
    for (name, value) in map_of(value, "headers")? {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} cannot be the name of a header"))?;
        if RESERVED_HEADERS.contains(&parsed.as_str()) {
            return Err(format!("the header `{name}` is set by `http` itself"));
        }
        for text in values_of(value, &format!("the header `{name}`"))? {
            let text = HeaderValue::from_str(text.trim())
                .or_else(|_| HeaderValue::from_bytes(text.trim().as_bytes()));
            let text = text.map_err(|_| {
                format!("the header `{name}` has characters that no header can carry")
            })?;
            headers.append(parsed.clone(), text);
        }
    }
    Ok(())
}

/// `a=1&b=2`, encoded.
fn pairs(value: Dynamic, option: &str, space: &str) -> Result<String, String> {
    let mut out = String::new();
    for (name, value) in map_of(value, option)? {
        for text in values_of(value, &format!("`{name}` of the option `{option}`"))? {
            if !out.is_empty() {
                out.push('&');
            }
            encode(&mut out, &name, space);
            out.push('=');
            encode(&mut out, &text, space);
        }
    }
    Ok(out)
}

fn read_body(value: Dynamic) -> Result<(Vec<u8>, &'static str), String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok((text.as_bytes().to_vec(), "text/plain; charset=utf-8"));
    }
    match value.into_blob() {
        Ok(blob) => Ok((blob, "application/octet-stream")),
        Err(found) => Err(format!(
            "the option `body` takes a string or a blob, not a {found}; \
             maps and arrays go into `json` or `form`"
        )),
    }
}

fn read_retry(value: Dynamic) -> Result<Retry, String> {
    let mut retry = Retry { attempts: 3, on: None };
    for (name, value) in map_of(value, "retry")? {
        match name.as_str() {
            "attempts" => {
                let attempts = whole_number(&value, "retry.attempts", 1, MAX_ATTEMPTS)?;
                retry.attempts = attempts.unsigned_abs() as u32;
            }
            "on" => {
                let found = value.type_name();
                let causes = value
                    .try_cast::<Array>()
                    .ok_or_else(|| wrong("retry.on", "an array", found))?;
                retry.on = Some(causes.iter().map(read_cause).collect::<Result<_, _>>()?);
            }
            _ => {
                return Err(unknown(
                    "option",
                    &format!("retry.{name}"),
                    &["retry.attempts", "retry.on"],
                ));
            }
        }
    }
    Ok(retry)
}

fn read_cause(value: &Dynamic) -> Result<Cause, String> {
    const NAMES: [&str; 4] = ["connect", "closed", "timeout", "5xx"];

    if let Ok(number) = value.as_int() {
        let status = u16::try_from(number).ok().and_then(|code| StatusCode::from_u16(code).ok());
        return status
            .map(|status| Cause::Status(status.as_u16()))
            .ok_or_else(|| format!("the option `retry.on` has {number}, which is not a status"));
    }
    let name = value.as_immutable_string_ref().map_err(|found| {
        format!("the option `retry.on` takes statuses and {}, not a {found}", NAMES.join(", "))
    })?;
    Ok(match name.as_str() {
        "connect" => Cause::Connect,
        "closed" => Cause::Closed,
        "timeout" => Cause::Timeout,
        "5xx" => Cause::ServerError,
        other => return Err(unknown("cause", other, &NAMES)),
    })
}
