//! The invocations of late, for the page: bounded in number and in bytes, and told to whoever follows.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::emulator::{Answer, Line, Outcome, Report, Status};

use super::body;

/// So many invocations are kept.
pub(super) const MOST: usize = 200;

/// So much of events, results and logs is kept, in all.
const MOST_BYTES: usize = 64 << 20;

/// So much of one log is kept.
const MOST_OF_ONE: usize = 8 << 20;

/// So many pieces of news may wait for a follower; one that is slower is told that it missed some.
const NEWS: usize = 1024;

/// The invocations of late, the newest last.
pub(super) struct History {
    entries: Mutex<Entries>,
    news: broadcast::Sender<News>,
}

#[derive(Default)]
struct Entries {
    all: VecDeque<Entry>,
    bytes: usize,
    /// Who asked for the invocations that have not begun.
    announced: VecDeque<(String, String)>,
}

/// What followers are told: the kind, and what it is about.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) kind: &'static str,
    pub(super) data: Value,
}

/// How an invocation stands.
enum State {
    Running,
    Ok,
    Failed(String),
    TimedOut,
}

/// One invocation.
struct Entry {
    id: String,
    event: Bytes,
    function: String,
    source: String,
    started_ms: u128,
    state: State,
    result: Option<Bytes>,
    content_type: Option<String>,
    drawing: Option<String>,
    http_status: Option<u16>,
    lines: Vec<Line>,
    lines_bytes: usize,
    dropped: usize,
    report: Option<Report>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { entries: Mutex::default(), news: broadcast::Sender::new(NEWS) }
    }

    /// Follows what happens from now on.
    pub(super) fn follow(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Tells the followers.
    pub(super) fn tell(&self, kind: &'static str, data: Value) {
        // Nobody may be looking.
        let _ = self.news.send(News { kind, data });
    }

    /// Says who asks for the invocation `id`, before it begins.
    pub(super) fn announce(&self, id: &str, source: String) {
        let announced = &mut self.lock().announced;
        if announced.len() > MOST {
            announced.pop_front();
        }
        announced.push_back((id.to_owned(), source));
    }

    /// An invocation begins.
    pub(super) fn started(&self, function: &str, id: &str, event: Bytes) {
        let mut entries = self.lock();
        let announced = entries.announced.iter().position(|(announced, _)| announced == id);
        let source = announced.and_then(|index| entries.announced.remove(index));
        entries.bytes += event.len();
        entries.all.push_back(Entry {
            id: id.to_owned(),
            event,
            function: function.to_owned(),
            source: source.map_or_else(|| "Invoke API".to_owned(), |(_, source)| source),
            started_ms: now_ms(),
            state: State::Running,
            result: None,
            content_type: None,
            drawing: None,
            http_status: None,
            lines: Vec::new(),
            lines_bytes: 0,
            dropped: 0,
            report: None,
        });
        entries.trim();
        drop(entries);
        self.tell_of(id);
    }

    /// A line of the invocation's log.
    pub(super) fn line(&self, id: &str, line: &Line) {
        self.change(id, |entry| {
            let (Line::Log(text) | Line::Platform(text) | Line::Warning(text)) = line;
            // Empty lines take room as well.
            let size = text.len() + size_of::<Line>();
            if entry.lines_bytes + size > MOST_OF_ONE {
                entry.dropped += 1;
                return;
            }
            entry.lines_bytes += size;
            entry.lines.push(line.clone());
        });
    }

    /// What the HTTP gateway made of it.
    pub(super) fn http_status(&self, id: &str, status: u16) {
        self.change(id, |entry| entry.http_status = Some(status));
        self.tell_of(id);
    }

    /// The invocation is over; `drawing` is its error as it is drawn.
    pub(super) fn finished(&self, outcome: Outcome, drawing: Option<String>) {
        let id = outcome.report.id.clone();
        self.change(&id, |entry| {
            let (body, content_type) = match outcome.answer {
                Answer::Response { body, content_type } => {
                    entry.state = State::Ok;
                    (body, content_type)
                }
                Answer::Error { body, error_type } => {
                    entry.state = match outcome.report.status {
                        Status::Timeout => State::TimedOut,
                        _ => State::Failed(error_type),
                    };
                    (body, "application/json".to_owned())
                }
            };
            entry.result = Some(body);
            entry.content_type = Some(content_type);
            entry.drawing = drawing;
            entry.report = Some(outcome.report);
        });
        self.tell_of(&id);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.lock() = Entries::default();
        self.tell("cleared", Value::Null);
    }

    /// What is to be sent again: the function and the event.
    pub(super) fn event(&self, id: &str) -> Option<(String, Bytes)> {
        let entries = self.lock();
        let entry = entries.all.iter().find(|entry| entry.id == id)?;
        Some((entry.function.clone(), entry.event.clone()))
    }

    /// The list, the newest first.
    pub(super) fn list(&self) -> Vec<Value> {
        self.lock().all.iter().rev().map(Entry::summary).collect()
    }

    /// One invocation with its event, result and log.
    pub(super) fn detail(&self, id: &str) -> Option<Value> {
        let entries = self.lock();
        entries.all.iter().find(|entry| entry.id == id).map(Entry::detail)
    }

    /// Tells the followers how an invocation stands.
    pub(super) fn tell_of(&self, id: &str) {
        let entries = self.lock();
        if let Some(entry) = entries.all.iter().rev().find(|entry| entry.id == id) {
            self.tell("invocation", entry.summary());
        }
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        // The newest are asked for most.
        let Some(entry) = entries.all.iter_mut().rev().find(|entry| entry.id == id) else {
            return;
        };
        let before = entry.bytes();
        change(entry);
        let after = entry.bytes();
        entries.bytes = entries.bytes - before + after;
        entries.trim();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // A panic in between leaves entries whole: each change is one call.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn trim(&mut self) {
        while self.all.len() > MOST || self.bytes > MOST_BYTES && self.all.len() > 1 {
            let Some(oldest) = self.all.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        let result = self.result.as_ref().map_or(0, Bytes::len);
        self.event.len() + result + self.lines_bytes
    }

    fn summary(&self) -> Value {
        let (status, error_type) = match &self.state {
            State::Running => ("running", None),
            State::Ok => ("ok", None),
            State::Failed(error_type) => ("error", Some(error_type)),
            State::TimedOut => ("timeout", None),
        };
        let report = self.report.as_ref();
        let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        json!({
            "id": self.id,
            "function": self.function,
            "source": self.source,
            "started": u64::try_from(self.started_ms).unwrap_or_default(),
            "status": status,
            "errorType": error_type,
            "httpStatus": self.http_status,
            "duration": report.map(|report| millis(report.duration)),
            "init": report.and_then(|report| report.init_duration).map(millis),
            "billed": report.map(|report| u64::try_from(report.billed_ms()).unwrap_or(u64::MAX)),
            "memory": report.map(|report| report.memory_mb),
            "maxMemory": report.and_then(|report| report.max_memory_mb),
        })
    }

    fn detail(&self) -> Value {
        let result = self.result.as_ref().map(|result| body::shown(result));
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let (kind, text) = match line {
                    Line::Log(text) => ("log", text),
                    Line::Platform(text) => ("platform", text),
                    Line::Warning(text) => ("warning", text),
                };
                json!({ "kind": kind, "text": text })
            })
            .collect();
        let mut detail = self.summary();
        detail["event"] = body::shown(&self.event);
        detail["result"] = result.into();
        detail["contentType"] = self.content_type.clone().into();
        detail["drawing"] = self.drawing.clone().into();
        detail["lines"] = lines.into();
        detail["dropped"] = self.dropped.into();
        detail
    }
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
