//! Results against the rules of each service, and what is said of those that break them.

use axum::body::Bytes;
use axum::http::Response;
use rhai_lambda::emulator::gateway::{Failure, Kind, Notices};
use serde_json::{Value, json};

use super::{Asked, KINDS, call, gateway, header, text};

fn response(kind: Kind, result: &Value) -> Response<Bytes> {
    let made = call(kind).response(result.to_string().as_bytes());
    made.unwrap_or_else(|malformed| panic!("{kind:?}: {malformed}: {result}"))
}

fn malformed(kind: Kind, result: &Value) -> String {
    let made = call(kind).response(result.to_string().as_bytes());
    made.map(|response| panic!("{kind:?}: {response:?}: {result}")).unwrap_err().to_string()
}

fn notices(response: &Response<Bytes>) -> Vec<String> {
    response.extensions().get::<Notices>().cloned().unwrap_or_default().0
}

#[test]
fn a_usual_response_is_the_same_everywhere() {
    let result = json!({
        "statusCode": 201,
        "headers": { "Content-Type": "text/plain", "X-A": "b" },
        "multiValueHeaders": { "Content-Type": ["text/plain"], "X-A": ["b"] },
        "body": "made",
        "isBase64Encoded": false,
    });
    for kind in KINDS {
        let response = response(kind, &result);
        assert_eq!((response.status().as_u16(), text(&response)), (201, "made"), "{kind:?}");
        assert_eq!(header(&response, "content-type"), ["text/plain"], "{kind:?}");
        assert_eq!(header(&response, "x-a"), ["b"], "{kind:?}");
    }
}

#[test]
fn format_2_infers_what_is_no_response() {
    for kind in [Kind::Url, Kind::V2] {
        for (result, body) in [
            (json!({ "message": "hi" }), r#"{"message":"hi"}"#),
            (json!({ "body": "x", "headers": {} }), r#"{"body":"x","headers":{}}"#),
            (json!("plain \"text\""), "plain \"text\""),
            (json!([1, 2]), "[1,2]"),
            (json!(7), "7"),
            (json!(null), "null"),
        ] {
            let response = response(kind, &result);
            assert_eq!((response.status().as_u16(), text(&response)), (200, body), "{kind:?}");
            assert_eq!(header(&response, "content-type"), ["application/json"], "{kind:?}");
        }
        // To the byte, however deep.
        let deep = format!("{}1{}", "[ ".repeat(900), "]".repeat(900));
        assert_eq!(text(&call(kind).response(deep.as_bytes()).unwrap()), deep);
    }
}

#[test]
fn the_default_type_is_the_services_own() {
    let result = json!({ "statusCode": 200, "body": "x" });
    for (kind, content_type) in [
        (Kind::Url, "application/json"),
        (Kind::V2, "text/plain;charset=UTF-8"),
        (Kind::V1, "application/json"),
        (Kind::Alb, "application/octet-stream"),
    ] {
        assert_eq!(header(&response(kind, &result), "content-type"), [content_type], "{kind:?}");
    }
    let nothing = response(Kind::Url, &json!({ "statusCode": 204 }));
    assert!(header(&nothing, "content-type").is_empty());
}

#[test]
fn a_rest_api_takes_less_and_no_more() {
    for result in [json!({}), json!({ "headers": { "a": "b" } }), json!({ "statusCode": 200 })] {
        let response = response(Kind::V1, &result);
        assert_eq!((response.status().as_u16(), text(&response)), (200, ""), "{result}");
    }
    // Java writes what it leaves out.
    let nulls = json!({ "statusCode": 200, "headers": null, "body": null, "cookies": null });
    for kind in KINDS {
        assert_eq!(response(kind, &nulls).status(), 200, "{kind:?}");
    }
    assert_eq!(
        malformed(Kind::V1, &json!({ "statuscode": 200 })),
        "the result has the field `statuscode`, which a REST API refuses\n\
         hint: did you mean `statusCode`?"
    );
    assert_eq!(
        malformed(Kind::V1, &json!({ "message": "hi" })),
        "the result has the field `message`, which a REST API refuses\n\
         hint: it takes `statusCode`, `headers`, `multiValueHeaders`, `body`, `isBase64Encoded`"
    );
}

#[test]
fn statuses_are_numbers_however_they_are_written() {
    for kind in KINDS {
        for status in [json!(404), json!("404"), json!(404.0)] {
            assert_eq!(response(kind, &json!({ "statusCode": status })).status(), 404, "{kind:?}");
        }
        for (status, shown) in [
            (json!("abc"), "`\"abc\"`"),
            (json!(0), "`0`"),
            (json!(100), "`100`"),
            (json!(600), "`600`"),
            (json!(200.5), "`200.5`"),
            (json!(-1), "`-1`"),
            (json!(1e300), "`1e+300`"),
            (json!(true), "`true`"),
            (json!([200]), "an array"),
        ] {
            let expected = format!("`statusCode` is {shown}, expected 200 to 599");
            assert_eq!(malformed(kind, &json!({ "statusCode": status })), expected, "{kind:?}");
        }
    }
    for kind in [Kind::Alb, Kind::AlbMulti] {
        assert!(malformed(kind, &json!({ "body": "x" })).contains("has no `statusCode`"));
    }
}

#[test]
fn headers_of_many_values() {
    let result = json!({
        "statusCode": 200,
        "headers": { "x-a": "single", "x-b": "only" },
        "multiValueHeaders": { "x-a": ["one", "two"] },
    });
    let at = |kind| {
        let response = response(kind, &result);
        let values = ["x-a", "x-b"].map(|name| header(&response, name).join("|"));
        (values, notices(&response))
    };
    let ignores =
        |service: &str, what: &str| vec![format!("{service} ignores `{what}` of the result")];
    assert_eq!(at(Kind::V1), (["one|two|single", "only"].map(Into::into), vec![]));
    let single = ["single", "only"].map(ToOwned::to_owned);
    let multi = "multiValueHeaders";
    assert_eq!(at(Kind::V2), (single.clone(), ignores("an HTTP API", multi)));
    assert_eq!(at(Kind::Url), (single.clone(), ignores("a function URL", multi)));
    assert_eq!(at(Kind::Alb), (single, ignores("a load balancer", multi)));
    let service = "a load balancer with multi-value headers";
    assert_eq!(at(Kind::AlbMulti), (["one|two", ""].map(Into::into), ignores(service, "headers")));
}

#[test]
fn cookies_become_headers_of_their_own() {
    let result = json!({ "statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": "" });
    for kind in [Kind::Url, Kind::V2] {
        let response = response(kind, &result);
        assert_eq!(header(&response, "set-cookie"), ["a=1; Path=/", "b=2"], "{kind:?}");
    }
    assert!(malformed(Kind::V1, &result).contains("the field `cookies`"));
    let wrong = json!({ "statusCode": 200, "cookies": ["a=1", 5] });
    assert!(malformed(Kind::V2, &wrong).starts_with("`cookies[1]` is `5`, expected a string"));
    let wrong = json!({ "statusCode": 200, "cookies": "a=1" });
    assert!(malformed(Kind::Url, &wrong).starts_with("`cookies` is `\"a=1\"`, expected an array"));
}

#[test]
fn what_a_service_keeps_for_itself() {
    let kept = json!({
        "connection": "close", "Keep-Alive": "5", "transfer-encoding": "chunked", "upgrade": "h2c",
        "trailer": "x", "content-length": "999", "WWW-Authenticate": "Basic", "x-ok": "1",
    });
    let multi: Value = kept
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), json!([value])))
        .collect();
    for kind in KINDS {
        let place = if kind == Kind::AlbMulti { "multiValueHeaders" } else { "headers" };
        let headers = if kind == Kind::AlbMulti { &multi } else { &kept };
        let response = response(kind, &json!({ "statusCode": 401, place: headers, "body": "no" }));
        for name in [
            "connection",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "trailer",
            "content-length",
        ] {
            assert!(header(&response, name).is_empty(), "{kind:?}: {name}");
        }
        assert_eq!(header(&response, "x-ok"), ["1"], "{kind:?}");
        let is_alb = matches!(kind, Kind::Alb | Kind::AlbMulti);
        let name = if is_alb { "www-authenticate" } else { "x-amzn-remapped-www-authenticate" };
        assert_eq!(header(&response, name), ["Basic"], "{kind:?}");
        assert_eq!(notices(&response).is_empty(), is_alb, "{kind:?}");
    }
}

