//! `rhai-lambda events`: what each service sends to a function, at hand without a network.
//!
//! The samples are files beside this one. They are whole and hold together: digests match, base64
//! and gzip decode, ids agree with each other.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::suggest::nearest;

use super::misuse::Misuse;
use super::terminal::{Ending, print};

/// An event as a service sends it.
pub(super) struct Sample {
    /// What it is asked for by.
    pub(super) name: &'static str,
    /// The service, and what happened.
    pub(super) about: &'static str,
    /// The event, JSON.
    pub(super) event: &'static str,
}

/// The samples, each with its file.
macro_rules! samples {
    ($($name:literal: $about:literal,)*) => {
        &[$(Sample {
            name: $name,
            about: $about,
            event: include_str!(concat!("events/", $name, ".json")),
        },)*]
    };
}

/// In the order of the list: HTTP, queues and streams, storage, events and operations, people, things.
const SAMPLES: &[Sample] = samples! {
    "http-api": "API Gateway, HTTP API: a request with a path parameter, a query and a JSON body",
    "rest-api": "API Gateway, REST API: the same request",
    "function-url": "Function URL: a request with a query",
    "alb": "Application Load Balancer: a form that was sent",
    "alb-multi-value": "Application Load Balancer with multi-value headers",
    "websocket-connect": "API Gateway, WebSocket API: a client connects",
    "websocket-message": "API Gateway, WebSocket API: a client sends a message",
    "websocket-disconnect": "API Gateway, WebSocket API: a client is gone",
    "authorizer-http-api": "API Gateway, HTTP API: may this request pass?",
    "authorizer-request": "API Gateway, REST API: may this request pass?",
    "authorizer-token": "API Gateway, REST API: may this token pass?",
    "appsync": "AppSync: a field of a GraphQL query",
    "sqs": "SQS: two messages of a queue",
    "sqs-fifo": "SQS: two messages of a FIFO queue",
    "sns": "SNS: a message to a topic",
    "kinesis": "Kinesis: two records of a stream",
    "firehose": "Data Firehose: two records to transform",
    "dynamodb-stream": "DynamoDB: an item is put, changed, and deleted by its time to live",
    "kafka": "MSK: records of two partitions",
    "activemq": "Amazon MQ, ActiveMQ: a message of a queue",
    "rabbitmq": "Amazon MQ, RabbitMQ: a message of a queue",
    "s3-put": "S3: an object was put",
    "s3-delete": "S3: an object was deleted",
    "s3-batch": "S3 Batch Operations: a task of a job",
    "eventbridge": "EventBridge: an event of an application",
    "schedule": "EventBridge: a schedule is due",
    "step-functions": "EventBridge: an execution of a state machine has succeeded",
    "cloudwatch-logs": "CloudWatch Logs: two lines that a filter let through",
    "cloudwatch-alarm": "CloudWatch: an alarm goes off",
    "config": "Config: a resource to judge by a rule",
    "codepipeline": "CodePipeline: a job of a pipeline",
    "cloudformation": "CloudFormation: a custom resource is created",
    "secrets-rotation": "Secrets Manager: the first step of a rotation",
    "cognito-pre-signup": "Cognito: a user signs up",
    "cognito-post-confirmation": "Cognito: a user is confirmed",
    "cognito-pre-token": "Cognito: a token is about to be made",
    "ses": "SES: a mail came in",
    "connect": "Connect: a flow of a call",
    "lex": "Lex V2: an intent is fulfilled",
    "iot-authorizer": "IoT Core: may this device connect?",
};

/// Lists sample events, or prints one.
///
/// `rhai-lambda invoke --sample NAME` runs a function with one, and `--set` changes it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda events                               the list
  rhai-lambda events sqs                           one event
  rhai-lambda events s3-put > event.json           a folder's own event to start with
  rhai-lambda invoke --sample sqs --set 'Records[0].body=hello'
")]
pub(super) struct Arguments {
    /// The event to print
    name: Option<String>,

    /// Prints the list as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Misuse> {
    let text = match &arguments.name {
        Some(name) => find(name)?.event.to_owned(),
        None if arguments.json => {
            let list = all().iter().map(|it| json!({ "name": it.name, "about": it.about }));
            format!("{:#}\n", serde_json::Value::from_iter(list))
        }
        None => {
            let width = all().iter().map(|sample| sample.name.len()).max().unwrap_or_default();
            all().iter().map(|it| format!("{:width$}  {}\n", it.name, it.about)).collect()
        }
    };
    let unwritten = |error| Misuse::new(format!("failed to write to standard output: {error}"));
    print(text.as_bytes(), Ending::Newline).map_err(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// Every sample.
pub(super) fn all() -> &'static [Sample] {
    SAMPLES
}

/// The sample of that name.
pub(super) fn find(name: &str) -> Result<&'static Sample, Misuse> {
    if let Some(sample) = all().iter().find(|sample| sample.name == name) {
        return Ok(sample);
    }
    let misuse = Misuse::new(format!("there is no sample event `{name}`"));
    // What is meant may be a part of a name: `s3`, `authorizer`.
    let parts = all().iter().map(|sample| sample.name).filter(|known| known.contains(name));
    let parts: Vec<String> = parts.map(|known| format!("`{known}`")).collect();
    Err(match nearest(name, all().iter().map(|sample| sample.name)) {
        Some(near) => misuse.hint(format!("did you mean `{near}`?")),
        None if !parts.is_empty() && !name.is_empty() => {
            misuse.hint(format!("there are {}", parts.join(", ")))
        }
        None => misuse.hint("`rhai-lambda events` lists them"),
    })
}
