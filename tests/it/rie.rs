//! AWS's own Lambda emulator with the real `bootstrap`: just enough HTTP to ask it, and what it
//! tells beyond the cases.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::process::{PATIENCE, Process};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// A running emulator with one function.
pub struct Emulator {
    process: Process,
    port: u16,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Emulator {
    /// Starts `program` with `bootstrap`, a handler and its environment.
    pub fn start(program: &Path, handler: &str, env: &[(&str, &str)]) -> Self {
        Self::launch(|address, api_address| {
            let mut command = Command::new(program);
            command
                .args(["--log-level", "error", "--runtime-interface-emulator-address", address])
                .args(["--runtime-api-address", api_address])
                .arg(tools::bootstrap())
                .arg(handler)
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("_HANDLER", handler)
                .envs(env.iter().copied());
            command
        })
    }

    /// Starts what `command` makes of the two addresses to listen at: for the caller, for the
    /// function.
    pub fn launch(command: impl Fn(&str, &str) -> Command) -> Self {
        let mut said = String::new();
        // Another process may take a free port before the emulator does.
        for _ in 0..5 {
            let port = free_port();
            let (address, api_address) =
                (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()));
            let mut process = Process::spawn(&mut command(&address, &api_address));
            if listens(&mut process, port) {
                return Self { process, port };
            }
            said = process.stderr();
        }
        panic!("the emulator does not start, it says: {said}");
    }

    /// Invokes the function.
    pub fn invoke(&mut self, event: &[u8]) -> Answer {
        self.try_invoke(event)
            .unwrap_or_else(|error| panic!("{error}, it says: {}", self.process.stderr()))
    }

    /// What it and the function wrote so far.
    pub fn log(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }

    fn try_invoke(&self, event: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            event.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(event)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        parse(&bytes).ok_or_else(|| std::io::Error::other("no answer"))
    }
}

/// A free port that no connection of another test is given meanwhile: below those that the system
/// hands out, and never the same twice.
pub fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() * 97;
    loop {
        let port = 10_000 + (first + COUNT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = u16::try_from(port).expect("it is below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until the port is open; `false` when the process ended before.
pub fn listens(process: &mut Process, port: u16) -> bool {
    let start = Instant::now();
    while process.is_running() && start.elapsed() < PATIENCE {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut body = bytes[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body)?;
    }
    Some(Answer { status, head, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 4 + length..)?;
    }
}

/// What AWS's emulator tells of a function's environment beyond the answers that the cases see.
#[test]
fn the_emulator_sees_an_init_error_and_an_end() {
    let Some(program) = tools::require(Tool::Rie, "init errors under AWS's emulator") else {
        return;
    };
    let root = Scratch::new();
    root.write("function.rhai", "throw \"no table\";\nfn handler(event) { }");
    let env = [("LAMBDA_TASK_ROOT", root.path().to_str().unwrap())];
    let mut emulator = Emulator::start(&program, "function.handler", &env);
    let answer = emulator.invoke(b"{}");
    assert_eq!(answer.status, 502, "{}", answer.text());
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["errorType"], "Runtime.InitError");
    assert_eq!(body["errorMessage"], "no table");
    assert!(emulator.log().contains("no table"), "{}", emulator.log());
}

#[test]
fn the_emulator_gets_the_content_type_and_the_bytes() {
    let Some(program) = tools::require(Tool::Rie, "raw results under AWS's emulator") else {
        return;
    };
    let root = Scratch::new();
    root.write(
        "function.rhai",
        "fn handler(event) { let b = blob(3, 255); lambda::raw(b, \"image/x-test\") }",
    );
    let env = [("LAMBDA_TASK_ROOT", root.path().to_str().unwrap())];
    let mut emulator = Emulator::start(&program, "function.handler", &env);
    for _ in 0..3 {
        let answer = emulator.invoke(b"{}");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &[255, 255, 255][..]));
        assert!(answer.head.to_ascii_lowercase().contains("content-type: "), "{}", answer.head);
    }
}
