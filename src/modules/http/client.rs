//! Sends the requests of scripts: deadlines, redirects, tries, kept connections.
//!
//! Nothing is made before the first request. What a failure says holds no header, no query and no
//! body: those are where secrets travel.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::rc::Rc;
use std::time::{Duration, Instant};

use once_cell::unsync::OnceCell;
use rhai::{Dynamic, EvalAltResult, NativeCallContext};
use ureq::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER,
};
use ureq::http::{self, Method, StatusCode};
use ureq::{Agent, Body, Error};

use super::options::{Cause, Request};
use super::stand_in;
use super::transport::{Dialler, NoLookup, Unreachable};
use super::url::Url;
use crate::config::Network;
use crate::engine::{Guard, raise_with};
use crate::trace::Trace;

/// Connections that wait for their next request; a script has one at a time in use.
const KEPT_CONNECTIONS: usize = 16;

/// The pause before the second try is up to this long; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A server may ask for a longer pause, though not for any.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How long a connection for later may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The body is taken in steps of this, each checked against the memory that is left.
const STEP: usize = 64 << 10;

/// Headers beside `authorization` that speak for the script, and to one host only.
const PERSONAL_HEADERS: [&str; 3] = ["x-api-key", "x-amz-security-token", "x-auth-token"];

/// The client of one engine: its connections outlive an invocation.
pub(crate) struct Http {
    network: Network,
    guard: Rc<Guard>,
    trace: Rc<Trace>,
    agent: OnceCell<Agent>,
    dialler: Dialler,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(super) url: Url,
}

/// Why there is no answer.
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) url: Url,
}

/// The kinds of failure; scripts see the names.
pub(super) enum Reason {
    Connect,
    Tls,
    Closed,
    Timeout,
    NotAllowed,
    Redirect,
    Protocol,
    /// A limit of the script, which goes out as it is.
    Limit(Box<EvalAltResult>),
}

impl Reason {
    fn name(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::NotAllowed => "not_allowed",
            Self::Redirect => "redirect",
            Self::Protocol => "protocol",
            Self::Limit(_) => "limit",
        }
    }

    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Connect => Some(Cause::Connect),
            Self::Closed => Some(Cause::Closed),
            Self::Timeout => Some(Cause::Timeout),
            _ => None,
        }
    }
}

type Fallible<T> = Result<T, Box<EvalAltResult>>;

impl Http {
    pub(crate) fn new(network: Network, guard: Rc<Guard>, trace: Rc<Trace>) -> Self {
        let dialler = Dialler::new(network.clone());
        Self { network, guard, trace, agent: OnceCell::new(), dialler }
    }

    /// Opens a connection for a later request to the host of `url`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn connect(&self, url: &Url) -> Fallible<()> {
        let made = self.prepare(url);
        self.guard.sleep(Duration::ZERO)?;
        let Err((reason, message)) = made else { return Ok(()) };
        let message = format!("connecting to {}: {message}", url.shown());
        let fields: [(&'static str, Dynamic); 2] =
            [("reason", reason.name().into()), ("url", url.shown().into())];
        Err(raise_with("HttpError", message, fields))
    }

    /// Opens connections to all of `urls`, and says which could not be made, and why. Nothing is lost
    /// by that: the first request tries again.
    pub(crate) fn warm_up(&self, urls: &[String]) -> Vec<String> {
        let warm = |text: &String| {
            let made = Url::parse(text).map_err(|why| format!("`{text}`: {why}")).and_then(|url| {
                self.prepare(&url).map_err(|(_, why)| format!("`{}`: {why}", url.shown()))
            });
            made.err()
        };
        urls.iter().filter_map(warm).collect()
    }

    fn prepare(&self, url: &Url) -> Result<(), (Reason, String)> {
        self.check_allowed(url)?;
        if stand_in::is_there() {
            return Ok(());
        }
        let left = self.guard.time_left().unwrap_or(CONNECT_TIMEOUT);
        self.dialler.prepare(url, left.min(CONNECT_TIMEOUT)).map_err(describe)
    }

    fn check_allowed(&self, url: &Url) -> Result<(), (Reason, String)> {
        let (host, port) = (url.host(), url.port());
        if self.network.allows(host, port) {
            return Ok(());
        }
        let message = format!("`RHAI_LAMBDA_NET_ALLOW` does not allow the host `{host}:{port}`");
        Err((Reason::NotAllowed, message))
    }

    /// Sends a request as often as it says, and returns the last answer.
    ///
    /// # Errors
    /// `HttpError` without one, `DeadlineExceeded` when the script must stop, `DataTooLarge` for a
    /// body that does not fit.
    pub(crate) fn send(&self, context: &NativeCallContext, request: &Request) -> Fallible<Answer> {
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(context, request);
            // What the deadline cut off is no failure of the other side.
            self.guard.sleep(Duration::ZERO)?;
            match self.pause_before_next(request, attempt, &outcome) {
                Some(pause) => self.guard.sleep(pause)?,
                None => return self.conclude(request, outcome),
            }
            attempt += 1;
        }
    }

