//! Why the API does not run a function, in the form from which SDKs make their exceptions.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::emulator::NotInvoked;
use crate::emulator::ids;

/// An error of the API, not of a function.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The exception's name.
    error_type: &'static str,
    /// Whose fault it is.
    side: &'static str,
    /// Lambda is not of one mind about the case of the name.
    key: &'static str,
    message: String,
}

impl Refusal {
    /// There is no such function; the ARN that it would have.
    pub(super) fn not_found(arn: &str) -> Self {
        Self {
            key: "Message",
            ..Self::user(
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                format!("Function not found: {arn}"),
            )
        }
    }

    /// The event is not JSON.
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        let message = format!(
            "Could not parse request body into json: Could not parse payload into json: {error}"
        );
        Self::content(message)
    }

    /// A header or the body cannot be understood.
    pub(super) fn content(message: impl Into<String>) -> Self {
        Self::user(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message.into())
    }

    /// A parameter has a value that it may not have.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::user(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message.into())
    }

    /// The event is larger than it may be for this invocation type.
    ///
    /// The API reference calls the exception `RequestTooLargeException`, but Lambda sends this name,
    /// and code that catches errors has to find the one that it will meet.
    pub(super) fn too_large(message: String) -> Self {
        Self {
            key: "Message",
            ..Self::user(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message)
        }
    }

    /// Nobody would read the stream of an event.
    pub(super) fn not_streamed() -> Self {
        Self::parameter("The invocation type Event is not supported for response streaming.")
    }

    fn user(status: StatusCode, error_type: &'static str, message: String) -> Self {
        Self { status, error_type, side: "User", key: "message", message }
    }

    pub(super) fn respond(self) -> Response<Body> {
        let mut body = json!({ "Type": self.side });
        body[self.key] = self.message.into();
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.error_type));
        super::set(headers, "x-amzn-requestid", &ids::uuid());
        response
    }
}

impl From<NotInvoked> for Refusal {
    fn from(error: NotInvoked) -> Self {
        match error {
            NotInvoked::NoSuchFunction(name) => Self::not_found(&name),
            NotInvoked::ShutDown => Self {
                side: "Service",
                ..Self::user(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "ServiceException",
                    error.to_string(),
                )
            },
        }
    }
}
