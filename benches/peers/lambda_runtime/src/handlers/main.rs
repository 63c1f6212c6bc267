//! The handlers of all workloads but echo, which has a program of its own so that it is the smallest
//! possible. The folder that the program is started in says which handler is meant.

mod api;
mod fib;
mod r#loop;
mod maps;
mod sqs;
mod strings;
mod transform;
mod webhook;

use std::env;
use std::path::Path;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

/// Computes the answer to an event.
type Handler = fn(Value) -> Result<Value, Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let root = env::var("LAMBDA_TASK_ROOT")?;
    let workload = Path::new(&root).file_name().and_then(|name| name.to_str());
    let handler: Handler = match workload {
        Some("api") => api::handler,
        Some("fib") => fib::handler,
        Some("loop") => r#loop::handler,
        Some("maps") => maps::handler,
        Some("sqs") => sqs::handler,
        Some("strings") => strings::handler,
        Some("transform") => transform::handler,
        Some("webhook") => webhook::handler,
        _ => return Err(format!("there is no handler for `{root}`").into()),
    };
    run(service_fn(|event: LambdaEvent<Value>| async move { handler(event.payload) })).await
}
