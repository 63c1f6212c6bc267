//! A child process with its output collected, time limits on every wait, killed on drop.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No wait of a test is longer. Generous: it only ends tests that would hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running child in a process group of its own.
pub struct Process {
    child: Child,
    started: Instant,
    stdout: Output,
    stderr: Output,
}

/// How a child ended and what it wrote.
#[derive(Debug)]
pub struct Exit {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    /// From the start of the process to its end.
    pub took: Duration,
    pub ended: Instant,
}

impl Process {
    /// Starts `command`, without standard input.
    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_with_input(command, Stdio::null())
    }

    /// Starts `command` with `stdin`.
    pub fn spawn_with_input(command: &mut Command, stdin: Stdio) -> Self {
        let started = Instant::now();
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group, so that the children of a child are ended too.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = Output::collect(child.stdout.take().unwrap());
        let stderr = Output::collect(child.stderr.take().unwrap());
        Self { child, started, stdout, stderr }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(status.unwrap().success(), "cannot send {name}");
    }

    /// Waits for the end of the process and of its output.
    pub fn wait(mut self) -> Exit {
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                asked.elapsed() < PATIENCE,
                "the process did not end, its standard error: {}",
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        let ended = Instant::now();
        self.stdout.finish();
        self.stderr.finish();
        Exit {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            took: ended - self.started,
            ended,
        }
    }

    /// Waits until `done` says so of what was written to standard error; returns that text.
    pub fn wait_for_stderr(&mut self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.stderr();
            if done(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "no {what} on standard error, only: {text}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            // The whole group: an emulator must not leave its `bootstrap` behind.
            let group = format!("-{}", self.child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A stream that a thread reads to its end.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Output {
    fn collect(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                into.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        });
        Self { bytes, thread: Some(thread) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Waits for the last bytes, unless a grandchild still holds the stream open.
    fn finish(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let start = Instant::now();
        while !thread.is_finished() && start.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
