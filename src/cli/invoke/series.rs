//! One event, once or many times in the same environment, and what is measured on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::signals;
use crate::cli::terminal::Terminal;
use crate::emulator::{Answer, Environment, Function, Invocation, Line, Outcome, Sink, Status};

use super::statistics::{Statistics, millis};

/// Different warnings beyond these say nothing new.
const MAX_WARNINGS: usize = 5;

/// What becomes of the lines that an environment writes.
pub(super) enum Lines {
    /// They are shown as they come.
    Shown(Terminal),
    /// Those of the last invocation are kept.
    Kept,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Series {
    /// How many invocations were asked for.
    asked: u32,
    /// How long all of it took.
    took: Duration,
    /// Loading the function, if that worked at once.
    pub(super) init: Option<Duration>,
    durations: Vec<Duration>,
    /// How often each type of error came.
    pub(super) errors: BTreeMap<String, u32>,
    /// The first error.
    pub(super) first_error: Option<Bytes>,
    /// The last outcome.
    pub(super) last: Option<Outcome>,
    /// What the environment wrote around the last outcome, if it was kept.
    pub(super) logs: Vec<String>,
    /// The emulator's warnings, each once, if they were kept.
    pub(super) warnings: Vec<String>,
    max_memory_mb: Option<u32>,
    /// Whether it ended early because the function does not load.
    hopeless: bool,
    /// The signal that ended it early.
    pub(super) interrupted: Option<u8>,
}

/// Runs the function `count` times.
pub(super) async fn run(function: Function, event: Vec<u8>, count: u32, lines: Lines) -> Series {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mut environment = Environment::new(function, sink(lines, &kept));
    let mut interrupted = pin!(signals::interrupted());
    let progress = progress(count);
    let event = Bytes::from(event);
    let mut series = Series { asked: count, ..Series::default() };
    let began = Instant::now();
    for _ in 0..count {
        let outcome = tokio::select! {
            outcome = environment.invoke(Invocation::new(event.clone())) => outcome,
            number = &mut interrupted => {
                series.interrupted = Some(number);
                break;
            }
        };
        series.take(outcome, drain(&kept));
        progress.inc(1);
        if series.hopeless {
            break;
        }
    }
    series.took = began.elapsed();
    progress.finish_and_clear();
    environment.shut_down().await;
    series
}

fn sink(lines: Lines, kept: &Arc<Mutex<Vec<Line>>>) -> Sink {
    let kept = Arc::clone(kept);
    Arc::new(move |line| match lines {
        Lines::Shown(terminal) => terminal.line(&line),
        Lines::Kept => kept.lock().unwrap_or_else(PoisonError::into_inner).push(line),
    })
}

fn drain(kept: &Mutex<Vec<Line>>) -> Vec<Line> {
    std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A bar on standard error, if that is a terminal and there is something to wait for.
fn progress(count: u32) -> ProgressBar {
    if count == 1 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(count.into()), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:40} {pos} of {len} invocations, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Series {
    fn take(&mut self, outcome: Outcome, lines: Vec<Line>) {
        let report = &outcome.report;
        let first = self.durations.is_empty();
        if first {
            self.init = report.init_duration;
        }
        self.durations.push(report.duration);
        self.max_memory_mb = self.max_memory_mb.max(report.max_memory_mb);
        if let Answer::Error { body, error_type: counted } = &outcome.answer {
            *self.errors.entry(error_type(body, counted)).or_default() += 1;
            self.first_error.get_or_insert_with(|| body.clone());
            // It would only say so again.
            self.hopeless = first && self.init.is_none() && report.status != Status::Done;
        }
        self.logs.clear();
        for line in lines {
            match line {
                Line::Log(text) | Line::Platform(text) => self.logs.push(text),
                Line::Warning(text) => {
                    if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&text) {
                        self.warnings.push(text);
                    }
                }
            }
        }
        self.last = Some(outcome);
    }

    /// How many invocations were asked for.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// How many invocations ended.
    pub(super) fn done(&self) -> usize {
        self.durations.len()
    }

    /// How many of them with an error.
    pub(super) fn failed(&self) -> u32 {
        self.errors.values().sum()
    }

    /// How long all of it took.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// The figures of the durations; `None` before the first one.
    pub(super) fn statistics(&self) -> Option<Statistics> {
        Statistics::of(self.durations.clone())
    }
}

/// The type that the function gave its error; what AWS counts where it gave none.
fn error_type(body: &[u8], counted: &str) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let own = body.as_ref().and_then(|body| body["errorType"].as_str());
    own.unwrap_or(counted).to_owned()
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done();
        write!(f, "{done} ")?;
        if done < self.asked as usize {
            write!(f, "of {} ", self.asked)?;
        }
        write!(f, "invocations in {:.2} s, {} failed", self.took.as_secs_f64(), self.failed())?;
        for (index, (error_type, count)) in self.errors.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(f, "{before}{count} × {error_type}")?;
        }
        writeln!(f)?;
        if self.hopeless && self.asked > 1 {
            writeln!(f, "the function does not load, so that it was not tried again")?;
        }
        if let Some(init) = self.init {
            writeln!(f, "    init {:>10.2} ms", millis(init))?;
        }
        for (name, duration) in self.statistics().iter().flat_map(Statistics::named) {
            writeln!(f, "{name:>8} {:>10.2} ms", millis(duration))?;
        }
        if let Some(memory) = self.max_memory_mb {
            writeln!(f, "  memory {memory:>10} MB")?;
        }
        Ok(())
    }
}
