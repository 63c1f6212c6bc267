//! Puts questions into a script's text, without moving anything that is in it.
//!
//! Before a loop the script asks whether it has been run already, and only runs it if not; at its
//! start a function asks whether there is a result. What asks is the name of a variable that nobody has.
//! All this stands behind the last thing of a line, so that lines and columns of everything else, and
//! with them the places in errors, stay what they are. A loop for which there is no such place is left
//! to the walker.

use rhai::Position;

use super::RESULT;
use super::selection::{Chosen, Root};
use crate::engine::lexis::{end_of_comment, end_of_raw_string, end_of_string, go_on};

/// Inserts a question for each of `chosen` for which there is room; `name` gives each of those its name.
pub(super) fn insert(
    text: &str,
    chosen: Vec<Chosen>,
    mut name: impl FnMut(Root) -> String,
) -> Option<String> {
    let mut wanted: Vec<(usize, usize)> = Vec::new();
    for root in &chosen {
        for position in [root.start, root.end] {
            wanted.push((position.line()?, position.position()?));
        }
    }
    wanted.sort_unstable();
    let places = offsets(text, &wanted);
    let ends = code_before(text, &places);
    let place = |position: Position| {
        let number = wanted.binary_search(&(position.line()?, position.position()?)).ok()?;
        Some((*places.get(number)?, (*ends.get(number)?)?))
    };
    let mut insertions: Vec<(usize, String)> = Vec::new();
    for Chosen { root, start, end } in chosen {
        let (Some((start, before)), Some((end, _))) = (place(start), place(end)) else { continue };
        if !text[end..].starts_with('}') {
            continue;
        }
        match root {
            Root::Loop(_) if has_room(text, before, start) && is_end_of_line(text, end + 1) => {
                insertions.push((before, format!(" if {} {{}} else {{", name(root))));
                insertions.push((end + 1, " }".to_owned()));
            }
            Root::Function(_)
                if text[start..].starts_with('{') && is_end_of_line(text, start + 1) =>
            {
                let question = format!(" if {} {{ return {RESULT}; }}", name(root));
                insertions.push((start + 1, question));
            }
            _ => {}
        }
    }
    if insertions.is_empty() {
        return None;
    }
    let mut result = String::with_capacity(text.len() + insertions.len() * 48);
    let mut done = 0;
    for (at, insertion) in insertions {
        result.push_str(&text[done..at]);
        result.push_str(&insertion);
        done = at;
    }
    result.push_str(&text[done..]);
    Some(result)
}

/// Whether a loop is the first thing of its line, after another statement or the start of a block.
fn has_room(text: &str, before: usize, start: usize) -> bool {
    let is_loop = ["for", "while", "loop"].iter().any(|word| text[start..].starts_with(word));
    let follows = text[..before].ends_with([';', '{', '}']);
    is_loop && follows && text[before..start].contains('\n')
}

/// Whether nothing but a comment follows.
fn is_end_of_line(text: &str, at: usize) -> bool {
    let line = text[at..].lines().next().unwrap_or_default().trim_start();
    line.is_empty() || line.starts_with("//")
}

/// Where lines and columns, in their order, are in a text; fewer if it has no such lines.
fn offsets(text: &str, wanted: &[(usize, usize)]) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut start = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        while let Some((_, column)) = wanted.get(offsets.len()).filter(|(other, _)| *other == line)
        {
            let Some((at, _)) = content.char_indices().nth(column - 1) else { return offsets };
            offsets.push(start + at);
        }
        start += content.len();
    }
    offsets
}

/// For each place, in their order, where the code before it ends, without blanks and comments; none if the
/// place is no code.
fn code_before(text: &str, places: &[usize]) -> Vec<Option<usize>> {
    let bytes = text.as_bytes();
    let mut ends = Vec::with_capacity(places.len());
    let (mut at, mut end) = (0, 0);
    let (mut depth, mut interpolations) = (0_usize, Vec::new());
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let passed = match (byte, bytes.get(at + 1)) {
            (b'/', Some(b'/')) => memchr::memchr(b'\n', &bytes[at..]).map(|length| at + length),
            (b'/', Some(b'*')) => end_of_comment(bytes, at + 2),
            (b'"' | b'\'', _) => end_of_string(bytes, at + 1, byte),
            (b'`', _) => go_on(bytes, at + 1, &mut depth, &mut interpolations),
            (b'#', Some(b'"' | b'#')) => end_of_raw_string(bytes, at + 1),
            (b'}', _) if interpolations.last() == Some(&depth) => {
                interpolations.pop();
                depth -= 1;
                go_on(bytes, at + 1, &mut depth, &mut interpolations)
            }
            (b'{', _) => {
                depth += 1;
                Some(at + 1)
            }
            (b'}', _) => {
                depth = depth.saturating_sub(1);
                Some(at + 1)
            }
            _ => Some(at + 1),
        };
        // It has been compiled, so that everything ends.
        let Some(passed) = passed else { break };
        at = passed;
        let is_comment = byte == b'/' && matches!(bytes.get(start + 1), Some(b'/' | b'*'));
        let is_code = !byte.is_ascii_whitespace() && !is_comment;
        while let Some(place) = places.get(ends.len()).filter(|place| **place < at) {
            ends.push((is_code && *place == start).then_some(end));
        }
        if is_code {
            end = at;
        }
    }
    ends
}
