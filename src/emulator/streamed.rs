//! A response that is passed on while the function still writes it.

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::invocation::{Answer, Outcome};
use super::lambda::NotInvoked;

/// How many pieces may lie between a function and its caller.
const BUFFERED: usize = 16;

/// A response that has begun, or an invocation that failed before it did.
pub struct Streamed {
    /// The request id.
    pub id: String,
    /// What the function says that the body is; `None` when it failed before its first byte, which
    /// [`end`](Self::end) then tells of.
    pub content_type: Option<String>,
    chunks: mpsc::Receiver<Bytes>,
    outcome: oneshot::Receiver<Result<Outcome, NotInvoked>>,
    /// It came before the response began.
    ended: Option<Result<Outcome, NotInvoked>>,
}

impl Streamed {
    /// Waits for the whole response.
    pub(super) async fn of_buffered(
        id: String,
        outcome: oneshot::Receiver<Result<Outcome, NotInvoked>>,
    ) -> Result<Self, NotInvoked> {
        let (sender, chunks) = mpsc::channel(BUFFERED);
        let mut outcome_of = outcome;
        let ended = (&mut outcome_of).await.unwrap_or(Err(NotInvoked::ShutDown))?;
        let content_type = match &ended.answer {
            Answer::Response { body, content_type } => {
                let _ = sender.try_send(body.clone());
                Some(content_type.clone())
            }
            Answer::Error { .. } => None,
        };
        Ok(Self { id, content_type, chunks, outcome: outcome_of, ended: Some(Ok(ended)) })
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
        if let Some(ended) = self.ended {
            return ended;
        }
        // A function that writes waits for its reader.
        self.chunks.close();
        self.outcome.await.unwrap_or(Err(NotInvoked::ShutDown))
    }
}
