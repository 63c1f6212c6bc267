//! What is said of a command that was used wrongly: one message, and how to go on.

use std::error::Error as _;
use std::path::{Component, Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::suggest::nearest;

/// A message, with `hint:` lines at its end. The command ends with status 2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misuse {
    message: String,
}

impl Misuse {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.message.push_str("\nhint: ");
        self.message.push_str(hint.as_ref());
        self
    }

    /// `path` is not there: says so and names what may have been meant.
    pub(super) fn missing(path: &Path) -> Self {
        match nearest_path(path) {
            Some(near) => Self::missing_for(path, &near),
            None => Self::new(format!("`{}` does not exist", path.display())),
        }
    }

    /// `path` is not there, and `meant` was meant.
    pub(super) fn missing_for(path: &Path, meant: &Path) -> Self {
        let misuse = Self::new(format!("`{}` does not exist", path.display()));
        misuse.hint(format!("did you mean `{}`?", meant.display()))
    }

    /// `path` cannot be read as text.
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(match error.kind() {
            std::io::ErrorKind::InvalidData => format!("`{}` is not UTF-8", path.display()),
            _ => format!("failed to read `{}`: {error}", path.display()),
        })
    }

    /// The parser's error in the form of all others, `command` being the one that was asked for;
    /// `None` for help and version.
    pub(super) fn from_clap(error: &clap::Error, command: Option<&str>) -> Option<Self> {
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return None;
        }
        let mut misuse = Self::new(in_our_words(error));
        for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
            if let Some(suggested) = strings(error, kind).first() {
                misuse = misuse.hint(format!("did you mean `{suggested}`?"));
            }
        }
        Some(match command {
            Some(command) => {
                misuse.hint(format!("`rhai-lambda {command} --help` explains its options"))
            }
            None => misuse.hint("`rhai-lambda help` lists the commands"),
        })
    }
}

fn strings(error: &clap::Error, kind: ContextKind) -> &[String] {
    match error.get(kind) {
        Some(ContextValue::String(one)) => std::slice::from_ref(one),
        Some(ContextValue::Strings(all)) => all,
        _ => &[],
    }
}

/// What the parser says, as the other messages say it: on one line, with what was written in backticks.
fn in_our_words(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    // Behind an empty line comes advice; a value may hold such a line itself.
    let about = [
        ContextKind::InvalidArg,
        ContextKind::PriorArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
    ];
    let mut marked = text.to_owned();
    for written in about.iter().flat_map(|kind| strings(error, *kind)) {
        marked =
            marked.replace(&format!("'{written}'"), &format!("`{}`", written.replace('\n', "\\n")));
    }
    let message = marked.split("\n\n").next().unwrap_or(&marked);
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    let message = lines.join(" ");
    let message = message.replace("unrecognized subcommand", "there is no command");
    match error.source().map(ToString::to_string) {
        Some(why) => message.replace(&why, &expected(&why)),
        None => message,
    }
}

/// What a number should have been, where the parser only says that it is not.
fn expected(why: &str) -> String {
    if let Some((first, last)) =
        why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="))
    {
        return format!("expected {first} to {last}");
    }
    match why {
        "invalid digit found in string" => "expected a whole number".to_owned(),
        "number would be zero for non-zero type" => "expected 1 or more".to_owned(),
        other => other.to_owned(),
    }
}

/// A path that exists and differs from `path` by a slip in the first name that is wrong.
fn nearest_path(path: &Path) -> Option<PathBuf> {
    let mut parent = PathBuf::new();
    let mut components = path.components();
    let wrong = components.by_ref().find(|component| {
        let next = parent.join(component);
        let exists = next.exists();
        if exists {
            parent = next;
        }
        !exists
    })?;
    let Component::Normal(wrong) = wrong else { return None };
    let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { &parent };
    let names = std::fs::read_dir(folder).ok()?.flatten();
    let names: Vec<String> =
        names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = nearest(wrong.to_str()?, names.iter().map(String::as_str))?;
    // Joining nothing would leave a slash behind, and a file with a slash does not exist.
    let rest = components.as_path();
    let near = parent.join(near);
    let whole = if rest.as_os_str().is_empty() { near } else { near.join(rest) };
    whole.exists().then_some(whole)
}
