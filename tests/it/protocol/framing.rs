//! How an answer may be put into bytes: split, chunked, interim, too large, of HTTP/1.0.

use std::net::TcpListener;

use crate::process::Process;
use crate::runtime_api::{Answer, RuntimeApi};
use crate::session::{Function, Session};
use crate::tools;

/// An event whose head is written out by the test, up to its empty line.
fn event(head: &str, body: &str) -> Answer {
    Answer::exactly(format!("{head}{body}"))
}

fn quiet(session: &Session) {
    let log = session.process.stderr();
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let mut session = Function::echo().start();
    for piece in [1, 2, 3, 7, 100] {
        let id = format!("pieces-{piece}");
        let answer = Answer::event(&id, format!("{piece}")).in_pieces_of(piece);
        assert_eq!(session.send(&id, answer).text(), piece.to_string());
    }
    session.api.post("/response", Answer::status(202).in_pieces_of(1));
    session.invoke("1");
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn chunks_may_be_split_anywhere() {
    let mut session = Function::echo().start();
    for piece in [1, 2, 5, 11] {
        let id = format!("chunks-{piece}");
        let answer = Answer::event(&id, r#"{"long":"0123456789abcdef"}"#).chunked();
        let request = session.send(&id, answer.in_pieces_of(piece));
        assert_eq!(request.text(), r#"{"long":"0123456789abcdef"}"#);
    }
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn many_chunks_make_a_large_event() {
    let mut session = Function::echo().start();
    let event = format!("\"{}\"", "0123456789".repeat(60_000));
    let request = session.send("many", Answer::event("many", event.clone()).chunked());
    assert!(request.body == event.as_bytes(), "{} {}", request.path, request.body.len());
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn trailers_and_odd_cases_of_chunks_are_read() {
    let mut session = Function::echo().start();
    let head =
        "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: CHUNKED\r\nlambda-runtime-aws-request-id: t\r\n\r\n";
    let body = "0003\r\n[1,\r\n00000003 ; note=\"x\"\r\n2,3\r\nB\r\n,4,5,6,7]  \r\n0\r\nChecksum: 1\r\nMore: 2\r\n\r\n";
    assert_eq!(session.send("t", event(head, body)).text(), "[1,2,3,4,5,6,7]");
    session.still_echoes();
    assert_eq!(session.api.connections(), 1);
}

#[test]
fn interim_answers_are_passed_over() {
    let mut session = Function::echo().start();
    let head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: i\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(session.send("i", event(head, "7")).text(), "7");
    let head = format!("{}{head}", "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000));
    session.api.next(event(&head, "7"));
    session.still_echoes();
    quiet(&session);
}

#[test]
fn bare_line_feeds_end_lines() {
    let mut session = Function::echo().start();
    let head = "HTTP/1.1 200 OK\nLambda-Runtime-Aws-Request-Id: lf\nContent-Length: 1\n\n";
    assert_eq!(session.send("lf", event(head, "7")).text(), "7");
    session.still_echoes();
}

#[test]
fn http_1_0_is_understood() {
    let mut session = Function::echo().start();
    let head = "HTTP/1.0 200 OK\r\nLambda-Runtime-Aws-Request-Id: old\r\n";
    let body = "[1,2,3]";
    // The end of the body is the end of the connection.
    let raw = Answer::raw(format!("{head}\r\n{body}").as_bytes());
    assert_eq!(session.send("old", raw).text(), body);
    let with_length = format!("{head}Content-Length: 7\r\n\r\n{body}");
    assert_eq!(session.send("old", Answer::raw(with_length.as_bytes())).text(), body);
    session.still_echoes();
    let connections = session.api.connections();
    let kept = format!("{head}Connection: keep-alive\r\nContent-Length: 7\r\n\r\n");
    assert_eq!(session.send("old", event(&kept, body)).text(), body);
    session.still_echoes();
    assert_eq!(session.api.connections(), connections);
}

#[test]
fn an_event_without_a_length_ends_with_its_connection() {
    let mut session = Function::echo().start();
    let long = format!("\"{}\"", "x".repeat(100_000));
    let raw = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: end\r\n\r\n{long}");
    assert!(session.send("end", Answer::raw(raw.as_bytes())).text() == long);
    session.still_echoes();
}

#[test]
fn heads_beyond_all_measure_are_survived() {
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(200_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(5000));
    for head in [long, many, "x".repeat(300_000), "\n".repeat(10)] {
        let mut session = Function::echo().start();
        session.api.next(Answer::raw(head.as_bytes()));
        session.still_echoes();
        quiet(&session);
    }
}

#[test]
fn lengths_beyond_all_measure_are_an_error_for_their_id() {
    for framing in [
        "Content-Length: 1000000000000\r\n\r\n[1]",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n[1]",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n[1]",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n[1]not a line\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-3\r\n[1]\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n",
        "Content-Length: 4\r\n\r\n[1]",
    ] {
        let mut session = Function::echo().start();
        let raw = format!("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: big\r\n{framing}");
        let request = session.send("big", Answer::raw(raw.as_bytes()));
        assert!(request.path.ends_with("/big/error"), "{framing}: {}", request.path);
        assert_eq!(request.json()["errorType"], "InvalidEvent", "{framing}");
        session.still_echoes();
        quiet(&session);
    }
}

#[test]
fn bytes_behind_an_answer_end_the_connection_and_nothing_else() {
    let mut session = Function::echo().start();
    let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: x\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(session.send("x", event(head, "7HTTP/1.1 500 Forged\r\n\r\n")).text(), "7");
    session.still_echoes();
    let forged = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 Forged\r\n\r\n";
    session.api.post("/response", Answer::exactly(forged));
    session.invoke("1");
    session.still_echoes();
    assert!(session.process.is_running());
}

#[test]
fn an_odd_request_id_is_one_part_of_the_path() {
    let mut session = Function::echo().start();
    session.api.next(Answer::event("a b/../c?d#e", "1"));
    let request = session.posted("a%20b%2F..%2Fc%3Fd%23e");
    assert!(request.path.ends_with("/response"), "{}", request.head);
    session.still_echoes();
}

#[test]
fn the_runtime_api_may_be_a_name_or_an_address_of_ipv6() {
    let api = RuntimeApi::start();
    let port = api.address().rsplit_once(':').unwrap().1.to_owned();
    api.next(Answer::event("named", "1"));
    let function = Function::echo();
    let _process = Process::spawn(&mut function.command(Some(&format!("localhost:{port}"))));
    let answered = |request: &crate::runtime_api::Request| request.path.ends_with("/response");
    let answer = api.wait_for(crate::process::PATIENCE, answered).expect("an answer");
    assert_eq!(answer.header("Host"), Some(format!("localhost:{port}").as_str()));

    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        tools::say("left out: a Runtime API at an address of IPv6 (this machine has none)");
        return;
    };
    let mut session = Function::echo().start_on(RuntimeApi::listen(listener));
    session.still_echoes();
}

#[test]
fn the_invocation_id_cannot_smuggle_a_header() {
    let mut session = Function::echo().start();
    let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: s\r\nContent-Length: 1\r\n\
                Lambda-Runtime-Invocation-Id: a\rForged: yes\r\n\r\n";
    session.api.next(event(head, "7"));
    session.still_echoes();
    assert!(session.api.posts().iter().all(|post| !post.head.contains("Forged")));
}
