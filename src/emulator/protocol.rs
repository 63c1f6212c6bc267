//! The Runtime API as AWS documents it: names, limits and answers, written down for this side alone.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};

use super::invocation::Answer;

/// The largest event that Lambda takes, 6 MB.
pub const MAX_EVENT: usize = 6 << 20;

/// The largest buffered response: an event's size and a hundred bytes of room.
pub const MAX_RESPONSE: usize = MAX_EVENT + 100;

/// The largest streamed response, 200 MB.
pub const MAX_STREAM: usize = 200 << 20;

/// How long loading may take before the first event.
pub(super) const INIT_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// The same for Managed Instances, whose functions may have as long as their timeout if that is more.
pub(super) const MANAGED_INIT_LIMIT: std::time::Duration = std::time::Duration::from_secs(130);

pub(super) const NEXT: &str = "/2018-06-01/runtime/invocation/next";
pub(super) const RESPONSE: &str = "/2018-06-01/runtime/invocation/{id}/response";
pub(super) const ERROR: &str = "/2018-06-01/runtime/invocation/{id}/error";
pub(super) const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";

pub(super) const EXTENSION_REGISTER: &str = "/2020-01-01/extension/register";
pub(super) const EXTENSION_NEXT: &str = "/2020-01-01/extension/event/next";

pub(super) const EXTENSION_NAME: &str = "lambda-extension-name";
pub(super) const EXTENSION_IDENTIFIER: &str = "lambda-extension-identifier";

/// What a runtime with an extension gets between SIGTERM and SIGKILL.
pub(super) const SHUTDOWN_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);

pub(super) const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
pub(super) const DEADLINE: &str = "lambda-runtime-deadline-ms";
pub(super) const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
pub(super) const TRACE_ID: &str = "lambda-runtime-trace-id";
pub(super) const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
pub(super) const IDENTITY: &str = "lambda-runtime-cognito-identity";
pub(super) const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
pub(super) const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
pub(super) const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
pub(super) const ERROR_BODY: &str = "lambda-runtime-function-error-body";
pub(super) const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// The one value of [`RESPONSE_MODE`].
pub(super) const STREAMING: &str = "streaming";

/// The type of the error that a caller gets for [`Refusal::WrongMode`].
const INVALID_MODE: &str = "Runtime.InvalidResponseModeHeader";

/// What AWS reports in place of an error type that it does not take.
const UNKNOWN_ERROR: &str = "Runtime.Unknown";

/// Why a request of the runtime is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such invocation was ever given out.
    UnknownId,
    /// The request does not fit what the runtime did before.
    WrongState,
    /// The invocation is over.
    Gone,
    /// The response is beyond [`MAX_RESPONSE`].
    TooLarge,
    /// The response is beyond [`MAX_STREAM`].
    StreamTooLarge,
    /// [`RESPONSE_MODE`] has another value than [`STREAMING`].
    WrongMode,
}

impl Refusal {
    pub(super) fn respond(self) -> Response<Body> {
        let (status, error_type, message) = match self {
            Self::UnknownId => {
                (StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID".to_owned())
            }
            Self::WrongState => (
                StatusCode::FORBIDDEN,
                "InvalidStateTransition",
                "State transition is not allowed".to_owned(),
            ),
            Self::Gone => (StatusCode::GONE, "Gone", "The invocation is over".to_owned()),
            Self::TooLarge => {
                let message =
                    format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Self::StreamTooLarge => {
                let message =
                    format!("Exceeded maximum allowed payload size ({MAX_STREAM} bytes).");
                (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
            }
            Self::WrongMode => (
                StatusCode::BAD_REQUEST,
                INVALID_MODE,
                format!("`{RESPONSE_MODE}` may be `{STREAMING}` or missing"),
            ),
        };
        let body = serde_json::json!({ "errorMessage": message, "errorType": error_type });
        json(status, body.to_string())
    }
}

/// The answer to a request that was taken.
pub(super) fn accepted() -> Response<Body> {
    json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n".to_owned())
}

fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let content_type = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// What the caller gets when a response was too large and the runtime had nothing more to say.
pub(super) fn too_large_answer() -> Answer {
    size_answer(MAX_RESPONSE)
}

/// What the caller gets after so much of a stream.
pub(super) fn stream_too_large_answer() -> Answer {
    size_answer(MAX_STREAM)
}

fn size_answer(limit: usize) -> Answer {
    let message =
        format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
    error_answer("Function.ResponseSizeTooLarge", &message)
}

/// What the caller of the invocation `id` gets when a response broke off.
pub(super) fn truncated_answer(id: &str, why: &str) -> Answer {
    error_answer("Runtime.TruncatedResponse", &format!("RequestId: {id} Error: {why}"))
}

/// What the caller gets when nobody can say how the response comes.
pub(super) fn wrong_mode_answer(id: &str) -> Answer {
    error_answer(INVALID_MODE, &format!("RequestId: {id} Error: Invalid response mode"))
}

fn error_answer(error_type: &str, message: &str) -> Answer {
    let body = serde_json::json!({ "errorType": error_type, "errorMessage": message });
    Answer::Error { body: body.to_string().into(), error_type: error_type.to_owned() }
}

/// A header as text; whatever is not ASCII is not the runtime's to send.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The error type as AWS reports it, and what to tell the runtime's author when it is not the one
/// that was sent.
pub(super) fn reported_error_type(headers: &HeaderMap) -> (String, Option<String>) {
    match text(headers, ERROR_TYPE) {
        Some(sent) if is_kept(sent) => (sent.to_owned(), None),
        sent => {
            let what = match sent {
                Some(sent) => format!(
                    "the error type `{sent}` of the runtime is not of a form that AWS keeps"
                ),
                None => "the runtime sent an error without a type".to_owned(),
            };
            (UNKNOWN_ERROR.to_owned(), Some(format!("{what}: it reports `{UNKNOWN_ERROR}`")))
        }
    }
}

/// Whether `name` matches `(Runtime|Function)\.[A-Z][a-zA-Z]+`.
fn is_kept(name: &str) -> bool {
    let Some(name) = name.strip_prefix("Runtime.").or_else(|| name.strip_prefix("Function."))
    else {
        return false;
    };
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn aws_keeps_error_types_of_one_form() {
        for name in ["Function.BadOrder", "Runtime.HandlerNotFound", "Function.Ab"] {
            assert!(is_kept(name), "{name}");
        }
        for name in ["BadOrder", "Function.", "Function.A", "Function.bad", "Function.E404", "X.Ab"]
        {
            assert!(!is_kept(name), "{name}");
        }
    }
}
