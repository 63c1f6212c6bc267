//! Every status that Lambda may give to `/next`, `/response` and `/error`.

use std::time::{Duration, Instant};

use crate::process::PATIENCE;
use crate::runtime_api::Answer;
use crate::session::{Function, Session};

const SCRIPT: &str = r#"fn handler(event) { if event == "fail" { throw "failed" } event }"#;

/// The connection, the posts and the process after a refused answer: nothing is lost or repeated.
fn goes_on_after(mut session: Session, posts: usize) {
    session.still_echoes();
    let sent = session.api.posts();
    let paths: Vec<&str> = sent.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths.len(), posts + 1, "{paths:?}");
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn a_refused_response_is_logged_and_the_next_event_served() {
    for status in [400, 403, 404, 410, 429, 418] {
        let mut session = Function::new(SCRIPT).start();
        session.api.post("/response", Answer::status(status));
        session.invoke("1");
        let log =
            session.process.wait_for_stderr("status", |log| log.contains(&status.to_string()));
        assert!(log.contains("request-1"), "{log}");
        goes_on_after(session, 1);
    }
}

#[test]
fn a_refused_error_is_logged_and_the_next_event_served() {
    for status in [400, 403, 410, 413] {
        let mut session = Function::new(SCRIPT).start();
        session.api.post("/error", Answer::status(status));
        session.invoke("\"fail\"");
        session.process.wait_for_stderr("warning", |log| log.contains(&status.to_string()));
        goes_on_after(session, 1);
    }
}

#[test]
fn a_response_refused_as_too_large_becomes_an_error() {
    let mut session = Function::new(SCRIPT).start();
    let refusal = r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#;
    session.api.post("/response", Answer::status(413).header("X-Note", refusal));
    session.invoke("[1,2,3]");
    let error = session
        .api
        .wait_for(PATIENCE, |request| request.path.ends_with("/request-1/error"))
        .expect("the error follows");
    assert_eq!(
        error.header("Lambda-Runtime-Function-Error-Type"),
        Some("Function.ResponseTooLarge")
    );
    assert_eq!(error.json()["errorType"], "ResponseTooLarge");
    goes_on_after(session, 2);
}

#[test]
fn an_error_for_a_too_large_response_keeps_the_invocation_id() {
    let mut session = Function::new(SCRIPT).start();
    session.api.post("/response", Answer::status(413));
    let event = Answer::event("big", "1").header("Lambda-Runtime-Invocation-Id", "attempt-3");
    session.send("big", event);
    let error = session.api.wait_for(PATIENCE, |request| request.path.ends_with("/big/error"));
    let error = error.expect("the error follows");
    assert_eq!(error.header("Lambda-Runtime-Invocation-Id"), Some("attempt-3"));
}

#[test]
fn a_container_error_ends_the_environment_promptly() {
    for (path, event) in [("/response", "1"), ("/error", "\"fail\"")] {
        let mut session = Function::new(SCRIPT).start();
        session.api.post(path, Answer::status(500));
        session.invoke(event);
        let start = Instant::now();
        let exit = session.process.wait();
        assert!(start.elapsed() < Duration::from_secs(1), "{path}: {:?}", start.elapsed());
        assert!(!exit.status.success() && exit.status.code().is_some(), "{path}: {exit:?}");
        assert!(exit.stderr.contains("500"), "{path}: {exit:?}");
        assert!(!exit.stderr.contains("panicked"), "{exit:?}");
        assert_eq!(session.api.posts().len(), 1, "nothing else is sent");
    }
}

#[test]
fn a_container_error_on_next_ends_the_environment() {
    let session = Function::new(SCRIPT).start();
    session.api.when_idle(Some(Answer::status(500)));
    let exit = session.process.wait();
    assert!(!exit.status.success() && exit.status.code().is_some(), "{exit:?}");
    assert!(exit.stderr.contains("500"), "{exit:?}");
    assert!(session.api.posts().is_empty(), "{:?}", session.api.posts());
}

#[test]
fn no_content_on_next_is_asked_again_without_a_busy_loop() {
    let mut session = Function::echo().start();
    session.api.when_idle(Some(Answer::status(204)));
    session.wait_until_idle(3);
    let before = session.api.requests().len();
    std::thread::sleep(Duration::from_secs(1));
    let asked = session.api.requests().len() - before;
    assert!((1..=200).contains(&asked), "{asked} requests in a second");
    assert!(session.process.is_running());
    session.still_echoes();
    session.api.when_idle(None);
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn odd_answers_to_next_are_given_up_after_a_few() {
    for answer in [
        Answer::status(400),
        Answer::status(403),
        Answer::status(404),
        Answer::status(503),
        // No id: nothing could be answered.
        Answer::status(200),
        Answer::status(302).header("Location", "/elsewhere"),
    ] {
        let session = Function::echo().start();
        session.api.when_idle(Some(answer.clone()));
        let exit = session.process.wait();
        assert!(!exit.status.success() && exit.status.code().is_some(), "{answer:?}: {exit:?}");
        let asked = session.api.requests().len();
        assert!((1..=20).contains(&asked), "{asked} requests for {answer:?}");
        assert!(!exit.stderr.is_empty() && !exit.stderr.contains("panicked"), "{exit:?}");
        assert!(session.api.posts().is_empty(), "{answer:?}: {:?}", session.api.posts());
    }
}

#[test]
fn one_odd_answer_to_next_does_no_harm() {
    let mut session = Function::echo().start();
    session.api.next(Answer::status(503));
    session.still_echoes();
}

#[test]
fn a_slow_answer_is_waited_for() {
    let mut session = Function::echo().start();
    session.api.post("/response", Answer::status(202).after(Duration::from_millis(700)));
    session.invoke("1");
    goes_on_after(session, 1);
}

#[test]
fn the_body_of_an_answer_is_read_off_the_connection() {
    let mut session = Function::echo().start();
    session.api.post("/response", Answer::status(202).chunked());
    session.invoke("1");
    session.api.post("/response", Answer::status(400).chunked());
    session.invoke("2");
    goes_on_after(session, 2);
}
