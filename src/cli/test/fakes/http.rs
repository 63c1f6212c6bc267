//! `fake::http`: answers of a test's own to the requests of `http::`, and what was requested.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::misused;
use crate::engine::raise_with;
use crate::payload;
use crate::suggest::nearest;
use crate::world::{Exchanged, Received, Sent};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// What an answer may say.
const FIELDS: [&str; 5] = ["status", "headers", "body", "json", "failure"];

/// The failures that a request can meet with.
const FAILURES: [&str; 4] = ["connect", "tls", "closed", "timeout"];

/// The answers of one test, and the requests that it made.
#[derive(Default)]
pub(super) struct Fakes {
    fakes: RefCell<Vec<Rc<Fake>>>,
    calls: RefCell<Array>,
    /// The requests that nobody answered.
    refused: RefCell<Vec<String>>,
}

/// An answer to some requests.
struct Fake {
    /// `*` is any.
    method: String,
    pattern: String,
    answer: Answer,
}

enum Answer {
    /// A map, always the same.
    Fixed(Map),
    /// One after the other; the last one stays.
    Sequence(Vec<Map>, Cell<usize>),
    /// What the closure makes of the request.
    Computed(FnPtr),
}

impl Fakes {
    /// Adds an answer. It stands before those that were added earlier.
    pub(super) fn add(&self, method: &str, url: &str, answer: &Dynamic) -> Fallible<()> {
        let answer = if let Some(map) = answer.read_lock::<Map>() {
            read(&map)?;
            Answer::Fixed(map.clone())
        } else if let Some(closure) = answer.read_lock::<FnPtr>() {
            Answer::Computed(closure.clone())
        } else if let Ok(list) = answer.as_array_ref() {
            let maps: Option<Vec<Map>> = list.iter().map(|item| item.clone().try_cast()).collect();
            match maps {
                Some(maps) if !maps.is_empty() => {
                    maps.iter().try_for_each(|map| read(map).map(|_| ()))?;
                    Answer::Sequence(maps, Cell::new(0))
                }
                _ => return Err(misused("a list of answers holds maps, one at least")),
            }
        } else {
            let found = answer.type_name();
            return Err(misused(format!(
                "the answer is a map such as `#{{ status: 200, json: #{{}} }}`, a list of them, or a \
                 closure that takes the request and returns one, not a {found}"
            )));
        };
        let pattern = with_path(url);
        let fake = Fake { method: method.to_ascii_uppercase(), pattern, answer };
        self.fakes.borrow_mut().push(Rc::new(fake));
        Ok(())
    }

    /// Every request so far.
    pub(super) fn calls(&self) -> Array {
        self.calls.borrow().clone()
    }

    /// The requests that nobody answered, for people.
    pub(super) fn refused(&self) -> Vec<String> {
        let told =
            |request: &String| format!("`{request}` was requested, no `fake::http` answers it");
        self.refused.borrow().iter().map(told).collect()
    }

    /// The answer of the latest fake that fits.
    pub(super) fn answer(&self, context: &NativeCallContext, sent: &Sent<'_>) -> Option<Exchanged> {
        let request = request(sent);
        self.calls.borrow_mut().push(request.clone().into());
        let fakes = self.fakes.borrow();
        let fake = fakes.iter().rev().find(|fake| fake.fits(sent)).map(Rc::clone)?;
        // A closure may add fakes in turn.
        drop(fakes);
        Some(fake.answer(context, request).unwrap_or_else(Exchanged::Error))
    }

    /// The error for a request that nobody answers.
    pub(super) fn refuse(&self, sent: &Sent<'_>) -> Exchanged {
        let (method, url) = (sent.method, sent.url);
        let shown = url.split('?').next().unwrap_or(url);
        self.refused.borrow_mut().push(format!("{method} {shown}"));
        let message = format!(
            "{method} {shown}: no `fake::http` answers this, and tests do not reach the network\n\
             hint: `fake::http(\"{method}\", \"{shown}\", #{{ json: #{{}} }})` before it, or \
             `--allow-network`"
        );
        let fields = [("reason", "not_faked".into()), ("url", Dynamic::from(shown.to_owned()))];
        Exchanged::Error(raise_with("HttpError", message, fields))
    }
}

impl Fake {
    fn fits(&self, sent: &Sent<'_>) -> bool {
        let url = match self.pattern.contains('?') {
            true => sent.url,
            // One that says nothing of a query takes any.
            false => sent.url.split('?').next().unwrap_or(sent.url),
        };
        (self.method == "*" || self.method == sent.method) && matches(&self.pattern, url)
    }

    fn answer(&self, context: &NativeCallContext, request: Map) -> Fallible<Exchanged> {
        match &self.answer {
            Answer::Fixed(map) => read(map),
            Answer::Sequence(maps, at) => {
                let now = at.get();
                at.set((now + 1).min(maps.len() - 1));
                read(&maps[now])
            }
            Answer::Computed(closure) => {
                let answer = compute(context, closure, request)?;
                match answer.try_cast_result::<Map>() {
                    Ok(map) => read(&map),
                    Err(other) => {
                        let found = other.type_name();
                        Err(misused(format!(
                            "the closure of `fake::http` returns a map, not a {found}"
                        )))
                    }
                }
            }
        }
    }
}

