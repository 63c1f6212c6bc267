//! What a check found: plain data, in the order of files and lines.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Notice, Severity, Style, render_notice};

use super::rules::Rule;

/// One thing that is wrong, or looks so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Finding {
    pub(in crate::cli) rule: Rule,
    pub(in crate::cli) severity: Severity,
    /// What is wrong, without a way out.
    pub(in crate::cli) message: String,
    /// Ways out.
    pub(in crate::cli) help: Vec<String>,
    pub(in crate::cli) place: Place,
}

/// A stretch of a line of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Place {
    /// As the runtime names it: relative to the function's folder.
    pub(in crate::cli) file: String,
    /// From 1; 0 for the file as a whole.
    pub(in crate::cli) line: usize,
    /// In characters, from 1.
    pub(in crate::cli) column: usize,
    /// The column behind it.
    pub(in crate::cli) end_column: usize,
}

/// Everything that a check of a function found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Report {
    pub(in crate::cli) findings: Vec<Finding>,
    /// How many scripts were read.
    pub(in crate::cli) scripts: usize,
    /// The texts of the scripts, by file.
    sources: BTreeMap<String, String>,
    /// What stands before the names of files when they are shown.
    prefix: String,
}

impl Report {
    /// Puts the findings in order; of several at one place the first counts.
    pub(super) fn new(
        folder: &Path,
        sources: BTreeMap<String, String>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.sort_by(|a, b| (&a.place, a.severity).cmp(&(&b.place, b.severity)));
        findings.dedup_by(|a, b| {
            let start = |finding: &Finding| (finding.place.line, finding.place.column);
            a.place.file == b.place.file && start(a) == start(b) && a.place.line > 0
        });
        let scripts = sources.keys().filter(|file| !Path::new(file).is_absolute()).count();
        Self { findings, scripts, sources, prefix: prefix(folder) }
    }

    /// Whether the function would fail.
    pub(in crate::cli) fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    pub(in crate::cli) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// How much was found: `1 error in 2 scripts`.
    pub(in crate::cli) fn summary(&self) -> String {
        summary(std::slice::from_ref(self))
    }

    /// A file as it is shown: from the folder in which the command runs.
    pub(super) fn shown(&self, file: &str) -> String {
        match Path::new(file).is_absolute() {
            true => file.to_owned(),
            false => format!("{}{file}", self.prefix),
        }
    }

    /// The findings, each drawn with its source.
    pub(in crate::cli) fn draw(&self, style: Style) -> Vec<String> {
        self.findings.iter().map(|finding| self.draw_one(finding, style)).collect()
    }

    fn draw_one(&self, finding: &Finding, style: Style) -> String {
        let mut message = finding.message.clone();
        for help in &finding.help {
            message.push_str("\nhint: ");
            message.push_str(help);
        }
        let place = &finding.place;
        let notice = Notice {
            severity: finding.severity,
            code: finding.rule.name(),
            message: &message,
            file: &self.shown(&place.file),
            line: place.line,
            column: place.column,
            end_column: place.end_column,
        };
        let source = self.sources.get(&place.file).map_or("", String::as_str);
        render_notice(&notice, source, style)
    }
}

/// `2 errors, 1 warning in 3 scripts`.
pub(super) fn summary(reports: &[Report]) -> String {
    let sum = |count: &dyn Fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let errors = sum(&|report| report.count(Severity::Error));
    let warnings = sum(&|report| report.count(Severity::Warning));
    let scripts = counted(sum(&|report| report.scripts), "script");
    match (errors, warnings) {
        (0, 0) => format!("nothing found in {scripts}"),
        (0, _) => format!("{} in {scripts}", counted(warnings, "warning")),
        (_, 0) => format!("{} in {scripts}", counted(errors, "error")),
        _ => format!("{}, {} in {scripts}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

/// `1 argument`, `2 arguments`.
pub(in crate::cli) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The path from the folder in which the command runs, with a slash at its end, or nothing.
fn prefix(folder: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    match folder.strip_prefix(&here) {
        Ok(below) if below.as_os_str().is_empty() => String::new(),
        Ok(below) => format!("{}/", below.display()),
        Err(_) => format!("{}/", folder.display()),
    }
}
