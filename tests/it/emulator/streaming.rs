//! Streamed responses, of a runtime that is a shell script and sends what it is told to.

use std::time::{Duration, Instant};

use rhai_lambda::emulator::{Answer, Invocation, Outcome, Status, Streamed};

use super::{Server, Source, limited_to, scripted};
use crate::process::PATIENCE;
use crate::tools::{self, Tool};

/// Announces the trailers that tell of an error.
const ANNOUNCED: &str =
    r"Trailer: Lambda-Runtime-Function-Error-Type, lambda-runtime-function-error-body\r\n";

/// A server whose function is answered by a script, once per event.
struct Scripted {
    source: Source,
    server: Server,
}

impl Scripted {
    fn new(script: &str) -> Self {
        Self::with_timeout(Duration::from_secs(20), script)
    }

    fn with_timeout(timeout: Duration, script: &str) -> Self {
        let source = Source::new("");
        let mut function = scripted::function(&source, &scripted::one_by_one(script));
        function.timeout = timeout;
        let server = Server::start(vec![(function, limited_to(1))]);
        Self { source, server }
    }

    fn stream(&self) -> Streamed {
        let asked = self.server.lambda.invoke_streaming("orders", Invocation::new("{}"));
        self.server.runtime.block_on(asked).unwrap()
    }

    fn chunk(&self, streamed: &mut Streamed) -> Option<String> {
        let chunk = self.server.runtime.block_on(streamed.chunk());
        chunk.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap())
    }

    /// The whole body and the end.
    fn all(&self) -> (String, Outcome) {
        let mut streamed = self.stream();
        let mut body = String::new();
        while let Some(chunk) = self.chunk(&mut streamed) {
            body.push_str(&chunk);
        }
        (body, self.server.runtime.block_on(streamed.end()).unwrap())
    }

    fn logged(&self) -> String {
        format!("{:?}", self.server.records())
    }
}

fn error(outcome: &Outcome) -> (&str, serde_json::Value) {
    let Answer::Error { body, error_type } = &outcome.answer else { panic!("{outcome:?}") };
    (error_type, serde_json::from_slice(body).unwrap())
}

#[test]
fn chunks_arrive_as_they_are_sent() {
    let scripted = Scripted::new("begin; chunk one; wait_for go; chunk two; chunk three; end");
    for _ in 0..2 {
        let mut streamed = scripted.stream();
        assert_eq!(streamed.content_type.as_deref(), Some("text/plain"));
        assert_eq!(scripted.chunk(&mut streamed).as_deref(), Some("one"));
        // Only now may the function go on.
        scripted.source.folder.write("go", "");
        let mut rest = String::new();
        while let Some(chunk) = scripted.chunk(&mut streamed) {
            rest.push_str(&chunk);
        }
        assert_eq!(rest, "twothree");
        let outcome = scripted.server.runtime.block_on(streamed.end()).unwrap();
        let Answer::Response { body, content_type } = &outcome.answer else {
            panic!("{outcome:?}")
        };
        assert_eq!((&body[..], content_type.as_str()), (&b"onetwothree"[..], "text/plain"));
        assert_eq!(outcome.report.status, Status::Done);
        assert!(outcome.log.contains("answered HTTP/1.1 202"), "{}", outcome.log);
    }
    assert_eq!(scripted.server.warnings(), [""; 0]);
}

#[test]
fn who_does_not_ask_for_a_stream_gets_the_whole() {
    let scripted = Scripted::new("begin; chunk one; chunk two; end");
    let reply = scripted.server.invoke(&[], "{}");
    assert_eq!((reply.text(), reply.header("content-type")), ("onetwo", "text/plain"));
    assert_eq!(scripted.server.warnings(), [""; 0]);

    let large = Scripted::new(
        "begin; m=$(printf '%1048576s' x); for n in 1 2 3 4 5 6 7; do chunk \"$m\"; done; end",
    );
    let reply = large.server.invoke(&[], "{}");
    assert_eq!(reply.header("x-amz-function-error"), "Unhandled");
    assert_eq!(reply.json()["errorType"], "Function.ResponseSizeTooLarge");
    // A stream may be as long as that.
    let (body, outcome) = large.all();
    assert_eq!(body.len(), 7 << 20);
    assert!(matches!(&outcome.answer, Answer::Response { body, .. } if body.len() == 6_291_556));
}

