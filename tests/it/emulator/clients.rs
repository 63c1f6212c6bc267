//! The Invoke API as real clients see it: the aws CLI and boto3.

use std::process::Command;

use super::{Server, Source, limited_to};
use crate::moto::{isolate, shell};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

/// One handler that does what the event says.
const SCRIPT: &str = r#"
    fn handler(event, context) {
        log::info("a line");
        switch event.what ?? "echo" {
            "fail" => throw #{ errorType: "BadOrder", errorMessage: "id is missing" },
            "client" => context.client_context,
            "tenant" => context.tenant_id,
            "large" => { let s = ""; s.pad(5000000, "x"); s }
            _ => event
        }
    }"#;

/// Runs `script` in a shell whose AWS is a server with the function `orders`; `None` without the
/// aws CLI, after saying so.
fn run(what: &str, script: &str) -> Option<String> {
    let aws = tools::require(Tool::Aws, what)?;
    let source = Source::new(SCRIPT);
    let server = Server::start(vec![(source.function("orders"), limited_to(2))]);
    let home = Scratch::new();
    let printed = shell(script, home.path(), 120, |command: &mut Command| {
        isolate(command, &server.endpoint(), aws.parent().unwrap(), &home);
    });
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
    Some(printed)
}

#[test]
fn the_aws_cli_invokes() {
    let script = r#"
        invoke() { aws lambda invoke --function-name orders --cli-binary-format raw-in-base64-out "$@"; }
        invoke --payload '{"id": 7}' --query '[StatusCode, ExecutedVersion, FunctionError]' --output text a.json
        cat a.json; echo
        invoke --payload '{"what": "fail"}' --log-type Tail --query LogResult --output text b.json | base64 -d | grep -c -e START -e END -e REPORT -e 'a line'
        grep -o '"errorType":"BadOrder"' b.json
        invoke --payload '{"what": "fail"}' --query FunctionError --output text c.json
        invoke --invocation-type DryRun --query StatusCode --output text d.json
        invoke --invocation-type Event --payload '{}' --query StatusCode --output text e.json
        invoke --payload '{"id"' f.json 2>&1 || true
        aws lambda invoke --function-name nothing g.json 2>&1 || true
        aws lambda list-functions --query 'Functions[].FunctionName' --output text
    "#;
    let script = if is_version_1() {
        script.replace("--cli-binary-format raw-in-base64-out", "")
    } else {
        script.to_owned()
    };
    let Some(printed) = run("the aws CLI on the emulator", &script) else { return };
    let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    let expected = [
        "200\t$LATEST\tNone",
        "{\"id\":7}",
        // START, the function's line, the error that it logs, END and REPORT.
        "4",
        "\"errorType\":\"BadOrder\"",
        "Unhandled",
        "204",
        "202",
        "InvalidRequestContentException",
        "ResourceNotFoundException",
        "orders",
    ];
    assert_eq!(lines.len(), expected.len(), "{printed}");
    for (line, expected) in lines.iter().zip(expected) {
        let same = if expected.ends_with("Exception") {
            line.contains(&format!("({expected})"))
        } else {
            *line == expected
        };
        assert!(same, "`{line}` is not `{expected}` in\n{printed}");
    }
}

/// Version 1 of the aws CLI takes raw events, version 2 takes them by an option.
fn is_version_1() -> bool {
    let Some(aws) = tools::require(Tool::Aws, "the aws CLI on the emulator") else { return false };
    let output = Command::new(aws).arg("--version").output().unwrap();
    String::from_utf8_lossy(&output.stdout).starts_with("aws-cli/1")
}

#[test]
fn boto3_invokes() {
    let script = r#"python - <<'END'
import base64, boto3, json
client = boto3.client("lambda")

reply = client.invoke(FunctionName="orders:prod", Payload=b'{"id": 7}')
assert json.load(reply["Payload"]) == {"id": 7}
assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
assert "FunctionError" not in reply and "LogResult" not in reply

reply = client.invoke(FunctionName="orders", Payload=b'{"what": "fail"}', LogType="Tail")
assert reply["FunctionError"] == "Unhandled", reply
assert json.load(reply["Payload"])["errorMessage"] == "id is missing"
assert "a line" in base64.b64decode(reply["LogResult"]).decode()

context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
reply = client.invoke(FunctionName="orders", Payload=b'{"what": "client"}', ClientContext=context)
assert json.load(reply["Payload"]) == {"custom": {"a": "b"}}
reply = client.invoke(FunctionName="orders", Payload=b'{"what": "tenant"}', TenantId="blue")
assert json.load(reply["Payload"]) == "blue"

assert client.invoke(FunctionName="orders", InvocationType="Event")["StatusCode"] == 202
assert client.invoke(FunctionName="orders", InvocationType="DryRun")["StatusCode"] == 204

def refused(exception, **arguments):
    try:
        client.invoke(**arguments)
    except exception as error:
        return error.response["Error"]
    raise Exception("not refused")

error = refused(client.exceptions.ResourceNotFoundException, FunctionName="nothing")
assert error["Message"].endswith(":function:nothing"), error
error = refused(client.exceptions.InvalidRequestContentException, FunctionName="orders", Payload=b"{")
assert error["Message"].startswith("Could not parse request body into json"), error
error = refused(client.exceptions.InvalidParameterValueException, FunctionName="orders:a", Qualifier="b")
error = refused(client.exceptions.ClientError, FunctionName="orders", Payload=b'"' + b"x" * 6291456 + b'"')
assert error["Code"] == "RequestEntityTooLargeException", error

def streamed(**arguments):
    reply = client.invoke_with_response_stream(FunctionName="orders", **arguments)
    assert (reply["StatusCode"], reply["ResponseStreamContentType"]) == (200, "application/vnd.amazon.eventstream")
    chunks, ends = [], []
    for event in reply["EventStream"]:
        if "PayloadChunk" in event:
            assert not ends
            chunks.append(event["PayloadChunk"]["Payload"])
        else:
            ends.append(event["InvokeComplete"])
    assert len(ends) == 1
    return b"".join(chunks), ends[0]

assert streamed(Payload=b'{"id": 7}') == (b'{"id":7}', {})
body, end = streamed(Payload=b'{"what": "large"}')
assert len(body) == 5000002 and end == {}
body, end = streamed(Payload=b'{"what": "fail"}', LogType="Tail")
assert (body, end["ErrorCode"]) == (b"", "Function.BadOrder"), end
assert json.loads(end["ErrorDetails"])["errorMessage"] == "id is missing"
assert "REPORT RequestId" in base64.b64decode(end["LogResult"]).decode()

assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["orders"]
print("done")
END"#;
    if let Some(printed) = run("boto3 on the emulator", script) {
        assert_eq!(printed.trim(), "done");
    }
}
