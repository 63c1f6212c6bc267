//! Figures as JSON, for other programs: written, never read.

use std::fmt;

pub enum Json {
    Null,
    Number(f64),
    Text(String),
    Object(Vec<(String, Self)>),
}

impl Json {
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl<T: Into<f64>> From<Option<T>> for Json {
    fn from(number: Option<T>) -> Self {
        number.map_or(Self::Null, |number| Self::Number(number.into()))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) if number.is_finite() => write!(out, "{number}"),
            Self::Null | Self::Number(_) => write!(out, "null"),
            Self::Text(text) => write_text(text, out),
            Self::Object(members) => {
                write!(out, "{{")?;
                for (at, (key, value)) in members.iter().enumerate() {
                    write!(out, "{}", if at > 0 { ", " } else { "" })?;
                    write_text(key, out)?;
                    write!(out, ": {value}")?;
                }
                write!(out, "}}")
            }
        }
    }
}

fn write_text(text: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(out, "\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => write!(out, "{c}")?,
        }
    }
    write!(out, "\"")
}
