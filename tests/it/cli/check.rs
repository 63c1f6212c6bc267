//! `rhai-lambda check`: what it finds, how it says so, and that it finds nothing else.

// What is drawn, JSON and SARIF, exit statuses.
mod output;
// Every example and every case: what works is found to be in order, what cannot work is found.
mod walk;

use serde_json::Value;

use crate::desk::Desk;

/// Everything that is found, a line each: `file:line:column severity[code] message | help`.
fn found(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let exit = desk.run(&[&["check", "--format", "json"], arguments].concat());
    let report: Value =
        serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error} in {exit:?}"));
    let errors = report["errors"].as_u64().unwrap();
    assert_eq!(exit.status.code(), Some(i32::from(errors > 0)), "{exit:?}");
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            let mut line = format!(
                "{}:{}:{} {}[{}] {}",
                text("file"),
                finding["line"],
                finding["column"],
                text("severity"),
                text("code"),
                text("message")
            );
            for help in finding["help"].as_array().unwrap() {
                line.push_str(" | ");
                line.push_str(help.as_str().unwrap());
            }
            line
        })
        .collect()
}

/// What is found in a handler with this body, which starts at line 2. An error must be one: the
/// function is run, and has to fail.
#[track_caller]
fn in_handler(body: &str, expected: &[&str]) {
    let script = format!("fn handler(event) {{\n{body}\n}}\n");
    let desk = Desk::with(&script);
    let expected: Vec<String> =
        expected.iter().map(|line| format!("function.rhai:{line}")).collect();
    assert_eq!(found(&desk, &[]), expected, "{body}");
    let fails = expected.iter().any(|line| line.contains(" error["));
    let status = desk.invoke(&["-d", "{\"items\":[],\"name\":\"x\"}"]).status.code();
    assert_eq!(status, Some(i32::from(fails)), "{body}");
}

#[test]
fn functions_that_do_not_exist() {
    in_handler("ad(1)", &["2:1 error[unknown-function] no function `ad` | did you mean `pad`?"]);
    in_handler(
        "prnt(1)",
        &["2:1 error[unknown-function] no function `prnt` | did you mean `print`?"],
    );
    in_handler(
        "render(\"x\", #{})",
        &["2:1 error[unknown-function] no function `render` | there is `text::render`"],
    );
    in_handler(
        "let f = |x| x; f(2)",
        &["2:16 error[unknown-function] no function `f` | a closure is called with `f.call(…)`"],
    );
    in_handler("`${nope()}`", &["2:4 error[unknown-function] no function `nope`"]);
    in_handler("try { nope() } catch {} 1", &["2:7 warning[unknown-function] no function `nope`"]);
    in_handler("if is_def_fn(\"nope\", 0) { nope() }", &[]);
    in_handler("let f = Fn(\"nope\"); 1", &["2:12 warning[unknown-function] no function `nope`"]);
}

#[test]
fn methods_that_do_not_exist() {
    in_handler(
        "event.name.to_uper()",
        &["2:12 error[unknown-function] no method `to_uper` | did you mean `to_upper`?"],
    );
    in_handler(
        "event.name.toUpperCase()",
        &["2:12 error[unknown-function] no method `toUpperCase` | did you mean `to_upper`?"],
    );
    in_handler(
        "event.items.length()",
        &["2:13 error[unknown-function] no method `length` | did you mean `len`?"],
    );
    in_handler(
        "\"x\".render(#{})",
        &["2:5 error[unknown-function] no method `render` | a module's functions are no methods: \
           `text::render(…)`"],
    );
    in_handler("event.items[0].nope()", &["2:16 error[unknown-function] no method `nope`"]);
    in_handler("[1].map(|x| x.nope()); 1", &["2:15 error[unknown-function] no method `nope`"]);
}

#[test]
fn a_map_may_hold_the_method() {
    in_handler("let m = #{ go_on: |x| x }; m.go_on(1)", &[]);
    in_handler("let m = #{}; m.go_on = || 1; m.go_on()", &[]);
    in_handler("let m = #{}; m[\"go_on\"] = || 1; m.go_on()", &[]);
    in_handler("let m = #{}; m.set(\"go_on\", || 1); m.go_on()", &[]);
    in_handler(
        "let m = #{}; m[\"go\" + \"_on\"] = || 1; m.go_on()",
        &["2:40 warning[unknown-function] no method `go_on`"],
    );
}