#[test]
fn bodies_in_base64() {
    let result = json!({ "statusCode": 200, "body": "/wA=", "isBase64Encoded": true });
    for kind in [Kind::Url, Kind::V2, Kind::Alb, Kind::AlbMulti] {
        assert_eq!(response(kind, &result).body().as_ref(), b"\xff\0", "{kind:?}");
        let wrong = json!({ "statusCode": 200, "body": "/w", "isBase64Encoded": true });
        assert!(malformed(kind, &wrong).starts_with("`body` is not the base64"), "{kind:?}");
    }
    let passed_on = response(Kind::V1, &result);
    assert_eq!(text(&passed_on), "/wA=");
    assert!(notices(&passed_on)[0].contains("binary = [\"*/*\"]"));
    // The first type that the client accepts decides.
    for (types, accept, is_decoded) in [
        ("image/png", "image/png", true),
        ("image/*", "image/webp, */*", true),
        ("image/*", "*/*, image/webp", false),
        ("*/*", "text/html", true),
    ] {
        let gateway = gateway(Kind::V1).with_binary_types(vec![types.to_owned()]);
        let asked = Asked { line: "GET /", headers: &[("accept", accept)], body: b"" };
        let call = asked.through(&gateway).unwrap();
        let response = call.response(result.to_string().as_bytes()).unwrap();
        assert_eq!(response.body().as_ref() == b"\xff\0", is_decoded, "{types} {accept}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (field, value, expected) in [
        ("headers", json!([]), "`headers` is an array, expected a map"),
        ("headers", json!({ "x": ["a"] }), "`headers.x` is an array, expected a string\nhint: "),
        ("headers", json!({ "x": null }), "`headers.x` is `null`, expected a string"),
        ("headers", json!({ "a b": "c" }), "`headers.a b`: no header can be called `a b`"),
        ("headers", json!({ "x": "a\r\nb: c" }), "`headers.x` has a line break"),
        ("body", json!(5), "`body` is `5`, expected a string"),
        ("isBase64Encoded", json!("true"), "`isBase64Encoded` is `\"true\"`, expected `true` or"),
    ] {
        for kind in [Kind::Url, Kind::V2, Kind::V1, Kind::Alb] {
            let result = json!({ "statusCode": 200, field: value });
            let said = malformed(kind, &result);
            assert!(said.starts_with(expected), "{kind:?}: {said}");
        }
    }
    let list = json!({ "statusCode": 200, "headers": { "x": ["a"] } });
    assert!(malformed(Kind::V1, &list).ends_with("hint: lists belong into `multiValueHeaders`"));
    assert!(malformed(Kind::V2, &list).contains("hint: several values are one string"));
    let result = json!({ "statusCode": 200, "multiValueHeaders": { "x": ["a", {}] } });
    assert_eq!(
        malformed(Kind::V1, &result),
        "`multiValueHeaders.x[1]` is a map, expected a string"
    );
    let result = json!({ "statusCode": 200, "multiValueHeaders": { "x": "a" } });
    assert!(malformed(Kind::AlbMulti, &result).starts_with("`multiValueHeaders.x` is `\"a\"`"));
    for kind in [Kind::V2, Kind::V1, Kind::Alb] {
        let said = malformed(kind, &json!({ "statusCode": 200, "body": { "a": 1 } }));
        assert!(
            said.starts_with("`body` is a map, expected a string\nhint: `json::stringify"),
            "{said}"
        );
    }
    let json = response(Kind::Url, &json!({ "statusCode": 200, "body": { "a": 1 } }));
    assert_eq!(text(&json), r#"{"a":1}"#);
    for kind in [Kind::V1, Kind::Alb, Kind::AlbMulti] {
        assert!(malformed(kind, &json!("hi")).contains("the result is `\"hi\"`"), "{kind:?}");
    }
}

#[test]
fn what_is_not_json_is_no_response() {
    for kind in KINDS {
        let said = call(kind).response(b"<p>hi</p>").unwrap_err();
        assert!(said.message().starts_with("the result is not JSON"), "{kind:?}: {said}");
        assert!(said.way_out().unwrap().contains("web::binary"), "{kind:?}");
        let said = call(kind).response(b"{}\0\0\0\0\0\0\0\0hi").unwrap_err();
        assert!(said.to_string().contains("hint: it was streamed"), "{kind:?}: {said}");
        assert!(call(kind).response(b"").is_err(), "{kind:?}");
    }
    let large = json!({ "statusCode": 200, "body": "a".repeat(1 << 20) });
    assert!(malformed(Kind::Alb, &large).contains("a load balancer takes 1 MB"));
    assert_eq!(response(Kind::V1, &large).body().len(), 1 << 20);
}

#[test]
fn failures_in_the_words_of_each_service() {
    let internal = r#"{"message": "Internal server error"}"#;
    for (kind, failure, status, body) in [
        (Kind::Url, Failure::Function, 502, "Internal Server Error"),
        (Kind::Url, Failure::Malformed, 502, "Internal Server Error"),
        (Kind::V2, Failure::Function, 500, r#"{"message":"Internal Server Error"}"#),
        (Kind::V2, Failure::Malformed, 500, r#"{"message":"Internal Server Error"}"#),
        (Kind::V2, Failure::Patience, 503, r#"{"message":"Service Unavailable"}"#),
        (Kind::V1, Failure::Function, 502, internal),
        (Kind::V1, Failure::Malformed, 502, internal),
        (Kind::V1, Failure::Patience, 504, r#"{"message": "Endpoint request timed out"}"#),
    ] {
        let response = call(kind).failure(failure);
        assert_eq!((response.status().as_u16(), text(&response)), (status, body), "{kind:?}");
        assert_eq!(header(&response, "content-type"), ["application/json"], "{kind:?}");
    }
    for failure in [Failure::Function, Failure::Malformed] {
        let response = call(Kind::Alb).failure(failure);
        assert_eq!(response.status(), 502);
        assert_eq!(header(&response, "server"), ["awselb/2.0"]);
        assert!(text(&response).contains("<center><h1>502 Bad Gateway</h1></center>"));
    }
    assert!(Kind::V1.patience() < Kind::V2.patience());
    assert_eq!(Kind::Url.patience(), None);
}

#[test]
fn responses_carry_the_id_of_the_request() {
    for (kind, name) in [
        (Kind::Url, "x-amzn-requestid"),
        (Kind::V2, "apigw-requestid"),
        (Kind::V1, "x-amzn-requestid"),
    ] {
        let response = response(kind, &json!({ "statusCode": 200 }));
        assert_eq!(header(&response, name), ["5f9b0c9e-5d3c-4a4a-9a53-6fd1c7f9c8b1"], "{kind:?}");
        assert_eq!(header(&call(kind).failure(Failure::Function), name).len(), 1, "{kind:?}");
    }
}
