//! Cuts a script into its functions without parsing it, so that the rest can be looked at when one
//! of them does not compile, and so that functions have a place.

/// A `fn` of the top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    /// How many parameters its head names; none if the head itself is broken.
    pub(super) parameters: Option<usize>,
    /// Of the name, from 1, in characters.
    pub(super) line: usize,
    pub(super) column: usize,
    /// From `fn` (or `private`) to behind the last brace, in bytes.
    pub(super) span: std::ops::Range<usize>,
    /// Behind the opening brace.
    body: usize,
    /// Whether its brackets are closed before the next function begins.
    pub(super) is_balanced: bool,
}

/// The functions of `text`, in order.
pub(super) fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut scan = Scanner { text, at: 0 };
    let mut lines = Lines { text, at: 0, line: 1, start: 0 };
    let mut depth = 0;
    let mut private = None;
    while let Some((start, token)) = scan.next() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Word("private") => private = Some(start),
            Token::Word("fn") if depth == 0 => {
                let start = private.take().unwrap_or(start);
                if let Some(item) = item(&mut scan, &mut lines, start) {
                    items.push(item);
                }
            }
            _ => private = None,
        }
    }
    items
}

/// Reads a function, whose `fn` was read already.
fn item(scan: &mut Scanner<'_>, lines: &mut Lines<'_>, start: usize) -> Option<Item> {
    let (at, token) = scan.next()?;
    let Token::Word(mut name) = token else { return None };
    let mut name_at = at;
    if scan.peek() == Some('.') {
        // `fn string.shout()`
        scan.next();
        let (at, token) = scan.next()?;
        let Token::Word(method) = token else { return None };
        (name, name_at) = (method, at);
    }
    let (line, column) = lines.place(name_at);
    let head = scan.at;
    let parameters = parameters(scan);
    if parameters.is_none() {
        scan.at = head;
    }
    let mut depth = 0;
    let mut body = None;
    let mut end = scan.text.len();
    let mut is_balanced = false;
    loop {
        let before = scan.at;
        let Some((at, token)) = scan.next() else { break };
        match token {
            Token::Open => {
                depth += 1;
                body = body.or(Some(scan.at));
            }
            Token::Close => {
                depth -= 1;
                if depth <= 0 {
                    is_balanced = depth == 0;
                    end = scan.at;
                    break;
                }
            }
            // Functions stand at the top level alone: one at the start of a line begins the next.
            Token::Word("fn" | "private") if depth == 0 || is_line_start(scan.text, at) => {
                scan.at = before;
                end = at;
                break;
            }
            _ => {}
        }
    }
    Some(Item {
        name: name.to_owned(),
        parameters,
        line,
        column,
        body: body.unwrap_or(end),
        span: start..end,
        is_balanced,
    })
}

/// Counts the parameters between the brackets that follow.
fn parameters(scan: &mut Scanner<'_>) -> Option<usize> {
    if !matches!(scan.next()?.1, Token::Open) {
        return None;
    }
    let mut count = 0;
    loop {
        match scan.next()?.1 {
            Token::Close => return Some(count),
            Token::Word(_) => count += 1,
            Token::Other(',') => {}
            _ => return None,
        }
    }
}

/// `text` up to the end of `item`, with blanks before it.
pub(super) fn alone(text: &str, item: &Item) -> String {
    let before = text[..item.span.start].chars().map(|c| if c == '\n' { c } else { ' ' });
    let mut out: String = before.collect();
    out.push_str(text[item.span.clone()].trim_end());
    out
}

fn is_line_start(text: &str, at: usize) -> bool {
    at == 0 || text.as_bytes()[at - 1] == b'\n'
}

/// `text` with the body of `item` empty, everything else where it was. A function whose head is
/// broken disappears.
pub(super) fn without(text: &str, item: &Item) -> String {
    let blank = match item.parameters {
        Some(_) => item.body..item.span.end - usize::from(item.is_balanced),
        None => item.span.clone(),
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..blank.start]);
    let mut rest = text[blank.clone()].chars().peekable();
    if item.parameters.is_some() && !item.is_balanced {
        // The brace that is missing, in the place of a character that goes.
        rest.next_if(|c| *c != '\n');
        out.push('}');
    }
    out.extend(rest.map(|c| if c == '\n' { c } else { ' ' }));
    out.push_str(&text[blank.end..]);
    out
}

/// Lines and columns of ascending places, each text character looked at once.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    start: usize,
}

impl Lines<'_> {
    fn place(&mut self, at: usize) -> (usize, usize) {
        for (offset, _) in self.text[self.at..at].match_indices('\n') {
            self.line += 1;
            self.start = self.at + offset + 1;
        }
        self.at = at;
        (self.line, self.text[self.start..at].chars().count() + 1)
    }
}

enum Token<'a> {
    Word(&'a str),
    /// `(`, `[`, `{`, `#{` and `${`.
    Open,
    Close,
    Other(char),
}

