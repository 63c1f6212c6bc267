//! Puts questions into a script's text, without moving anything that is in it.
//!
//! Before a loop the script asks whether it has been run already, and only runs it if not; at its
//! start a function asks whether there is a result. What asks is the name of a variable that nobody has.
//! All this stands behind the last thing of a line, so that lines and columns of everything else, and
//! with them the places in errors, stay what they are. A loop for which there is no such place is left
//! to the walker.

use super::RESULT;
use super::selection::{Chosen, Root};

/// Where something is in a text.
struct Place {
    /// In bytes.
    at: usize,
    /// The end of what stands before it, but for blanks and comments.
    before: usize,
    /// Whether a line ends between these.
    is_first: bool,
}

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
    wanted.dedup();
    let places = Scanner::new(text).places(&wanted);
    let place = |position: rhai::Position| {
        let key = (position.line()?, position.position()?);
        places.get(wanted.binary_search(&key).ok()?)?.as_ref()
    };
    let mut insertions: Vec<(usize, String)> = Vec::new();
    for Chosen { root, start, end } in chosen {
        let (Some(start), Some(end)) = (place(start), place(end)) else { continue };
        let behind = end.at + 1;
        match root {
            Root::Loop(_) if is_room_for_loop(text, start, behind) => {
                insertions.push((start.before, format!(" if {} {{}} else {{", name(root))));
                insertions.push((behind, " }".to_owned()));
            }
            Root::Function(_) if is_end_of_line(text, start.at + 1) => {
                let question = format!(" if {} {{ return {RESULT}; }}", name(root));
                insertions.push((start.at + 1, question));
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

/// Whether a loop is the first thing of its line, after another statement or the start of a block, and
/// its end the last one.
fn is_room_for_loop(text: &str, start: &Place, behind: usize) -> bool {
    let is_loop =
        ["for", "while", "loop"].iter().any(|keyword| text[start.at..].starts_with(keyword));
    let follows = text[..start.before].ends_with([';', '{', '}']);
    is_loop && follows && start.is_first && is_end_of_line(text, behind)
}

/// Whether nothing but a comment follows.
fn is_end_of_line(text: &str, at: usize) -> bool {
    let line = text[at..].lines().next().unwrap_or_default().trim_start();
    line.is_empty() || line.starts_with("//")
}

/// Reads a text as far as is needed to tell code from comments and strings.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
    /// The end of the last code, and its line.
    end: (usize, usize),
    /// Braces that are open within each template string around this place.
    templates: Vec<usize>,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, column: 0, end: (0, 0), templates: Vec::new() }
    }

    /// The places of characters that are code, given by line and column in the order of the text.
    fn places(mut self, wanted: &[(usize, usize)]) -> Vec<Option<Place>> {
        let mut places = Vec::with_capacity(wanted.len());
        while places.len() < wanted.len() {
            let Some(next) = self.peek() else { break };
            let (at, before) = (self.at, self.end);
            let is_code = self.pass(next);
            let here = (self.line, self.column);
            while let Some(want) = wanted.get(places.len()).filter(|want| **want <= here) {
                let is_it = is_code && *want == here && self.at - at == next.len_utf8();
                let is_first = before.1 < here.0;
                places.push(is_it.then_some(Place { at, before: before.0, is_first }));
            }
            if is_code {
                self.end = (self.at, self.line);
            }
        }
        places
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn rest_starts_with(&self, start: &str) -> bool {
        self.text[self.at..].starts_with(start)
    }

    /// Passes one character.
    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        match next {
            '\n' => (self.line, self.column) = (self.line + 1, 0),
            _ => self.column += 1,
        }
        Some(next)
    }

    /// Passes a character of code, a whole string, or a whole comment; whether it was code.
    fn pass(&mut self, next: char) -> bool {
        match next {
            '/' if self.rest_starts_with("//") => {
                while self.peek().is_some_and(|next| next != '\n') {
                    self.bump();
                }
                return false;
            }
            '/' if self.rest_starts_with("/*") => {
                self.comment();
                return false;
            }
            '"' | '\'' => self.string(next),
            '`' => {
                self.bump();
                self.template();
            }
            '#' => self.raw_string(),
            '}' if self.templates.last() == Some(&0) => {
                self.templates.pop();
                self.bump();
                self.template();
            }
            _ => {
                match (next, self.templates.last_mut()) {
                    ('{', Some(open)) => *open += 1,
                    ('}', Some(open)) => *open -= 1,
                    _ => {}
                }
                self.bump();
                return !next.is_whitespace();
            }
        }
        true
    }

    fn comment(&mut self) {
        let mut depth = 0;
        loop {
            if self.rest_starts_with("/*") {
                depth += 1;
                self.bump();
            } else if self.rest_starts_with("*/") {
                depth -= 1;
                self.bump();
            }
            if self.bump().is_none() || depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self, mark: char) {
        self.bump();
        while let Some(next) = self.bump() {
            match next {
                '\\' => _ = self.bump(),
                _ if next == mark => return,
                _ => {}
            }
        }
    }

    /// Passes the text of a template up to its end or to what is to be inserted.
    fn template(&mut self) {
        while let Some(next) = self.bump() {
            if next == '`' {
                return;
            }
            if next == '$' && self.peek() == Some('{') {
                self.bump();
                self.templates.push(0);
                return;
            }
        }
    }

    /// Passes `##"…"##`, or the mark of a map.
    fn raw_string(&mut self) {
        let rest = &self.text[self.at..];
        let marks = rest.len() - rest.trim_start_matches('#').len();
        for _ in 0..marks {
            self.bump();
        }
        if self.peek() != Some('"') {
            return;
        }
        self.bump();
        let end = format!("\"{}", "#".repeat(marks));
        while !self.rest_starts_with(&end) && self.bump().is_some() {}
        for _ in 0..end.len() {
            self.bump();
        }
    }
}
