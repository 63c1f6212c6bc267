//! One invocation: what is asked, and what came of it.

use axum::body::Bytes;
use serde_json::json;

use super::ids;
use super::report::{Report, Status};

/// An event on its way to a function, with what the caller says of itself.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The request id, for logs and for the function.
    pub id: String,
    /// The event, as the caller sent it.
    pub event: Bytes,
    /// The trace, in the form of an X-Ray header.
    pub trace_id: String,
    /// What a mobile SDK says of the device, JSON.
    pub client_context: Option<String>,
    /// The Cognito identity of the caller, JSON.
    pub identity: Option<String>,
    /// The tenant, for functions that keep theirs apart.
    pub tenant_id: Option<String>,
    /// The version or alias that the caller named, which becomes a part of the ARN.
    pub qualifier: Option<String>,
}

impl Invocation {
    /// An invocation with ids of its own.
    pub fn new(event: impl Into<Bytes>) -> Self {
        Self {
            id: ids::uuid(),
            event: event.into(),
            trace_id: ids::trace(),
            client_context: None,
            identity: None,
            tenant_id: None,
            qualifier: None,
        }
    }
}

/// What the caller gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The function's result, byte for byte.
    Response {
        /// The result.
        body: Bytes,
        /// What the runtime says that it is.
        content_type: String,
    },
    /// A failure; `X-Amz-Function-Error` is set.
    Error {
        /// `{"errorMessage": …, "errorType": …}`.
        body: Bytes,
        /// The type as AWS counts it.
        error_type: String,
    },
}

/// An invocation that is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the caller gets.
    pub answer: Answer,
    /// What it cost.
    pub report: Report,
    /// The last 4 KB of its log, from START to REPORT.
    pub log: String,
}

/// Why an environment gave no answer of its own.
#[derive(Debug)]
pub(super) enum Failure {
    /// The runtime said so itself, before the first event.
    Init { body: Bytes, error_type: String },
    /// The runtime ended; how, in Lambda's words.
    Exited(String),
    /// Time was up after so many seconds.
    TimedOut(f64),
    /// The runtime could not be started.
    NotStarted(String),
}

impl Failure {
    pub(super) fn error_type(&self) -> &str {
        match self {
            Self::Init { error_type, .. } => error_type,
            Self::Exited(_) => "Runtime.ExitError",
            Self::TimedOut(_) => "Sandbox.Timedout",
            Self::NotStarted(_) => "Runtime.InvalidEntrypoint",
        }
    }

    pub(super) fn status(&self) -> Status {
        match self {
            Self::TimedOut(_) => Status::Timeout,
            other => Status::Error(other.error_type().to_owned()),
        }
    }

    /// What the caller of the invocation `id` gets, in Lambda's words.
    pub(super) fn answer(self, id: &str) -> Answer {
        let error_type = self.error_type().to_owned();
        let what = match self {
            Self::Init { body, error_type } => return Answer::Error { body, error_type },
            Self::TimedOut(seconds) => format!("Task timed out after {seconds:.2} seconds"),
            Self::Exited(how) => how,
            Self::NotStarted(why) => why,
        };
        let message = format!("RequestId: {id} Error: {what}");
        let body = json!({ "errorType": error_type, "errorMessage": message }).to_string();
        Answer::Error { body: body.into(), error_type }
    }
}
