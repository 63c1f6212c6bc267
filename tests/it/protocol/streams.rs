//! `context.stream()`: chunks as they are written, trailers, and what goes wrong on the way.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::process::PATIENCE;
use crate::runtime_api::{Answer, Request};
use crate::session::Function;

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY: &str = "Lambda-Runtime-Function-Error-Body";

/// A handler whose stream `out` is open.
fn streaming(body: &str) -> Function {
    Function::new(format!(
        "fn handler(event, context) {{
            if event == \"ping\" {{ return \"pong\"; }}
            let out = context.stream();
            {body}
        }}"
    ))
}

fn assert_alive(session: &mut crate::session::Session) {
    let request = session.invoke("\"ping\"");
    assert_eq!(request.text(), "\"pong\"", "{}", request.head);
}

fn trailing_error(request: &Request) -> Value {
    let body = request.trailer(ERROR_BODY).unwrap_or_else(|| panic!("{request:?}"));
    serde_json::from_slice(&STANDARD.decode(body).unwrap()).unwrap()
}

#[test]
fn each_write_is_a_chunk() {
    let mut session =
        streaming(r#"out.write("one"); out.write(""); out.write(blob(2, 255)); out.write("é");"#)
            .start();
    let event = Answer::event("s", "1").header("Lambda-Runtime-Invocation-Id", "attempt-1");
    let request = session.send("s", event);
    let agent = format!("rhai-lambda/{}", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "POST /2018-06-01/runtime/invocation/s/response HTTP/1.1\r\n\
         host: {}\r\nuser-agent: {agent}\r\n\
         lambda-runtime-invocation-id: attempt-1\r\n\
         content-type: application/octet-stream\r\n\
         lambda-runtime-function-response-mode: streaming\r\n\
         transfer-encoding: chunked\r\n\
         trailer: lambda-runtime-function-error-type, lambda-runtime-function-error-body\r\n\r\n",
        session.api.address()
    );
    assert_eq!(request.head, expected);
    assert_eq!(request.chunks, [3, 2, 2]);
    assert_eq!(request.body, b"one\xff\xff\xc3\xa9");
    assert_eq!(request.trailers, "\r\n");
    assert_alive(&mut session);
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn the_first_chunk_comes_before_the_handler_ends() {
    let script =
        r#"out.write("first"); while !fs::exists("go") { sleep(0.01); } out.write("last");"#;
    let mut session = streaming(script).start();
    session.api.next(Answer::event("early", "1"));
    session.api.wait_for_chunk(b"first");
    assert!(session.api.posts().is_empty(), "the request goes on");
    std::fs::write(session.function.root().join("go"), "").unwrap();
    let request = session.posted("early");
    assert_eq!((request.text(), &request.chunks[..]), ("firstlast", &[5, 4][..]));
}

#[test]
fn an_answer_over_http_begins_with_its_prelude() {
    let script = r#"
        fn handler(event, context) {
            let out = context.stream(#{
                statusCode: 201,
                headers: #{ "content-type": "text/event-stream", "content-length": 9 },
                cookies: ["a=b; Secure", "c=d"],
            });
            out.write("data: 1\n\n");
        }"#;
    let mut session = Function::new(script).start();
    let request = session.invoke("{}");
    let http = "application/vnd.awslambda.http-integration-response";
    assert_eq!(request.header("Content-Type"), Some(http));
    let split =
        request.body.windows(8).position(|eight| eight == [0; 8]).expect("the prelude's end");
    let prelude: Value = serde_json::from_slice(&request.body[..split]).unwrap();
    assert_eq!(
        prelude,
        json!({
            "statusCode": 201,
            "headers": {"content-type": "text/event-stream", "content-length": "9"},
            "cookies": ["a=b; Secure", "c=d"],
        })
    );
    assert_eq!(&request.body[split + 8..], b"data: 1\n\n");
    assert_eq!(request.chunks, [split + 8, 9]);
}

#[test]
fn a_content_type_alone_needs_no_prelude() {
    let script = r#"fn handler(event, context) {
        context.stream(#{ content_type: "text/csv" }).write("a,b");
    }"#;
    let request = Function::new(script).start().invoke("{}");
    assert_eq!(request.header("Content-Type"), Some("text/csv"));
    assert_eq!(request.text(), "a,b");
}

#[test]
fn a_stream_without_a_write_is_an_empty_answer() {
    let mut session = streaming("").start();
    let request = session.invoke("{}");
    assert_eq!(request.header("Lambda-Runtime-Function-Response-Mode"), Some("streaming"));
    assert_eq!((&request.chunks[..], &request.body[..]), (&[][..], &b""[..]));
    assert_alive(&mut session);
    let script = "fn handler(event, context) { context.stream(#{ statusCode: 204 }); () }";
    let request = Function::new(script).start().invoke("{}");
    assert_eq!(request.body, b"{\"statusCode\":204}\0\0\0\0\0\0\0\0");
}

#[test]
fn an_error_before_the_first_byte_is_an_ordinary_one() {
    let mut session = streaming(r#"throw "too early";"#).start();
    let request = session.invoke("{}");
    assert!(request.path.ends_with("/error"), "{}", request.head);
    assert_eq!(request.json()["errorMessage"], "too early");
    assert_eq!(session.api.posts().len(), 1, "nothing was streamed");
    assert_alive(&mut session);
}

#[test]
fn an_error_after_the_first_byte_is_in_the_trailers() {
    let script =
        r#"out.write("some"); throw #{ errorType: "BadOrder", errorMessage: "mitten drin: ü" };"#;
    let mut session = streaming(script).start();
    let request = session.invoke("{}");
    assert!(request.path.ends_with("/response"), "{}", request.head);
    assert_eq!(request.text(), "some");
    assert_eq!(request.trailer(ERROR_TYPE), Some("Function.BadOrder"));
    let error = trailing_error(&request);
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("BadOrder"), &json!("mitten drin: ü"))
    );
    assert_eq!(error["stackTrace"], json!(["at handler (function.rhai:4:32)"]));
    assert_alive(&mut session);
    assert_eq!(session.api.posts().len(), 2, "no `/error` beside it");
    session.process.wait_for_stderr("error", |log| log.contains("mitten drin"));
}

