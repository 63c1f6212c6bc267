//! `tests/scripts/*.rhai`: what the modules for scripts do, asserted by scripts; and the examples in
//! the modules' documentation, run.
//!
//! A script's functions `test_…` are run one by one, each in an environment of its own. They may
//! call, beside all that a handler may:
//!
//! | function | |
//! |---|---|
//! | `assert(condition)`, `assert(condition, message)` | fails unless it is true |
//! | `assert_eq(found, expected)` | fails unless both are the same, shown as JSON where they can be |
//! | `assert_throws(\|\| …, error_type)` | fails unless it throws that; returns what was thrown |
//!
//! `https://api.example.com` in a script is the address of [`WebServer`], which runs while it does.

mod assertions;

use std::os::fd::AsRawFd as _;
use std::path::Path;

use rhai_lambda::{Config, Context, Error, Handler};

use crate::process::alone;
use crate::scratch::Scratch;
use crate::tools;
use crate::web_server::WebServer;

/// What stands for the server in scripts.
const SERVER: &str = "https://api.example.com";

/// Runs the handler of `script`, which may import what `beside` holds.
fn run(script: &str, beside: Option<&Path>) -> Result<(), Error> {
    let root = Scratch::new();
    if let Some(beside) = beside {
        root.copy_from(beside);
    }
    let server = script.contains(SERVER).then(WebServer::start);
    match &server {
        Some(server) => {
            root.write("function.rhai", script.replace(SERVER, &server.origin()));
        }
        None => root.write("function.rhai", script),
    }
    // Metrics are written whatever the level is, here to nowhere.
    let nowhere = std::fs::File::options().append(true).open("/dev/null").unwrap();
    let config = Config::from_vars(&|name| match name {
        "_LAMBDA_TELEMETRY_LOG_FD" => Some(nowhere.as_raw_fd().to_string()),
        "_HANDLER" => Some("function.handler".to_owned()),
        "LAMBDA_TASK_ROOT" => Some(root.path().to_str().unwrap().to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => Some("FATAL".to_owned()),
        // Nothing listens there.
        "AWS_LAMBDA_RUNTIME_API" => Some("127.0.0.1:9".to_owned()),
        _ => None,
    })?;
    Handler::with_stack(&config, || {
        Handler::load_with(&config, assertions::register)?.invoke(b"null", Context::default())
    })
    .map(|_| ())
}

/// The names of a script's functions that start with `test_`.
fn tests_of(script: &str) -> Vec<&str> {
    script
        .lines()
        .filter_map(|line| line.strip_prefix("fn ")?.split('(').next())
        .filter(|name| name.starts_with("test_"))
        .collect()
}

#[test]
fn every_script_asserts_what_it_says() {
    alone("scripts::every_script_asserts_what_it_says", run_every_script);
}

fn run_every_script() {
    let folder = tools::root().join("tests/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rhai"))
        .collect();
    paths.sort();
    let (mut count, mut failures) = (0, Vec::new());
    for path in paths {
        let script = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        for test in tests_of(&script) {
            count += 1;
            // The script itself, so that errors have its lines.
            let handler = format!("{script}\nfn handler(event) {{ {test}(); }}\n");
            if let Err(error) = run(&handler, None) {
                failures.push(format!("{name}.rhai, {test}: {error}\n  {:?}", error.stack_trace()));
            }
        }
    }
    assert!(count > 0, "no tests in `{}`", folder.display());
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_documentations_examples_run() {
    alone("scripts::the_documentations_examples_run", run_the_documentations_examples);
}

fn run_the_documentations_examples() {
    let (mut count, mut failures) = (0, Vec::new());
    for (module, text) in crate::reference::modules() {
        for (number, example) in crate::reference::examples(&text).iter().enumerate() {
            count += 1;
            let script = match example.contains("fn handler(") {
                true => example.clone(),
                false => format!("fn handler(event, context) {{\n{example}\n}}\n"),
            };
            if let Err(error) = run(&script, None) {
                let trace = error.stack_trace();
                failures.push(format!("{module}, example {}: {error}\n  {trace:?}", number + 1));
            }
        }
    }
    assert!(count > 0, "no examples in the modules' documentation");
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_failed_assertion_fails() {
    for (script, message) in [
        ("assert(1 == 2);", "assertion failed"),
        ("assert_eq([1], [2]);", "found [1], expected [2]"),
        ("assert_throws(|| 1, \"JsonError\");", "nothing was thrown"),
        ("assert_throws(|| json::parse(\"x\"), \"EnvError\");", "JsonError was thrown"),
    ] {
        let error = run(&format!("fn handler(event) {{ {script} }}"), None).unwrap_err();
        assert!(error.message().contains(message), "{script}: {error}");
    }
}
