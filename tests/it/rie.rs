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

/// Runs inside the namespace. `/var` is covered whole because `/var/task` rarely exists; the
/// emulator is in there too, since what lies below the real `/var` is hidden from here on.
const INSIDE: &str = r#"
mount --bind "$1/opt" /opt
mount --bind "$1/var" /var
cd /var/task
exec /var/aws-lambda-rie --log-level error \
    --runtime-interface-emulator-address "$2" --runtime-api-address "$3"
"#;

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

    /// Starts the emulator inside of `folder`, whose `opt` and `var` it sees as its own: it is told of no
    /// `bootstrap`, and finds `/opt/bootstrap`. It is in `var` itself.
    pub fn start_inside(folder: &Path, handler: &str, env: &[(&str, &str)]) -> Self {
        Self::launch(|address, api_address| {
            let mut command = unshare();
            command
                .args(["bash", "-euo", "pipefail", "-c", INSIDE, "inside"])
                .arg(folder)
                .args([address, api_address])
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
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

/// A command in namespaces of its own, all of which ends with it. Only root may make mounts, so
/// anybody else becomes root of a user namespace first.
fn unshare() -> Command {
    let user = Command::new("id").arg("-u").output().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if user.stdout.trim_ascii() != b"0" {
        command.arg("--map-root-user");
    }
    command
}

/// That this machine lets us have a mount namespace: nothing else shows the emulator an `/opt`.
pub fn assert_can_mount() {
    let output = unshare()
        .args(["bash", "-c", "mount --bind /usr /opt && mount --bind /usr /var"])
        .output()
        .unwrap_or_else(|error| panic!("`unshare` (util-linux) cannot be started: {error}"));
    assert!(
        output.status.success(),
        "this machine allows no private mounts over `/opt` and `/var`: {}\n\
         hint: run as root, or allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`)",
        String::from_utf8_lossy(&output.stderr)
    );
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

/// Its mode for Managed Instances takes no `bootstrap` as argument, so it gets one in `/opt`.
#[test]
fn the_emulator_runs_several_workers_at_once() {
    let Some(program) = tools::require(Tool::Rie, "Managed Instances under AWS's emulator") else {
        return;
    };
    assert_can_mount();
    let root = Scratch::new();
    // Each waits for all the others: one after the other they would never end.
    root.write(
        "var/task/function.rhai",
        r#"fn handler(event, context) {
            cache::set(event.name, true);
            log::info(`waits: ${event.name}`);
            for other in event.all {
                while !cache::get(other, false) { sleep(0.01); }
            }
            event.name
        }"#,
    );
    std::fs::copy(program, root.path().join("var/aws-lambda-rie")).unwrap();
    std::fs::create_dir(root.path().join("opt")).unwrap();
    std::fs::copy(tools::bootstrap(), root.path().join("opt/bootstrap")).unwrap();
    let env = [("AWS_LAMBDA_MAX_CONCURRENCY", "4"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")];
    let emulator = Emulator::start_inside(root.path(), "function.handler", &env);
    let ask = |name: &str| {
        let event = format!(r#"{{"name":"{name}","all":["a","b","c","d"]}}"#);
        // Until all workers are ready, it has none to spare for some.
        let start = Instant::now();
        loop {
            let answer = emulator.try_invoke(event.as_bytes()).unwrap();
            if !answer.text().contains("Runtime.Unavailable") {
                return answer.text();
            }
            assert!(start.elapsed() < PATIENCE, "{}", emulator.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            ["a", "b", "c", "d"].map(|name| (name, scope.spawn(move || ask(name)))).into();
        for (name, answer) in asked {
            assert_eq!(answer.join().unwrap(), format!("\"{name}\""), "{}", emulator.log());
        }
    });
    let log = emulator.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut ids: Vec<String> = lines.map(|line| line["requestId"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{log}");
}
