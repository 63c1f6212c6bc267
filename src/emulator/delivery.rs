//! The way of an answer from the runtime to the caller: at once, or as it is written.

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::invocation::Answer;
use super::protocol::{self, MAX_RESPONSE};

/// How many pieces may lie between a function and its caller.
const BUFFERED: usize = 16;

/// What a runtime answers.
#[derive(Debug)]
pub(super) enum Reply {
    /// All of it.
    Whole(Answer),
    /// The beginning of it. Pieces that end without [`Piece::End`] are cut off.
    Stream { content_type: String, pieces: mpsc::Receiver<Piece> },
}

/// A part of a streamed response.
#[derive(Debug)]
pub(super) enum Piece {
    Chunk(Bytes),
    /// There is no more.
    End,
    /// It failed in the middle.
    Failed {
        body: Bytes,
        error_type: String,
    },
}

/// Where an answer goes.
pub(super) struct Delivery {
    /// A caller who reads along.
    reader: Option<Reader>,
    /// The body, up to what a buffered response may have.
    body: Vec<u8>,
    is_cut: bool,
    has_begun: bool,
}

/// A caller who reads a response while it is written.
struct Reader {
    /// Gets the content type.
    head: Option<oneshot::Sender<String>>,
    chunks: mpsc::Sender<Bytes>,
}

/// What a caller reads.
pub(super) struct Reading {
    /// The content type, once the response begins.
    pub(super) head: oneshot::Receiver<String>,
    pub(super) chunks: mpsc::Receiver<Bytes>,
}

impl Delivery {
    /// To a caller who wants the whole.
    pub(super) fn buffered() -> Self {
        Self { reader: None, body: Vec::new(), is_cut: false, has_begun: false }
    }

    /// To a caller who reads along.
    pub(super) fn streamed() -> (Self, Reading) {
        let (head, head_of) = oneshot::channel();
        let (chunks, chunks_of) = mpsc::channel(BUFFERED);
        let reader = Some(Reader { head: Some(head), chunks });
        let reading = Reading { head: head_of, chunks: chunks_of };
        (Self { reader, ..Self::buffered() }, reading)
    }

    /// Passes on what the runtime answers, to its end; `None` when it is cut off.
    pub(super) async fn pass(&mut self, reply: Reply) -> Option<Answer> {
        match reply {
            Reply::Whole(Answer::Response { body, content_type }) => {
                self.begin(&content_type);
                self.send(body.clone()).await;
                Some(Answer::Response { body, content_type })
            }
            Reply::Whole(error) => Some(error),
            Reply::Stream { content_type, mut pieces } => {
                self.begin(&content_type);
                loop {
                    match pieces.recv().await {
                        Some(Piece::Chunk(chunk)) => {
                            self.keep(&chunk);
                            self.send(chunk).await;
                        }
                        Some(Piece::End) => return Some(self.end(content_type)),
                        Some(Piece::Failed { body, error_type }) => {
                            return Some(Answer::Error { body, error_type });
                        }
                        None => return None,
                    }
                }
            }
        }
    }

    /// Whether the runtime has begun to stream.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn begin(&mut self, content_type: &str) {
        self.has_begun = true;
        if let Some(head) = self.reader.as_mut().and_then(|reader| reader.head.take()) {
            // He may be gone: the function runs on, as it does on AWS.
            let _ = head.send(content_type.to_owned());
        }
    }

    async fn send(&mut self, chunk: Bytes) {
        if let Some(reader) = &self.reader
            && !chunk.is_empty()
        {
            let _ = reader.chunks.send(chunk).await;
        }
    }

    fn keep(&mut self, chunk: &[u8]) {
        let room = MAX_RESPONSE - self.body.len();
        self.is_cut |= chunk.len() > room;
        self.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    fn end(&mut self, content_type: String) -> Answer {
        if self.is_cut && self.reader.is_none() {
            return protocol::too_large_answer();
        }
        Answer::Response { body: std::mem::take(&mut self.body).into(), content_type }
    }
}
