//! Several events at once in one process, as on Lambda Managed Instances.

use std::time::Duration;

use futures_util::future::join_all;
use rhai_lambda::emulator::{
    Answer, Function, FunctionOptions, Invocation, Line, Outcome, Record, Status,
};
use tokio::task::JoinHandle;

use super::{Server, Source, limited_to, scripted, wait_until};

/// Three workers in one process; each does with an event what `script` says.
fn workers(source: &Source, script: &str) -> Function {
    let workers = format!(
        "echo loaded; worker() {{ {}; }}; worker & worker & worker & wait -n; exit 7",
        scripted::one_by_one(script)
    );
    scripted::function(source, &workers)
}

fn three() -> FunctionOptions {
    FunctionOptions { max_concurrency: Some(3), ..limited_to(1) }
}

type Asked = JoinHandle<Outcome>;

fn ask(server: &Server, event: &str) -> Asked {
    let (lambda, invocation) = (server.lambda.clone(), Invocation::new(event.to_owned()));
    server.runtime.spawn(async move { lambda.invoke("orders", invocation).await.unwrap() })
}

fn outcome(server: &Server, asked: Asked) -> Outcome {
    server.runtime.block_on(asked).unwrap()
}

fn text(outcome: &Outcome) -> &str {
    let (Answer::Response { body, .. } | Answer::Error { body, .. }) = &outcome.answer;
    std::str::from_utf8(body).unwrap()
}

/// How often a line came that contains `text`.
fn count(server: &Server, text: &str) -> usize {
    let of = |record: &Record| matches!(record, Record::Line { line: Line::Log(line), .. } if line.contains(text));
    server.records().iter().filter(|record| of(record)).count()
}

#[test]
fn one_process_has_several_events() {
    let source = Source::new("");
    let script = r#"
        printf '{"requestId":"%s","message":"begun %s"}\n' "$id" "$event"
        wait_for go
        printf '{"requestId":"%s","message":"ends %s"}\n' "$id" "$event"
        answer "[$event,$$,\"$AWS_LAMBDA_MAX_CONCURRENCY $AWS_LAMBDA_LOG_FORMAT $AWS_LAMBDA_INITIALIZATION_TYPE\"]""#;
    let server = Server::with(workers(&source, script), three());
    let asked: Vec<Asked> = (0..4).map(|number| ask(&server, &number.to_string())).collect();
    wait_until("the third event", || count(&server, "begun") == 3);
    // A fourth waits until one is over.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(count(&server, "begun"), 3);
    source.folder.write("go", "");
    let mut processes = Vec::new();
    for (number, asked) in asked.into_iter().enumerate() {
        let outcome = outcome(&server, asked);
        let json: serde_json::Value = serde_json::from_str(text(&outcome)).unwrap();
        assert_eq!(
            (&json[0], &json[2]),
            (&number.into(), &"3 JSON lambda-managed-instances".into())
        );
        processes.push(json[1].clone());
        let log = &outcome.log;
        assert!(
            log.contains(&format!("begun {number}")) && log.contains(&format!("ends {number}")),
            "{log}"
        );
        assert_eq!(log.matches("begun").count(), 1, "{log}");
        assert!(log.starts_with("START") && log.contains("REPORT"), "{log}");
    }
    processes.dedup();
    assert_eq!((processes.len(), count(&server, "loaded")), (1, 1));
    assert_eq!(server.warnings(), [""; 0]);
}

#[test]
fn time_ends_no_process_that_has_other_events() {
    let source = Source::new("");
    let script = r#"
        echo "begun $event"
        if [ "$event" = '"slow"' ]; then wait_for late; elif [ "$event" = '"begun"' ]; then begin; chunk one; wait_for late; fi
        if [ "$event" = '"begun"' ]; then chunk two; end; else answer "$event"; fi"#;
    let mut function = workers(&source, script);
    function.timeout = Duration::from_secs(4);
    let server = Server::with(function, three());
    let slow = ask(&server, "\"slow\"");
    let begun = ask(&server, "\"begun\"");
    wait_until("two events", || count(&server, "begun ") == 2);
    for asked in [slow, begun] {
        let outcome = outcome(&server, asked);
        assert!(text(&outcome).contains("Task timed out after 4.00 seconds"), "{outcome:?}");
        assert_eq!(outcome.report.status, Status::Timeout);
    }
    // Two workers are still at it, the third one serves.
    assert_eq!(text(&outcome(&server, ask(&server, "1"))), "1");
    source.folder.write("late", "");
    wait_until("the refusals", || count(&server, "answered HTTP/1.1 410") == 2);
    let warnings = server.warnings();
    let found = |text: &str| warnings.iter().any(|warning| warning.contains(text));
    assert!(found("after its deadline") && found("goes on with its response"), "{warnings:?}");
    // And all three are as good as before.
    for number in 2..8 {
        assert_eq!(text(&outcome(&server, ask(&server, &number.to_string()))), number.to_string());
    }
    assert_eq!(count(&server, "loaded"), 1);
}

#[test]
fn an_event_has_its_time_from_the_moment_when_a_worker_takes_it() {
    let source = Source::new("");
    // One worker where there should be three.
    let script = scripted::one_by_one("sleep 2.5; answer \"$event\"");
    let mut function = scripted::function(&source, &script);
    function.timeout = Duration::from_secs(4);
    let server = Server::with(function, three());
    let asked = [ask(&server, "1"), ask(&server, "2"), ask(&server, "3")];
    let outcomes = asked.map(|asked| outcome(&server, asked));
    let answered = outcomes.iter().filter(|outcome| outcome.report.status == Status::Done).count();
    // The second one waits for longer than it then has; the third one is told of it.
    assert!((1..=2).contains(&answered), "{outcomes:?}");
    let warnings = server.warnings();
    assert!(warnings.iter().any(|warning| warning.contains("there should be 3")), "{warnings:?}");
}

