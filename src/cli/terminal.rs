//! Where the command writes: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use crate::Error;
use crate::diagnostic::{Style, render};
use crate::emulator::Line;

use super::misuse::Misuse;
use super::surroundings;

/// The two outputs, and whether they are read by a person.
#[derive(Clone, Copy)]
pub(super) struct Terminal {
    style: Style,
}

impl Terminal {
    pub(super) fn detect() -> Self {
        let coloured = io::stderr().is_terminal() && !surroundings::refuses_colour();
        Self { style: if coloured { Style::Coloured } else { Style::Plain } }
    }

    /// A line of an environment's log.
    pub(super) fn line(self, line: &Line) {
        match line {
            Line::Log(text) => self.write(&format!("{text}\n")),
            Line::Platform(text) => self.write(&format!("{}\n", self.style.faint(text))),
            Line::Warning(text) => self.warning(text),
        }
    }

    pub(super) fn misuse(self, misuse: &Misuse) {
        self.error(misuse.message());
    }

    /// A failure of this command's own.
    pub(super) fn error(self, message: &str) {
        self.write(&self.style.error(message));
    }

    /// What is not wrong, and may go wrong.
    pub(super) fn warning(self, message: &str) {
        self.write(&self.style.warning(message));
    }

    /// Lines for a person, as they are.
    pub(super) fn text(self, text: &str) {
        self.write(text);
    }

    /// An error of a script, drawn with its source.
    pub(super) fn diagnostic(self, error: &Error, source_of: &dyn Fn(&str) -> Option<String>) {
        self.write(&render(error, source_of, self.style));
    }

    fn write(self, text: &str) {
        // Nobody reads any more: the exit status still says how it went.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// What may follow a result on standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A newline, which readers of the format skip.
    Newline,
    /// Nothing, unless a person reads it: these bytes may be an image.
    Exact,
}

/// Writes a result to standard output.
///
/// # Errors
/// When it could not be written in full. A reader that went away (`| head`) has what it wanted.
pub(super) fn print(bytes: &[u8], ending: Ending) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let newline = ending == Ending::Newline || output.is_terminal();
    let end: &[u8] = if newline && !bytes.ends_with(b"\n") { b"\n" } else { b"" };
    let written = output.write_all(bytes).and_then(|()| output.write_all(end));
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
