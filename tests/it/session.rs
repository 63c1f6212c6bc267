//! The real `bootstrap` with a function folder, talking to the scripted Runtime API.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Exit, PATIENCE, Process};
use crate::runtime_api::{Answer, INIT_ERROR, Request, RuntimeApi};
use crate::scratch::Scratch;
use crate::tools;

/// A function before it is started: its files and its environment.
pub struct Function {
    root: Scratch,
    env: Vec<(String, String)>,
}

impl Function {
    /// A function whose `function.rhai` is `script`; the handler is `function.handler`.
    pub fn new(script: impl AsRef<[u8]>) -> Self {
        let function = Self::empty();
        function.root.write("function.rhai", script);
        function
    }

    /// A function that has no file yet.
    pub fn empty() -> Self {
        Self { root: Scratch::new(), env: Vec::new() }.env("_HANDLER", "function.handler")
    }

    /// A function that answers with its event.
    pub fn echo() -> Self {
        Self::new("fn handler(event) { event }")
    }

    /// A function from a folder, which is copied.
    pub fn from_folder(folder: &Path) -> Self {
        let function = Self::empty();
        function.root.copy_from(folder);
        function
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.root.write(name, content);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    pub fn handler(self, name: &str) -> Self {
        self.env("_HANDLER", name)
    }

    /// The folder that is the task root.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// `bootstrap` with the environment that Lambda gives, and nothing of this one's.
    pub fn command(&self, runtime_api: Option<&str>) -> Command {
        let mut command = Command::new(tools::bootstrap());
        command
            .env_clear()
            .env("LAMBDA_TASK_ROOT", self.root())
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]0")
            .env("RUST_BACKTRACE", "0")
            .current_dir(self.root());
        if let Some(address) = runtime_api {
            command.env("AWS_LAMBDA_RUNTIME_API", address);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `bootstrap` against a Runtime API of its own.
    pub fn start(self) -> Session {
        self.start_on(RuntimeApi::start())
    }

    /// Starts `bootstrap` against `api`, which the test has scripted before.
    pub fn start_on(self, api: RuntimeApi) -> Session {
        let process = Process::spawn(&mut self.command(Some(&api.address())));
        Session { api, process, function: self, count: Cell::new(0) }
    }

    /// Starts it, waits for its end and returns what it sent: for errors at init.
    pub fn run_to_end(self) -> (Exit, Vec<Request>) {
        let session = self.start();
        let exit = session.process.wait();
        (exit, session.api.requests())
    }
}

/// A running `bootstrap`.
pub struct Session {
    // Dropped first, so that `bootstrap` does not outlive its Runtime API and complain.
    pub process: Process,
    pub api: RuntimeApi,
    /// Keeps the function's folder.
    pub function: Function,
    count: Cell<usize>,
}

impl Session {
    /// Sends an event and returns what was posted for it.
    pub fn invoke(&mut self, event: impl Into<Vec<u8>>) -> Request {
        self.invoke_within(event, Duration::from_secs(60))
    }

    /// Sends an event that must be answered within `time`.
    pub fn invoke_within(&mut self, event: impl Into<Vec<u8>>, time: Duration) -> Request {
        self.count.set(self.count.get() + 1);
        let id = format!("request-{}", self.count.get());
        self.send(&id, Answer::event_within(&id, event, time))
    }

    /// Lets `/next` answer so, and returns what was posted for the event `id`.
    pub fn send(&mut self, id: &str, answer: Answer) -> Request {
        self.api.next(answer);
        self.posted(id)
    }

    /// Waits for what is posted for the event `id`, or for an init error.
    pub fn posted(&mut self, id: &str) -> Request {
        let part = format!("/invocation/{id}/");
        let start = Instant::now();
        loop {
            let wanted =
                |request: &Request| request.path.contains(&part) || request.path == INIT_ERROR;
            // Asked first, so that what it posted before its end is not missed.
            let running = self.process.is_running();
            if let Some(request) = self.api.wait_for(Duration::from_millis(50), wanted) {
                return request;
            }
            let stderr = || self.process.stderr();
            assert!(running, "`bootstrap` ended without an answer to {id}: {}", stderr());
            assert!(start.elapsed() < PATIENCE, "no answer to {id}: {}", stderr());
        }
    }

    /// Checks that the environment still serves: an echo handler's next event comes back.
    pub fn still_echoes(&mut self) {
        let request = self.invoke(r#"{"still":"there"}"#);
        assert!(request.path.ends_with("/response"), "{request:?}");
        assert_eq!(request.text(), r#"{"still":"there"}"#);
    }

    /// Waits until `bootstrap` asks for its next event, so that it is idle or about to be.
    pub fn wait_until_idle(&self, nexts: usize) {
        let start = Instant::now();
        while self.api.requests().iter().filter(|request| request.is_next()).count() < nexts {
            assert!(
                start.elapsed() < PATIENCE,
                "`bootstrap` never asked: {}",
                self.process.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
