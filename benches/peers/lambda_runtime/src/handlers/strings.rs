//! A text is put together, taken apart and searched.

use std::fmt::Write;

use lambda_runtime::Error;
use serde_json::{Value, json};

const KINDS: [&str; 5] = ["assam", "sencha", "oolong", "darjeeling", "rooibos"];

pub fn handler(event: Value) -> Result<Value, Error> {
    let mut text = String::new();
    for i in 0..event["count"].as_u64().unwrap_or_default() as usize {
        write!(text, "{i}: {}, ", KINDS[i % 5])?;
    }
    let lines: Vec<&str> = text.split(", ").collect();
    let mut found = 0;
    let mut upper = String::new();
    for line in &lines {
        if line.contains("oo") {
            found += 1;
            upper += &line.to_uppercase();
            upper.push('\n');
        }
    }
    Ok(json!({
        "found": found,
        "last": &upper[upper.len().saturating_sub(12)..],
        "length": text.len(),
        "lines": lines.len(),
        "upper": upper.len(),
    }))
}