    fn conclude(&self, request: &Request, outcome: Result<Answer, Failure>) -> Fallible<Answer> {
        let method = &request.method;
        let (message, url, reason, status) = match outcome {
            Ok(answer) => {
                let bad = answer.status.is_client_error() || answer.status.is_server_error();
                if !(request.error_for_status && bad) {
                    return Ok(answer);
                }
                let message = format!("the answer has the status {}", answer.status);
                (message, answer.url, "status", Some(answer.status))
            }
            Err(Failure { reason: Reason::Limit(error), .. }) => return Err(error),
            Err(failure) => (failure.message, failure.url, failure.reason.name(), None),
        };
        let mut fields: Vec<(&'static str, Dynamic)> =
            vec![("reason", reason.into()), ("url", url.shown().into())];
        if let Some(status) = status {
            fields.push(("status", i64::from(status.as_u16()).into()));
        }
        Err(raise_with("HttpError", format!("{method} {}: {message}", url.shown()), fields))
    }

    /// How long to wait for another try; `None` if there is none, or no time for one.
    fn pause_before_next(
        &self,
        request: &Request,
        attempt: u32,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Duration> {
        let retry = &request.retry;
        if attempt >= retry.attempts {
            return None;
        }
        let cause = match outcome {
            Ok(answer) => Cause::Status(answer.status.as_u16()),
            Err(failure) => failure.reason.cause()?,
        };
        if !retry.covers(cause, &request.method) {
            return None;
        }
        let longest = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_PAUSE);
        let pause = longest.mul_f64(random());
        let asked = outcome.as_ref().ok().and_then(|answer| {
            let seconds = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
            Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
        });
        let pause = pause.max(asked.unwrap_or_default());
        // The last answer is worth more than a wait that the deadline ends.
        let in_time = self.guard.time_left().is_none_or(|left| pause < left);
        in_time.then_some(pause)
    }

    /// One try: a request and the redirects that it leads to.
    fn attempt(&self, context: &NativeCallContext, request: &Request) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut hop = Hop {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.as_deref(),
        };
        self.add_trace(&mut hop.headers);
        let mut followed = 0;
        loop {
            let left = request.timeout.saturating_sub(started.elapsed());
            let answer =
                self.exchange(context, &hop, left).map_err(|failure| match failure.reason {
                    Reason::Timeout => self.timed_out(failure, request.timeout),
                    _ => failure,
                })?;
            let (Some(most), Some(location)) = (request.redirects, redirect_of(&answer)) else {
                return Ok(answer);
            };
            if followed == most {
                let message = format!("more than {most} redirects (the option `redirect`)");
                return Err(Failure { reason: Reason::Redirect, message, url: hop.url });
            }
            followed += 1;
            let url = hop.url.join(&location).map_err(|why| Failure {
                reason: Reason::Redirect,
                message: format!("the redirect leads nowhere: {why}"),
                url: hop.url.clone(),
            })?;
            hop.turn_to(url, answer.status);
        }
    }

