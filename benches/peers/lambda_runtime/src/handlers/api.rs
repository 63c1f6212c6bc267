//! Orders of a shop: listed, shown, and extended by those who may.

use lambda_runtime::Error;
use serde_json::{Value, json};

/// In place of a table in a database.
const ORDERS: [&str; 2] = ["o-20261122-0017", "o-20261123-0042"];

/// A status with a message, for what cannot be done.
type Refusal = (u16, String);

pub fn handler(event: Value) -> Result<Value, Error> {
    let method = event["requestContext"]["http"]["method"].as_str().unwrap_or_default();
    let path = event["rawPath"].as_str().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answer = match (method, parts.as_slice()) {
        ("GET", ["orders"]) => list(&event),
        ("GET", ["orders", id]) => show(&event, id),
        ("POST", ["orders", id, "items"]) => add(&event, id),
        ("DELETE", ["orders", id, "items", _]) => remove(&event, id),
        _ => Err((404, format!("there is no {path}"))),
    };
    Ok(answer
        .unwrap_or_else(|(status, message)| respond(status, &json!({ "error": message }), None)))
}

fn list(event: &Value) -> Result<Value, Refusal> {
    require_scope(event, "orders:read")?;
    Ok(respond(200, &json!({ "orders": ORDERS }), None))
}

fn show(event: &Value, id: &str) -> Result<Value, Refusal> {
    require_scope(event, "orders:read")?;
    require_order(id)?;
    Ok(respond(200, &json!({ "order": id }), None))
}

fn add(event: &Value, id: &str) -> Result<Value, Refusal> {
    let claims = require_scope(event, "orders:write")?;
    require_order(id)?;
    let body = event["body"].as_str().unwrap_or_default();
    let body: Value = serde_json::from_str(body).map_err(|error| (400, error.to_string()))?;
    let items = body["items"].as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| (422, "`items` is missing".to_owned()))?;
    let mut lines = Vec::new();
    let (mut count, mut total) = (0, 0);
    for item in items {
        let amount = item["count"].as_i64().unwrap_or_default();
        let sum = amount * item["price"].as_i64().unwrap_or_default();
        lines.push(json!({ "count": amount, "sku": item["sku"], "total": sum }));
        count += amount;
        total += sum;
    }
    let query = &event["queryStringParameters"];
    let answer = json!({
        "added_by": claims["sub"],
        "count": count,
        "currency": query["currency"],
        "lines": lines,
        "notify": query["notify"],
        "order": id,
        "total": total,
    });
    Ok(respond(201, &answer, Some(&format!("/orders/{id}/items"))))
}

fn remove(event: &Value, id: &str) -> Result<Value, Refusal> {
    require_scope(event, "orders:write")?;
    require_order(id)?;
    Ok(respond(204, &Value::Null, None))
}

fn require_scope<'a>(event: &'a Value, scope: &str) -> Result<&'a Value, Refusal> {
    let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
    match claims["scope"].as_str() {
        Some(scopes) if scopes.split(' ').any(|one| one == scope) => Ok(claims),
        _ => Err((403, format!("the scope {scope} is needed"))),
    }
}

fn require_order(id: &str) -> Result<(), Refusal> {
    if ORDERS.contains(&id) { Ok(()) } else { Err((404, format!("there is no order {id}"))) }
}

fn respond(status: u16, value: &Value, location: Option<&str>) -> Value {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(location) = location {
        headers["location"] = location.into();
    }
    json!({
        "body": value.to_string(),
        "cookies": [],
        "headers": headers,
        "isBase64Encoded": false,
        "statusCode": status,
    })
}
