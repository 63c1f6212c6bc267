//! A response that is sent while it is made: chunks, and trailers if it fails on the way.

use std::cell::RefCell;
use std::io::{IoSlice, Write};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::answer::{Answer, NotSent, Sink, StreamHead};
use crate::client::connection::{Patience, is_closed, is_timeout};
use crate::client::{Client, ERROR_TYPE, Gone, Verdict, error_body};
use crate::error::Error;

const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// Trailers are read like headers, for which servers have less room than for a body.
const ERROR_TRAILER_MAX: usize = 32 << 10;

/// How far the response to the current event has come, if it is a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stream {
    /// It is none, or nothing of it was sent.
    #[default]
    None,
    /// Some of it was sent.
    Open,
    /// The rest cannot be sent, and why.
    Broken(String),
}

impl Client {
    /// Whether Lambda already has the beginning of the answer to the current event.
    pub(crate) fn is_streaming(&self) -> bool {
        self.stream != Stream::None
    }

    /// Ends a stream, well.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn end_stream(&mut self) -> Result<Verdict, Gone> {
        self.connection.request.clear();
        self.finish_stream()
    }

    /// Ends a stream with an error, which goes into its trailers. Where nothing more can be sent,
    /// the error is sent by itself: Lambda may still want to know it.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub(crate) fn fail_stream(
        &mut self,
        error: &Error,
        working_directory: &str,
    ) -> Result<Verdict, Gone> {
        if let Stream::Broken(_) = self.stream {
            self.stream = Stream::None;
            return self.error(error, working_directory);
        }
        self.connection.request.clear();
        self.header(ERROR_TYPE, &error.header());
        self.header(ERROR_BODY, &STANDARD.encode(error_body(error, ERROR_TRAILER_MAX)));
        self.finish_stream()
    }

    /// Sends the last chunk with the trailers that are in the request's buffer.
    fn finish_stream(&mut self) -> Result<Verdict, Gone> {
        if let Stream::Broken(why) = std::mem::take(&mut self.stream) {
            return Ok(Verdict::Refused(why));
        }
        let trailers = std::mem::take(&mut self.connection.request);
        let mut parts = [IoSlice::new(b"0\r\n"), IoSlice::new(&trailers), IoSlice::new(b"\r\n")];
        let sent = self.connection.send(&mut parts, None);
        self.connection.request = trailers;
        let reply = match sent {
            Ok(()) => self.connection.answer(Patience::Limited),
            Err(error) => self.connection.late_answer(error),
        };
        match reply {
            // The stream is over, one way or the other, and cannot be sent again.
            Err(error) if is_closed(&error) => Ok(Verdict::Refused(error.to_string())),
            reply => self.verdict(reply),
        }
    }

    /// Puts the head of a stream into the request's buffer, up to its first chunk.
    fn stage(&mut self, head: &StreamHead) {
        // A stream cannot be sent again, as other answers are, when the connection was closed.
        self.connection.check();
        self.begin_answer("response");
        self.header("content-type", &head.content_type);
        self.header(RESPONSE_MODE, "streaming");
        self.header("transfer-encoding", "chunked");
        self.header("trailer", &[ERROR_TYPE, ", ", ERROR_BODY].concat());
        self.connection.request.extend_from_slice(b"\r\n");
        chunk_head(&mut self.connection.request, head.prelude.len());
        if !head.prelude.is_empty() {
            self.connection.request.extend_from_slice(&head.prelude);
            self.connection.request.extend_from_slice(b"\r\n");
        }
    }

    /// Sends a chunk, after what is staged.
    fn send_chunk(&mut self, piece: &[u8], until: Option<Instant>) -> Result<(), NotSent> {
        let mut head = std::mem::take(&mut self.connection.request);
        chunk_head(&mut head, piece.len());
        let end: &[u8] = if piece.is_empty() { b"" } else { b"\r\n" };
        let mut parts = [IoSlice::new(&head), IoSlice::new(piece), IoSlice::new(end)];
        let sent = self.connection.send(&mut parts, until);
        head.clear();
        self.connection.request = head;
        let Err(error) = sent else {
            self.stream = Stream::Open;
            return Ok(());
        };
        let is_late = is_timeout(&error);
        let why = match self.connection.late_answer(error) {
            Ok(reply) => self.describe(&reply),
            Err(error) => error.to_string(),
        };
        self.stream = Stream::Broken(why.clone());
        Err(if is_late { NotSent::Late } else { NotSent::Refused(why) })
    }
}

/// What stands before a chunk. An empty one would end the stream, so it is left out.
fn chunk_head(request: &mut Vec<u8>, length: usize) {
    if length > 0 {
        // Writing into memory cannot fail.
        let _ = write!(request, "{length:x}\r\n");
    }
}

/// A handler streams straight into the Runtime API.
impl Sink for RefCell<Client> {
    fn start(&self, head: StreamHead) {
        self.borrow_mut().stage(&head);
    }

    fn send(&self, piece: &[u8], until: Option<Instant>) -> Result<(), NotSent> {
        self.borrow_mut().send_chunk(piece, until)
    }

    /// Nothing: everything was sent.
    fn finish(&self) -> Answer {
        Answer::default()
    }
}
