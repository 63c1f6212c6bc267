//! Many invocations at once: order, limits, replacement, tenants, crashes.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use rhai_lambda::emulator::{
    Answer, FunctionOptions, Invocation, Line, NotInvoked, Outcome, Record,
};

use super::{Server, Source, limited_to, wait_until};

/// Tells its process id in `MARK`.
const MARKED: &str = "export MARK=$$; exec \"$BOOTSTRAP\"";

/// Asks 1000 times, from 16 threads, and checks each answer with `check`.
fn ask_a_thousand_times(server: &Server, check: impl Fn(usize, &super::Reply) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= 1000 {
                        return;
                    }
                    let reply = server.invoke(&[], &format!("{{\"n\":{number}}}"));
                    assert_eq!(reply.status, 200, "event {number}: {}", reply.text());
                    check(number, &reply);
                }
            });
        }
    });
}

/// What the observer was told of each invocation: how often it started, how often it ended.
fn counts(server: &Server) -> HashMap<String, (usize, usize)> {
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for record in server.records() {
        match record {
            Record::Started { id, .. } => counts.entry(id).or_default().0 += 1,
            Record::Finished { outcome, .. } => {
                counts.entry(outcome.report.id).or_default().1 += 1;
            }
            Record::Line { .. } => {}
        }
    }
    counts
}

/// The first line of a function's log that starts with `mark`, without it.
fn logged(server: &Server, mark: &str) -> Option<String> {
    server.records().into_iter().find_map(|record| match record {
        Record::Line { line: Line::Log(text), .. } => {
            text.split_once(mark).map(|(_, rest)| rest.to_owned())
        }
        _ => None,
    })
}

fn body(outcome: &Outcome) -> &str {
    let (Answer::Response { body, .. } | Answer::Error { body, .. }) = &outcome.answer;
    std::str::from_utf8(body).unwrap()
}

#[test]
fn a_thousand_invocations_are_neither_lost_nor_mixed_up_though_one_runtime_is_killed() {
    let source = Source::new(
        "fn handler(event) { if event.n == \"victim\" { print(`pid=${env::get(\"MARK\")}`); sleep(15); } event.n }",
    );
    let function = source.function_under("orders", MARKED);
    let server = Server::start(vec![(function, FunctionOptions::default())]);
    std::thread::scope(|scope| {
        let victim =
            scope.spawn(|| server.invoke(&[("X-Amz-Log-Type", "Tail")], "{\"n\":\"victim\"}"));
        let killer = scope.spawn(|| {
            wait_until("the victim's line", || logged(&server, "pid=").is_some());
            // The others are at work by now, or will be.
            let pid = logged(&server, "pid=").unwrap();
            assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        });
        ask_a_thousand_times(&server, |number, reply| assert_eq!(reply.text(), number.to_string()));
        killer.join().unwrap();
        let victim = victim.join().unwrap();
        assert_eq!((victim.status, victim.header("x-amz-function-error")), (200, "Unhandled"));
        let id = victim.header("x-amzn-requestid");
        let message = format!("RequestId: {id} Error: Runtime exited with error: signal: killed");
        assert_eq!(
            victim.json(),
            serde_json::json!({ "errorType": "Runtime.ExitError", "errorMessage": message })
        );
    });
    server.shut_down();
    let counts = counts(&server);
    assert_eq!(counts.len(), 1001);
    assert!(counts.values().all(|count| *count == (1, 1)));
    assert_eq!(server.warnings(), [""; 0]);
}

#[test]
fn replacing_a_function_loses_no_invocation() {
    let source =
        Source::new("fn handler(event) { #{ n: event.n, version: env::get(\"VERSION\") } }");
    let version = |number: usize| {
        let mut function = source.function("orders");
        function.variables.push(("VERSION".into(), number.to_string().into()));
        function
    };
    let server = Server::start(vec![(version(0), limited_to(4))]);
    let current = AtomicUsize::new(0);
    ask_a_thousand_times(&server, |number, reply| {
        let json = reply.json();
        assert_eq!(json["n"], number, "{json}");
        if number % 250 == 100 {
            let new = current.fetch_add(1, Ordering::SeqCst) + 1;
            server.lambda.replace(version(new)).unwrap();
            let reply = server.invoke(&[], "{\"n\":0}");
            let seen: usize = reply.json()["version"].as_str().unwrap().parse().unwrap();
            assert!(seen >= new, "an event after the replacement ran the old function");
        }
    });
    assert_eq!(current.load(Ordering::SeqCst), 4);
    assert_eq!(counts(&server).len(), 1004);
    server.shut_down();
    assert_eq!(server.warnings(), [""; 0]);
    let unknown = Source::new("fn handler(event) { 1 }").function("unknown");
    assert_eq!(
        server.lambda.replace(unknown),
        Err(NotInvoked::NoSuchFunction("unknown".to_owned()))
    );
}

