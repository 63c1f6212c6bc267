//! Limits that only the wire shows: when an answer comes, and what an environment takes for long.

use std::time::{Duration, Instant};

use crate::process::PATIENCE;
use crate::session::Function;

#[test]
fn a_script_is_stopped_the_margin_before_its_deadline() {
    for (margin, earliest, latest) in [("400", 550, 900), ("0", 950, 1500)] {
        let script = "fn handler(event) { let n = 0; loop { n += 1; } }";
        let function = Function::new(script).env("RHAI_LAMBDA_DEADLINE_MARGIN_MS", margin);
        let mut session = function.start();
        session.wait_until_idle(1);
        let start = Instant::now();
        let request = session.invoke_within("1", Duration::from_secs(1));
        let took = request.at.duration_since(start);
        assert_eq!(request.json()["errorType"], "DeadlineExceeded");
        let expected = Duration::from_millis(earliest)..Duration::from_millis(latest);
        assert!(expected.contains(&took), "margin {margin}: {took:?}");
    }
}

#[test]
fn a_margin_longer_than_the_timeout_leaves_time_to_work() {
    let function = Function::echo().env("RHAI_LAMBDA_DEADLINE_MARGIN_MS", "60000");
    let request = function.start().invoke_within("1", Duration::from_secs(2));
    assert_eq!(request.text(), "1");
}

#[test]
fn an_environment_survives_one_limit_after_the_other() {
    let script = r#"
        fn dive(n) { dive(n + 1) + 1 }
        fn handler(event) {
            switch event % 5 {
                0 => { let s = "0123456789"; loop { s += s; } }
                1 => dive(1),
                2 => { let n = 0; loop { n += 1; } }
                3 => { let a = 1; for n in 0..500 { a = [a]; } a }
                _ => event,
            }
        }"#;
    let mut session = Function::new(script).start();
    for round in 0..15 {
        let time = if round % 5 == 2 { Duration::from_millis(300) } else { PATIENCE };
        let request = session.invoke_within(round.to_string(), time);
        let expected = match round % 5 {
            0 => "OutOfMemory",
            1 => "StackOverflow",
            2 => "DeadlineExceeded",
            3 => "InvalidResult",
            _ => {
                assert_eq!(request.text(), round.to_string());
                continue;
            }
        };
        assert_eq!(request.json()["errorType"], expected, "round {round}: {}", request.text());
    }
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn an_event_that_grows_when_read_does_not_end_the_environment() {
    // Two bytes of JSON each, many more as values.
    for item in ["[]", "{}", "\"\"", "0"] {
        let mut session = Function::echo().start();
        let items = vec![item; (6 << 20) / (item.len() + 1) - 2];
        let event = format!("[{}]", items.join(","));
        let request = session.invoke(event.clone());
        if request.path.ends_with("/response") {
            assert!(request.body == event.as_bytes(), "{} bytes came back", request.body.len());
        } else {
            assert!(request.text().contains("RHAI_LAMBDA_MAX_MEMORY_MB"), "{}", request.text());
        }
        session.still_echoes();
    }
}
