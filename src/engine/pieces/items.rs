//! Cuts a script into what its top level consists of, without parsing it.

use rhai::AST;

use crate::engine::lexis::{end_of_comment, end_of_raw_string, end_of_string, go_on};

/// A function, or anything else up to its semicolon, with the white space and the comments before it.
pub(super) struct Item<'a> {
    pub(super) text: &'a str,
    /// The lines before it, and those before its end.
    pub(super) line: usize,
    pub(super) end_line: usize,
    /// The name, if it is a function.
    pub(super) function: Option<&'a str>,
    /// Itself, if it has been compiled in groups.
    pub(super) table: Option<AST>,
}

/// The items of a script, in their order.
#[derive(Default)]
pub(super) struct Items<'a> {
    pub(super) functions: Vec<Item<'a>>,
    pub(super) statements: Vec<Item<'a>>,
}

/// Cuts a script into items. None if they are not certain, or not apart from each other: each starts on a
/// line of its own, with a word.
pub(super) fn cut(text: &str) -> Option<Items<'_>> {
    let bytes = text.as_bytes();
    // Alone it ends some lines, and not others.
    if memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n')) {
        return None;
    }
    let mut items = Items::default();
    let mut is_after_statement = false;
    let (mut start, mut line) = (0, 0);
    let (mut is_on_new_line, mut has_begun) = (true, false);
    let mut function = None;
    let mut depth = 0_usize;
    // How deep the braces are with which the interpolations under way began.
    let mut interpolations = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if depth > 0 {
            // Most of a script is in braces, and most of that is nothing to stop at.
            let rest = &bytes[at..];
            at += rest.iter().position(|&byte| is_mark(byte))?;
        }
        let byte = bytes[at];
        let next = bytes.get(at + 1).copied();
        at += 1;
        let mut ends = false;
        match (byte, next) {
            (b'\n', _) => {
                is_on_new_line = true;
                continue;
            }
            (b' ' | b'\t' | b'\r', _) => continue,
            (b'/', Some(b'/')) => {
                at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
                continue;
            }
            (b'/', Some(b'*')) => {
                at = end_of_comment(bytes, at + 1)?;
                continue;
            }
            (b'A'..=b'Z' | b'a'..=b'z' | b'_', _) if depth == 0 => {
                let rest = &bytes[at..];
                let len = rest.iter().position(|&byte| !is_of_word(byte)).unwrap_or(rest.len());
                let word = &text[at - 1..at + len];
                at += len;
                if function.is_some() {
                    // The last one before the parameters: there may be a type before it.
                    function = Some(word);
                } else if matches!(word, "fn" | "private") {
                    // It could go on with what is before: then that is not Rhai.
                    function = Some(word).filter(|_| !has_begun);
                    function?;
                }
                if !has_begun && !is_on_new_line {
                    // Statements that share a line stay together.
                    if !is_after_statement || function.is_some() {
                        return None;
                    }
                    let before = items.statements.pop()?;
                    (start, line) = (start - before.text.len(), before.line);
                }
                has_begun = true;
            }
            (b';', _) if depth == 0 => ends = true,
            _ if !has_begun => return None,
            (b'(' | b'[' | b'{', _) => depth += 1,
            (b'}', _) if interpolations.last() == Some(&depth) => {
                interpolations.pop();
                depth -= 1;
                at = go_on(bytes, at, &mut depth, &mut interpolations)?;
            }
            (b')' | b']' | b'}', _) => {
                depth = depth.checked_sub(1)?;
                ends = depth == 0 && byte == b'}' && function.is_some();
            }
            (b'"' | b'\'', _) => at = end_of_string(bytes, at, byte)?,
            (b'`', _) => at = go_on(bytes, at, &mut depth, &mut interpolations)?,
            (b'#', Some(b'"' | b'#')) => at = end_of_raw_string(bytes, at)?,
            _ => {}
        }
        if ends {
            is_after_statement = function.is_none();
            line = items.add(&text[start..at], line, function.take());
            start = at;
            (is_on_new_line, has_begun) = (false, false);
        }
    }
    if has_begun {
        items.add(&text[start..], line, function);
    }
    (depth == 0).then_some(items)
}

impl<'a> Items<'a> {
    /// Returns the lines before its end.
    fn add(&mut self, text: &'a str, line: usize, function: Option<&'a str>) -> usize {
        let end_line = line + text.bytes().filter(|&byte| byte == b'\n').count();
        let items = if function.is_some() { &mut self.functions } else { &mut self.statements };
        items.push(Item { text, line, end_line, function, table: None });
        end_line
    }
}

/// Whether it may stand in a name.
pub(super) fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether it may begin or end what holds others.
pub(super) fn is_mark(byte: u8) -> bool {
    matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'#' | b'(' | b')' | b'[' | b']' | b'{' | b'}')
}
