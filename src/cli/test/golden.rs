//! Golden cases: an event and the result that it must have, as files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::assertions::{DIFF, FAILED};
use super::diff::{self, Difference};
use crate::Error;
use crate::cli::event::not_json;

const EVENT: &str = "event.json";
const RESULT: &str = "expected.json";
const ERROR: &str = "expected_error.json";

/// Whether results are compared or written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Compare,
    Update,
}

/// One case.
pub(super) struct Golden {
    /// What it is named after.
    path: PathBuf,
    folder: PathBuf,
}

impl Golden {
    /// The case that a function's folder itself is.
    pub(super) fn beside(function: &Path) -> Option<Self> {
        let has = |name: &str| function.join(name).is_file();
        let is_case = has(EVENT) && (has(RESULT) || has(ERROR));
        is_case.then(|| Self { path: function.join(EVENT), folder: function.to_owned() })
    }

    /// The case in a folder of its own. It may lack its result, to get one by an update.
    pub(super) fn in_case(folder: &Path) -> Option<Self> {
        let is_case = folder.join(EVENT).is_file();
        is_case.then(|| Self { path: folder.to_owned(), folder: folder.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn event(&self) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(EVENT);
        std::fs::read(&path).map_err(|error| failed(format!("failed to read `{EVENT}`: {error}")))
    }

    /// Compares what the function made of the event with what is expected. Answers with what was
    /// written, if something was.
    ///
    /// # Errors
    /// The function's own error where a result is expected, or what differs.
    pub(super) fn judge(
        &self,
        found: Result<Value, Error>,
        mode: Mode,
    ) -> Result<Option<String>, Error> {
        let (result, error) = (self.read(RESULT)?, self.read(ERROR)?);
        match (result, error, found) {
            (Some(_), Some(_), _) => Err(failed(format!(
                "there are both `{RESULT}` and `{ERROR}`: one of them is enough"
            ))),
            (None, None, found) if mode == Mode::Update => match found {
                Ok(value) => self.write(RESULT, &value),
                Err(error) => self.write(ERROR, &summary(&error)),
            },
            (None, None, Ok(_)) => {
                let message = format!("there is no `{RESULT}` beside `{EVENT}`");
                Err(failed(format!("{message}\nhint: `--update` writes it")))
            }
            (_, None, Err(error)) => Err(error),
            (Some(expected), None, Ok(found)) if expected == found => Ok(None),
            (Some(_), None, Ok(found)) if mode == Mode::Update => self.write(RESULT, &found),
            (Some(expected), None, Ok(found)) => Err(differs(RESULT, &expected, &found)),
            (None, Some(_), Ok(value)) => {
                let what = crate::modules::shorten(&value.to_string());
                Err(failed(format!("the function returned {what}, and `{ERROR}` expects an error")))
            }
            (None, Some(expected), Err(error)) => {
                let found = summary(&error);
                // Only what is written down is compared.
                let fields = expected.as_object().into_iter().flatten();
                let found: Value =
                    fields.map(|(name, _)| (name.clone(), found[name].clone())).collect();
                match (expected == found, mode) {
                    (true, _) => Ok(None),
                    (false, Mode::Update) => self.write(ERROR, &summary(&error)),
                    (false, Mode::Compare) => Err(differs(ERROR, &expected, &found)),
                }
            }
        }
    }

    fn read(&self, name: &str) -> Result<Option<Value>, Error> {
        let path = self.folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read(&path)
            .map_err(|error| failed(format!("failed to read `{name}`: {error}")))?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| failed(format!("`{name}` is not JSON: {}", not_json(&error))))
    }

    fn write(&self, name: &str, value: &Value) -> Result<Option<String>, Error> {
        let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push('\n');
        std::fs::write(self.folder.join(name), text)
            .map_err(|error| failed(format!("failed to write `{name}`: {error}")))?;
        Ok(Some(format!("wrote `{name}`")))
    }
}

fn summary(error: &Error) -> Value {
    json!({ "errorType": error.error_type(), "errorMessage": error.message() })
}

fn failed(message: String) -> Error {
    Error::function(FAILED, message)
}

fn differs(name: &str, expected: &Value, found: &Value) -> Error {
    match diff::between(expected, found) {
        Difference::Brief(message) => failed(format!("`{name}`: {message}")),
        Difference::Lines(lines) => {
            let fields = [(DIFF.to_owned(), Value::from(lines))].into_iter().collect();
            failed(format!("the result is not that of `{name}`")).with_fields(fields)
        }
    }
}
