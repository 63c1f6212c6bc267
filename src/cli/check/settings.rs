//! The environment that the function would have, and what the runtime would refuse of it.

use std::collections::HashMap;

use crate::config::Config;
use crate::diagnostic::Severity;

use super::super::project;
use super::super::surroundings;
use super::super::target::Target;
use super::report::{Finding, Place};
use super::rules::Rule;

/// The settings of the runtime for the function of `target`. What is wrong with them is a finding;
/// then the others are taken.
pub(super) fn config(target: &Target, findings: &mut Vec<Finding>) -> Config {
    let mut variables: HashMap<String, String> = surroundings::passed_on()
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    variables.extend(target.settings.environment.clone());
    let folder = target.folder.to_string_lossy().into_owned();
    let mut fixed = HashMap::from([
        ("_HANDLER", target.handler.clone()),
        ("LAMBDA_TASK_ROOT", folder),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", target.settings.memory_mb().to_string()),
    ]);
    let all = |name: &str| fixed.get(name).or_else(|| variables.get(name)).cloned();
    match Config::from_vars(&all) {
        Ok(config) => config,
        Err(error) => {
            findings.push(finding(error.message().to_owned()));
            fixed.remove("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
            Config::from_vars(&|name| fixed.get(name).cloned()).expect("texts are never refused")
        }
    }
}

pub(super) fn finding(message: String) -> Finding {
    Finding {
        rule: Rule::BadSetting,
        severity: Severity::Error,
        message,
        help: Vec::new(),
        place: Place { file: project::FILE.to_owned(), ..Place::default() },
    }
}
