//! The layer as its users meet it: built by its script, published and used by the commands of its
//! README, started by AWS's emulator out of `/opt`.
//!
//! The build is a release build, so these tests run only when everything is asked for.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::tools;

// The zip, read byte by byte.
pub mod archive;
// The README's commands against moto.
mod publish;
// The README's first command and what it made.
mod build;
// `/opt/bootstrap` under AWS's emulator.
mod serve;

/// Where the README of the layer is.
fn readme() -> PathBuf {
    tools::root().join("layer/README.md")
}

/// Whether the release build is asked for; says what is left out when it is not.
fn is_asked_for(what: &str) -> bool {
    let asked = tools::everything_asked_for();
    if !asked {
        tools::say(&format!(
            "left out: {what} (it needs a release build)\nhint: `tests/run` runs everything"
        ));
    }
    asked
}

/// The layer's zip, built once for all tests by the README's command.
fn layer() -> &'static Path {
    static LAYER: LazyLock<PathBuf> = LazyLock::new(|| {
        build::run();
        tools::root().join("target/layer/rhai-lambda-x86_64.zip")
    });
    &LAYER
}

/// The sections of a document that hold commands, in order: heading and commands.
fn commands(document: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut heading = String::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut heading);
        }
        if line != "```sh" {
            continue;
        }
        let block: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .map(|line| format!("{line}\n"))
            .collect();
        match sections.last_mut() {
            Some((last, text)) if *last == heading => text.push_str(&block),
            _ => sections.push((heading.clone(), block)),
        }
    }
    sections
}
