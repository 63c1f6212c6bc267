//! The handler: there, not private, with one parameter or two. In the runtime's own words.

use crate::Error;
use crate::diagnostic::Severity;
use crate::handler::{absent, split_name, takes_context};

use super::problems::split_hint;
use super::program::Program;
use super::report::{Finding, Place};
use super::rules::Rule;
use super::script::Script;

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    let handler = &program.config.handler;
    let (path, function) = match split_name(handler) {
        Ok(parts) => parts,
        Err(error) => return findings.push(finding(&error, Place::default())),
    };
    let Some(script) = program.handler_script() else {
        // One that is there and cannot be read is a finding already.
        if !program.config.task_root.join(format!("{path}.rhai")).exists() {
            let place = Place { file: format!("{path}.rhai"), ..Place::default() };
            findings.push(finding(&absent(&program.roots, &program.config, path), place));
        }
        return;
    };
    if let Some(ast) = &program.handler
        && let Err(error) = takes_context(ast, function, &script.file)
    {
        findings.push(finding(&error, place_of(script, function)));
    }
}

/// Where the function is, or else the file.
fn place_of(script: &Script, name: &str) -> Place {
    let found = script.parsed.iter().flat_map(|parsed| parsed.named(name)).next();
    let (line, column) = found.map_or((0, 0), |function| function.place);
    let end_column = column + name.chars().count();
    Place { file: script.file.clone(), line, column, end_column }
}

fn finding(error: &Error, place: Place) -> Finding {
    let (message, help) = split_hint(error.message());
    Finding { rule: Rule::HandlerNotFound, severity: Severity::Error, message, help, place }
}
