//! An AWS in one process, on loopback: moto's server, and an environment in which the aws CLI and
//! the SDKs talk to it and can reach nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::rie::{free_port, listens};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// A running server, empty at first.
pub struct Moto {
    // Held for its end: dropping it stops the server.
    _process: Process,
    port: u16,
    programs: PathBuf,
    home: Scratch,
}

impl Moto {
    /// Starts a server; `None` when moto or the aws CLI is not installed, after saying so.
    pub fn start(what: &str) -> Option<Self> {
        let server = tools::require(Tool::Moto, what)?;
        let aws = tools::require(Tool::Aws, what)?;
        let programs = aws.parent().unwrap().to_owned();
        let mut said = String::new();
        // Another process may take a free port before the server does.
        for _ in 0..5 {
            let port = free_port();
            let mut process = Process::spawn(
                Command::new(&server)
                    .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                    // AWS's own policies, which functions' roles name.
                    .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true"),
            );
            if listens(&mut process, port) {
                let moto = Self { _process: process, port, programs, home: Scratch::new() };
                // It would run functions in a container engine; it must not look for one.
                moto.configure(r#"{"lambda": {"use_docker": false}}"#);
                return Some(moto);
            }
            said = process.stderr();
        }
        panic!("moto does not start, it says: {said}");
    }

    /// The address of every service.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Prepares `command` so that AWS is this server: nothing of the caller's account or
    /// configuration is seen, and a request to any other host ends at a closed port.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        isolate(command, &self.endpoint(), &self.programs, &self.home)
    }

    fn configure(&self, settings: &str) {
        ureq::post(format!("{}/moto-api/config", self.endpoint()))
            .send(settings)
            .unwrap_or_else(|error| panic!("moto refuses its settings: {error}"));
    }
}

/// Prepares `command` so that `endpoint` is all of AWS that it sees. `programs` is the folder of the
/// aws CLI, `home` an empty one.
pub fn isolate<'a>(
    command: &'a mut Command,
    endpoint: &str,
    programs: &Path,
    home: &Scratch,
) -> &'a mut Command {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = [programs.to_owned(), programs.with_file_name("venv").join("bin")]
        .into_iter()
        .chain(std::env::split_paths(&inherited));
    command
        .env_clear()
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("HOME", home.path())
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("NO_PROXY", "127.0.0.1")
}

/// Runs a shell script, with errors on, and returns what it printed.
///
/// # Panics
/// When a command of it fails, or when all take longer than `seconds`.
pub fn shell(script: &str, folder: &Path, seconds: u32, prepare: impl Fn(&mut Command)) -> String {
    let mut command = Command::new("timeout");
    command
        .args([&seconds.to_string(), "bash", "-euo", "pipefail", "-c", script])
        .current_dir(folder);
    prepare(&mut command);
    let output = command.output().unwrap_or_else(|error| panic!("cannot start `timeout`: {error}"));
    let (printed, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "{}, of this script:\n{script}\nit printed:\n{printed}\nit said:\n{said}",
        output.status
    );
    printed.into_owned()
}