#[test]
fn a_crash_fails_every_event_that_the_process_has() {
    let source = Source::new("");
    let script = r#"
        echo "begun $event"
        case "$event" in
          '"crash"') wait_for go; exit 1;;
          '"stream"') begin; chunk one; wait_for never;;
          '"wait"') wait_for never;;
          *) answer "$event";;
        esac"#;
    let server = Server::with(workers(&source, script), three());
    let [wait, crash] = ["\"wait\"", "\"crash\""].map(|event| ask(&server, event));
    let stream = server.lambda.invoke_streaming("orders", Invocation::new("\"stream\""));
    // The script's line comes before the stream does: only a chunk tells that it has begun.
    let mut stream = server.runtime.block_on(stream).unwrap();
    assert_eq!(server.runtime.block_on(stream.chunk()).as_deref(), Some(&b"one"[..]));
    wait_until("three events", || count(&server, "begun") == 3);
    source.folder.write("go", "");
    let stream = server.runtime.block_on(stream.end()).unwrap();
    let outcomes = [outcome(&server, wait), stream, outcome(&server, crash)];
    for (outcome, expected) in outcomes.iter().zip([
        "Runtime.ExitError",
        // Its caller has a part of it already.
        "Runtime.TruncatedResponse",
        "Runtime.ExitError",
    ]) {
        let Answer::Error { error_type, .. } = &outcome.answer else { panic!("{outcome:?}") };
        assert_eq!(error_type, expected);
        assert!(text(outcome).contains("Runtime exited with error: exit status 7"), "{outcome:?}");
        assert_eq!(outcome.report.status, Status::Error("Runtime.ExitError".to_owned()));
    }
    let next = outcome(&server, ask(&server, "4"));
    assert_eq!((text(&next), next.report.init_duration.is_some()), ("4", true));
    assert_eq!(count(&server, "loaded"), 2);
}

#[test]
fn a_response_that_is_too_large_is_its_own_workers_business() {
    let source = Source::new("");
    let script = r#"
        echo "begun $event"
        if [ "$event" = 1 ]; then answer "$(printf '%7000000s' x)"; else wait_for go; answer "$event"; fi"#;
    let server = Server::with(workers(&source, script), three());
    let others = [ask(&server, "2"), ask(&server, "3")];
    wait_until("two events", || count(&server, "begun") == 2);
    let large = outcome(&server, ask(&server, "1"));
    assert!(text(&large).contains("Function.ResponseSizeTooLarge"), "{}", text(&large));
    assert_eq!(count(&server, "answered HTTP/1.1 413"), 1);
    source.folder.write("go", "");
    for (asked, expected) in others.into_iter().zip(["2", "3"]) {
        assert_eq!(text(&outcome(&server, asked)), expected);
    }
    assert_eq!(server.warnings(), [""; 0]);
}

#[test]
fn a_runtime_that_cannot_start_tells_every_caller() {
    let source = Source::new("");
    let function = scripted::function(&source, "echo loaded; exit 3");
    let server = Server::with(function, three());
    let asked = [ask(&server, "1"), ask(&server, "2")];
    for asked in asked {
        let outcome = outcome(&server, asked);
        assert!(text(&outcome).contains("Runtime exited with error: exit status 3"), "{outcome:?}");
    }
}

#[test]
fn replacing_a_function_waits_for_the_events_of_the_old_one() {
    let source = Source::new("");
    let script =
        r#"echo "begun $event"; [ "$event" = 1 ] && wait_for go; answer "[$event,\"$VERSION\"]""#;
    let version = |version: &str| {
        let mut function = workers(&source, script);
        function.variables.push(("VERSION".into(), version.into()));
        function
    };
    let server = Server::with(version("old"), three());
    let old = ask(&server, "1");
    wait_until("the event", || count(&server, "begun") == 1);
    server.lambda.replace(version("new")).unwrap();
    assert_eq!(text(&outcome(&server, ask(&server, "2"))), "[2,\"new\"]");
    source.folder.write("go", "");
    assert_eq!(text(&outcome(&server, old)), "[1,\"old\"]");
}

#[test]
fn workers_of_the_real_runtime_share_a_process() {
    let source = Source::new(
        "print(\"loaded\"); fn handler(event) { log::info(`event ${event}`); sleep(0.05); event }",
    );
    let options = FunctionOptions { max_concurrency: Some(4), ..limited_to(1) };
    let server = Server::with(source.function("orders"), options);
    let asked =
        (0..100).map(|number| server.lambda.invoke("orders", Invocation::new(number.to_string())));
    let outcomes = server.runtime.block_on(join_all(asked));
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let outcome = outcome.unwrap();
        let Answer::Response { body, .. } = &outcome.answer else { panic!("{outcome:?}") };
        assert_eq!(std::str::from_utf8(body).unwrap(), number.to_string());
        let own = format!("event {number}\"");
        assert!(outcome.log.contains(&own), "{own} is not in {}", outcome.log);
        assert_eq!(outcome.log.matches("event ").count(), 1, "{}", outcome.log);
    }
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
}
