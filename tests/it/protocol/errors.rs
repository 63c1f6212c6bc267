//! The three forms in which an error travels: body, header and X-Ray cause.

use serde_json::json;

use crate::runtime_api::Request;
use crate::session::Function;

fn error_of(script: &str, event: &str) -> Request {
    let request = Function::new(script).start().invoke(event);
    assert!(request.path.ends_with("/error"), "{} {}", request.path, request.text());
    request
}

fn header(request: &Request) -> &str {
    request.header("Lambda-Runtime-Function-Error-Type").expect("the header is there")
}

#[test]
fn the_bytes_of_an_error() {
    let script = "fn handler(event) {\n    throw #{ errorType: \"BadOrder\", errorMessage: \"no id\", order: 7 };\n}\n";
    let request = error_of(script, "{}");
    assert_eq!(request.path, "/2018-06-01/runtime/invocation/request-1/error");
    assert_eq!(
        request.text(),
        r#"{"errorMessage":"no id","errorType":"BadOrder","stackTrace":["at handler (function.rhai:2:5)"]}"#
    );
    assert_eq!(header(&request), "Function.BadOrder");
    let content_type = request.header("Content-Type").unwrap();
    assert!(content_type.starts_with("application/"), "{content_type}");
}

#[test]
fn the_xray_cause_names_each_frame() {
    let mut session = Function::new(
        "import \"lib/prices\" as prices;\nfn handler(event) {\n    prices::total(event)\n}\n",
    )
    .file(
        "lib/prices.rhai",
        "fn total(items) { deep(items) }\nfn deep(items) {\n  throw \"ö\";\n}\n",
    )
    .start();
    let request = session.invoke("[]");
    let cause = request.header("Lambda-Runtime-Function-XRay-Error-Cause").expect("the cause");
    assert!(cause.is_ascii(), "{cause}");
    let cause: serde_json::Value = serde_json::from_str(cause).unwrap();
    let root = session.function.root().to_str().unwrap();
    assert_eq!(
        cause,
        json!({
            "working_directory": root,
            "exceptions": [{
                "type": "Error",
                "message": "ö",
                "stack": [
                    {"path": "lib/prices.rhai", "line": 3, "label": "deep"},
                    {"path": "lib/prices.rhai", "line": 1, "label": "total"},
                    {"path": "function.rhai", "line": 3, "label": "handler"},
                ],
            }],
            "paths": ["lib/prices.rhai", "function.rhai"],
        })
    );
}

#[test]
fn a_huge_message_travels_whole_in_the_body_and_cropped_in_the_cause() {
    let script = r#"fn handler(event) { let s = "é"; s.pad(200000, 'é'); throw s; }"#;
    let request = error_of(script, "{}");
    assert_eq!(request.json()["errorMessage"].as_str().unwrap().chars().count(), 200_000);
    let cause = request.header("Lambda-Runtime-Function-XRay-Error-Cause").expect("the cause");
    assert!(cause.len() <= 64 << 10, "{}", cause.len());
    serde_json::from_str::<serde_json::Value>(cause).expect("it is still JSON");
}

#[test]
fn the_body_of_an_error_stays_below_what_lambda_takes() {
    let script = r#"fn handler(event) {
        if event == "ping" { return "pong"; }
        let s = "é"; s.pad(3000000, 'é'); throw s;
    }"#;
    let mut session = Function::new(script).start();
    let request = session.invoke("{}");
    assert!(request.path.ends_with("/error"), "{}", request.path);
    assert!(request.body.len() <= 1 << 20, "{} bytes", request.body.len());
    assert_eq!(request.json()["errorType"], "Error");
    assert_eq!(session.invoke("\"ping\"").text(), "\"pong\"");
}

#[test]
fn header_forms_that_lambda_keeps() {
    let script = "fn handler(event) { throw #{ errorType: event, errorMessage: \"m\" }; }";
    let mut session = Function::new(script).start();
    for (thrown, kept) in [
        ("BadOrder", "Function.BadOrder"),
        ("bad order", "Function.BadOrder"),
        ("Bad.Order", "Function.BadOrder"),
        ("States.Timeout", "Function.StatesTimeout"),
        ("404", "Function.Error"),
        ("", "Function.Error"),
        ("x", "Function.Error"),
        ("Ünüblich", "Function.NBlich"),
        ("A\r\nX-Forged: 1", "Function.AXForged"),
        ("Runtime.ExitError", "Function.RuntimeExitError"),
    ] {
        let request = session.invoke(serde_json::to_string(thrown).unwrap());
        let sent = header(&request);
        assert_eq!(sent, kept, "errorType {thrown:?}");
        let expected = if thrown.is_empty() { "Error" } else { thrown };
        assert_eq!(request.json()["errorType"], expected, "the body keeps it exactly");
        assert_eq!(request.header("X-Forged"), None);
    }
}

#[test]
fn a_message_cannot_smuggle_a_header() {
    let script = "fn handler(event) { throw event; }";
    let request = error_of(script, r#""a\r\nX-Forged: 1\r\n\r\nGET / HTTP/1.1\r\n\u0000""#);
    assert_eq!(request.header("X-Forged"), None);
    assert_eq!(request.json()["errorMessage"], "a\r\nX-Forged: 1\r\n\r\nGET / HTTP/1.1\r\n\0");
}

#[test]
fn an_event_that_is_not_json_is_the_runtimes_error() {
    let mut session = Function::echo().start();
    let deep = "[".repeat(100_000);
    for event in [" ", "{", "nope", "{\"a\":1}}", "{\"a\":\"\u{1}\"}", "\u{feff}{}", "1e400", &deep]
    {
        let request = session.invoke(event);
        let shown: String = event.chars().take(20).collect();
        assert!(request.path.ends_with("/error"), "{shown:?}: {}", request.path);
        assert_eq!(header(&request), "Runtime.InvalidEvent", "{shown:?}");
        assert_eq!(request.json()["errorType"], "InvalidEvent", "{shown:?}");
        assert_eq!(request.json()["stackTrace"], json!([]), "{shown:?}");
        assert!(!request.json()["errorMessage"].as_str().unwrap().is_empty());
    }
    let request = session.invoke(&b"\"\xff\xfe\""[..]);
    assert_eq!(header(&request), "Runtime.InvalidEvent");
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn no_event_at_all_is_unit() {
    // Lambda lets clients send nothing.
    assert_eq!(Function::echo().start().invoke("").text(), "null");
}
