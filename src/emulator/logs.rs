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

/// So much is read in one go, which is what a pipe can hold: a child that never stops writing keeps
/// nobody else waiting.
const ONE_GO: usize = 64 << 10;

/// What a look into the pipe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipe {
    Empty,
    /// There may be more.
    Full,
    Closed,
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
                let found = if ready.is_ok() { lines.drain(&pipe) } else { Pipe::Closed };
                open = found != Pipe::Closed;
                if found == Pipe::Full {
                    // Other tasks have their turn too, those that watch deadlines among them.
                    tokio::task::yield_now().await;
                }
            }
            request = requests.recv() => {
                let Some(Flush { partial, done }) = request else { return };
                open = open && lines.drain(&pipe) != Pipe::Closed;
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
    /// Reads what was there when it began, and some of what came meanwhile.
    fn drain(&mut self, pipe: &Receiver) -> Pipe {
        let mut buffer = [0; 8192];
        let mut read = 0;
        while read < ONE_GO {
            match pipe.try_read(&mut buffer) {
                Ok(0) => return Pipe::Closed,
                Ok(count) => {
                    read += count;
                    self.push(&buffer[..count]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Pipe::Empty,
                Err(_) => return Pipe::Closed,
            }
        }
        Pipe::Full
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, mpsc};
    use std::time::Duration;

    use tokio::net::unix::pipe::Receiver;

    use super::{Logs, Partial};

    /// Ends the writer, however the test ends.
    struct Stop(Arc<AtomicBool>);

    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_who_never_stops_writing_keeps_nobody_waiting() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let stop = Stop(Arc::default());
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&b"line\n".repeat(2000)).unwrap();
        let (writer, stopped) = (Mutex::new(writer), stop.0.clone());
        let (read, has_read) = mpsc::channel();
        // For each line that is read another one is written: the pipe is never empty.
        let sink = Arc::new(move |_| {
            if !stopped.load(Ordering::Relaxed) {
                writer.lock().unwrap().write_all(b"line\n").unwrap();
                let _ = read.send(());
            }
        });
        let entered = runtime.enter();
        let logs = Logs::read(Receiver::from_owned_fd(reader.into()).unwrap(), sink);
        drop(entered);
        // Not by the clock of the runtime, which would wait as well.
        let patience = Duration::from_secs(20);
        assert_eq!(has_read.recv_timeout(patience), Ok(()));
        let (done, is_done) = mpsc::channel();
        runtime.spawn(async move {
            for _ in 0..3 {
                logs.flush(Partial::GoesOn).await;
                tokio::spawn(async {}).await.unwrap();
            }
            done.send(()).unwrap();
        });
        assert_eq!(is_done.recv_timeout(patience), Ok(()), "others wait for the writer");
    }
}
