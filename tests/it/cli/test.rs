//! `rhai-lambda test`: what it finds, runs and says; the assertions.

// `fake::` and `invoke`, asserted by the very tests that use them.
mod fakes;
// Events and results as files.
mod golden;
// JUnit, JSON, coverage.
mod reports;

use crate::desk::Desk;
use crate::process::{Exit, Process};
use crate::tools;

/// A function, and tests of it that pass.
const FUNCTION: &str = "fn handler(event) { log::info(\"got it\"); #{ id: event.id, total: 4 } }";

impl Desk {
    /// Runs the tests, which must end with `status`; returns what was said, times as `#`.
    fn test(&self, status: i32, arguments: &[&str]) -> String {
        let exit = self.run(&[&["test"], arguments].concat());
        assert_eq!(exit.status.code(), Some(status), "{arguments:?}: {exit:?}");
        assert_eq!(exit.stderr, "", "{arguments:?}");
        shape(&exit)
    }
}

/// Standard output with `#` for figures of time, and one blank where lines of tests are aligned.
fn shape(exit: &Exit) -> String {
    let hidden = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_time = |at: usize| matches!(words.get(at + 1), Some(&"ms" | &"s"));
        let is_figure = |at: usize| words[at].parse::<f64>().is_ok() && is_time(at);
        let is_a_test = !line.contains(" passed, ");
        let hide = |(at, word): (usize, &&str)| match *word {
            _ if is_figure(at) => "#".to_owned(),
            // On a loaded machine a test may take more than a second.
            "s" if is_a_test && at > 0 && is_figure(at - 1) => "ms".to_owned(),
            word => word.to_owned(),
        };
        words.iter().enumerate().map(hide).collect::<Vec<_>>().join(" ")
    };
    let is_timed = |line: &str| {
        line.starts_with("pass ") || line.starts_with("FAIL ") || line.contains(" passed, ")
    };
    let lines = exit.stdout.lines();
    lines.map(|line| if is_timed(line) { hidden(line) } else { line.to_owned() } + "\n").collect()
}

/// The drawing of the only failure among the tests of `script`.
fn failure(script: &str) -> String {
    let desk = Desk::with(FUNCTION).file("a_test.rhai", script);
    let said = desk.test(1, &[]);
    let start = said.find("\nFAIL ").unwrap_or_else(|| panic!("no failure in:\n{said}"));
    let drawing = said[start + 1..].split_once('\n').expect("a drawing follows").1;
    drawing.split("\n\n").next().unwrap_or_default().to_owned()
}

#[test]
fn what_passes_is_a_line_each() {
    let script = "import \"function\" as function;\n\
                  fn test_second() { assert_eq(function::handler(#{ id: 1 }).total, 4); }\n\
                  fn helper() { fail(\"no test\") }\n\
                  fn test_first() { assert(true); }\n\
                  private fn test_private() { fail(\"no test\") }\n\
                  fn test_with(value) { fail(\"no test\") }\n";
    let desk = Desk::with(FUNCTION).file("orders_test.rhai", script).file(
        "lib/deep_test.rhai",
        "import \"function\" as f; fn test_deep() { f::handler(#{}); }",
    );
    let said = desk.test(0, &[]);
    // In the order of their files, and of the functions within.
    assert_eq!(
        said,
        "pass orders_test::test_second # ms\n\
         pass orders_test::test_first # ms\n\
         pass lib/deep_test::test_deep # ms\n\
         \n\
         3 passed, # s\n"
    );
}

