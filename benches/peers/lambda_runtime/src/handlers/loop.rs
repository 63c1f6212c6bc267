//! A loop over integers: arithmetic and branches.

use lambda_runtime::Error;
use serde_json::{Value, json};

pub fn handler(event: Value) -> Result<Value, Error> {
    let (mut value, mut odd) = (1, 0);
    for i in 0..event["count"].as_i64().unwrap_or_default() {
        value = (value * 31 + i) % 1_000_003;
        if value % 2 == 1 {
            odd += 1;
        }
    }
    Ok(json!({ "odd": odd, "value": value }))
}
