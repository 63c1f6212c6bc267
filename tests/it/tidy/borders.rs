//! Who may know whom: the invariants of ARCHITECTURE.md.

use super::{File, assert_none, files, has_word};

/// The sources of the part named `part`: `client` is `src/client.rs` and all of `src/client/`.
fn part(part: &str) -> Vec<File> {
    let (file, folder) = (format!("src/{part}.rs"), format!("src/{part}/"));
    files("src", &[".rs"])
        .into_iter()
        .filter(|source| source.name == file || source.name.starts_with(&folder))
        .collect()
}

/// Every place in `sources`' shipped code where one of `words` stands.
fn places(sources: &[File], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.shipped() {
            if let Some(word) = words.iter().find(|word| has_word(line, word)) {
                found.push(format!("{}:{number}: `{word}` in `{}`", source.name, line.trim()));
            }
        }
    }
    found
}

/// All sources but those of `except`, each a file or a folder that ends in `/`.
fn all_but(except: &[&str]) -> Vec<File> {
    let mut sources = files("src", &[".rs"]);
    sources.retain(|source| {
        !except.iter().any(|name| {
            source.name == *name || name.ends_with('/') && source.name.starts_with(name)
        })
    });
    sources
}

/// `use crate::{a, b::c}` becomes `crate::a` and `crate::b::c`, so that a rule sees either form.
fn imports(source: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in source.shipped() {
        let trimmed = line.trim();
        let start = trimmed.strip_prefix("pub ").unwrap_or(trimmed);
        let start = start.strip_prefix("pub(crate) ").unwrap_or(start);
        if let Some((_, text)) = &mut open {
            text.push_str(trimmed);
        } else if start.starts_with("use crate::") {
            open = Some((number, start.to_owned()));
        }
        if let Some((number, text)) = open.take_if(|(_, text)| text.ends_with(';')) {
            let path = text.trim_start_matches("use ").trim_end_matches(';').to_owned();
            match path.strip_prefix("crate::{") {
                Some(list) => {
                    for item in top_level_items(list.trim_end_matches('}')) {
                        found.push((number, format!("crate::{item}")));
                    }
                }
                None => found.push((number, path)),
            }
        }
    }
    found
}

/// `a, b::{c, d}` split at the commas outside braces.
fn top_level_items(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().expect("never empty").push(c);
    }
    items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Every place where one of `sources` imports or names one of the crate's `parts`.
fn uses_of(sources: &[File], parts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let mut seen = imports(source);
        for (number, line) in source.shipped() {
            if line.contains("crate::") {
                seen.push((number, line.trim().to_owned()));
            }
        }
        for (number, text) in seen {
            for part in parts {
                if has_word(&text, &format!("crate::{part}")) {
                    found.push(format!("{}:{number}: `{text}`", source.name));
                }
            }
        }
    }
    found.dedup();
    found
}

#[test]
fn imports_are_understood() {
    let text =
        "use crate::{\n    client::{Client, Event},\n    log,\n};\nuse crate::error::Error;\n";
    let file = File { name: "x.rs".into(), text: text.into() };
    let paths: Vec<String> = imports(&file).into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, ["crate::client::{Client, Event}", "crate::log", "crate::error::Error"]);
    assert_eq!(uses_of(&[file], &["client"]).len(), 1);
}

#[test]
fn the_parts_are_where_the_rules_look() {
    for name in ["runtime", "handler", "engine", "client", "config", "log", "modules", "error"] {
        assert!(!part(name).is_empty(), "no `src/{name}.rs` and no `src/{name}/`");
    }
    for name in ["emulator", "cli"] {
        assert!(!part(name).is_empty(), "no `src/{name}.rs` and no `src/{name}/`");
    }
}

#[test]
fn the_client_knows_no_rhai() {
    let sources = part("client");
    let mut found = places(&sources, &["rhai", "Dynamic"]);
    // The name of the product is not the name of the engine.
    found.retain(|place| !place.contains("rhai-lambda") && !place.contains("rhai_lambda"));
    found.extend(uses_of(&sources, &["handler", "engine", "modules", "payload", "runtime"]));
    assert_none("`client` knows no Rhai", &found);
}

#[test]
fn scripts_know_no_runtime_api() {
    for name in ["handler", "engine", "modules", "payload", "context", "error", "diagnostic"] {
        let sources = part(name);
        let mut found = uses_of(&sources, &["client", "runtime", "emulator", "cli"]);
        found.extend(places(&sources, &["ureq", "AWS_LAMBDA_RUNTIME_API"]));
        // `http::` for scripts has its own client; the Runtime API is not its business either.
        found.retain(|place| !place.starts_with("src/modules/http"));
        assert_none(&format!("`{name}` knows no Runtime API"), &found);
    }
}

