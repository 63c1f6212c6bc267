//! The modules that scripts see, a file each, named as scripts name them.
//!
//! A module is registered only if the function's scripts name it, so that starting costs nothing
//! for what a script does not use.

pub(crate) mod log;
pub(crate) mod env;
pub(crate) mod json;
pub(crate) mod encoding;
pub(crate) mod crypto;
pub(crate) mod time;
pub(crate) mod text;
pub(crate) mod fs;
pub(crate) mod lambda;

// What several of them share.
mod bytes;
mod options;

use std::path::PathBuf;
use std::rc::Rc;

use rhai::Engine;

use crate::config::Limits;
use crate::engine::Guard;
use crate::log::Logger;

/// What the natives of one engine share.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) guard: Rc<Guard>,
    pub(crate) logger: Rc<Logger>,
    pub(crate) limits: Limits,
    /// Where the function's own files are.
    pub(crate) task_root: PathBuf,
}

/// Teaches an engine one module.
type Register = fn(&mut Engine, &Host);

/// Every module by its name in scripts.
const MODULES: &[(&str, Register)] = &[
    ("log", log::register),
    ("env", env::register),
    ("json", json::register),
    ("encoding", encoding::register),
    ("crypto", crypto::register),
    ("time", time::register),
    ("text", text::register),
    ("fs", fs::register),
    ("lambda", lambda::register),
];

/// Teaches `engine` the modules that `named` says are in use, and what scripts call without one.
pub(crate) fn register(engine: &mut Engine, host: &Host, named: impl Fn(&str) -> bool) {
    log::register_print(engine, host);
    json::register_methods(engine, host);
    for &(name, register) in MODULES {
        if named(name) {
            register(engine, host);
        }
    }
}

/// The names of all modules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// Whether `script` may use the module `name`: whether `name::` is anywhere in it.
pub(crate) fn is_named(script: &str, name: &str) -> bool {
    script.match_indices(name).any(|(at, _)| {
        let before = script[..at].chars().next_back();
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        starts && script[at + name.len()..].trim_start().starts_with("::")
    })
}

/// The start of a text that a script gave, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_module_is_named_by_its_path() {
        assert!(is_named("let x = json::parse(y);", "json"));
        assert!(is_named("json ::parse(y)", "json"));
        assert!(is_named("`${env::get(\"A\")}`", "env"));
        assert!(!is_named("my_json::parse(y)", "json"));
        assert!(!is_named("event.json", "json"));
    }
}
