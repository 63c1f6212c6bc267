//! Rows for a report: orders that were not cancelled, and what each country paid.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use serde_json::{Value, json};

pub fn handler(event: Value) -> Result<Value, Error> {
    let mut revenue = BTreeMap::<&str, i64>::new();
    let mut rows = Vec::new();
    for order in event.as_array().into_iter().flatten() {
        if order["state"] == "cancelled" {
            continue;
        }
        let items = order["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let total: i64 = items
            .iter()
            .map(|item| {
                item["count"].as_i64().unwrap_or_default()
                    * item["price"].as_i64().unwrap_or_default()
            })
            .sum();
        let country = order["customer"]["country"].as_str().unwrap_or_default();
        *revenue.entry(country).or_default() += total;
        rows.push(json!({
            "country": country,
            "customer": order["customer"]["name"],
            "day": order["created"].as_str().and_then(|time| time.get(..10)),
            "id": order["id"],
            "skus": items.iter().map(|item| &item["sku"]).collect::<Vec<_>>(),
            "total": total,
        }));
    }
    let total: i64 = revenue.values().sum();
    Ok(json!({ "orders": rows, "revenue": revenue, "total": total }))
}
