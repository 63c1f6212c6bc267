//! A peer: the process that is measured, and what the kernel knows of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::{Api, Block, Exchange};

/// A peer that has not answered for this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Peer {
    pub name: String,
    folder: PathBuf,
    log: PathBuf,
    api: Api,
    child: Option<Child>,
}

impl Peer {
    pub fn new(name: &str, folder: &Path, exchange: &Arc<Exchange>) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            folder: folder.canonicalize()?,
            log: folder.join("stderr.log"),
            api: Api::start(Arc::clone(exchange))?,
            child: None,
        })
    }

    /// Starts the peer, takes its first answer and returns how long that took.
    pub fn start(&mut self, exchange: &Arc<Exchange>) -> Result<Duration, String> {
        self.stop();
        self.api.offer(exchange, 1);
        let describe = |error| format!("cannot start `{}`: {error}", self.folder.display());
        let log = File::create(&self.log).map_err(describe)?;
        let mut command = Command::new(self.folder.join("bootstrap"));
        command
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
        let block = self.collect()?;
        Ok(block.end - begin)
    }

    /// Runs a block of events.
    pub fn run(&mut self, exchange: &Arc<Exchange>, count: usize) -> Result<Block, String> {
        self.api.offer(exchange, count);
        self.collect()
    }

    fn collect(&mut self) -> Result<Block, String> {
        let begin = Instant::now();
        let child = &mut self.child;
        let result = self.api.collect(|| match child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) if begin.elapsed() < PATIENCE => Ok(()),
            Some(Ok(Some(status))) => Err(format!("ended with {status}")),
            _ => Err(format!("gave no answer within {} s", PATIENCE.as_secs())),
        });
        result.map_err(|why| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            format!("{why}\n{log}").trim_end().to_owned()
        })
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
        let program = self.folder.join("bootstrap");
        let is_elf = fs::read(&program).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
        let size = |path: &Path| fs::metadata(path).ok().map(|file| file.len());
        (size(&program).filter(|_| is_elf), size(&self.folder.join("package.zip")))
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

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}