#[test]
fn only_the_runtime_knows_both_sides() {
    let sources =
        all_but(&["src/runtime.rs", "src/runtime/", "src/client.rs", "src/client/", "src/lib.rs"]);
    assert_none("only `runtime` uses `client`", &uses_of(&sources, &["client"]));
}

#[test]
fn only_the_client_knows_the_runtime_apis_names() {
    let sources = all_but(&["src/client.rs", "src/client/", "src/emulator.rs", "src/emulator/"]);
    let mut found = Vec::new();
    for source in &sources {
        for (number, line) in source.shipped() {
            let lower = line.to_ascii_lowercase();
            if lower.contains("\"lambda-runtime-") || lower.contains("2018-06-01") {
                found.push(format!("{}:{number}: `{}`", source.name, line.trim()));
            }
        }
    }
    assert_none("paths and header names of the Runtime API stand in `client` alone", &found);
}

#[test]
fn the_emulator_is_no_relative_of_the_client() {
    let mut sources = part("emulator");
    sources.extend(part("cli"));
    assert_none("the emulator shares nothing with `client`", &uses_of(&sources, &["client"]));
}

#[test]
fn the_environment_is_read_in_two_places() {
    let sources = all_but(&[
        "src/config.rs",
        "src/config/",
        "src/modules/env.rs",
        "src/cli.rs",
        "src/cli/",
        "src/emulator.rs",
        "src/emulator/",
    ]);
    let words = ["env::var", "env::var_os", "env::vars", "env::vars_os"];
    assert_none("`config` and `env::` alone read the environment", &places(&sources, &words));
    let words = ["set_var", "remove_var"];
    assert_none("nobody writes the environment", &places(&files("src", &[".rs"]), &words));
}

#[test]
fn only_the_binaries_end_the_process() {
    let words = ["process::exit", "process::abort", "exit_process"];
    assert_none("only the binaries end the process", &places(&all_but(&["src/bin/"]), &words));
}

#[test]
fn only_the_log_and_the_command_line_print() {
    let sources = all_but(&["src/log.rs", "src/log/", "src/cli.rs", "src/cli/"]);
    let words = ["println!", "eprintln!", "print!", "eprint!", "dbg!", "io::stdout", "io::stderr"];
    let mut found = places(&sources, &words);
    // The emulator's REPORT line and its child's log pass through to standard error.
    found.retain(|place| !(place.starts_with("src/emulator") && place.contains("`io::std")));
    assert_none("only `log` and `cli` print", &found);
}

#[test]
fn there_is_no_unsafe_code() {
    let mut sources = files("src", &[".rs"]);
    sources.extend(files("tests", &[".rs"]));
    sources.retain(|source| source.name != "tests/it/tidy/borders.rs");
    assert_none("no `unsafe`", &places(&sources, &["unsafe"]));
}

#[test]
fn features_are_chosen_on_module_lines() {
    let mut found = Vec::new();
    for source in files("src", &[".rs"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if !line.contains("feature = \"") || line.trim_start().starts_with("//") {
                continue;
            }
            let next = lines[index + 1..].iter().find(|next| !next.trim_start().starts_with("//"));
            let is_module = next.is_some_and(|next| {
                let words: Vec<&str> = next.split_whitespace().collect();
                words.contains(&"mod") && next.ends_with(';')
            });
            if !is_module || !line.trim().starts_with("#[cfg(") {
                found.push(format!("{}:{}: `{}`", source.name, index + 1, line.trim()));
            }
        }
    }
    assert_none("`cfg(feature …)` stands on `mod` lines only", &found);
}

#[test]
fn nothing_is_imported_by_a_star() {
    let mut found = Vec::new();
    for source in files("src", &[".rs"]).iter().chain(&files("tests", &[".rs"])) {
        for (number, line) in source.code() {
            let line = line.trim();
            if line.contains("use ") && line.ends_with("::*;") {
                found.push(format!("{}:{number}: `{line}`", source.name));
            }
        }
    }
    assert_none("no glob imports", &found);
}

#[test]
fn shipped_code_does_not_unwrap() {
    let mut found = Vec::new();
    for source in files("src", &[".rs"]) {
        for (number, line) in source.shipped() {
            if line.contains(".unwrap()")
                || line.contains("panic!(")
                || line.contains("unreachable!(")
            {
                found.push(format!("{}:{number}: `{}`", source.name, line.trim()));
            }
        }
    }
    assert_none("shipped code names why it cannot fail: `expect(\"why\")`", &found);
}