/// Calls a closure with the request, which it need not take.
fn compute(context: &NativeCallContext, closure: &FnPtr, request: Map) -> Fallible<Dynamic> {
    let answer = closure.call_within_context(context, (request,));
    match answer {
        Err(error) if is_not_found(&error, closure.fn_name()) => {
            closure.call_within_context(context, ())
        }
        answer => answer,
    }
}

/// Whether `error` says that the closure itself does not take what it was called with.
fn is_not_found(error: &EvalAltResult, name: &str) -> bool {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            signature.split(" (").next() == Some(name)
        }
        _ => false,
    }
}

/// The request as tests see it.
fn request(sent: &Sent<'_>) -> Map {
    let mut headers = Map::new();
    for (name, value) in &sent.headers {
        let value = String::from_utf8_lossy(value);
        let value = match headers.get(*name) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        headers.insert((*name).into(), value.into());
    }
    let body = match std::str::from_utf8(sent.body) {
        Ok(text) => text.into(),
        Err(_) => Dynamic::from_blob(sent.body.to_vec()),
    };
    Map::from([
        ("method".into(), sent.method.into()),
        ("url".into(), sent.url.into()),
        ("headers".into(), headers.into()),
        ("body".into(), body),
    ])
}

/// Reads an answer as a test writes it.
fn read(map: &Map) -> Fallible<Exchanged> {
    let mut received = Received { status: 200, headers: Vec::new(), body: Vec::new() };
    for (name, value) in map {
        match name.as_str() {
            "status" => {
                let status = value.as_int().ok().filter(|status| (200..=599).contains(status));
                let status = status.and_then(|status| u16::try_from(status).ok());
                received.status =
                    status.ok_or_else(|| misused("`status` is a number from 200 to 599"))?;
            }
            "headers" => received.headers.extend(headers(value)?),
            "body" => received.body = body(value)?,
            "json" => {
                payload::write(&mut received.body, value, 128, payload::Style::Compact)
                    .map_err(|error| misused(error.describe("json")))?;
                if !map.get("headers").is_some_and(has_content_type) {
                    let header = ("content-type".to_owned(), "application/json".to_owned());
                    received.headers.push(header);
                }
            }
            "failure" => {
                let known = value.as_immutable_string_ref().ok();
                let known =
                    known.and_then(|name| FAILURES.into_iter().find(|it| name.as_str() == *it));
                let names = "`failure` is `connect`, `tls`, `closed` or `timeout`";
                return known.map(Exchanged::Failure).ok_or_else(|| misused(names));
            }
            other => {
                let hint = match nearest(other, FIELDS) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => {
                        format!("; it has {}", FIELDS.map(|name| format!("`{name}`")).join(", "))
                    }
                };
                return Err(misused(format!("an answer has no `{other}`{hint}")));
            }
        }
    }
    Ok(Exchanged::Answer(received))
}

fn has_content_type(headers: &Dynamic) -> bool {
    let named = |map: &Map| map.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
    headers.read_lock::<Map>().is_some_and(|map| named(&map))
}

fn headers(value: &Dynamic) -> Fallible<Vec<(String, String)>> {
    let wrong = || misused("`headers` is a map of names to strings, or to arrays of strings");
    let map = value.read_lock::<Map>().ok_or_else(wrong)?;
    let mut headers = Vec::new();
    for (name, value) in map.iter() {
        let mut add = |value: &Dynamic| {
            let text = value.as_immutable_string_ref().map_err(|_| wrong())?.to_string();
            headers.push((name.as_str().to_ascii_lowercase(), text));
            Ok::<_, Box<EvalAltResult>>(())
        };
        match value.as_array_ref() {
            Ok(values) => values.iter().try_for_each(add)?,
            Err(_) => add(value)?,
        }
    }
    Ok(headers)
}

fn body(value: &Dynamic) -> Fallible<Vec<u8>> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.as_bytes().to_vec());
    }
    match value.as_blob_ref() {
        Ok(blob) => Ok(blob.clone()),
        Err(found) => Err(misused(format!(
            "`body` is a string or a blob, not a {found}: `json` takes any value"
        ))),
    }
}

/// The pattern with the `/` that requests have behind their host, if it has none of its own.
fn with_path(pattern: &str) -> String {
    let host = pattern.find("://").map_or(pattern.len(), |at| at + 3);
    match pattern[host..].find(['/', '?', '*']) {
        None if host < pattern.len() => format!("{pattern}/"),
        Some(end) if pattern[host + end..].starts_with('?') => {
            let (start, query) = pattern.split_at(host + end);
            format!("{start}/{query}")
        }
        _ => pattern.to_owned(),
    }
}

/// Whether `text` is `pattern`, in which each `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    starts.into_iter().any(|at| matches(rest, &text[at..]))
}
