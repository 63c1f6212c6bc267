//! Requests and results of random bytes: nothing panics, and every event is still an event.

use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use rhai_lambda::emulator::gateway::{Kind, Route};
use serde_json::Value;

use super::{KINDS, arrival, call, gateway};

/// Numbers without a pattern, the same in every run (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Bytes that are much like text, with what may trip a reader in between.
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let odd: [&[u8]; 16] = [
            b"%",
            b"%2",
            b"%ff",
            b"%2F",
            b"%00",
            b"//",
            b"&",
            b"=",
            b"+",
            b"{a}",
            b";",
            b",",
            b"\xff",
            b"\xc3\xa9",
            b"..",
            b"\"",
        ];
        let mut bytes = Vec::new();
        for _ in 0..self.below(most) {
            match self.below(4) {
                0 => bytes.extend_from_slice(self.pick(&odd)),
                1 => bytes.push(u8::try_from(self.below(256)).unwrap()),
                _ => bytes.push(b'a' + u8::try_from(self.below(26)).unwrap()),
            }
        }
        bytes
    }
}

#[test]
fn any_request_becomes_an_event_that_is_json() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let routes: Vec<Route> = ["ANY /{a}/{b+}", "GET /{a}", "ANY /a%20b", "GET /"]
        .map(|route| route.parse().unwrap())
        .to_vec();
    let names =
        ["x-a", "cookie", "connection", "content-type", "host", "x-forwarded-for", "accept"];
    let mut events = 0;
    for round in 0..2000 {
        let mut target = [b"/".as_slice(), &noise.bytes(30), b"?", &noise.bytes(30)].concat();
        target.retain(|byte| *byte > b' ' && !b"#<>^`\\|\x7f".contains(byte));
        // Bytes beyond ASCII pass for an address only as UTF-8.
        if round % 8 > 0 {
            target.retain(u8::is_ascii);
        }
        // What is no address at all is refused by the server in front of this.
        let Ok(uri) = Uri::try_from(target) else { continue };
        let method = Method::from_bytes(noise.pick(&[b"GET".as_slice(), b"POST", b"FOO"])).unwrap();
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.uri, parts.method) = (uri, method);
        for _ in 0..noise.below(5) {
            if let Ok(value) = HeaderValue::from_bytes(&noise.bytes(20)) {
                parts.headers.append(HeaderName::from_static(noise.pick(&names)), value);
            }
        }
        let body = noise.bytes(40);
        for kind in KINDS {
            let mut gateway = gateway(kind).with_binary_types(vec!["a/*".to_owned()]);
            if round % 2 == 0 && matches!(kind, Kind::V1 | Kind::V2) {
                gateway = gateway.with_routes(routes.clone());
            }
            let Ok(call) = gateway.call(&parts, &body, &arrival()) else { continue };
            let event: Value = serde_json::from_slice(call.event()).unwrap();
            let path = event.get("path").or(event.get("rawPath")).unwrap().as_str().unwrap();
            assert!(path.starts_with('/'), "{event}");
            events += 1;
        }
    }
    assert!(events > 3000, "{events}");
}

#[test]
fn any_result_becomes_a_response_or_is_named() {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let keys =
        ["statusCode", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded", "x"];
    let values = [
        "null",
        "true",
        "0",
        "200",
        "404.0",
        "-1",
        "1e999",
        "\"\"",
        "\"200\"",
        "\"/w==\"",
        "[]",
        "[\"a=b\"]",
        "[[]]",
        "{}",
        "{\"a\":\"b\"}",
        "{\"\":\"\"}",
        "{\"a\\n\":\"b\"}",
        "{\"a\":\"b\\n\"}",
        "{\"a\":[\"b\"]}",
        "{\"connection\":\"x\"}",
        "\"\\u0000\"",
        "nul",
    ];
    let (mut made, mut named) = (0, 0);
    for _ in 0..3000 {
        let fields: Vec<String> = (0..noise.below(5))
            .map(|_| format!("\"{}\":{}", noise.pick(&keys), noise.pick(&values)))
            .collect();
        let mut result = format!("{{{}}}", fields.join(",")).into_bytes();
        if noise.below(10) == 0 {
            result = noise.bytes(50);
        }
        for kind in KINDS {
            match call(kind).response(&result) {
                Ok(response) => {
                    made += 1;
                    assert!((200..600).contains(&response.status().as_u16()));
                }
                Err(malformed) => {
                    named += 1;
                    assert!(!malformed.message().contains('\n'), "{malformed}");
                    assert!(!malformed.message().ends_with('.'), "{malformed}");
                }
            }
        }
        let mut splitter =
            call(Kind::Url).splitter(Some("application/vnd.awslambda.http-integration-response"));
        let stream = [result.as_slice(), &[0; 8], b"body"].concat();
        for piece in stream.chunks(1 + noise.below(20)) {
            if splitter.push(piece).is_err() {
                break;
            }
        }
    }
    assert!(made > 1000 && named > 1000, "{made} {named}");
}

#[test]
fn any_route_is_taken_or_named() {
    let mut noise = Noise(0xdead_beef_cafe_f00d);
    for _ in 0..5000 {
        let text = String::from_utf8_lossy(&noise.bytes(30)).into_owned();
        let text = format!("{} /{text}", noise.pick(&["GET", "ANY", "get", ""]));
        if let Ok(route) = text.parse::<Route>() {
            assert_eq!(route.to_string(), text);
        }
    }
}
