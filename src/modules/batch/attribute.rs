//! DynamoDB's typed attributes, `{"S": "tea"}`, as plain values.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rhai::{Dynamic, EvalAltResult, Map};

use super::refuse;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// DynamoDB itself nests attributes 32 levels deep.
const MAX_DEPTH: usize = 64;

/// An item as a plain map; `()` if there is none.
///
/// # Errors
/// `BatchError` for what is no item.
pub(crate) fn item(item: Option<&Dynamic>) -> Fallible<Dynamic> {
    match item {
        None => Ok(Dynamic::UNIT),
        Some(item) if item.is_unit() => Ok(Dynamic::UNIT),
        Some(item) => map(item, 0),
    }
}

fn map(attributes: &Dynamic, depth: usize) -> Fallible<Dynamic> {
    let attributes = attributes.as_map_ref().map_err(|_| odd("a map of attributes"))?;
    let values = attributes
        .iter()
        .map(|(name, attribute)| Ok((name.clone(), value(attribute, depth + 1)?)))
        .collect::<Fallible<Map>>()?;
    Ok(Dynamic::from_map(values))
}

fn value(attribute: &Dynamic, depth: usize) -> Fallible<Dynamic> {
    if depth > MAX_DEPTH {
        return Err(refuse(format!("an item is nested deeper than {MAX_DEPTH} levels")));
    }
    let attribute = attribute.as_map_ref().map_err(|_| odd("an attribute"))?;
    let Some((kind, inner)) = attribute.iter().next().filter(|_| attribute.len() == 1) else {
        return Err(odd("one type and its value"));
    };
    match kind.as_str() {
        "S" | "BOOL" => Ok(inner.flatten_clone()),
        "N" => number(inner),
        "B" => bytes(inner),
        "NULL" => Ok(Dynamic::UNIT),
        "M" => map(inner, depth),
        "L" => list(inner, |item| value(item, depth + 1)),
        "SS" => list(inner, |item| Ok(item.flatten_clone())),
        "NS" => list(inner, number),
        "BS" => list(inner, bytes),
        other => Err(refuse(format!("there is no DynamoDB type `{other}`"))),
    }
}

fn list(items: &Dynamic, each: impl Fn(&Dynamic) -> Fallible<Dynamic>) -> Fallible<Dynamic> {
    let items = items.as_array_ref().map_err(|_| odd("a list"))?;
    Ok(Dynamic::from_array(items.iter().map(each).collect::<Fallible<_>>()?))
}

/// Whole numbers of 64 bits stay whole, all others become floats: the rule of JSON.
fn number(text: &Dynamic) -> Fallible<Dynamic> {
    let text = text.as_immutable_string_ref().map_err(|_| odd("a number in a string"))?;
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.into());
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number.into()),
        _ => Err(odd("a number in a string")),
    }
}

fn bytes(text: &Dynamic) -> Fallible<Dynamic> {
    let text = text.as_immutable_string_ref().map_err(|_| odd("base64"))?;
    let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| odd("base64"))?;
    Ok(Dynamic::from_blob(bytes))
}

fn odd(expected: &str) -> Box<EvalAltResult> {
    refuse(format!("the item is not in DynamoDB's form: expected {expected}"))
}
