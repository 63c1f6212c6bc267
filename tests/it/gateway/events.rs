//! Events against the types of `aws_lambda_events`, and what each service does with a request.

use aws_lambda_events::alb::AlbTargetGroupRequest;
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use rhai_lambda::emulator::gateway::{Kind, Notices};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Asked, KINDS, gateway, get, header, text};

/// A request with a bit of everything.
const RICH: Asked = Asked {
    line: "POST /teas/earl%20grey/a%2Fb?kind=black&kind=gr%C3%BCn+tee&empty=&flag",
    headers: &[
        ("host", "localhost:9000"),
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "11"),
        ("cookie", "session=abc; theme=dark"),
        ("cookie", "third=3"),
        ("x-twice", "one"),
        ("x-twice", "two"),
        ("user-agent", "curl/8.5.0"),
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-proto", "https"),
        ("connection", "keep-alive, x-mine"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("proxy-authorization", "Basic x"),
        ("x-mine", "of this connection"),
    ],
    body: "{\"a\":\"\u{e9}\"}".as_bytes(),
};

/// What an event says, whatever is left out: no nulls, nothing empty, headers in lower case.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, value) in map {
                let mut value = meaning(value);
                if matches!(key.as_str(), "headers" | "multiValueHeaders") {
                    value = lower(&value);
                }
                let is_nothing = value.is_null()
                    || value.as_object().is_some_and(Map::is_empty)
                    || value.as_array().is_some_and(Vec::is_empty);
                if !is_nothing {
                    kept.insert(key.clone(), value);
                }
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

fn lower(headers: &Value) -> Value {
    let headers = headers.as_object().unwrap().iter();
    headers.map(|(name, value)| (name.to_lowercase(), value.clone())).collect()
}

/// What AWS sends and some of the types lack: it is looked at below.
const LACKING: [&str; 4] = ["routeKey", "stage", "deploymentId", "extendedRequestId"];

/// The event as the official type, and back.
fn survives<T: DeserializeOwned + Serialize>(event: &Value) {
    let typed: T = serde_json::from_value(event.clone()).unwrap_or_else(|error| {
        panic!("{error}: {event:#}");
    });
    let mut back = meaning(&serde_json::to_value(&typed).unwrap());
    let mut expected = meaning(event);
    for name in LACKING {
        expected.as_object_mut().unwrap().remove(name);
        expected["requestContext"].as_object_mut().unwrap().remove(name);
        back.as_object_mut().unwrap().remove(name);
        back["requestContext"].as_object_mut().unwrap().remove(name);
    }
    // The type of HTTP APIs is that of their authorizers as well, which have a method up here.
    if expected.get("httpMethod").is_none() {
        back.as_object_mut().unwrap().remove("httpMethod");
    }
    assert_eq!(back, expected);
}

fn judge(kind: Kind, event: &Value) {
    match kind {
        Kind::Url => survives::<LambdaFunctionUrlRequest>(event),
        Kind::V2 => survives::<ApiGatewayV2httpRequest>(event),
        Kind::V1 => survives::<ApiGatewayProxyRequest>(event),
        Kind::Alb | Kind::AlbMulti => survives::<AlbTargetGroupRequest>(event),
    }
}

#[test]
fn events_are_of_the_official_types() {
    let binary =
        Asked { line: "PUT /x", headers: &[("content-type", "image/png")], body: b"\xff\0" };
    for kind in KINDS {
        for asked in [&RICH, &get("GET /"), &get("DELETE /?"), &get("GET /a?b=c"), &binary] {
            judge(kind, &asked.event(kind));
        }
    }
    let routes = ["ANY /teas/{name}/{rest+}", "GET /"].map(|route| route.parse().unwrap());
    for kind in [Kind::V2, Kind::V1] {
        let gateway = gateway(kind)
            .with_routes(routes.to_vec())
            .with_stage_variables([("table".to_owned(), "teas".to_owned())].into());
        let event = RICH.event_of(&gateway);
        assert_eq!(event["stageVariables"]["table"], "teas");
        judge(kind, &event);
    }
}

