//! Managed Instances: many workers in one process, of which none is in the way of another.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use rhai_lambda::Runtime;
use serde_json::Value;

use crate::process::{PATIENCE, Process};
use crate::runtime_api::{Answer, INIT_ERROR, Request, RuntimeApi};
use crate::session::Function;

/// A function of so many workers, with memory for them.
fn many(script: &str, workers: usize) -> Function {
    Function::new(script)
        .env("AWS_LAMBDA_MAX_CONCURRENCY", &workers.to_string())
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")
}

/// The id in the path of an answer.
fn id_of(request: &Request) -> &str {
    request.path.split('/').nth(4).expect("an id in the path")
}

/// Waits until so many requests for events have come.
fn wait_for_polls(api: &RuntimeApi, count: usize) {
    let start = Instant::now();
    while api.requests().iter().filter(|request| request.is_next()).count() < count {
        assert!(start.elapsed() < PATIENCE, "{count} workers ask for events");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Resident memory, in kB.
fn resident_kb(id: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

const MIXED: &str = r#"
fn handler(event, context) {
    log::info(`event ${event.n}`);
    if event.n % 100 == 7 { loop { } }
    if event.n % 10 == 3 { throw `event ${event.n}`; }
    #{ n: event.n, id: context.aws_request_id, text: event.text + "!" }
}
"#;

#[test]
fn ten_thousand_events_get_their_own_answers_from_64_workers() {
    const EVENTS: usize = 10_000;
    let mut session = many(MIXED, 64).start();
    wait_for_polls(&session.api, 64);
    let mut resident = 0;
    for (part, numbers) in [0..EVENTS / 2, EVENTS / 2..EVENTS].into_iter().enumerate() {
        let end = numbers.end;
        for n in numbers {
            let id = format!("id-{n}");
            let event = format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(n % 500));
            let time = if n % 100 == 7 { Duration::from_secs(1) } else { PATIENCE };
            session.api.next(Answer::event_within(&id, event, time));
        }
        let posts = session.api.wait_for_posts(end, PATIENCE * 2);
        assert_eq!(posts.len(), end, "one answer for each");
        if part == 0 {
            resident = resident_kb(session.process.id());
        }
    }
    let growth = resident_kb(session.process.id()) - resident;
    assert!(growth < 8_000, "{growth} kB more after another {} events", EVENTS / 2);

    let mut answers: HashMap<String, Request> = HashMap::new();
    for post in session.api.posts() {
        let before = answers.insert(id_of(&post).to_owned(), post);
        assert!(before.is_none(), "{before:?}");
    }
    for n in 0..EVENTS {
        let id = format!("id-{n}");
        let answer = answers.remove(&id).unwrap_or_else(|| panic!("no answer to {id}"));
        let body = answer.json();
        if n % 100 == 7 {
            assert_eq!(body["errorType"], "DeadlineExceeded", "{id}");
        } else if n % 10 == 3 {
            assert_eq!(body["errorMessage"], format!("event {n}"));
        } else {
            assert_eq!((&body["n"], &body["id"]), (&Value::from(n), &Value::from(id)));
            assert_eq!(body["text"].as_str().unwrap().len(), n % 500 + 1);
        }
    }
    assert!(answers.is_empty());

    // Each line is one JSON object of its own event.
    let mut lines = 0;
    let all_there = |log: &str| log.matches("\"message\":\"event ").count() >= EVENTS;
    let log = session.process.wait_for_stderr("line for each event", all_there);
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let Some(n) = line["message"].as_str().unwrap().strip_prefix("event ") {
            assert_eq!(line["requestId"], format!("id-{n}"), "{line}");
            lines += 1;
        }
    }
    assert_eq!(lines, EVENTS);
}

#[test]
fn workers_are_at_work_at_the_same_time() {
    // Each waits for the other.
    let script = r#"fn handler(event) {
        cache::set(event.mine, true);
        while !cache::get(event.other, false) { sleep(0.01); }
        event.mine
    }"#;
    let session = many(script, 2).start();
    session.api.next(Answer::event("a", r#"{"mine":"a","other":"b"}"#));
    session.api.next(Answer::event("b", r#"{"mine":"b","other":"a"}"#));
    for post in session.api.wait_for_posts(2, PATIENCE) {
        assert_eq!(post.text(), format!("\"{}\"", id_of(&post)));
    }
    wait_for_polls(&session.api, 4);
    assert_eq!(session.api.connections(), 2);
}

#[test]
fn a_limit_of_one_worker_does_not_touch_the_others() {
    let script = r#"
        fn dive(n) { dive(n + 1) + 1 }
        fn handler(event) {
            switch event {
                "memory" => { let s = "0123456789"; loop { s += s; } }
                "stack" => dive(1),
                "deep" => { let a = 1; for n in 0..500 { a = [a]; } a }
                _ => { let a = []; for n in 0..3000 { a.push(`${n} ${event}`); } a.len() },
            }
        }"#;
    let session = many(script, 8).start();
    let kinds = ["\"memory\"", "1", "\"stack\"", "2", "\"deep\"", "3"];
    for n in 0..120 {
        session.api.next(Answer::event(&format!("{n}"), kinds[n % kinds.len()]));
    }
    for post in session.api.wait_for_posts(120, PATIENCE) {
        let n: usize = id_of(&post).parse().unwrap();
        let expected = match kinds[n % kinds.len()] {
            "\"memory\"" => "OutOfMemory",
            "\"stack\"" => "StackOverflow",
            "\"deep\"" => "InvalidResult",
            _ => {
                assert_eq!(post.text(), "3000", "{}", post.path);
                continue;
            }
        };
        assert_eq!(post.json()["errorType"], expected, "{n}: {}", post.text());
    }
}

/// Set for the child, which is this very test in another process.
const CHILD: &str = "RHAI_LAMBDA_TEST_WORKERS";

#[test]
fn a_panic_of_one_worker_does_not_touch_the_others() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = Runtime::builder().with_engine(|engine| {
            engine.register_fn("faulty", || -> i64 { panic!("this is a test") });
        });
        runtime.build().run();
        return;
    }
    let script = "fn handler(event) { if event % 5 == 0 { faulty() } else { event } }";
    let function = many(script, 4);
    let api = RuntimeApi::start();
    let as_bootstrap = function.command(Some(&api.address()));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "protocol::workers::a_panic_of_one_worker_does_not_touch_the_others"])
        .arg("--nocapture")
        .env_clear()
        .env(CHILD, "1")
        .envs(as_bootstrap.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let _process = Process::spawn(&mut command);
    for n in 0..100 {
        api.next(Answer::event(&n.to_string(), n.to_string()));
    }
    for post in api.wait_for_posts(100, PATIENCE) {
        let n: usize = id_of(&post).parse().unwrap();
        if n.is_multiple_of(5) {
            assert_eq!(post.json()["errorType"], "InternalError");
        } else {
            assert_eq!(post.text(), n.to_string());
        }
    }
}

#[test]
fn connections_that_break_are_made_anew_each_by_its_worker() {
    let session = many("fn handler(event) { event }", 4).start();
    wait_for_polls(&session.api, 4);
    for round in 0..3 {
        session.api.next(Answer::reset());
        session.api.next(Answer::raw(b"garbage"));
        for n in 0..20 {
            let event = Answer::event(&format!("{round}-{n}"), n.to_string());
            session.api.next(if n % 3 == 0 { event.then_close() } else { event });
        }
        let posts = session.api.wait_for_posts((round + 1) * 20, PATIENCE);
        assert_eq!(posts.len(), (round + 1) * 20);
    }
    assert!(session.api.connections() > 4, "{}", session.api.connections());
}

#[test]
fn an_init_error_is_reported_once_and_ends_all() {
    let function = many("throw \"no table\";\nfn handler(event) { event }", 16);
    let (exit, requests) = function.run_to_end();
    let reports: Vec<&Request> = requests.iter().filter(|r| r.path == INIT_ERROR).collect();
    assert_eq!((reports.len(), requests.len()), (1, 1), "{requests:?}");
    assert_eq!(reports[0].json()["errorMessage"], "no table");
    assert!(exit.status.code().is_some_and(|code| code != 0), "{exit:?}");
    for line in exit.stderr.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(line["level"], "FATAL");
    }
    assert_eq!(exit.stderr.lines().count(), 1, "{}", exit.stderr);
}

