//! The Runtime API of Lambda, version 2018-06-01: next, response, error, init error.
//!
//! The only place that knows a path or a header of it. It knows nothing of scripts. Source: the
//! chapter "Using the Lambda runtime API" of AWS's developer guide.

mod transport;

use std::fmt;
use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, Request, Response, StatusCode, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Body};

use crate::answer::Answer;
use crate::context::Context;
use crate::error::Error;

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
const INVOKED_FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
const TRACE_ID: &str = "lambda-runtime-trace-id";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";
const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
/// Unique for each attempt; goes back unchanged with the answer.
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const XRAY_ERROR_CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// AWS's limit for the X-Ray cause; above it the header is left out.
const XRAY_CAUSE_MAX: usize = 1 << 20;
/// AWS refuses error bodies above 1 MiB; a message that long is cut.
const ERROR_BODY_MAX: usize = 1 << 20;

/// Failures of `/next` in a row after which the Runtime API counts as gone.
const MAX_FAILURES: u32 = 5;
/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The pause after an empty answer, which some emulators give while they have no event.
const IDLE_PAUSE: Duration = Duration::from_millis(50);

/// An event, with all that its answer needs.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) context: Context,
    pub(crate) event: Vec<u8>,
    receipt: Receipt,
}

/// What an answer must carry.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    request_id: String,
    invocation_id: Option<String>,
}

/// What Lambda said to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It will be delivered.
    Accepted,
    /// 413: the answer is larger than Lambda delivers; an error may be sent instead.
    TooLarge(String),
    /// Nobody waits for it any more, or Lambda does not like it: log it and go on.
    Refused(String),
}

/// What `/next` gave.
#[derive(Debug)]
pub(crate) enum Next {
    /// An event.
    Event(Box<Invocation>),
    /// An event of which a part is missing, and why. Its caller still waits for an answer.
    Broken(Box<(Receipt, Context, String)>),
}

/// The Runtime API cannot be used any more; the process must end.
#[derive(Debug)]
pub(crate) struct Gone(String);

impl Gone {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection to the Runtime API, kept from one invocation to the next.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    authority: String,
    /// Where events come from, parsed once.
    next: Uri,
}

impl Invocation {
    pub(crate) fn into_parts(self) -> (Receipt, Context, Vec<u8>) {
        (self.receipt, self.context, self.event)
    }
}

impl Client {
    /// A client of the Runtime API at `authority`, which is `host:port`.
    ///
    /// # Errors
    /// [`Gone`] if it is not that.
    pub(crate) fn new(authority: &str) -> Result<Self, Gone> {
        let next = format!("http://{authority}/2018-06-01/runtime/invocation/next");
        let next = Uri::try_from(next).map_err(|_| {
            Gone::new(format!("`AWS_LAMBDA_RUNTIME_API` is `{authority}`, expected `host:port`"))
        })?;
        let config = Agent::config_builder()
            // Statuses are answers here, not failures.
            .http_status_as_error(false)
            .user_agent(concat!("rhai-lambda/", env!("CARGO_PKG_VERSION")))
            .accept("")
            .accept_encoding("")
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            // The sandbox may be frozen for hours between two requests.
            .max_idle_age(Duration::from_secs(u64::from(u32::MAX)))
            .build();
        let connector = transport::RuntimeApiConnector;
        Ok(Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            authority: authority.to_owned(),
            next,
        })
    }

    /// Waits for the next event, for as long as it takes.
    ///
    /// # Errors
    /// [`Gone`] after several failures in a row, or at once when Lambda asks the runtime to end.
    pub(crate) fn next(&self) -> Result<Next, Gone> {
        let mut failures = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.send(Request::get(self.next.clone()), &[]) {
                Ok(response) => match response.status() {
                    StatusCode::OK => match read_event(response) {
                        Ok(next) => return Ok(next),
                        Err(failure) => failure,
                    },
                    StatusCode::NO_CONTENT => {
                        thread::sleep(IDLE_PAUSE);
                        continue;
                    }
                    StatusCode::INTERNAL_SERVER_ERROR => {
                        return Err(Gone::new(format!(
                            "the Runtime API at `{}` failed: {}",
                            self.authority,
                            describe(response)
                        )));
                    }
                    _ => format!("unexpected answer: {}", describe(response)),
                },
                Err(error) => error.to_string(),
            };
            failures += 1;
            if failures == MAX_FAILURES {
                let authority = &self.authority;
                return Err(Gone::new(format!(
                    "the Runtime API at `{authority}` gives no events: {failure}"
                )));
            }
            thread::sleep(pause);
            pause *= 2;
        }
    }

    /// Sends the result of an invocation.
    ///
    /// # Errors
    /// [`Gone`] when Lambda asks the runtime to end, or cannot be reached.
    pub(crate) fn respond(&self, receipt: &Receipt, answer: &Answer) -> Result<Verdict, Gone> {
        let request = self
            .answer_to(receipt, "response")
            .header("content-type", answer.content_type.as_ref());
        self.post(request, &answer.body)
    }

    /// Sends the failure of an invocation.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn error(
        &self,
        receipt: &Receipt,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        self.post_error(self.answer_to(receipt, "error"), error, working_directory)
    }

    /// Sends the failure of init; the process must end afterwards.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn init_error(
        &self,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        let url = format!("http://{}/2018-06-01/runtime/init/error", self.authority);
        self.post_error(Request::post(url), error, working_directory)
    }

    fn answer_to(&self, receipt: &Receipt, kind: &str) -> ureq::http::request::Builder {
        let Receipt { request_id, invocation_id } = receipt;
        let authority = &self.authority;
        let url = format!("http://{authority}/2018-06-01/runtime/invocation/{request_id}/{kind}");
        let request = Request::post(url);
        match invocation_id {
            Some(id) => request.header(INVOCATION_ID, id),
            None => request,
        }
    }

    fn post_error(
        &self,
        request: ureq::http::request::Builder,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        let mut request = request
            .header("content-type", "application/vnd.aws.lambda.error+json")
            .header(ERROR_TYPE, error.header());
        let cause = error.xray_cause(working_directory);
        if cause.len() <= XRAY_CAUSE_MAX {
            request = request.header(XRAY_ERROR_CAUSE, cause);
        }
        let mut body = error.to_json().to_string();
        if body.len() > ERROR_BODY_MAX {
            body = error.clipped(ERROR_BODY_MAX / 8).to_json().to_string();
        }
        self.post(request, body.as_bytes())
    }

    fn post(&self, request: ureq::http::request::Builder, body: &[u8]) -> Result<Verdict, Gone> {
        let response = self.send(request, body).map_err(|error| {
            Gone::new(format!("cannot reach the Runtime API at `{}`: {error}", self.authority))
        })?;
        match response.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Ok(Verdict::TooLarge(describe(response))),
            StatusCode::INTERNAL_SERVER_ERROR => {
                let answer = describe(response);
                Err(Gone::new(format!("the Runtime API at `{}` failed: {answer}", self.authority)))
            }
            status if status.is_success() => {
                drain(response.into_body().into_reader());
                Ok(Verdict::Accepted)
            }
            _ => Ok(Verdict::Refused(describe(response))),
        }
    }

    /// Sends a request, a second time if the kept connection turns out to be closed.
    ///
    /// A repeated answer does no harm: Lambda refuses the second of two.
    fn send(
        &self,
        request: ureq::http::request::Builder,
        body: &[u8],
    ) -> Result<Response<Body>, ureq::Error> {
        let request = request.body(()).map_err(ureq::Error::from)?;
        let attempt = || -> Result<Response<Body>, ureq::Error> {
            let (parts, ()) = request.clone().into_parts();
            if parts.method == ureq::http::Method::GET {
                self.agent.run(Request::from_parts(parts, ()))
            } else {
                self.agent.run(Request::from_parts(parts, body))
            }
        };
        match attempt() {
            Err(ureq::Error::Io(error)) if is_closed(&error) => attempt(),
            result => result,
        }
    }
}

fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(
        error.kind(),
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe
    )
}

fn read_event(response: Response<Body>) -> Result<Next, String> {
    let (parts, body) = response.into_parts();
    let headers = &parts.headers;
    let Some(request_id) = text(headers, REQUEST_ID).filter(|id| is_path_segment(id)) else {
        return Err("an event came without a usable request id".to_owned());
    };
    let receipt =
        Receipt { request_id: request_id.clone(), invocation_id: text(headers, INVOCATION_ID) };
    let context = Context {
        aws_request_id: request_id,
        invoked_function_arn: text(headers, INVOKED_FUNCTION_ARN),
        deadline_ms: text(headers, DEADLINE_MS).and_then(|ms| ms.trim().parse().ok()),
        trace_id: text(headers, TRACE_ID),
        client_context: text(headers, CLIENT_CONTEXT),
        identity: text(headers, COGNITO_IDENTITY),
        tenant_id: text(headers, TENANT_ID),
    };
    let length = body.content_length().and_then(|length| usize::try_from(length).ok());
    // One byte more lets the reader see the end without growing. A length is only a promise, so
    // that no more is taken up front than Lambda's largest event.
    let mut event = Vec::with_capacity(length.unwrap_or(0).min(8 << 20) + 1);
    match body.into_reader().read_to_end(&mut event) {
        Ok(_) => Ok(Next::Event(Box::new(Invocation { context, event, receipt }))),
        Err(error) => {
            let why = format!("the event broke off after {} bytes: {error}", event.len());
            Ok(Next::Broken(Box::new((receipt, context, why))))
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A request id becomes a part of a path; Lambda's are UUIDs.
fn is_path_segment(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Reads the rest of an answer: with a part unread, the connection is of no further use.
fn drain(mut body: impl Read) {
    let mut scratch = [0; 512];
    // An answer without an end is given up, and the connection with it.
    for _ in 0..2048 {
        if !matches!(body.read(&mut scratch), Ok(1..)) {
            return;
        }
    }
}

/// The status and what the body says, in one line.
fn describe(response: Response<Body>) -> String {
    const SHOWN: u64 = 500;
    let status = response.status();
    let mut body = Vec::new();
    let mut reader = response.into_body().into_reader();
    let _ = reader.by_ref().take(SHOWN).read_to_end(&mut body);
    drain(reader);
    let body = String::from_utf8_lossy(&body);
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if body.is_empty() { status.to_string() } else { format!("{status}: {body}") }
}