#[test]
fn invocations_wait_in_order_for_an_environment() {
    let source = Source::new(
        "print(\"loaded\"); fn handler(event) { sleep(0.02); print(`event ${event}`); event }",
    );
    let server = Server::start(vec![(source.function("orders"), limited_to(1))]);
    let outcomes =
        server
            .runtime
            .block_on(join_all((0..10).map(|number| {
                server.lambda.invoke("orders", Invocation::new(number.to_string()))
            })));
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(body(outcome.as_ref().unwrap()), number.to_string());
    }
    let mut order = Vec::new();
    let mut waits = Vec::new();
    let mut loaded = 0;
    for record in server.records() {
        match record {
            Record::Started { event, waited, .. } => {
                order.push(String::from_utf8(event.to_vec()).unwrap());
                waits.push(waited);
            }
            Record::Line { id, line: Line::Log(text), .. } => {
                loaded += usize::from(text.ends_with("loaded"));
                // Each line is that of the event which wrote it.
                assert!(id.is_some(), "{text}");
            }
            _ => {}
        }
    }
    assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert!(waits.is_sorted() && waits[9] > waits[0], "{waits:?}");
    assert_eq!(loaded, 1, "one environment is enough for one after the other");
}

#[test]
fn as_many_environments_start_as_are_needed() {
    let source = Source::new("print(\"loaded\"); fn handler(event) { sleep(0.3); event }");
    let server = Server::start(vec![(source.function("orders"), limited_to(3))]);
    for _ in 0..2 {
        let asked = (0..6)
            .map(|number| server.lambda.invoke("orders", Invocation::new(number.to_string())));
        let outcomes = server.runtime.block_on(join_all(asked));
        assert!(
            outcomes.iter().all(|outcome| matches!(
                outcome,
                Ok(Outcome { answer: Answer::Response { .. }, .. })
            ))
        );
    }
    let loaded = server.records().into_iter().filter(|record| {
        matches!(record, Record::Line { line: Line::Log(text), .. } if text.ends_with("loaded"))
    });
    assert_eq!(loaded.count(), 3);
}

#[test]
fn tenants_share_no_environment() {
    let source = Source::new("print(\"loaded\"); fn handler(event, context) { context.tenant_id }");
    let server = Server::start(vec![(source.function("orders"), limited_to(2))]);
    let loaded = |server: &Server| {
        let records = server.records().into_iter();
        let loaded = records.filter(|record| {
            matches!(record, Record::Line { line: Line::Log(text), .. } if text.ends_with("loaded"))
        });
        loaded.count()
    };
    // The third tenant takes the place of the one that was idle for longest.
    for (tenant, expected) in [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4)] {
        let reply = server.invoke(&[("X-Amz-Tenant-Id", tenant)], "{}");
        assert_eq!(reply.json(), tenant);
        assert_eq!(loaded(&server), expected, "after an event of tenant {tenant}");
    }
}

#[test]
fn an_invocation_goes_on_when_its_caller_goes_away() {
    let source =
        Source::new("fn handler(event) { print(\"begun\"); sleep(0.5); print(\"finished\"); }");
    let server = Server::of(&source);
    let (gone, caller) = std::sync::mpsc::channel::<()>();
    // A caller who closes the connection in the middle.
    let address = server.address;
    std::thread::spawn(move || {
        use std::io::Write as _;
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let request = "POST /2015-03-31/functions/orders/invocations HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";
        socket.write_all(request.as_bytes()).unwrap();
        let _ = caller.recv();
    });
    wait_until("the first line", || logged(&server, "begun").is_some());
    drop(gone);
    wait_until("the end", || {
        server.records().iter().any(|record| matches!(record, Record::Finished { .. }))
    });
    assert!(logged(&server, "finished").is_some());
    // And the environment is as good as before.
    assert_eq!(server.invoke(&[], "{}").header("x-amz-function-error"), "");
    let starts = server.records().into_iter().filter(|record| {
        matches!(record, Record::Line { line: Line::Platform(text), .. } if text.contains("Init Duration"))
    });
    assert_eq!(starts.count(), 1);
}

#[test]
fn shutting_down_ends_what_is_in_flight() {
    let source =
        Source::new("fn handler(event) { print(`pid=${env::get(\"MARK\")}`); sleep(15); }");
    let function = source.function_under("orders", MARKED);
    let server = Server::with(function, limited_to(1));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..2).map(|_| scope.spawn(|| server.invoke(&[], "{}"))).collect();
        wait_until("the line", || logged(&server, "pid=").is_some());
        server.shut_down();
        for caller in callers {
            let reply = caller.join().unwrap();
            assert_eq!((reply.status, reply.header("x-amzn-errortype")), (500, "ServiceException"));
        }
    });
    let pid = logged(&server, "pid=").unwrap();
    let is_running = Command::new("kill").args(["-0", &pid]).output().unwrap().status.success();
    assert!(!is_running, "{pid} runs on");
}
