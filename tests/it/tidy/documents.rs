//! README, CHANGELOG, examples and modules say what is there.

use super::{assert_none, files, has_word};
use crate::tools;

fn text(name: &str) -> String {
    std::fs::read_to_string(tools::root().join(name))
        .unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

/// The names of the folders right below `folder`.
fn folders(folder: &str) -> Vec<String> {
    let path = tools::root().join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("`{folder}`: {error}"));
    let mut names: Vec<String> = entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_readme_lists_the_examples() {
    let readme = text("README.md");
    let mut listed: Vec<String> = readme
        .match_indices("](examples/")
        .map(|(at, start)| {
            let rest = &readme[at + start.len()..];
            let end = rest.find([')', '/']).expect("a link ends");
            rest[..end].to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect();
    listed.sort();
    listed.dedup();
    assert_eq!(listed, folders("examples"), "links `](examples/NAME)` and folders of `examples/`");
}

#[test]
fn the_readme_shows_what_is_run() {
    let (readme, script) = (text("README.md"), text("examples/orders/function.rhai"));
    assert!(
        readme.contains(&format!("```rhai\n{script}```")),
        "the first handler of the README is `examples/orders/function.rhai`, to the letter"
    );
}

#[test]
fn every_example_is_whole() {
    let mut findings = Vec::new();
    for name in folders("examples") {
        let folder = tools::root().join("examples").join(&name);
        for file in ["README.md", "event.json", "expected.json"] {
            if !folder.join(file).is_file() {
                findings.push(format!("examples/{name}/{file} is missing"));
            }
        }
    }
    assert_none("every example has its page, its event and its result", &findings);
}

#[test]
fn the_changelog_is_open() {
    assert!(text("CHANGELOG.md").contains("\n## Unreleased\n"), "no `## Unreleased`");
}

#[test]
fn the_documents_are_there() {
    let mut findings = Vec::new();
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        if !tools::root().join(name).is_file() {
            findings.push(name.to_owned());
        }
    }
    assert_none("missing documents", &findings);
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut findings = Vec::new();
    for document in files("", &[".md"]) {
        let folder = tools::root().join(&document.name);
        let folder = folder.parent().unwrap();
        for (at, start) in document.text.match_indices("](") {
            let rest = &document.text[at + start.len()..];
            let Some(end) = rest.find(')') else { continue };
            let target = rest[..end].split('#').next().unwrap_or("");
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            if !folder.join(target).exists() {
                findings.push(format!("{}: `{target}`", document.name));
            }
        }
    }
    assert_none("links that lead nowhere", &findings);
}

#[test]
fn the_architecture_names_every_part() {
    let architecture = text("ARCHITECTURE.md");
    let mut findings = Vec::new();
    for file in files("src", &[".rs"]) {
        let mut parts = file.name.trim_end_matches(".rs").split('/').skip(1);
        let part = parts.next().unwrap_or("");
        if part != "lib" && part != "bin" && !has_word(&architecture, part) {
            findings.push(file.name);
        }
    }
    assert_none("ARCHITECTURE.md does not name", &findings);
}

#[test]
fn every_setting_is_documented() {
    let documents: String = files("", &[".md"]).into_iter().map(|file| file.text).collect();
    let mut findings = Vec::new();
    for source in files("src", &["config.rs"]) {
        for (at, start) in source.text.match_indices("RHAI_LAMBDA_") {
            let rest = &source.text[at..];
            let end = rest[start.len()..]
                .find(|c: char| !c.is_ascii_uppercase() && c != '_')
                .map_or(rest.len(), |end| end + start.len());
            let name = &rest[..end];
            if !name.ends_with('_') && !has_word(&documents, name) {
                findings.push(name.to_owned());
            }
        }
    }
    findings.sort();
    findings.dedup();
    assert_none("settings that no document names", &findings);
}

#[test]
fn every_module_for_scripts_is_documented() {
    let readme = text("README.md");
    let mut findings = Vec::new();
    for (name, _) in crate::reference::modules() {
        if !readme.contains(&format!("`{name}`")) && !readme.contains(&format!("{name}::")) {
            findings.push(name);
        }
    }
    assert_none("modules that the README does not name", &findings);
}

#[test]
fn the_index_of_the_tests_explains_each_module() {
    let mut findings = Vec::new();
    for name in ["tests/it/main.rs", "tests/it/protocol.rs", "tests/it/tidy.rs"] {
        let index = text(name);
        let lines: Vec<&str> = index.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if line.starts_with("mod ") && !lines[number - 1].starts_with("// ") {
                findings.push(format!("{name}:{}: `{line}`", number + 1));
            }
        }
    }
    assert_none("a module without a comment", &findings);
}

#[test]
fn the_cases_of_a_folder_are_whole() {
    let mut findings = Vec::new();
    for name in folders("tests/cases") {
        let folder = tools::root().join("tests/cases").join(&name);
        let has = |file: &str| folder.join(file).is_file();
        let expected = usize::from(has("expected.json")) + usize::from(has("error.json"));
        if !has("function.rhai") && !has("env.json") {
            findings.push(format!("tests/cases/{name}: no `function.rhai`"));
        }
        if expected != 1 {
            findings.push(format!("tests/cases/{name}: one of `expected.json` and `error.json`"));
        }
    }
    assert_none("cases that are not whole", &findings);
}
