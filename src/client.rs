//! The Runtime API of Lambda, version 2018-06-01: next, response, error, init error.
//!
//! The only place that knows a path or a header of it. It knows nothing of scripts. Source: the
//! chapter "Using the Lambda runtime API" of AWS's developer guide.

mod connection;
mod extension;
mod head;
mod stream;

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crate::answer::Answer;
use crate::client::connection::{Connection, Patience, Reply};
use crate::client::head::{headers, status_text};
use crate::client::stream::Stream;
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
    /// Or why a part of it is missing: its caller still waits for an answer.
    pub(crate) event: Result<Event, String>,
}

/// The bytes of an event, where they were received.
#[derive(Debug)]
pub(crate) struct Event {
    buffer: Vec<u8>,
    range: Range<usize>,
}

/// What an answer must carry.
#[derive(Debug, Default)]
struct Receipt {
    /// The request id as a part of a path.
    path: String,
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

/// The Runtime API cannot be used any more, and why.
#[derive(Debug)]
pub(crate) enum Gone {
    /// It cannot be reached, or makes no sense.
    Lost(String),
    /// It says that this environment is over: the process must end.
    Over(String),
    /// Nobody waits for it any more: see [`Client::interrupt_on`].
    Interrupted,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) | Self::Over(why) => f.write_str(why),
            Self::Interrupted => f.write_str("the environment ends"),
        }
    }
}

/// A connection to the Runtime API, kept from one invocation to the next: one event at a time.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    /// For the answer to the event that was given out last.
    receipt: Receipt,
    stream: Stream,
    /// The whole request for an event, but for its last line; it is always the same.
    next: Vec<u8>,
    /// The headers that every request has.
    common: String,
}

impl Event {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}

impl Client {
    /// A client of the Runtime API at `authority`, which is `host:port`. It connects when it is
    /// first asked for something.
    ///
    /// # Errors
    /// [`Gone`] if it is not that.
    pub(crate) fn new(authority: &str) -> Result<Self, Gone> {
        if !is_authority(authority) {
            let message =
                format!("`AWS_LAMBDA_RUNTIME_API` is `{authority}`, expected `host:port`");
            return Err(Gone::Lost(message));
        }
        let common = format!(
            "host: {authority}\r\nuser-agent: rhai-lambda/{}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{common}");
        Ok(Self {
            connection: Connection::new(authority),
            receipt: Receipt::default(),
            stream: Stream::None,
            next: next.into_bytes(),
            common,
        })
    }

