//! Streamed responses of the real runtime: `context.stream()`, from the script to the caller.

use rhai_lambda::emulator::{Answer, Invocation};

use super::{Server, Source};

/// What a script writes, chunk by chunk, and how it ends.
fn stream(server: &Server, event: &str) -> (Option<String>, Vec<String>, Answer) {
    server.runtime.block_on(async {
        let invocation = Invocation::new(event.to_owned());
        let mut streamed = server.lambda.invoke_streaming("orders", invocation).await.unwrap();
        let mut chunks = Vec::new();
        while let Some(chunk) = streamed.chunk().await {
            chunks.push(String::from_utf8(chunk.to_vec()).unwrap());
        }
        let content_type = streamed.content_type.clone();
        (content_type, chunks, streamed.end().await.unwrap().answer)
    })
}

#[test]
fn a_script_streams_to_its_caller() {
    let source = Source::new(
        r#"fn handler(event, context) {
            let out = context.stream();
            if event == "early" { throw "no"; }
            out.write("one");
            if event == "fail" { throw #{ errorType: "BadOrder", errorMessage: "id is missing" }; }
            sleep(0.05);
            out.write("two");
        }"#,
    );
    let server = Server::of(&source);
    for _ in 0..2 {
        let (content_type, chunks, answer) = stream(&server, "\"all\"");
        assert_eq!(chunks, ["one", "two"], "{answer:?}");
        let Answer::Response { body, content_type: kept } = answer else { panic!("{answer:?}") };
        assert_eq!((&body[..], Some(kept)), (&b"onetwo"[..], content_type));
    }
    let (_, chunks, answer) = stream(&server, "\"fail\"");
    assert_eq!(chunks, ["one"]);
    let Answer::Error { error_type, body } = answer else { panic!("{answer:?}") };
    assert_eq!(error_type, "Function.BadOrder");
    assert!(std::str::from_utf8(&body).unwrap().contains("id is missing"));
    let (content_type, chunks, answer) = stream(&server, "\"early\"");
    assert_eq!((content_type, chunks.len()), (None, 0));
    assert!(matches!(answer, Answer::Error { error_type, .. } if error_type == "Function.Error"));
    // Who does not read along gets the whole.
    assert_eq!(server.invoke(&[], "\"all\"").text(), "onetwo");
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
}
