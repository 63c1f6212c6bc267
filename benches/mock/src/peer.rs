//! A peer: the process that is measured, and what the kernel knows of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::api::{Api, Block, Exchange};

/// A peer that has not answered for this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Under a program that counts what it does it is some fifty times slower.
const PATIENCE_UNDER: Duration = Duration::from_secs(900);

/// What a peer has for ending by itself.
const GRACE: Duration = Duration::from_secs(10);

pub struct Peer {
    pub name: String,
    folder: PathBuf,
    log: PathBuf,
    api: Api,
    child: Option<Child>,
    patience: Duration,
}

impl Peer {
    pub fn new(name: &str, folder: &Path, exchange: &Arc<Exchange>) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            folder: folder.canonicalize()?,
            log: folder.join("stderr.log"),
            api: Api::start(Arc::clone(exchange))?,
            child: None,
            patience: PATIENCE,
        })
    }

    /// Starts the peer, takes its first answer and returns how long that took.
    pub fn start(&mut self, exchange: &Arc<Exchange>) -> Result<Duration, String> {
        self.stop();
        self.api.offer(exchange, 1);
        let begin = self.spawn(&[])?;
        let block = self.collect()?;
        Ok(block.end - begin)
    }

    /// Starts the peer under another program, and waits until it asks for its first event.
    pub fn start_under(&mut self, program: &[&OsStr]) -> Result<(), String> {
        self.stop();
        self.spawn(program)?;
        self.wait_for_request()
    }

    /// Starts the peer and returns when it did so.
    fn spawn(&mut self, under: &[&OsStr]) -> Result<Instant, String> {
        let describe = |error| format!("cannot start `{}`: {error}", self.folder.display());
        let log = File::create(&self.log).map_err(describe)?;
        self.patience = if under.is_empty() { PATIENCE } else { PATIENCE_UNDER };
        let bootstrap = self.program();
        let mut words = under.iter().copied().chain([bootstrap.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env_clear()
            .envs(
                ["PATH", "HOME"]
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address().to_string())
            .env("_HANDLER", "function.handler")
            .env("LAMBDA_TASK_ROOT", &self.folder)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]0")
            .env("AWS_REGION", "us-east-1")
            .env("LANG", "en_US.UTF-8")
            .env("TZ", ":UTC")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let begin = Instant::now();
        self.child = Some(command.spawn().map_err(describe)?);
        Ok(begin)
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bootstrap")
    }

    /// A file beside the program, for whoever measures it.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the program is native code, rather than a script for some other program.
    pub fn is_native(&self) -> bool {
        let mut magic = [0; 4];
        let read = File::open(self.program()).and_then(|mut file| file.read_exact(&mut magic));
        read.is_ok() && &magic == b"\x7fELF"
    }

    /// Runs a block of events.
    pub fn run(&mut self, exchange: &Arc<Exchange>, count: usize) -> Result<Block, String> {
        self.api.offer(exchange, count);
        self.collect()
    }

    fn collect(&mut self) -> Result<Block, String> {
        let alive = is_alive(&mut self.child, self.patience);
        self.api.collect(alive).map_err(|why| self.explain(&why))
    }

    /// Waits until the peer asks for an event while there is none on offer.
    pub fn wait_for_request(&mut self) -> Result<(), String> {
        let alive = is_alive(&mut self.child, self.patience);
        self.api.wait_for_request(alive).map_err(|why| self.explain(&why))
    }

    /// The reason of a failure, with what the peer has to say of it.
    fn explain(&self, why: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("{why}\n{log}").trim_end().to_owned()
    }

    /// Minor page faults so far, of the process and of those that it has waited for.
    pub fn page_faults(&self) -> Option<u64> {
        let pid = self.child.as_ref()?.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything: state, six ids, flags, then these two.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(number(7)? + number(8)?)
    }

    /// Resident memory in kB, of the process alone.
    pub fn rss(&self) -> Option<u64> {
        let pid = self.child.as_ref()?.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// The bytes of the program, where it is one file, and of what is deployed.
    pub fn sizes(&self) -> (Option<u64>, Option<u64>) {
        let size = |path: &Path| fs::metadata(path).ok().map(|file| file.len());
        let program = size(&self.program()).filter(|_| self.is_native());
        (program, size(&self.folder.join("package.zip")))
    }

    /// Asks the peer to end, as Lambda does, and makes it end if it does not.
    pub fn end(&mut self) {
        if let Some(child) = &mut self.child {
            let pid = child.id().to_string();
            let _ = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
            let begin = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && begin.elapsed() < GRACE {
                thread::sleep(Duration::from_millis(5));
            }
        }
        self.stop();
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.api.reset();
    }
}

/// Tells what has become of the process, and when to have no more patience with it.
fn is_alive(child: &mut Option<Child>, patience: Duration) -> impl FnMut() -> Result<(), String> {
    let begin = Instant::now();
    move || match child.as_mut().map(Child::try_wait) {
        Some(Ok(None)) if begin.elapsed() < patience => Ok(()),
        Some(Ok(Some(status))) => Err(format!("ended with {status}")),
        _ => Err(format!("gave no answer within {} s", patience.as_secs())),
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}
