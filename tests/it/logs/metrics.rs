//! The lines of `metrics::`: bare JSON objects, whatever the log's format and level.

use serde_json::{Value, json};

use super::frames;
use crate::session::Function;

const SCRIPT: &str = r#"
fn handler(event) {
    log::warn("before");
    metrics::count("Orders", 2, #{ channel: "web" });
    metrics::timing("Payment", 12.5, #{}, #{ namespace: "Bank", properties: #{ order: 17 } });
    event
}
"#;

fn function() -> Function {
    Function::new(SCRIPT).env("RHAI_LAMBDA_METRICS_NAMESPACE", "Shop")
}

fn check(lines: &[Value], request_id: &str) {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        let timestamp = line["_aws"]["Timestamp"].take();
        assert!(timestamp.as_u64().is_some_and(|ms| ms > 1_700_000_000_000), "{timestamp}");
    }
    let about = |namespace: &str, dimensions: Value, name: &str, unit: &str| {
        json!({
            "Timestamp": null,
            "CloudWatchMetrics": [{
                "Namespace": namespace,
                "Dimensions": [dimensions],
                "Metrics": [{ "Name": name, "Unit": unit }],
            }],
        })
    };
    let orders = json!({
        "_aws": about("Shop", json!(["channel"]), "Orders", "Count"),
        "Orders": 2, "channel": "web", "requestId": request_id,
    });
    let payment = json!({
        "_aws": about("Bank", json!([]), "Payment", "Milliseconds"),
        "Payment": 12.5, "order": 17, "requestId": request_id,
    });
    assert_eq!(lines, [orders, payment]);
}

#[test]
fn metrics_are_lines_of_their_own() {
    for (format, level) in [("Text", "DEBUG"), ("JSON", "INFO"), ("JSON", "ERROR")] {
        let function =
            function().env("AWS_LAMBDA_LOG_FORMAT", format).env("AWS_LAMBDA_LOG_LEVEL", level);
        let mut session = function.start();
        assert_eq!(session.invoke("1").text(), "1");
        session.process.wait_for_stderr("both lines", |log| log.contains("Payment"));
        let log = session.process.stderr();
        let lines: Vec<Value> = log
            .lines()
            .filter(|line| line.contains("_aws"))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        check(&lines, "request-1");
        assert_eq!(log.contains("before"), level != "ERROR", "{log}");
    }
}

#[test]
fn metrics_are_framed_as_json() {
    for format in ["Text", "JSON"] {
        let (frames, stderr) = frames::run(function().env("AWS_LAMBDA_LOG_FORMAT", format));
        assert_eq!(stderr, "");
        let lines: Vec<Value> = frames
            .iter()
            .filter(|frame| frame.message.contains("_aws"))
            .map(|frame| {
                assert_eq!(frame.kind, 0xA55A_000E, "JSON of level INFO");
                serde_json::from_str(&frame.message).unwrap()
            })
            .collect();
        check(&lines[..2], "a");
    }
}
