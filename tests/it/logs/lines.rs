//! One line an event, in columns or as JSON; filters; ids.

use serde_json::{Value, json};

use crate::runtime_api::Answer;
use crate::session::{Function, Session};

const LEVELS: &str = r#"
fn handler(event) {
    log::trace("t");
    log::dbg("d");
    log::info("i", #{ order: 7 });
    log::warn("w");
    log::error("e");
    log::fatal("f");
    print("p");
    debug("b");
    event
}
"#;

/// Everything that was logged for one event.
fn log_of(function: Function, event: &str) -> Vec<String> {
    let mut session = function.start();
    session.invoke(event);
    finish(session)
}

/// The lines, once the process has ended and nothing can follow.
fn finish(session: Session) -> Vec<String> {
    session.process.signal("KILL");
    session.process.wait().stderr.lines().map(str::to_owned).collect()
}

fn json_lines(lines: &[String]) -> Vec<Value> {
    let parse = |line: &String| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in `{line}`"))
    };
    lines.iter().map(parse).collect()
}

/// `2026-11-23T15:04:05.123Z`
fn is_timestamp(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    text.len() == form.len()
        && text
            .chars()
            .zip(form.chars())
            .all(|(c, f)| if f == '0' { c.is_ascii_digit() } else { c == f })
        && text.starts_with("20")
}

#[test]
fn text_lines_have_columns() {
    let lines = log_of(Function::new(LEVELS), "1");
    let mut levels = Vec::new();
    for line in &lines {
        let columns: Vec<&str> = line.split('\t').collect();
        assert!(is_timestamp(columns[0]), "{line}");
        assert_eq!(columns[1], "request-1", "{line}");
        levels.push(format!("{} {}", columns[2], columns[3..].join("|")));
    }
    assert_eq!(levels[..5], ["DEBUG d", "INFO i|{\"order\":7}", "WARN w", "ERROR e", "FATAL f"]);
    assert_eq!(levels[5], "INFO p");
    assert!(levels[6].starts_with("DEBUG ") && levels[6].contains('b'), "{}", levels[6]);
    assert!(
        levels[6].contains("function.rhai") && levels[6].contains("10"),
        "the place: {}",
        levels[6]
    );
    assert_eq!(levels.len(), 7, "trace is off: {levels:?}");
}

#[test]
fn json_lines_have_awss_keys() {
    let function = Function::new(LEVELS).env("AWS_LAMBDA_LOG_FORMAT", "JSON");
    let lines = json_lines(&log_of(function, "1"));
    let shown: Vec<Value> =
        lines.iter().map(|line| json!([line["level"], line["message"]])).collect();
    assert_eq!(
        shown,
        [
            json!(["INFO", "i"]),
            json!(["WARN", "w"]),
            json!(["ERROR", "e"]),
            json!(["FATAL", "f"]),
            json!(["INFO", "p"])
        ]
    );
    for line in &lines {
        assert!(is_timestamp(line["timestamp"].as_str().unwrap()), "{line}");
        assert_eq!(line["requestId"], "request-1");
        assert_eq!(line.get("tenantId"), None);
    }
    assert_eq!(lines[0]["order"], 7);
}

#[test]
fn levels_are_filtered_in_both_forms() {
    for (format, level, count) in [
        ("Text", "TRACE", 8),
        ("Text", "INFO", 5),
        ("Text", "warn", 3),
        ("JSON", "TRACE", 8),
        ("JSON", "DEBUG", 7),
        ("JSON", "ERROR", 2),
        ("JSON", "FATAL", 1),
        ("JSON", "nonsense", 5),
    ] {
        let function = Function::new(LEVELS)
            .env("AWS_LAMBDA_LOG_FORMAT", format)
            .env("AWS_LAMBDA_LOG_LEVEL", level);
        let lines = log_of(function, "1");
        assert_eq!(lines.len(), count, "{format} {level}: {lines:#?}");
    }
}

#[test]
fn each_line_names_its_request_and_its_tenant() {
    for format in ["JSON", "Text"] {
        let script = "print(\"start\");\nfn handler(event) { print(\"in\"); event }";
        let mut session = Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", format).start();
        let event = Answer::event("id-1", "1").header("Lambda-Runtime-Aws-Tenant-Id", "blue\tteam");
        session.send("id-1", event);
        session.send("id-2", Answer::event("id-2", "1"));
        let lines = finish(session);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        if format == "JSON" {
            let lines = json_lines(&lines);
            assert_eq!(lines[0].get("tenantId"), None);
            assert_ne!(lines[0]["requestId"], "id-1");
            assert_eq!(
                (&lines[1]["requestId"], &lines[1]["tenantId"]),
                (&json!("id-1"), &json!("blue\tteam"))
            );
            assert_eq!(lines[2]["requestId"], "id-2");
            assert_eq!(lines[2].get("tenantId"), None);
        } else {
            assert!(lines[0].contains("\t-\tINFO\tstart"), "{lines:#?}");
            assert!(
                lines[1].contains("\tid-1\tINFO\tin\t{\"tenantId\":\"blue\\tteam\"}"),
                "{lines:#?}"
            );
            assert!(lines[2].ends_with("\tid-2\tINFO\tin"), "{lines:#?}");
        }
    }
}