#[test]
fn a_long_error_fits_into_its_trailer() {
    let script = r#"out.write("some"); let s = "x"; s.pad(3000000, "y"); throw s;"#;
    let mut session = streaming(script).start();
    let request = session.invoke("{}");
    assert!(request.trailers.len() < 64 << 10, "{}", request.trailers.len());
    assert!(trailing_error(&request)["errorMessage"].as_str().unwrap().starts_with("xyyy"));
    assert_alive(&mut session);
}

#[test]
fn a_deadline_after_the_first_byte_is_in_the_trailers() {
    let mut session = streaming(r#"out.write("some"); loop { }"#).start();
    let request = session.invoke_within("{}", Duration::from_millis(600));
    assert_eq!(request.trailer(ERROR_TYPE), Some("Function.DeadlineExceeded"));
    assert_alive(&mut session);
}

#[test]
fn what_a_stream_does_not_take_is_said() {
    for (script, message) in [
        (r#"out.write("x"); 42"#, "returned an integer as well"),
        (r#"out.write(#{ a: 1 })"#, "`write` takes a string or a blob, not a map"),
        (r#"context.stream()"#, "one stream"),
        (r#"out.write("x"); context.stream(#{ statusCode: 200 })"#, "one stream"),
    ] {
        let mut session = streaming(script).start();
        let request = session.invoke("{}");
        let error = if request.path.ends_with("/error") {
            request.json()
        } else {
            trailing_error(&request)
        };
        let found = error["errorMessage"].as_str().unwrap();
        assert!(found.contains(message), "{script}: {found}");
        assert_alive(&mut session);
    }
}

#[test]
fn options_that_make_no_sense_are_said() {
    for (options, message) in [
        ("status: 200", "`status`"),
        ("statusCode: \"200\"", "`statusCode` takes an integer"),
        ("statusCode: 100", "expected one from 200 to 599"),
        ("statusCode: 200, content_type: \"text/plain\"", "put `content-type` into `headers`"),
        ("content_type: \"text\"", "not a content type"),
        ("content_type: \"text/plain\\r\\nforged: 1\"", "not a content type"),
        ("headers: [1]", "`headers` takes a map"),
        ("headers: #{ a: [1] }", "the header `a` takes a string, not an array"),
        ("headers: #{ a: \"1\\r\\nb: 2\" }", "not a header"),
        ("headers: #{ \"a b\": \"1\" }", "not a header"),
        ("cookies: 1", "`cookies` takes"),
        ("cookies: [\"a\\nb\"]", "not a cookie"),
    ] {
        let script = format!("fn handler(event, context) {{ context.stream(#{{ {options} }}); }}");
        let request = Function::new(script).start().invoke("{}");
        assert!(request.path.ends_with("/error"), "{options}: {}", request.head);
        let error = request.json();
        assert_eq!(error["errorType"], "StreamError", "{options}");
        let found = error["errorMessage"].as_str().unwrap();
        assert!(found.contains(message), "{options}: {found}");
    }
}

#[test]
fn a_stream_that_breaks_off_can_be_caught() {
    // Answered in the middle, with and without a word about it.
    for answer in [Answer::status(413).after_chunks(2), Answer::raw(b"").after_chunks(2)] {
        let script = r#"
            let seen = "";
            for n in 0..1000 {
                try { out.write(blob(100000, 1)); } catch (error) { seen = error; break; }
            }
            log::info(`caught ${seen.errorType}`);
            try { out.write("more"); } catch (error) { log::info(`then: ${error.errorMessage}`); }"#;
        let mut session = streaming(script).start();
        session.api.post("/response", answer);
        session.api.next(Answer::event("gone", "1"));
        let log = session.process.wait_for_stderr("warning", |log| log.contains("did not take"));
        assert!(log.contains("caught StreamError"), "{log}");
        assert!(log.contains("then: the stream has ended"), "{log}");
        assert_alive(&mut session);
    }
}

#[test]
fn a_stream_that_breaks_off_is_an_error_if_it_is_not_caught() {
    let script = "for n in 0..1000 { out.write(blob(100000, 1)); }";
    let mut session = streaming(script).start();
    session.api.post("/response", Answer::raw(b"").after_chunks(3));
    let request = session.send("gone", Answer::event("gone", "1"));
    assert!(request.path.ends_with("/gone/error"), "{}", request.head);
    assert_eq!(request.json()["errorType"], "StreamError");
    assert_alive(&mut session);
}

#[test]
fn a_stream_that_lambda_refuses_at_its_end_is_logged() {
    let mut session = streaming(r#"out.write("x");"#).start();
    session.api.post("/response", Answer::status(410));
    session.invoke("{}");
    session.process.wait_for_stderr("warning", |log| log.contains("410"));
    assert_alive(&mut session);
}

#[test]
fn a_connection_closed_before_the_stream_is_made_anew() {
    let mut session = streaming(r#"sleep(0.2); out.write("one"); out.write("two");"#).start();
    for number in 0..3 {
        let id = format!("closing-{number}");
        let request = session.send(&id, Answer::event(&id, "1").then_close());
        assert_eq!(request.text(), "onetwo");
    }
}

#[test]
fn nobody_who_reads_is_waited_for_beyond_the_deadline() {
    let script = "let b = blob(1000000, 1); loop { out.write(b); }";
    let mut session = streaming(script).start();
    session.api.post("/response", Answer::stall_after_chunks(1));
    session.wait_until_idle(1);
    let start = Instant::now();
    let event = Answer::event_within("stalled", "1", Duration::from_secs(2));
    let request = session.send("stalled", event);
    assert!(request.path.ends_with("/stalled/error"), "{}", request.head);
    assert_eq!(request.json()["errorType"], "DeadlineExceeded");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_alive(&mut session);
}

/// The most memory that the process had at once, in kB.
fn peak_kb(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn memory_stays_flat_while_a_hundred_megabytes_stream_through() {
    let script = r#"let piece = blob(100000, 65); for n in 0..event { out.write(piece); }"#;
    let mut session = streaming(script).start();
    assert_eq!(session.invoke("10").chunks.len(), 10);
    let before = peak_kb(session.process.id());
    let request = session.invoke("1000");
    assert_eq!(request.chunks.len(), 1000);
    let growth = peak_kb(session.process.id()) - before;
    assert!(growth < 5_000, "{growth} kB more than for a megabyte");
}

#[test]
fn a_stream_has_its_own_limit() {
    let script = r#"
        let piece = blob(10000000, 65);
        let count = 0;
        try { loop { out.write(piece); count += 1; } } catch (error) {
            log::info(`${count}: ${error.errorType}: ${error.errorMessage}`);
            throw error;
        }"#;
    let mut session = streaming(script).start();
    let request = session.invoke_within("{}", PATIENCE);
    assert_eq!(request.trailer(ERROR_TYPE), Some("Function.StreamError"));
    assert_eq!(request.chunks.len(), 20);
    session.process.wait_for_stderr("limit of streams", |log| {
        log.contains("20: StreamError: Lambda delivers no more than 200 MB")
    });
    assert_alive(&mut session);
}

#[test]
fn buffered_answers_are_as_they_were() {
    let script = r#"fn handler(event, context) {
        if event { context.stream().write("x"); return; }
        "plain"
    }"#;
    let mut session = Function::new(script).start();
    for round in 0..6 {
        let request = session.invoke(if round % 2 == 0 { "true" } else { "false" });
        let expected = if round % 2 == 0 { "x" } else { "\"plain\"" };
        assert_eq!(request.text(), expected);
    }
    assert_eq!(session.api.connections(), 1);
}
