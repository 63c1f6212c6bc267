//! The server that a runtime talks to: gives out events, takes answers, refuses what Lambda refuses.
//!
//! It serves one process. Any number of `/next` may wait at the same time, as far as `concurrency`
//! allows; an environment learns of what happens through [`Progress`] and through the receiver that
//! it gets for each event.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

use super::ids;
use super::invocation::{Answer, Invocation};
use super::logs::{Line, Sink};
use super::protocol::{self, Refusal};
use crate::Error;

/// More than this of a body is not even read.
const READ_LIMIT: usize = 64 << 20;

/// An error that the runtime reported before its first event.
#[derive(Clone, Debug)]
pub(super) struct InitError {
    pub(super) body: Bytes,
    pub(super) error_type: String,
}

/// How far the runtime is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// How often it asked for an event.
    pub(super) polls: u64,
    /// It failed to load.
    pub(super) init_error: Option<InitError>,
}

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
            concurrency,
            sink,
            state: Mutex::default(),
            work: Notify::new(),
            progress: watch::Sender::default(),
        });
        let router = Router::new()
            .route(protocol::NEXT, get(next))
            .route(protocol::RESPONSE, post(response))
            .route(protocol::ERROR, post(error))
            .route(protocol::INIT_ERROR, post(init_error))
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

    /// Follows the runtime.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.progress.subscribe()
    }

    /// Offers an event to the next `/next`; the deadline is in time since the epoch.
    pub(super) fn offer(
        &self,
        invocation: Invocation,
        deadline: Duration,
    ) -> oneshot::Receiver<Answer> {
        let (caller, answer) = oneshot::channel();
        let attempt = ids::uuid();
        self.shared.lock().waiting.push_back(Offer { invocation, deadline, attempt, caller });
        self.shared.work.notify_one();
        answer
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    arn: String,
    concurrency: usize,
    sink: Sink,
    state: Mutex<Exchange>,
    work: Notify,
    progress: watch::Sender<Progress>,
}

/// Who has which event.
#[derive(Default)]
struct Exchange {
    waiting: VecDeque<Offer>,
    given: HashMap<String, Given>,
    over: HashSet<String>,
}

struct Offer {
    invocation: Invocation,
    deadline: Duration,
    /// Tells this delivery from another one of the same request.
    attempt: String,
    caller: oneshot::Sender<Answer>,
}