    /// Waits for the next event, for as long as it takes.
    ///
    /// # Errors
    /// [`Gone`] after several failures in a row, or at once when Lambda asks the runtime to end.
    pub(crate) fn next(&mut self) -> Result<Invocation, Gone> {
        let mut failures = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            if self.connection.is_interrupted() {
                return Err(Gone::Interrupted);
            }
            self.connection.request.clear();
            self.connection.request.extend_from_slice(&self.next);
            let failure = match self.connection.exchange(&[], Patience::Endless) {
                Ok(reply) => match reply.status {
                    200 => match self.read_event(reply) {
                        Ok(invocation) => return Ok(invocation),
                        Err(failure) => failure,
                    },
                    204 => {
                        thread::sleep(IDLE_PAUSE);
                        continue;
                    }
                    500 => return Err(self.failed(&reply)),
                    _ => format!("unexpected answer: {}", self.describe(&reply)),
                },
                Err(_) if self.connection.is_interrupted() => return Err(Gone::Interrupted),
                Err(error) => error.to_string(),
            };
            failures += 1;
            if failures == MAX_FAILURES {
                let authority = self.connection.authority();
                return Err(Gone::Lost(format!(
                    "the Runtime API at `{authority}` gives no events: {failure}"
                )));
            }
            thread::sleep(pause);
            pause *= 2;
        }
    }

    /// Lets `flag`, when it is set, end the wait for an event.
    pub(crate) fn interrupt_on(&mut self, flag: Arc<AtomicBool>) {
        self.connection.interrupt_on(flag);
    }

    /// Says that a snapshot may be taken, and returns in an environment that was restored from it.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn restored(&mut self) -> Result<Verdict, Gone> {
        let request = &mut self.connection.request;
        request.clear();
        // Writing into memory cannot fail.
        let _ = write!(request, "GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n{}", self.common);
        let reply = self.connection.exchange(&[], Patience::Endless);
        if self.connection.is_interrupted() {
            return Err(Gone::Interrupted);
        }
        self.verdict(reply)
    }

    /// Sends the failure of what comes after a restore; the process must end afterwards.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn restore_error(
        &mut self,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        self.begin("restore/error");
        self.post_error(error, working_directory)
    }

    /// Takes back what an event was received in, for the next one.
    pub(crate) fn give_back(&mut self, event: Event) {
        self.connection.give_back(event.buffer);
    }

    /// Sends the result of the current event.
    ///
    /// # Errors
    /// [`Gone`] when Lambda asks the runtime to end, or cannot be reached.
    pub(crate) fn respond(&mut self, answer: &Answer) -> Result<Verdict, Gone> {
        self.begin_answer("response");
        self.header("content-type", &answer.content_type);
        self.post(&answer.body)
    }

    /// Sends the failure of the current event.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn error(
        &mut self,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        self.begin_answer("error");
        self.post_error(error, working_directory)
    }

    /// Sends the failure of init; the process must end afterwards.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn init_error(
        &mut self,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        self.begin("init/error");
        self.post_error(error, working_directory)
    }

    fn post_error(&mut self, error: &Error, working_directory: &str) -> Result<Verdict, Gone> {
        self.header("content-type", "application/vnd.aws.lambda.error+json");
        self.header(ERROR_TYPE, &error.header());
        let cause = error.xray_cause(working_directory);
        if cause.len() <= XRAY_CAUSE_MAX {
            self.header(XRAY_ERROR_CAUSE, &cause);
        }
        self.post(&error_body(error, ERROR_BODY_MAX))
    }

    /// Begins a request to `path`, up to the headers that all have.
    fn begin(&mut self, path: &str) {
        let request = &mut self.connection.request;
        request.clear();
        for part in ["POST /2018-06-01/runtime/", path, " HTTP/1.1\r\n", &self.common] {
            request.extend_from_slice(part.as_bytes());
        }
    }

    fn begin_answer(&mut self, kind: &str) {
        self.begin(&["invocation/", &self.receipt.path, "/", kind].concat());
        if let Some(id) = &self.receipt.invocation_id {
            put_header(&mut self.connection.request, INVOCATION_ID, id);
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        put_header(&mut self.connection.request, name, value);
    }

    fn post(&mut self, body: &[u8]) -> Result<Verdict, Gone> {
        // Writing into memory cannot fail.
        let _ = write!(self.connection.request, "content-length: {}\r\n", body.len());
        let reply = self.connection.exchange(body, Patience::Limited);
        self.verdict(reply)
    }

    fn verdict(&mut self, reply: std::io::Result<Reply>) -> Result<Verdict, Gone> {
        let reply = reply.map_err(|error| {
            let authority = self.connection.authority();
            Gone::Lost(format!("cannot reach the Runtime API at `{authority}`: {error}"))
        })?;
        match reply.status {
            200..=299 => Ok(Verdict::Accepted),
            413 => Ok(Verdict::TooLarge(self.describe(&reply))),
            500 => Err(self.failed(&reply)),
            _ => Ok(Verdict::Refused(self.describe(&reply))),
        }
    }

    fn failed(&self, reply: &Reply) -> Gone {
        let (authority, answer) = (self.connection.authority(), self.describe(reply));
        Gone::Over(format!("the Runtime API at `{authority}` failed: {answer}"))
    }

    /// The status and what the body says, in one line.
    fn describe(&self, reply: &Reply) -> String {
        const SHOWN: usize = 500;
        let received = self.connection.received();
        let mut text = status_text(&received[reply.head.clone()]);
        if let Ok(body) = &reply.body {
            let body = &received[body.clone()];
            let body = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
            for (at, word) in body.split_whitespace().enumerate() {
                text.push_str(if at == 0 { ": " } else { " " });
                text.push_str(word);
            }
        }
        text
    }

    fn read_event(&mut self, reply: Reply) -> Result<Invocation, String> {
        let mut context = Context::default();
        let (mut request_id, mut deadline_ms, mut invocation_id) = (None, None, None);
        for header in headers(&self.connection.received()[reply.head]) {
            let (name, value) = header?;
            let mut lower = [0; LONGEST_NAME];
            let Some(lower) = lower.get_mut(..name.len()) else { continue };
            lower.copy_from_slice(name);
            lower.make_ascii_lowercase();
            let field = match std::str::from_utf8(lower).unwrap_or_default() {
                REQUEST_ID => &mut request_id,
                DEADLINE_MS => &mut deadline_ms,
                INVOKED_FUNCTION_ARN => &mut context.invoked_function_arn,
                TRACE_ID => &mut context.trace_id,
                CLIENT_CONTEXT => &mut context.client_context,
                COGNITO_IDENTITY => &mut context.identity,
                TENANT_ID => &mut context.tenant_id,
                INVOCATION_ID => &mut invocation_id,
                _ => continue,
            };
            *field = text(value)?;
        }
        context.aws_request_id = request_id.ok_or("an event came without a request id")?;
        context.deadline_ms = deadline_ms.and_then(|ms| ms.parse().ok());
        self.receipt = Receipt { path: path_segment(&context.aws_request_id), invocation_id };
        self.stream = Stream::None;
        let event = match reply.body {
            Ok(range) => Ok(Event { buffer: self.connection.take_buffer(), range }),
            Err((count, why)) => Err(format!("the event broke off after {count} bytes: {why}")),
        };
        Ok(Invocation { context, event })
    }
}

