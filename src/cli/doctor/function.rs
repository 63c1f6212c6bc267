//! A function's folder: its handler, settings, scripts, sizes, and what would not reach Lambda.

use std::path::Path;

use serde::de::IgnoredAny;

use super::Findings;
use crate::cli::check::{self, counted};
use crate::cli::event::not_json;
use crate::cli::package::contents::{Contents, Defaults};
use crate::cli::package::limits::{Limit, Room, grouped};
use crate::cli::project;
use crate::cli::target::Target;
use crate::diagnostic::Severity;

/// Lambda's limit for the names and values of all variables together.
const ENVIRONMENT: usize = 4096;

/// Lambda's limit.
const LAYERS: usize = 5;

/// Variables that Lambda sets itself and lets nobody else set.
const RESERVED: [&str; 17] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Whether `folder` looks as if it were a function's.
pub(super) fn is_likely(folder: &Path) -> bool {
    folder.join(project::FILE).exists() || folder.join("function.rhai").exists()
}

pub(super) fn examine(path: &Path, findings: &mut Findings) {
    let target = match Target::find(path) {
        Ok(target) => target,
        Err(misuse) => return findings.error(misuse.message()),
    };
    findings.ok(format!("the handler is `{}`", target.handler));
    settings(&target, findings);
    let contents = Contents::gather(&target, Defaults::Applied, None);
    checked(&target, findings);
    for error in &contents.errors {
        findings.error(error);
    }
    for warning in &contents.warnings {
        findings.warning(warning);
    }
    size(&contents, findings);
    for name in ["event.json", "expected.json"] {
        json(&target.folder.join(name), name, findings);
    }
    if contents.files.iter().any(|file| file.name == "bootstrap") {
        findings.warning(
            "`bootstrap` would be started in place of the layer's\n\
             hint: a function's zip holds scripts only; remove it unless it is a runtime of your own",
        );
    }
}

fn settings(target: &Target, findings: &mut Findings) {
    let settings = &target.settings;
    let (timeout, memory) = (settings.timeout().as_secs(), settings.memory_mb());
    let file = project::FILE;
    match target.folder.join(file).is_file() {
        true => findings.ok(format!("`{file}` is readable: {timeout} s, {memory} MB")),
        false => {
            findings.ok(format!("no `{file}`: {timeout} s, {memory} MB, as Lambda's defaults"))
        }
    }
    for name in settings.environment.keys() {
        if RESERVED.contains(&name.as_str()) {
            findings.error(format!(
                "`environment.{name}` in `{file}` is reserved: Lambda sets it itself\n\
                 hint: take another name"
            ));
        }
    }
    let size: usize =
        settings.environment.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > ENVIRONMENT {
        findings.error(format!(
            "the environment in `{file}` has {} bytes, Lambda takes {}\n\
             hint: larger settings go into Parameter Store, or into a file of the function",
            grouped(size as u64),
            grouped(ENVIRONMENT as u64)
        ));
    }
    if settings.layers.len() > LAYERS {
        let count = settings.layers.len();
        findings.error(format!("`layers` in `{file}` names {count}, Lambda takes {LAYERS}"));
    }
}

/// What `rhai-lambda check` finds, in a line each; it draws them.
fn checked(target: &Target, findings: &mut Findings) {
    let report = check::run(target);
    for finding in &report.findings {
        let (file, line, column) = (&finding.place.file, finding.place.line, finding.place.column);
        let message = match line {
            // A finding about a file as a whole names it.
            0 => finding.message.clone(),
            _ => format!("{file}:{line}:{column}: {}", finding.message),
        };
        let hint = match finding.help.is_empty() {
            true => "`rhai-lambda check` draws it".to_owned(),
            false => finding.help.join("; "),
        };
        let text = format!("{message}\nhint: {hint}");
        match finding.severity {
            Severity::Error => findings.error(text),
            Severity::Warning => findings.warning(text),
        }
    }
    if report.findings.is_empty() {
        let scripts = counted(report.scripts, "script");
        findings.ok(format!("`rhai-lambda check` finds nothing in {scripts}"));
    }
}

fn size(contents: &Contents, findings: &mut Findings) {
    let size = contents.files.iter().map(|file| file.size).sum();
    match Limit::UNZIPPED.room(size) {
        Room::Enough => {
            let files = counted(contents.files.len(), "file");
            findings.ok(format!("{files} would be packed: {} bytes", grouped(size)));
        }
        Room::Little(warning) => findings.warning(warning),
        Room::None(error) => findings.error(error),
    }
}

fn json(path: &Path, name: &str, findings: &mut Findings) {
    let Ok(bytes) = std::fs::read(path) else { return };
    match serde_json::from_slice::<IgnoredAny>(&bytes) {
        Ok(_) => findings.ok(format!("`{name}` is JSON")),
        Err(error) => findings.error(format!("`{name}` is not JSON: {}", not_json(&error))),
    }
}
