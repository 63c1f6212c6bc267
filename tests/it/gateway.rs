//! The gateway: HTTP requests as events, results as responses.

// Events against the types of `aws_lambda_events`, and what each service does with a request.
mod events;
// Results against the rules of each service, and what is said of those that break them.
mod responses;
// Streams in pieces that break anywhere.
mod streams;
// The examples behind every front door: the same request, the same response.
mod whole;
// Requests and results of random bytes.
mod noise;

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Bytes;
use axum::http::{Request, Response};
use rhai_lambda::emulator::gateway::{Arrival, Call, Gateway, Kind, Owner};
use serde_json::Value;

const KINDS: [Kind; 5] = [Kind::Url, Kind::V2, Kind::V1, Kind::Alb, Kind::AlbMulti];

fn gateway(kind: Kind) -> Gateway {
    let [function, region, account] = ["tea", "eu-west-1", "123456789012"].map(ToOwned::to_owned);
    Gateway::new(kind, Owner { function, region, account })
}

fn arrival() -> Arrival {
    Arrival {
        source: "203.0.113.7".parse().unwrap(),
        time: UNIX_EPOCH + Duration::from_millis(1_583_348_638_390),
        request_id: "5f9b0c9e-5d3c-4a4a-9a53-6fd1c7f9c8b1".to_owned(),
        trace_id: "Root=1-5e5ff1d3-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"
            .into(),
    }
}

/// A request: `GET /path`, headers, body.
struct Asked<'a> {
    line: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

impl Asked<'_> {
    fn through(&self, gateway: &Gateway) -> Result<Call, Box<Response<Bytes>>> {
        let (method, uri) = self.line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        gateway.call(&parts, self.body, &arrival())
    }

    fn event(&self, kind: Kind) -> Value {
        self.event_of(&gateway(kind))
    }

    fn event_of(&self, gateway: &Gateway) -> Value {
        let call = self.through(gateway).unwrap_or_else(|refused| panic!("{refused:?}"));
        serde_json::from_slice(call.event()).unwrap()
    }
}

fn get(line: &'static str) -> Asked<'static> {
    Asked { line, headers: &[], body: b"" }
}

/// A call of no matter what.
fn call(kind: Kind) -> Call {
    get("GET /").through(&gateway(kind)).unwrap()
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}
