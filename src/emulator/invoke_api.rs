//! Lambda's own API, as far as it invokes functions: for the aws CLI, the SDKs and curl.
//!
//! Signatures are not looked at: whoever reaches the port may invoke.

mod caller;
mod event_stream;
mod refusal;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::invocation::Answer;
use super::lambda::Lambda;
use super::{Function, Outcome};
use caller::{Call, InvocationType, LogType};
use refusal::Refusal;

/// What is streamed to the caller.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// The Invoke API of `lambda`:
///
/// - `POST /2015-03-31/functions/NAME/invocations`: Invoke
/// - `POST /2021-11-15/functions/NAME/response-streaming-invocations`: InvokeWithResponseStream
/// - `GET /2015-03-31/functions/`: ListFunctions
/// - `GET /2015-03-31/functions/NAME/configuration`: GetFunctionConfiguration
///
/// It answers these paths and no others, so that it can be merged with other routers.
pub fn invoke_api(lambda: Lambda) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .route("/2021-11-15/functions/{name}/response-streaming-invocations", post(stream))
        .route("/2015-03-31/functions", get(list))
        .route("/2015-03-31/functions/", get(list))
        .route("/2015-03-31/functions/{name}/configuration", get(configuration))
        .with_state(lambda)
}

async fn invoke(
    State(lambda): State<Lambda>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let call = match Call::read(&lambda, &name, &uri, &headers, body).await {
        Ok(call) => call,
        Err(refusal) => return refusal.respond(),
    };
    let Call { function, invocation, invocation_type, log_type } = call;
    let id = invocation.id.clone();
    match invocation_type {
        InvocationType::DryRun => empty(StatusCode::NO_CONTENT, &id),
        InvocationType::Event => {
            tokio::spawn(async move { lambda.invoke(&function.name, invocation).await });
            empty(StatusCode::ACCEPTED, &id)
        }
        InvocationType::RequestResponse => match lambda.invoke(&function.name, invocation).await {
            Ok(outcome) => answer(&function, outcome, log_type),
            Err(error) => Refusal::from(error).respond(),
        },
    }
}

/// The whole of a buffered answer. That a function failed is no failure of the API.
fn answer(function: &Function, outcome: Outcome, log_type: LogType) -> Response<Body> {
    let Outcome { answer, report, log } = outcome;
    let (body, content_type, failed) = match answer {
        Answer::Response { body, content_type } => (body, content_type, false),
        Answer::Error { body, .. } => (body, "application/json".to_owned(), true),
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    set(headers, "x-amzn-requestid", &report.id);
    set(headers, header::CONTENT_TYPE.as_str(), &content_type);
    set(headers, "x-amz-executed-version", function.version());
    if failed {
        // `Handled` is a word of the past: Lambda says this whatever went wrong.
        set(headers, "x-amz-function-error", "Unhandled");
    }
    if log_type == LogType::Tail {
        set(headers, "x-amz-log-result", &STANDARD.encode(log));
    }
    response
}

async fn stream(
    State(lambda): State<Lambda>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let call = match Call::read(&lambda, &name, &uri, &headers, body).await {
        Ok(call) => call,
        Err(refusal) => return refusal.respond(),
    };
    let Call { function, invocation, invocation_type, log_type } = call;
    let id = invocation.id.clone();
    match invocation_type {
        InvocationType::DryRun => return empty(StatusCode::NO_CONTENT, &id),
        InvocationType::Event => return Refusal::not_streamed().respond(),
        InvocationType::RequestResponse => {}
    }
    let streamed = match lambda.invoke_streaming(&function.name, invocation).await {
        Ok(streamed) => streamed,
        Err(error) => return Refusal::from(error).respond(),
    };
    let mut response = Response::new(event_stream::body(streamed, log_type));
    let headers = response.headers_mut();
    set(headers, "x-amzn-requestid", &id);
    set(headers, header::CONTENT_TYPE.as_str(), EVENT_STREAM);
    set(headers, "x-amz-executed-version", function.version());
    response
}

async fn list(State(lambda): State<Lambda>) -> Response<Body> {
    let functions: Vec<_> = lambda.functions().iter().map(described).collect();
    json(&serde_json::json!({ "Functions": functions, "NextMarker": null }))
}

async fn configuration(
    State(lambda): State<Lambda>,
    Path(name): Path<String>,
    uri: Uri,
) -> Response<Body> {
    match caller::find(&lambda, &name, &uri) {
        Ok((function, _)) => json(&described(&function)),
        Err(refusal) => refusal.respond(),
    }
}

/// A function as the API lists it, without the values of its environment variables.
fn described(function: &Function) -> serde_json::Value {
    serde_json::json!({
        "FunctionName": function.name,
        "FunctionArn": function.arn(),
        "Runtime": "provided.al2023",
        "Handler": function.handler,
        "Timeout": function.timeout.as_secs(),
        "MemorySize": function.memory_mb,
        "Version": function.version(),
        "PackageType": "Zip",
        "State": "Active",
        "LastUpdateStatus": "Successful",
    })
}

fn json(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    set(response.headers_mut(), header::CONTENT_TYPE.as_str(), "application/json");
    response
}

fn empty(status: StatusCode, id: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    set(response.headers_mut(), "x-amzn-requestid", id);
    response
}

/// Sets a header, unless its value is none: a runtime may send any content type.
fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}
