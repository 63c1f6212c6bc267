//! `rhai-lambda invoke` for measuring and for programs: `--repeat`, `--json`, `--quiet`.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::process::{Exit, Process};

/// Answers how often its environment has been asked, and fails at every fourth event.
const COUNT: &str = "\
fn handler(event) {
    let count = cache::get_or(\"count\", 1000, || 0) + 1;
    cache::set(\"count\", count, 1000);
    print(\"event \" + count);
    if count % 4 == 0 && event.fail == true { throw #{ errorType: \"Fourth\", errorMessage: `${count}` }; }
    count
}
";

fn document(exit: &Exit) -> Value {
    serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:?}"))
}

/// The names at the start of the indented lines.
fn figures(text: &str) -> Vec<&str> {
    let rows = text.lines().filter(|line| line.starts_with("  "));
    rows.map(|row| row.split_whitespace().next().unwrap_or_default()).collect()
}

#[test]
fn repeat_measures_one_environment() {
    let exit = Desk::with(COUNT).invoke(&["--repeat", "10"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert_eq!(exit.stdout, "10\n", "the last result");
    let first = exit.stderr.lines().next().unwrap();
    assert!(first.starts_with("10 invocations in ") && first.ends_with(" s, 0 failed"), "{first}");
    let mut expected = vec!["init", "min", "mean", "p50", "p90", "p99", "max"];
    if cfg!(target_os = "linux") {
        expected.push("memory");
    }
    assert_eq!(figures(&exit.stderr), expected, "{}", exit.stderr);
    // No logs, and no bar where nobody watches it.
    assert!(!exit.stderr.contains("START") && !exit.stderr.contains("event 1"), "{}", exit.stderr);
    assert!(!exit.stderr.contains(['\r', '\u{1b}']), "{}", exit.stderr);
}

#[test]
fn repeat_counts_errors_and_draws_the_first() {
    let exit = Desk::with(COUNT).invoke(&["--repeat", "9", "-d", "{\"fail\": true}"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert_eq!(exit.stdout, "9\n", "the last one is a result");
    assert!(exit.stderr.contains(" s, 2 failed: 2 × Fourth\n"), "{}", exit.stderr);
    assert!(exit.stderr.contains("error[Fourth]: 4\n --> function.rhai:5:"), "{}", exit.stderr);
    assert!(!exit.stderr.contains("error[Fourth]: 8"), "{}", exit.stderr);
}

#[test]
fn a_function_that_does_not_load_is_tried_once() {
    let exit = Desk::with("fn handler(event) { let = }").invoke(&["--repeat", "1000"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    let first = exit.stderr.lines().next().unwrap();
    assert!(first.starts_with("1 of 1000 invocations in "), "{}", exit.stderr);
    assert!(first.ends_with(" s, 1 failed: 1 × Runtime.UserCodeSyntaxError"), "{first}");
    assert!(
        exit.stderr.contains("does not load, so that it was not tried again\n"),
        "{}",
        exit.stderr
    );
    assert!(exit.stdout.contains("Runtime.UserCodeSyntaxError"), "{exit:?}");
}

#[test]
fn an_interrupt_shows_what_has_been_measured() {
    let script = "fn handler(event) { fs::write(\"/tmp/\" + event, \"\"); sleep(0.02); event }";
    let desk = Desk::with(script);
    // The function says that it has begun, by a file of which only this test knows.
    let mark = format!("repeat-{}", std::process::id());
    let path = std::path::Path::new("/tmp").join(&mark);
    for (arguments, json) in [(&[][..], false), (&["--json"][..], true)] {
        let event = format!("\"{mark}\"");
        let mut all = vec!["invoke", "--repeat", "100000", "-d", &event];
        all.extend(arguments);
        let process = Process::spawn(&mut desk.command(&all));
        let give_up = std::time::Instant::now() + std::time::Duration::from_secs(30);
        // Twice: the first invocation is over when the second begins.
        for _ in 0..2 {
            while !path.exists() {
                assert!(std::time::Instant::now() < give_up, "{}", process.stderr());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            std::fs::remove_file(&path).unwrap();
        }
        process.signal("INT");
        let exit = process.wait();
        let _ = std::fs::remove_file(&path);
        assert_eq!(exit.status.code(), Some(130), "{exit:?}");
        if json {
            let repeat = &document(&exit)["repeat"];
            assert_eq!((&repeat["asked"], &repeat["failed"]), (&json!(100000), &json!(0)));
            assert!(repeat["done"].as_u64().unwrap() >= 1, "{repeat}");
        } else {
            assert_eq!(exit.stdout, format!("{event}\n"));
            assert!(exit.stderr.contains(" of 100000 invocations in "), "{exit:?}");
            assert!(figures(&exit.stderr).contains(&"p99"), "{exit:?}");
        }
    }
}

#[test]
fn json_is_one_document() {
    let desk = Desk::with(COUNT);
    let exit = desk.invoke(&["--json", "--memory", "256"]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    let found = document(&exit);
    assert_eq!((&found["ok"], &found["result"]), (&json!(true), &json!(1)));
    assert_eq!(found["handler"], "function.handler");
    assert_eq!(found["contentType"], "application/json");
    assert_eq!(found["report"]["memorySizeMb"], 256);
    for figure in ["durationMs", "billedDurationMs", "initDurationMs"] {
        assert!(found["report"][figure].as_f64().unwrap() > 0.0, "{figure}: {found}");
    }
    let id = found["requestId"].as_str().unwrap();
    let logs: Vec<&str> =
        found["logs"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(logs[0], format!("START RequestId: {id} Version: $LATEST"));
    assert!(logs[1].ends_with("event 1") && logs[3].starts_with("REPORT "), "{logs:?}");
    assert_eq!(found.get("repeat"), None);

    let found = document(&desk.invoke(&["--json", "--repeat", "9", "-d", "{\"fail\": true}"]));
    assert_eq!((&found["ok"], &found["result"]), (&json!(true), &json!(9)));
    assert_eq!(found["repeat"]["errors"], json!({ "Fourth": 2 }));
    assert_eq!((&found["repeat"]["asked"], &found["repeat"]["done"]), (&json!(9), &json!(9)));
    let figure = |name: &str| found["repeat"]["durationMs"][name].as_f64().unwrap();
    let names = ["min", "p50", "p90", "p99", "max"];
    assert!(names.map(figure).is_sorted() && figure("min") > 0.0, "{found}");
    assert_eq!(found["logs"].as_array().unwrap().len(), 4, "those of the last: {found}");
}

#[test]
fn json_holds_any_answer() {
    for (script, key, expected) in [
        ("lambda::raw(\"a b\", \"text/plain\")", "resultText", json!("a b")),
        ("lambda::raw(blob(2, 255), \"image/png\")", "resultBase64", json!("//8=")),
        (
            "#{ f: 1.0, i: 9007199254740993 }",
            "result",
            json!({ "f": 1.0, "i": 9007199254740993_i64 }),
        ),
    ] {
        let exit = Desk::with(&format!("fn handler(event) {{ {script} }}")).invoke(&["--json"]);
        assert_eq!(document(&exit)[key], expected, "{exit:?}");
    }
    let exit = Desk::with("fn handler(event) { throw \"no\" }").invoke(&["--json"]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(1), ""), "{exit:?}");
    let found = document(&exit);
    assert_eq!((&found["ok"], &found["error"]["errorMessage"]), (&json!(false), &json!("no")));
    assert_eq!(found.get("result"), None);
}

#[test]
fn quiet_leaves_the_result_and_what_is_wrong() {
    let exit = Desk::with(COUNT).invoke(&["-q"]);
    assert_eq!((exit.stdout.as_str(), exit.stderr.as_str()), ("1\n", ""), "{exit:?}");
    let exit = Desk::with("fn handler(event) { throw \"no\" }").invoke(&["--quiet"]);
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.starts_with("error[Error]: no\n"), "{exit:?}");
}