#[test]
fn what_fails_is_drawn_with_its_place_its_difference_and_its_log() {
    let script = "import \"function\" as function;\n\
                  fn test_good() { function::handler(#{ id: 1 }); }\n\
                  fn test_bad() {\n    \
                      let found = function::handler(#{ id: 1 });\n    \
                      assert_eq(found, #{ id: 1, total: 5 });\n\
                  }\n";
    let desk = Desk::with(FUNCTION).file("orders_test.rhai", script);
    let said = desk.test(1, &[]);
    let (said, log) = said.split_once("  log: ").expect("the log of the failure");
    assert_eq!(
        said,
        "pass orders_test::test_good # ms\n\
         FAIL orders_test::test_bad # ms\n\
         \n\
         FAIL orders_test::test_bad\n\
         error[AssertionError]: the values differ\n \
         --> orders_test.rhai:5:5\n  \
         |\n\
         4 |     let found = function::handler(#{ id: 1 });\n\
         5 |     assert_eq(found, #{ id: 1, total: 5 });\n  \
         |     ^\n\
         6 | }\n  \
         - expected + found\n    \
         {\n      \
         \"id\": 1,\n  \
         -   \"total\": 5\n  \
         +   \"total\": 4\n    \
         }\n"
    );
    let (line, sum) = log.split_once('\n').unwrap();
    assert!(line.ends_with("\tINFO\tgot it"), "{line}");
    assert_eq!(sum, "\n1 passed, 1 failed, # s\n");
}

#[test]
fn assertions_say_what_is_wrong() {
    for (assertion, message) in [
        ("assert(1 == 2)", "the condition is false"),
        ("assert(1 == 2, \"arithmetic\")", "arithmetic"),
        ("assert(())", "the condition is `()`, expected `true` or `false`"),
        ("assert_eq(1, 2)", "found 1, expected 2"),
        ("assert_eq(1, 1.0)", "found 1, expected 1.0"),
        ("assert_eq(1, 2, \"sum\")", "sum: found 1, expected 2"),
        ("assert_eq(blob(2, 7), blob(2, 8))", "found \"<blob 0707>\", expected \"<blob 0808>\""),
        ("assert_ne([1], [1])", "both are [1]"),
        ("assert_ne(1, 1, \"ids\")", "ids: both are 1"),
        ("assert_throws(|| 5)", "nothing was thrown, it returned 5"),
        ("assert_throws(|| exit(5))", "nothing was thrown, it called `exit`"),
        ("assert_throws(|| throw \"t\", \"Bad\")", "Error was thrown, expected Bad: t"),
        ("fail(\"on purpose\")", "on purpose"),
    ] {
        let drawing = failure(&format!("fn test_it() {{ {assertion}; }}"));
        let first = drawing.lines().next().unwrap();
        assert_eq!(first, format!("error[AssertionError]: {message}"), "{assertion}");
        assert!(drawing.contains("--> a_test.rhai:1:16\n"), "{assertion}: {drawing}");
    }
}

#[test]
fn assertions_hold_what_is_right() {
    let script = "fn test_it() {\n\
                  assert(true); assert(1 < 2, \"\");\n\
                  assert_eq(#{ a: [1, (), \"x\", 'c', 1.5, blob(1)] }, #{ a: [1, (), \"x\", 'c', 1.5, blob(1)] });\n\
                  assert_ne(1, 1.0); assert_ne([1], [1, 2]); assert_ne(#{ a: () }, #{});\n\
                  let error = assert_throws(|| throw #{ errorType: \"Bad\", errorMessage: \"m\", n: 7 }, \"Bad\");\n\
                  assert_eq(error, #{ errorType: \"Bad\", errorMessage: \"m\", n: 7 });\n\
                  assert_eq(assert_throws(|| throw \"text\"), #{ errorType: \"Error\", errorMessage: \"text\" });\n\
                  let a = [];\n\
                  assert_throws(|| a[1], \"IndexOutOfBounds\");\n\
                  assert_throws(|| (1 / 0), \"ArithmeticError\");\n\
                  }";
    Desk::with(FUNCTION).file("a_test.rhai", script).test(0, &[]);
}

#[test]
fn an_assertion_in_a_helper_names_its_callers() {
    let drawing = failure("fn test_it() { check(4); }\nfn check(n) { assert_eq(n, 5); }");
    assert!(drawing.contains("--> a_test.rhai:2:15\n"), "{drawing}");
    assert!(drawing.ends_with("\n  at test_it (a_test.rhai:1:16)"), "{drawing}");
}