    fn add_trace(&self, headers: &mut HeaderMap) {
        for (name, value) in self.trace.headers() {
            let name = HeaderName::from_static(name);
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.entry(name).or_insert(value);
            }
        }
    }

    fn timed_out(&self, failure: Failure, timeout: Duration) -> Failure {
        // A clock that is a hair behind must not turn the deadline into a failure of the server.
        if let Some(left) = self.guard.time_left()
            && left < Duration::from_millis(5)
            && let Err(error) = self.guard.sleep(left)
        {
            return Failure { reason: Reason::Limit(error), ..failure };
        }
        let message =
            format!("no answer within {} ms (the option `timeout_ms`)", timeout.as_millis());
        Failure { message, ..failure }
    }

    /// One request and its answer, once more if the kept connection turns out to be closed.
    fn exchange(
        &self,
        context: &NativeCallContext,
        hop: &Hop,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let failed = |(reason, message)| Failure { reason, message, url: hop.url.clone() };
        self.check_allowed(&hop.url).map_err(failed)?;
        if let Some(answered) = stand_in::answer(context, hop) {
            return answered;
        }
        let started = Instant::now();
        let made = self.dialler.made();
        let response = self.run(hop, timeout).or_else(|error| {
            let (reason, message) = describe(error);
            let was_kept = made == self.dialler.made();
            match reason {
                Reason::Closed if was_kept && hop.method.is_idempotent() => {
                    self.run(hop, timeout.saturating_sub(started.elapsed())).map_err(describe)
                }
                _ => Err((reason, message)),
            }
        });
        let (parts, body) = response.map_err(failed)?.into_parts();
        let body = self.read(body).map_err(failed)?;
        let http::response::Parts { status, headers, .. } = parts;
        Ok(Answer { status, headers, body, url: hop.url.clone() })
    }

    fn run(&self, hop: &Hop, timeout: Duration) -> Result<http::Response<Body>, Error> {
        let timeout = self.guard.time_left().map_or(timeout, |left| left.min(timeout));
        let agent = self.agent.get_or_init(|| self.build());
        let mut head = http::Request::builder().method(hop.method.clone()).uri(hop.url.whole());
        if let Some(headers) = head.headers_mut() {
            headers.clone_from(&hop.headers);
        }
        match hop.body {
            None => agent.run(in_time(agent, head.body(())?, timeout)),
            Some(body) => agent.run(in_time(agent, head.body(body)?, timeout)),
        }
    }

    fn build(&self) -> Agent {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("rhai-lambda/", env!("CARGO_PKG_VERSION")))
            // Redirects are followed here: each may lead to another host.
            .max_redirects(0)
            .proxy(None)
            .allow_non_standard_methods(true)
            .max_idle_connections(KEPT_CONNECTIONS)
            .max_idle_connections_per_host(1)
            // The sandbox may be frozen between two requests; each connection is looked at first.
            .max_idle_age(Duration::from_secs(u64::from(u32::MAX)))
            .build();
        Agent::with_parts(config, self.dialler.clone(), NoLookup)
    }

    /// Reads the body to its end, as long as it fits.
    fn read(&self, body: Body) -> Result<Vec<u8>, (Reason, String)> {
        let limit = |error| (Reason::Limit(error), String::new());
        let reserve = |bytes| self.guard.reserve(bytes).map_err(limit);
        // What a server announces is only a promise, though one to refuse at once.
        let announced = body.content_length().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        reserve(announced)?;
        let mut bytes = Vec::with_capacity(announced.min(8 << 20));
        let mut step = vec![0; STEP];
        let mut reader = body.into_reader();
        loop {
            let count = match reader.read(&mut step) {
                Ok(0) => return Ok(bytes),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(describe(Error::from(error))),
            };
            if bytes.len() + count > bytes.capacity() {
                // Growing holds the old and the new one for a moment.
                reserve((bytes.capacity() * 2).max(bytes.len() + count))?;
            }
            bytes.extend_from_slice(&step[..count]);
        }
    }
}

fn in_time<B: ureq::AsSendBody>(
    agent: &Agent,
    request: http::Request<B>,
    timeout: Duration,
) -> http::Request<B> {
    agent.configure_request(request).timeout_global(Some(timeout)).build()
}

/// One request of those that redirects make of it.
pub(super) struct Hop<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'a [u8]>,
}

impl Hop<'_> {
    /// Goes on at `url`, as every browser does.
    fn turn_to(&mut self, url: Url, status: StatusCode) {
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            for header in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                self.headers.remove(header);
            }
        }
        if !self.url.same_origin(&url) {
            for header in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, http::header::HOST] {
                self.headers.remove(header);
            }
            for header in PERSONAL_HEADERS {
                self.headers.remove(header);
            }
        }
        self.url = url;
    }
}

/// Where a redirect leads, if the answer is one.
fn redirect_of(answer: &Answer) -> Option<String> {
    let is_redirect = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = answer.headers.get(LOCATION).filter(|_| is_redirect)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// The kind of a failure, and what happened in words.
fn describe(error: Error) -> (Reason, String) {
    use std::io::ErrorKind as K;

    let text = error.to_string();
    match error {
        Error::Timeout(_) => (Reason::Timeout, text),
        Error::Other(inner) => match inner.downcast_ref() {
            Some(Unreachable::Connect(_)) => (Reason::Connect, inner.to_string()),
            Some(Unreachable::Tls(why)) => {
                let hint = match why.contains("UnknownIssuer") {
                    true => "; an authority of your own is trusted by `RHAI_LAMBDA_CA_FILE`",
                    false => "",
                };
                (Reason::Tls, format!("{why}{hint}"))
            }
            Some(Unreachable::Forbidden) => (Reason::NotAllowed, inner.to_string()),
            None => (Reason::Protocol, text),
        },
        Error::Io(error) => match error.kind() {
            K::TimedOut | K::WouldBlock => (Reason::Timeout, text),
            K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => (
                Reason::Closed,
                format!("the connection was closed before the answer ended: {error}"),
            ),
            _ => (Reason::Protocol, format!("the connection failed: {error}")),
        },
        _ => (Reason::Protocol, format!("the answer is not usable: {text}")),
    }
}

/// A number from 0 to 1. Jitter needs no more than the seed of a hash map.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};

    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
