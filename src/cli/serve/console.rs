//! What the emulator reports, told twice: in lines on the terminal and in the history of the page.

use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::cli::misuse::Misuse;
use crate::cli::terminal::Terminal;
use crate::diagnostic::{Style, render};
use crate::emulator::{Answer, Line, Record};

use super::fleet::{Fleet, State};
use super::history::History;

/// Watches every invocation.
pub(super) struct Console {
    terminal: Terminal,
    fleet: Arc<Fleet>,
    history: Arc<History>,
    /// The width of the names before lines; nothing stands there if there is one function.
    names: Option<usize>,
    port: u16,
}

impl Console {
    pub(super) fn new(
        terminal: Terminal,
        fleet: Arc<Fleet>,
        history: Arc<History>,
        port: u16,
    ) -> Self {
        let widths = fleet.members().iter().map(|member| member.name.chars().count());
        let names = (fleet.members().len() > 1).then(|| widths.max().unwrap_or_default());
        Self { terminal, fleet, history, names, port }
    }

    /// Takes what happened.
    pub(super) fn observe(&self, record: Record) {
        match record {
            Record::Started { function, id, event, .. } => {
                self.history.started(&function, &id, event);
            }
            Record::Line { function, id, line } => {
                self.print(&function, &line);
                if let Some(id) = id {
                    self.history.line(&id, &line);
                }
            }
            Record::Finished { function, outcome, .. } => {
                let drawing = match &outcome.answer {
                    Answer::Response { .. } => {
                        self.works(&function);
                        None
                    }
                    Answer::Error { body, .. } => self.failed(&function, body),
                };
                self.history.finished(outcome, drawing);
            }
        }
    }

    /// What an HTTP client got for an invocation.
    pub(super) fn visited(&self, function: &str, id: &str, request: &str, status: u16) {
        self.print(function, &Line::Platform(format!("HTTP {status} {request}")));
        self.history.http_status(id, status);
    }

    /// A warning about one invocation, which may be over.
    pub(super) fn warn(&self, function: &str, id: &str, message: String) {
        let line = Line::Warning(message);
        self.print(function, &line);
        self.history.line(id, &line);
        self.history.tell_of(id);
    }

    /// Draws the error in `body`, if it is one, on the terminal; returns the drawing.
    pub(super) fn failed(&self, function: &str, body: &[u8]) -> Option<String> {
        let error = read(body)?;
        let folder = self.fleet.named(function)?.folder();
        self.terminal.diagnostic(&error, &|file| source(&folder, file));
        Some(draw(&error, &folder))
    }

    /// A line of the server's own.
    pub(super) fn say(&self, text: &str) {
        self.terminal.text(&format!("{text}\n"));
    }

    /// What is wrong with a folder.
    pub(super) fn misuse(&self, misuse: &Misuse) {
        self.terminal.misuse(misuse);
    }

    /// Tells the page how a function is now.
    pub(super) fn tell(&self, function: &str) {
        if let Some(member) = self.fleet.named(function) {
            self.history.tell("function", member.described(self.port));
        }
    }

    /// A function that answered loads, whatever was the matter when it was tried.
    fn works(&self, function: &str) {
        let Some(member) = self.fleet.named(function) else { return };
        let now = member.now();
        if matches!(now.state, State::Broken(_))
            && member.settle(now.version, State::Ready).is_some()
        {
            self.say(&format!("`{function}` loads again"));
            self.tell(function);
        }
    }

    fn print(&self, function: &str, line: &Line) {
        let Some(width) = self.names else { return self.terminal.line(line) };
        let named = |text: &String| format!("{function:width$} | {text}");
        self.terminal.line(&match line {
            Line::Log(text) => Line::Log(named(text)),
            Line::Platform(text) => Line::Platform(named(text)),
            Line::Warning(text) => Line::Warning(format!("`{function}`: {text}")),
        });
    }
}

/// An error as it is drawn without colours.
pub(super) fn draw(error: &Error, folder: &Path) -> String {
    render(error, &|file| source(folder, file), Style::Plain)
}

/// The error in the answer of a function, with the way out of those that settings decide.
pub(super) fn read(body: &[u8]) -> Option<Error> {
    let error = Error::from_json(&serde_json::from_slice(body).ok()?)?;
    Some(match error.error_type() {
        "Sandbox.Timedout" | "DeadlineExceeded" => {
            let hint = "`timeout` in `rhai-lambda.toml` or `--timeout SECONDS` allows more";
            let message = format!("{}\nhint: {hint}", error.message());
            let frames = error.frames().to_vec();
            Error::function(error.error_type().to_owned(), message).with_frames(frames)
        }
        _ => error,
    })
}

fn source(folder: &Path, file: &str) -> Option<String> {
    // Absolute files, those of a layer, stay as they are.
    std::fs::read_to_string(folder.join(file)).ok()
}
