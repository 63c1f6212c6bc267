//! `--set PATH=VALUE`: a change of an event in one place.

use std::str::FromStr;

use serde_json::{Map, Value};

/// Paths that are longer come from no event: Lambda's own JSON is a few maps deep.
const MAX_STEPS: usize = 100;

/// One change: where, and what is put there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    /// As the user wrote it, for messages.
    text: String,
    path: Vec<Step>,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Edit {
    /// Makes the change; maps and lists that are missing on the way come into being.
    pub(super) fn apply(&self, event: &mut Value) -> Result<(), String> {
        let mut at = event;
        let mut walked = String::new();
        for step in &self.path {
            at = step.take(at).map_err(|why| {
                let place =
                    if walked.is_empty() { "the event".into() } else { format!("`{walked}`") };
                format!("`--set {}`: {place} {why}", self.text)
            })?;
            step.show(&mut walked);
        }
        *at = self.value.clone();
        Ok(())
    }
}

impl Step {
    /// The value that the step leads to; `null` where there was none.
    fn take<'a>(&self, at: &'a mut Value) -> Result<&'a mut Value, String> {
        if at.is_null() {
            *at = match self {
                Self::Key(_) => Value::Object(Map::new()),
                Self::Index(_) => Value::Array(Vec::new()),
            };
        }
        let kind = kind(at);
        match (self, at) {
            (Self::Key(key), Value::Object(map)) => Ok(map.entry(key).or_insert(Value::Null)),
            (Self::Key(_), _) => Err(format!("is {kind}, not a map")),
            (Self::Index(index), Value::Array(items)) => {
                let count = items.len();
                if *index == count {
                    items.push(Value::Null);
                }
                let next = format!("has no item `[{index}]`; the next one is `[{count}]`");
                items.get_mut(*index).ok_or(next)
            }
            (Self::Index(_), _) => Err(format!("is {kind}, not a list")),
        }
    }

    fn show(&self, path: &mut String) {
        match self {
            Self::Index(index) => path.push_str(&format!("[{index}]")),
            Self::Key(key) if key.is_empty() || key.contains(['.', '[', '=', '"']) => {
                path.push_str(&format!("[{}]", Value::from(key.as_str())));
            }
            Self::Key(key) => {
                let dot = if path.is_empty() { "" } else { "." };
                path.push_str(&format!("{dot}{key}"));
            }
        }
    }
}

impl FromStr for Edit {
    type Err = String;

    /// Reads `a.b[0]["c.d"]=VALUE`. What is not JSON is a string.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut path = Vec::new();
        let mut rest = text;
        loop {
            let (step, after) = match rest.strip_prefix('[') {
                Some(bracket) => in_brackets(bracket)?,
                None => name(rest)?,
            };
            path.push(step);
            if path.len() > MAX_STEPS {
                return Err(format!("the path has more than {MAX_STEPS} steps"));
            }
            if let Some(value) = after.strip_prefix('=') {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                return Ok(Self { text: text.to_owned(), path, value });
            }
            rest = match after.strip_prefix('.') {
                Some(name) => name,
                None if after.starts_with('[') => after,
                None => return Err("expected PATH=VALUE, such as `user.name=Ada`".to_owned()),
            };
        }
    }
}

/// A key without quotes, and what follows it.
fn name(text: &str) -> Result<(Step, &str), String> {
    let end = text.find(['.', '[', '=']).unwrap_or(text.len());
    if end == 0 {
        return Err("a name is missing in the path: expected `a.b[0].c=VALUE`".to_owned());
    }
    Ok((Step::Key(text[..end].to_owned()), &text[end..]))
}

/// `0]` or `"a key"]`, and what follows.
fn in_brackets(text: &str) -> Result<(Step, &str), String> {
    let wrong = || "expected `[0]` or `[\"a key\"]` in the path".to_owned();
    let (step, rest) = if text.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let key = strings.next().and_then(Result::ok).ok_or_else(wrong)?;
        (Step::Key(key), &text[strings.byte_offset()..])
    } else {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        (Step::Index(text[..end].parse().map_err(|_| wrong())?), &text[end..])
    };
    Ok((step, rest.strip_prefix(']').ok_or_else(wrong)?))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Edit;

    fn edit(mut event: Value, text: &str) -> Result<Value, String> {
        text.parse::<Edit>()?.apply(&mut event)?;
        Ok(event)
    }

    #[test]
    fn a_path_leads_through_maps_and_lists() {
        let event = json!({ "a": { "b": 1 }, "list": [{ "x": 1 }] });
        for (text, expected) in [
            ("a.b=2", json!({ "a": { "b": 2 }, "list": [{ "x": 1 }] })),
            ("a=b", json!({ "a": "b", "list": [{ "x": 1 }] })),
            ("list[0].x=null", json!({ "a": { "b": 1 }, "list": [{ "x": null }] })),
            ("list[1]=[]", json!({ "a": { "b": 1 }, "list": [{ "x": 1 }, []] })),
            ("list=", json!({ "a": { "b": 1 }, "list": "" })),
        ] {
            assert_eq!(edit(event.clone(), text).unwrap(), expected, "{text}");
        }
        assert_eq!(edit(json!([[1]]), "[0][0]=2").unwrap(), json!([[2]]));
    }

    #[test]
    fn what_is_missing_comes_into_being() {
        assert_eq!(edit(json!({}), "a.b[0].c=1").unwrap(), json!({ "a": { "b": [{ "c": 1 }] } }));
        assert_eq!(edit(json!({ "a": null }), "a.b=1").unwrap(), json!({ "a": { "b": 1 } }));
        assert_eq!(edit(Value::Null, "[0]=1").unwrap(), json!([1]));
    }

    #[test]
    fn values_are_json_or_else_strings() {
        for (text, expected) in [
            ("v=1.0", json!(1.0)),
            ("v=\"1\"", json!("1")),
            ("v=a=b", json!("a=b")),
            ("v={\"x\": [true]}", json!({ "x": [true] })),
            ("v={x}", json!("{x}")),
        ] {
            assert_eq!(edit(json!({}), text).unwrap(), json!({ "v": expected }), "{text}");
        }
        let expected = json!({ "headers": { "x.y=z": 1 } });
        assert_eq!(edit(json!({}), "headers[\"x.y=z\"]=1").unwrap(), expected);
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_it_ends() {
        let event = json!({ "a": { "b": 1 }, "list": [1], "x.y": "" });
        for (text, expected) in [
            ("a.b.c=1", "`--set a.b.c=1`: `a.b` is a number, not a map"),
            ("list.a=1", "`--set list.a=1`: `list` is a list, not a map"),
            ("[0]=1", "`--set [0]=1`: the event is a map, not a list"),
            ("[\"x.y\"][0]=1", "`--set [\"x.y\"][0]=1`: `[\"x.y\"]` is a string, not a list"),
            ("list[2]=1", "`--set list[2]=1`: `list` has no item `[2]`; the next one is `[1]`"),
        ] {
            assert_eq!(edit(event.clone(), text).unwrap_err(), expected, "{text}");
        }
        for text in ["", "=1", "a", "a.=1", "a..b=1", "a[=1", "a[x]=1", "a[0]b=1"] {
            assert!(text.parse::<Edit>().is_err(), "{text}");
        }
        let deep = format!("{}=1", "[0]".repeat(101));
        assert!(deep.parse::<Edit>().is_err());
    }
}
