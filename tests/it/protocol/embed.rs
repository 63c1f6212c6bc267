//! A `bootstrap` of one's own: further functions for scripts, and a fault among them.

use std::process::Command;

use rhai_lambda::Runtime;

use crate::process::{PATIENCE, Process};
use crate::runtime_api::{Answer, RuntimeApi};
use crate::session::Function;

/// Set for the child, which is this very test in another process.
const CHILD: &str = "RHAI_LAMBDA_TEST_CHILD";

const SCRIPT: &str = r#"
fn handler(event) {
    switch event {
        "double" => double(21),
        "panic" => faulty(event),
        "panic in a callback" => [1].map(|n| faulty("in a callback")),
        _ => event,
    }
}
"#;

fn be_a_runtime() {
    let runtime = Runtime::builder().with_engine(|engine| {
        engine.register_fn("double", |number: i64| number * 2);
        engine.register_fn("faulty", |what: &str| -> i64 { panic!("this is a test: {what}") });
    });
    runtime.build().run();
}

#[test]
fn a_fault_of_a_native_ends_one_invocation_only() {
    if std::env::var_os(CHILD).is_some() {
        return be_a_runtime();
    }
    let function = Function::new(SCRIPT);
    let api = RuntimeApi::start();
    let as_bootstrap = function.command(Some(&api.address()));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture"])
        .arg("protocol::embed::a_fault_of_a_native_ends_one_invocation_only")
        .env_clear()
        .env(CHILD, "1")
        .envs(as_bootstrap.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let process = Process::spawn(&mut command);
    let invoke = |id: &str, event: &str| {
        api.next(Answer::event(id, event));
        let part = format!("/{id}/");
        let posted = api.wait_for(PATIENCE, |request| request.path.contains(&part));
        posted.unwrap_or_else(|| panic!("no answer to {event}: {}", process.stderr()))
    };
    assert_eq!(invoke("a", "\"double\"").text(), "42");
    for (id, event, said) in
        [("b", "\"panic\"", "test: panic"), ("c", "\"panic in a callback\"", "in a callback")]
    {
        let error = invoke(id, event);
        assert!(error.path.ends_with("/error"), "{}", error.path);
        let header = error.header("Lambda-Runtime-Function-Error-Type");
        assert_eq!(header, Some("Runtime.InternalError"));
        assert_eq!(error.json()["errorType"], "InternalError");
        assert!(error.json()["errorMessage"].as_str().unwrap().contains(said), "{}", error.text());
    }
    assert_eq!(invoke("d", "\"served\"").text(), "\"served\"");
    assert_eq!(api.connections(), 1);
}