#[test]
fn a_script_that_is_broken_is_a_failure_and_the_others_run() {
    let desk = Desk::with(FUNCTION)
        .file("a_test.rhai", "fn test_a() { ")
        .file("b_test.rhai", "fn test_b() { nowhere::run() }")
        .file("c_test.rhai", "import \"gone\" as gone; fn test_c() {}")
        .file("d_test.rhai", "fn test_d() {}");
    let said = desk.test(1, &[]);
    assert!(said.contains("FAIL a_test # ms\nFAIL b_test # ms\nFAIL c_test::test_c # ms\npass d_"));
    for text in [
        "\nerror[Runtime.UserCodeSyntaxError]: ",
        "--> a_test.rhai:1:15\n",
        "--> b_test.rhai:1:15\n",
        "\nerror[Runtime.ImportModuleError]: no script `gone.rhai` in ",
        "\n1 passed, 3 failed, # s\n",
    ] {
        assert!(said.contains(text), "no `{text}` in:\n{said}");
    }
}

#[test]
fn a_test_is_stopped_at_the_limits_of_its_function() {
    let endless = failure("fn test_it() { let n = 0; loop { n += 1; } }");
    let stopped = "error[DeadlineExceeded]: the function was stopped 50 ms before its timeout";
    assert!(endless.starts_with(stopped), "{endless}");
    assert!(endless.contains("--> a_test.rhai:1:") && endless.contains("let n = 0; loop"));
    assert!(endless.ends_with("\nhint: `--timeout SECONDS` allows more"), "{endless}");
    let deep = failure("fn test_it() { down(1); }\nfn down(n) { down(n + 1) + 1 }");
    assert!(
        deep.starts_with("error[StackOverflow]: more than 128 nested function calls"),
        "{deep}"
    );
    let large = failure("fn test_it() { let a = \"x\"; loop { a += a; } }");
    assert!(
        large.starts_with("error[OutOfMemory]: the script allocated more than 64 MB"),
        "{large}"
    );
    let exit = failure("fn test_it() { exit(1); }");
    assert!(exit.starts_with("error[TestExited]: `exit` ended the test early\n"), "{exit}");
}

#[test]
fn memory_is_not_shared_with_the_tests_beside() {
    // Each takes most of what a function of 128 MB may have, and holds it while others run.
    let one = |n| {
        format!("fn test_{n}() {{ let a = blob(45000000, 1); sleep(0.1); assert_eq(a[9], 1); }}\n")
    };
    let script: String = (0..6).map(one).collect();
    let desk = Desk::with(FUNCTION).file("a_test.rhai", script);
    let said = desk.test(0, &["--jobs", "4", "--timeout", "60"]);
    assert!(said.ends_with("\n6 passed, # s\n"), "{said}");
}

