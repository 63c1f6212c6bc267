//! The functions that are served: which folders they come from, and how each of them is right now.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::cli::function::Overrides;
use crate::cli::misuse::Misuse;
use crate::cli::project::Settings;
use crate::cli::target::Target;
use crate::emulator::Function;

use super::samples;

/// Where shared scripts are, if a variable of the function says so.
const IMPORT_ROOT: &str = "RHAI_LAMBDA_IMPORT_ROOT";

/// The functions, in the order of the command line.
pub(super) struct Fleet {
    members: Vec<Member>,
    overrides: Overrides,
}

/// A function that is served.
pub(super) struct Member {
    /// What the command line says.
    argument: PathBuf,
    pub(super) name: String,
    now: Mutex<Now>,
}

/// How a function is at this moment.
#[derive(Clone)]
pub(super) struct Now {
    pub(super) function: Function,
    pub(super) settings: Settings,
    pub(super) state: State,
    /// Counts the changes, so that what comes late can tell that it is about an old one.
    pub(super) version: u64,
}

/// Whether a function can be invoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is being started with its newest code.
    Loading,
    Ready,
    /// Why it does not load, drawn.
    Broken(String),
    /// What is wrong with its settings; those from before are in force.
    Unread(String),
}

impl Fleet {
    /// Finds the functions that `arguments` name.
    pub(super) fn find(arguments: &[PathBuf], overrides: Overrides) -> Result<Self, Misuse> {
        let mut fleet = Self { members: Vec::new(), overrides };
        for argument in arguments {
            let target = Target::find(argument).map_err(|misuse| among(argument, misuse))?;
            if let Some(other) = fleet.named(&target.name) {
                let (other, name) = (other.argument.display(), &target.name);
                let message =
                    format!("`{other}` and `{}` are both called `{name}`", argument.display());
                let hint = "`name` in `rhai-lambda.toml` gives a function another name";
                return Err(Misuse::new(message).hint(hint));
            }
            let function = fleet.overrides.function(&target)?;
            let Target { name, settings, .. } = target;
            let now = Now { function, settings, state: State::Loading, version: 0 };
            fleet.members.push(Member { argument: argument.clone(), name, now: Mutex::new(now) });
        }
        Ok(fleet)
    }

    /// All functions.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The function of this name, which host names have in lower case.
    pub(super) fn named(&self, name: &str) -> Option<&Member> {
        let exact = self.members.iter().find(|member| member.name == name);
        exact.or_else(|| self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name)))
    }

    /// Every folder whose files make the functions what they are.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        self.members.iter().flat_map(|member| member.folders()).collect()
    }

    /// Reads a function's folder again. The old code and settings stay if that fails.
    pub(super) fn reread(&self, member: &Member) -> Result<Function, Misuse> {
        let target = Target::find(&member.argument)?;
        let mut function = self.overrides.function(&target)?;
        // Names are fixed while the server runs: callers have them.
        function.name.clone_from(&member.name);
        let mut now = member.lock();
        now.function = function.clone();
        now.settings = target.settings;
        Ok(function)
    }
}

impl Member {
    /// How the function is now.
    pub(super) fn now(&self) -> Now {
        self.lock().clone()
    }

    /// The folder of the function.
    pub(super) fn folder(&self) -> PathBuf {
        self.lock().function.task_root.clone()
    }

    /// Notes that the function is new; returns the number of this change.
    pub(super) fn changed(&self) -> u64 {
        let mut now = self.lock();
        now.version += 1;
        now.version
    }

    /// Sets the state that change number `version` led to; returns the one before, or nothing if
    /// there was a later change.
    pub(super) fn settle(&self, version: u64, state: State) -> Option<State> {
        let mut now = self.lock();
        (now.version == version).then(|| std::mem::replace(&mut now.state, state))
    }

    /// What of `changed` concerns this function, relative to its folder.
    pub(super) fn concerned<'a>(&self, changed: &'a BTreeSet<PathBuf>) -> Vec<&'a Path> {
        let folders = self.folders();
        let below = |path: &'a PathBuf| {
            folders.iter().find_map(|folder| {
                path.strip_prefix(folder).ok().or(folder.starts_with(path).then_some(path))
            })
        };
        changed.iter().filter_map(below).collect()
    }

    /// The function's own folder, and that of the scripts that it shares with others.
    fn folders(&self) -> Vec<PathBuf> {
        let now = self.lock();
        let variables = now.function.variables.iter().rev();
        let shared = variables
            .filter(|(name, _)| name == IMPORT_ROOT)
            .map(|(_, value)| PathBuf::from(value))
            .find_map(|path| path.canonicalize().ok());
        [Some(now.function.task_root.clone()), shared].into_iter().flatten().collect()
    }

    /// The function as the page shows it.
    pub(super) fn described(&self, port: u16) -> Value {
        let now = self.now();
        let (state, problem) = match &now.state {
            State::Loading => ("loading", None),
            State::Ready => ("ready", None),
            State::Broken(why) | State::Unread(why) => ("broken", Some(why)),
        };
        json!({
            "name": self.name,
            "folder": now.function.task_root.display().to_string(),
            "handler": now.function.handler,
            "timeout": now.function.timeout.as_secs(),
            "memory": now.function.memory_mb,
            "address": format!("http://{}.localhost:{port}/", self.name),
            "state": state,
            "problem": problem,
            "samples": samples::names(&now.function.task_root),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        // A panic in between leaves the state whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder without a function may be one of functions.
fn among(argument: &Path, misuse: Misuse) -> Misuse {
    let Ok(entries) = std::fs::read_dir(argument) else { return misuse };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| match argument == Path::new(".") {
            true => entry.file_name().into(),
            false => entry.path(),
        })
        .filter(|path| path.is_dir() && Target::find(path).is_ok())
        .collect();
    found.sort();
    let Some(first) = found.first() else { return misuse };
    let rest = if found.len() > 1 { " …" } else { "" };
    let message = misuse.message().lines().next().unwrap_or_default().to_owned();
    Misuse::new(message)
        .hint(format!("name its functions: `rhai-lambda serve {}{rest}`", first.display()))
}
