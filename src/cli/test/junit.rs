//! The results as JUnit XML, as build servers read it: a suite for each script.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::assertions::{DIFF, FAILED};
use super::suite::Test;
use super::trial::Outcome;
use crate::cli::misuse::Misuse;
use crate::diagnostic::{Style, render};

/// The document.
pub(super) fn document(tests: &[&Test], outcomes: &[Option<Outcome>]) -> Result<String, Misuse> {
    let mut report = Report::new("rhai-lambda test");
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for (test, outcome) in tests.iter().zip(outcomes) {
        let (suite, name) = test.name.split_once("::").unwrap_or((&test.name, &test.name));
        if suites.last().is_none_or(|(last, _)| last != suite) {
            suites.push((suite.to_owned(), TestSuite::new(suite)));
        }
        let Some((_, into)) = suites.last_mut() else { continue };
        into.add_test_case(case(test, suite, name, outcome.as_ref()));
    }
    report.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    report.to_string().map_err(|error| Misuse::new(format!("failed to write JUnit XML: {error}")))
}

fn case(test: &Test, suite: &str, name: &str, outcome: Option<&Outcome>) -> TestCase {
    let Some(outcome) = outcome else {
        return TestCase::new(name, TestCaseStatus::skipped());
    };
    let status = match &outcome.failure {
        None => TestCaseStatus::success(),
        Some(error) => {
            // Readers tell what was asserted from what broke.
            let mut status = TestCaseStatus::non_success(match error.error_type() == FAILED {
                true => NonSuccessKind::Failure,
                false => NonSuccessKind::Error,
            });
            let mut text = render(error, &|file| test.root.source(file), Style::Plain);
            if let Some(diff) = error.fields().get(DIFF).and_then(|diff| diff.as_str()) {
                text.push_str(diff);
            }
            status.set_message(error.message()).set_type(error.error_type()).set_description(text);
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite).set_time(outcome.took);
    if !outcome.log.is_empty() {
        // XML's readers would drop the tabs between the columns.
        case.set_system_err(outcome.log.replace('\t', "  "));
    }
    case
}