/// Reads words and brackets; skips comments and strings.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<(usize, Token<'a>)> {
        loop {
            let start = self.at;
            let c = self.peek()?;
            self.at += c.len_utf8();
            let rest = &self.text[self.at..];
            match c {
                '/' if rest.starts_with('/') => self.skip_past("\n"),
                '/' if rest.starts_with('*') => self.comment(),
                '"' | '`' => self.string(c),
                '\'' => self.character(),
                '#' if rest.starts_with(['"', '#']) => self.raw_string(),
                '(' | '[' | '{' => return Some((start, Token::Open)),
                ')' | ']' | '}' => return Some((start, Token::Close)),
                c if c.is_alphanumeric() || c == '_' => {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    self.at += end.unwrap_or(rest.len());
                    return Some((start, Token::Word(&self.text[start..self.at])));
                }
                c if c.is_whitespace() => {}
                c => return Some((start, Token::Other(c))),
            }
        }
    }

    fn skip_past(&mut self, end: &str) {
        let rest = &self.text[self.at..];
        self.at += rest.find(end).map_or(rest.len(), |found| found + end.len());
    }

    /// Block comments nest.
    fn comment(&mut self) {
        let mut depth = 1;
        self.at += 1;
        while depth > 0 {
            let rest = &self.text[self.at..];
            let Some(found) = rest.find(['*', '/']) else {
                self.at = self.text.len();
                return;
            };
            self.at += found;
            let pair = self.text.get(self.at..self.at + 2);
            depth += match pair {
                Some("/*") => 1,
                Some("*/") => -1,
                _ => 0,
            };
            self.at += if matches!(pair, Some("/*" | "*/")) { 2 } else { 1 };
        }
    }

    fn string(&mut self, quote: char) {
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                '\\' if quote == '"' => self.at += self.peek().map_or(0, char::len_utf8),
                // A string that was not closed ends with its line, unless the line goes on.
                '\n' if quote == '"' => return,
                '$' if quote == '`' && self.peek() == Some('{') => self.interpolation(),
                c if c == quote => return,
                _ => {}
            }
        }
    }

    /// `${ … }` in a string: code again.
    fn interpolation(&mut self) {
        let mut depth = 0;
        while let Some((_, token)) = self.next() {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// `'c'` and `'\n'`; a lone quote is left alone.
    fn character(&mut self) {
        let rest = &self.text[self.at..];
        let mut chars = rest.char_indices();
        let escaped = matches!(chars.next(), Some((_, '\\')));
        let close =
            chars.skip(usize::from(escaped)).take(8).find(|(_, c)| matches!(c, '\'' | '\n'));
        if let Some((at, '\'')) = close {
            self.at += at + 1;
        }
    }

    /// `#"…"#`, with as many `#` at the end.
    fn raw_string(&mut self) {
        let hashes = self.text[self.at..].chars().take_while(|c| *c == '#').count();
        let after = self.at + hashes;
        if self.text[after..].starts_with('"') {
            self.at = after + 1;
            self.skip_past(&format!("\"{}", "#".repeat(hashes + 1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{items, without};

    fn heads(text: &str) -> Vec<(String, Option<usize>, usize, usize, bool)> {
        let found = items(text).into_iter();
        found.map(|i| (i.name, i.parameters, i.line, i.column, i.is_balanced)).collect()
    }

    #[test]
    fn functions_are_found() {
        let text = "\
// fn not(this) {
const A = \"fn no() {\";
fn one(a, b) { if a { `fn ${ #{ x: \"}\" } } {` } else { '{' } }
private fn two() { /* } /* } */ */ }
fn string.three(x) { #\"}\"# }
";
        assert_eq!(
            heads(text),
            [
                ("one".to_owned(), Some(2), 3, 4, true),
                ("two".to_owned(), Some(0), 4, 12, true),
                ("three".to_owned(), Some(1), 5, 11, true),
            ]
        );
    }

    #[test]
    fn a_brace_that_is_missing_spoils_one_function() {
        let text = "fn a() {\n  if x {\n}\nfn b(y) {\n}\n";
        assert_eq!(
            heads(text),
            [("a".to_owned(), Some(0), 1, 4, false), ("b".to_owned(), Some(1), 4, 4, true)]
        );
        let blank = without(text, &items(text)[0]);
        assert_eq!(blank, "fn a() {}\n        \n \nfn b(y) {\n}\n");
    }

    #[test]
    fn what_is_cut_out_leaves_the_rest_in_place() {
        let text = "fn a() { let ü = ; }\nfn b( { 1 }\nfn c() {}";
        let items = items(text);
        assert_eq!(without(text, &items[0]), "fn a() {           }\nfn b( { 1 }\nfn c() {}");
        let cut = without(text, &items[1]);
        assert_eq!(cut.lines().nth(2), Some("fn c() {}"));
        assert!(!cut.contains("fn b"), "{cut}");
    }
}
