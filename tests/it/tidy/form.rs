//! Size, head line, words that do not belong in a file.

use super::{assert_none, collect, files, has_word, read};
use crate::tools;

/// Where code of ours is.
const CODE: [&str; 5] = ["src", "tests", "benches", "examples", "layer"];

/// A file that needs more is two files.
const MAX_LINES: usize = 600;

#[test]
fn no_file_is_long() {
    let mut findings = Vec::new();
    for folder in CODE {
        for file in files(folder, &[".rs", ".sh", ".rhai", "tests/run", "install-tools", ".py"]) {
            let lines = file.text.lines().count();
            if lines > MAX_LINES {
                findings.push(format!("{}: {lines} lines", file.name));
            }
        }
    }
    assert_none(&format!("no file has more than {MAX_LINES} lines"), &findings);
}

#[test]
fn every_file_opens_with_its_job() {
    let mut findings = Vec::new();
    for folder in CODE {
        for file in files(folder, &[".rs"]) {
            if !file.text.starts_with("//! ") {
                findings.push(format!(
                    "{}:1: `{}`",
                    file.name,
                    file.text.lines().next().unwrap_or("")
                ));
            }
        }
    }
    assert_none("every source file opens with `//!` and its one job", &findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let words = ["TO", "FIX", "XX"].map(|start| match start {
        "TO" => "TODO".to_owned(),
        "FIX" => "FIXME".to_owned(),
        other => format!("{other}X"),
    });
    let ignored = format!("#[{}", "ignore");
    let mut findings = Vec::new();
    for folder in CODE {
        for file in files(folder, &[""]) {
            if file.name == "tests/it/tidy/form.rs" {
                continue;
            }
            for (index, line) in file.text.lines().enumerate() {
                if words.iter().any(|word| has_word(line, word)) || line.contains(&ignored) {
                    findings.push(format!("{}:{}: {}", file.name, index + 1, line.trim()));
                }
            }
        }
    }
    assert_none("nothing is left for later, no test is left out", &findings);
}

#[test]
fn no_path_of_one_machine() {
    let mut paths = Vec::new();
    collect(tools::root(), &mut paths);
    let mut findings = Vec::new();
    for path in paths {
        let file = read(&path);
        if file.name == "tests/it/tidy/form.rs" || file.name == "Cargo.lock" {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            let own = ["/work/", "/root/", "/home/", "/tmp/wt", "/Users/"];
            if let Some(found) = own.iter().find(|path| has_path(line, path)) {
                findings.push(format!("{}:{}: `{found}`", file.name, index + 1));
            }
        }
    }
    assert_none("no file names a folder of one machine", &findings);
}

/// Whether `path` starts a path in `line`, rather than standing inside a longer one.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/}*)".contains(c))
    })
}

#[test]
fn lines_end_as_they_should() {
    let mut findings = Vec::new();
    for folder in CODE {
        for file in files(folder, &[".rs", ".sh", ".rhai", ".md", ".yaml", ".toml", "/run"]) {
            // Cases hold bytes on purpose.
            if file.name.starts_with("tests/cases/") {
                continue;
            }
            if !file.text.is_empty() && !file.text.ends_with('\n') {
                findings.push(format!("{}: no newline at the end", file.name));
            }
            for (index, line) in file.text.lines().enumerate() {
                if line.ends_with([' ', '\t', '\r'])
                    || line.contains('\t') && file.name.ends_with(".rs")
                {
                    findings.push(format!("{}:{}: a stray blank", file.name, index + 1));
                }
            }
        }
    }
    assert_none("no stray blanks, a newline at the end", &findings);
}
