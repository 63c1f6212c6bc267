//! A response that the caller reads while the function still writes it.

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::delivery::Reading;
use super::invocation::Outcome;
use super::lambda::NotInvoked;

/// A response that has begun, or an invocation that failed before it did.
pub struct Streamed {
    /// The request id.
    pub id: String,
    /// What the function says that the body is; `None` when it failed before its first byte, which
    /// [`end`](Self::end) then tells of.
    pub content_type: Option<String>,
    chunks: mpsc::Receiver<Bytes>,
    outcome: oneshot::Receiver<Result<Outcome, NotInvoked>>,
}

impl Streamed {
    /// Waits until the response begins or the invocation is over.
    pub(super) async fn begin(
        id: String,
        reading: Reading,
        outcome: oneshot::Receiver<Result<Outcome, NotInvoked>>,
    ) -> Self {
        let Reading { head, chunks } = reading;
        // An error says that the writer is gone without having begun.
        let content_type = head.await.ok();
        Self { id, content_type, chunks, outcome }
    }

    /// The next part of the body, as the runtime sent it; `None` after the last one.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        self.chunks.recv().await
    }

    /// Waits for the end of the invocation, and drops what has not been read of the body.
    ///
    /// The answer is an error when the invocation failed, whether before the response began or in
    /// the middle of it; else a response with the body, as much of it as a buffered response may
    /// have.
    pub async fn end(mut self) -> Result<Outcome, NotInvoked> {
        // A function that writes waits for its reader.
        self.chunks.close();
        while self.chunks.recv().await.is_some() {}
        self.outcome.await.unwrap_or(Err(NotInvoked::ShutDown))
    }
}
