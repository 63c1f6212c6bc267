//! Many clients at once, and the clients that AWS makes.

use std::process::Command;
use std::thread;

use super::{Server, agent, reply};
use crate::desk::Desk;
use crate::moto::{isolate, shell};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};

#[test]
fn of_1000_invocations_by_16_clients_none_is_lost_or_mixed_up() {
    let desk = Desk::new()
        .file(
            "echo/function.rhai",
            "fn handler(event, context) { #{ event: event, id: context.aws_request_id } }",
        )
        .file("victim/function.rhai", "fn handler(event) { print(\"caught\"); sleep(600) }")
        .program(
            "noting",
            "echo $$ >> \"${0%/*}/pids-$AWS_LAMBDA_FUNCTION_NAME\"; exec \"$BOOTSTRAP\"",
        );
    let mut server =
        Server::start(desk, &["echo", "victim", "--bootstrap", "noting", "--timeout", "900"]);
    let url = |name: &str| server.url(&format!("/2015-03-31/functions/{name}/invocations"));
    let victim = url("victim");
    let victim = thread::spawn(move || reply(agent().post(victim).send("{}")));
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let url = url("echo");
            thread::spawn(move || {
                let agent = agent();
                let mut ids = Vec::new();
                for number in 0..63 {
                    let event = format!("{{\"client\":{client},\"number\":{number}}}");
                    let reply = reply(agent.post(&url).send(&event));
                    assert_eq!(reply.status, 200, "{reply:?}");
                    let result = reply.json();
                    assert_eq!(
                        result["event"],
                        serde_json::from_str::<serde_json::Value>(&event).unwrap()
                    );
                    ids.push(result["id"].as_str().unwrap().to_owned());
                }
                ids
            })
        })
        .collect();
    // In the middle of it one runtime is killed: that is its own caller's error and nobody else's.
    // There may be a second one, started with the server when the event came: it has nothing to lose.
    server.wait_for("caught");
    let ids = std::fs::read_to_string(server.desk.folder.path().join("pids-victim")).unwrap();
    let killed = Command::new("kill").arg("-KILL").args(ids.lines()).status().unwrap();
    assert!(killed.success());
    let victim = victim.join().unwrap();
    assert_eq!(victim.header("x-amz-function-error"), "Unhandled");
    let error = victim.json();
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("signal: killed"), "{error}");

    let mut ids: Vec<String> =
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert_eq!(ids.len(), 16 * 63);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 16 * 63, "an id came twice");
}

/// Runs a script with AWS's clients on a server with `orders`, in a folder with `event.json`.
fn run(what: &str, script: &str) -> Option<String> {
    let aws = tools::require(Tool::Aws, what)?;
    let desk = Desk::new()
        .file(
            "orders/function.rhai",
            "fn handler(event) { if event.id == () { throw \"no id\" } event.id + 1 }",
        )
        .file("orders/event.json", "{\"id\": 41}");
    let server = Server::start(desk, &["orders"]);
    let home = Scratch::new();
    Some(shell(script, server.desk.folder.path(), 120, |command| {
        isolate(command, &server.url(""), aws.parent().unwrap(), &home);
        // What the terminal suggests, without an account.
        let said = server.process.stderr();
        let line = said.split("invoke         ").nth(1).unwrap().split("\n\n").next().unwrap();
        command.env("SUGGESTED", line);
    }))
}

#[test]
fn the_aws_cli_works_as_the_terminal_says() {
    let script = r#"
        bash -c "unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION; $SUGGESTED" | cat > out
        head -c 2 out
        echo
        aws lambda invoke --function-name orders result.json --query FunctionError --output text
        cat result.json
    "#;
    let Some(printed) = run("the aws CLI on `serve`", script) else { return };
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..2], ["42", "Unhandled"], "{printed}");
    assert!(lines[2].contains("\"errorMessage\":\"no id\""), "{printed}");
}

#[test]
fn boto3_works() {
    let script = r#"
python - <<'END'
import boto3, json
client = boto3.client("lambda")
answer = client.invoke(FunctionName="orders", Payload=json.dumps({"id": 1}))
print(answer["StatusCode"], answer["Payload"].read().decode())
answer = client.invoke(FunctionName="orders", Payload="{}", LogType="Tail")
print(answer["FunctionError"], json.load(answer["Payload"])["errorMessage"])
stream = client.invoke_with_response_stream(FunctionName="orders", Payload=json.dumps({"id": 1}))
print(b"".join(e["PayloadChunk"]["Payload"] for e in stream["EventStream"] if "PayloadChunk" in e).decode())
END
    "#;
    let Some(printed) = run("boto3 on `serve`", script) else { return };
    assert_eq!(printed, "200 2\nUnhandled no id\n2\n");
}
