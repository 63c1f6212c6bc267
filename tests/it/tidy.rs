//! The rules of the code, checked by reading it.
//!
//! Each rule reads just enough text to be right about this tree; a failure names file and line.

// Size, head line, words that do not belong in a file.
mod form;
// Who may know whom: the invariants of ARCHITECTURE.md.
mod borders;
// README, CHANGELOG, examples and modules say what is there.
mod documents;

use std::path::{Path, PathBuf};

use crate::tools;

/// A file of the tree.
struct File {
    /// From the root, with `/`.
    name: String,
    text: String,
}

impl File {
    /// The lines with their numbers, from 1, without what `//` comments out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.map(|(number, line)| (number, without_comment(line)))
    }

    /// The code in front of the unit tests, which stand at the end of a file or in one of their own.
    fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_tests = self.name.ends_with("/tests.rs");
        self.code().take_while(move |(_, line)| {
            !is_tests && !line.trim_start().starts_with("#[cfg(test)]")
        })
    }
}

/// A line up to its `//`; one inside a string, as in an address, is no comment.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut escaped = false;
    let bytes = line.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            // A quote as a character, `'"'`, opens nothing.
            b'"' if in_string || at == 0 || bytes[at - 1] != b'\'' => in_string = !in_string,
            b'/' if !in_string && bytes.get(at + 1) == Some(&b'/') => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Every file below `folder` whose name ends in one of `endings`, in order.
fn files(folder: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&tools::root().join(folder), &mut found);
    found.sort();
    let wanted = found.iter().filter(|path| {
        let name = path.to_string_lossy();
        endings.iter().any(|ending| name.ends_with(ending))
    });
    wanted.map(|path| read(path)).collect()
}

fn read(path: &Path) -> File {
    let bytes = std::fs::read(path).unwrap();
    let name = path.strip_prefix(tools::root()).unwrap().to_string_lossy().into_owned();
    File { name, text: String::from_utf8_lossy(&bytes).into_owned() }
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        if path.is_file() {
            found.push(path.to_owned());
        }
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let is_link = path.is_symlink();
        // Built, fetched or kept by others.
        if name != "target" && name != ".git" && name != "node_modules" && !is_link {
            collect(&path, found);
        }
    }
}

/// Fails with every finding at once, so that one run shows all of them.
fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

/// Whether `word` stands in `line` with no letter, digit or `_` on either side.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let (starts, ends) = (word.starts_with(is_part), word.ends_with(is_part));
        let goes_on = starts && before.is_some_and(is_part) || ends && after.is_some_and(is_part);
        !goes_on
    })
}

#[test]
fn the_checks_can_fail() {
    assert!(has_word("use crate::client;", "crate::client"));
    assert!(!has_word("use crate::clients;", "crate::client"));
    assert!(has_word("println!(\"x\")", "println!"));
    assert!(!has_word("eprintln!(\"x\")", "println!"));
    assert_eq!(without_comment("let a = \"http://x\"; // rhai"), "let a = \"http://x\"; ");
    assert_eq!(without_comment("let q = '\"'; // rhai"), "let q = '\"'; ");
    assert_eq!(without_comment("let a = \"\\\"//\";"), "let a = \"\\\"//\";");
    let file = File { name: "x.rs".into(), text: "a\n#[cfg(test)]\nb".into() };
    assert_eq!(file.shipped().count(), 1);
    let none = std::panic::catch_unwind(|| assert_none("a rule", &["broken".into()]));
    assert!(none.is_err());
}
