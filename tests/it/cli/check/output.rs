//! What is drawn, JSON and SARIF, exit statuses.

use serde_json::{Value, json};

use crate::desk::Desk;

/// One error, one warning, and characters that are wider than a byte.
fn desk() -> Desk {
    Desk::with("import \"lib/a\" as a;\nfn handler(event) {\n    let s = \"äöü\"; s.lenght()\n}\n")
        .file("lib/a.rhai", "fn f() { 1 }\n")
}

#[test]
fn findings_are_drawn_with_their_source() {
    let exit = desk().run(&["check"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert_eq!(exit.stdout, "");
    assert_eq!(
        exit.stderr,
        "\
warning[unused-import]: `a` is never used
 --> function.rhai:1:19
  |
1 | import \"lib/a\" as a;
  |                   ^
2 | fn handler(event) {
hint: remove the import; if the script is to run, leave out the alias: `import \"lib/a\";`

error[unknown-function]: no method `lenght`
 --> function.rhai:3:22
  |
2 | fn handler(event) {
3 |     let s = \"äöü\"; s.lenght()
  |                      ^^^^^^
4 | }
hint: did you mean `len`?

1 error, 1 warning in 2 scripts
"
    );
}

#[test]
fn files_are_named_from_where_the_command_runs() {
    let desk = Desk::new()
        .file("one/function.rhai", "fn handler(event) { nope() }\n")
        .file("two/function.rhai", "fn handler(event) { 1 }\n");
    let exit = desk.run(&["check", "one", "two"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.contains(" --> one/function.rhai:1:21\n"), "{}", exit.stderr);
    assert!(exit.stderr.ends_with("1 error in 2 scripts\n"), "{}", exit.stderr);
    let exit = desk.run(&["check", "two/function.rhai"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(exit.stderr, "nothing found in 1 script\n");
}

#[test]
fn warnings_can_be_denied() {
    let desk = Desk::with("fn handler(event) { return 1; 2 }\n");
    let exit = desk.run(&["check"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(exit.stderr.ends_with("1 warning in 1 script\n"), "{}", exit.stderr);
    assert_eq!(desk.run(&["check", "--deny-warnings"]).status.code(), Some(1));
}

#[test]
fn json_counts_characters() {
    let exit = desk().run(&["check", "--format", "json"]);
    assert_eq!(exit.stderr, "");
    let report: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(
        report["findings"][1],
        json!({
            "code": "unknown-function",
            "severity": "error",
            "message": "no method `lenght`",
            "help": ["did you mean `len`?"],
            "file": "function.rhai",
            "line": 3,
            "column": 22,
            "endColumn": 28,
        })
    );
    let counts = |key: &str| report[key].as_u64().unwrap();
    assert_eq!((counts("errors"), counts("warnings"), counts("scripts")), (1, 1, 2));
}

/// What the schema of SARIF 2.1.0 requires, and what code scanning asks for beyond that.
#[test]
fn sarif_has_what_its_schema_requires() {
    let desk = desk().file("rhai-lambda.toml", "[environment]\nRHAI_LAMBDA_MAX_MODULES = \"x\"\n");
    let exit = desk.run(&["check", "--format", "sarif"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let log: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("{log}") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "rhai-lambda");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["shortDescription", "fullDescription"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3, "{results:#?}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let [location] = result["locations"].as_array().unwrap().as_slice() else { panic!() };
        let place = &location["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains(' ') && !uri.starts_with('/'), "{uri}");
        if result["ruleId"] == "bad-setting" {
            assert!(place["region"].is_null(), "{place}");
        } else {
            let number = |key: &str| place["region"][key].as_u64().unwrap();
            assert!(number("startLine") >= 1 && number("endColumn") > number("startColumn"));
        }
    }
    let method = &results[1]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(*method, json!({ "startLine": 3, "startColumn": 22, "endColumn": 28 }));
}

#[test]
fn paths_in_sarif_are_uris() {
    let desk = Desk::new().file("my fn/function.rhai", "fn handler(event) { ü }\n");
    let log: Value =
        serde_json::from_str(&desk.run(&["check", "--format", "sarif", "my fn"]).stdout).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20fn/function.rhai");
}

#[test]
fn findings_are_explained() {
    let desk = Desk::new();
    let exit = desk.run(&["check", "--explain", "unused-import"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(
        exit.stdout.starts_with("unused-import: an import whose alias is never used\n\nThe script")
    );
    let misuse = desk.misuse(&["check", "--explain", "unused-imports"]);
    assert!(misuse.contains("did you mean `unused-import`?"), "{misuse}");
}

#[test]
fn a_wrong_use_is_no_finding() {
    let desk = Desk::new().file("notes.txt", "x");
    assert!(desk.misuse(&["check"]).contains("has no `function.rhai`"));
    assert!(desk.misuse(&["check", "gone"]).contains("`gone` does not exist"));
    assert!(desk.misuse(&["check", "--format", "xml"]).contains("sarif"));
}

/// Linear in the size of the scripts: a limit that a quadratic step would break by far.
#[test]
fn many_scripts_take_little_time() {
    let mut desk = Desk::new();
    let mut main = String::new();
    for number in 0..50 {
        main.push_str(&format!("import \"lib/m{number}\" as m{number};\n"));
        let mut text = String::new();
        for function in 0..20 {
            text.push_str(&format!(
                "fn f{function}(items) {{\n    let total = 0;\n    for item in items {{\n        total += \
                 item.price;\n    }}\n    total\n}}\n"
            ));
        }
        desk = desk.file(&format!("lib/m{number}.rhai"), text);
    }
    main.push_str("fn handler(event) {\n    let n = 0;\n");
    for number in 0..50 {
        main.push_str(&format!("    n += m{number}::f3([]);\n"));
    }
    main.push_str("    n\n}\n");
    let exit = desk.file("function.rhai", main).run(&["check"]);
    assert_eq!(exit.stderr, "nothing found in 51 scripts\n");
    assert!(exit.took.as_secs() < 20, "{:?}", exit.took);
}
