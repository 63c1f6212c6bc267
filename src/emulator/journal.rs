//! Whose line is whose: gives each line that an environment writes to the invocation it belongs to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::logs::{Line, Sink};

/// How much of an invocation's log a caller may ask for, 4 KB.
const TAIL: usize = 4 << 10;

/// Takes a line, with the request id of the invocation that wrote it, where one did.
pub(super) type Tagged = Arc<dyn Fn(Option<&str>, Line) + Send + Sync>;

/// What an environment writes, and the ends of the logs of the invocations that it has.
pub(super) struct Journal {
    sink: Tagged,
    open: Mutex<Vec<Open>>,
}

/// An invocation that has not been reported yet.
struct Open {
    id: String,
    tail: Vec<u8>,
}

impl Journal {
    pub(super) fn new(sink: Tagged) -> Arc<Self> {
        Arc::new(Self { sink, open: Mutex::default() })
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
    pub(super) fn start(&self, id: &str, line: String) {
        if let Some(open) = self.lock().iter_mut().find(|open| open.id == id) {
            open.tail.clear();
        }
        self.write(Some(id), Line::Platform(line));
    }

    /// Writes a line of Lambda's own.
    pub(super) fn platform(&self, id: &str, line: String) {
        self.write(Some(id), Line::Platform(line));
    }

    /// Ends the invocation `id`; returns the end of its log.
    pub(super) fn close(&self, id: &str) -> String {
        let mut open = self.lock();
        let Some(index) = open.iter().position(|open| open.id == id) else {
            return String::new();
        };
        String::from_utf8_lossy(&open.swap_remove(index).tail).into_owned()
    }

    /// A line that does not say whose it is.
    pub(super) fn line(&self, line: Line) {
        let id = match self.lock().as_slice() {
            [only] => Some(only.id.clone()),
            _ => None,
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
