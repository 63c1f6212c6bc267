//! What is wrong with a result that was to become a response, for whoever wrote the function.
//!
//! AWS says nothing of it to anybody but a log that is off by default.

use std::fmt;

use serde_json::Value;

/// A result that no response can be made of: which field, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    message: String,
    hint: Option<String>,
}

impl Malformed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The way out, if there is one to tell.
    pub fn way_out(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}

/// A value as a message shows it: short ones as they are, long ones by their type.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::String(text) if text.chars().count() > 40 => "a string".to_owned(),
        other => format!("`{other}`"),
    }
}
