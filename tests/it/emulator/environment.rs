//! One environment: several events in it, and what survives what.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rhai_lambda::emulator::{
    Answer, Environment, Function, Invocation, Line, Outcome, Sink, Status,
};

use super::Source;

/// A function, and the lines that its environment wrote.
struct Setup {
    source: Source,
    lines: Arc<Mutex<Vec<Line>>>,
}

impl Setup {
    fn new(script: &str) -> Self {
        Self { source: Source::new(script), lines: Arc::default() }
    }

    /// The real runtime.
    fn environment(&self) -> Environment {
        self.start(self.source.function("orders"))
    }

    /// The real runtime below a shell script that does harm; `$BOOTSTRAP` is the runtime.
    fn environment_under(&self, script: &str) -> Environment {
        self.start(self.source.function_under("orders", script))
    }

    fn start(&self, function: Function) -> Environment {
        let lines = self.lines.clone();
        let sink: Sink = Arc::new(move |line| lines.lock().unwrap().push(line));
        Environment::new(function, sink)
    }

    fn warnings(&self) -> Vec<Line> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| matches!(line, Line::Warning(_))).cloned().collect()
    }
}

fn body(outcome: &Outcome) -> &str {
    let (Answer::Response { body, .. } | Answer::Error { body, .. }) = &outcome.answer;
    std::str::from_utf8(body).unwrap()
}

#[tokio::test]
async fn one_environment_serves_many_events() {
    let setup = Setup::new("print(\"loaded\"); fn handler(event) { event }");
    let mut environment = setup.environment();
    for number in 0..50 {
        let outcome = environment.invoke(Invocation::new(number.to_string())).await;
        assert_eq!(body(&outcome), number.to_string());
        assert_eq!(outcome.report.init_duration.is_some(), number == 0, "event {number}");
        assert_eq!(outcome.report.status, Status::Done);
    }
    environment.shut_down().await;
    assert_eq!(setup.warnings(), []);
    let lines = setup.lines.lock().unwrap();
    let loaded = |line: &&Line| matches!(line, Line::Log(text) if text.ends_with("loaded"));
    assert_eq!(lines.iter().filter(loaded).count(), 1, "{lines:?}");
}

#[tokio::test]
async fn an_invocation_brings_what_the_caller_says_of_itself() {
    let setup = Setup::new(
        "fn handler(event, context) { #{ id: context.aws_request_id, arn: context.invoked_function_arn, \
         tenant: context.tenant_id, client: context.client_context, trace: context.trace_id, \
         soon: context.remaining_time_ms() <= 20000 } }",
    );
    let mut environment = setup.environment();
    let mut invocation = Invocation::new("{}");
    invocation.tenant_id = Some("blue".to_owned());
    invocation.client_context = Some("{\"app\":\"a\"}".to_owned());
    let (id, trace) = (invocation.id.clone(), invocation.trace_id.clone());
    let outcome = environment.invoke(invocation).await;
    let found: serde_json::Value = serde_json::from_str(body(&outcome)).unwrap();
    let expected = serde_json::json!({
        "id": id,
        "arn": "arn:aws:lambda:eu-central-1:123456789012:function:orders",
        "tenant": "blue",
        "client": { "app": "a" },
        "trace": trace,
        "soon": true,
    });
    assert_eq!(found, expected);
    environment.shut_down().await;
    assert_eq!(setup.warnings(), []);
}

#[tokio::test]
async fn an_error_of_the_function_leaves_the_environment_warm() {
    let setup = Setup::new("fn handler(event) { if event == 1 { throw \"no\" } event }");
    let mut environment = setup.environment();
    let outcome = environment.invoke(Invocation::new("1")).await;
    let Answer::Error { error_type, .. } = &outcome.answer else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Function.Error");
    assert_eq!(outcome.report.status, Status::Done);
    let outcome = environment.invoke(Invocation::new("2")).await;
    assert_eq!((body(&outcome), outcome.report.init_duration), ("2", None));
    environment.shut_down().await;
    assert_eq!(setup.warnings(), []);
}

#[tokio::test]
async fn a_crash_takes_one_event_with_it() {
    let setup = Setup::new("fn handler(event) { if event == 1 { sleep(10) } event }");
    // The first process crashes while it has the event, the second one does not.
    let script = "if [ -e crashed ]; then exec \"$BOOTSTRAP\"; fi; touch crashed; \
                  \"$BOOTSTRAP\" & sleep 0.7; exit 7";
    let mut environment = setup.environment_under(script);
    let outcome = environment.invoke(Invocation::new("1")).await;
    assert!(body(&outcome).contains("Runtime exited with error: exit status 7"), "{outcome:?}");
    assert_eq!(outcome.report.status, Status::Error("Runtime.ExitError".to_owned()));
    assert!(outcome.report.init_duration.is_some());
    let outcome = environment.invoke(Invocation::new("2")).await;
    assert_eq!(body(&outcome), "2");
    // As on Lambda, loading again is a part of the invocation.
    assert_eq!(outcome.report.init_duration, None);
    environment.shut_down().await;
}

#[tokio::test]
async fn a_process_that_died_in_between_is_replaced() {
    let setup = Setup::new("fn handler(event) { event }");
    let script = "if [ -e done ]; then exec \"$BOOTSTRAP\"; fi; touch done; \
                  \"$BOOTSTRAP\" & sleep 0.7; exit 7";
    let mut environment = setup.environment_under(script);
    assert_eq!(body(&environment.invoke(Invocation::new("1")).await), "1");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let outcome = environment.invoke(Invocation::new("2")).await;
    assert_eq!((body(&outcome), &outcome.report.status), ("2", &Status::Done));
    environment.shut_down().await;
}

#[tokio::test]
async fn a_runtime_that_wants_to_know_its_end_is_told() {
    let script = "fn on_shutdown() { print(\"bye\"); }\nfn handler(event) { event }";
    let setup = Setup::new(script);
    let mut environment = setup.environment();
    let outcome = environment.invoke(Invocation::new("1")).await;
    assert_eq!(body(&outcome), "1");
    environment.shut_down().await;
    let lines = setup.lines.lock().unwrap().clone();
    let logged = |line: &Line| matches!(line, Line::Log(text) if text.contains("bye"));
    assert!(lines.iter().any(logged), "{lines:?}");
    drop(lines);
    assert_eq!(setup.warnings(), []);
}
