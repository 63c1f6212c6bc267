//! Believes only what GitHub has signed.

use std::env;
use std::sync::LazyLock;

use hmac::{Hmac, Mac};
use lambda_runtime::Error;
use serde_json::{Value, json};
use sha2::Sha256;

static SECRET: LazyLock<String> = LazyLock::new(|| {
    env::var("WEBHOOK_SECRET").unwrap_or_else(|_| "It's a secret to everybody".to_owned())
});

pub fn handler(event: Value) -> Result<Value, Error> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(event["body"].as_str().unwrap_or_default().as_bytes());
    let sent = event["headers"]["x-hub-signature-256"].as_str().unwrap_or_default();
    let sent = sent.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok());
    // In constant time.
    if mac.verify_slice(&sent.unwrap_or_default()).is_ok() {
        Ok(answer(200, &json!({ "accepted": true })))
    } else {
        Ok(answer(401, &json!({ "error": "the signature is missing or wrong" })))
    }
}

fn answer(status: u16, value: &Value) -> Value {
    json!({
        "body": value.to_string(),
        "headers": { "content-type": "application/json" },
        "statusCode": status,
    })
}