#[test]
fn arguments_are_counted() {
    in_handler(
        "text::render(\"a\")",
        &["2:7 error[wrong-arguments] `text::render` takes 2 arguments, here is 1"],
    );
    in_handler(
        "exit(1, 2)",
        &["2:1 error[wrong-arguments] `exit` takes 0 or 1 arguments, here are 2"],
    );
    in_handler(
        "event.name.sub_string(1, 2, 3)",
        &["2:12 error[wrong-arguments] the method `sub_string` takes 1 or 2 arguments, here are 3"],
    );
    in_handler(
        "(|x| x).call()",
        &["2:9 error[wrong-arguments] the closure takes 1 argument, here are none"],
    );
    in_handler("let y = 1; (|x| x + y).call(1)", &[]);
    in_handler(
        "let y = 1; (|x| x + y).call(1, 2)",
        &["2:24 error[wrong-arguments] the closure takes 1 argument, here are 2"],
    );
    in_handler(
        "handler()",
        &["2:1 error[wrong-arguments] `handler` takes 1 argument, here are none"],
    );
    in_handler(
        "Fn(\"handler\").call()",
        &["2:15 error[wrong-arguments] `handler` takes 1 argument, here are none"],
    );
}

#[test]
fn receivers_are_this_and_no_argument() {
    let desk = Desk::with(
        "fn add(a, b) { a + b }\nfn double() { this * 2 }\nfn string.shout() { this + \"!\" }\n\
         fn handler(event) {\n    \"a\".shout(); 2.double(); add(1, 2);\n    2.add(1);\n    double(2)\n}\n",
    );
    assert_eq!(
        found(&desk, &[]),
        [
            "function.rhai:6:7 error[unknown-function] no method `add` | in a method call the receiver \
             is `this` and no argument: write `add(value, …)`",
            "function.rhai:7:5 error[wrong-arguments] `double` takes no arguments, here is 1 | it uses \
             `this`: call it as a method, `value.double(…)`",
        ]
    );
}

#[test]
fn variables_and_constants() {
    let desk = Desk::with(
        "const RATE = 2;\nlet plain = 3;\nfn handler(event) {\n    let total = RATE;\n    total += plain;\n    \
         totl + event.map(|x| x + nowhere);\n    global::RAT + global::plain + global::RATE\n}\n\
         fn other() { global::RATE = 3; global::other() }\n",
    );
    assert_eq!(
        found(&desk, &[]),
        [
            "function.rhai:4:17 error[unknown-variable] no variable `RATE` here | inside a function, a \
             constant of the top level is `global::RATE`",
            "function.rhai:5:14 error[unknown-variable] no variable `plain` here | variables of the top \
             level do not outlive it: make it `const plain = …;`, which is `global::plain` inside a \
             function",
            "function.rhai:6:5 error[unknown-variable] no variable `totl` here | did you mean `total`?",
            "function.rhai:6:30 error[unknown-variable] no variable `nowhere` here",
            "function.rhai:7:13 error[unknown-variable] no constant `global::RAT` | did you mean \
             `global::RATE`?",
            "function.rhai:7:27 error[unknown-variable] no constant `global::plain` | variables of the \
             top level do not outlive it: `const plain = …;`",
            "function.rhai:9:22 error[constant-assigned] `global::RATE` is a constant and cannot be \
             changed | change a copy: `let copy = global::RATE;`",
            "function.rhai:9:40 error[unknown-function] no function `global::other` | `global::` has the \
             constants of the top level; a function is called by its name alone",
        ]
    );
}

#[test]
fn constants_that_are_changed() {
    let help = "make it a variable: `let A = …;`";
    in_handler(
        "const A = [1];\nA.push(2);",
        &[&format!(
            "3:3 error[constant-assigned] `A` is a constant, and `push` would change it | {help}"
        )],
    );
    in_handler(
        "const A = #{};\nA.x = 2;",
        &[&format!(
            "3:1 error[constant-assigned] `A` is a constant and cannot be changed | {help}"
        )],
    );
    in_handler("const A = 1; let b = [A]; b.push(A); A.to_string()", &[]);
    in_handler("const A = [1]; { let A = [2]; A.push(3); } A.len()", &[]);
    in_handler(
        "const A = [1];\nA = [];",
        &["3:1 error[constant-assigned] cannot assign to constant A"],
    );
    let desk = Desk::with(
        "let n = 0;\nconst M = 1;\nconst COUNT = #{ f: || { n += M; n } };\nconst OK = || M;\n\
         const N = [1].map(|x| x + n);\nfn handler(event) { global::OK.call() }\n",
    );
    assert_eq!(
        found(&desk, &[]),
        [
            "function.rhai:3:26 error[kept-variable] the constant `COUNT` holds a closure that captured the \
          variable `n`, which would outlive the invocation | let it capture a constant, or keep state \
          with `cache::`"
        ]
    );
    assert_eq!(desk.invoke(&[]).status.code(), Some(1));
}

