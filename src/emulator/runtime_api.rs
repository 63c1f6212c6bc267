//! The server that a runtime talks to: HTTP on one side, the [`Exchange`] on the other.
//!
//! It serves one process, on a port of its own.

mod extension;
mod stream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::exchange::{Exchange, InitError, Offer};
use super::invocation::Answer;
use super::logs::Sink;
use super::protocol::{self, Refusal};
use crate::Error;

/// More than this of a body is not even read.
const READ_LIMIT: usize = 64 << 20;

/// The Runtime API of one process; it ends when this is dropped.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Listens on a port of the system's choosing.
    pub(super) async fn listen(arn: String, concurrency: usize, sink: Sink) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            arn,
            exchange: Exchange::new(concurrency, sink),
            has_extension: AtomicBool::new(false),
        });
        let router = Router::new()
            .route(protocol::NEXT, get(next))
            .route(protocol::RESPONSE, post(response))
            .route(protocol::ERROR, post(error))
            .route(protocol::INIT_ERROR, post(init_error))
            .route(protocol::EXTENSION_REGISTER, post(extension::register))
            .route(protocol::EXTENSION_NEXT, get(extension::next))
            .fallback(unknown)
            .with_state(shared.clone());
        let listener = listener.tap_io(|stream| {
            // An answer is one small write: waiting for more would only add to the measured time.
            let _ = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, server })
    }

    /// `host:port`, as in `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether the runtime wants to be told of its end.
    pub(super) fn has_extension(&self) -> bool {
        self.shared.has_extension.load(Ordering::Relaxed)
    }

    /// What the runtime may have and has done.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.shared.exchange
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    arn: String,
    exchange: Exchange,
    /// Whether the runtime is an extension as well.
    has_extension: AtomicBool,
}

impl Shared {
    fn event(&self, offer: &Offer) -> Response<Body> {
        let Offer { invocation, deadline, attempt, .. } = offer;
        let mut response = Response::new(Body::from(invocation.event.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let deadline = deadline.as_millis().to_string();
        let arn = match &invocation.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn),
            None => self.arn.clone(),
        };
        let values = [
            (protocol::REQUEST_ID, Some(&invocation.id)),
            (protocol::DEADLINE, Some(&deadline)),
            (protocol::FUNCTION_ARN, Some(&arn)),
            (protocol::TRACE_ID, Some(&invocation.trace_id)),
            (protocol::INVOCATION_ID, Some(attempt)),
            (protocol::CLIENT_CONTEXT, invocation.client_context.as_ref()),
            (protocol::IDENTITY, invocation.identity.as_ref()),
            (protocol::TENANT_ID, invocation.tenant_id.as_ref()),
        ];
        for (name, value) in values {
            let Some(value) = value else { continue };
            match HeaderValue::from_bytes(value.as_bytes()) {
                Ok(value) => {
                    headers.insert(HeaderName::from_static(name), value);
                }
                Err(_) => self
                    .exchange
                    .warn(format!("`{name}` is left out: it does not fit into a header")),
            }
        }
        response
    }

    /// Tells the runtime's author of what AWS would not take, and what AWS makes of the type.
    fn check_error(&self, headers: &HeaderMap, body: &[u8]) -> String {
        let (error_type, warning) = protocol::reported_error_type(headers);
        if let Some(warning) = warning {
            self.exchange.warn(warning);
        }
        let known: Option<Error> =
            serde_json::from_slice(body).ok().and_then(|body| Error::from_json(&body));
        if known.is_none() {
            self.exchange
                .warn("the runtime sent an error that has neither `errorMessage` nor `errorType`");
        }
        error_type
    }
}

async fn next(State(api): State<Arc<Shared>>) -> Response<Body> {
    match api.exchange.take().await {
        Ok(offer) => api.event(&offer),
        Err(refusal) => refusal.respond(),
    }
}

async fn response(
    State(api): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut body: Body,
) -> Response<Body> {
    let content_type = protocol::text(&headers, header::CONTENT_TYPE.as_str())
        .unwrap_or("application/octet-stream")
        .to_owned();
    let taken = match protocol::text(&headers, protocol::RESPONSE_MODE) {
        None => take(&api, &id, &headers, body)
            .await
            .and_then(|body| api.exchange.answer(&id, Answer::Response { body, content_type })),
        Some(protocol::STREAMING) => stream::pass(&api, &id, &headers, content_type, &mut body)
            .await
            .inspect_err(|_| stream::read_out(body)),
        Some(other) => {
            stream::read_out(body);
            Err(wrong_mode(&api, &id, &headers, other))
        }
    };
    settle(taken)
}

