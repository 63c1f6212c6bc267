//! The end of an idle environment, and the start of one that is set up wrongly.

use std::time::{Duration, Instant};

use crate::process::Process;
use crate::session::Function;

#[test]
fn a_term_signal_ends_an_idle_environment_at_once() {
    let mut session = Function::echo().start();
    session.still_echoes();
    session.wait_until_idle(2);
    session.process.signal("TERM");
    let start = Instant::now();
    let exit = session.process.wait();
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
}

#[test]
fn a_term_signal_ends_a_busy_environment_at_once() {
    let session = Function::new("fn handler(event) { loop { } }").start();
    session.api.next(crate::runtime_api::Answer::event("busy", "{}"));
    session.wait_until_idle(1);
    std::thread::sleep(Duration::from_millis(50));
    session.process.signal("TERM");
    let start = Instant::now();
    session.process.wait();
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn without_a_runtime_api_it_says_so() {
    for function in [Function::echo(), Function::echo().env("AWS_LAMBDA_RUNTIME_API", "")] {
        let exit = Process::spawn(&mut function.command(None)).wait();
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        assert!(exit.stderr.contains("AWS_LAMBDA_RUNTIME_API"), "{exit:?}");
        assert!(!exit.stderr.contains("panicked"), "{exit:?}");
        assert!(exit.took < Duration::from_secs(1), "{:?}", exit.took);
    }
}

#[test]
fn nothing_goes_to_standard_output() {
    let mut session = Function::new("fn handler(event) { print(\"x\"); event }").start();
    session.still_echoes();
    session.process.signal("TERM");
    assert_eq!(session.process.wait().stdout, "");
}

#[test]
fn two_events_are_never_asked_for_at_once() {
    let mut session = Function::echo().start();
    session.still_echoes();
    session.wait_until_idle(2);
    std::thread::sleep(Duration::from_millis(100));
    let requests = session.api.requests();
    let order: Vec<bool> = requests.iter().map(crate::runtime_api::Request::is_next).collect();
    assert_eq!(order, [true, false, true]);
}

#[test]
fn an_environment_full_of_cycles_makes_room_after_its_answer() {
    // Values that contain themselves are never freed; each of these fills 20 MB of 64.
    let script = "fn handler(event) {
        let cycle = #{ big: blob(20000000, 1) };
        cycle.get = || cycle;
        event
    }";
    let mut session = Function::new(script).start();
    for n in 1..=4 {
        let request = session.invoke(n.to_string());
        assert_eq!(request.text(), n.to_string(), "every event is answered");
    }
    let exit = session.process.wait();
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.contains("contain themselves"), "{exit:?}");
}

#[test]
fn a_runtime_api_that_is_no_address_is_named() {
    for address in ["not an address", "http://127.0.0.1:1"] {
        let function = Function::echo().env("AWS_LAMBDA_RUNTIME_API", address);
        let exit = Process::spawn(&mut function.command(None)).wait();
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        assert!(exit.stderr.contains(address), "{exit:?}");
        assert!(!exit.stderr.contains("panicked"), "{exit:?}");
    }
}