#[test]
fn a_stream_has_a_largest_size() {
    // A chunk of one byte more than 200 MB.
    let script = "begin; printf 'c800001\\r\\n' >&3; head -c 209715201 /dev/zero >&3; printf '\\r\\n' >&3; end";
    let scripted = Scripted::new(script);
    let mut streamed = scripted.stream();
    let mut length = 0;
    while let Some(chunk) = scripted.server.runtime.block_on(streamed.chunk()) {
        length += chunk.len();
    }
    let outcome = scripted.server.runtime.block_on(streamed.end()).unwrap();
    assert_eq!(error(&outcome).0, "Function.ResponseSizeTooLarge");
    // The piece that goes beyond is not passed on.
    assert!(length <= 200 << 20 && length > 199 << 20, "{length}");
    // And the runtime lives to see why.
    assert!(outcome.log.contains("answered HTTP/1.1 413"), "{}", outcome.log);
}

#[test]
fn a_runtime_may_finish_what_is_refused() {
    let refused = [
        ("answer 1; begin; told", "told HTTP/1.1 403"),
        (
            "post response 'Lambda-Runtime-Function-Response-Mode: odd\\r\\nTransfer-Encoding: chunked\\r\\n'; told",
            "told HTTP/1.1 400",
        ),
    ];
    for (begun, told) in refused {
        // The answer is there before the end; each chunk is several writes.
        let scripted = Scripted::new(&format!("{begun}; chunk one; chunk two; end; echo alive"));
        let (_, outcome) = scripted.all();
        assert!(outcome.log.contains(told) && outcome.log.contains("alive"), "{}", outcome.log);
        assert_eq!(scripted.all().1.report.init_duration, None, "another process serves");
    }
}

#[test]
fn who_never_ends_what_is_refused_is_cut_off() {
    let script = "answer 1; begin; told; m=$(printf '%1048576s' x); trap '' PIPE; \
                  while chunk \"$m\" 2>&-; do :; done; exec 3>&-; echo cut";
    let (_, outcome) = Scripted::new(script).all();
    assert!(outcome.log.contains("cut"), "{}", outcome.log);
}

#[test]
fn an_error_in_the_middle_comes_in_the_trailers() {
    let body = r#"$(printf '{"errorType":"BadOrder","errorMessage":"no id"}' | base64 -w0)"#;
    let trailers = format!(
        "Lambda-Runtime-Function-Error-Type: Function.BadOrder\\r\\nLambda-Runtime-Function-Error-Body: {body}\\r\\n"
    );
    let script = format!("begin '{ANNOUNCED}'; chunk one; end \"{trailers}\"");
    let scripted = Scripted::new(&script);
    let (text, outcome) = scripted.all();
    assert_eq!(text, "one");
    let (error_type, json) = error(&outcome);
    assert_eq!(error_type, "Function.BadOrder");
    assert_eq!(json, serde_json::json!({ "errorType": "BadOrder", "errorMessage": "no id" }));
    // The environment goes on: it was the function that failed.
    assert_eq!(scripted.all().1.report.init_duration, None);
    assert_eq!(scripted.server.warnings(), [""; 0]);
    let reply = scripted.server.invoke(&[], "{}");
    assert_eq!((reply.header("x-amz-function-error"), reply.json()), ("Unhandled", json));
}

