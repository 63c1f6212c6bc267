//! Functions of a script that are called at turns of an environment's life: `on_init`, `on_shutdown`,
//! `on_before_snapshot`, `on_after_restore`.

use std::time::Duration;

use rhai::{AST, Dynamic, EvalAltResult, FnAccess};

use crate::engine::{self, Phase};
use crate::error::Error;
use crate::handler::Handler;

/// What Lambda leaves a function between SIGTERM and SIGKILL.
const SHUTDOWN_TIME: Duration = Duration::from_millis(500);

/// A turn of an environment's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// After the top level, before the first event.
    Init,
    /// When Lambda ends the environment.
    Shutdown,
    /// Before Lambda takes the snapshot that later environments are restored from.
    BeforeSnapshot,
    /// In an environment that was restored, before its first event.
    AfterRestore,
}

/// Which hooks a script has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    found: Vec<Hook>,
}

impl Hook {
    const ALL: [Self; 4] = [Self::Init, Self::Shutdown, Self::BeforeSnapshot, Self::AfterRestore];

    fn name(self) -> &'static str {
        match self {
            Self::Init => "on_init",
            Self::Shutdown => "on_shutdown",
            Self::BeforeSnapshot => "on_before_snapshot",
            Self::AfterRestore => "on_after_restore",
        }
    }

    /// What Lambda is told when it fails.
    fn error_type(self) -> &'static str {
        match self {
            Self::Init | Self::Shutdown => "Runtime.InitError",
            Self::BeforeSnapshot => "Runtime.BeforeSnapshotError",
            Self::AfterRestore => "Runtime.AfterRestoreError",
        }
    }
}

impl Hooks {
    /// Looks for the hooks in a script.
    ///
    /// # Errors
    /// One that could not be called.
    pub(super) fn find(ast: &AST, file: &str) -> Result<Self, Error> {
        let mut found = Vec::new();
        for hook in Hook::ALL {
            let name = hook.name();
            let Some(function) = ast.iter_functions().find(|function| function.name == name) else {
                continue;
            };
            if function.access == FnAccess::Private
                || function.this_type.is_some()
                || !function.params.is_empty()
            {
                let message =
                    format!("`{name}` in `{file}` is called as `fn {name}()`, and is not that");
                return Err(Error::init("Runtime.InitError", message));
            }
            found.push(hook);
        }
        Ok(Self { found })
    }
}

impl Handler {
    /// Whether the script has this hook.
    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.hooks.found.contains(&hook)
    }

    /// Calls a hook, if the script has it.
    ///
    /// # Errors
    /// What the script threw, or a limit that it reached.
    pub(crate) fn call_hook(&self, hook: Hook) -> Result<(), Error> {
        if !self.has(hook) {
            return Ok(());
        }
        let guard = &self.host.guard;
        match hook {
            Hook::Shutdown => guard.start_invocation(Some(SHUTDOWN_TIME)),
            _ => guard.start_init(),
        }
        self.host.streams.begin();
        let result: Result<Dynamic, Box<EvalAltResult>> =
            self.engine.eval_fn_call(hook.name(), None, ());
        let result = match result {
            Ok(_) => Ok(()),
            Err(error) => engine::conclude(*error, &self.file, guard, Phase::Init).map(|_| ()),
        };
        let result = match (result, guard.tripped()) {
            // Something swallowed the error.
            (Ok(()), Some(trip)) => Err(Error::init("Runtime.InitError", guard.describe(trip).1)),
            (result, _) => result,
        };
        result.map_err(|error| error.into_init(hook.error_type()))
    }
}
