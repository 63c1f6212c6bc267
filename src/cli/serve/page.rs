//! The page at `/_/` and the data behind it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use futures_util::stream;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::cli::events;
use crate::emulator::{Invocation, MAX_EVENT};

use super::app::App;
use super::samples;

/// The files of the page, which are within the program: it works without a network.
const FILES: [(&str, &str, &str); 10] = [
    ("/_/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/_/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    // That of the page of an error, which stands at the function's own address.
    ("/_/fault.css", "text/css; charset=utf-8", include_str!("page/fault.css")),
    ("/_/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/_/page.js", SCRIPT, include_str!("page/page.js")),
    ("/_/api.js", SCRIPT, include_str!("page/api.js")),
    ("/_/compose.js", SCRIPT, include_str!("page/compose.js")),
    ("/_/detail.js", SCRIPT, include_str!("page/detail.js")),
    ("/_/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/_/json.js", SCRIPT, include_str!("page/json.js")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What the page may do: run its own scripts, ask its own server, and be shown in no frame. Should
/// text of a function ever become markup, it could still do nothing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its data.
pub(super) fn router() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/_", get(|| async { moved() }))
        .route("/_/api/state", get(state))
        .route("/_/api/live", get(live))
        .route("/_/api/invocations", axum::routing::delete(clear))
        .route("/_/api/invocations/{id}", get(detail))
        .route("/_/api/invocations/{id}/replay", post(replay))
        .route("/_/api/functions/{name}/invocations", post(send))
        .route("/_/api/functions/{name}/samples/{*sample}", get(sample))
        .route("/_/api/events/{name}", get(event));
    for (path, content_type, text) in FILES {
        router = router.route(path, get(move || async move { file(content_type, text) }));
    }
    router.layer(DefaultBodyLimit::max(MAX_EVENT + 1))
}

fn file(content_type: &'static str, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn moved() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/_/"));
    response
}

async fn state(State(app): State<Arc<App>>) -> Response<Body> {
    let functions: Vec<Value> =
        app.fleet.members().iter().map(|member| member.described(app.port)).collect();
    let events: Vec<Value> = events::all()
        .iter()
        .map(|sample| json!({ "name": sample.name, "about": sample.about }))
        .collect();
    let invocations = app.history.list();
    let state = json!({ "functions": functions, "events": events, "invocations": invocations });
    data(StatusCode::OK, &state)
}

/// What a service sends, of the samples that come with this program.
async fn event(Path(name): Path<String>) -> Response<Body> {
    match events::all().iter().find(|sample| sample.name == name) {
        Some(sample) => json_text(StatusCode::OK, Bytes::from_static(sample.event.as_bytes())),
        None => refused(StatusCode::NOT_FOUND, &format!("there is no sample `{name}`")),
    }
}

async fn detail(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response<Body> {
    match app.history.detail(&id) {
        Some(detail) => data(StatusCode::OK, &detail),
        None => refused(StatusCode::NOT_FOUND, "this invocation is not kept any more"),
    }
}

async fn clear(State(app): State<Arc<App>>) -> StatusCode {
    app.history.clear();
    StatusCode::NO_CONTENT
}

async fn sample(
    State(app): State<Arc<App>>,
    Path((name, sample)): Path<(String, String)>,
) -> Response<Body> {
    let folder = app.fleet.named(&name).map(|member| member.folder());
    match folder.and_then(|folder| samples::read(&folder, &sample)) {
        Some(text) => json_text(StatusCode::OK, text.into()),
        None => refused(StatusCode::NOT_FOUND, &format!("`{name}` has no event `{sample}`")),
    }
}

async fn send(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response<Body> {
    begin(&app, name, event, "this page".to_owned(), &headers)
}

async fn replay(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let Some((function, event)) = app.history.event(&id) else {
        return refused(StatusCode::NOT_FOUND, "this invocation is not kept any more");
    };
    let start: String = id.chars().take(8).collect();
    begin(&app, function, event, format!("replay of {start}"), &headers)
}

/// Starts an invocation; how it goes on is told to those who follow.
fn begin(
    app: &Arc<App>,
    function: String,
    event: Bytes,
    source: String,
    headers: &HeaderMap,
) -> Response<Body> {
    // A page of another site could not send this type without asking first (CORS).
    if headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/json") {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected `application/json`");
    }
    if app.fleet.named(&function).is_none() {
        return refused(StatusCode::NOT_FOUND, &format!("there is no function `{function}`"));
    }
    if event.len() > MAX_EVENT {
        let message = format!("the event has {} bytes, Lambda takes {MAX_EVENT}", event.len());
        return refused(StatusCode::PAYLOAD_TOO_LARGE, &message);
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&event) {
        return refused(StatusCode::BAD_REQUEST, &format!("the event is not JSON: {error}"));
    }
    let invocation = Invocation::new(event);
    let id = invocation.id.clone();
    app.history.announce(&id, source);
    let lambda = app.lambda.clone();
    tokio::spawn(async move {
        // What comes of it is observed.
        let _ = lambda.invoke(&function, invocation).await;
    });
    data(StatusCode::ACCEPTED, &json!({ "id": id }))
}

/// What happens from now on, as server-sent events.
async fn live(State(app): State<Arc<App>>) -> Response<Body> {
    let news = app.history.follow();
    let closing = app.closing.subscribe();
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"retry: 1000\n\n"))]);
    let rest = stream::unfold((news, closing), |(mut news, mut closing)| async move {
        let message = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return None,
            message = news.recv() => message,
        };
        let (kind, data) = match message {
            Ok(news) => (news.kind, news.data),
            Err(RecvError::Lagged(_)) => ("missed", Value::Null),
            Err(RecvError::Closed) => return None,
        };
        // JSON has no line break outside of strings, and escapes those within.
        let message = format!("event: {kind}\ndata: {data}\n\n");
        Some((Ok(Bytes::from(message)), (news, closing)))
    });
    let mut response = Response::new(Body::from_stream(stream::StreamExt::chain(first, rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn data(status: StatusCode, value: &Value) -> Response<Body> {
    json_text(status, value.to_string().into())
}

fn json_text(status: StatusCode, text: Bytes) -> Response<Body> {
    answer(status, "application/json", text)
}

fn refused(status: StatusCode, message: &str) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", Bytes::from(message.to_owned()))
}

fn answer(status: StatusCode, content_type: &'static str, text: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
