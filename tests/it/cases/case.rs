//! The folder of a case, read; what came, judged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::tools;

/// What an environment gave for an event.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The body, as text.
    pub text: String,
    /// Whether it is an error; `None` when this backend does not tell.
    pub is_error: Option<bool>,
    /// `Lambda-Runtime-Function-Error-Type`, where it can be seen.
    pub header: Option<String>,
}

/// One folder of `tests/cases/`.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub env: BTreeMap<String, String>,
    pub events: Vec<String>,
    /// What `log.txt` holds.
    pub log: Option<String>,
    is_list: bool,
    /// Whether `expected.json` is laid out for people.
    is_example: bool,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// One text for each event.
    Results(Vec<String>),
    Error(Value),
    /// Nothing is written down yet.
    Unknown,
}

/// Every case, in order, or those that `IT_CASE` names.
pub fn all() -> Vec<Case> {
    let wanted = std::env::var("IT_CASE").unwrap_or_default();
    let mut cases = Vec::new();
    for parent in ["tests/cases", "examples"] {
        let parent_path = tools::root().join(parent);
        let mut names: Vec<String> = std::fs::read_dir(&parent_path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(&wanted))
            .collect();
        names.sort();
        for name in names {
            let folder = parent_path.join(&name);
            let is_example = parent == "examples";
            // An example that brings its own `bootstrap` has its own test.
            if !is_example || !folder.join("Cargo.toml").exists() {
                cases.push(Case { is_example, ..Case::read(&folder, &format!("{parent}/{name}")) });
            }
        }
    }
    cases
}

pub fn is_filtered() -> bool {
    std::env::var_os("IT_CASE").is_some()
}

pub fn is_updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1")
}

impl Case {
    fn read(folder: &Path, name: &str) -> Self {
        let text = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
        let json = |file: &str| -> Option<Value> {
            let parsed = serde_json::from_str(&text(file)?);
            Some(parsed.unwrap_or_else(|error| panic!("{name}/{file}: {error}")))
        };
        let list = text("events.json").map(|list| lines_of_list(name, &list));
        let is_list = list.is_some();
        let events = list.unwrap_or_else(|| {
            let event = text("event.json");
            vec![event.unwrap_or_else(|| panic!("{name}: no event")).trim_end().to_owned()]
        });
        let expected = match (text("expected.json"), json("error.json")) {
            (Some(results), None) if is_list => Expected::Results(lines_of_list(name, &results)),
            (Some(result), None) => Expected::Results(vec![result.trim_end().to_owned()]),
            (None, Some(error)) => Expected::Error(error),
            (None, None) if is_updating() => Expected::Unknown,
            _ => panic!("{name}: one of `expected.json` and `error.json`"),
        };
        let env = json("env.json").map_or_else(BTreeMap::new, |env| {
            serde_json::from_value(env).unwrap_or_else(|error| panic!("{name}/env.json: {error}"))
        });
        let log = text("log.txt");
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            env,
            events,
            log,
            is_list,
            is_example: false,
            expected,
        }
    }

    /// The function's own environment; `${root}` in a value is its task root.
    pub fn env_in(&self, root: &Path) -> Vec<(String, String)> {
        let root = root.to_str().expect("a test's folder has a plain name");
        let filled =
            |(name, value): (&String, &String)| (name.clone(), value.replace("${root}", root));
        self.env.iter().map(filled).collect()
    }

    /// How long each of its events may take.
    pub fn timeout(&self) -> Duration {
        let seconds = self.env.get("AWS_LAMBDA_FUNCTION_TIMEOUT");
        Duration::from_secs(seconds.map_or(60, |seconds| seconds.parse().unwrap()))
    }

    pub fn expects_error(&self) -> bool {
        matches!(self.expected, Expected::Error(_))
    }

    /// Whether the error is expected that has this type.
    pub fn expects_error_type(&self, name: &str) -> bool {
        matches!(&self.expected, Expected::Error(error) if error["errorType"] == name)
    }

    /// Whether the case sets this variable.
    pub fn env_names(&self, name: &str) -> bool {
        self.env.contains_key(name)
    }

    /// Whether the function is expected not to start: AWS's names for that have a prefix.
    pub fn is_init_error(&self) -> bool {
        let Expected::Error(error) = &self.expected else { return false };
        error["errorType"].as_str().is_some_and(|name| name.starts_with("Runtime."))
    }

    /// Compares what came for the event at `index` with what was expected.
    pub fn judge(&self, index: usize, reply: &Reply) -> Result<(), String> {
        let reply = &Reply { text: readable(&reply.text), ..reply.clone() };
        let differs = |expected: &str| {
            let (event, found) = (shortened(&self.events[index]), shortened(&reply.text));
            let header = reply.header.as_deref().unwrap_or("(no header)");
            Err(format!("event {event}\n  expected {expected}\n  found    {found} {header}"))
        };
        match &self.expected {
            Expected::Unknown => Err("nothing is written down".into()),
            Expected::Results(results) => {
                let Some(expected) = results.get(index) else { return differs("fewer events") };
                let same = if self.is_example {
                    let value = |text| serde_json::from_str::<Value>(text).ok();
                    value(&reply.text).is_some_and(|found| Some(found) == value(expected))
                } else {
                    reply.text == *expected
                };
                if same && reply.is_error != Some(true) {
                    return Ok(());
                }
                differs(&shortened(expected))
            }
            Expected::Error(expected) => {
                let body: Value = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
                let text_matches = |key: &str| match (&expected[key], &body[key]) {
                    (Value::String(expected), Value::String(found)) => matches(expected, found),
                    _ => false,
                };
                let header_matches = reply
                    .header
                    .as_deref()
                    .is_none_or(|header| expected["header"].as_str() == Some(header));
                if reply.is_error != Some(false)
                    && text_matches("errorType")
                    && text_matches("errorMessage")
                    && stack_matches(&expected["stackTrace"], &body["stackTrace"])
                    && body.as_object().is_some_and(|body| body.len() == 3)
                    && header_matches
                {
                    return Ok(());
                }
                differs(&expected.to_string())
            }
        }
    }

    /// Writes down what was seen and does not match.
    pub fn update(&self, replies: &[Reply], log: Option<&str>) {
        let write = |name: &str, text: &str| std::fs::write(self.folder.join(name), text).unwrap();
        let _ = std::fs::remove_file(self.folder.join("expected.json"));
        let _ = std::fs::remove_file(self.folder.join("error.json"));
        let last = replies.last().expect("a case has an event");
        if last.is_error == Some(true) {
            let body: Value = serde_json::from_str(&last.text).unwrap();
            let unknown = json!({});
            let known = if let Expected::Error(error) = &self.expected { error } else { &unknown };
            // What matches is kept: it may hold a pattern.
            let text = |key: &str| match (&known[key], &body[key]) {
                (Value::String(pattern), Value::String(found)) if matches(pattern, found) => {
                    known[key].clone()
                }
                (_, found) => found.clone(),
            };
            let (stack, found) = (&known["stackTrace"], &body["stackTrace"]);
            let error = json!({
                "errorType": text("errorType"),
                "errorMessage": text("errorMessage"),
                "stackTrace": if stack_matches(stack, found) { stack } else { found },
                "header": last.header,
            });
            write("error.json", &format!("{}\n", serde_json::to_string_pretty(&error).unwrap()));
        } else if self.is_list {
            let lines: Vec<&str> = replies.iter().map(|reply| reply.text.as_str()).collect();
            write("expected.json", &format!("[\n{}\n]\n", lines.join(",\n")));
        } else {
            write("expected.json", &format!("{}\n", readable(&last.text)));
        }
        if let (Some(log), Some(_)) = (log, &self.log) {
            write("log.txt", log);
        }
    }
}