/// An event that the runtime has.
struct Given {
    attempt: String,
    /// Taken by the first answer.
    caller: Option<oneshot::Sender<Answer>>,
    /// A response was refused for its size: an error may still follow.
    too_large: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        // A panic in between leaves the tables whole: each change is one call.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn warn(&self, message: impl Into<String>) {
        (self.sink)(Line::Warning(message.into()));
    }

    /// Counts a `/next`, which also ends what the same worker had before.
    fn poll(&self) -> Result<(), Refusal> {
        if self.progress.borrow().init_error.is_some() {
            self.warn("the runtime asks for an event after it reported that it cannot start");
            return Err(Refusal::WrongState);
        }
        let mut exchange = self.lock();
        let Exchange { given, over, .. } = &mut *exchange;
        for (id, event) in given.iter_mut() {
            if event.too_large {
                // It was told and does not care: the caller gets Lambda's own words.
                if let Some(caller) = event.caller.take() {
                    let _ = caller.send(protocol::too_large_answer());
                }
            }
            if event.caller.is_none() {
                over.insert(id.clone());
            }
        }
        given.retain(|_, event| event.caller.is_some());
        if given.len() >= self.concurrency {
            self.warn("the runtime asks for an event before it answered the one that it has");
            return Err(Refusal::WrongState);
        }
        drop(exchange);
        self.progress.send_modify(|progress| progress.polls += 1);
        Ok(())
    }

    /// Hands out the event that has waited longest.
    fn give(&self) -> Option<Response<Body>> {
        let mut exchange = self.lock();
        let offer = exchange.waiting.pop_front()?;
        if !exchange.waiting.is_empty() {
            self.work.notify_one();
        }
        let response = self.event(&offer);
        let Offer { invocation, attempt, caller, .. } = offer;
        let given = Given { attempt, caller: Some(caller), too_large: false };
        exchange.given.insert(invocation.id, given);
        Some(response)
    }

    fn event(&self, offer: &Offer) -> Response<Body> {
        let Offer { invocation, deadline, attempt, .. } = offer;
        let mut response = Response::new(Body::from(invocation.event.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let deadline = deadline.as_millis().to_string();
        let values = [
            (protocol::REQUEST_ID, Some(&invocation.id)),
            (protocol::DEADLINE, Some(&deadline)),
            (protocol::FUNCTION_ARN, Some(&self.arn)),
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
                Err(_) => self.warn(format!("`{name}` is left out: it does not fit into a header")),
            }
        }
        response
    }

    /// Finds the event that an answer is for.
    fn check(&self, id: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let exchange = self.lock();
        let Some(event) = exchange.given.get(id) else {
            let refusal =
                if exchange.over.contains(id) { Refusal::Gone } else { Refusal::UnknownId };
            self.warn(format!("the runtime answers `{id}`, which it does not have"));
            return Err(refusal);
        };
        match protocol::text(headers, protocol::INVOCATION_ID) {
            None => {
                self.warn(format!("the runtime does not send `{}` back", protocol::INVOCATION_ID))
            }
            Some(attempt) if attempt != event.attempt => {
                self.warn(format!("the runtime sends another `{}` back", protocol::INVOCATION_ID));
                return Err(Refusal::Gone);
            }
            Some(_) => {}
        }
        if event.caller.is_none() {
            self.warn(format!("the runtime answers `{id}` twice"));
            return Err(Refusal::WrongState);
        }
        Ok(())
    }

    fn answer(&self, id: &str, answer: Answer) -> Result<(), Refusal> {
        let mut exchange = self.lock();
        let caller = exchange.given.get_mut(id).and_then(|event| event.caller.take());
        // The caller may have given up, at its deadline.
        caller.ok_or(Refusal::WrongState)?.send(answer).map_err(|_| Refusal::Gone)
    }

    /// Tells the runtime's author of what AWS would not take, and what AWS makes of the type.
    fn check_error(&self, headers: &HeaderMap, body: &[u8]) -> String {
        let (error_type, warning) = protocol::reported_error_type(headers);
        if let Some(warning) = warning {
            self.warn(warning);
        }
        let known: Option<Error> =
            serde_json::from_slice(body).ok().and_then(|body| Error::from_json(&body));
        if known.is_none() {
            self.warn("the runtime sent an error that has neither `errorMessage` nor `errorType`");
        }
        error_type
    }

    fn refuse_size(&self, id: &str) -> Refusal {
        if let Some(event) = self.lock().given.get_mut(id) {
            event.too_large = true;
        }
        Refusal::TooLarge
    }
}

async fn next(State(api): State<Arc<Shared>>) -> Response<Body> {
    if let Err(refusal) = api.poll() {
        return refusal.respond();
    }
    loop {
        // Asked for before looking, so that an offer in between is not missed.
        let work = api.work.notified();
        if let Some(response) = api.give() {
            return response;
        }
        work.await;
    }
}

async fn response(
    State(api): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let content_type = protocol::text(&headers, header::CONTENT_TYPE.as_str())
        .unwrap_or("application/octet-stream")
        .to_owned();
    match take(&api, &id, &headers, body).await {
        Ok(body) => settle(api.answer(&id, Answer::Response { body, content_type })),
        Err(refusal) => refusal.respond(),
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
            settle(api.answer(&id, Answer::Error { body, error_type }))
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
    let first = api.progress.send_if_modified(|progress| {
        let first = progress.polls == 0 && progress.init_error.is_none();
        if first {
            progress.init_error = Some(InitError { body, error_type });
        }
        first
    });
    if !first {
        api.warn("the runtime reports an init error when its init is over");
    }
    settle(first.then_some(()).ok_or(Refusal::WrongState))
}

async fn unknown(State(api): State<Arc<Shared>>, uri: Uri) -> StatusCode {
    api.warn(format!("the runtime asks for `{uri}`, which the Runtime API does not have"));
    StatusCode::NOT_FOUND
}

/// Reads the body of an answer to the event `id`, if there may be one.
async fn take(api: &Shared, id: &str, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    // Read even when it is refused: a client that still writes would not see the refusal.
    let read = axum::body::to_bytes(body, READ_LIMIT).await;
    api.check(id, headers)?;
    match read {
        Ok(body) if body.len() <= protocol::MAX_RESPONSE => Ok(body),
        Ok(_) => Err(api.refuse_size(id)),
        // Cut off or beyond all reading: a body of unknown length is taken for the latter.
        Err(_) if headers.contains_key(header::TRANSFER_ENCODING) => Err(api.refuse_size(id)),
        Err(_) => Err(Refusal::WrongState),
    }
}

fn settle(taken: Result<(), Refusal>) -> Response<Body> {
    taken.map_or_else(Refusal::respond, |()| protocol::accepted())
}

#[cfg(test)]
mod tests;
