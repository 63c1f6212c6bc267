//! `rhai-lambda test`: runs the tests of functions, written in Rhai beside the scripts that they test.

mod assertions;
mod coverage;
mod diff;
mod fakes;
mod golden;
mod invoke;
mod junit;
mod lines;
mod report;
mod runner;
mod suite;
mod trial;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use clap::Args;
use rhai::Engine;

use super::function::Configuration;
use super::misuse::Misuse;
use super::terminal::Terminal;
use crate::config::Config;
use crate::engine::Guard;
use crate::suggest::nearest;
use coverage::Coverage;
use fakes::Stage;
use report::{Form, Logs, Report};
use runner::Orders;
use suite::{Root, Suite, Test};
use trial::{Network, Rules};

/// Runs the tests of a function.
///
/// Tests are the functions `test_…` without parameters in scripts named `…_test.rhai`. Each runs in an
/// engine of its own, the very one of the layer, with the function's limits of time and memory. They
/// reach the function's scripts by `import`, or the whole handler by `invoke(event)`.
///
/// Tests have `assert(condition)`, `assert(condition, message)`, `assert_eq(found, expected)`,
/// `assert_ne(found, other)`, `assert_throws(|| …)`, `assert_throws(|| …, error_type)` and
/// `fail(message)`; `invoke(event)` and `invoke(event, options)`; and what stands in for the world:
/// `fake::clock(time)`, `fake::advance(milliseconds)`, `fake::context(fields)`, `fake::env(name, value)`,
/// `fake::http(method, url, answer)` and `fake::http_calls()`.
///
/// A folder with `event.json` and `expected.json` is a test as well: the handler's result for the one
/// must be the other. Further ones are `cases/NAME/event.json` with `expected.json` or
/// `expected_error.json`.
///
/// The exit status is 0 if all passed, 1 if one failed, 2 when the command was used wrongly, which
/// is also when there are no tests.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda test                          every test of this folder
  rhai-lambda test examples/orders -- total    those with `total` in their names
  rhai-lambda test --coverage               with the lines that no test ran
  rhai-lambda test --update                 takes the results of golden cases as expected
  rhai-lambda test --junit report.xml --jobs 4

A test, in `orders_test.rhai` beside `function.rhai`:
  import \"function\" as function;

  fn test_an_empty_order_costs_nothing() {
      let order = #{ id: 1, items: [] };
      assert_eq(function::handler(order).total, 0.0);
      assert_throws(|| invoke(#{}), \"BadOrder\");
  }
")]
pub(super) struct Arguments {
    /// Folders of functions, or scripts `…_test.rhai`
    #[arg(value_name = "DIR", default_value = ".")]
    places: Vec<PathBuf>,

    /// Only tests that have this in their names; may be given more than once
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,

    /// As `--filter`
    #[arg(last = true, value_name = "TEXT")]
    filters: Vec<String>,

    /// Lists the tests and runs none
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    configuration: Configuration,

    /// Tests that run at the same time [default: as many as there are processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Starts no further test after one that failed
    #[arg(long)]
    fail_fast: bool,

    /// Shows what tests logged also if they passed
    #[arg(long)]
    show_output: bool,

    /// Lets requests that no `fake::http` answers go to the network
    #[arg(long)]
    allow_network: bool,

    /// Writes the results of golden cases to their expected files
    #[arg(long)]
    update: bool,

    /// Shows which lines the tests did not run
    #[arg(long)]
    coverage: bool,

    /// Writes the coverage as an lcov tracefile
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,

    /// Writes the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Writes the results to standard output as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, _: Terminal) -> Result<ExitCode, Misuse> {
    let suite = Suite::find(&arguments.places, &arguments.configuration)?;
    let tests = selected(&suite, arguments)?;
    let form = if arguments.json { Form::Json } else { Form::Text };
    let logs = if arguments.show_output { Logs::All } else { Logs::OfFailures };
    let mut report = Report::new(form, logs);
    if arguments.list {
        report.list(&tests)?;
        return Ok(ExitCode::SUCCESS);
    }
    let coverage = (arguments.coverage || arguments.lcov.is_some()).then(|| Coverage::of(&suite));
    let rules = Rules {
        network: if arguments.allow_network { Network::Real } else { Network::Refused },
        golden: if arguments.update { golden::Mode::Update } else { golden::Mode::Compare },
        counts_lines: coverage.is_some(),
    };
    let orders = Orders {
        jobs: arguments.jobs.map_or_else(runner::processors, NonZeroUsize::get),
        stops_at_failure: arguments.fail_fast,
    };
    report.start(&tests);
    let outcomes = runner::run(&tests, &rules, &orders, &mut |test, outcome| {
        report.line(test, outcome);
    });
    report.failures(&tests, &outcomes);
    let mut lcov = String::new();
    if let Some(mut coverage) = coverage {
        coverage.add(&tests, &outcomes);
        if arguments.coverage {
            report.coverage(&coverage);
        }
        lcov = coverage.lcov();
    }
    report.end(&outcomes)?;
    // Last: how it went is said even if they cannot be written.
    if let Some(path) = &arguments.lcov {
        save(path, &lcov)?;
    }
    if let Some(path) = &arguments.junit {
        save(path, &junit::document(&tests, &outcomes)?)?;
    }
    let failed = outcomes.iter().flatten().any(|outcome| outcome.failure.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Teaches `engine` what tests may call beside all that a handler may, for those who look at tests
/// without running them.
pub(super) fn teach(engine: &mut Engine, config: &Config) {
    let stage = Stage::new(&Arc::new(Root::of(config)), &Rules::default());
    assertions::register(engine, &Rc::new(Guard::new(config.limits.clone())));
    fakes::register(engine, &stage);
    invoke::register(engine, &stage);
}

fn save(path: &std::path::Path, text: &str) -> Result<(), Misuse> {
    std::fs::write(path, text)
        .map_err(|error| Misuse::new(format!("failed to write `{}`: {error}", path.display())))
}

/// The tests that the filters leave.
fn selected<'a>(suite: &'a Suite, arguments: &Arguments) -> Result<Vec<&'a Test>, Misuse> {
    if suite.tests.is_empty() {
        let places: Vec<String> =
            arguments.places.iter().map(|place| format!("`{}`", place.display())).collect();
        let misuse = Misuse::new(format!("there are no tests in {}", places.join(", ")));
        return Err(misuse.hint(
            "a test is `fn test_total() { assert_eq(1 + 1, 2); }` in a script such as \
             `function_test.rhai`",
        ));
    }
    let filters: Vec<&String> = arguments.filter.iter().chain(&arguments.filters).collect();
    let is_wanted =
        |test: &&Test| filters.is_empty() || filters.iter().any(|text| test.name.contains(*text));
    let tests: Vec<&Test> = suite.tests.iter().filter(is_wanted).collect();
    if tests.is_empty() {
        let shown: Vec<String> = filters.iter().map(|text| format!("`{text}`")).collect();
        let misuse = Misuse::new(format!("no test has {} in its name", shown.join(" or ")));
        let named = suite.tests.iter().map(|test| test.name.rsplit("::").next().unwrap_or(""));
        let names: Vec<&str> =
            named.flat_map(|name| [name, name.trim_start_matches("test_")]).collect();
        let near = |text: &&String| nearest(text, names.iter().copied());
        return Err(match filters.iter().find_map(near) {
            Some(near) => misuse.hint(format!("did you mean `{near}`?")),
            None => misuse.hint("`--list` shows the tests"),
        });
    }
    Ok(tests)
}
