//! The examples behind every front door: the same request, the same response.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::Response;
use rhai_lambda::emulator::gateway::{Gateway, Kind};
use rhai_lambda::{Config, Context, Handler};

use super::{Asked, KINDS, gateway, text};
use crate::scratch::Scratch;
use crate::tools;

const JSON: (&str, &str) = ("content-type", "application/json");
const ORIGIN: (&str, &str) = ("origin", "https://tea.example.com");

/// A REST API that takes everything for binary, so that it can send what is.
fn front_door(kind: Kind) -> Gateway {
    gateway(kind).with_binary_types(vec!["*/*".to_owned()])
}

/// What clients get of the function in `folder`, one response for each request.
fn responses(folder: &std::path::Path, kind: Kind, requests: &[Asked]) -> Vec<Response<Bytes>> {
    let config = Config::from_vars(&|name| match name {
        "_HANDLER" => Some("function.handler".to_owned()),
        "LAMBDA_TASK_ROOT" => Some(folder.to_str().unwrap().to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => Some("FATAL".to_owned()),
        _ => None,
    })
    .unwrap();
    let calls: Vec<_> =
        requests.iter().map(|asked| asked.through(&front_door(kind)).unwrap()).collect();
    let results = Handler::with_stack(&config, || {
        let handler = Handler::load(&config)?;
        let answers = calls.iter().map(|call| handler.invoke(call.event(), Context::default()));
        answers.map(|answer| Ok(answer?.body)).collect::<Result<Vec<_>, rhai_lambda::Error>>()
    });
    let results = results.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    let answered = calls.iter().zip(results);
    answered
        .map(|(call, result)| {
            call.response(&result).unwrap_or_else(|malformed| panic!("{kind:?}: {malformed}"))
        })
        .collect()
}

/// The headers that the function made; which id a service gives is its own affair.
/// Several lines of one header are one line with commas, but for cookies.
fn own_headers(response: &Response<Bytes>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::<String, String>::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let comma = if name == "set-cookie" { "\n" } else { ", " };
        if !name.as_str().ends_with("requestid") {
            let before = all.remove(name.as_str()).map(|before| before + comma).unwrap_or_default();
            all.insert(name.to_string(), before + &value);
        }
    }
    all
}

fn same_everywhere(folder: &std::path::Path, requests: &[Asked]) -> Vec<Response<Bytes>> {
    let first = responses(folder, KINDS[0], requests);
    for kind in &KINDS[1..] {
        for ((one, two), asked) in
            first.iter().zip(responses(folder, *kind, requests)).zip(requests)
        {
            let place = format!("{kind:?} {}", asked.line);
            assert_eq!(one.status(), two.status(), "{place}");
            assert_eq!(one.body(), two.body(), "{place}");
            assert_eq!(own_headers(one), own_headers(&two), "{place}");
        }
    }
    first
}

#[test]
fn the_api_of_the_examples() {
    let asked = |line, headers, body| Asked { line, headers, body };
    let requests = [
        asked("GET /teas", &[], b"".as_slice()),
        asked("GET /teas?kind=green&kind=bl%61ck", &[], b""),
        asked("GET /teas/earl%20grey", &[ORIGIN], b""),
        asked("GET /teas/no+such%20tea", &[], b""),
        asked("POST /teas", &[JSON], "{\"name\":\"gr\u{fc}n\"}".as_bytes()),
        asked("POST /teas", &[JSON], b"{"),
        // No type: base64 for all but a REST API.
        asked("POST /teas", &[], br#"{"name":"plain"}"#),
        asked("DELETE /teas", &[], b""),
        asked("OPTIONS /teas", &[ORIGIN, ("access-control-request-method", "POST")], b""),
        asked("HEAD /teas", &[], b""),
        asked("GET /nothing/here/", &[], b""),
    ];
    let responses = same_everywhere(&tools::root().join("examples/http-api"), &requests);
    let statuses: Vec<u16> = responses.iter().map(|response| response.status().as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 404, 201, 400, 201, 405, 204, 200, 404]);
    assert!(text(&responses[1]).contains("assam") && !text(&responses[1]).contains("sencha"));
    assert_eq!(text(&responses[2]), r#"{"kind":"black","name":"earl grey","price":7}"#);
    assert_eq!(responses[2].headers()["access-control-allow-origin"], ORIGIN.1);
    assert_eq!(text(&responses[4]), "{\"name\":\"gr\u{fc}n\"}");
}

#[test]
fn the_hello_of_the_examples() {
    let paths = ["GET /test", "GET /", "GET /a%20b/%C3%A9/50%25/x", "GET /a/b/"];
    let requests = paths.map(|line| Asked { line, headers: &[], body: b"" });
    let responses = same_everywhere(&tools::root().join("examples/http"), &requests);
    for (response, line) in responses.iter().zip(paths) {
        let path = line.strip_prefix("GET ").unwrap();
        assert_eq!(text(response), format!("Hello World! You've reached {path}"));
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    }
}

#[test]
fn what_a_script_sees_and_sends() {
    let root = Scratch::new();
    root.write(
        "function.rhai",
        r#"fn handler(event) {
            let req = web::request(event);
            if req.path == "/bytes" {
                return web::binary(req.body, "application/x-bytes");
            }
            let seen = #{
                query: req.query_all, cookies: req.cookies, body: req.body, method: req.method,
                agent: req.header("user-agent"), twice: req.header("x-twice"), ip: req.source_ip,
                form: if req.method == "POST" { req.form() } else { () },
            };
            let options = #{
                headers: #{ "x-list": ["1", "2"] },
                cookies: [#{ name: "a", value: "1" }],
            };
            web::json(200, seen, options)
        }"#,
    );
    let headers = &[
        ("user-agent", "curl"),
        ("cookie", "s=a%20b; t=2"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let requests = [
        Asked { line: "POST /?a=1&b=%26+x", headers, body: b"name=Ada+L." },
        Asked { line: "GET /", headers, body: b"" },
        Asked { line: "PUT /bytes", headers: &[], body: b"\xff\x00\x01" },
    ];
    let responses = same_everywhere(root.path(), &requests);
    let seen: serde_json::Value = serde_json::from_slice(responses[0].body()).unwrap();
    let expected = serde_json::json!({
        "query": { "a": ["1"], "b": ["& x"] }, "cookies": { "s": "a b", "t": "2" },
        "body": "name=Ada+L.", "method": "POST", "agent": "curl", "twice": null,
        "ip": "203.0.113.7", "form": { "name": "Ada L." },
    });
    assert_eq!(seen, expected);
    assert_eq!(responses[0].headers()["set-cookie"], "a=1");
    assert_eq!(responses[2].body().as_ref(), b"\xff\x00\x01");
    assert_eq!(responses[2].headers()["content-type"], "application/x-bytes");
}
