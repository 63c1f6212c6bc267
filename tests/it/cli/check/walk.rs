//! Every example and every case: what works is found to be in order, what cannot work is found.

use std::process::Command;

use serde_json::Value;

use crate::cases::case::{self, Case};
use crate::desk::Desk;
use crate::process::{Exit, Process};
use crate::tools;

/// What fails whenever the function runs, and stands in the scripts.
const STATIC: [&str; 8] = [
    "Runtime.HandlerNotFound",
    "Runtime.MalformedHandlerName",
    "Runtime.UserCodeSyntaxError",
    "Runtime.ImportModuleError",
    "ImportError",
    "FunctionNotFound",
    "VariableNotFound",
    "InvalidResult",
];

/// Cases of these types where it takes the event, or a value, to see it.
const DYNAMIC: [&str; 7] = [
    "tests/cases/engine-function-wrong-types",
    "tests/cases/engine-operator-wrong-types",
    "tests/cases/invalid-result-cyclic",
    "tests/cases/invalid-result-deep",
    "tests/cases/invalid-result-deep-by-setting",
    "tests/cases/invalid-result-very-deep",
    "tests/cases/stream-and-result",
];

/// Cases of other types where it can be seen all the same.
const SEEN: [&str; 5] = [
    "tests/cases/data-blob",
    "tests/cases/engine-assign-to-constant",
    "tests/cases/init-bad-setting",
    "tests/cases/init-closure-keeps-a-variable",
    "tests/cases/modules-too-deep",
];

fn check(case: &Case) -> Exit {
    let desk = Desk::new();
    desk.folder.copy_from(&case.folder);
    let handler = case.env.get("_HANDLER").map_or(".", String::as_str);
    let mut command = desk.command(&["check", "--format", "json", handler]);
    command.envs(case.env_in(desk.folder.path()));
    Process::spawn(&mut command).wait()
}

/// The findings of one severity, in words.
fn of(exit: &Exit, severity: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&exit.stdout).unwrap_or_default();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let those = findings.iter().filter(|finding| finding["severity"] == severity);
    those.map(|finding| format!("{}: {}", finding["code"], finding["message"])).collect()
}

#[test]
fn what_works_is_in_order_and_what_cannot_work_is_found() {
    let mut wrong = Vec::new();
    for case in case::all() {
        let exit = check(&case);
        let is_static = STATIC.iter().any(|name| case.expects_error_type(name));
        let is_found = exit.status.code() != Some(0);
        if is_static && !DYNAMIC.contains(&case.name.as_str()) {
            if !is_found {
                wrong.push(format!("{}: nothing was found", case.name));
            }
        } else if is_found && !SEEN.contains(&case.name.as_str()) {
            wrong.push(format!("{}: {:?} {}", case.name, of(&exit, "error"), exit.stderr));
        }
        let warnings = of(&exit, "warning");
        if case.name.starts_with("examples/") && !warnings.is_empty() {
            wrong.push(format!("{}: {warnings:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `rhai-lambda new` makes passes untouched.
#[test]
fn templates_are_in_order() {
    let desk = Desk::new();
    let templates = std::fs::read_dir(tools::root().join("src/cli/new")).unwrap();
    let folders = templates.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let names: Vec<String> =
        folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in &names {
        let made = desk.run(&["new", name, "--template", name]);
        assert_eq!(made.status.code(), Some(0), "{name}: {made:?}");
        assert_eq!(super::found(&desk, &[name]), Vec::<String>::new(), "{name}");
    }
}

/// A function that uses about everything that scripts can do, and works.
#[test]
fn a_function_that_works_has_no_errors() {
    let desk = Desk::new();
    desk.folder.copy_from(&tools::root().join("tests/it/cli/check/working"));
    let found = super::found(&desk, &[]);
    let warnings = [
        "function.rhai:45:38 warning[unknown-function] no method `dynamic`",
        "function.rhai:53:11 warning[unknown-function] no function `undefined_fn`",
        "lib/prices.rhai:7:5 warning[unknown-function] no function `add` | `function.rhai` has it, and \
         is seen only while it is the caller: move it to where both can import it",
    ];
    assert_eq!(found, warnings);
    let bootstrap = tools::bootstrap();
    let result = desk.result(&["-d", "2", "--bootstrap", bootstrap.to_str().unwrap()]);
    assert!(result.starts_with("[68,10,\"b\",2,\"x 3 Y\",\"caught\""), "{result}");
}

#[test]
fn an_example_with_natives_of_its_own_names_them() {
    let mut command = Command::new(tools::rhai_lambda());
    command.arg("check").arg(tools::root().join("examples/embed"));
    let exit = Process::spawn(&mut command).wait();
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
}
