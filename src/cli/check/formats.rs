//! The report for programs: JSON of our own, and SARIF 2.1.0.

use serde_json::{Value, json};

use crate::diagnostic::Severity;

use super::report::{Finding, Report};
use super::rules::Rule;

/// One object: what was found, and how much of it.
pub(super) fn json(reports: &[Report]) -> String {
    let sum = |count: &dyn Fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let findings: Vec<Value> =
        each(reports).map(|(report, finding)| entry(report, finding)).collect();
    let all = json!({
        "scripts": sum(&|report| report.scripts),
        "errors": sum(&|report| report.count(Severity::Error)),
        "warnings": sum(&|report| report.count(Severity::Warning)),
        "findings": findings,
    });
    format!("{all:#}")
}

fn each(reports: &[Report]) -> impl Iterator<Item = (&Report, &Finding)> {
    reports.iter().flat_map(|report| report.findings.iter().map(move |finding| (report, finding)))
}

fn entry(report: &Report, finding: &Finding) -> Value {
    let place = &finding.place;
    json!({
        "code": finding.rule.name(),
        "severity": finding.severity.name(),
        "message": finding.message,
        "help": finding.help,
        "file": report.shown(&place.file),
        "line": place.line,
        "column": place.column,
        "endColumn": place.end_column,
    })
}

/// A run of this tool, as SARIF has it. Columns count characters.
pub(super) fn sarif(reports: &[Report]) -> String {
    let rules: Vec<Value> = Rule::ALL.iter().map(|rule| described(*rule)).collect();
    let results: Vec<Value> =
        each(reports).map(|(report, finding)| result(report, finding)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn described(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": { "text": rule.summary() },
        "fullDescription": { "text": rule.explanation() },
    })
}

fn result(report: &Report, finding: &Finding) -> Value {
    let place = &finding.place;
    let mut message = finding.message.clone();
    for help in &finding.help {
        message.push('\n');
        message.push_str(help);
    }
    let mut location = json!({
        "artifactLocation": { "uri": uri(&report.shown(&place.file)) },
    });
    // What is about a file as a whole has no region.
    if place.line > 0 {
        location["region"] = json!({
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.end_column,
        });
    }
    json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": finding.severity.name(),
        "message": { "text": message },
        "locations": [{ "physicalLocation": location }],
    })
}

/// A path as a URI reference: relative ones stay relative.
fn uri(path: &str) -> String {
    const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    let escaped = percent_encoding::utf8_percent_encode(path, ESCAPED);
    match path.starts_with('/') {
        true => format!("file://{escaped}"),
        false => escaped.to_string(),
    }
}
