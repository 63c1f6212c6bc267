//! Fibonacci numbers by recursion: calls of functions.

use lambda_runtime::Error;
use serde_json::{Value, json};

pub fn handler(event: Value) -> Result<Value, Error> {
    Ok(json!({ "value": fib(event["n"].as_i64().unwrap_or_default()) }))
}

fn fib(n: i64) -> i64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}
