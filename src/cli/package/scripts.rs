//! Whether the scripts of a zip compile, with the engine that will run them.

use std::rc::Rc;

use super::contents::Contents;
use crate::cli::target::Target;
use crate::config::Config;
use crate::error::Error;
use crate::handler::{Handler, Script};
use crate::log::Logger;

/// The errors of those that do not. Nothing of them is run.
pub(super) fn errors(target: &Target, contents: &Contents) -> Vec<Error> {
    let mut config = match Config::from_vars(&|_| None) {
        Ok(config) => config,
        Err(error) => return vec![error],
    };
    config.task_root.clone_from(&target.folder);
    config.handler.clone_from(&target.handler);
    // Definitions are written for editors, tests for another engine; `--all` takes them along.
    let is_for_lambda = |name: &&str| !name.ends_with(".d") && !name.ends_with("_test");
    let names = contents.files.iter().filter_map(|file| file.name.strip_suffix(".rhai"));
    let scripts: Vec<&str> = names.filter(is_for_lambda).collect();
    let compiled = Handler::with_stack(&config, || {
        Ok(scripts.iter().filter_map(|name| compile(&config, name).err()).collect())
    });
    compiled.unwrap_or_else(|error| vec![error])
}

fn compile(config: &Config, name: &str) -> Result<(), Error> {
    Script::compile(config, name, Rc::new(Logger::new(config)), |_, _| {}).map(drop)
}