#[test]
fn a_runtime_is_told_what_is_wrong_with_its_stream() {
    let json = r#"$(printf '{"errorType":"BadOrder","errorMessage":"no id"}' | base64 -w0)"#;
    let typed = |name: &str| format!("Lambda-Runtime-Function-Error-Type: {name}\\r\\n");
    let with_body = |body: &str| format!("Lambda-Runtime-Function-Error-Body: {body}\\r\\n");
    let whole = typed("Function.BadOrder") + &with_body(json);
    let cases = [
        (
            format!("begin; chunk one; end \"{whole}\""),
            "Function.BadOrder",
            "without having announced it",
        ),
        (
            format!(
                "begin '{ANNOUNCED}'; chunk one; end \"{}\"",
                typed("Function.404") + &with_body(json)
            ),
            "Runtime.Unknown",
            "`Function.404` of the runtime is not of a form that AWS keeps",
        ),
        (
            format!(
                "begin '{ANNOUNCED}'; chunk one; end \"{}\"",
                typed("Function.BadOrder") + &with_body("%")
            ),
            "Function.BadOrder",
            "not base64",
        ),
        (
            format!("begin '{ANNOUNCED}'; chunk one; end \"{}\"", with_body(json)),
            "Runtime.Unknown",
            "an error without a type",
        ),
        (
            "begin; chunk one; exec 3>&-".to_owned(),
            "Runtime.TruncatedResponse",
            "broke off its response",
        ),
    ];
    for (script, expected, warning) in cases {
        let scripted = Scripted::new(&script);
        let (text, outcome) = scripted.all();
        assert_eq!(text, "one", "{script}");
        let Answer::Error { error_type, .. } = &outcome.answer else {
            panic!("{script}: {outcome:?}")
        };
        assert_eq!(error_type, expected, "{script}");
        let warnings = scripted.server.warnings();
        assert!(warnings.iter().any(|found| found.contains(warning)), "{script}: {warnings:?}");
    }
}

#[test]
fn a_response_has_one_mode() {
    let script = "post response 'Lambda-Runtime-Function-Response-Mode: buffered\\r\\nContent-Length: 1\\r\\n'; printf 1 >&3; close";
    let scripted = Scripted::new(script);
    let (text, outcome) = scripted.all();
    assert_eq!((text.as_str(), error(&outcome).0), ("", "Runtime.InvalidResponseModeHeader"));
    assert!(outcome.log.contains("answered HTTP/1.1 400"), "{}", outcome.log);
    let warnings = scripted.server.warnings();
    assert!(warnings.iter().any(|found| found.contains("buffered")), "{warnings:?}");
}

#[test]
fn an_error_before_the_first_byte_is_an_ordinary_one() {
    let script = r#"fail Function.BadOrder '{"errorType":"BadOrder","errorMessage":"no id"}'"#;
    let scripted = Scripted::new(script);
    let streamed = scripted.stream();
    assert_eq!(streamed.content_type, None);
    let outcome = scripted.server.runtime.block_on(streamed.end()).unwrap();
    assert_eq!(error(&outcome).0, "Function.BadOrder");
    assert_eq!(scripted.server.warnings(), [""; 0]);
}

#[test]
fn a_stream_ends_with_lambdas_error_when_time_is_up() {
    let scripted = Scripted::with_timeout(Duration::from_secs(1), "begin; chunk one; sleep 30");
    let mut streamed = scripted.stream();
    assert_eq!(scripted.chunk(&mut streamed).as_deref(), Some("one"));
    let id = streamed.id.clone();
    assert_eq!(scripted.chunk(&mut streamed), None);
    let outcome = scripted.server.runtime.block_on(streamed.end()).unwrap();
    let (error_type, json) = error(&outcome);
    assert_eq!(error_type, "Sandbox.Timedout");
    assert_eq!(
        json["errorMessage"],
        format!("RequestId: {id} Error: Task timed out after 1.00 seconds")
    );
    assert_eq!(outcome.report.status, Status::Timeout);
}

#[test]
fn a_stream_ends_with_lambdas_error_when_the_runtime_crashes() {
    let scripted = Scripted::new("begin; chunk one; wait_for go; exit 7");
    let mut streamed = scripted.stream();
    assert_eq!(scripted.chunk(&mut streamed).as_deref(), Some("one"));
    scripted.source.folder.write("go", "");
    let id = streamed.id.clone();
    assert_eq!(scripted.chunk(&mut streamed), None);
    let outcome = scripted.server.runtime.block_on(streamed.end()).unwrap();
    let (error_type, json) = error(&outcome);
    assert_eq!(error_type, "Runtime.TruncatedResponse");
    let message = format!("RequestId: {id} Error: Runtime exited with error: exit status 7");
    assert_eq!(json["errorMessage"], message);
    assert_eq!(outcome.report.status, Status::Error("Runtime.ExitError".to_owned()));
}

