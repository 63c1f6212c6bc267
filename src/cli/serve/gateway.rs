//! Stub.
use super::app::App;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

pub(super) async fn call(State(app): State<Arc<App>>) -> StatusCode {
    let _ = app.port;
    StatusCode::NOT_FOUND
}