/// A runtime that says neither `streaming` nor nothing: the caller is not to wait for it.
fn wrong_mode(api: &Shared, id: &str, headers: &HeaderMap, mode: &str) -> Refusal {
    api.exchange.warn(format!("the runtime sends `{}: {mode}`", protocol::RESPONSE_MODE));
    let attempt = protocol::text(headers, protocol::INVOCATION_ID);
    let answer = || api.exchange.answer(id, protocol::wrong_mode_answer(id));
    match api.exchange.check(id, attempt).and_then(|()| answer()) {
        Ok(()) => Refusal::WrongMode,
        Err(refusal) => refusal,
    }
}

async fn error(
    State(api): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    match take(&api, &id, &headers, body).await {
        Ok(body) => {
            let error_type = api.check_error(&headers, &body);
            settle(api.exchange.answer(&id, Answer::Error { body, error_type }))
        }
        Err(refusal) => refusal.respond(),
    }
}

async fn init_error(
    State(api): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let error_type = api.check_error(&headers, &body);
    settle(api.exchange.init_error(InitError { body, error_type }))
}

async fn unknown(State(api): State<Arc<Shared>>, uri: Uri) -> StatusCode {
    api.exchange.warn(format!("the runtime asks for `{uri}`, which the Runtime API does not have"));
    StatusCode::NOT_FOUND
}

/// Reads the body of an answer to the event `id`, if there may be one.
async fn take(api: &Shared, id: &str, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    // Read even when it is refused: a client that still writes would not see the refusal.
    let read = axum::body::to_bytes(body, READ_LIMIT).await;
    api.exchange.check(id, protocol::text(headers, protocol::INVOCATION_ID))?;
    match read {
        Ok(body) if body.len() <= protocol::MAX_RESPONSE => Ok(body),
        Ok(_) => Err(api.exchange.refuse_size(id)),
        // Cut off or beyond all reading: a body of unknown length is taken for the latter.
        Err(_) if headers.contains_key(header::TRANSFER_ENCODING) => {
            Err(api.exchange.refuse_size(id))
        }
        Err(_) => Err(Refusal::WrongState),
    }
}