fn put_header(request: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        request.extend_from_slice(part.as_bytes());
    }
}

/// No header that is looked for has a longer name.
const LONGEST_NAME: usize = 40;

/// A header's value, if it is not empty.
fn text(value: &[u8]) -> Result<Option<String>, String> {
    // It would end a line where a value is sent back.
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("an event came with control characters in a header".to_owned());
    }
    let text = match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// `host:port`, where the host is a name or an address, one of IPv6 in brackets.
fn is_authority(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address,
        None if host.contains(':') => return false,
        None => host,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
    !host.is_empty() && host.bytes().all(is_plain) && port.parse::<u16>().is_ok()
}

/// A request id as a part of a path. Lambda's are UUIDs; whatever else comes stays one segment.
fn path_segment(id: &str) -> String {
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            for digit in [byte >> 4, byte & 15] {
                segment.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    segment
}

/// The JSON of an error, with a shorter message if it has more than `max` bytes.
fn error_body(error: &Error, max: usize) -> Vec<u8> {
    let body = error.to_json().to_string();
    if body.len() <= max {
        return body.into_bytes();
    }
    error.clipped(max / 8).to_json().to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{is_authority, path_segment};

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        for good in
            ["127.0.0.1:9001", "localhost:80", "[::1]:9001", "[fe80::1%eth0]:1", "a-b.c_d:1"]
        {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "",
            ":",
            "host",
            "host:",
            ":80",
            "host:x",
            "host:99999",
            "a b:1",
            "http://h:1",
            "::1:1",
            "h:1/x",
            "h\r\n:1",
        ] {
            assert!(!is_authority(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_id_stays_one_segment_of_a_path() {
        assert_eq!(path_segment("8476a536-e9f4"), "8476a536-e9f4");
        assert_eq!(path_segment("a b/../?#%é"), "a%20b%2F..%2F%3F%23%25%C3%A9");
    }
}
