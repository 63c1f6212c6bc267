//! The response that a result stands for, as each service reads it.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::headers::is_hop_by_hop;
use super::malformed::{Malformed, shown};
use super::{Kind, MAX_ALB};
use crate::suggest::nearest;

/// All that a REST API takes; it refuses a result with any other field.
const FIELDS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// Headers that API Gateway and function URLs keep for themselves: the function's own get this
/// prefix ("Amazon API Gateway important notes").
const REMAPPED: [&str; 3] = ["date", "server", "www-authenticate"];
const REMAPPED_PREFIX: &str = "x-amzn-remapped-";

/// What AWS lets pass without a word, though it is hardly meant: in the extensions of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(pub Vec<String>);

/// Makes a response of `result`. A body in base64 is decoded if the service does so: `decodes`.
pub(super) fn of(kind: Kind, decodes: bool, result: &[u8]) -> Result<Response<Bytes>, Malformed> {
    if matches!(kind, Kind::Alb | Kind::AlbMulti) && result.len() > MAX_ALB {
        let message = format!("the result has {} bytes: {} takes 1 MB", result.len(), kind.name());
        return Err(Malformed::new(message));
    }
    match read(kind, result)? {
        Read::Inferred(body) => Ok(inferred(body)),
        Read::Fields(fields) => {
            let mut notices = Notices::default();
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status(kind, &fields)?;
            *response.headers_mut() = headers(kind, &fields, &mut notices)?;
            *response.body_mut() = body(kind, &fields, decodes, &mut notices)?;
            name_type(kind, &mut response);
            if !notices.0.is_empty() {
                response.extensions_mut().insert(notices);
            }
            Ok(response)
        }
    }
}

/// Status and headers of a streamed response, from the JSON in front of its body.
pub(super) fn head(kind: Kind, prelude: &[u8]) -> Result<Response<()>, Malformed> {
    let fields: Map<String, Value> = serde_json::from_slice(prelude).map_err(|error| {
        Malformed::new(format!("the head of the stream is not a map in JSON: {error}"))
    })?;
    let mut notices = Notices::default();
    let mut response = Response::new(());
    *response.status_mut() = status(kind, &fields)?;
    *response.headers_mut() = headers(kind, &fields, &mut notices)?;
    // Payload format 1.0 has no such field, its streams do.
    if kind == Kind::V1 {
        cookies(&fields, response.headers_mut())?;
    }
    if !notices.0.is_empty() {
        response.extensions_mut().insert(notices);
    }
    Ok(response)
}

enum Read {
    /// The result is the body itself.
    Inferred(Bytes),
    Fields(Map<String, Value>),
}

fn read(kind: Kind, result: &[u8]) -> Result<Read, Malformed> {
    let is_lenient = matches!(kind, Kind::Url | Kind::V2);
    if serde_json::from_slice::<IgnoredAny>(result).is_err() {
        let message = format!("the result is not JSON, as {} wants it", kind.name());
        let is_stream = result
            .windows(super::stream::DELIMITER.len())
            .any(|window| window == super::stream::DELIMITER);
        return Err(Malformed::new(message).hint(match (is_stream, kind) {
            (true, Kind::Url | Kind::V1) => {
                "it was streamed: `stream = true` below `[http]` in `rhai-lambda.toml`"
            }
            (true, _) => "it was streamed, which function URLs and REST APIs alone can do",
            (false, _) => "`web::binary(data, content_type)` makes a response of any bytes",
        }));
    }
    // Keys first: what lies within may be nested deeper than a parser should follow.
    let keys = serde_json::from_slice::<std::collections::BTreeMap<String, IgnoredAny>>(result);
    if is_lenient && !keys.is_ok_and(|keys| keys.contains_key("statusCode")) {
        // "Create AWS Lambda proxy integrations for HTTP APIs", "Invoking Lambda function URLs": a
        // string is its text, all else is the JSON that it is.
        return Ok(Read::Inferred(match serde_json::from_slice::<String>(result) {
            Ok(text) => text.into(),
            Err(_) => Bytes::copy_from_slice(result),
        }));
    }
    let value: Value = serde_json::from_slice(result).map_err(|error| {
        Malformed::new(format!("the result is nothing that {} can read: {error}", kind.name()))
    })?;
    let mut fields = match value {
        Value::Object(fields) => fields,
        other => {
            let message = format!(
                "the result is {}, {} takes a map with `statusCode` and `body`",
                shown(&other),
                kind.name()
            );
            return Err(Malformed::new(message).hint("`web::json(value)` makes one"));
        }
    };
    // Other languages write what they leave out as null.
    fields.retain(|_, value| !value.is_null());
    if kind == Kind::V1
        && let Some(odd) = fields.keys().find(|key| !FIELDS.contains(&key.as_str()))
    {
        let message = format!(
            "the result has the field `{}`, which {} refuses",
            odd.escape_debug(),
            kind.name()
        );
        return Err(Malformed::new(message).hint(match nearest(odd, FIELDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it takes {}", FIELDS.map(|field| format!("`{field}`")).join(", ")),
        }));
    }
    Ok(Read::Fields(fields))
}

