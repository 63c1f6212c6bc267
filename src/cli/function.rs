//! A folder's function as the emulator runs it: its settings, and what the command line changes.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::emulator::Function;

use super::env_file;
use super::misuse::Misuse;
use super::project::{NOT_A_NAME, is_variable_name};
use super::surroundings;
use super::target::Target;

/// The options of every command that runs functions in a runtime of their own.
#[derive(Args, Clone)]
pub(super) struct Overrides {
    #[command(flatten)]
    configuration: Configuration,

    /// The runtime to run it in [default: the one within this command]
    #[arg(long, value_name = "PATH")]
    bootstrap: Option<PathBuf>,
}

/// What of a function's settings the command line changes.
#[derive(Args, Clone)]
pub(super) struct Configuration {
    /// How long the function may take [default: what `rhai-lambda.toml` says, else 3]
    #[arg(long, value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=900))]
    timeout: Option<u16>,

    /// The memory of the function [default: what `rhai-lambda.toml` says, else 128]
    #[arg(long, value_name = "MB")]
    #[arg(value_parser = clap::value_parser!(u32).range(128..=10240))]
    memory: Option<u32>,

    /// A file of environment variables, as dotenv writes them; may be given more than once
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,

    /// An environment variable of the function; may be given more than once
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(OsString, OsString)>,
}

impl Overrides {
    /// The function that `target` names.
    pub(super) fn function(&self, target: &Target) -> Result<Function, Misuse> {
        let runtime = runtime(self.bootstrap.as_deref())?;
        Ok(Function { runtime, ..self.configuration.function(target)? })
    }
}

impl Configuration {
    /// The function that `target` names, without a runtime. Its variables are, the later the
    /// stronger: the user's own that are passed on, those of `rhai-lambda.toml`, of `--env-file`, of
    /// `--env`.
    pub(super) fn function(&self, target: &Target) -> Result<Function, Misuse> {
        let settings = &target.settings;
        let mut variables = surroundings::passed_on();
        let own = settings.environment.iter();
        variables.extend(own.map(|(name, value)| (name.into(), value.into())));
        for file in &self.env_file {
            variables.extend(env_file::read(file)?);
        }
        variables.extend(self.env.iter().cloned());
        let timeout = self.timeout.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Function {
            name: target.name.clone(),
            handler: target.handler.clone(),
            task_root: target.folder.clone(),
            timeout: timeout.unwrap_or_else(|| settings.timeout()),
            memory_mb: self.memory.unwrap_or_else(|| settings.memory_mb()),
            region: surroundings::region(),
            runtime: Vec::new(),
            variables,
        })
    }
}

fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() && !is_variable_name(name) => {
            Err(format!("`{name}` {NOT_A_NAME}"))
        }
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The command line of the runtime, absolute: it starts in the function's folder.
fn runtime(bootstrap: Option<&Path>) -> Result<Vec<OsString>, Misuse> {
    let Some(path) = bootstrap else {
        let own = std::env::current_exe()
            .map_err(|error| Misuse::new(format!("failed to find this program: {error}")))?;
        return Ok(vec![own.into(), "bootstrap".into()]);
    };
    if !path.exists() {
        return Err(Misuse::missing(path));
    }
    if !path.is_file() {
        return Err(Misuse::new(format!("`{}` is not a program", path.display())));
    }
    let unreadable = |error| Misuse::new(format!("failed to open `{}`: {error}", path.display()));
    if path.metadata().map_err(unreadable)?.permissions().mode() & 0o111 == 0 {
        let misuse = Misuse::new(format!("`{}` is not executable", path.display()));
        return Err(misuse.hint(format!("`chmod +x {}`", path.display())));
    }
    let absolute = path.canonicalize().map_err(unreadable)?;
    Ok(vec![absolute.into()])
}
