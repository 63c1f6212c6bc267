//! Counts in a map and an array, and looks all of it up again.

use std::collections::HashMap;

use lambda_runtime::Error;
use serde_json::{Value, json};

pub fn handler(event: Value) -> Result<Value, Error> {
    let count = event["count"].as_u64().unwrap_or_default() as usize;
    let mut stock = HashMap::<String, u64>::new();
    let mut order = Vec::new();
    for i in 0..count {
        let sku = format!("sku-{}", i * 7919 % 1009);
        *stock.entry(sku.clone()).or_default() += 1;
        order.push(sku);
    }
    let (mut top, mut total) = (0, 0);
    for i in 0..count {
        let amount = stock[&order[i * 31 % count]];
        total += amount;
        top = top.max(amount);
    }
    Ok(json!({ "keys": stock.len(), "top": top, "total": total }))
}
