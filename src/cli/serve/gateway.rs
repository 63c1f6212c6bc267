//! HTTP for functions: which function a request is for, and what its client gets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{Response, StatusCode, Uri, header};
use futures_util::stream;
use tokio::time::timeout;

use crate::emulator::gateway::{Arrival, Call, Failure, Kind, Malformed, Notices, Piece, Splitter};
use crate::emulator::{Answer, Invocation, NotInvoked, Outcome, Streamed};

use super::app::App;
use super::fault::{self, Fault};
use super::fleet::Member;

/// No front door takes more; what is between its limit and this one is refused in its own words.
const READ_LIMIT: usize = 16 << 20;

/// Answers a request that is for a function.
pub(super) async fn call(
    State(app): State<Arc<App>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let (member, kind) = match find(&app, &mut parts) {
        Ok(found) => found,
        Err(message) => return fault::plain(StatusCode::NOT_FOUND, &message),
    };
    let Ok(body) = to_bytes(body, READ_LIMIT).await else {
        let message = format!("the request ended early, or has more than {READ_LIMIT} bytes");
        return fault::plain(StatusCode::PAYLOAD_TOO_LARGE, &message);
    };
    let now = member.now();
    let kind = kind.unwrap_or_else(|| now.settings.http.kind());
    let arrival = Arrival::now(client.ip());
    let gateway = now.settings.http.gateway(kind, &now.function);
    let call = match gateway.call(&parts, &body, &arrival) {
        Ok(call) => call,
        Err(response) => {
            let notices = response.extensions().get::<Notices>();
            for notice in notices.into_iter().flat_map(|notices| &notices.0) {
                app.console.warn(&member.name, &arrival.request_id, notice.clone());
            }
            return response.map(Body::from);
        }
    };
    let mut invocation = Invocation::new(call.event().clone());
    invocation.trace_id = arrival.trace_id;
    let visit = Visit { id: invocation.id.clone(), parts, kind, call, member, app: &app };
    let target = visit.parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let asked = format!("{} {target}", visit.parts.method);
    app.history.announce(&visit.id, asked.clone());
    let streams = now.settings.http.streams() && matches!(kind, Kind::Url | Kind::V1);
    let response = match streams {
        true => visit.streamed(invocation).await,
        false => visit.buffered(invocation).await,
    };
    app.console.visited(&member.name, &visit.id, &asked, response.status().as_u16());
    response
}

/// The function and, if the path says so, the front door. That part of the path is taken away.
fn find<'a>(app: &'a App, parts: &mut Parts) -> Result<(&'a Member, Option<Kind>), String> {
    let unknown = |name: &str| {
        let names: Vec<String> =
            app.fleet.members().iter().map(|member| format!("`{}`", member.name)).collect();
        format!("there is no function `{name}`\nhint: there is {}", names.join(", "))
    };
    if let Some(rest) = parts.uri.path().strip_prefix("/_/") {
        let mut steps = rest.splitn(3, '/');
        let kind = match steps.next().unwrap_or_default() {
            "url" => Kind::Url,
            "v2" => Kind::V2,
            "v1" => Kind::V1,
            "alb" => Kind::Alb,
            other => return Err(format!("there is nothing at `/_/{other}`\nhint: see `/_/`")),
        };
        let name = steps.next().unwrap_or_default();
        let member = app.fleet.named(name).ok_or_else(|| unknown(name))?;
        let path = format!("/{}", steps.next().unwrap_or_default());
        parts.uri = with_path(&parts.uri, &path);
        // Of the two kinds of target groups it is the one that the settings name.
        let own = member.now().settings.http.kind();
        let kind = if kind == Kind::Alb && own == Kind::AlbMulti { own } else { kind };
        return Ok((member, Some(kind)));
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().split(':').next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let member = match host.strip_suffix(".localhost") {
        Some(name) => app.fleet.named(name).ok_or_else(|| unknown(name))?,
        None => app.fleet.members().first().ok_or_else(|| unknown(&host))?,
    };
    Ok((member, None))
}

fn with_path(uri: &Uri, path: &str) -> Uri {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // It is a part of a path that was one already.
    format!("{path}{query}").parse().unwrap_or_else(|_| uri.clone())
}

/// A request on its way through a function.
struct Visit<'a> {
    id: String,
    parts: Parts,
    kind: Kind,
    call: Call,
    member: &'a Member,
    app: &'a Arc<App>,
}

