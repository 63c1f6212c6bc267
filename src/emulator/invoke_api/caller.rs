//! What a caller asks for: which function, how, with which event.

use axum::body::Body;
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;

use super::refusal::Refusal;
use crate::emulator::{Function, Invocation, Lambda, MAX_EVENT};

/// The largest event of an asynchronous invocation, 1 MB.
const MAX_ASYNCHRONOUS: usize = 1 << 20;

/// The largest client context, encoded.
const MAX_CLIENT_CONTEXT: usize = 3583;

/// More than this of a body is not even read.
const READ_LIMIT: usize = 64 << 20;

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvocationType {
    /// The caller waits for it.
    RequestResponse,
    /// Nobody does.
    Event,
    /// There is none: the request is checked, and that is all.
    DryRun,
}

/// Whether the caller wants the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogType {
    None,
    Tail,
}

/// A request that can be carried out.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) invocation: Invocation,
    pub(super) invocation_type: InvocationType,
    pub(super) log_type: LogType,
}

impl Call {
    /// Reads a request to the function that the path calls `name`.
    pub(super) async fn read(
        lambda: &Lambda,
        name: &str,
        uri: &Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Refusal> {
        // Read even when it is refused: a client that still writes would not see the refusal.
        let body = axum::body::to_bytes(body, READ_LIMIT).await;
        let (function, qualifier) = find(lambda, name, uri)?;
        let invocation_type = match text(headers, "x-amz-invocation-type") {
            None | Some("RequestResponse") => InvocationType::RequestResponse,
            Some("Event") => InvocationType::Event,
            Some("DryRun") => InvocationType::DryRun,
            Some(other) => {
                let members = "[Event, RequestResponse, DryRun]";
                return Err(not_a_member(other, "invocationType", members));
            }
        };
        let log_type = match text(headers, "x-amz-log-type") {
            None | Some("None") => LogType::None,
            Some("Tail") => LogType::Tail,
            Some(other) => return Err(not_a_member(other, "logType", "[None, Tail]")),
        };
        // Cut off or beyond all reading: the former has nobody left to read the refusal.
        let body = body.map_err(|_| too_large(InvocationType::RequestResponse, READ_LIMIT))?;
        let limit = match invocation_type {
            InvocationType::Event => MAX_ASYNCHRONOUS,
            _ => MAX_EVENT,
        };
        if body.len() > limit {
            return Err(too_large(invocation_type, body.len()));
        }
        let event = if body.is_empty() { "{}".into() } else { body };
        serde_json::from_slice::<IgnoredAny>(&event).map_err(|error| Refusal::not_json(&error))?;

        let mut invocation = Invocation::new(event);
        invocation.qualifier = qualifier;
        if let Some(trace) = text(headers, "x-amzn-trace-id") {
            invocation.trace_id = trace.to_owned();
        }
        invocation.tenant_id = text(headers, "x-amz-tenant-id").map(str::to_owned);
        if let Some(context) = text(headers, "x-amz-client-context") {
            let context = client_context(context)?;
            // Lambda hands it on to callers who wait, and to them alone.
            if invocation_type == InvocationType::RequestResponse {
                invocation.client_context = Some(context);
            }
        }
        Ok(Self { function, invocation, invocation_type, log_type })
    }
}

/// Finds the function that a path and a query name, and the version or alias of it.
///
/// There is one version of each function here. Any alias stands for it, so that programs which call
/// aliases need not be changed; the function sees it in its ARN.
pub(super) fn find(
    lambda: &Lambda,
    name: &str,
    uri: &Uri,
) -> Result<(Function, Option<String>), Refusal> {
    let invalid = || {
        Refusal::parameter(format!(
            "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy \
             constraint: Member must be the name or the ARN of a function"
        ))
    };
    let (name, in_name) = parse(name).ok_or_else(invalid)?;
    let in_query = parameter(uri, "Qualifier").filter(|qualifier| !qualifier.is_empty());
    if let Some(qualifier) = in_query.as_ref().filter(|qualifier| !is_qualifier(qualifier)) {
        return Err(Refusal::parameter(format!(
            "1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy \
             constraint: Member must be the name of an alias or a version"
        )));
    }
    if let (Some(one), Some(other)) = (in_name, &in_query)
        && one != other
    {
        return Err(Refusal::parameter(
            "The derived qualifier from the function name does not match the specified qualifier.",
        ));
    }
    let qualifier = in_query.or_else(|| in_name.map(str::to_owned));
    match lambda.function(name) {
        Some(function) => Ok((function, qualifier)),
        None => {
            // Of an account without functions nothing is known, its region included.
            let like = lambda.functions().into_iter().next();
            let mut arn = like.map_or_else(
                || name.to_owned(),
                |function| Function { name: name.to_owned(), ..function }.arn(),
            );
            if let Some(qualifier) = qualifier {
                arn = format!("{arn}:{qualifier}");
            }
            Err(Refusal::not_found(&arn))
        }
    }
}

/// A name, a partial or a whole ARN, with or without a qualifier at its end.
fn parse(text: &str) -> Option<(&str, Option<&str>)> {
    let parts: Vec<&str> = text.split(':').collect();
    let rest = match parts.as_slice() {
        ["arn", partition, "lambda", _region, account, "function", rest @ ..]
            if partition.starts_with("aws") && is_account(account) =>
        {
            rest
        }
        [account, "function", rest @ ..] if is_account(account) => rest,
        ["function", rest @ ..] if !rest.is_empty() => rest,
        rest => rest,
    };
    match rest {
        [name] if is_name(name) => Some((name, None)),
        [name, qualifier] if is_name(name) && is_qualifier(qualifier) => {
            Some((name, Some(qualifier)))
        }
        _ => None,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_qualifier(text: &str) -> bool {
    text == "$LATEST" || is_name(text)
}

/// Decodes what a mobile SDK says of the device.
fn client_context(encoded: &str) -> Result<String, Refusal> {
    let refusal = || Refusal::content("Client context must be a valid Base64-encoded JSON object.");
    if encoded.len() > MAX_CLIENT_CONTEXT {
        return Err(Refusal::content(format!(
            "Client context must be no more than {MAX_CLIENT_CONTEXT} bytes when base64-encoded."
        )));
    }
    let decoded = STANDARD.decode(encoded).map_err(|_| refusal())?;
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&decoded).map_err(|_| refusal())?;
    let text = String::from_utf8(decoded).map_err(|_| refusal())?;
    // It travels in a header, which has one line.
    if text.contains(|c: char| c.is_ascii_control()) {
        return Ok(serde_json::Value::Object(object).to_string());
    }
    Ok(text)
}

fn not_a_member(value: &str, field: &str, members: &str) -> Refusal {
    Refusal::parameter(format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: \
         Member must satisfy enum value set: {members}"
    ))
}

/// Lambda has other words for each type.
fn too_large(invocation_type: InvocationType, length: usize) -> Refusal {
    Refusal::too_large(match invocation_type {
        InvocationType::Event => format!(
            "{length} byte payload is too large for the Event invocation type \
             (limit {MAX_ASYNCHRONOUS} bytes)"
        ),
        _ => format!(
            "Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"
        ),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn functions_have_many_names() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders";
        assert_eq!(parse("orders"), Some(("orders", None)));
        assert_eq!(parse("orders:prod"), Some(("orders", Some("prod"))));
        assert_eq!(parse("orders:$LATEST"), Some(("orders", Some("$LATEST"))));
        assert_eq!(parse("123456789012:function:orders"), Some(("orders", None)));
        assert_eq!(parse("123456789012:function:orders:7"), Some(("orders", Some("7"))));
        assert_eq!(parse("function:orders"), Some(("orders", None)));
        assert_eq!(parse("function"), Some(("function", None)));
        assert_eq!(parse(arn), Some(("orders", None)));
        assert_eq!(parse(&format!("{arn}:prod")), Some(("orders", Some("prod"))));
        for wrong in ["", ":", "a:", "a b", "a:b:c", "arn:aws:s3:::bucket"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