/// A streamed answer of HTTP, which is JSON, eight zeros and the body, as one JSON object; anything else
/// as it is.
pub fn readable(text: &str) -> String {
    let Some((prelude, body)) = text.split_once("\0\0\0\0\0\0\0\0") else { return text.to_owned() };
    let mut whole: Value = serde_json::from_str(prelude).expect("the prelude is JSON");
    whole["body"] = json!(body);
    whole.to_string()
}

/// A list with one item a line keeps each item's bytes; parsing would not keep `1.0` or the order.
fn lines_of_list(name: &str, list: &str) -> Vec<String> {
    serde_json::from_str::<Vec<Value>>(list).unwrap_or_else(|error| panic!("{name}: {error}"));
    let lines: Vec<&str> = list.lines().map(|line| line.trim().trim_end_matches(',')).collect();
    let (first, last) = (lines.first(), lines.last());
    assert!(first == Some(&"[") && last == Some(&"]"), "{name}: a list has one item a line");
    lines[1..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

fn stack_matches(expected: &Value, found: &Value) -> bool {
    fn frames(stack: &Value) -> Option<Vec<&str>> {
        stack.as_array()?.iter().map(Value::as_str).collect()
    }
    fn walk(expected: &[&str], found: &[&str]) -> bool {
        match (expected, found) {
            ([], []) => true,
            (["...", rest @ ..], _) => (0..=found.len()).any(|skip| walk(rest, &found[skip..])),
            ([first, rest @ ..], [frame, others @ ..]) => {
                matches(first, frame) && walk(rest, others)
            }
            _ => false,
        }
    }
    match (frames(expected), frames(found)) {
        (Some(expected), Some(found)) => walk(&expected, &found),
        _ => false,
    }
}

/// Whether `text` is `pattern`, in which each `*` stands for anything.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn shortened(text: &str) -> String {
    if text.len() < 3000 {
        return text.to_owned();
    }
    let start: String = text.chars().take(300).collect();
    format!("{start}… ({} bytes)", text.len())
}

#[test]
fn patterns() {
    assert!(matches("abc", "abc") && !matches("abc", "abcd") && !matches("abc", "ab"));
    assert!(matches("a*c", "abbc") && matches("a*c", "ac") && !matches("a*c", "acb"));
    assert!(matches("*", "") && matches("a*b*c", "a1b2b3c") && !matches("a*b", "a"));
    assert!(stack_matches(&json!(["a", "...", "c"]), &json!(["a", "x", "y", "c"])));
    assert!(stack_matches(&json!(["..."]), &json!([])));
    assert!(!stack_matches(&json!(["a"]), &json!(["a", "b"])));
    assert!(!stack_matches(&json!([]), &json!(null)));
    assert_eq!(lines_of_list("x", "[\n  1.0,\n  {\"b\":1}\n]\n"), ["1.0", "{\"b\":1}"]);
}
