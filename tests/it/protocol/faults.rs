//! Connections that close, break, lie or never were.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::runtime_api::{Answer, RuntimeApi};
use crate::session::Function;

#[test]
fn a_connection_closed_after_the_answer_to_response_is_made_anew() {
    let mut session = Function::echo().start();
    for number in 0..20 {
        session.api.post("/response", Answer::status(202).then_close());
        assert_eq!(session.invoke(number.to_string()).text(), number.to_string());
    }
    session.still_echoes();
    assert_eq!(session.api.posts().len(), 21, "each answer came once");
}

#[test]
fn a_connection_closed_after_an_event_is_made_anew() {
    let mut session = Function::echo().start();
    for number in 0..20 {
        let id = format!("closing-{number}");
        let request = session.send(&id, Answer::event(&id, number.to_string()).then_close());
        assert_eq!(request.text(), number.to_string());
    }
    session.still_echoes();
    assert_eq!(session.api.posts().len(), 21, "each answer came once");
}

#[test]
fn an_answer_that_announces_the_close_is_believed() {
    let mut session = Function::echo().start();
    session.api.post("/response", Answer::status(202).header("Connection", "close").then_close());
    session.invoke("1");
    let event = Answer::event("x", "2").header("Connection", "close").then_close();
    assert_eq!(session.send("x", event).text(), "2");
    session.still_echoes();
}

#[test]
fn a_connection_closed_while_waiting_is_made_anew() {
    let mut session = Function::echo().start();
    session.wait_until_idle(1);
    session.api.drop_connections();
    session.still_echoes();
    session.wait_until_idle(3);
    session.api.drop_connections();
    session.still_echoes();
    assert!(session.process.is_running());
}

#[test]
fn a_reset_on_next_loses_nothing() {
    let api = RuntimeApi::start();
    api.next(Answer::reset());
    let mut session = Function::echo().start_on(api);
    session.still_echoes();
    session.api.next(Answer::reset());
    session.still_echoes();
}

#[test]
fn a_reset_on_response_does_not_end_the_environment() {
    let mut session = Function::echo().start();
    session.api.post("/response", Answer::reset());
    // Unread by the server, so the answer must come once more, on a new connection.
    assert_eq!(session.invoke("\"kept\"").text(), "\"kept\"");
    session.still_echoes();
    assert_eq!(session.api.posts().len(), 2);
}

#[test]
fn a_truncated_event_is_an_error_for_its_id() {
    let mut session = Function::echo().start();
    let event = Answer::event("cut", r#"{"a":"0123456789"}"#).cut_after(9);
    let request = session.send("cut", event);
    assert_eq!(request.path, "/2018-06-01/runtime/invocation/cut/error");
    assert_eq!(request.header("Lambda-Runtime-Function-Error-Type"), Some("Runtime.InvalidEvent"));
    session.still_echoes();
}

#[test]
fn an_event_cut_where_it_is_still_json_is_not_taken() {
    let mut session = Function::echo().start();
    let request = session.send("cut", Answer::event("cut", "123456").cut_after(3));
    assert!(request.path.ends_with("/cut/error"), "{} {}", request.path, request.text());
    session.still_echoes();
}

#[test]
fn garbage_instead_of_http_is_survived_a_few_times() {
    for bytes in [
        &b"garbage\r\n\r\n"[..],
        b"HTTP/1.1 abc Bad\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"\0\0\0\0",
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Aws-Request-Id: g\r\n\r\nzz\r\n",
    ] {
        let mut session = Function::echo().start();
        session.api.next(Answer::raw(bytes));
        session.still_echoes();
        assert!(!session.process.stderr().contains("panicked"), "{}", session.process.stderr());
    }
}

#[test]
fn garbage_for_ever_ends_the_environment() {
    let session = Function::echo().start();
    session.api.when_idle(Some(Answer::raw(b"garbage\r\n\r\n")));
    let exit = session.process.wait();
    assert!(!exit.status.success() && exit.status.code().is_some(), "{exit:?}");
    assert!(session.api.requests().len() <= 20, "{}", session.api.requests().len());
    assert!(!exit.stderr.is_empty() && !exit.stderr.contains("panicked"), "{exit:?}");
}

#[test]
fn a_huge_header_is_no_reason_to_die() {
    let mut session = Function::echo().start();
    // The client context may have 3,583 bytes, the trace id and the identity are smaller.
    let context = format!(r#"{{"custom":{{"k":"{}"}}}}"#, "v".repeat(3500));
    let event = Answer::event("wide", "1").header("Lambda-Runtime-Client-Context", &context);
    assert_eq!(session.send("wide", event).text(), "1");
    session.still_echoes();
}

#[test]
fn a_client_context_that_is_not_json_does_not_lose_the_event() {
    let mut session = Function::new("fn handler(event, context) { event }").start();
    let event = Answer::event("odd", "1").header("Lambda-Runtime-Client-Context", "{nope");
    let request = session.send("odd", event);
    assert!(request.path.contains("/invocation/odd/"), "{}", request.path);
    assert_eq!(session.invoke("2").text(), "2");
}

#[test]
fn a_runtime_api_that_is_down_gets_a_clear_message() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let function = Function::echo();
    let exit = Process::spawn(&mut function.command(Some(&address))).wait();
    assert!(!exit.status.success() && exit.status.code().is_some(), "{exit:?}");
    assert!(exit.stderr.contains(&address), "it names the address: {exit:?}");
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
    assert!(exit.took < Duration::from_secs(10), "{:?}", exit.took);
}

#[test]
fn an_address_that_is_none_gets_a_clear_message() {
    for address in ["not an address", "127.0.0.1:99999", ":", "http://127.0.0.1:1/x y"] {
        let function = Function::echo();
        let exit = Process::spawn(&mut function.command(Some(address))).wait();
        assert!(!exit.status.success() && exit.status.code().is_some(), "{address}: {exit:?}");
        assert!(!exit.stderr.is_empty() && !exit.stderr.contains("panicked"), "{exit:?}");
        assert!(exit.took < Duration::from_secs(10), "{:?}", exit.took);
    }
}

#[test]
fn a_runtime_api_that_goes_away_ends_the_environment() {
    let mut session = Function::echo().start();
    session.still_echoes();
    session.wait_until_idle(2);
    drop(session.api);
    let start = Instant::now();
    let exit = session.process.wait();
    assert!(!exit.status.success() && exit.status.code().is_some(), "{exit:?}");
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
