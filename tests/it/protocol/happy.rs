//! An event comes, an answer goes: connections, context, bodies, `lambda::raw`.

use std::time::Duration;

use serde_json::json;

use crate::runtime_api::{Answer, NEXT};
use crate::session::Function;

#[test]
fn the_result_is_posted_as_json() {
    let mut session =
        Function::new("fn handler(event) { #{ b: event.a, a: [1, 1.0, ()] } }").start();
    let request = session.invoke(r#"{"a": "ü"}"#);
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/2018-06-01/runtime/invocation/request-1/response");
    assert_eq!(request.text(), r#"{"a":[1,1.0,null],"b":"ü"}"#);
    assert_eq!(request.header("Content-Type"), Some("application/json"));
    assert_eq!(request.header("Lambda-Runtime-Function-Error-Type"), None);
    assert_eq!(request.header("Lambda-Runtime-Invocation-Id"), None);
}

#[test]
fn every_request_says_who_asks() {
    let mut session = Function::echo().start();
    session.invoke("1");
    session.wait_until_idle(2);
    let agent = format!("rhai-lambda/{}", env!("CARGO_PKG_VERSION"));
    for request in session.api.requests() {
        let sent = request.header("User-Agent");
        assert_eq!(sent, Some(agent.as_str()), "{}", request.head);
        assert!(request.head.contains(" HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(request.header("Host"), Some(session.api.address().as_str()));
    }
}

#[test]
fn asking_for_an_event_is_a_plain_get() {
    let mut session = Function::echo().start();
    session.invoke("1");
    let first = session.api.requests().remove(0);
    assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", NEXT));
    assert_eq!(first.body, b"");
    assert_eq!(first.header("Transfer-Encoding"), None);
}

#[test]
fn one_connection_serves_a_thousand_invocations() {
    let mut session = Function::echo().start();
    for number in 0..1000 {
        let request = session.invoke(number.to_string());
        assert_eq!(request.text(), number.to_string());
    }
    session.wait_until_idle(1001);
    assert_eq!(session.api.connections(), 1);
    let requests = session.api.requests();
    assert_eq!(requests.len(), 2001);
    for (number, request) in requests.iter().enumerate() {
        assert_eq!(request.connection, 1);
        assert_eq!(request.is_next(), number % 2 == 0, "request {number}: {}", request.head);
    }
}

#[test]
fn next_waits_as_long_as_it_takes() {
    let mut session = Function::echo().start();
    session.wait_until_idle(1);
    std::thread::sleep(Duration::from_millis(1500));
    session.still_echoes();
    session.wait_until_idle(2);
    assert_eq!(session.api.posts().len(), 1);
    assert_eq!(session.api.requests().iter().filter(|r| r.is_next()).count(), 2);
    assert_eq!(session.api.connections(), 1);
}

const CONTEXT: &str = r#"
fn handler(event, context) {
    #{
        aws_request_id: context.aws_request_id,
        function_name: context.function_name,
        function_version: context.function_version,
        invoked_function_arn: context.invoked_function_arn,
        memory_limit_in_mb: context.memory_limit_in_mb,
        log_group_name: context.log_group_name,
        log_stream_name: context.log_stream_name,
        deadline_ms: context.deadline_ms,
        trace_id: context.trace_id,
        client_context: context.client_context,
        identity: context.identity,
        tenant_id: context.tenant_id,
    }
}
"#;

#[test]
fn every_header_reaches_the_context() {
    let mut session = Function::new(CONTEXT).start();
    let client = r#"{"client":{"app_title":"Ü"},"custom":{"n":12345678901234}}"#;
    let identity = r#"{"cognitoIdentityId":"us-east-1:1","cognitoIdentityPoolId":"p"}"#;
    let request = session.send(
        "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        Answer::bare_event("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{}")
            .header("Lambda-Runtime-Deadline-Ms", "4102444800123")
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:us-east-1:1:function:f:live",
            )
            .header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e8;Parent=9a;Sampled=1")
            .header("Lambda-Runtime-Client-Context", client)
            .header("Lambda-Runtime-Cognito-Identity", identity)
            .header("Lambda-Runtime-Aws-Tenant-Id", "tenant-blue")
            .header("Lambda-Runtime-Invocation-Id", "attempt-7"),
    );
    assert_eq!(
        request.json(),
        json!({
            "aws_request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "function_name": "test",
            "function_version": "$LATEST",
            "invoked_function_arn": "arn:aws:lambda:us-east-1:1:function:f:live",
            "memory_limit_in_mb": 128,
            "log_group_name": "/aws/lambda/test",
            "log_stream_name": "2026/11/23/[$LATEST]0",
            "deadline_ms": 4_102_444_800_123_i64,
            "trace_id": "Root=1-5bef4de7-ad49b0e8;Parent=9a;Sampled=1",
            "client_context": {"client": {"app_title": "Ü"}, "custom": {"n": 12_345_678_901_234_i64}},
            "identity": {"cognitoIdentityId": "us-east-1:1", "cognitoIdentityPoolId": "p"},
            "tenant_id": "tenant-blue",
        })
    );
}

#[test]
fn absent_headers_are_unit_in_the_context() {
    let mut session = Function::new(CONTEXT).start();
    let context = session.send("bare", Answer::bare_event("bare", "{}")).json();
    for name in ["deadline_ms", "trace_id", "client_context", "identity", "tenant_id"] {
        assert_eq!(context[name], json!(null), "`{name}`");
    }
    assert_eq!(context["aws_request_id"], "bare");
}

#[test]
fn a_tenant_is_forgotten_with_its_event() {
    let mut session = Function::new(CONTEXT).start();
    let answer = Answer::event("one", "{}").header("Lambda-Runtime-Aws-Tenant-Id", "blue");
    assert_eq!(session.send("one", answer).json()["tenant_id"], "blue");
    assert_eq!(session.invoke("{}").json()["tenant_id"], json!(null));
}

#[test]
fn header_names_have_no_case() {
    let mut session = Function::new(CONTEXT).start();
    let answer = Answer::status(200)
        .header("lambda-runtime-aws-request-id", "lower")
        .header("LAMBDA-RUNTIME-DEADLINE-MS", "4102444800000");
    // The body of a plain 200 happens to be JSON.
    let context = session.send("lower", answer).json();
    assert_eq!(context["aws_request_id"], "lower");
    assert_eq!(context["deadline_ms"], 4_102_444_800_000_i64);
}

#[test]
fn the_invocation_id_is_echoed_when_it_was_there() {
    let script = r#"fn handler(event) { if event == "fail" { throw "failed" } event }"#;
    let mut session = Function::new(script).start();
    let with = |id, event: &str, attempt| {
        Answer::event(id, event).header("Lambda-Runtime-Invocation-Id", attempt)
    };
    let response = session.send("a", with("a", "1", "attempt/1 =+"));
    assert!(response.path.ends_with("/response"));
    assert_eq!(response.header("Lambda-Runtime-Invocation-Id"), Some("attempt/1 =+"));
    let error = session.send("b", with("b", "\"fail\"", "attempt-2"));
    assert!(error.path.ends_with("/error"));
    assert_eq!(error.header("Lambda-Runtime-Invocation-Id"), Some("attempt-2"));
    let without = session.send("c", Answer::event("c", "1"));
    assert_eq!(without.header("Lambda-Runtime-Invocation-Id"), None);
    let without = session.send("d", Answer::event("d", "\"fail\""));
    assert_eq!(without.header("Lambda-Runtime-Invocation-Id"), None);
}

#[test]
fn remaining_time_counts_down_to_the_deadline() {
    let script = "fn handler(event, context) { context.remaining_time_ms() }";
    let mut session = Function::new(script).start();
    let left: i64 = session.invoke_within("{}", Duration::from_secs(20)).text().parse().unwrap();
    assert!((15_000..=20_000).contains(&left), "{left}");
}

#[test]
fn odd_deadlines_mean_no_deadline() {
    // A constant that one emulator sends, the past, nothing, and what is no number at all.
    for deadline in [Some("600000"), Some("0"), Some("-1"), Some("soon"), Some("1e999"), None] {
        let script = "fn handler(event, context) { let n = 0; for i in 0..50000 { n += 1; } n }";
        let mut session = Function::new(script).start();
        let mut answer = Answer::bare_event("odd", "{}");
        if let Some(deadline) = deadline {
            answer = answer.header("Lambda-Runtime-Deadline-Ms", deadline);
        }
        let request = session.send("odd", answer);
        assert_eq!(request.text(), "50000", "deadline {deadline:?}: {}", request.path);
    }
}

#[test]
fn a_chunked_event_is_put_together() {
    let mut session = Function::echo().start();
    let request = session.send("c", Answer::event("c", r#"{"long":"0123456789abcdef"}"#).chunked());
    assert_eq!(request.text(), r#"{"long":"0123456789abcdef"}"#);
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn an_event_and_an_answer_of_six_megabytes_pass() {
    let mut session = Function::echo().start();
    let event = format!("\"{}\"", "x".repeat((6 << 20) - 2));
    let request = session.invoke(event.clone());
    assert!(request.path.ends_with("/response"), "{}", request.head);
    assert!(request.body == event.as_bytes(), "{} bytes came back", request.body.len());
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn an_event_of_many_small_values_passes() {
    let mut session = Function::echo().start();
    let event = format!("[{}]", vec![r#"{"id":1,"name":"abc"}"#; 100_000].join(","));
    let request = session.invoke(event.clone());
    assert!(request.body == event.as_bytes(), "{} {}", request.path, request.body.len());
}

#[test]
fn raw_results_keep_their_bytes_and_say_their_type() {
    let script = r#"
        fn handler(event) {
            switch event {
                "blob" => {
                    let bytes = blob();
                    bytes.push(0); bytes.push(255); bytes.push(10);
                    lambda::raw(bytes, "application/octet-stream")
                }
                "text" => lambda::raw("hé\"llo", "text/plain; charset=utf-8"),
                "empty" => lambda::raw("", "text/plain"),
                _ => event,
            }
        }"#;
    let mut session = Function::new(script).start();
    let blob = session.invoke("\"blob\"");
    assert_eq!(blob.body, [0, 255, 10], "{}", blob.text());
    assert_eq!(blob.header("Content-Type"), Some("application/octet-stream"));
    let text = session.invoke("\"text\"");
    assert_eq!(text.text(), "hé\"llo");
    assert_eq!(text.header("Content-Type"), Some("text/plain; charset=utf-8"));
    let empty = session.invoke("\"empty\"");
    assert_eq!(empty.body, b"");
    assert_eq!(empty.header("Content-Type"), Some("text/plain"));
    session.still_echoes();
}

#[test]
fn a_content_type_cannot_smuggle_a_header() {
    let script = r#"fn handler(event) {
        if event == "ping" { return "pong"; }
        lambda::raw("x", "text/plain\r\nLambda-Runtime-Function-Error-Type: Function.Forged")
    }"#;
    let mut session = Function::new(script).start();
    let request = session.invoke("{}");
    assert!(request.path.ends_with("/error"), "{}", request.head);
    assert_ne!(request.header("Lambda-Runtime-Function-Error-Type"), Some("Function.Forged"));
    assert_eq!(session.invoke("\"ping\"").text(), "\"pong\"");
}

#[test]
fn a_request_id_cannot_leave_its_path() {
    let mut session = Function::echo().start();
    // Whatever is in the id, one request line goes out, for this id.
    session.api.next(Answer::event("a b?c#d", "1"));
    session.still_echoes();
    let posts = session.api.posts();
    for post in &posts {
        assert_eq!(post.head.lines().next().unwrap().split(' ').count(), 3, "{}", post.head);
    }
}
