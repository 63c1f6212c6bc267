//! The Invoke API over HTTP: what Lambda says in each case, to the header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rhai_lambda::emulator::{FunctionOptions, Record};

use super::{Server, Source};
use crate::process::PATIENCE;

#[test]
fn a_function_is_invoked_by_all_its_names() {
    let source = Source::new("fn handler(event, context) { context.invoked_function_arn }");
    let server = Server::of(&source);
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders";
    for (name, expected) in [
        ("orders", arn.to_owned()),
        ("orders:prod", format!("{arn}:prod")),
        ("orders:%24LATEST", format!("{arn}:$LATEST")),
        ("123456789012:function:orders", arn.to_owned()),
        ("arn:aws:lambda:eu-central-1:123456789012:function:orders:7", format!("{arn}:7")),
        ("arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aorders", arn.to_owned()),
        ("orders", format!("{arn}:blue?Qualifier=blue")),
    ] {
        let (expected, query) = match expected.split_once('?') {
            Some((expected, query)) => (expected.to_owned(), format!("?{query}")),
            None => (expected, String::new()),
        };
        let path = format!("/2015-03-31/functions/{name}/invocations{query}");
        let reply = server.post(&path, &[], b"{}");
        assert_eq!((reply.status, reply.json()), (200, expected.into()), "{path}");
        assert_eq!(reply.header("x-amz-executed-version"), "$LATEST");
        assert_eq!(reply.header("x-amz-function-error"), "");
        assert_eq!(reply.header("x-amzn-requestid").len(), 36);
    }
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
}

#[test]
fn an_invocation_carries_what_its_headers_say() {
    let source = Source::new(
        "fn handler(event, context) { log::info(\"seen\"); #{ event: event, id: context.aws_request_id, \
         tenant: context.tenant_id, client: context.client_context, trace: context.trace_id } }",
    );
    let server = Server::of(&source);
    let client = STANDARD.encode("{\n  \"client\": {\"app\": \"shop\"}\n}");
    let trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0";
    let headers = [
        ("X-Amz-Client-Context", client.as_str()),
        ("X-Amz-Tenant-Id", "blue"),
        ("X-Amzn-Trace-Id", trace),
        ("X-Amz-Log-Type", "Tail"),
    ];
    // No event at all is the empty one.
    let reply = server.invoke(&headers, "");
    let id = reply.header("x-amzn-requestid");
    let expected = serde_json::json!({
        "event": {}, "id": id, "tenant": "blue", "client": { "client": { "app": "shop" } }, "trace": trace,
    });
    assert_eq!((reply.status, reply.json()), (200, expected));
    let log =
        String::from_utf8(STANDARD.decode(reply.header("x-amz-log-result")).unwrap()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with(&format!("START RequestId: {id} Version: $LATEST")), "{log}");
    assert!(lines[1].contains("seen"), "{log}");
    assert_eq!(lines[2], format!("END RequestId: {id}"), "{log}");
    assert!(lines[3].starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{log}");
    assert_eq!(lines.len(), 4, "{log}");
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
}

#[test]
fn the_log_of_an_invocation_is_cut_to_its_end() {
    let source =
        Source::new("fn handler(event) { for n in 0..200 { print(`line ${n} of many`); } }");
    let server = Server::of(&source);
    let reply = server.invoke(&[("X-Amz-Log-Type", "Tail")], "1");
    let log = STANDARD.decode(reply.header("x-amz-log-result")).unwrap();
    let text = String::from_utf8(log).unwrap();
    assert_eq!(text.len(), 4096);
    assert!(text.contains("line 199 of many") && text.contains("REPORT"), "{text}");
    assert!(!text.contains("START") && !text.contains("line 1 of many"), "{text}");
}

#[test]
fn a_functions_error_is_no_error_of_the_api() {
    let source = Source::new(
        "fn handler(event) { throw #{ errorType: \"BadOrder\", errorMessage: \"id is missing\" } }",
    );
    let server = Server::of(&source);
    let reply = server.invoke(&[], "{}");
    assert_eq!((reply.status, reply.header("x-amz-function-error")), (200, "Unhandled"));
    let error = reply.json();
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&"BadOrder".into(), &"id is missing".into())
    );
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-amz-log-result"), "");
}

