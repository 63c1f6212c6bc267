//! Streams in pieces that break anywhere.

use axum::http::Response;
use rhai_lambda::emulator::gateway::{Kind, Malformed, Piece, Splitter};

use super::call;

const WITH_HEAD: &str = "application/vnd.awslambda.http-integration-response";

/// What a stream came to: the head, and the body so far when each of its bytes was known.
fn all(mut splitter: Splitter, pieces: &[&[u8]]) -> Result<(Response<()>, Vec<u8>), Malformed> {
    let (mut head, mut body) = (None, Vec::new());
    for piece in pieces {
        match splitter.push(piece)? {
            Piece::More => assert!(head.is_none()),
            Piece::Head(response, first) => {
                assert!(head.replace(*response).is_none(), "one head");
                body.extend_from_slice(&first);
            }
            Piece::Body(bytes) => {
                assert!(head.is_some());
                body.extend_from_slice(&bytes);
            }
        }
    }
    let last = splitter.finish()?;
    assert_ne!(head.is_some(), last.is_some());
    Ok((head.or(last.map(|head| *head)).unwrap(), body))
}

fn header<'a>(head: &'a Response<()>, name: &str) -> Vec<&'a str> {
    head.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn announced(kind: Kind, pieces: &[&[u8]]) -> Result<(Response<()>, Vec<u8>), Malformed> {
    all(call(kind).splitter(Some(WITH_HEAD)), pieces)
}

#[test]
fn heads_and_bodies_come_apart_wherever_the_pieces_break() {
    let stream = [
        br#"{"statusCode":201,"headers":{"Content-Type":"text/event-stream","connection":"close"},"cookies":["a=1","b=2"]}"#
            .as_slice(),
        &[0; 8],
        b"data: 1\n\n\0\0\0\0\0\0\0\0data: 2\n\n",
    ]
    .concat();
    let check = |pieces: &[&[u8]]| {
        let (head, body) = announced(Kind::Url, pieces).unwrap();
        assert_eq!(head.status(), 201);
        assert_eq!(header(&head, "content-type"), ["text/event-stream"]);
        assert_eq!(header(&head, "set-cookie"), ["a=1", "b=2"]);
        assert!(header(&head, "connection").is_empty());
        assert_eq!(body, b"data: 1\n\n\0\0\0\0\0\0\0\0data: 2\n\n");
    };
    check(&[&stream]);
    for at in 0..=stream.len() {
        check(&[&stream[..at], &stream[at..]]);
    }
    for size in [1, 2, 3, 5, 7, 8, 9, 50] {
        check(&stream.chunks(size).collect::<Vec<_>>());
    }
}

#[test]
fn without_a_head_the_bytes_are_the_body() {
    let splitter = call(Kind::Url).splitter(Some("text/csv"));
    let (head, body) = all(splitter, &[b"a,b\n", b"{}\0\0\0\0\0\0\0\0"]).unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-type"), ["text/csv"]);
    assert_eq!(body, b"a,b\n{}\0\0\0\0\0\0\0\0");
    let (head, body) = all(call(Kind::Url).splitter(None), &[]).unwrap();
    assert_eq!(header(&head, "content-type"), ["application/octet-stream"]);
    assert!(body.is_empty());
    // A result that is not streamed is passed on as it is: a stream is not looked into.
    let result: &[u8] = br#"{"statusCode":404}"#;
    let (head, body) = all(call(Kind::Url).splitter(Some("application/json")), &[result]).unwrap();
    assert_eq!((head.status().as_u16(), body.as_slice()), (200, result));
}

#[test]
fn an_empty_head_and_an_empty_body_are_fine() {
    let (head, body) = announced(Kind::Url, &[b"{}\0\0\0\0", b"\0\0\0\0"]).unwrap();
    assert_eq!((head.status().as_u16(), body.len()), (200, 0));
    assert_eq!(header(&head, "content-type"), ["application/octet-stream"]);
    assert_eq!(header(&head, "x-amzn-requestid").len(), 1);
}

#[test]
fn heads_that_are_none_are_named() {
    let said = |kind, pieces: &[&[u8]]| announced(kind, pieces).unwrap_err().to_string();
    assert!(said(Kind::Url, &[b"{}"]).starts_with("the head of the stream has no end"));
    assert!(said(Kind::Url, &[]).starts_with("the head of the stream has no end"));
    let nuls: &[u8] = &[0; 8];
    assert!(said(Kind::Url, &[b"hello", nuls]).starts_with("the head of the stream is not a map"));
    assert!(said(Kind::Url, &[nuls]).starts_with("the head of the stream is not a map"));
    let wrong = said(Kind::Url, &[br#"{"statusCode":"x"}"#, nuls]);
    assert_eq!(wrong, "`statusCode` is `\"x\"`, expected 200 to 599");
    let endless = vec![b' '; 300_000];
    let pieces: Vec<&[u8]> = std::iter::repeat_n(endless.as_slice(), 5).collect();
    assert!(said(Kind::Url, &pieces).starts_with("the head of the stream has no end"));
}

#[test]
fn a_rest_api_wants_a_head_in_every_stream() {
    let splitter = || call(Kind::V1).splitter(Some("text/plain"));
    assert!(all(splitter(), &[b"hello"]).is_err());
    let prelude = br#"{"multiValueHeaders":{"x":["1","2"]},"cookies":["a=1"]}"#;
    let (head, body) = all(splitter(), &[prelude, &[0; 8], b"hello"]).unwrap();
    assert_eq!((header(&head, "x"), header(&head, "set-cookie")), (vec!["1", "2"], vec!["a=1"]));
    assert_eq!(body, b"hello");
}
