//! The lines that Lambda writes around an invocation: START, END, REPORT and INIT_REPORT.

use std::fmt;
use std::time::Duration;

/// How an invocation or an init ended, beyond its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The runtime did its part, whatever the function answered.
    Done,
    /// The environment failed; the type of the failure.
    Error(String),
    /// Time was up.
    Timeout,
}

/// The figures of one invocation; [`Display`](fmt::Display) writes Lambda's REPORT line.
#[derive(Clone, Debug)]
pub struct Report {
    /// The request id.
    pub id: String,
    /// From the event's delivery to the moment when the runtime was ready for another.
    pub duration: Duration,
    /// Loading, when it came before this invocation.
    pub init_duration: Option<Duration>,
    /// The function's setting.
    pub memory_mb: u32,
    /// The peak of the child's resident memory, where the system tells it.
    pub max_memory_mb: Option<u32>,
    /// How it ended.
    pub status: Status,
}

impl Report {
    /// What AWS would charge, in milliseconds: loading counts for runtimes like this one.
    pub fn billed_ms(&self) -> u128 {
        (self.duration + self.init_duration.unwrap_or_default()).as_micros().div_ceil(1000)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "REPORT RequestId: {}", self.id)?;
        write!(f, "\tDuration: {:.2} ms", millis(self.duration))?;
        write!(f, "\tBilled Duration: {} ms", self.billed_ms())?;
        write!(f, "\tMemory Size: {} MB", self.memory_mb)?;
        if let Some(used) = self.max_memory_mb {
            write!(f, "\tMax Memory Used: {used} MB")?;
        }
        if let Some(init) = self.init_duration {
            write!(f, "\tInit Duration: {:.2} ms", millis(init))?;
        }
        write!(f, "{}", self.status)
    }
}

/// The end of a line: nothing for what went well.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => Ok(()),
            Self::Error(error_type) => write!(f, "\tStatus: error\tError Type: {error_type}"),
            Self::Timeout => write!(f, "\tStatus: timeout"),
        }
    }
}

/// When a runtime was loaded: ahead of an invocation, or as a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Init,
    Invoke,
}

/// The line of a failed init.
pub(super) fn init_report(phase: Phase, duration: Duration, status: &Status) -> String {
    let phase = match phase {
        Phase::Init => "init",
        Phase::Invoke => "invoke",
    };
    format!("INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}{status}", millis(duration))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Report, Status};

    #[test]
    fn the_line_has_lambdas_form() {
        let mut report = Report {
            id: "r".to_owned(),
            duration: Duration::from_micros(1230),
            init_duration: Some(Duration::from_micros(2500)),
            memory_mb: 128,
            max_memory_mb: Some(4),
            status: Status::Done,
        };
        assert_eq!(
            report.to_string(),
            "REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\
             \tMax Memory Used: 4 MB\tInit Duration: 2.50 ms"
        );
        report.init_duration = None;
        report.max_memory_mb = None;
        report.status = Status::Error("Runtime.ExitError".to_owned());
        assert_eq!(
            report.to_string(),
            "REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\
             \tStatus: error\tError Type: Runtime.ExitError"
        );
    }
}
