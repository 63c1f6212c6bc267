//! `rhai-lambda new`: what each template makes works untouched.

use std::process::Command;

use serde_json::Value;

use crate::desk::Desk;
use crate::process::Process;
use crate::tools::{self, Tool};

/// The templates, as the command lists them.
fn templates() -> Vec<String> {
    let exit = Desk::new().run(&["new", "--list"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let names = exit.stdout.lines().filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// Runs a command in the folder of a function made from `template`.
fn run_in(template: &str, command: &[&str]) -> crate::process::Exit {
    let desk = Desk::new();
    let made = desk.run(&["new", "subject", "--template", template]);
    assert_eq!(made.status.code(), Some(0), "{template}: {made:?}");
    let mut command = desk.command(command);
    command.current_dir(desk.folder.path().join("subject"));
    Process::spawn(&mut command).wait()
}

/// The result as JSON; a stream is its head and, behind eight zeros, its body.
fn result(stdout: &str) -> Value {
    let (head, body) = match stdout.split_once("\0\0\0\0\0\0\0\0") {
        Some((head, body)) => (head, Some(body)),
        None => (stdout, None),
    };
    let mut result: Value = serde_json::from_str(head).unwrap();
    if let Some(body) = body {
        result["body"] = body.into();
    }
    result
}

#[test]
fn there_is_a_template_for_each_trigger() {
    let templates = templates();
    for trigger in [
        "http-api",
        "rest-api",
        "function-url",
        "sqs",
        "s3",
        "dynamodb-stream",
        "eventbridge",
        "schedule",
        "authorizer",
        "streaming",
    ] {
        assert!(templates.iter().any(|name| name == trigger), "{trigger}");
    }
}

#[test]
fn every_template_gives_what_it_expects() {
    for template in templates() {
        let exit = run_in(&template, &["invoke"]);
        assert_eq!(exit.status.code(), Some(0), "{template}: {exit:?}");
        let file = tools::root().join("src/cli/new").join(&template).join("expected.json");
        let expected: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let found = result(&exit.stdout);
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn every_template_passes_check_and_test() {
    for template in templates() {
        let exit = run_in(&template, &["check", "--deny-warnings"]);
        assert_eq!(exit.status.code(), Some(0), "{template}: {exit:?}");
        let exit = run_in(&template, &["test"]);
        assert_eq!(exit.status.code(), Some(0), "{template}: {exit:?}");
    }
}

#[test]
fn every_template_is_one_that_sam_takes() {
    if tools::require(Tool::Moto, "the SAM templates of `new`").is_none() {
        return;
    }
    let linter = tools::folder().join("venv/bin/cfn-lint");
    for template in templates() {
        let desk = Desk::new();
        desk.run(&["new", "subject", "--template", &template]);
        let mut command = Command::new(&linter);
        command.arg(desk.folder.path().join("subject/template.yaml"));
        let exit = Process::spawn(&mut command).wait();
        assert_eq!(exit.status.code(), Some(0), "{template}: {exit:?}");
    }
}

#[test]
fn a_function_is_named_after_its_folder() {
    let desk = Desk::new();
    let exit = desk.run(&["new", "functions/orders-2", "-t", "sqs"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let first =
        "made `functions/orders-2`: messages of a queue, of which only those that fail come again";
    assert_eq!(exit.stdout.lines().next(), Some(first));
    let settings = desk.folder.path().join("functions/orders-2/rhai-lambda.toml");
    assert!(std::fs::read_to_string(settings).unwrap().contains("name = \"orders-2\""));
    // What it says can be typed.
    let exit = desk.run(&["new", "my functions/orders"]);
    assert!(exit.stdout.contains("\n  cd 'my functions/orders'\n"), "{exit:?}");
}

#[test]
fn nothing_is_overwritten() {
    let desk = Desk::with("fn handler(event) { 1 }");
    let own = desk.misuse(&["new", "."]);
    assert!(own.starts_with("error: `.` cannot be the name of a function"), "{own}");
    desk.run(&["new", "hello"]);
    let again = desk.misuse(&["new", "hello"]);
    let expected = "error: `hello` is there already and not empty\n\
                    hint: choose another name, or remove it first\n";
    assert_eq!(again, expected);
}

#[test]
fn what_cannot_be_made_is_said() {
    let desk = Desk::new();
    let misuse = desk.misuse(&["new", "a b"]);
    assert!(
        misuse.starts_with("error: `a b` cannot be the name of a function\nhint: "),
        "{misuse}"
    );
    let misuse = desk.misuse(&["new", "a", "-t", "htp-api"]);
    let expected = "error: there is no template `htp-api`\nhint: did you mean `http-api`?\n";
    assert!(misuse.starts_with(expected), "{misuse}");
    assert!(desk.misuse(&["new"]).contains("<NAME>"));
    let desk = desk.file("taken", "");
    let expected = "error: `taken` is there already, and no folder\nhint: choose another name\n";
    for folder in ["taken", "taken/a"] {
        assert_eq!(desk.misuse(&["new", folder]), expected);
    }
}
