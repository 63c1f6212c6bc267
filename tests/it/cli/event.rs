//! Where the event of `rhai-lambda invoke` comes from beyond a file: samples, and `--set`.

use serde_json::{Value, json};

use crate::desk::Desk;

fn echo(arguments: &[&str]) -> Value {
    let desk = Desk::with("fn handler(event) { event }");
    serde_json::from_str(&desk.result(arguments)).unwrap()
}

#[test]
fn set_changes_any_event_in_its_place() {
    assert_eq!(
        echo(&["--set", "user.name=Ada", "--set", "n=1"]),
        json!({ "user": { "name": "Ada" }, "n": 1 })
    );
    let changed = echo(&[
        "-d",
        "{\"list\":[{\"a\":1},2]}",
        "--set",
        "list[0].a=[1.0]",
        "--set",
        "list[2]=x=y",
    ]);
    assert_eq!(changed, json!({ "list": [{ "a": [1.0] }, 2, "x=y"] }));
    let desk = Desk::with("fn handler(event) { event }").file("event.json", "{\"own\": true}");
    assert_eq!(
        desk.result(&["--set", "headers[\"x.y\"]=1"]),
        "{\"headers\":{\"x.y\":1},\"own\":true}\n"
    );
}

#[test]
fn a_sample_is_an_event_like_any_other() {
    let event = echo(&["--sample", "sqs", "--set", "Records[0].body=hello"]);
    assert_eq!(event["Records"][0]["body"], "hello");
    assert_eq!(event["Records"][0]["eventSource"], "aws:sqs");
}

#[test]
fn wrong_use_gets_one_message() {
    let desk = Desk::with("fn handler(event) { event }");
    let general = "hint: `rhai-lambda invoke --help` explains its options\n";
    for (arguments, expected) in [
        (
            &["invoke", "-d", "{\"a\":1}", "--set", "a.b=1"][..],
            "error: `--set a.b=1`: `a` is a number, not a map\n".to_owned(),
        ),
        (
            &["invoke", "--set", "a.b"],
            format!(
                "error: invalid value `a.b` for `--set <PATH=VALUE>`: expected PATH=VALUE, such as \
                 `user.name=Ada`\n{general}"
            ),
        ),
        (
            &["invoke", "--sample", "sqs", "-d", "1"],
            format!(
                "error: the argument `--sample <NAME>` cannot be used with `--data <JSON>`\n{general}"
            ),
        ),
        (
            &["invoke", "--sample", "sqz"],
            "error: there is no sample event `sqz`\nhint: did you mean `sqs`?\n".to_owned(),
        ),
    ] {
        assert_eq!(desk.misuse(arguments), expected, "{arguments:?}");
    }
}
