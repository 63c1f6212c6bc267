//! Checks of the option maps that scripts hand over.

use rhai::{Dynamic, EvalAltResult, Map};

use super::refuse;
use crate::suggest::nearest;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// An option whose value is of the wrong kind.
pub(crate) fn expected(name: &str, what: &str, found: &Dynamic) -> Box<EvalAltResult> {
    let kind = match found.type_name() {
        "i64" => "a number",
        "bool" => "true or false",
        "()" => "nothing",
        _ if found.is_string() => "a string",
        _ if found.is_array() => "a list",
        _ if found.is_map() => "a map",
        _ if found.is_blob() => "a blob",
        _ => "something else",
    };
    refuse(format!("`{name}` must be {what}, not {kind}"))
}

/// Refuses a map that holds other entries than `known`.
///
/// # Errors
/// `WebError` with the name that was probably meant.
pub(crate) fn refuse_unknown(map: &Map, known: &[&str], whose: &str) -> Fallible<()> {
    let Some(name) = map.keys().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(known)),
    };
    Err(refuse(format!("{whose} has no option `{name}`; {hint}")))
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A boolean that is false if absent.
///
/// # Errors
/// `WebError` for another kind of value.
pub(crate) fn flag(map: &Map, name: &str) -> Fallible<bool> {
    match map.get(name) {
        None => Ok(false),
        Some(value) if value.is_unit() => Ok(false),
        Some(value) => value.as_bool().map_err(|_| expected(name, "true or false", value)),
    }
}

/// A string, or a number as one, that can stand in a header.
///
/// # Errors
/// `WebError` for another kind of value, or one with control characters.
pub(crate) fn optional(map: &Map, name: &str) -> Fallible<Option<String>> {
    match map.get(name) {
        None => Ok(None),
        Some(value) if value.is_unit() => Ok(None),
        Some(value) => header_value(name, value).map(Some),
    }
}

/// A value as it stands in a header.
///
/// # Errors
/// `WebError` for what is no plain value, or one that would start a header of its own.
pub(crate) fn header_value(name: &str, value: &Dynamic) -> Fallible<String> {
    let text = if let Ok(text) = value.as_immutable_string_ref() {
        text.to_string()
    } else if value.is_int() || value.is_bool() || value.is_float() || value.is_char() {
        value.to_string()
    } else {
        return Err(expected(name, "a string", value));
    };
    one_line(name, &text)?;
    Ok(text)
}

/// Text that can stand in a header.
///
/// # Errors
/// `WebError` for one that would start a header of its own.
pub(crate) fn one_line<'a>(name: &str, text: &'a str) -> Fallible<&'a str> {
    match text.chars().any(|c| c.is_control() && c != '\t') {
        true => Err(refuse(format!("`{name}` holds a line break or another control character"))),
        false => Ok(text),
    }
}

/// A list of strings, or one string; empty if absent.
///
/// # Errors
/// `WebError` for another kind of value, or one with control characters.
pub(crate) fn strings(map: &Map, name: &str) -> Fallible<Vec<String>> {
    let Some(value) = map.get(name).filter(|value| !value.is_unit()) else {
        return Ok(Vec::new());
    };
    let string = |value: &Dynamic| match value.is_string() {
        true => header_value(name, value),
        false => Err(expected(name, "a string or a list of strings", value)),
    };
    match value.as_array_ref() {
        Ok(values) => values.iter().map(string).collect(),
        Err(_) => Ok(vec![string(value)?]),
    }
}

/// Whether `name` can be the name of a header or a cookie.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
