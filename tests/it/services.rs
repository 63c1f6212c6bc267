//! `web::` and `batch::` judged by `aws_lambda_events`: its samples go in, its types take what comes
//! out. The samples are read where cargo keeps the crate.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lambda_events::alb::AlbTargetGroupResponse;
use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlResponse;
use aws_lambda_events::sqs::SqsBatchResponse;
use aws_lambda_events::streams::{DynamoDbEventResponse, KinesisEventResponse};
use rhai_lambda::{Config, Context, Error, Handler};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::scratch::Scratch;
use crate::tools;

/// The folder of the crate's samples.
fn samples() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--filter-platform", &platform])
            .current_dir(tools::root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["name"] == "aws_lambda_events");
        let manifest = package.unwrap()["manifest_path"].as_str().unwrap();
        PathBuf::from(manifest).parent().unwrap().join("src/fixtures")
    })
}

fn sample(name: &str) -> Value {
    let path = samples().join(format!("example-{name}.json"));
    serde_json::from_slice(&std::fs::read(&path).unwrap())
        .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

/// What a handler with this body answers.
fn run(body: &str, event: &Value, context: Context) -> Result<Value, Error> {
    let root = Scratch::new();
    root.write("function.rhai", format!("fn handler(event) {{\n{body}\n}}\n"));
    let config = Config::from_vars(&|name| match name {
        "_HANDLER" => Some("function.handler".to_owned()),
        "LAMBDA_TASK_ROOT" => Some(root.path().to_str().unwrap().to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => Some("FATAL".to_owned()),
        _ => None,
    })?;
    let event = serde_json::to_vec(event).unwrap();
    let answer = Handler::with_stack(&config, || Handler::load(&config)?.invoke(&event, context))?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn answer(body: &str, event: &Value) -> Value {
    run(body, event, Context::default()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn typed<T: DeserializeOwned>(value: Value) -> T {
    let text = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const REST: [&str; 6] = [
    "apigw-request",
    "apigw-console-test-request",
    "apigw-console-request",
    "apigw-sam-rest-request",
    "apigw-restapi-openapi-request",
    "apigw-request-multi-value-parameters",
];
const HTTP: [&str; 6] = [
    "apigw-sam-http-request",
    "apigw-v2-request-iam",
    "apigw-v2-request-jwt-authorizer",
    "apigw-v2-request-lambda-authorizer",
    "apigw-v2-request-multi-value-parameters",
    "apigw-v2-request-no-authorizer",
];
const ALB: [&str; 2] =
    ["alb-lambda-target-request-headers-only", "alb-lambda-target-request-multivalue-headers"];
const WEBSOCKET: [&str; 3] = [
    "apigw-websocket-request",
    "apigw-websocket-request-without-method",
    "apigw-websocket-request-disconnect-route",
];

/// A sample for function URLs, which the crate has none of: the one of an HTTP API from their domain.
fn url_sample() -> Value {
    let mut event = sample("apigw-v2-request-no-authorizer");
    event["requestContext"]["domainName"] = json!("abc.lambda-url.eu-west-1.on.aws");
    event
}

#[test]
fn requests_of_all_sources_are_understood() {
    let look = "let req = web::request(event); req.remove(\"raw\"); req";
    for name in REST {
        let (event, req) = (sample(name), answer(look, &sample(name)));
        assert_eq!(req["source"], "apigw-v1", "{name}");
        assert_eq!(req["method"], event["httpMethod"], "{name}");
        assert_eq!(req["path"], event["path"], "{name}");
        assert_eq!(req["stage"], event["requestContext"]["stage"], "{name}");
        assert_eq!(req["source_ip"], event["requestContext"]["identity"]["sourceIp"], "{name}");
        let host = event["headers"]["Host"].as_str().or_else(|| event["headers"]["host"].as_str());
        assert_eq!(req["headers"]["host"].as_str(), host, "{name}");
    }
    for name in HTTP {
        let (event, req) = (sample(name), answer(look, &sample(name)));
        assert_eq!(req["source"], "apigw-v2", "{name}");
        assert_eq!(req["method"], event["requestContext"]["http"]["method"], "{name}");
        assert_eq!(req["path"], event["rawPath"], "{name}");
        assert_eq!(req["source_ip"], event["requestContext"]["http"]["sourceIp"], "{name}");
        assert_eq!(req["request_id"], event["requestContext"]["requestId"], "{name}");
    }
    for name in ALB {
        let (event, req) = (sample(name), answer(look, &sample(name)));
        assert_eq!(req["source"], "alb", "{name}");
        assert_eq!([&req["method"], &req["path"]], [&event["httpMethod"], &event["path"]]);
        assert_eq!(req["query"], json!({"key": "hello"}), "{name}");
        assert_eq!(req["source_ip"], req["headers"]["x-forwarded-for"], "{name}");
    }
    for name in WEBSOCKET {
        let (event, req) = (sample(name), answer(look, &sample(name)));
        let context = &event["requestContext"];
        assert_eq!(req["source"], "websocket", "{name}");
        assert_eq!(req["connection_id"], context["connectionId"], "{name}");
        assert_eq!(req["method"], context["eventType"], "{name}");
        assert_eq!(req["path"], format!("/{}", context["routeKey"].as_str().unwrap()), "{name}");
    }
    assert_eq!(answer(look, &url_sample())["source"], "function-url");
    let req = answer(look, &sample("apigw-v2-request-multi-value-parameters"));
    assert_eq!(req["query_all"]["Parameter1"], json!(["value1", "value2"]));
    let req = answer(look, &sample("apigw-request-multi-value-parameters"));
    assert_eq!(req["query_all"]["name"], json!(["me", "me2"]));
    assert_eq!(req["headers"]["headername"], "headerValue, headerValue2");
}

/// What a response holds, whichever type it came as.
fn check(status: i64, content_type: Option<&str>, body: Option<&str>, is_base64: bool) {
    assert_eq!((status, content_type), (202, Some("image/png")));
    assert_eq!((body, is_base64), (Some("AQI="), true));
}

fn text_of(body: Option<&Body>) -> Option<&str> {
    match body {
        Some(Body::Text(text)) => Some(text),
        _ => None,
    }
}

#[test]
fn answers_are_of_the_official_types() {
    const ANSWER: &str = "
        let bytes = blob();
        bytes.push(1);
        bytes.push(2);
        let cookies = [#{ name: \"a\", value: \"1\" }, #{ name: \"b\", value: \"2\" }];
        web::binary(202, bytes, \"image/png\", #{ cookies: cookies })";
    let cookies = ["a=1", "b=2"];

    let rest: ApiGatewayProxyResponse = typed(answer(ANSWER, &sample("apigw-request")));
    let content_type = rest.headers.get("content-type").map(|value| value.to_str().unwrap());
    let body = text_of(rest.body.as_ref());
    check(rest.status_code, content_type, body, rest.is_base64_encoded);
    assert!(rest.multi_value_headers.get_all("set-cookie").iter().eq(cookies));

    let event = sample("apigw-v2-request-no-authorizer");
    let http: ApiGatewayV2httpResponse = typed(answer(ANSWER, &event));
    let content_type = http.headers.get("content-type").map(|value| value.to_str().unwrap());
    let body = text_of(http.body.as_ref());
    check(http.status_code, content_type, body, http.is_base64_encoded);
    assert_eq!(http.cookies, cookies);

    let url: LambdaFunctionUrlResponse = typed(answer(ANSWER, &url_sample()));
    let content_type = url.headers.get("content-type").map(|value| value.to_str().unwrap());
    check(url.status_code, content_type, url.body.as_deref(), url.is_base64_encoded);
    assert_eq!(url.cookies, cookies);

    let alb: AlbTargetGroupResponse = typed(answer(ANSWER, &sample(ALB[1])));
    let content_type =
        alb.multi_value_headers.get("content-type").map(|value| value.to_str().unwrap());
    let body = text_of(alb.body.as_ref());
    check(alb.status_code, content_type, body, alb.is_base64_encoded);
    assert_eq!(alb.status_description.as_deref(), Some("202 Accepted"));
    assert!(alb.multi_value_headers.get_all("set-cookie").iter().eq(cookies));
    assert!(alb.headers.is_empty());

    let one = ANSWER.replace(", #{ name: \"b\", value: \"2\" }", "");
    let alb: AlbTargetGroupResponse = typed(answer(&one, &sample(ALB[0])));
    assert_eq!(alb.headers.get("set-cookie").map(|value| value.to_str().unwrap()), Some("a=1"));
}

#[test]
fn answers_of_a_router_are_of_the_official_types() {
    let handler = "web::router().cors().any(\"/{all+}\", |req| req.query).any(\"/\", |req| ())
        .handle(event)";
    for name in REST.iter().chain(&WEBSOCKET) {
        let response: ApiGatewayProxyResponse = typed(answer(handler, &sample(name)));
        assert_eq!(response.headers["access-control-allow-origin"], "*", "{name}");
    }
    for name in HTTP {
        let response: ApiGatewayV2httpResponse = typed(answer(handler, &sample(name)));
        let is_root = sample(name)["rawPath"] == "/";
        assert_eq!(response.status_code, if is_root { 204 } else { 200 }, "{name}");
    }
    for name in ALB {
        let response: AlbTargetGroupResponse = typed(answer(handler, &sample(name)));
        assert_eq!(response.status_description.as_deref(), Some("204 No Content"), "{name}");
    }
}

/// The identifiers in a typed answer.
macro_rules! identifiers {
    ($type:ty, $answer:expr) => {
        typed::<$type>($answer)
            .batch_item_failures
            .iter()
            .map(|failure| json!(failure.item_identifier))
            .collect::<Vec<Value>>()
    };
}

const REFUSE_ALL: &str = "batch::process(event, |record| throw \"no\")";
const TAKE_ALL: &str = "batch::process(event, |record| record.id.len())";

#[test]
fn failures_of_a_batch_are_of_the_official_types() {
    for name in ["sqs-event", "sqs-event-obj"] {
        let event = sample(name);
        let records = event["Records"].as_array().unwrap();
        let all: Vec<Value> = records.iter().map(|record| record["messageId"].clone()).collect();
        assert_eq!(identifiers!(SqsBatchResponse, answer(REFUSE_ALL, &event)), all, "{name}");
        assert!(identifiers!(SqsBatchResponse, answer(TAKE_ALL, &event)).is_empty(), "{name}");
    }
    for name in ["kinesis-event", "kinesis-event-encrypted"] {
        let event = sample(name);
        let first = vec![event["Records"][0]["kinesis"]["sequenceNumber"].clone()];
        assert_eq!(identifiers!(KinesisEventResponse, answer(REFUSE_ALL, &event)), first, "{name}");
        assert!(identifiers!(KinesisEventResponse, answer(TAKE_ALL, &event)).is_empty(), "{name}");
    }
    let event = sample("dynamodb-event");
    let first = vec![event["Records"][0]["dynamodb"]["SequenceNumber"].clone()];
    assert_eq!(identifiers!(DynamoDbEventResponse, answer(REFUSE_ALL, &event)), first);
    assert!(identifiers!(DynamoDbEventResponse, answer(TAKE_ALL, &event)).is_empty());
}

/// An invocation that ends so soon.
fn within(time: Duration) -> Context {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
    Context { deadline_ms: Some(deadline.as_millis() as u64), ..Context::default() }
}

fn queue(count: usize) -> Value {
    let record = |number: usize| json!({"eventSource": "aws:sqs", "messageId": format!("m-{number}"), "body": number.to_string()});
    json!({"Records": (0..count).map(record).collect::<Vec<Value>>()})
}

fn failed(answer: Value) -> Vec<String> {
    typed::<SqsBatchResponse>(answer)
        .batch_item_failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect()
}

#[test]
fn a_batch_answers_before_the_deadline() {
    let began = Instant::now();
    let time = Duration::from_secs(2);
    let body = "batch::process(event, |record| sleep(0.3), #{ margin_ms: 100 })";
    let failed = failed(run(body, &queue(20), within(time)).unwrap());
    assert!(began.elapsed() < time);
    // Some were done; the rest comes again, in full.
    assert!((14..=18).contains(&failed.len()), "{failed:?}");
    assert_eq!(failed.last().unwrap(), "m-19");
}

#[test]
fn a_record_that_does_not_end_is_stopped_and_the_answer_still_goes_out() {
    let swallowed = "try { let x = 0; loop { x += 1; } } catch (error) {}";
    for endless in ["loop {}", "sleep(60)", "let x = 0; loop { x += 1; }", swallowed] {
        let began = Instant::now();
        let time = Duration::from_secs(2);
        let body = format!(
            "let answer = batch::process(event, |record| if record.data == 1 {{ {endless} }});
             let sum = 0;
             for n in 0..1000 {{ sum += n; }}
             answer"
        );
        let failed = failed(run(&body, &queue(4), within(time)).unwrap());
        assert!(began.elapsed() < time, "{endless}");
        assert_eq!(failed, ["m-1", "m-2", "m-3"], "{endless}");
    }
}

#[test]
fn what_comes_after_a_batch_has_a_deadline_too() {
    let body = "batch::process(event, |record| loop {}); loop {}";
    let error = run(body, &queue(2), within(Duration::from_secs(1))).unwrap_err();
    assert_eq!(error.error_type(), "DeadlineExceeded");
    assert!(error.message().contains(" 50 ms before"), "{error}");
}

#[test]
fn a_batch_cannot_be_too_much_work() {
    // Operations are counted for the whole invocation: there is no going on without them.
    let root = Scratch::new();
    root.write("function.rhai", "fn handler(event) { batch::process(event, |record| loop {}) }");
    let config = Config::from_vars(&|name| match name {
        "_HANDLER" => Some("function.handler".to_owned()),
        "LAMBDA_TASK_ROOT" => Some(root.path().to_str().unwrap().to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => Some("FATAL".to_owned()),
        "RHAI_LAMBDA_MAX_OPERATIONS" => Some("10000".to_owned()),
        _ => None,
    })
    .unwrap();
    let event = serde_json::to_vec(&queue(2)).unwrap();
    let error =
        Handler::with_stack(&config, || Handler::load(&config)?.invoke(&event, Context::default()))
            .unwrap_err();
    assert_eq!(error.error_type(), "TooManyOperations");
}

#[test]
fn nothing_that_a_route_captured_survives() {
    let root = Scratch::new();
    root.write(
        "function.rhai",
        "let count = 0;
         const ROUTER = web::router().get(\"/\", |req| { count += 1; count });
         fn handler(event) {
             let router = global::ROUTER;
             let answer = router.handle(event).body;
             router.get(\"/more\", |req| 1);
             answer
         }",
    );
    let config = Config::from_vars(&|name| match name {
        "_HANDLER" => Some("function.handler".to_owned()),
        "LAMBDA_TASK_ROOT" => Some(root.path().to_str().unwrap().to_owned()),
        _ => None,
    })
    .unwrap();
    let bodies = Handler::with_stack(&config, || {
        let handler = Handler::load(&config)?;
        let event = br#"{"rawPath":"/"}"#;
        (0..3).map(|_| Ok(handler.invoke(event, Context::default())?.body)).collect()
    });
    let bodies: Result<Vec<Vec<u8>>, Error> = bodies;
    assert_eq!(bodies.unwrap(), vec![br#""1""#.to_vec(); 3]);
}
