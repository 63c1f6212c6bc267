//! `REFERENCE.md` is the documentation of the modules for scripts, gathered from their sources.
//!
//! `UPDATE_EXPECT=1 cargo test reference` writes it anew. A module opens with what it is; then come
//! its functions, each with a heading, what it returns and throws, and an example that is run:
//!
//! ````text
//! //! # `json::parse(text)`
//! //!
//! //! Returns the value of a JSON text. Throws `JsonError` …
//! //!
//! //! ```rhai
//! //! assert_eq(json::parse("[1]"), [1]);
//! //! ```
//! ````

use crate::tools;

/// What stands above the modules.
const HEAD: &str = "\
# The modules of rhai-lambda

Every handler may call these without importing anything. Each example is run by the tests;
`assert_eq` and its like are theirs. What goes wrong is thrown as a map with `errorType`,
`errorMessage` and the fields named here, so that `try … catch` can tell errors apart.
";

/// The modules in the order of the reference, each with its documentation.
pub fn modules() -> Vec<(String, String)> {
    let index = std::fs::read_to_string(tools::root().join("src/modules.rs")).unwrap();
    let mut names: Vec<&str> = index
        .lines()
        .filter_map(|line| line.strip_prefix("pub(crate) mod ")?.strip_suffix(';'))
        .collect();
    // One that a feature chooses stands there twice.
    names.dedup();
    names.into_iter().map(|name| (name.to_owned(), documentation(name))).collect()
}

/// The `//!` lines of a module.
fn documentation(name: &str) -> String {
    let path = tools::root().join("src/modules").join(format!("{name}.rs"));
    let source = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("`{}`: {error}", path.display()));
    source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The examples of a documentation: what stands between fences of `rhai`.
pub fn examples(text: &str) -> Vec<String> {
    let mut examples = Vec::new();
    let mut example: Option<String> = None;
    for line in text.lines() {
        match &mut example {
            None if line == "```rhai" => example = Some(String::new()),
            None => {}
            Some(_) if line == "```" => examples.extend(example.take()),
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    examples
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (name, text) in modules() {
        page.push_str(&format!("\n## {name}\n\n"));
        let mut in_example = false;
        for line in text.lines() {
            in_example ^= line.starts_with("```");
            // A function's heading goes below its module's.
            let deeper = !in_example && line.starts_with("# ");
            page.push_str(if deeper { "##" } else { "" });
            page.push_str(line);
            page.push('\n');
        }
    }
    page
}

#[test]
fn the_reference_is_in_step_with_the_modules() {
    let path = tools::root().join("REFERENCE.md");
    let page = page();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "`REFERENCE.md` is stale: run `UPDATE_EXPECT=1 cargo test reference`");
}

#[test]
fn every_function_has_an_example() {
    let mut without = Vec::new();
    for (_, text) in modules() {
        for section in text.split("\n# ").skip(1) {
            if examples(section).is_empty() {
                without.extend(section.lines().next().map(ToOwned::to_owned));
            }
        }
    }
    assert!(without.is_empty(), "without an example: {without:#?}");
}