fn settle(taken: Result<(), Refusal>) -> Response<Body> {
    taken.map_or_else(Refusal::respond, |()| protocol::accepted())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use crate::emulator::delivery;
    use crate::emulator::runtime_api::RuntimeApi;
    use crate::emulator::{Answer, Invocation, Line};

    /// A server, and a client that sends what it is told to.
    struct Session {
        api: RuntimeApi,
        warnings: Arc<Mutex<Vec<String>>>,
    }

    /// What the client got.
    struct Reply {
        status: u16,
        headers: axum::http::HeaderMap,
        body: String,
    }

    impl Reply {
        fn header(&self, name: &str) -> &str {
            self.headers.get(name).map_or("", |value| value.to_str().unwrap())
        }
    }

    impl Session {
        async fn start() -> Self {
            let warnings = Arc::new(Mutex::new(Vec::new()));
            let seen = warnings.clone();
            let sink = Arc::new(move |line| {
                let Line::Warning(text) = line else { return };
                seen.lock().unwrap().push(text);
            });
            let arn = "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned();
            Self { api: RuntimeApi::listen(arn, 1, sink).await.unwrap(), warnings }
        }

        fn url(&self, path: &str) -> String {
            format!("http://{}/2018-06-01/runtime/{path}", self.api.address())
        }

        async fn next(&self) -> Reply {
            let url = self.url("invocation/next");
            tokio::task::spawn_blocking(move || reply(agent().get(url).call())).await.unwrap()
        }

        async fn post(
            &self,
            path: &str,
            headers: &[(&'static str, String)],
            body: Vec<u8>,
        ) -> Reply {
            let url = self.url(path);
            let headers = headers.to_vec();
            let send = move || {
                let mut request = agent().post(url);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                reply(request.send(&body))
            };
            tokio::task::spawn_blocking(send).await.unwrap()
        }

        fn warnings(&self) -> Vec<String> {
            std::mem::take(&mut *self.warnings.lock().unwrap())
        }
    }

    fn agent() -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).build().into()
    }

    fn reply(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
        let mut response = response.unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        Reply { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    fn attempt(event: &Reply) -> (&'static str, String) {
        ("Lambda-Runtime-Invocation-Id", event.header("lambda-runtime-invocation-id").to_owned())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_carries_its_headers_and_takes_one_answer() {
        let session = Session::start().await;
        let mut invocation = Invocation::new("{\"a\":1}");
        invocation.tenant_id = Some("blue".to_owned());
        invocation.client_context = Some("{\"client\":{\"app\":\"ä\"}}".to_owned());
        let id = invocation.id.clone();
        let answer =
            session.api.exchange().offer(invocation, Duration::from_millis(1_795_448_164_622));

        let event = session.next().await;
        assert_eq!((event.status, event.body.as_str()), (200, "{\"a\":1}"));
        assert_eq!(event.header("lambda-runtime-aws-request-id"), id);
        assert_eq!(event.header("lambda-runtime-deadline-ms"), "1795448164622");
        assert!(event.header("lambda-runtime-invoked-function-arn").ends_with(":function:f"));
        assert!(event.header("lambda-runtime-trace-id").starts_with("Root=1-"));
        assert_eq!(event.header("lambda-runtime-aws-tenant-id"), "blue");
        assert!(event.headers.contains_key("lambda-runtime-client-context"));
        assert!(!event.headers.contains_key("lambda-runtime-cognito-identity"));

        let path = format!("invocation/{id}/response");
        let taken = session.post(&path, &[attempt(&event)], b"[1]".to_vec()).await;
        assert_eq!((taken.status, taken.body.trim_end()), (202, "{\"status\":\"OK\"}"));
        let delivery::Reply::Whole(Answer::Response { body, .. }) = answer.await.unwrap() else {
            panic!("an error")
        };
        assert_eq!(body, "[1]");
        assert_eq!(session.warnings(), [""; 0]);

        let twice = session.post(&path, &[attempt(&event)], b"[2]".to_vec()).await;
        assert_eq!(twice.status, 403);
        assert!(twice.body.contains("InvalidStateTransition"), "{}", twice.body);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_question_waits_for_an_event() {
        let session = Session::start().await;
        let url = session.url("invocation/next");
        let waiting = tokio::task::spawn_blocking(move || reply(agent().get(url).call()));
        let mut progress = session.api.exchange().progress();
        progress.wait_for(|progress| progress.polls == 1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        let _answer = session.api.exchange().offer(Invocation::new("1"), Duration::ZERO);
        assert_eq!(waiting.await.unwrap().body, "1");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn answers_that_fit_nothing_are_refused() {
        let session = Session::start().await;
        let unknown = session.post("invocation/nope/response", &[], b"1".to_vec()).await;
        assert_eq!(unknown.status, 400);
        assert!(unknown.body.contains("InvalidRequestID"), "{}", unknown.body);

        let invocation = Invocation::new("1");
        let path = format!("invocation/{}/response", invocation.id);
        let answer = session.api.exchange().offer(invocation, Duration::ZERO);
        let event = session.next().await;
        assert_eq!(session.next().await.status, 403, "a second event before the first answer");
        let other = ("Lambda-Runtime-Invocation-Id", "other".to_owned());
        assert_eq!(session.post(&path, &[other], b"1".to_vec()).await.status, 410);
        // The caller gave up: its deadline passed.
        drop(answer);
        assert_eq!(session.post(&path, &[attempt(&event)], b"1".to_vec()).await.status, 410);
        assert_eq!(session.post("elsewhere", &[], b"1".to_vec()).await.status, 404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_response_that_is_too_large_leaves_room_for_an_error() {
        let session = Session::start().await;
        for answers_again in [true, false] {
            let invocation = Invocation::new("1");
            let id = invocation.id.clone();
            let answer = session.api.exchange().offer(invocation, Duration::ZERO);
            let event = session.next().await;
            let path = format!("invocation/{id}/response");
            let large = vec![b'x'; 6_291_557];
            let refused = session.post(&path, &[attempt(&event)], large).await;
            assert_eq!(refused.status, 413);
            assert!(refused.body.contains("RequestEntityTooLarge"), "{}", refused.body);
            let expected = if answers_again {
                let kind =
                    ("Lambda-Runtime-Function-Error-Type", "Function.ResponseTooLarge".to_owned());
                let error = b"{\"errorType\":\"ResponseTooLarge\"}".to_vec();
                let path = format!("invocation/{id}/error");
                assert_eq!(session.post(&path, &[attempt(&event), kind], error).await.status, 202);
                "Function.ResponseTooLarge"
            } else {
                let _next = session.api.exchange().offer(Invocation::new("2"), Duration::ZERO);
                session.next().await;
                "Function.ResponseSizeTooLarge"
            };
            let delivery::Reply::Whole(Answer::Error { error_type, .. }) = answer.await.unwrap()
            else {
                panic!("no error")
            };
            assert_eq!(error_type, expected);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_error_type_that_aws_would_not_keep_is_told() {
        let session = Session::start().await;
        let body = b"{\"errorType\":\"BadOrder\",\"errorMessage\":\"no id\"}".to_vec();
        let headers = [("Lambda-Runtime-Function-Error-Type", "BadOrder".to_owned())];
        let taken = session.post("init/error", &headers, body.clone()).await;
        assert_eq!(taken.status, 202);
        let warnings = session.warnings();
        assert!(warnings.len() == 1 && warnings[0].contains("`Runtime.Unknown`"), "{warnings:?}");
        let progress = session.api.exchange().progress();
        let reported = progress.borrow().init_error.clone().unwrap();
        assert_eq!(
            (reported.error_type.as_str(), reported.body),
            ("Runtime.Unknown", body.clone().into())
        );

        assert_eq!(session.post("init/error", &headers, body).await.status, 403, "once is enough");
        assert_eq!(session.next().await.status, 403, "it said that it cannot start");
    }
}
