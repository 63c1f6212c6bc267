//! `rhai-lambda doctor`: what is wrong with a function's folder, a zip or this machine, and how to
//! mend it.

mod machine;
mod function;
mod zipped;
mod elf;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::misuse::Misuse;
use super::target::Target;
use super::terminal::{Ending, print};

/// Says what is wrong, and how to mend it.
///
/// Looks at this machine: the runtime, the port that `serve` listens at, the aws CLI, credentials
/// (whether there are any; they are neither used nor shown). And at a function's folder, or at the
/// zip of a layer or of a function.
///
/// The exit status is 1 if there is an error, 2 when the command was used wrongly.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda doctor                       this machine, and this folder if it is a function
  rhai-lambda doctor orders                a function's folder
  rhai-lambda doctor target/layer/rhai-lambda-arm64.zip
  rhai-lambda doctor --json | jq '.findings[] | select(.level != \"ok\")'
")]
pub(super) struct Arguments {
    /// A function, or the zip of a layer or of a function
    #[arg(value_name = "DIR | FILE.zip")]
    target: Option<PathBuf>,

    /// Writes the findings to standard output as JSON
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// The machine, the function or the zip.
    about: String,
    level: Level,
    message: String,
    hint: Option<String>,
}

/// What was looked at, in order.
struct Findings {
    about: String,
    all: Vec<Finding>,
}

impl Findings {
    fn ok(&mut self, message: impl Into<String>) {
        self.add(Level::Ok, message.into());
    }

    /// A message may have a hint on a line of its own, as those of [`Misuse`] do.
    fn warning(&mut self, message: impl Into<String>) {
        self.add(Level::Warning, message.into());
    }

    fn error(&mut self, message: impl Into<String>) {
        self.add(Level::Error, message.into());
    }

    fn add(&mut self, level: Level, text: String) {
        let (message, hint) = match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.replace("\nhint: ", "; "))),
            None => (text, None),
        };
        self.all.push(Finding { about: self.about.clone(), level, message, hint });
    }

    fn fails(&self) -> bool {
        self.all.iter().any(|finding| finding.level == Level::Error)
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Misuse> {
    let mut findings = Findings { about: "this machine".to_owned(), all: Vec::new() };
    machine::examine(&mut findings);
    match &arguments.target {
        Some(path) if !path.exists() && path.extension().is_some_and(|end| end == "zip") => {
            return Err(Misuse::missing(path));
        }
        Some(path) if path.is_file() && path.extension().is_some_and(|end| end == "zip") => {
            findings.about = format!("`{}`", path.display());
            zipped::examine(path, &mut findings);
        }
        Some(path) => {
            if !path.exists() {
                // `file.function` names no file either, but means one.
                Target::find(path)?;
            }
            findings.about = format!("function `{}`", path.display());
            function::examine(path, &mut findings);
        }
        None if function::is_likely(Path::new(".")) => {
            findings.about = "the function of this folder".to_owned();
            function::examine(Path::new("."), &mut findings);
        }
        None => {}
    }
    let text = match arguments.json {
        true => format!("{:#}\n", json!({ "ok": !findings.fails(), "findings": findings.all })),
        false => table(&findings.all),
    };
    print(text.as_bytes(), Ending::Newline)
        .map_err(|error| Misuse::new(format!("failed to write to standard output: {error}")))?;
    Ok(if findings.fails() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn table(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut about = "";
    for finding in findings {
        if finding.about != about {
            about = &finding.about;
            let _ = writeln!(text, "{about}");
        }
        let level = match finding.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {level:7}  {}", finding.message.replace('\n', "\n           "));
        if let Some(hint) = &finding.hint {
            let _ = writeln!(text, "           hint: {hint}");
        }
    }
    text
}
