//! `--env-file`: variables from a file of `NAME=VALUE` lines, in the form that dotenv made common.
//!
//! Nothing is expanded: `$` is a dollar sign.

use std::ffi::OsString;
use std::path::Path;

use super::misuse::Misuse;
use super::project::{NOT_A_NAME, is_variable_name};

/// The variables of the file, in its order.
pub(super) fn read(path: &Path) -> Result<Vec<(OsString, OsString)>, Misuse> {
    if !path.exists() {
        return Err(Misuse::missing(path));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Misuse::unreadable(path, &error))?;
    let variables = parse(&text).map_err(|wrong| {
        let before = &text[..wrong.at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let place = format!("`{}`, line {line} column {column}", path.display());
        Misuse::new(format!("{place}: {}", wrong.what))
    })?;
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// What is wrong, and at which byte.
#[derive(Debug, PartialEq)]
struct Wrong {
    at: usize,
    what: String,
}

fn parse(text: &str) -> Result<Vec<(String, String)>, Wrong> {
    let mut reader = Reader { text, at: 0 };
    reader.skip(|c| c == '\u{feff}');
    let mut variables = Vec::new();
    loop {
        reader.skip(char::is_whitespace);
        match reader.peek() {
            None => return Ok(variables),
            Some('#') => reader.skip(|c| c != '\n'),
            Some(_) => variables.push(reader.variable()?),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(unwanted).len();
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.at;
        self.skip(wanted);
        &self.text[start..self.at]
    }

    fn variable(&mut self) -> Result<(String, String), Wrong> {
        let is_blank = |c: char| c.is_whitespace() && c != '\n';
        let is_name = |c: char| c != '=' && !c.is_whitespace();
        let mut start = self.at;
        let mut name = self.take(is_name);
        self.skip(is_blank);
        // Files that a shell reads as well mark their variables for its children.
        if name == "export" && self.peek() != Some('=') {
            start = self.at;
            name = self.take(is_name);
            self.skip(is_blank);
        }
        if self.peek() != Some('=') {
            return Err(Wrong { at: start, what: "expected `NAME=VALUE`".to_owned() });
        }
        if !is_variable_name(name) {
            let what = format!("`{name}` {NOT_A_NAME}");
            return Err(Wrong { at: start, what });
        }
        self.at += 1;
        self.skip(is_blank);
        let value = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => plain(self.take(|c| c != '\n')),
        };
        if value.contains('\0') {
            return Err(Wrong { at: start, what: format!("`{name}` holds a NUL character") });
        }
        Ok((name.to_owned(), value))
    }

    /// A value in quotes, which may go over several lines. Only double quotes know escapes.
    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let start = self.at;
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((index, c)) = characters.next() {
            match c {
                '\\' if quote == '"' => value.push_str(&escaped(characters.next())),
                c if c == quote => {
                    self.at += index + c.len_utf8();
                    return self.nothing_more().map(|()| value);
                }
                c => value.push(c),
            }
        }
        Err(Wrong { at: start, what: format!("the quote `{quote}` is not closed") })
    }

    /// The rest of a line behind a closed quote.
    fn nothing_more(&mut self) -> Result<(), Wrong> {
        self.skip(|c| c.is_whitespace() && c != '\n');
        match self.peek() {
            None | Some('\n') => Ok(()),
            Some('#') => {
                self.skip(|c| c != '\n');
                Ok(())
            }
            Some(_) => {
                let what = "expected the end of the line behind the closing quote";
                Err(Wrong { at: self.at, what: what.to_owned() })
            }
        }
    }
}

/// What a backslash and the character behind it stand for.
fn escaped(next: Option<(usize, char)>) -> String {
    match next {
        Some((_, 'n')) => "\n".to_owned(),
        Some((_, 'r')) => "\r".to_owned(),
        Some((_, 't')) => "\t".to_owned(),
        Some((_, c @ ('"' | '\\' | '$' | '`'))) => c.to_string(),
        Some((_, c)) => format!("\\{c}"),
        None => "\\".to_owned(),
    }
}

/// A value without quotes ends at a comment that has a blank before it.
fn plain(line: &str) -> String {
    if line.starts_with('#') {
        return String::new();
    }
    let comment = [" #", "\t#"].into_iter().filter_map(|start| line.find(start)).min();
    line[..comment.unwrap_or(line.len())].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap_or_else(|wrong| panic!("{text:?}: {wrong:?}"))
    }

    #[test]
    fn the_common_forms_are_read() {
        let text = "\u{feff}# a comment\r\n\r\nTABLE=orders\r\n  export STAGE = dev # here\n\
                    URL=https://x.example/#top?a=b\nEMPTY=\nNONE= # nothing\nexport=1\n\
                    SINGLE='a \\n $B # c'  # there\nDOUBLE=\"a\\tb \\\"c\\\" \\d é\"\nMANY=\"one\ntwo\"\nLAST=x";
        let expected = [
            ("TABLE", "orders"),
            ("STAGE", "dev"),
            ("URL", "https://x.example/#top?a=b"),
            ("EMPTY", ""),
            ("NONE", ""),
            ("export", "1"),
            ("SINGLE", "a \\n $B # c"),
            ("DOUBLE", "a\tb \"c\" \\d é"),
            ("MANY", "one\ntwo"),
            ("LAST", "x"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(values(text), expected);
        assert_eq!(values(""), []);
    }

    #[test]
    fn what_is_wrong_is_placed() {
        for (text, at, what) in [
            ("A=1\nB\n", 4, "expected `NAME=VALUE`"),
            ("export A", 7, "expected `NAME=VALUE`"),
            ("A=1\n B='x\ny", 7, "the quote `'` is not closed"),
            ("A=\"x\\\"", 2, "the quote `\"` is not closed"),
            ("A='x' y", 6, "expected the end of the line behind the closing quote"),
            ("1A=x", 0, "`1A` is no name that Lambda takes: a letter, then letters, digits, `_`"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert_eq!((wrong.at, wrong.what.as_str()), (at, what), "{text:?}");
        }
    }
}
