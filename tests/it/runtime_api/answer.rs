//! What a request gets: a status, headers, a body, or whatever else a test wants to see survived.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a request gets.
#[derive(Clone, Debug)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) end: End,
    chunked: bool,
    /// How many bytes go out at once.
    piece: usize,
    lasts: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The connection stays open.
    Keep,
    /// It is closed after the answer, without a word.
    Close,
    /// It is closed after this many bytes of the body.
    Cut(usize),
    /// Nothing is read and nothing is sent: the peer sees a reset.
    Reset,
    /// The head and the body are sent as they are.
    Raw,
    /// The same, and the connection stays open.
    RawKeep,
    /// So many chunks of the request are read, then this is answered and the connection is closed.
    AfterChunks(usize),
    /// So many chunks are read; then nothing happens for a while.
    StallAfter(usize),
}

impl Answer {
    /// A status and an empty JSON body, as Lambda sends.
    pub fn status(code: u16) -> Self {
        let head = format!("HTTP/1.1 {code} Scripted\r\n");
        let body = if code == 204 { "" } else { "{\"status\":\"OK\"}\n" };
        let (delay, end) = (Duration::ZERO, End::Keep);
        Self { head, body: body.into(), delay, end, chunked: false, piece: usize::MAX, lasts: None }
    }

    /// An event with no header but its id.
    pub fn bare_event(id: &str, event: impl Into<Vec<u8>>) -> Self {
        let answer = Self::status(200).header("Lambda-Runtime-Aws-Request-Id", id);
        Self { body: event.into(), ..answer }
    }

    /// An event as Lambda sends it, with a minute to live.
    pub fn event(id: &str, event: impl Into<Vec<u8>>) -> Self {
        Self::event_within(id, event, Duration::from_secs(60))
    }

    /// An event that must be answered within `time`.
    pub fn event_within(id: &str, event: impl Into<Vec<u8>>, time: Duration) -> Self {
        Self::bare_event(id, event)
            .header("Content-Type", "application/json")
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:us-east-1:123456789012:function:test",
            )
            .lasting(time)
    }

    /// The deadline is so long after the moment in which the event is given out.
    fn lasting(self, time: Duration) -> Self {
        Self { lasts: Some(time), ..self }
    }

    /// Bytes that need not be HTTP, then the end of the connection.
    pub fn raw(bytes: &[u8]) -> Self {
        Self { head: String::new(), body: bytes.to_vec(), end: End::Raw, ..Self::status(200) }
    }

    /// Bytes that are sent as they are; the connection stays open.
    pub fn exactly(bytes: impl Into<Vec<u8>>) -> Self {
        Self { head: String::new(), body: bytes.into(), end: End::RawKeep, ..Self::status(200) }
    }

    /// The connection is reset instead of an answer.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::status(200) }
    }

    /// The answer comes after so many chunks of a request that has more, and ends the connection.
    pub fn after_chunks(self, count: usize) -> Self {
        Self { end: End::AfterChunks(count), ..self }
    }

    /// After so many chunks nothing is read any more, until the other side gives up.
    pub fn stall_after_chunks(count: usize) -> Self {
        Self { end: End::StallAfter(count), ..Self::status(200) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The connection is closed after the answer.
    pub fn then_close(self) -> Self {
        Self { end: End::Close, ..self }
    }

    /// The connection is closed in the middle of the body.
    pub fn cut_after(self, bytes: usize) -> Self {
        assert!(bytes < self.body.len());
        Self { end: End::Cut(bytes), ..self }
    }

    /// The body comes in chunks of unequal size instead of with a length.
    pub fn chunked(self) -> Self {
        Self { chunked: true, ..self }
    }

    /// Everything goes out in pieces of so many bytes, each by itself.
    pub fn in_pieces_of(self, piece: usize) -> Self {
        Self { piece, ..self }
    }

    /// Writes the answer; says whether the connection goes on.
    pub(super) fn send(&self, stream: &mut TcpStream) -> bool {
        if matches!(self.end, End::Raw | End::RawKeep) {
            return self.write(stream, &self.body) && self.end == End::RawKeep;
        }
        let mut bytes = self.head.clone().into_bytes();
        if let Some(time) = self.lasts {
            let deadline = epoch_ms_in(time);
            bytes.extend_from_slice(
                format!("Lambda-Runtime-Deadline-Ms: {deadline}\r\n").as_bytes(),
            );
        }
        if self.chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for (number, chunk) in self.body.chunks(7).enumerate() {
                let extension = if number == 0 { ";note=first" } else { "" };
                bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            if !self.head.starts_with("HTTP/1.1 204") {
                bytes.extend_from_slice(
                    format!("Content-Length: {}\r\n", self.body.len()).as_bytes(),
                );
            }
            bytes.extend_from_slice(b"\r\n");
            let count = if let End::Cut(count) = self.end { count } else { self.body.len() };
            bytes.extend_from_slice(&self.body[..count]);
        }
        self.write(stream, &bytes) && self.end == End::Keep
    }

    fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> bool {
        bytes.chunks(self.piece.min(bytes.len()).max(1)).all(|piece| {
            if piece.len() < bytes.len() {
                // Time for the other side to see the piece alone.
                std::thread::sleep(Duration::from_micros(200));
            }
            stream.write_all(piece).is_ok()
        })
    }
}

/// Milliseconds since 1970, `time` from now.
pub fn epoch_ms_in(time: Duration) -> u128 {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time).as_millis()
}
