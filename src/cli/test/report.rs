//! What the run says: a line for each test, the failures drawn, the sum; or all of it as JSON.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::assertions::DIFF;
use super::coverage::Coverage;
use super::suite::Test;
use super::trial::Outcome;
use crate::cli::misuse::Misuse;
use crate::cli::surroundings;
use crate::cli::terminal::{Ending, print};
use crate::diagnostic::{Style, render};

/// Names up to this width are in a column of their own.
const WIDEST: usize = 76;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// Which logs are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Logs {
    OfFailures,
    All,
}

/// Writes to standard output: what a run says is its result.
pub(super) struct Report {
    form: Form,
    style: Style,
    started: Instant,
    width: usize,
    logs: Logs,
    /// What the JSON document holds beside the tests.
    further: serde_json::Map<String, Value>,
    tests: Vec<Value>,
}

impl Report {
    pub(super) fn new(form: Form, logs: Logs) -> Self {
        let coloured = io::stdout().is_terminal() && !surroundings::refuses_colour();
        Self {
            form,
            style: if coloured { Style::Coloured } else { Style::Plain },
            started: Instant::now(),
            width: 0,
            logs,
            further: serde_json::Map::new(),
            tests: Vec::new(),
        }
    }

    /// The names of the tests.
    pub(super) fn list(&self, tests: &[&Test]) -> Result<(), Misuse> {
        let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        match self.form {
            Form::Json => write_all(&json!({ "tests": names }).to_string()),
            Form::Text => write_all(&names.join("\n")),
        }
    }

    pub(super) fn start(&mut self, tests: &[&Test]) {
        let widths = tests.iter().map(|test| test.name.chars().count());
        self.width = widths.max().unwrap_or_default().min(WIDEST);
        self.started = Instant::now();
    }

    /// A test has ended.
    pub(super) fn line(&mut self, test: &Test, outcome: &Outcome) {
        if self.form == Form::Json {
            self.tests.push(described(test, outcome));
            return;
        }
        let label = match &outcome.failure {
            None => self.style.good("pass"),
            Some(_) => self.style.bad("FAIL"),
        };
        let width = self.width;
        let took = self.style.faint(&format!("{:>8}", time(outcome.took)));
        let mut text = format!("{label}  {:<width$}  {took}", test.name);
        if outcome.failure.is_none() {
            for note in &outcome.notes {
                let _ = write!(text, "  {note}");
            }
            if self.logs == Logs::All {
                text.push('\n');
                text.push_str(&self.log(outcome));
            }
        }
        write(&text);
    }

