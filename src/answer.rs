//! What a handler answers, on its way to Lambda: at once, or piece by piece.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::Instant;

/// The bytes of an answer and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bytes, as Lambda takes them.
    pub body: Vec<u8>,
    /// `application/json`, unless the script said otherwise with `lambda::raw` or streamed.
    pub content_type: Cow<'static, str>,
}

/// How a streamed answer begins.
#[derive(Clone, Debug)]
pub(crate) struct StreamHead {
    pub(crate) content_type: Cow<'static, str>,
    /// What comes before the function's own bytes: the status and the headers of an HTTP answer.
    pub(crate) prelude: Vec<u8>,
}

/// Why a piece of a streamed answer was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// The time was up before the other side had taken it.
    Late,
    /// The other side does not take any more, and what it said.
    Refused(String),
}

/// Takes a streamed answer while it comes into being. After a piece that was not sent, nothing else
/// is given to it.
pub(crate) trait Sink {
    /// Begins a stream; nothing is sent before the first piece.
    fn start(&self, head: StreamHead);

    /// Sends a piece, which may be empty, and waits no longer than `until` for it to be taken.
    ///
    /// # Errors
    /// Why it was not sent, as a whole at least.
    fn send(&self, piece: &[u8], until: Option<Instant>) -> Result<(), NotSent>;

    /// What is left to be answered when the handler has returned.
    fn finish(&self) -> Answer;
}

/// Keeps a stream, where nobody takes it piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    answer: RefCell<Answer>,
}

impl Default for Answer {
    /// Nothing.
    fn default() -> Self {
        Self { body: Vec::new(), content_type: Cow::Borrowed("application/octet-stream") }
    }
}

impl Sink for Collector {
    fn start(&self, head: StreamHead) {
        let StreamHead { content_type, prelude } = head;
        self.answer.replace(Answer { body: prelude, content_type });
    }

    fn send(&self, piece: &[u8], _: Option<Instant>) -> Result<(), NotSent> {
        self.answer.borrow_mut().body.extend_from_slice(piece);
        Ok(())
    }

    fn finish(&self) -> Answer {
        self.answer.take()
    }
}
