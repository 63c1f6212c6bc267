//! Messages that fail come again, the others do not.

use lambda_runtime::Error;
use serde_json::{Value, json};

pub fn handler(event: Value) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in event["Records"].as_array().into_iter().flatten() {
        if let Err(error) = bill(record["body"].as_str().unwrap_or_default()) {
            eprintln!("error: {}: {error}", record["messageId"]);
            failures.push(json!({ "itemIdentifier": record["messageId"] }));
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

fn bill(body: &str) -> Result<(), Error> {
    let order: Value = serde_json::from_str(body)?;
    let total: i64 = order["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            item["count"].as_i64().unwrap_or_default() * item["price"].as_i64().unwrap_or_default()
        })
        .sum();
    if order["total"] != total {
        return Err(format!("{} comes to {total}", order["id"]).into());
    }
    Ok(())
}
