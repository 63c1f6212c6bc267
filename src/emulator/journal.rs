//! Whose line is whose: gives each line that an environment writes to the invocation it belongs to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::logs::{Line, Sink};
use super::report::Report;

/// How much of an invocation's log a caller may ask for, 4 KB.
const TAIL: usize = 4 << 10;

/// Takes a line, with the request id of the invocation that wrote it, where one did.
pub(super) type Tagged = Arc<dyn Fn(Option<&str>, Line) + Send + Sync>;

/// How one can tell whose a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribution {
    /// There is one invocation at a time.
    ToTheOnlyOne,
    /// Lines are JSON and hold a `requestId`.
    ByRequestId,
}

/// What an environment writes, and the ends of the logs of the invocations that it has.
pub(super) struct Journal {
    attribution: Attribution,
    sink: Tagged,
    open: Mutex<Vec<Open>>,
}

/// An invocation that has not been reported yet.
struct Open {
    id: String,
    tail: Vec<u8>,
}

impl Journal {
    pub(super) fn new(attribution: Attribution, sink: Tagged) -> Arc<Self> {
        Arc::new(Self { attribution, sink, open: Mutex::default() })
    }

    /// Takes lines of the process and of the Runtime API, which do not say whose they are.
    pub(super) fn sink(self: &Arc<Self>) -> Sink {
        let journal = self.clone();
        Arc::new(move |line| journal.line(line))
    }

    /// From now on lines are those of the invocation `id`.
    pub(super) fn open(&self, id: &str) {
        self.lock().push(Open { id: id.to_owned(), tail: Vec::new() });
    }

    /// Writes START. What came before, while the runtime loaded, is not in the log that a caller
    /// gets.
    pub(super) fn start(&self, id: &str, version: &str) {
        if let Some(open) = self.lock().iter_mut().find(|open| open.id == id) {
            open.tail.clear();
        }
        self.platform(id, format!("START RequestId: {id} Version: {version}"));
    }

    /// Writes END and REPORT; returns the end of the invocation's log.
    pub(super) fn report(&self, report: &Report) -> String {
        let id = &report.id;
        self.platform(id, format!("END RequestId: {id}"));
        self.platform(id, report.to_string());
        let size = report.memory_mb;
        if let Some(used) = report.max_memory_mb.filter(|used| *used > size) {
            self.write(
                Some(id),
                Line::Warning(format!(
                    "{used} MB were used of {size}: Lambda would have ended the function"
                )),
            );
        }
        self.close(id)
    }

    /// Writes a line of Lambda's own.
    pub(super) fn platform(&self, id: &str, line: String) {
        self.write(Some(id), Line::Platform(line));
    }

    fn close(&self, id: &str) -> String {
        let mut open = self.lock();
        let Some(index) = open.iter().position(|open| open.id == id) else {
            return String::new();
        };
        String::from_utf8_lossy(&open.swap_remove(index).tail).into_owned()
    }

    /// A line that does not say whose it is.
    pub(super) fn line(&self, line: Line) {
        let id = match self.attribution {
            Attribution::ToTheOnlyOne => self.lock().last().map(|open| open.id.clone()),
            Attribution::ByRequestId => request_id(&line),
        };
        self.write(id.as_deref(), line);
    }

    fn write(&self, id: Option<&str>, line: Line) {
        if let Some(id) = id
            && let Line::Log(text) | Line::Platform(text) = &line
            && let Some(open) = self.lock().iter_mut().find(|open| open.id == id)
        {
            open.tail.extend_from_slice(text.as_bytes());
            open.tail.push(b'\n');
            let surplus = open.tail.len().saturating_sub(TAIL);
            open.tail.drain(..surplus);
        }
        (self.sink)(id, line);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Open>> {
        // A panic in between leaves the list whole: each change is one call.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request id in a line of JSON.
fn request_id(line: &Line) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Fields {
        #[serde(rename = "requestId")]
        request_id: String,
    }
    let Line::Log(text) = line else { return None };
    serde_json::from_str::<Fields>(text).ok().map(|fields| fields.request_id)
}
