//! What is said of a command that was used wrongly: one message, and how to go on.

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

    /// The parser's error in the form of all others; `None` for help and version.
    pub(super) fn from_clap(error: &clap::Error) -> Option<Self> {
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return None;
        }
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let message = text.split("\n\n").next().unwrap_or(text).trim_end();
        let mut misuse = Self::new(message);
        for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
            let suggested = match error.get(kind) {
                Some(ContextValue::String(one)) => one,
                Some(ContextValue::Strings(all)) if !all.is_empty() => &all[0],
                _ => continue,
            };
            misuse = misuse.hint(format!("did you mean `{suggested}`?"));
        }
        Some(misuse.hint("`rhai-lambda help` lists the commands, `--help` after one its options"))
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