#[test]
fn a_reader_who_goes_away_does_not_hold_the_function_up() {
    let script = "begin; m=$(printf '%65536s' x); for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40; do chunk \"$m\"; done; end; echo sent";
    let scripted = Scripted::new(script);
    drop(scripted.stream());
    let asked = Instant::now();
    while !scripted.logged().contains("Finished") {
        assert!(asked.elapsed() < PATIENCE, "{}", scripted.logged());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(scripted.logged().contains("answered HTTP/1.1 202"));
    assert_eq!(scripted.server.warnings(), [""; 0]);
}

/// The events of a stream: type and payload.
fn frames(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (total, headers) = (number(0), number(4));
        // `:event-type` comes first: name, a byte for its type, two for the length.
        let length = usize::from(u16::from_be_bytes([bytes[25], bytes[26]]));
        let text =
            |range: std::ops::Range<usize>| String::from_utf8(bytes[range].to_vec()).unwrap();
        found.push((text(27..27 + length), text(12 + headers..total - 4)));
        bytes = &bytes[total..];
    }
    found
}

#[test]
fn the_api_streams_frame_by_frame() {
    use std::io::Read as _;

    let scripted = Scripted::new("begin; chunk one; wait_for go; chunk two; end");
    let path = "/2021-11-15/functions/orders/response-streaming-invocations";
    let mut response =
        ureq::post(format!("{}{path}", scripted.server.endpoint())).send("{}").unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(content_type, "application/vnd.amazon.eventstream");
    let mut reader = response.body_mut().as_reader();
    let mut bytes = Vec::new();
    // The first frame is here before the function goes on.
    while bytes.len() < 4
        || bytes.len() < u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize
    {
        let mut part = [0; 512];
        let count = reader.read(&mut part).unwrap();
        assert!(count > 0, "the stream ended early");
        bytes.extend_from_slice(&part[..count]);
    }
    assert_eq!(frames(&bytes), [("PayloadChunk".to_owned(), "one".to_owned())]);
    scripted.source.folder.write("go", "");
    reader.read_to_end(&mut bytes).unwrap();
    let expected = [("PayloadChunk", "one"), ("PayloadChunk", "two"), ("InvokeComplete", "{}")];
    assert_eq!(frames(&bytes), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn boto3_reads_along() {
    let Some(aws) = tools::require(Tool::Aws, "boto3 on a streaming function") else { return };
    let json = r#"$(printf '{"errorType":"BadOrder","errorMessage":"no id"}' | base64 -w0)"#;
    let script = format!(
        "begin '{ANNOUNCED}'; chunk one; wait_for go; chunk two; \
         end \"Lambda-Runtime-Function-Error-Type: Function.BadOrder\\r\\n\
         Lambda-Runtime-Function-Error-Body: {json}\\r\\n\""
    );
    let scripted = Scripted::new(&script);
    let folder = scripted.source.folder.path();
    let program = format!(
        r#"python - <<'END'
import base64, boto3, json
client = boto3.client("lambda")
reply = client.invoke_with_response_stream(FunctionName="orders", LogType="Tail")
events = iter(reply["EventStream"])
assert next(events)["PayloadChunk"]["Payload"] == b"one"
open("{}/go", "w").close()
assert next(events)["PayloadChunk"]["Payload"] == b"two"
end = next(events)["InvokeComplete"]
assert end["ErrorCode"] == "Function.BadOrder", end
assert json.loads(end["ErrorDetails"])["errorMessage"] == "no id"
assert "REPORT RequestId" in base64.b64decode(end["LogResult"]).decode()
assert list(events) == []
print("done")
END"#,
        folder.display()
    );
    let printed = crate::moto::shell(&program, folder, 120, |command| {
        let endpoint = scripted.server.endpoint();
        crate::moto::isolate(command, &endpoint, aws.parent().unwrap(), &scripted.source.folder);
    });
    assert_eq!(printed.trim(), "done");
}
