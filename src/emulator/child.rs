//! The child process of an environment: started clean, measured, ended without asking.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::function::Function;
use super::logs::{Logs, Partial, Sink};

/// A running `bootstrap`.
pub(super) struct Process {
    pid: u32,
    /// How it ended, in Lambda's words.
    end: watch::Receiver<Option<String>>,
    logs: Logs,
    /// The process group is gone, and its number may be another's by now.
    ended: AtomicBool,
}

impl Process {
    pub(super) fn start(
        function: &Function,
        environment: Vec<(OsString, OsString)>,
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
            .envs(environment)
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
        let (ending, end) = watch::channel(None);
        tokio::spawn(watch_over(child, ending));
        Ok(Self { pid, end, logs, ended: AtomicBool::new(false) })
    }

    /// Waits for the end of the process and tells it in Lambda's words.
    pub(super) async fn exited(&self) -> String {
        let mut end = self.end.clone();
        let end = end.wait_for(Option::is_some).await;
        // An error says that the runtime of this program is ending, and everything with it.
        end.ok().and_then(|end| end.clone()).unwrap_or_else(|| exit_words(ExitStatus::default()))
    }

    /// Whether the process is over already. The system is asked: word of it may be on its way.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.end.borrow().is_some()
            || !self.pid().is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }

    /// Asks the process to end, and gives it so much time for it.
    pub(super) async fn terminate(&self, limit: Duration) {
        if let Some(pid) = self.pid()
            && !self.has_ended()
            && kill_process(pid, Signal::TERM).is_ok()
        {
            // Who does not end is ended.
            let _ = tokio::time::timeout(limit, self.exited()).await;
        }
    }

    /// Ends the process and whatever it started. Lambda does not ask either.
    pub(super) async fn kill(&self) {
        self.kill_group();
        self.exited().await;
        self.logs.flush(Partial::Ends).await;
    }

    /// Passes on what has been logged until now.
    pub(super) async fn flush_logs(&self, partial: Partial) {
        self.logs.flush(partial).await;
    }

    /// The peak of the resident memory in MB; `None` where the system has no `/proc`, or after the
    /// end.
    pub(super) fn peak_memory_mb(&self) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes.div_ceil(1024))
    }

    fn kill_group(&self) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(pid) = self.pid() {
            // It fails when nothing of the group is left, which is what is wanted.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Waits for the end of `child` and tells whoever wants to know.
async fn watch_over(mut child: Child, end: watch::Sender<Option<String>>) {
    let words = match child.wait().await {
        Ok(status) => exit_words(status),
        Err(error) => format!("Runtime exited with error: {error}"),
    };
    end.send_replace(Some(words));
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