#[test]
fn a_script_cannot_forge_a_line() {
    let script = r#"fn handler(event) {
        print(event.text);
        log::info(event.text, #{ note: event.text });
        log::info("x", #{ level: "FATAL", requestId: "other", timestamp: 1, message: "m", tenantId: "t" });
        event
    }"#;
    let forged =
        "first\r\n2026-11-23T15:04:05.123Z\tother\tERROR\tforged\u{1b}[31m\u{0}\u{85}\u{2028}end";
    let event = json!({ "text": forged }).to_string();
    let text = log_of(Function::new(script), &event);
    assert_eq!(text.len(), 3, "{text:#?}");
    for line in &text {
        assert_eq!(line.split('\t').nth(1), Some("request-1"), "{line}");
        assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
    }
    assert!(text[0].contains("first\\r\\n") && text[0].contains("\\u001b[31m"), "{}", text[0]);
    // Tabs separate the columns, so those of a message must not.
    assert_eq!(text[0].matches('\t').count(), 3, "{}", text[0]);
    let lines = log_of(Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", "JSON"), &event);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for line in &lines {
        assert_eq!(line.matches("\"level\":").count(), 1, "{line}");
        assert_eq!(line.matches("\"requestId\":").count(), 1, "{line}");
    }
    let lines = json_lines(&lines);
    assert_eq!(lines[0]["message"], forged);
    assert_eq!(lines[1]["note"], forged);
    assert_eq!(lines[2]["level"], "INFO");
    assert_eq!(lines[2]["requestId"], "request-1");
    assert_eq!(lines[2]["message"], "x");
    assert_eq!(lines[2]["level_"], "FATAL");
    assert_eq!(lines[2]["requestId_"], "other");
}

#[test]
fn an_uncaught_error_is_logged_with_its_stack() {
    let script = "fn handler(event) {\n    throw #{ errorType: \"BadOrder\", errorMessage: \"id is missing\", order: 7 };\n}";
    let lines = log_of(Function::new(script), "1");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].ends_with("\trequest-1\tERROR\tBadOrder: id is missing\t{\"errorMessage\":\"id is missing\",\"errorType\":\"BadOrder\",\"order\":7,\"stackTrace\":[\"at handler (function.rhai:2:5)\"]}"),
        "{}",
        lines[0]
    );
    let function = Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", "JSON");
    let lines = json_lines(&log_of(function, "1"));
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["message"], "BadOrder: id is missing");
    assert_eq!(lines[0]["errorType"], "BadOrder");
    assert_eq!(lines[0]["errorMessage"], "id is missing");
    assert_eq!(lines[0]["order"], 7);
    assert_eq!(lines[0]["stackTrace"], json!(["at handler (function.rhai:2:5)"]));
}

#[test]
fn an_init_error_is_logged_too() {
    for format in ["JSON", "Text"] {
        let function = Function::new("throw \"no table\";\nfn handler(event) { }")
            .env("AWS_LAMBDA_LOG_FORMAT", format);
        let (exit, _) = function.run_to_end();
        let lines: Vec<String> = exit.stderr.lines().map(str::to_owned).collect();
        let found = lines.iter().find(|line| line.contains("no table"));
        let found = found.unwrap_or_else(|| panic!("{format}: {lines:#?}"));
        if format == "JSON" {
            let line = &json_lines(std::slice::from_ref(found))[0];
            assert!(line["level"] == "ERROR" || line["level"] == "FATAL", "{line}");
        }
    }
}

#[test]
fn what_cannot_be_written_as_json_does_not_stop_a_log_line() {
    let script = r#"fn handler(event) {
        let cycle = #{ n: 1 };
        cycle.get = || cycle;
        let deep = [];
        for n in 0..1000 { deep = [deep]; }
        log::info("odd", #{ blob: blob(2), cycle: cycle, deep: deep, f: |x| x, nan: 0.0 / 0.0 });
        print(cycle);
        event
    }"#;
    let lines = log_of(Function::new(script).env("AWS_LAMBDA_LOG_FORMAT", "JSON"), "1");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let lines = json_lines(&lines);
    assert_eq!(lines[0]["message"], "odd");
}

#[test]
fn a_long_line_is_whole() {
    let script = "fn handler(event) { let s = \"\"; s.pad(200000, 'x'); print(s); event }";
    let lines = log_of(Function::new(script), "1");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].len() > 200_000, "{}", lines[0].len());
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_function() {
    use std::process::Stdio;

    let script = "fn handler(event) { print(\"x\"); event }";
    let function = Function::new(script);
    let api = crate::runtime_api::RuntimeApi::start();
    api.next(Answer::event("a", "1"));
    api.next(Answer::event("b", "2"));
    let mut command = function.command(Some(&api.address()));
    // Closed at once: every write to it fails.
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let answered =
        api.wait_for(crate::process::PATIENCE, |request| request.path.ends_with("/b/response"));
    let _ = child.kill();
    let _ = child.wait();
    assert!(answered.is_some());
}
