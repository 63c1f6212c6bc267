//! The Extensions API, as far as a runtime needs it that is an extension itself to be told of its end.
//! Extensions of their own are not started here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Shared;
use crate::emulator::{ids, protocol};

/// Takes an extension of the runtime's own process. Lambda tells such a one of no event but INVOKE.
pub(super) async fn register(
    State(api): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refuse = |message: String| {
        api.exchange.warn(format!("Lambda refuses the extension: {message}"));
        (StatusCode::BAD_REQUEST, message).into_response()
    };
    if protocol::text(&headers, protocol::EXTENSION_NAME).is_none() {
        return refuse(format!("it has no header `{}`", protocol::EXTENSION_NAME));
    }
    let wanted: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(events) = wanted["events"].as_array() else {
        return refuse("its body is not `{\"events\":[…]}`".to_owned());
    };
    if let Some(odd) = events.iter().find(|event| *event != "INVOKE") {
        return refuse(format!("an internal extension cannot have the event {odd}"));
    }
    api.has_extension.store(true, Ordering::Relaxed);
    let answer = [
        (protocol::EXTENSION_IDENTIFIER, ids::uuid()),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    (answer, r#"{"functionName":"function","functionVersion":"$LATEST"}"#).into_response()
}

/// Waits for an event of the extension, of which there are none.
pub(super) async fn next() {
    std::future::pending().await
}