#[test]
fn a_container_error_to_one_worker_ends_all() {
    let session = many("fn handler(event) { event }", 4).start();
    wait_for_polls(&session.api, 4);
    session.api.next(Answer::status(500));
    let exit = session.process.wait();
    assert!(exit.status.code().is_some_and(|code| code != 0), "{exit:?}");
    assert!(exit.stderr.contains("500"), "{exit:?}");
}

#[test]
fn an_environment_full_of_cycles_lets_the_others_finish() {
    // Values that contain themselves are never freed; each of these fills 20 MB of 64.
    let script = r#"fn handler(event) {
        if event == "slow" { sleep(2); return "slow"; }
        let cycle = #{ big: blob(20000000, 1) };
        cycle.get = || cycle;
        event
    }"#;
    let function = many(script, 2).env("RHAI_LAMBDA_MAX_MEMORY_MB", "64");
    let session = function.start();
    wait_for_polls(&session.api, 2);
    session.api.next(Answer::event("slow", "\"slow\""));
    for n in 0..4 {
        session.api.next(Answer::event(&format!("cycle-{n}"), n.to_string()));
    }
    let posts = session.api.wait_for_posts(5, PATIENCE / 6);
    assert!(posts.iter().any(|post| id_of(post) == "slow" && post.text() == "\"slow\""));
    let exit = session.process.wait();
    assert!(exit.stderr.contains("contain themselves"), "{exit:?}");
}

#[test]
fn a_number_of_workers_that_makes_no_sense_is_said() {
    for value in ["0", "many", "-1"] {
        let (exit, requests) =
            Function::echo().env("AWS_LAMBDA_MAX_CONCURRENCY", value).run_to_end();
        assert_eq!(requests.len(), 1, "{exit:?}");
        let message = requests[0].json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(
            message.contains("AWS_LAMBDA_MAX_CONCURRENCY") && message.contains(value),
            "{message}"
        );
    }
}
