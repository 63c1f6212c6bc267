//! The child process of an environment: started clean, measured, ended without asking.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use super::function::Function;
use super::logs::{Logs, Sink};

/// A running `bootstrap`.
pub(super) struct Process {
    child: Child,
    pid: u32,
    logs: Logs,
    /// The process group is gone, and its number may be another's by now.
    ended: bool,
}

impl Process {
    pub(super) fn start(
        function: &Function,
        runtime_api: &str,
        log_stream: &str,
        sink: Sink,
    ) -> io::Result<Self> {
        let [program, arguments @ ..] = function.runtime.as_slice() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no runtime is given"));
        };
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(function.environment(runtime_api, log_stream))
            .current_dir(&function.task_root)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            // A group of its own: what the child starts ends with it, and a Ctrl-C at the terminal
            // reaches this process alone, which then ends the child.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the child has no process id"))?;
        // `command` still holds the writing end: the pipe would never close.
        drop(command);
        let logs = Logs::read(Receiver::from_owned_fd(reader.into())?, sink);
        Ok(Self { child, pid, logs, ended: false })
    }

    /// Waits for the end of the process and tells it in Lambda's words.
    pub(super) async fn exited(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => exit_words(status),
            Err(error) => format!("Runtime exited with error: {error}"),
        }
    }

    /// Whether the process is over already.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends the process and whatever it started. Lambda does not ask either.
    pub(super) async fn kill(mut self) {
        self.kill_group();
        let _ = self.child.wait().await;
        self.logs.flush().await;
    }

    /// Passes on what has been logged until now.
    pub(super) async fn flush_logs(&self) {
        self.logs.flush().await;
    }

    /// The peak of the resident memory in MB; `None` where the system has no `/proc`, or after the
    /// end.
    pub(super) fn peak_memory_mb(&self) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes.div_ceil(1024))
    }

    fn kill_group(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It fails when nothing of the group is left, which is what is wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

fn exit_words(status: ExitStatus) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(0), _) => return "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => {
            let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("signal: {}{dumped}", signal_words(signal))
        }
        (None, None) => status.to_string(),
    };
    format!("Runtime exited with error: {how}")
}

/// Signals as Lambda names them, which are Go's names.
fn signal_words(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::exit_words;

    #[test]
    fn ends_are_told_in_lambdas_words() {
        let words = |raw| exit_words(ExitStatus::from_raw(raw));
        assert_eq!(words(0), "Runtime exited without providing a reason");
        assert_eq!(words(1 << 8), "Runtime exited with error: exit status 1");
        assert_eq!(words(9), "Runtime exited with error: signal: killed");
        assert_eq!(words(11), "Runtime exited with error: signal: segmentation fault");
    }
}
