//! Regular expressions. A search takes time in proportion to text and pattern, never more.

use std::cell::RefCell;
use std::rc::Rc;

use regex_lite::{Captures, Regex, RegexBuilder};
use rhai::{Array, Dynamic, ImmutableString, Map};

use super::{Fallible, Items, Output, fail};
use crate::engine::Guard;
use crate::modules::shorten;

/// Patterns that are kept compiled.
const KEPT: usize = 32;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 8192;

/// The most groups of a pattern: each state of a search holds the place of every one.
const MAX_GROUPS: usize = 32;

/// Sizes that compiled patterns are sorted into, in bytes; the last is the largest allowed.
const SIZES: [usize; 4] = [1 << 10, 4 << 10, 16 << 10, 64 << 10];

/// The largest product of a pattern's size and a text's length. One search cannot be interrupted, and
/// the worst of patterns takes some 0.15 ns for each: a second or two in all.
const MAX_WORK: usize = 1 << 33;

/// The compiled patterns of one engine, those used last in front.
pub(super) struct Patterns {
    guard: Rc<Guard>,
    compiled: RefCell<Vec<Rc<Pattern>>>,
}

struct Pattern {
    source: String,
    regex: Regex,
    size: usize,
}

impl Patterns {
    pub(super) fn new(guard: Rc<Guard>) -> Self {
        Self { guard, compiled: RefCell::default() }
    }

    /// The compiled form of `source`, to be used on `text`.
    fn find(&self, source: &str, text: &str) -> Fallible<Rc<Pattern>> {
        let mut compiled = self.compiled.borrow_mut();
        match compiled.iter().position(|pattern| pattern.source == source) {
            Some(at) => compiled[..=at].rotate_right(1),
            None => {
                let pattern = compile(source)?;
                compiled.truncate(KEPT - 1);
                compiled.insert(0, Rc::new(pattern));
            }
        }
        let pattern = &compiled[0];
        if pattern.size.saturating_mul(text.len()) > MAX_WORK {
            return Err(fail(format!(
                "the pattern `{}` is too large for a text of {} bytes, which may have {} with it",
                shorten(source),
                text.len(),
                MAX_WORK / pattern.size
            )));
        }
        Ok(Rc::clone(pattern))
    }

    pub(super) fn is_match(&self, text: &str, pattern: &str) -> Fallible<bool> {
        Ok(self.find(pattern, text)?.regex.is_match(text))
    }

    pub(super) fn first(&self, text: &str, pattern: &str) -> Fallible<Dynamic> {
        let found = self.find(pattern, text)?.regex.find(text).map(|found| found.as_str().into());
        Ok(found.unwrap_or(Dynamic::UNIT))
    }

    pub(super) fn all(&self, text: &str, pattern: &str) -> Fallible<Array> {
        let pattern = self.find(pattern, text)?;
        let mut items = Items::new(&self.guard);
        for found in pattern.regex.find_iter(text) {
            items.push(found.as_str())?;
        }
        Ok(items.into_array())
    }

    pub(super) fn split(&self, text: &str, pattern: &str) -> Fallible<Array> {
        let pattern = self.find(pattern, text)?;
        let mut items = Items::new(&self.guard);
        for part in pattern.regex.split(text) {
            items.push(part)?;
        }
        Ok(items.into_array())
    }

    pub(super) fn captures(&self, text: &str, pattern: &str) -> Fallible<Dynamic> {
        let pattern = self.find(pattern, text)?;
        let Some(captures) = pattern.regex.captures(text) else { return Ok(Dynamic::UNIT) };
        let mut map = Map::new();
        for (index, name) in pattern.regex.capture_names().enumerate() {
            // One text for both keys.
            let value: Dynamic = match captures.get(index) {
                Some(group) => ImmutableString::from(group.as_str()).into(),
                None => Dynamic::UNIT,
            };
            if let Some(name) = name {
                map.insert(name.into(), value.clone());
            }
            map.insert(index.to_string().into(), value);
        }
        Ok(Dynamic::from_map(map))
    }

    pub(super) fn replace(&self, text: &str, pattern: &str, with: &str) -> Fallible<String> {
        let pattern = self.find(pattern, text)?;
        let mut out = Output::new(&self.guard);
        let mut end = 0;
        if !with.contains('$') {
            for found in pattern.regex.find_iter(text) {
                self.guard.check_time()?;
                out.push(&text[end..found.start()])?;
                out.push(with)?;
                end = found.end();
            }
        } else {
            for captures in pattern.regex.captures_iter(text) {
                self.guard.check_time()?;
                let Some(found) = captures.get(0) else { continue };
                out.push(&text[end..found.start()])?;
                expand(&mut out, &captures, with)?;
                end = found.end();
            }
        }
        out.push(&text[end..])?;
        Ok(out.into_string())
    }
}

/// Writes `with`, in which `$1`, `$name` and `${name}` stand for groups and `$$` for `$`.
fn expand(out: &mut Output<'_>, captures: &Captures<'_>, with: &str) -> Fallible<()> {
    let mut rest = with;
    while let Some(at) = rest.find('$') {
        out.push(&rest[..at])?;
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push("$")?;
            rest = after;
            continue;
        }
        let (name, after) = match rest.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()))
            }
        };
        let group = match name.parse() {
            Ok(index) => captures.get(index),
            Err(_) => captures.name(name),
        };
        match group {
            Some(group) => out.push(group.as_str())?,
            // A lone `$` stands for itself, a group that took no part for nothing.
            None if name.is_empty() => {
                out.push("$")?;
                continue;
            }
            None => {}
        }
        rest = after;
    }
    out.push(rest)
}

fn compile(source: &str) -> Fallible<Pattern> {
    let refuse = |what: String| Err(fail(format!("the pattern `{}` {what}", shorten(source))));
    if source.len() > MAX_PATTERN {
        return refuse(format!("has {} bytes, it may have {MAX_PATTERN}", source.len()));
    }
    let build = |size| RegexBuilder::new(source).size_limit(size).build();
    let largest = SIZES[SIZES.len() - 1];
    let regex = match build(largest) {
        Ok(regex) => regex,
        Err(error) => return refuse(format!("cannot be used: {error}")),
    };
    if regex.captures_len() > MAX_GROUPS {
        let groups = regex.captures_len() - 1;
        return refuse(format!("has {groups} groups, it may have {}", MAX_GROUPS - 1));
    }
    let size = SIZES.into_iter().find(|&size| build(size).is_ok()).unwrap_or(largest);
    Ok(Pattern { source: source.to_owned(), regex, size })
}