#[test]
fn modules() {
    in_handler(
        "jsn::parse(\"1\")",
        &["2:1 error[unknown-module] no module or import `jsn` | did you mean `json`?"],
    );
    in_handler(
        "text::rendr(\"\", 1)",
        &["2:7 error[unknown-function] no function `text::rendr` | did you mean `text::render`?"],
    );
    in_handler(
        "time::now",
        &[
            "2:7 error[unknown-variable] no variable or constant `time::now` | it is a function: `time::now(…)`",
        ],
    );
    in_handler(
        "[1].map(|x| nomod::f(x))",
        &["2:13 error[unknown-module] no module or import `nomod`"],
    );
}

#[test]
fn results_that_are_not_json() {
    in_handler(
        "#{ items: [1, blob(2)] }",
        &["2:15 error[result-not-json] `result.items[1]` is a blob, which JSON cannot express | \
           `encoding::base64_encode(…)` makes a string of it; `lambda::raw(…)` sends it as it is"],
    );
    in_handler(
        "[|x| x]",
        &["2:2 error[result-not-json] `result[0]` is a function, which JSON cannot express"],
    );
    in_handler(
        "if event.name == \"x\" { return 1..5; } 1",
        &["2:31 error[result-not-json] `result` is a range, which JSON cannot express"],
    );
    in_handler(
        "0.0 / 0.0",
        &[
            "2:1 error[result-not-json] `result` is a float that is no number, which JSON cannot express",
        ],
    );
    in_handler("let image = blob(2); image.len()", &[]);
}

#[test]
fn statements_that_never_run() {
    let never = |place: &str, end: &str| {
        format!(
            "{place} warning[unreachable-code] this is never reached: what stands before it always ends with {end}"
        )
    };
    in_handler("return 1;\nlet x = 2;", &[&never("3:1", "`return`")]);
    in_handler(
        "if event.name == \"x\" { return 1; } else { exit(2); }\nprint(3);",
        &[&never("3:1", "`return`")],
    );
    in_handler("for x in [1] { continue; print(x); } 1", &[&never("2:26", "`continue`")]);
    in_handler("loop { break; }\n1", &[]);
    in_handler("if event.name == \"y\" { return 1; }\n2", &[]);
    in_handler("switch event.name { \"x\" => { return 1; } _ => 2 }", &[]);
}

#[test]
fn every_error_of_a_file_is_found() {
    let desk = Desk::with(
        "fn handler(event) {\n    let x = ;\n}\nfn second() {\n    event.default\n}\n\
         fn third(a, b { 1 }\nfn fourth() { nope(); missing }\n",
    );
    assert_eq!(
        found(&desk, &[]),
        [
            "function.rhai:2:13 error[syntax-error] unexpected ';'",
            "function.rhai:5:11 error[reserved-word] `default` is a reserved word; the key is read as \
             `value[\"default\"]`",
            "function.rhai:7:15 error[syntax-error] expecting ',' to separate the parameters of function \
             'third'",
            "function.rhai:8:15 error[unknown-function] no function `nope`",
            "function.rhai:8:23 error[unknown-variable] no variable `missing` here",
        ]
    );
}

#[test]
fn a_brace_that_is_missing_is_one_error() {
    let desk = Desk::with(
        "fn helper() {\n    if true {\n}\n\nfn handler(event) {\n    helper()\n}\n\nfn last() { nope() }\n",
    );
    let found = found(&desk, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("[syntax-error]"), "{found:#?}");
    let help = " | a bracket of the function `helper` in line 1 is not closed";
    assert!(found[0].ends_with(help), "{found:#?}");
    assert!(found[1].ends_with("no function `nope`"), "{found:#?}");
}

