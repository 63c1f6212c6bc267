//! What an environment has to say, line by line, in the order in which it happened.

use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};

/// One line of an environment's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// From the runtime or the function.
    Log(String),
    /// From Lambda: START, END, REPORT, INIT_REPORT.
    Platform(String),
    /// From this emulator: what would go wrong on AWS.
    Warning(String),
}

/// Where the lines go.
pub type Sink = Arc<dyn Fn(Line) + Send + Sync>;

/// What becomes of a line that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partial {
    /// It counts as one.
    Ends,
    /// The rest of it will come.
    GoesOn,
}

/// Somebody who waits for all lines that there are.
struct Flush {
    partial: Partial,
    done: oneshot::Sender<()>,
}

/// Reads what a child writes. Standard output and error share one pipe, which keeps their order.
pub(super) struct Logs {
    flush: mpsc::Sender<Flush>,
}

impl Logs {
    pub(super) fn read(pipe: Receiver, sink: Sink) -> Self {
        let (flush, requests) = mpsc::channel(1);
        tokio::spawn(pump(pipe, sink, requests));
        Self { flush }
    }

    /// Passes on everything that was written until now: what a child wrote before it answered is in
    /// the pipe by then.
    pub(super) async fn flush(&self, partial: Partial) {
        let (done, finished) = oneshot::channel();
        if self.flush.send(Flush { partial, done }).await.is_ok() {
            // An error says that the pipe has been closed and read to its end.
            let _ = finished.await;
        }
    }
}

async fn pump(pipe: Receiver, sink: Sink, mut requests: mpsc::Receiver<Flush>) {
    let mut lines = Lines { partial: Vec::new(), sink };
    let mut open = true;
    loop {
        tokio::select! {
            ready = pipe.readable(), if open => {
                open = ready.is_ok() && lines.drain(&pipe);
            }
            request = requests.recv() => {
                let Some(Flush { partial, done }) = request else { return };
                open = open && lines.drain(&pipe);
                if partial == Partial::Ends {
                    lines.end();
                }
                let _ = done.send(());
            }
        }
        if !open {
            lines.end();
        }
    }
}

struct Lines {
    partial: Vec<u8>,
    sink: Sink,
}

impl Lines {
    /// Reads all there is; false once the pipe is closed.
    fn drain(&mut self, pipe: &Receiver) -> bool {
        let mut buffer = [0; 8192];
        loop {
            match pipe.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.push(&buffer[..count]),
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        self.partial.extend_from_slice(parts.next().unwrap_or_default());
        for part in parts {
            let line = std::mem::replace(&mut self.partial, part.to_vec());
            self.emit(&line);
        }
    }

    /// A line that was not finished counts as one.
    fn end(&mut self) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.emit(&line);
        }
    }

    fn emit(&self, line: &[u8]) {
        (self.sink)(Line::Log(String::from_utf8_lossy(line).into_owned()));
    }
}
