//! Values compared and shown: as JSON laid out for people, with the lines that differ.

use std::fmt::Write as _;

use rhai::{Dynamic, FnPtr, NativeCallContext};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::modules::shorten;

/// Deeper values are cut.
const MAX_DEPTH: usize = 64;

/// Values as short as this are compared in one line.
const BRIEF: usize = 60;

/// Lines around a difference that are shown with it.
const AROUND: usize = 3;

/// What tells one value from another.
pub(super) enum Difference {
    /// One line says it all.
    Brief(String),
    /// Both values line by line: `-` is expected, `+` was found.
    Lines(String),
}

/// Whether both are the same: of the same types all the way down, so that `1` is not `1.0`.
pub(super) fn same(context: &NativeCallContext, a: &Dynamic, b: &Dynamic) -> bool {
    same_at(context, a, b, 0)
}

fn same_at(context: &NativeCallContext, a: &Dynamic, b: &Dynamic, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        let mut pairs = a.iter().zip(b.iter());
        return a.len() == b.len() && pairs.all(|(a, b)| same_at(context, a, b, depth + 1));
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        let mut pairs = a.iter().zip(b.iter());
        return a.len() == b.len()
            && pairs.all(|(a, b)| a.0 == b.0 && same_at(context, a.1, b.1, depth + 1));
    }
    let (mut a, mut b) = (a.flatten_clone(), b.flatten_clone());
    if a.type_id() != b.type_id() {
        return false;
    }
    if a.is_unit() {
        return true;
    }
    let equal = context.call_native_fn_raw("==", true, &mut [&mut a, &mut b]);
    equal.is_ok_and(|equal| equal.as_bool().unwrap_or(false))
}

/// A value in one line, for a message.
pub(super) fn brief(value: &Dynamic) -> String {
    if value.is_unit() {
        return "`()`".to_owned();
    }
    shorten(&to_json(value).to_string())
}

/// A value as JSON; what JSON cannot express is described.
pub(super) fn to_json(value: &Dynamic) -> Value {
    to_json_at(value, 0)
}

fn to_json_at(value: &Dynamic, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::from("…");
    }
    if value.is_unit() {
        Value::Null
    } else if let Ok(flag) = value.as_bool() {
        Value::from(flag)
    } else if let Ok(number) = value.as_int() {
        Value::from(number)
    } else if let Ok(number) = value.as_float() {
        serde_json::Number::from_f64(number)
            .map_or_else(|| Value::from(format!("<{number}>")), Value::from)
    } else if let Ok(text) = value.as_immutable_string_ref() {
        Value::from(text.as_str())
    } else if let Ok(character) = value.as_char() {
        Value::from(format!("<character {character:?}>"))
    } else if let Ok(blob) = value.as_blob_ref() {
        let hex = blob.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Value::from(format!("<blob {hex}>"))
    } else if let Ok(array) = value.as_array_ref() {
        array.iter().map(|item| to_json_at(item, depth + 1)).collect()
    } else if let Ok(map) = value.as_map_ref() {
        let entry = |(key, item): (&_, &Dynamic)| (String::clone(key), to_json_at(item, depth + 1));
        map.iter().map(|(key, item)| entry((&key.to_string(), item))).collect()
    } else if value.is::<FnPtr>() {
        Value::from("<function>")
    } else {
        Value::from(format!("<{}>", value.type_name().rsplit("::").next().unwrap_or_default()))
    }
}

/// What tells `found` from `expected`.
pub(super) fn between(expected: &Value, found: &Value) -> Difference {
    let (short_expected, short_found) = (expected.to_string(), found.to_string());
    if short_expected == short_found {
        let message = format!("both are written {}, and are not equal", shorten(&short_found));
        return Difference::Brief(message);
    }
    let is_nested = |value: &Value| value.is_array() || value.is_object();
    let is_brief = short_expected.chars().count() <= BRIEF && short_found.chars().count() <= BRIEF;
    if is_brief && !(is_nested(expected) && is_nested(found)) {
        return Difference::Brief(format!("found {short_found}, expected {short_expected}"));
    }
    Difference::Lines(lines(&pretty(expected), &pretty(found)))
}

/// JSON laid out for people; a text is its own lines.
fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

fn lines(expected: &str, found: &str) -> String {
    let diff = TextDiff::from_lines(expected, found);
    let mut out = String::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            out.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(out, "{sign} {}", change.value().trim_end_matches('\n'));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Difference, between};

    fn difference(expected: serde_json::Value, found: serde_json::Value) -> String {
        match between(&expected, &found) {
            Difference::Brief(text) | Difference::Lines(text) => text,
        }
    }

    #[test]
    fn short_values_are_compared_in_a_line() {
        assert_eq!(difference(json!(5), json!(4)), "found 4, expected 5");
        assert_eq!(difference(json!(1), json!(1.0)), "found 1.0, expected 1");
        assert_eq!(difference(json!([]), json!(null)), "found null, expected []");
    }

    #[test]
    fn nested_values_are_compared_line_by_line() {
        let expected = "  {\n    \"id\": 1,\n-   \"total\": 5\n+   \"total\": 4\n  }\n";
        let found = difference(json!({ "id": 1, "total": 5 }), json!({ "id": 1, "total": 4 }));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_far_from_a_difference_is_left_out() {
        let list = |first: i32, last: i32| {
            json!([first, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, last, "something long enough for lines"])
        };
        let found = difference(list(0, 11), list(-1, 12));
        assert!(found.contains("\n  …\n") && !found.contains("   6,"), "{found}");
    }

    #[test]
    fn a_long_text_is_its_own_lines() {
        let long = "a line that is long enough to be shown as lines\nanother line\n";
        let found = difference(json!(long), json!(long.replace("another", "one more")));
        let expected =
            "  a line that is long enough to be shown as lines\n- another line\n+ one more line\n";
        assert_eq!(found, expected);
    }
}