#[test]
fn imports() {
    let desk = Desk::with(
        "import \"lib/prices\" as prices;\nimport \"lib/pices\" as gone;\nimport \"../x\" as out;\n\
         import \"lib/setup\" as setup;\nimport \"lib/setup\";\n\
         fn handler(event) {\n    prices::total();\n    prices::totl([]);\n    prices::secret();\n    \
         prices::RATE + prices::TAX;\n    prices::setup::run();\n    total([])\n}\n",
    )
    .file(
        "lib/prices.rhai",
        "import \"lib/setup\" as setup;\nexport const TAX = 1;\nconst RATE = 2;\n\
         fn total(items) { 1 }\nprivate fn secret() { 2 }\n",
    )
    .file("lib/setup.rhai", "fn run() { import \"function\" as f; f::handler(1) }\n");
    let root = desk.folder.path().display();
    assert_eq!(
        found(&desk, &[]),
        [
            format!(
                "function.rhai:2:8 error[import-not-found] no script `lib/pices.rhai` in `{root}` or \
                 `/opt/rhai` | did you mean `lib/prices`?"
            )
            .as_str(),
            "function.rhai:3:8 error[import-refused] `../x` leads out of the function",
            "function.rhai:4:23 warning[unused-import] `setup` is never used | remove the import; if the \
             script is to run, leave out the alias: `import \"lib/setup\";`",
            "function.rhai:7:13 error[wrong-arguments] `prices::total` takes 1 argument, here are none",
            "function.rhai:8:13 error[unknown-function] no function `prices::totl` | did you mean \
             `prices::total`?",
            "function.rhai:9:13 error[unknown-function] no function `prices::secret` | `secret` in \
             `lib/prices.rhai` is private",
            "function.rhai:10:13 error[unknown-variable] no variable or constant `prices::RATE` | `RATE` \
             in `lib/prices.rhai` is not exported: `export const RATE = …;`",
            "function.rhai:12:5 error[unknown-function] no function `total` | `lib/prices.rhai` has it: \
             `prices::total`",
            "lib/prices.rhai:5:12 warning[unused-function] the private function `secret` is never called",
            "lib/setup.rhai:1:19 error[import-cycle] `function` holds the handler, which no script that \
             it imports can import | put what both need into a third script",
        ]
    );
}

#[test]
fn functions_of_the_caller_may_be_in_sight() {
    let desk =
        Desk::with("import \"lib/a\" as a;\nfn add(x) { x }\nfn handler(event) { a::run() }\n")
            .file("lib/a.rhai", "fn run() { add(1) }\n");
    assert_eq!(
        found(&desk, &[]),
        [
            "lib/a.rhai:1:12 warning[unknown-function] no function `add` | `function.rhai` has it, and is \
          seen only while it is the caller: move it to where both can import it"
        ]
    );
    assert_eq!(desk.result(&[]), "1\n");
}

#[test]
fn tests_have_functions_of_their_own() {
    let desk = Desk::with("fn handler(event) { assert(true); fake::clock(1) }\nfn add(a, b) { a + b }\n").file(
        "function_test.rhai",
        "import \"function\" as f;\nfn test_add() {\n    assert_eq(f::add(1, 2), 3);\n    \
         assert_throws(|| f::add());\n    assert_equal(1, 1);\n    fake::env(\"A\", 1);\n    fake::clok(1);\n}\n",
    );
    // What follows is a list of all modules.
    let mut found = found(&desk, &[]);
    found
        .iter_mut()
        .for_each(|line| line.truncate(line.find(" | there are").unwrap_or(line.len())));
    assert_eq!(
        found,
        [
            "function.rhai:1:21 error[unknown-function] no function `assert` | `assert` is for tests, which \
             are in files `…_test.rhai`",
            "function.rhai:1:35 error[unknown-module] no module or import `fake`",
            "function_test.rhai:4:25 warning[wrong-arguments] `f::add` takes 2 arguments, here are none",
            "function_test.rhai:5:5 error[unknown-function] no function `assert_equal` | did you mean \
             `assert_eq`?",
            "function_test.rhai:7:11 error[unknown-function] no function `fake::clok` | did you mean \
             `fake::clock`?",
        ]
    );
}

#[test]
fn functions_of_a_bootstrap_of_ones_own_are_named_in_the_settings() {
    let script = "fn handler(event) { ean13(event) }\n";
    let desk = Desk::with(script).file("rhai-lambda.toml", "natives = [\"ean13\"]\n");
    assert_eq!(found(&desk, &[]), Vec::<String>::new());
}

#[test]
fn limits_are_those_of_the_function() {
    let desk = Desk::with("fn handler(event) { [[[[1]]]] }\n")
        .file("rhai-lambda.toml", "[environment]\nRHAI_LAMBDA_MAX_EXPR_DEPTH = \"3\"\n");
    assert_eq!(
        found(&desk, &[]),
        ["function.rhai:1:21 error[syntax-error] the expression is nested too deeply \
          (RHAI_LAMBDA_MAX_EXPR_DEPTH)"]
    );
    let desk = Desk::with("fn handler(event) { 1 }\n")
        .file("rhai-lambda.toml", "[environment]\nRHAI_LAMBDA_MAX_MODULES = \"many\"\n");
    assert_eq!(
        found(&desk, &[]),
        [
            "rhai-lambda.toml:0:0 error[bad-setting] `RHAI_LAMBDA_MAX_MODULES` is `many`, expected a whole \
          number from 1 to 1048576"
        ]
    );
}
