//! What other programs read: JUnit, JSON, coverage.

use std::process::Command;

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::process::Process;
use crate::tools;

/// A function with branches, and tests that take some of them.
fn desk() -> Desk {
    let function = r#"import "lib/kinds" as kinds;
const LIMIT = 2;

fn handler(event) {
    if event.n > global::LIMIT {
        return "many";
    } else if event.n < 0 {
        throw "below";
    }
    let named = switch event.n {
        0 => "none",
        1 => { kinds::one() }
        _ => "some",
    };
    let twice = |text| {
        text + text
    };
    // Not a line that runs.
    for n in 0..2 {
        named += twice
            .call("!");
    }
    named
}

fn unused(a) {
    let b = a;
    b
}
"#;
    let test = r#"import "function" as function;
fn test_one() { assert_eq(function::handler(#{ n: 1 }), "one!!!!"); }
fn test_many() { assert_eq(function::handler(#{ n: 3 }), "many"); }
fn test_invoked() { assert_eq(invoke(#{ n: 3 }), "many"); }
"#;
    let kinds = "fn one() {\n    \"one\"\n}\nfn two() {\n    \"two\"\n}\n";
    Desk::with(function)
        .file("lib/kinds.rhai", kinds)
        .file("lib/never.rhai", "fn never() {\n    1\n}\n")
        .file("a_test.rhai", test)
}

#[test]
fn lines_that_no_test_ran_are_shown() {
    let said = desk().test(0, &["--coverage"]);
    let table = said.split("\n\n").nth(1).unwrap();
    assert_eq!(
        table,
        "function.rhai     12 of   17 lines   70.6 %  missed 8, 11, 13, 27-28\n\
         lib/kinds.rhai     1 of    2 lines   50.0 %  missed 5\n\
         lib/never.rhai     0 of    1 lines    0.0 %  missed 2\n\
         total             13 of   20 lines   65.0 %"
    );
    assert!(said.ends_with("\n3 passed, # s\n"), "{said}");
}

#[test]
fn the_tracefile_counts_lines() {
    let desk = desk();
    desk.test(0, &["--lcov", "lcov.info", "--", "test_many", "test_one"]);
    let text = std::fs::read_to_string(desk.folder.path().join("lcov.info")).unwrap();
    let start = text.find("SF:function.rhai\n").unwrap();
    let record = &text[start..start + text[start..].find("end_of_record").unwrap()];
    let lines: Vec<&str> = record.lines().skip(1).collect();
    // Each of both tests starts the function anew.
    let expected = "DA:1,2 DA:2,2 DA:5,2 DA:6,1 DA:7,1 DA:8,0 DA:10,1 DA:11,0 DA:12,1 DA:13,0 \
                    DA:15,2 DA:16,2 DA:19,1 DA:20,2 DA:23,1 DA:27,0 DA:28,0 LF:17 LH:12";
    assert_eq!(lines.join(" "), expected);
    assert!(text.contains("TN:\nSF:lib/never.rhai\nDA:2,0\nLF:1\nLH:0\nend_of_record\n"), "{text}");
    assert!(!text.contains("a_test"), "{text}");
}

#[test]
fn junit_is_read_by_other_programs() {
    let desk = Desk::with("").file(
        "a_test.rhai",
        r#"fn test_good() { print("<logged> & \x1b"); }
fn test_bad() { assert_eq("<a>", "&b"); }
fn test_broken() { throw "]]>"; }
"#,
    );
    let exit = desk.run(&["test", "--junit", "report.xml"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let script = r#"
import sys, json, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
counts = [root.get(name) for name in ("tests", "failures", "errors", "skipped")]
cases = []
for suite in root:
    for case in suite:
        found = [[child.tag, child.get("type"), child.get("message")] for child in case]
        assert float(case.get("time")) >= 0
        cases.append([suite.get("name"), case.get("classname"), case.get("name"), found])
print(json.dumps([counts, cases, root.find(".//failure").text]))
"#;
    let report = desk.folder.path().join("report.xml");
    let Ok(output) = Command::new("python3").args(["-c", script]).arg(&report).output() else {
        eprintln!("left out: JUnit read by Python, which is not there");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read[0], json!(["3", "1", "1", "0"]));
    let message = r#"found "<a>", expected "&b""#;
    let cases = json!([
        ["a_test", "a_test", "test_good", [["system-err", null, null]]],
        ["a_test", "a_test", "test_bad", [["failure", "AssertionError", message]]],
        ["a_test", "a_test", "test_broken", [["error", "Error", "]]>"]]],
    ]);
    assert_eq!(read[1], cases);
    assert!(read[2].as_str().unwrap().contains("--> a_test.rhai:2:17"), "{read}");
}

#[test]
fn the_results_are_there_as_json() {
    let desk = Desk::with("").file(
        "a_test.rhai",
        "fn test_good() {}\nfn test_bad() { print(1); assert_eq([1], [2]); }\n",
    );
    let exit = desk.run(&["test", "--json", "--coverage"]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(1), ""), "{exit:?}");
    let document: Value = serde_json::from_str(&exit.stdout).unwrap();
    assert_eq!((&document["passed"], &document["failed"]), (&json!(1), &json!(1)));
    let tests = document["tests"].as_array().unwrap();
    assert_eq!(tests[0]["name"], "a_test::test_good");
    assert_eq!(tests[0]["status"], "passed");
    assert_eq!(tests[1]["status"], "failed");
    assert_eq!(tests[1]["error"]["errorType"], "AssertionError");
    assert_eq!(tests[1]["error"]["stackTrace"][0], "at test_bad (a_test.rhai:2:27)");
    assert_eq!(tests[1]["error"]["diff"], "  [\n-   2\n+   1\n  ]\n");
    assert!(tests[1]["log"].as_str().unwrap().ends_with("\tINFO\t1\n"));
    assert_eq!(document["coverage"][0]["file"], "function.rhai");
    let exit = desk.run(&["test", "--json", "--list"]);
    assert_eq!(exit.stdout, "{\"tests\":[\"a_test::test_good\",\"a_test::test_bad\"]}\n");
}

#[test]
fn how_it_went_is_said_even_if_a_report_cannot_be_written() {
    let desk = desk();
    let exit = desk.run(&["test", "--junit", "none/report.xml"]);
    assert_eq!(exit.status.code(), Some(2), "{exit:?}");
    assert!(exit.stdout.contains("\n\n3 passed, "), "{exit:?}");
    let start = "error: failed to write `none/report.xml`: ";
    assert!(exit.stderr.starts_with(start), "{exit:?}");
    let script = "\"$0\" test --json >/dev/full; echo $?";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(tools::rhai_lambda()).current_dir(desk.folder.path());
    let exit = Process::spawn(&mut command).wait();
    assert_eq!(exit.stdout, "2\n", "half a document is none");
    assert!(exit.stderr.starts_with("error: failed to write to standard output: "), "{exit:?}");
}