#[test]
fn two_hundred_tests_run_side_by_side_and_are_told_in_order() {
    let one = |n| {
        format!(
            "fn test_{n}() {{ assert_eq(cache::get(\"n\"), ()); cache::set(\"n\", {n}); \
             fake::env(\"N\", \"{n}\"); fake::clock({n} * 1000); log::info(\"{n}\"); \
             assert_eq(cache::get(\"n\"), {n}); assert_eq(env::get(\"N\"), \"{n}\"); \
             assert_eq(time::now_ms(), {n} * 1000); }}\n"
        )
    };
    let script: String = (0..200).map(one).collect();
    let desk = Desk::with(FUNCTION).file("many_test.rhai", script);
    let said = desk.test(0, &["--jobs", "8", "--show-output", "--timeout", "60"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2 * 200 + 2);
    for (n, pair) in lines[..400].chunks(2).enumerate() {
        assert_eq!(pair[0], format!("pass many_test::test_{n} # ms"));
        assert!(pair[1].ends_with(&format!("\tINFO\t{n}")), "{}", pair[1]);
    }
    assert_eq!(lines[401], "200 passed, # s");
}

#[test]
fn tests_are_chosen_listed_and_stopped() {
    let script = "fn test_red() {}\nfn test_green() { fail(\"\") }\nfn test_blue() {}\n";
    let desk = Desk::with(FUNCTION).file("a_test.rhai", script);
    assert_eq!(
        desk.test(0, &["--list"]),
        "a_test::test_red\na_test::test_green\na_test::test_blue\n"
    );
    assert_eq!(desk.test(0, &["--", "red"]), "pass a_test::test_red # ms\n\n1 passed, # s\n");
    let two = desk.test(0, &["--filter", "red", "--filter", "blue"]);
    assert!(two.ends_with("\n2 passed, # s\n"), "{two}");
    assert!(desk.test(0, &["a_test.rhai", "--", "blue"]).ends_with("\n1 passed, # s\n"));
    let stopped = desk.test(1, &["--fail-fast", "--jobs", "1"]);
    assert!(stopped.ends_with("\n1 passed, 1 failed, 1 not run, # s\n"), "{stopped}");
}

#[test]
fn several_functions_are_tested_each_with_its_settings() {
    let function = "fn handler(event, context) { [env::get(\"PLACE\"), context.function_name] }";
    let test = |place: &str| {
        format!("fn test_it() {{ assert_eq(invoke(()), [\"{place}\", \"f-{place}\"]); }}")
    };
    let settings =
        |place: &str| format!("name = \"f-{place}\"\n[environment]\nPLACE = \"{place}\"\n");
    let mut desk = Desk::new();
    for place in ["here", "there"] {
        desk = desk
            .file(&format!("{place}/function.rhai"), function)
            .file(&format!("{place}/a_test.rhai"), test(place))
            .file(&format!("{place}/rhai-lambda.toml"), settings(place));
    }
    let said = desk.test(0, &[]);
    let names = "pass here/a_test::test_it # ms\npass there/a_test::test_it # ms\n";
    assert!(said.starts_with(names), "{said}");
    assert_eq!(desk.test(0, &["there"]), "pass a_test::test_it # ms\n\n1 passed, # s\n");
    let named = desk.test(0, &["here", "there"]);
    assert!(named.contains("pass there/a_test::test_it # ms\n"), "{named}");
    let changed = desk.test(1, &["here", "--env", "PLACE=elsewhere"]);
    assert!(changed.contains("+   \"elsewhere\"") || changed.contains("elsewhere"), "{changed}");
}

#[test]
fn wrong_uses_are_told() {
    let desk = Desk::new().file("empty/function.rhai", "").file("a_test.rhai", "fn test_red() {}");
    let hint = "hint: a test is `fn test_total() { assert_eq(1 + 1, 2); }` in a script such as \
                `function_test.rhai`\n";
    let expected = format!("error: there are no tests in `empty`\n{hint}");
    assert_eq!(desk.misuse(&["test", "empty"]), expected);
    let expected = "error: `emty` does not exist\nhint: did you mean `empty`?\n";
    assert_eq!(desk.misuse(&["test", "emty"]), expected);
    let expected = "error: no test has `rde` in its name\nhint: did you mean `red`?\n";
    assert_eq!(desk.misuse(&["test", "--", "rde"]), expected);
    let expected = "error: `empty/function.rhai` is not a script of tests\n\
                    hint: their names end in `_test.rhai`\n";
    assert_eq!(desk.misuse(&["test", "empty/function.rhai"]), expected);
    assert!(desk.misuse(&["test", "--jobs", "0"]).contains("--jobs"));
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let desk = Desk::with(FUNCTION)
        .file("a_test.rhai", "fn test_a() {}\nfn test_b() { let n = 0; loop { n += 1; } }\n");
    let mut command = desk.command(&["test", "--timeout", "900", "--jobs", "1"]);
    let process = Process::spawn(&mut command);
    while !process.stdout().contains("pass  a_test::test_a") {
        std::thread::yield_now();
    }
    process.signal("INT");
    let exit = process.wait();
    assert!(!exit.status.success() && exit.took.as_secs() < 60, "{exit:?}");
}

#[test]
fn the_examples_pass() {
    let examples = tools::root().join("examples");
    let mut folders: Vec<String> = std::fs::read_dir(&examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        // One that brings its own `bootstrap` needs that one.
        .filter(|path| path.is_dir() && !path.join("Cargo.toml").exists())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    folders.sort();
    let mut without = Vec::new();
    for folder in &folders {
        let said = Desk::new().test(0, &[folder]);
        if !said.contains("::test_") {
            without.push(folder);
        }
    }
    assert!(folders.len() > 5 && without.is_empty(), "examples without tests: {without:?}");
}
