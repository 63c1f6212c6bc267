//! Errors before the first event: one report, no `/next`, an end within a second.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::process::Exit;
use crate::runtime_api::{INIT_ERROR, Request};
use crate::session::Function;

/// Starts a function that cannot start; returns what it reported, after checking the manners.
fn init_error(function: Function, error_type: &str) -> (Request, Exit) {
    let (exit, mut requests) = function.run_to_end();
    assert_eq!(requests.len(), 1, "exactly one request: {requests:?}, {exit:?}");
    let report = requests.remove(0);
    assert_eq!((report.method.as_str(), report.path.as_str()), ("POST", INIT_ERROR));
    let code = exit.status.code();
    assert!(code.is_some_and(|code| code != 0), "ended by itself and not well: {exit:?}");
    let lingered = exit.ended.duration_since(report.at);
    assert!(lingered < Duration::from_secs(1), "ended {lingered:?} after its report");
    assert_eq!(report.header("Lambda-Runtime-Function-Error-Type"), Some(error_type), "{report:?}");
    let body = report.json();
    assert_eq!(body["errorType"], error_type, "{body}");
    assert!(body["stackTrace"].is_array(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    let cause = report.header("Lambda-Runtime-Function-XRay-Error-Cause").expect("the cause");
    assert!(cause.contains(error_type), "{cause}");
    assert_eq!(report.header("Lambda-Runtime-Invocation-Id"), None);
    // Who reads the log finds the same.
    assert!(exit.stderr.contains(error_type), "{}", exit.stderr);
    assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
    (report, exit)
}

fn message(report: &Request) -> String {
    report.json()["errorMessage"].as_str().unwrap().to_owned()
}

fn stack(report: &Request) -> Vec<String> {
    serde_json::from_value(report.json()["stackTrace"].clone()).unwrap()
}

fn contains_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

const MALFORMED: &str = "Runtime.MalformedHandlerName";
const NOT_FOUND: &str = "Runtime.HandlerNotFound";
const SYNTAX: &str = "Runtime.UserCodeSyntaxError";
const IMPORT: &str = "Runtime.ImportModuleError";
const INIT: &str = "Runtime.InitError";

#[test]
fn a_handler_that_is_not_set() {
    for function in [Function::echo().without_env("_HANDLER"), Function::echo().handler("")] {
        let (report, _) = init_error(function, MALFORMED);
        contains_all(&message(&report), &["_HANDLER"]);
    }
}

#[test]
fn a_handler_in_the_wrong_form() {
    for name in ["function", ".handler", "function.", ".", "function.a b"] {
        let (report, _) = init_error(Function::echo().handler(name), MALFORMED);
        contains_all(&message(&report), &[name]);
    }
}

#[test]
fn a_handler_outside_of_the_function() {
    for file in ["/etc/passwd", "../x", "lib/../../x"] {
        let function = Function::echo().handler(&format!("{file}.handler"));
        let (report, _) = init_error(function, NOT_FOUND);
        contains_all(&message(&report), &[file]);
    }
}

#[test]
fn a_file_that_is_not_there() {
    let (report, _) = init_error(Function::echo().handler("functoin.handler"), NOT_FOUND);
    contains_all(&message(&report), &["functoin.rhai", "`function`"]);
    let (report, _) = init_error(Function::empty(), NOT_FOUND);
    contains_all(&message(&report), &["function.rhai"]);
}

#[test]
fn a_file_in_a_folder_and_dots_in_the_name() {
    let function = Function::empty().file("a/b.c/my.file.rhai", "fn run(event) { 1 }");
    let mut session = function.handler("a/b.c/my.file.run").start();
    assert_eq!(session.invoke("{}").text(), "1");
}

#[test]
fn a_task_root_that_is_not_there() {
    let function = Function::echo().env("LAMBDA_TASK_ROOT", "/nowhere/at/all");
    let (report, _) = init_error(function, NOT_FOUND);
    contains_all(&message(&report), &["function.rhai"]);
}

#[test]
fn a_folder_where_the_file_should_be() {
    let function = Function::empty().file("function.rhai/x", "");
    init_error(function, NOT_FOUND);
}

#[test]
fn a_function_that_is_not_there() {
    let script = "fn handle(event) { 1 }\nfn helper() { 2 }";
    let (report, _) = init_error(Function::new(script), NOT_FOUND);
    contains_all(&message(&report), &["handler", "function.rhai", "`handle`"]);
}

#[test]
fn a_function_that_is_private() {
    let (report, _) = init_error(Function::new("private fn handler(event) { 1 }"), NOT_FOUND);
    contains_all(&message(&report), &["private", "handler"]);
}

#[test]
fn a_function_with_the_wrong_number_of_parameters() {
    let (report, _) = init_error(Function::new("fn handler() { 1 }"), NOT_FOUND);
    contains_all(&message(&report), &["handler", "(event)", "(event, context)"]);
    init_error(Function::new("fn handler(a, b, c) { 1 }"), NOT_FOUND);
}

#[test]
fn a_script_that_is_not_rhai() {
    let script = "// ü\nfn handler(event) {\n    let x = ;\n}\n";
    let (report, exit) = init_error(Function::new(script), SYNTAX);
    assert_eq!(stack(&report), ["at <script> (function.rhai:3:13)"]);
    assert!(!message(&report).contains("(line"), "{}", message(&report));
    contains_all(&exit.stderr, &["function.rhai:3:13"]);
}

#[test]
fn a_variable_that_nobody_declared() {
    let script = "fn handler(event) {\n    totl\n}\n";
    let (report, _) = init_error(Function::new(script), SYNTAX);
    contains_all(&message(&report), &["totl"]);
    assert_eq!(stack(&report), ["at <script> (function.rhai:2:5)"]);
}

#[test]
fn an_import_that_is_not_there() {
    let script = "import \"lib/pricse\" as prices;\nfn handler(event) { prices::total(event) }";
    let function = Function::new(script).file("lib/prices.rhai", "fn total(x) { x }");
    let (report, _) = init_error(function, IMPORT);
    contains_all(&message(&report), &["lib/pricse"]);
    assert_eq!(stack(&report).last().unwrap(), "at <script> (function.rhai:1:8)");
}

#[test]
fn an_import_that_is_not_rhai() {
    let script = "import \"lib/prices\" as prices;\nfn handler(event) { 1 }";
    let function = Function::new(script).file("lib/prices.rhai", "fn total(x) {\n  x +\n}");
    let (report, _) = init_error(function, SYNTAX);
    assert_eq!(stack(&report)[0], "at <script> (lib/prices.rhai:3:1)");
}

#[test]
fn an_import_that_throws() {
    let script = "import \"lib/prices\" as prices;\nfn handler(event) { 1 }";
    let function = Function::new(script).file("lib/prices.rhai", "\nthrow \"no table\";");
    let (exit, requests) = function.run_to_end();
    assert_eq!(requests.len(), 1, "{requests:?} {exit:?}");
    let report = &requests[0];
    contains_all(&message(report), &["no table"]);
    assert_eq!(stack(report)[0], "at <script> (lib/prices.rhai:2:1)");
}

#[test]
fn imports_stay_in_their_roots() {
    for path in ["../secret", "/etc/secret", "lib/../../secret", "./../secret", "link/secret"] {
        let script = format!("import \"{path}\" as secret;\nfn handler(event) {{ 1 }}");
        let outside = crate::scratch::Scratch::new();
        outside.write("secret.rhai", "fn s() { 1 }");
        let function = Function::empty().file("task/function.rhai", script);
        let function = function.file("secret.rhai", "fn s() { 1 }").file("task/lib/x.rhai", "");
        std::os::unix::fs::symlink(outside.path(), function.root().join("task/link")).unwrap();
        let root = function.root().join("task");
        let function = function.env("LAMBDA_TASK_ROOT", root.to_str().unwrap());
        let (report, _) = init_error(function, IMPORT);
        contains_all(&message(&report), &["secret"]);
    }
}

#[test]
fn imports_that_go_round_in_a_circle() {
    for (a, b) in [("function", "function"), ("lib/b", "function"), ("lib/b", "lib/b")] {
        let script = format!("import \"{a}\" as a;\nfn handler(event) {{ 1 }}");
        let function = Function::new(script).file("lib/b.rhai", format!("import \"{b}\" as b;"));
        let (report, _) = init_error(function, IMPORT);
        contains_all(&message(&report), &[b, "→"]);
    }
}

#[test]
fn a_top_level_that_throws() {
    let script = "const A = 1;\nfn load() {\n    throw #{ errorType: \"Mine\", errorMessage: \"no secret\" };\n}\nconst B = load();\nfn handler(event) { 1 }\n";
    let (report, _) = init_error(Function::new(script), INIT);
    contains_all(&message(&report), &["no secret"]);
    assert_eq!(stack(&report), ["at load (function.rhai:3:5)", "at <script> (function.rhai:5:11)"]);
}

#[test]
fn a_top_level_that_breaks_a_rule_of_the_engine() {
    let script = "let a = [1];\nlet b = a[7];\nfn handler(event) { 1 }\n";
    let (report, _) = init_error(Function::new(script), INIT);
    assert_eq!(stack(&report), ["at <script> (function.rhai:2:11)"]);
}

#[test]
fn a_top_level_that_never_ends() {
    for script in
        ["loop { }", "while true { let x = 1; }", "sleep(1000);", "[1, 2].map(|x| { loop {} });"]
    {
        let function = Function::new(format!("{script}\nfn handler(event) {{ 1 }}"));
        let function = function.env("RHAI_LAMBDA_INIT_TIMEOUT_MS", "300");
        let (report, exit) = init_error(function, INIT);
        assert!(exit.took >= Duration::from_millis(300), "{script}: {:?}", exit.took);
        contains_all(&message(&report), &["300", "RHAI_LAMBDA_INIT_TIMEOUT_MS"]);
    }
}

#[test]
fn a_top_level_that_breaks_a_limit() {
    for (script, setting, value) in [
        ("fn f(x) { f(x + 1) } f(0);", "RHAI_LAMBDA_MAX_CALL_DEPTH", "50"),
        ("let s = \"x\"; loop { s += s; }", "RHAI_LAMBDA_MAX_MEMORY_MB", "64"),
        ("let n = 0; loop { n += 1; }", "RHAI_LAMBDA_MAX_OPERATIONS", "10000"),
    ] {
        let function = Function::new(format!("{script}\nfn handler(event) {{ 1 }}"));
        let (report, _) = init_error(function.env(setting, value), INIT);
        contains_all(&message(&report), &[setting]);
    }
}

#[test]
fn a_script_that_is_not_utf8() {
    let (report, _) = init_error(Function::new(b"fn handler(event) { \"\xff\" }"), SYNTAX);
    contains_all(&message(&report), &["function.rhai", "UTF-8"]);
}

#[test]
fn an_import_that_is_not_utf8() {
    let script = "import \"lib/x\" as x;\nfn handler(event) { 1 }";
    let function = Function::new(script).file("lib/x.rhai", b"// \xff");
    let (exit, requests) = function.run_to_end();
    assert_eq!(requests.len(), 1, "{requests:?} {exit:?}");
    contains_all(&message(&requests[0]), &["lib/x.rhai", "UTF-8"]);
}

#[test]
fn a_script_that_starts_with_a_mark_of_byte_order() {
    let mut session = Function::new("\u{feff}fn handler(event) { 1 }").start();
    assert_eq!(session.invoke("{}").text(), "1");
}

#[test]
fn a_script_that_cannot_be_read() {
    let function = Function::echo();
    let path = function.root().join("function.rhai");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads whatever the mode says; a broken link is unreadable for everybody.
    if std::fs::read(&path).is_ok() {
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("function.rhai", &path).unwrap();
    }
    let (report, _) = init_error(function, NOT_FOUND);
    contains_all(&message(&report), &["function.rhai"]);
}

#[test]
fn settings_that_make_no_sense() {
    for (name, value) in [
        ("RHAI_LAMBDA_MAX_MEMORY_MB", "lots"),
        ("RHAI_LAMBDA_MAX_OPERATIONS", "-1"),
        ("RHAI_LAMBDA_MAX_CALL_DEPTH", "0"),
        ("RHAI_LAMBDA_MAX_CALL_DEPTH", "100000"),
        ("RHAI_LAMBDA_MAX_EXPR_DEPTH", "1.5"),
        ("RHAI_LAMBDA_MAX_MODULES", "0"),
        ("RHAI_LAMBDA_MAX_MODULE_DEPTH", "65"),
        ("RHAI_LAMBDA_MAX_JSON_DEPTH", "x"),
        ("RHAI_LAMBDA_DEADLINE_MARGIN_MS", "50ms"),
        ("RHAI_LAMBDA_INIT_TIMEOUT_MS", ""),
    ] {
        if value.is_empty() {
            // Empty is unset.
            let mut session = Function::echo().env(name, value).start();
            session.still_echoes();
            continue;
        }
        let (report, _) = init_error(Function::echo().env(name, value), INIT);
        contains_all(&message(&report), &[name, value]);
    }
}

#[test]
fn a_report_that_is_refused_changes_nothing() {
    use crate::runtime_api::{Answer, RuntimeApi};

    for answer in [Answer::status(403), Answer::status(500), Answer::raw(b"no")] {
        let api = RuntimeApi::start();
        api.post("/init/error", answer);
        let session = Function::new("fn handle(").start_on(api);
        let exit = session.process.wait();
        assert!(exit.status.code().is_some_and(|code| code != 0), "{exit:?}");
        assert!(exit.stderr.contains(SYNTAX), "{exit:?}");
        assert!(!session.api.requests().iter().any(Request::is_next));
    }
}