impl Visit<'_> {
    async fn buffered(&self, invocation: Invocation) -> Response<Body> {
        let work = self.app.lambda.invoke(&self.member.name, invocation);
        let outcome = match self.kind.patience() {
            None => work.await,
            Some(patience) => match timeout(patience, work).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let seconds = patience.as_secs();
                    let what = format!("API Gateway waits {seconds} seconds and no longer");
                    self.warn(what.clone());
                    return self.failure(Failure::Patience, Fault::Told(what));
                }
            },
        };
        match self.answered(outcome) {
            Ok(body) => match self.call.response(&body) {
                Ok(response) => {
                    self.notice(response.extensions().get());
                    response.map(Body::from)
                }
                Err(malformed) => self.malformed(&malformed),
            },
            Err(response) => *response,
        }
    }

    async fn streamed(&self, invocation: Invocation) -> Response<Body> {
        let lambda = &self.app.lambda;
        let mut streamed = match lambda.invoke_streaming(&self.member.name, invocation).await {
            Ok(streamed) => streamed,
            Err(not_invoked) => return self.not_invoked(&not_invoked),
        };
        let mut splitter = self.call.splitter(streamed.content_type.as_deref());
        loop {
            let Some(chunk) = streamed.chunk().await else { break };
            match splitter.push(&chunk) {
                Ok(Piece::More) => {}
                Ok(Piece::Head(head, first)) => {
                    self.notice(head.extensions().get());
                    return head.map(|()| rest(first, streamed, splitter));
                }
                Ok(Piece::Body(_)) => {}
                Err(malformed) => return self.malformed(&malformed),
            }
        }
        // It ended before there was a head: it failed, or it is empty.
        if let Err(response) = self.answered(streamed.end().await) {
            return *response;
        }
        match splitter.finish() {
            Ok(Some(head)) => head.map(|()| Body::empty()),
            Ok(None) => Response::new(Body::empty()),
            Err(malformed) => self.malformed(&malformed),
        }
    }

    /// The function's result, or what the client gets without one.
    fn answered(&self, outcome: Result<Outcome, NotInvoked>) -> Result<Bytes, Box<Response<Body>>> {
        match outcome.map(|outcome| outcome.answer) {
            Ok(Answer::Response { body, .. }) => Ok(body),
            Ok(Answer::Error { body, .. }) => {
                Err(Box::new(self.failure(Failure::Function, Fault::Error(body))))
            }
            Err(not_invoked) => Err(Box::new(self.not_invoked(&not_invoked))),
        }
    }

    fn not_invoked(&self, why: &NotInvoked) -> Response<Body> {
        fault::plain(StatusCode::SERVICE_UNAVAILABLE, &why.to_string())
    }

    fn malformed(&self, malformed: &Malformed) -> Response<Body> {
        self.warn(format!("the result is no HTTP response: {malformed}"));
        self.failure(Failure::Malformed, Fault::Told(malformed.to_string()))
    }

    /// What AWS would answer, and for a developer why.
    fn failure(&self, failure: Failure, fault: Fault) -> Response<Body> {
        let response = self.call.failure(failure);
        let folder = self.member.folder();
        fault::explained(
            response,
            &fault,
            &self.parts.headers,
            &self.member.name,
            &self.id,
            &folder,
        )
    }

    fn notice(&self, notices: Option<&Notices>) {
        for notice in notices.into_iter().flat_map(|notices| &notices.0) {
            self.warn(notice.clone());
        }
    }

    fn warn(&self, message: String) {
        self.app.console.warn(&self.member.name, &self.id, message);
    }
}

/// The body of a streamed response. One that fails in the middle is cut off, as on AWS: the client
/// has no other way to know.
fn rest(first: Bytes, streamed: Streamed, splitter: Splitter) -> Body {
    let first = Some(first).filter(|first| !first.is_empty());
    let state = Some((first, streamed, splitter));
    Body::from_stream(stream::unfold(state, |state| async {
        let (first, mut streamed, mut splitter) = state?;
        if let Some(first) = first {
            return Some((Ok(first), Some((None, streamed, splitter))));
        }
        let cut = |why: String| Some((Err(io::Error::other(why)), None));
        let Some(chunk) = streamed.chunk().await else {
            return match streamed.end().await.map(|outcome| outcome.answer) {
                Ok(Answer::Response { .. }) => None,
                Ok(Answer::Error { error_type, .. }) => cut(error_type),
                Err(not_invoked) => cut(not_invoked.to_string()),
            };
        };
        match splitter.push(&chunk) {
            Ok(Piece::Body(bytes)) => Some((Ok(bytes), Some((None, streamed, splitter)))),
            Ok(_) => Some((Ok(Bytes::new()), Some((None, streamed, splitter)))),
            Err(malformed) => cut(malformed.to_string()),
        }
    }))
}