    /// Every failure, drawn.
    pub(super) fn failures(&self, tests: &[&Test], outcomes: &[Option<Outcome>]) {
        if self.form == Form::Json {
            return;
        }
        for (test, outcome) in tests.iter().zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            let Some(error) = &outcome.failure else { continue };
            let mut text = format!("\n{}\n", self.style.bad(&format!("FAIL {}", test.name)));
            text.push_str(&render(error, &|file| test.root.source(file), self.style));
            if let Some(diff) = error.fields().get(DIFF).and_then(Value::as_str) {
                text.push_str(&self.difference(diff));
            }
            for note in &outcome.notes {
                // What the error says already is not said twice.
                let request = note.split('`').nth(1).unwrap_or_default();
                if !error.message().starts_with(request) {
                    let _ = writeln!(text, "{}", self.style.faint(&format!("note: {note}")));
                }
            }
            text.push_str(&self.log(outcome));
            write(&text);
        }
    }

    /// The sign in front of a line says what it is: `-` is expected, `+` was found.
    fn difference(&self, diff: &str) -> String {
        let legend = format!("{} {}", self.style.bad("- expected"), self.style.good("+ found"));
        let mut out = format!("  {legend}\n");
        for line in diff.lines() {
            let line: String = line.chars().filter(|c| !c.is_control()).collect();
            let line = match line.chars().next() {
                Some('-') => self.style.bad(&line),
                Some('+') => self.style.good(&line),
                _ => line,
            };
            let _ = writeln!(out, "  {}", line.trim_end());
        }
        out
    }

    fn log(&self, outcome: &Outcome) -> String {
        let line = |line: &str| format!("{}\n", self.style.faint(&format!("  log: {line}")));
        outcome.log.lines().map(line).collect()
    }

    /// Which lines did not run.
    pub(super) fn coverage(&mut self, coverage: &Coverage) {
        if self.form == Form::Json {
            let file = |file: &super::coverage::File| {
                let (hit, all) = file.count();
                json!({ "file": file.shown, "lines": all, "hit": hit, "missed": file.missed() })
            };
            let files: Vec<Value> = coverage.files().map(file).collect();
            self.further.insert("coverage".to_owned(), Value::from(files));
            return;
        }
        let shown = coverage.files().map(|file| file.shown.chars().count());
        let width = shown.chain(["total".len()]).max().unwrap_or_default();
        let row = |name: &str, (hit, all): (usize, usize)| {
            let share = if all == 0 { 100.0 } else { hit as f64 * 100.0 / all as f64 };
            format!("{name:<width$}  {hit:>4} of {all:>4} lines  {share:>5.1} %")
        };
        let mut text = String::from("\n");
        for file in coverage.files() {
            let mut line = row(&file.shown, file.count());
            let missed = file.missed();
            if !missed.is_empty() {
                let _ = write!(line, "  {}", self.style.bad(&format!("missed {missed}")));
            }
            let _ = writeln!(text, "{line}");
        }
        text.push_str(&row("total", coverage.total()));
        write(&text);
    }

    /// The sum, as the last line.
    pub(super) fn end(mut self, outcomes: &[Option<Outcome>]) -> Result<(), Misuse> {
        let passed = outcomes.iter().flatten().filter(|outcome| outcome.failure.is_none()).count();
        let failed = outcomes.iter().flatten().count() - passed;
        let not_run = outcomes.len() - passed - failed;
        let took = self.started.elapsed();
        if self.form == Form::Json {
            let mut document = json!({
                "passed": passed,
                "failed": failed,
                "notRun": not_run,
                "seconds": seconds(took),
                "tests": self.tests,
            });
            if let Value::Object(document) = &mut document {
                document.append(&mut self.further);
            }
            return write_all(&document.to_string());
        }
        let mut parts = vec![match failed {
            0 => self.style.good(&format!("{passed} passed")),
            _ => format!("{passed} passed"),
        }];
        if failed > 0 {
            parts.push(self.style.bad(&format!("{failed} failed")));
        }
        if not_run > 0 {
            parts.push(format!("{not_run} not run"));
        }
        parts.push(format!("{:.2} s", took.as_secs_f64()));
        write_all(&format!("\n{}", parts.join(", ")))
    }
}

fn described(test: &Test, outcome: &Outcome) -> Value {
    let mut described = json!({
        "name": test.name,
        "status": if outcome.failure.is_none() { "passed" } else { "failed" },
        "seconds": seconds(outcome.took),
        "log": outcome.log,
    });
    if let Some(error) = &outcome.failure {
        described["error"] = error.to_json();
        if let Some(diff) = error.fields().get(DIFF) {
            described["error"]["diff"] = diff.clone();
        }
    }
    if !outcome.notes.is_empty() {
        described["notes"] = json!(outcome.notes);
    }
    described
}

fn time(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.2} s"),
    }
}

/// Seconds to the microsecond: more is noise.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e6
}

/// Writes what further lines follow: should the disk be full, the last one says so.
fn write(text: &str) {
    let _ = write_all(text);
}

fn write_all(text: &str) -> Result<(), Misuse> {
    print(text.trim_end_matches('\n').as_bytes(), Ending::Newline)
        .map_err(|error| Misuse::new(format!("failed to write to standard output: {error}")))
}