#[test]
fn wrong_requests_are_refused_in_lambdas_words() {
    let source = Source::new("fn handler(event) { event }");
    let server = Server::of(&source);
    let orders = "/2015-03-31/functions/orders/invocations";
    let other = "/2015-03-31/functions/other:blue/invocations";
    let context = "InvalidRequestContentException: Client context must be a valid Base64-encoded JSON object.";
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:other:blue";
    let cases: [Case; 10] = [
        (other, &[], "{}", 404, &format!("ResourceNotFoundException: Function not found: {arn}")),
        (
            orders,
            &[],
            "{\"a\":",
            400,
            "InvalidRequestContentException: Could not parse request body into json: *",
        ),
        (
            orders,
            &[],
            "{} {}",
            400,
            "InvalidRequestContentException: Could not parse request body into json: *",
        ),
        (orders, &[("X-Amz-Client-Context", "string")], "{}", 400, context),
        (orders, &[("X-Amz-Client-Context", "W10=")], "{}", 400, context),
        (
            orders,
            &[("X-Amz-Invocation-Type", "Later")],
            "{}",
            400,
            "InvalidParameterValueException: *[Event, RequestResponse, DryRun]",
        ),
        (
            orders,
            &[("X-Amz-Log-Type", "Head")],
            "{}",
            400,
            "InvalidParameterValueException: *[None, Tail]",
        ),
        (
            "/2015-03-31/functions/a%20b/invocations",
            &[],
            "{}",
            400,
            "InvalidParameterValueException: *'a b'*",
        ),
        (
            "/2015-03-31/functions/orders/invocations?Qualifier=a%0Ab",
            &[],
            "{}",
            400,
            "InvalidParameterValueException: *at 'qualifier'*",
        ),
        (
            "/2015-03-31/functions/orders:a/invocations?Qualifier=b",
            &[],
            "{}",
            400,
            "InvalidParameterValueException: The derived qualifier*",
        ),
    ];
    for (path, headers, body, status, expected) in cases {
        let reply = server.post(path, headers, body.as_bytes());
        let json = reply.json();
        let message = json.get("Message").or(json.get("message")).unwrap().as_str().unwrap();
        let found = format!("{}: {message}", reply.header("x-amzn-errortype"));
        assert!(matches(&found, expected), "{path}: {found}");
        assert_eq!((reply.status, &json["Type"]), (status, &"User".into()), "{path}");
    }
    let nothing_ran =
        !server.records().iter().any(|record| matches!(record, Record::Started { .. }));
    assert!(nothing_ran);
}

/// Path, headers, body, status, the exception and its message.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

/// Whether `text` is `pattern`, in which `*` stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    let parts: Vec<&str> = pattern.split('*').collect();
    for (index, part) in parts.iter().enumerate() {
        let found = match index {
            0 => rest.starts_with(part).then_some(0),
            _ if index + 1 == parts.len() => rest.ends_with(part).then(|| rest.len() - part.len()),
            _ => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn events_have_a_largest_size() {
    let source = Source::new("fn handler(event) { event.len() }");
    let server = Server::of(&source);
    let event = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let reply = server.invoke(&[], &event(6 << 20));
    assert_eq!(reply.text(), ((6 << 20) - 2).to_string());
    let reply = server.invoke(&[], &event((6 << 20) + 1));
    assert_eq!(
        (reply.status, reply.header("x-amzn-errortype")),
        (413, "RequestEntityTooLargeException")
    );
    assert_eq!(
        reply.json()["Message"],
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    );
    let asynchronous = [("X-Amz-Invocation-Type", "Event")];
    assert_eq!(server.invoke(&asynchronous, &event(1 << 20)).status, 202);
    let reply = server.invoke(&asynchronous, &event((1 << 20) + 1));
    assert_eq!(reply.status, 413);
    assert_eq!(
        reply.json()["Message"],
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    );
}

#[test]
fn nobody_waits_for_an_event() {
    let source = Source::new(
        "fn handler(event, context) { sleep(0.3); print(`done ${event} ${context.client_context}`); }",
    );
    let server = Server::of(&source);
    let client = STANDARD.encode("{}");
    let headers = [("X-Amz-Invocation-Type", "Event"), ("X-Amz-Client-Context", client.as_str())];
    let reply = server.invoke(&headers, "7");
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    let id = reply.header("x-amzn-requestid").to_owned();
    let finished = |records: &[Record]| {
        records.iter().any(
            |record| matches!(record, Record::Finished { outcome, .. } if outcome.report.id == id),
        )
    };
    let asked = std::time::Instant::now();
    assert!(!finished(&server.records()), "it was waited for");
    while !finished(&server.records()) {
        assert!(asked.elapsed() < PATIENCE, "the event was lost: {:?}", server.records());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let log = format!("{:?}", server.records());
    assert!(log.contains("done 7 "), "{log}");
    assert!(!log.contains("done 7 #{"), "only synchronous invocations get a client context: {log}");
}

#[test]
fn a_dry_run_runs_nothing() {
    let source = Source::new("fn handler(event) { event }");
    let server = Server::of(&source);
    let dry = [("X-Amz-Invocation-Type", "DryRun")];
    let reply = server.invoke(&dry, "{}");
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(server.invoke(&dry, "{").status, 400);
    let stream = "/2021-11-15/functions/orders/response-streaming-invocations";
    assert_eq!(server.post(stream, &dry, b"{}").status, 204);
    assert_eq!(server.post(stream, &[("X-Amz-Invocation-Type", "Event")], b"{}").status, 400);
    assert!(server.records().is_empty());
}

#[test]
fn functions_are_listed() {
    let (one, two) =
        (Source::new("fn handler(event) { 1 }"), Source::new("fn handler(event) { 2 }"));
    let options = FunctionOptions::default();
    let server =
        Server::start(vec![(one.function("orders"), options), (two.function("bills"), options)]);
    let get = |path: &str| {
        let text = ureq::get(format!("{}{path}", server.endpoint()))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string();
        serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap()
    };
    let listed = get("/2015-03-31/functions/");
    let names: Vec<&str> = listed["Functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|function| function["FunctionName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["orders", "bills"]);
    let one = get("/2015-03-31/functions/bills/configuration");
    assert_eq!((&one["Timeout"], &one["MemorySize"]), (&20.into(), &128.into()));
    assert_eq!(server.post("/2015-03-31/functions/bills/invocations", &[], b"").text(), "2");
}