fn inferred(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn status(kind: Kind, fields: &Map<String, Value>) -> Result<StatusCode, Malformed> {
    let Some(value) = fields.get("statusCode") else {
        return match kind {
            Kind::Alb | Kind::AlbMulti => {
                let message = format!("the result has no `statusCode`, {} wants one", kind.name());
                Err(Malformed::new(message).hint("`web::json(value)` makes a response with one"))
            }
            _ => Ok(StatusCode::OK),
        };
    };
    let number = match value {
        Value::Number(number) => match number.as_f64() {
            // Languages with one type of number write 200.0.
            Some(float) if float.fract() == 0.0 && (0.0..1000.0).contains(&float) => {
                format!("{float:.0}").parse().ok()
            }
            _ => None,
        },
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number: Option<u16> = number;
    number
        .filter(|number| (200..=599).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or_else(|| {
            let message = format!("`statusCode` is {}, expected 200 to 599", shown(value));
            Malformed::new(message)
        })
}

/// The headers, with what the service makes of them.
fn headers(
    kind: Kind,
    fields: &Map<String, Value>,
    notices: &mut Notices,
) -> Result<HeaderMap, Malformed> {
    let mut all: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let mut read = |place: &str| -> Result<(), Malformed> {
        for (name, at, value) in values(kind, fields, place)? {
            let header = parsed(&name, &at, &value)?;
            // The same value in both places is one value ("Output format of a Lambda function for
            // proxy integration").
            if place == "multiValueHeaders" || !all.contains(&header) {
                all.push(header);
            }
        }
        Ok(())
    };
    let (used, ignored) = match kind {
        Kind::V1 => (["multiValueHeaders", "headers"].as_slice(), None),
        Kind::AlbMulti => (["multiValueHeaders"].as_slice(), Some("headers")),
        Kind::Url | Kind::V2 | Kind::Alb => (["headers"].as_slice(), Some("multiValueHeaders")),
    };
    for place in used {
        read(place)?;
    }
    if let Some(ignored) = ignored.filter(|ignored| has_entries(fields, ignored)) {
        notices.0.push(format!("{} ignores `{ignored}` of the result", kind.name()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let own = name.as_str();
        if is_hop_by_hop(own) || own == "content-length" {
            continue;
        }
        let is_remapped = REMAPPED.contains(&own) && !matches!(kind, Kind::Alb | Kind::AlbMulti);
        let renamed = HeaderName::from_bytes(format!("{REMAPPED_PREFIX}{own}").as_bytes());
        match renamed {
            Ok(renamed) if is_remapped => {
                notices.0.push(format!("{} sends `{own}` as `{renamed}`", kind.name()));
                headers.append(renamed, value);
            }
            _ => {
                headers.append(name, value);
            }
        }
    }
    if matches!(kind, Kind::Url | Kind::V2) {
        cookies(fields, &mut headers)?;
    }
    Ok(headers)
}

fn has_entries(fields: &Map<String, Value>, place: &str) -> bool {
    fields.get(place).and_then(Value::as_object).is_some_and(|map| !map.is_empty())
}

/// Every value of `headers` or `multiValueHeaders`: its name, its place in the result, and itself.
fn values(
    kind: Kind,
    fields: &Map<String, Value>,
    place: &str,
) -> Result<Vec<(String, String, String)>, Malformed> {
    let Some(value) = fields.get(place) else { return Ok(Vec::new()) };
    let Some(map) = value.as_object() else {
        return Err(Malformed::new(format!("`{place}` is {}, expected a map", shown(value))));
    };
    let mut all = Vec::new();
    for (name, value) in map {
        let at = format!("{place}.{}", name.escape_debug());
        match (place, value) {
            ("multiValueHeaders", Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    let at = format!("{at}[{index}]");
                    all.push((name.clone(), at.clone(), plain(kind, &at, value)?));
                }
            }
            ("multiValueHeaders", other) => {
                let message = format!("`{at}` is {}, expected an array of strings", shown(other));
                return Err(Malformed::new(message));
            }
            _ => all.push((name.clone(), at.clone(), plain(kind, &at, value)?)),
        }
    }
    Ok(all)
}

/// The text of a string, a number or a boolean.
fn plain(kind: Kind, at: &str, value: &Value) -> Result<String, Malformed> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => {
            let malformed =
                Malformed::new(format!("`{at}` is {}, expected a string", shown(other)));
            Err(match (other, kind) {
                (Value::Array(_), Kind::V1) => {
                    malformed.hint("lists belong into `multiValueHeaders`")
                }
                (Value::Array(_), _) => {
                    malformed.hint("several values are one string with commas; `web::` joins them")
                }
                _ => malformed,
            })
        }
    }
}

fn parsed(name: &str, at: &str, value: &str) -> Result<(HeaderName, HeaderValue), Malformed> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Malformed::new(format!(
            "`{at}`: no header can be called `{}`",
            name.escape_debug()
        )));
    };
    let Ok(value) = HeaderValue::from_str(value.trim()) else {
        let message =
            format!("`{at}` has a line break or another character that no header may have");
        return Err(Malformed::new(message));
    };
    Ok((name, value))
}