#[test]
fn the_whole_event_of_a_function_url() {
    let id = "abcdefghijklmnopqrstuvwxyz012345".len();
    let event = RICH.event(Kind::Url);
    let url_id = event["requestContext"]["apiId"].as_str().unwrap();
    assert_eq!(url_id.len(), id);
    let expected = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/teas/earl%20grey/a%2Fb",
        "rawQueryString": "kind=black&kind=gr%C3%BCn+tee&empty=&flag",
        "cookies": ["session=abc", "theme=dark", "third=3"],
        "headers": {
            "content-length": "11",
            "content-type": "application/json; charset=utf-8",
            "host": "localhost:9000",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-5e5ff1d3-0123456789abcdef01234567",
            "x-forwarded-for": "198.51.100.1, 203.0.113.7",
            "x-forwarded-port": "9000",
            "x-forwarded-proto": "http",
            "x-twice": "one,two",
        },
        "queryStringParameters": { "empty": "", "flag": "", "kind": "black,gr\u{fc}n tee" },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": format!("{url_id}.lambda-url.eu-west-1.on.aws"),
            "domainPrefix": url_id,
            "http": {
                "method": "POST",
                "path": "/teas/earl%20grey/a%2Fb",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "5f9b0c9e-5d3c-4a4a-9a53-6fd1c7f9c8b1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": "{\"a\":\"\u{e9}\"}",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[test]
fn what_is_not_there_is_left_out_of_format_2_and_null_in_format_1() {
    for kind in [Kind::Url, Kind::V2] {
        let event = get("GET /").event(kind);
        let names: Vec<&String> = event.as_object().unwrap().keys().collect();
        let expected = [
            "headers",
            "isBase64Encoded",
            "rawPath",
            "rawQueryString",
            "requestContext",
            "routeKey",
            "version",
        ];
        assert_eq!(names, expected, "{kind:?}");
    }
    let event = get("GET /").event(Kind::V1);
    for name in [
        "body",
        "multiValueQueryStringParameters",
        "pathParameters",
        "queryStringParameters",
        "stageVariables",
    ] {
        assert_eq!(event.get(name), Some(&Value::Null), "{name}");
    }
    let event = get("GET /").event(Kind::Alb);
    assert_eq!((&event["body"], &event["queryStringParameters"]), (&json!(""), &json!({})));
}

#[test]
fn http_apis_decode_the_path_and_rest_apis_do_not() {
    let routes = ["ANY /teas/{name}/{rest+}"].map(|route| route.parse().unwrap()).to_vec();
    let event = RICH.event_of(&gateway(Kind::V2).with_routes(routes.clone()));
    assert_eq!(event["rawPath"], "/teas/earl grey/a/b");
    assert_eq!(event["requestContext"]["http"]["path"], "/teas/earl grey/a/b");
    assert_eq!(event["routeKey"], "ANY /teas/{name}/{rest+}");
    assert_eq!(event["requestContext"]["routeKey"], "ANY /teas/{name}/{rest+}");
    assert_eq!(event["pathParameters"], json!({ "name": "earl grey", "rest": "a/b" }));
    assert_eq!(event["requestContext"]["accountId"], "123456789012");

    let event = RICH.event_of(&gateway(Kind::V1).with_routes(routes));
    assert_eq!(event["path"], "/teas/earl%20grey/a%2Fb");
    assert_eq!(event["requestContext"]["path"], "/prod/teas/earl%20grey/a%2Fb");
    assert_eq!(event["resource"], "/teas/{name}/{rest+}");
    assert_eq!(event["requestContext"]["resourcePath"], "/teas/{name}/{rest+}");
    assert_eq!(event["pathParameters"], json!({ "name": "earl%20grey", "rest": "a%2Fb" }));

    let event = get("GET /a/b/").event(Kind::V1);
    assert_eq!((&event["path"], &event["resource"]), (&json!("/a/b/"), &json!("/{proxy+}")));
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
    assert_eq!(get("GET /").event(Kind::V1)["resource"], "/");

    for kind in [Kind::Alb, Kind::AlbMulti] {
        assert_eq!(RICH.event(kind)["path"], "/teas/earl%20grey/a%2Fb");
    }
}

#[test]
fn values_of_one_name_as_each_service_has_them() {
    let event = RICH.event(Kind::V1);
    assert_eq!(event["headers"]["X-Twice"], "two");
    assert_eq!(event["multiValueHeaders"]["X-Twice"], json!(["one", "two"]));
    assert_eq!(event["headers"]["User-Agent"], "curl/8.5.0");
    assert_eq!(event["multiValueHeaders"]["X-Forwarded-For"], json!(["198.51.100.1, 203.0.113.7"]));
    assert_eq!(event["headers"].get("Content-Length"), None);
    assert_eq!(event["queryStringParameters"]["kind"], "gr\u{fc}n tee");
    let kinds = json!(["black", "gr\u{fc}n tee"]);
    assert_eq!(event["multiValueQueryStringParameters"]["kind"], kinds);

    // A load balancer decodes no query.
    let event = RICH.event(Kind::Alb);
    assert_eq!(event["headers"]["x-twice"], "two");
    assert_eq!(event["queryStringParameters"]["kind"], "gr%C3%BCn+tee");
    assert_eq!(event.get("multiValueHeaders"), None);
    let event = RICH.event(Kind::AlbMulti);
    assert_eq!(event["multiValueHeaders"]["x-twice"], json!(["one", "two"]));
    let kinds = json!(["black", "gr%C3%BCn+tee"]);
    assert_eq!(event["multiValueQueryStringParameters"]["kind"], kinds);
    assert_eq!(event.get("headers"), None);
    let cookies = json!(["session=abc; theme=dark", "third=3"]);
    assert_eq!(event["multiValueHeaders"]["cookie"], cookies);
}

#[test]
fn nothing_of_the_connection_passes() {
    for kind in KINDS {
        let event = RICH.event(kind);
        for place in ["headers", "multiValueHeaders"] {
            let Some(headers) = event.get(place) else { continue };
            for name in lower(headers).as_object().unwrap().keys() {
                let is_hop = [
                    "connection",
                    "keep-alive",
                    "te",
                    "transfer-encoding",
                    "upgrade",
                    "proxy-authorization",
                    "x-mine",
                ]
                .contains(&name.as_str());
                assert!(!is_hop, "{kind:?}: {name}");
            }
        }
    }
}

#[test]
fn bodies_are_text_or_base64_as_each_service_does() {
    const JSON: &str = "application/json";
    let of = |kind, content_type: &'static str, body: &'static [u8]| {
        let asked = Asked { line: "POST /", headers: &[("content-type", content_type)], body };
        let event = asked.event(kind);
        (event["body"].clone(), event["isBase64Encoded"].clone())
    };
    let plain = (json!("hi"), json!(false));
    let packed = (json!("aGk="), json!(true));
    for kind in [Kind::Url, Kind::V2, Kind::Alb, Kind::AlbMulti] {
        for text in
            [JSON, "text/html", "Text/Plain;a=b", "application/xml", "application/javascript"]
        {
            assert_eq!(of(kind, text, b"hi"), plain, "{kind:?} {text}");
        }
        for binary in
            ["application/x-www-form-urlencoded", "application/problem+json", "image/png", ""]
        {
            assert_eq!(of(kind, binary, b"hi"), packed, "{kind:?} {binary}");
        }
        assert_eq!(of(kind, JSON, b"\xff"), (json!("/w=="), json!(true)), "{kind:?}");
    }
    // A REST API knows text alone, until it is told what is none.
    assert_eq!(of(Kind::V1, "image/png", b"hi"), plain);
    assert_eq!(of(Kind::V1, "image/png", b"h\xff"), (json!("h\u{fffd}"), json!(false)));
    for (types, is_packed) in
        [("image/*", true), ("*/*", true), ("image/PNG", true), ("text/*", false)]
    {
        let gateway = gateway(Kind::V1).with_binary_types(vec![types.to_owned()]);
        let headers = &[("content-type", "image/png")];
        let event = Asked { line: "POST /", headers, body: b"hi" }.event_of(&gateway);
        assert_eq!(event["isBase64Encoded"], is_packed, "{types}");
        assert_eq!(event["body"], if is_packed { "aGk=" } else { "hi" }, "{types}");
    }
    // What is compressed is no text, whatever it says.
    let headers = &[("content-type", JSON), ("content-encoding", "gzip")];
    let event = Asked { line: "POST /", headers, body: b"hi" }.event(Kind::Alb);
    assert_eq!(event["isBase64Encoded"], true);
}

#[test]
fn requests_without_a_route_do_not_reach_the_function() {
    let routes = ["GET /teas"].map(|route| route.parse().unwrap()).to_vec();
    let refused = |kind| {
        let gateway = gateway(kind).with_routes(routes.clone());
        *get("POST /teas").through(&gateway).unwrap_err()
    };
    let response = refused(Kind::V2);
    assert_eq!((response.status().as_u16(), text(&response)), (404, r#"{"message":"Not Found"}"#));
    let Notices(notices) = response.extensions().get().unwrap();
    assert_eq!(notices[..], ["no route below `[http]` in `rhai-lambda.toml` takes `POST /teas`"]);
    let response = refused(Kind::V1);
    let words = r#"{"message":"Missing Authentication Token"}"#;
    assert_eq!((response.status().as_u16(), text(&response)), (403, words));
    assert_eq!(header(&response, "x-amzn-errortype"), ["MissingAuthenticationTokenException"]);
}

#[test]
fn requests_that_are_too_large_do_not_reach_the_function() {
    let body = vec![b'a'; (6 << 20) + 1];
    let headers = &[("content-type", "text/plain")];
    for kind in KINDS {
        let asked = Asked { line: "POST /", headers, body: &body };
        let response = asked.through(&gateway(kind)).unwrap_err();
        assert_eq!(response.status(), 413, "{kind:?}");
        // Base64 makes an event of it that Lambda would refuse.
        let asked = Asked { line: "POST /", headers: &[], body: &body[..5 << 20] };
        let is_taken = asked.through(&gateway(kind)).is_ok();
        assert_eq!(is_taken, kind == Kind::V1, "{kind:?}");
    }
    let asked = Asked { line: "POST /", headers, body: &body[..(1 << 20) + 1] };
    for kind in KINDS {
        let is_alb = matches!(kind, Kind::Alb | Kind::AlbMulti);
        assert_eq!(asked.through(&gateway(kind)).is_err(), is_alb, "{kind:?}");
    }
}
