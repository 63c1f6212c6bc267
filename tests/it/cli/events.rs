//! `rhai-lambda events`: the list, and every sample against the official type of its service.

use std::io::Read as _;

use aws_lambda_events::{
    activemq, alb, apigw, appsync, cloudformation, cloudwatch_alarms, cloudwatch_logs,
    codepipeline_job, cognito, config, connect, dynamodb, eventbridge, firehose, iot, kafka,
    kinesis, lambda_function_urls, lex, rabbitmq, s3, s3_batch_job, secretsmanager, ses, sns, sqs,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::desk::Desk;

/// The names in the list, in its order.
fn names() -> Vec<String> {
    let exit = Desk::new().run(&["events", "--json"]);
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let list: Vec<Value> = serde_json::from_str(&exit.stdout).unwrap();
    list.iter().map(|sample| sample["name"].as_str().unwrap().to_owned()).collect()
}

fn text(name: &str) -> String {
    let exit = Desk::new().run(&["events", name]);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{exit:?}");
    exit.stdout
}

fn sample(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_list_is_for_people_and_for_programs() {
    let exit = Desk::new().run(&["events"]);
    let names = names();
    assert!(names.len() >= 25, "{names:?}");
    let lines: Vec<&str> = exit.stdout.lines().collect();
    assert_eq!(lines.len(), names.len(), "{}", exit.stdout);
    for (line, name) in lines.iter().zip(&names) {
        let (first, about) = line.split_once(' ').unwrap();
        assert_eq!(first, name);
        assert!(about.trim().len() > 10, "{line}");
    }
    let desk = Desk::new();
    for (arguments, hint) in [
        (["events", "sqss"], "did you mean `sqs`?"),
        (
            ["events", "cognito"],
            "there are `cognito-pre-signup`, `cognito-post-confirmation`, `cognito-pre-token`",
        ),
        (["events", "zzz"], "`rhai-lambda events` lists them"),
    ] {
        let expected =
            format!("error: there is no sample event `{}`\nhint: {hint}\n", arguments[1]);
        assert_eq!(desk.misuse(&arguments), expected);
    }
}

/// What the type `T` makes of a sample, given as its name and the fields that the type does not
/// know: exactly these are lost on the way through it.
fn judge<T: DeserializeOwned + Serialize>(name: &str, unknown: &[&str]) -> String {
    let event = sample(name);
    // Of the text: some types borrow from it.
    let text = text(name);
    let parsed: T = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{name} is no {}: {error}", std::any::type_name::<T>()));
    let back = serde_json::to_value(&parsed).unwrap();
    let mut lost = Vec::new();
    compare("", &event, &back, &mut lost);
    assert_eq!(lost, unknown, "{name}: what is lost");
    name.to_owned()
}

/// Collects the paths of `event` that are not in `back` as well.
fn compare(path: &str, event: &Value, back: &Value, lost: &mut Vec<String>) {
    match (event, back) {
        (Value::Object(fields), Value::Object(found)) => {
            for (name, value) in fields {
                let path = format!("{path}/{name}");
                // The types write header names in lower case.
                let same = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
                match found.iter().find(same) {
                    Some((_, back)) => compare(&path, value, back, lost),
                    None if is_nothing(value) => {}
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(items), Value::Array(found)) if items.len() == found.len() => {
            for (index, (item, found)) in items.iter().zip(found).enumerate() {
                compare(&format!("{path}/{index}"), item, found, lost);
            }
        }
        (scalar, Value::Array(found)) if found.len() == 1 => compare(path, scalar, &found[0], lost),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (Value::String(a), Value::String(b)) if a == b || moment(a) == moment(b) => {}
        // The types write times as strings, and lose up to one unit on the way.
        (Value::Number(a), Value::String(b))
            if b.parse::<f64>().is_ok_and(|b| (a.as_f64().unwrap() - b).abs() <= 1.0) => {}
        // JSON within a string, which the type reads.
        (Value::String(a), Value::String(b)) if a.starts_with('{') && b.starts_with('{') => {
            compare(path, &json(a), &json(b), lost);
        }
        (a, b) if a == b || is_nothing(a) && is_nothing(b) => {}
        _ => lost.push(path.to_owned()),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// A time, however its zone and its fraction are written; any other text as it is.
fn moment(text: &str) -> String {
    let utc = text.strip_suffix("+0000").or(text.strip_suffix('Z')).unwrap_or(text);
    match utc.split_once('.') {
        Some((seconds, fraction)) if fraction.chars().all(|c| c.is_ascii_digit()) => {
            format!("{seconds}.{}", fraction.trim_end_matches('0')).trim_end_matches('.').to_owned()
        }
        _ => utc.to_owned(),
    }
}

#[test]
fn every_sample_is_what_its_service_sends() {
    let mut judged = vec![
        judge::<apigw::ApiGatewayV2httpRequest>("http-api", &[]),
        judge::<apigw::ApiGatewayProxyRequest>(
            "rest-api",
            &["/requestContext/deploymentId", "/requestContext/extendedRequestId"],
        ),
        judge::<lambda_function_urls::LambdaFunctionUrlRequest>(
            "function-url",
            &["/requestContext/routeKey", "/requestContext/stage", "/routeKey"],
        ),
        judge::<alb::AlbTargetGroupRequest>("alb", &[]),
        judge::<alb::AlbTargetGroupRequest>("alb-multi-value", &[]),
        judge::<apigw::ApiGatewayWebsocketProxyRequest>("websocket-connect", &[]),
        judge::<apigw::ApiGatewayWebsocketProxyRequest>("websocket-message", &[]),
        judge::<apigw::ApiGatewayWebsocketProxyRequest>("websocket-disconnect", &[]),
        judge::<apigw::ApiGatewayV2CustomAuthorizerV2Request>("authorizer-http-api", &[]),
        judge::<apigw::ApiGatewayCustomAuthorizerRequestTypeRequest>(
            "authorizer-request",
            &[
                "/requestContext/deploymentId",
                "/requestContext/domainName",
                "/requestContext/domainPrefix",
                "/requestContext/extendedRequestId",
                "/requestContext/identity/userAgent",
                "/requestContext/protocol",
                "/requestContext/requestTime",
                "/requestContext/requestTimeEpoch",
            ],
        ),
        judge::<apigw::ApiGatewayCustomAuthorizerRequest>("authorizer-token", &[]),
        // The type takes any identity for one of IAM.
        judge::<appsync::AppSyncDirectResolverEvent>(
            "appsync",
            &[
                "/identity/claims",
                "/identity/defaultAuthStrategy",
                "/identity/issuer",
                "/identity/sub",
            ],
        ),
        judge::<sqs::SqsEvent>("sqs", &[]),
        judge::<sqs::SqsEvent>("sqs-fifo", &[]),
        judge::<sns::SnsEvent>("sns", &[]),
        judge::<kinesis::KinesisEvent>("kinesis", &[]),
        judge::<firehose::KinesisFirehoseEvent>("firehose", &[]),
        judge::<dynamodb::Event>("dynamodb-stream", &[]),
        judge::<kafka::KafkaEvent>("kafka", &[]),
        judge::<activemq::ActiveMqEvent>("activemq", &[]),
        judge::<rabbitmq::RabbitMqEvent>("rabbitmq", &[]),
        judge::<s3::S3Event>("s3-put", &[]),
        judge::<s3::S3Event>("s3-delete", &[]),
        judge::<s3_batch_job::S3BatchJobEvent>("s3-batch", &[]),
        judge::<eventbridge::EventBridgeEvent>("eventbridge", &[]),
        judge::<eventbridge::EventBridgeEvent>("schedule", &[]),
        judge::<eventbridge::EventBridgeEvent>("step-functions", &[]),
        // Zipped again: unpacked below.
        judge::<cloudwatch_logs::LogsEvent>("cloudwatch-logs", &["/awslogs/data"]),
        judge::<cloudwatch_alarms::CloudWatchMetricAlarm>("cloudwatch-alarm", &[]),
        judge::<config::ConfigEvent>("config", &[]),
        judge::<codepipeline_job::CodePipelineJobEvent>("codepipeline", &[]),
        judge::<cloudformation::CloudFormationCustomResourceRequest>("cloudformation", &[]),
        judge::<secretsmanager::SecretsManagerSecretRotationEvent>("secrets-rotation", &[]),
        judge::<cognito::CognitoEventUserPoolsPreSignup>("cognito-pre-signup", &[]),
        judge::<cognito::CognitoEventUserPoolsPostConfirmation>("cognito-post-confirmation", &[]),
        judge::<cognito::CognitoEventUserPoolsPreTokenGen>("cognito-pre-token", &[]),
        judge::<ses::SimpleEmailEvent>("ses", &[]),
        judge::<connect::ConnectEvent>("connect", &[]),
        // The type is of Lex V1; V2 is what there is today.
        judge::<lex::LexEvent>(
            "lex",
            &[
                "/bot/aliasId",
                "/bot/aliasName",
                "/bot/id",
                "/bot/localeId",
                "/inputMode",
                "/interpretations",
                "/responseContentType",
                "/sessionId",
                "/sessionState",
                "/transcriptions",
            ],
        ),
        judge::<iot::IoTCoreCustomAuthorizerRequest>("iot-authorizer", &[]),
    ];
    let mut names = names();
    judged.sort();
    names.sort();
    assert_eq!(judged, names, "every sample is judged");
}

fn decoded(value: &Value) -> String {
    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_is_packed_in_the_samples_unpacks() {
    for name in ["sqs", "sqs-fifo"] {
        for record in sample(name)["Records"].as_array().unwrap() {
            let digest = format!("{:x}", md5::compute(record["body"].as_str().unwrap()));
            assert_eq!(record["md5OfBody"], digest, "{name}");
        }
    }
    // What boto3 computes of the attributes before it believes them.
    assert_eq!(sample("sqs")["Records"][0]["md5OfMessageAttributes"], attributes_digest());
    let event = sample("kinesis");
    assert_eq!(json(&decoded(&event["Records"][1]["kinesis"]["data"]))["page"], "/café");
    assert_eq!(json(&decoded(&sample("firehose")["records"][0]["data"]))["user"], 1);
    assert_eq!(json(&decoded(&sample("kafka")["records"]["orders-0"][0]["value"]))["id"], 7);
    assert_eq!(json(&decoded(&sample("activemq")["messages"][0]["data"]))["id"], 7);
    let message = &sample("rabbitmq")["rmqMessagesByQueue"]["orders::/"][0];
    let text = decoded(&message["data"]);
    assert_eq!(
        (&json(&text)["id"], &message["basicProperties"]["bodySize"]),
        (&7.into(), &text.len().into())
    );
    for name in ["http-api", "alb"] {
        let event = sample(name);
        let length = event["body"].as_str().unwrap().len().to_string();
        assert_eq!(event["headers"]["content-length"], length, "{name}");
    }
    let packed = sample("cloudwatch-logs")["awslogs"]["data"].as_str().unwrap().to_owned();
    let mut lines = String::new();
    let bytes = STANDARD.decode(packed).unwrap();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut lines).unwrap();
    let lines = json(&lines);
    assert_eq!(lines["messageType"], "DATA_MESSAGE");
    assert!(lines["logEvents"][0]["message"].as_str().unwrap().contains("ERROR\tid is missing"));
    for (name, field) in [
        ("config", &sample("config")["invokingEvent"]),
        ("sns", &sample("sns")["Records"][0]["Sns"]["Message"]),
        ("step-functions", &sample("step-functions")["detail"]["output"]),
        ("cloudwatch-alarm", &sample("cloudwatch-alarm")["alarmData"]["state"]["reasonData"]),
    ] {
        assert!(json(field.as_str().unwrap()).is_object(), "{name}");
    }
}

/// The digest of the first message's attributes, by the rule of SQS: for each name, in order, the
/// name, the type, one byte for a string, and the value, each with its length in front.
fn attributes_digest() -> String {
    let event = sample("sqs");
    let mut bytes = Vec::new();
    // `Value` keeps the names in order.
    for (name, attribute) in event["Records"][0]["messageAttributes"].as_object().unwrap() {
        let part = |bytes: &mut Vec<u8>, text: &str| {
            bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        };
        part(&mut bytes, name);
        part(&mut bytes, attribute["dataType"].as_str().unwrap());
        bytes.push(1);
        part(&mut bytes, attribute["stringValue"].as_str().unwrap());
    }
    format!("{:x}", md5::compute(bytes))
}

#[test]
fn the_modules_of_scripts_understand_the_samples() {
    let desk = Desk::with(
        "fn handler(event) { let r = web::request(event); `${r.method} ${r.path} ${r.query.tag}` }\n\
         fn work(event) { batch::process(event, |record| print(record.body)) }\n",
    );
    for (name, expected) in [
        ("http-api", "\"POST /customers/ada/orders tea time\"\n"),
        ("rest-api", "\"POST /customers/ada/orders tea time\"\n"),
        ("function-url", "\"GET /hello \"\n"),
        ("alb", "\"POST /orders tea time\"\n"),
        ("alb-multi-value", "\"GET /orders tea time\"\n"),
    ] {
        assert_eq!(desk.result(&["--sample", name]), expected, "{name}");
    }
    for name in ["sqs", "sqs-fifo", "kinesis", "dynamodb-stream"] {
        let done = desk.result(&["function.work", "--sample", name]);
        assert_eq!(done, "{\"batchItemFailures\":[]}\n", "{name}");
    }
}