/// Adds `cookies`, each a header of its own.
fn cookies(fields: &Map<String, Value>, headers: &mut HeaderMap) -> Result<(), Malformed> {
    let Some(value) = fields.get("cookies") else { return Ok(()) };
    let Some(list) = value.as_array() else {
        let message = format!("`cookies` is {}, expected an array of strings", shown(value));
        return Err(Malformed::new(message));
    };
    for (index, value) in list.iter().enumerate() {
        let at = format!("cookies[{index}]");
        let Some(cookie) = value.as_str() else {
            return Err(Malformed::new(format!("`{at}` is {}, expected a string", shown(value)))
                .hint("such as `\"session=abc; HttpOnly\"`"));
        };
        let (name, value) = parsed("set-cookie", &at, cookie)?;
        headers.append(name, value);
    }
    Ok(())
}

fn body(
    kind: Kind,
    fields: &Map<String, Value>,
    decodes: bool,
    notices: &mut Notices,
) -> Result<Bytes, Malformed> {
    let is_base64 = match fields.get("isBase64Encoded") {
        None => false,
        Some(Value::Bool(flag)) => *flag,
        Some(other) => {
            let message =
                format!("`isBase64Encoded` is {}, expected `true` or `false`", shown(other));
            return Err(Malformed::new(message));
        }
    };
    let text = match fields.get("body") {
        None => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        // Function URLs alone write it as JSON.
        Some(value @ (Value::Object(_) | Value::Array(_))) if kind == Kind::Url => {
            return Ok(value.to_string().into());
        }
        Some(other) => {
            let message = format!("`body` is {}, expected a string", shown(other));
            return Err(Malformed::new(message).hint(
                "`json::stringify(value)` makes one, `web::json(value)` the whole response",
            ));
        }
    };
    if !is_base64 {
        return Ok(text.clone().into());
    }
    if !decodes {
        notices.0.push(
            "a REST API passes the base64 on as it is, unless the type that the client accepts \
             is among its binary types: `binary = [\"*/*\"]` below `[http]` in `rhai-lambda.toml`"
                .to_owned(),
        );
        return Ok(text.clone().into());
    }
    let decoded = BASE64_STANDARD.decode(text).map_err(|error| {
        let message = format!("`body` is not the base64 that `isBase64Encoded` says: {error}");
        Malformed::new(message)
    })?;
    Ok(decoded.into())
}

/// Names the type of a body that the function did not name: each service has its own idea.
fn name_type(kind: Kind, response: &mut Response<Bytes>) {
    let has_body = !matches!(response.status().as_u16(), 204 | 304);
    let default = match kind {
        Kind::Url | Kind::V1 => "application/json",
        Kind::V2 => "text/plain;charset=UTF-8",
        Kind::Alb | Kind::AlbMulti => "application/octet-stream",
    };
    if has_body {
        let headers = response.headers_mut();
        headers.entry(header::CONTENT_TYPE).or_insert_with(|| HeaderValue::from_static(default));
    }
}
