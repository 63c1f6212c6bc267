//! Finds the tests: scripts `…_test.rhai` with their functions `test_…`, and golden cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rhai::FnAccess;

use super::fakes::Stage;
use super::golden::Golden;
use super::trial::{self, Rules};
use crate::cli::function::Configuration;
use crate::cli::misuse::Misuse;
use crate::cli::project::{self, Settings};
use crate::cli::target::Target;
use crate::config::Config;
use crate::engine::on_engine_stack;
use crate::{Error, emulator};

/// The end of the names of scripts that hold tests.
const ENDING: &str = "_test.rhai";

/// The script of a function's folder.
const SCRIPT: &str = "function.rhai";

/// Where a function's golden cases are.
const CASES: &str = "cases";

/// Folders that hold no sources.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Everything that was found.
pub(super) struct Suite {
    pub(super) tests: Vec<Test>,
    /// The functions, in the order in which they were found.
    pub(super) roots: Vec<Arc<Root>>,
}

/// One test.
pub(super) struct Test {
    /// How it is shown and filtered: `orders_test::test_total`, `cases/empty`.
    pub(super) name: String,
    pub(super) root: Arc<Root>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// A function of a script, which is named as imports name it.
    Function {
        script: String,
        function: String,
    },
    Golden(Golden),
    /// A script that cannot be compiled.
    Broken(Error),
}

/// A function with its settings: what its tests share.
pub(super) struct Root {
    /// The task root.
    pub(super) folder: PathBuf,
    /// How the folder was named by the user.
    pub(super) shown: PathBuf,
    pub(super) config: Config,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) arn: String,
    pub(super) timeout: Duration,
    /// What a `bootstrap` of one's own adds, which no test has.
    pub(super) natives: Vec<String>,
}

impl Root {
    fn open(
        folder: PathBuf,
        shown: PathBuf,
        configuration: &Configuration,
    ) -> Result<Self, Misuse> {
        let target = target_of(&folder)?;
        let function = configuration.function(&target)?;
        let natives = target.settings.natives;
        let variables = variables_of(&function);
        let config = Config::from_vars(&|name| variables.get(name).cloned())
            .map_err(|error| Misuse::new(error.message()))?;
        let (arn, timeout) = (function.arn(), function.timeout);
        Ok(Self { folder, shown, config, variables, arn, timeout, natives })
    }

    /// The function of `config`, for those who look at tests without running them.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            folder: config.task_root.clone(),
            shown: config.task_root.clone(),
            config: config.clone(),
            variables: BTreeMap::new(),
            arn: String::new(),
            timeout: Duration::ZERO,
            natives: Vec::new(),
        }
    }

    /// The text of a script, named as errors name it.
    pub(super) fn source(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(file)).ok()
    }
}

/// The environment that the function would have.
fn variables_of(function: &emulator::Function) -> BTreeMap<String, String> {
    // Nobody listens there; what scripts see of it is what they see on Lambda.
    let variables = function.environment("127.0.0.1:9001", "test");
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    variables.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The function of `folder`; a folder of shared scripts has none, and can be tested all the same.
fn target_of(folder: &Path) -> Result<Target, Misuse> {
    let settings = Settings::read(folder)?;
    if settings.handler.is_some() || folder.join(SCRIPT).is_file() {
        return Target::find(folder);
    }
    let name = settings.name.clone().unwrap_or_else(|| "function".to_owned());
    let (folder, handler) = (folder.to_owned(), "function.handler".to_owned());
    Ok(Target { folder, handler, name, settings })
}

impl Suite {
    /// Finds the tests of `places`, folders and scripts.
    pub(super) fn find(places: &[PathBuf], configuration: &Configuration) -> Result<Self, Misuse> {
        let mut suite = Self { tests: Vec::new(), roots: Vec::new() };
        for place in places {
            let path = place.canonicalize().map_err(|_| Misuse::missing(place))?;
            let prefix = match places.len() {
                1 => String::new(),
                _ => format!("{}/", place.display()),
            };
            if place.is_file() {
                if !place.to_string_lossy().ends_with(ENDING) {
                    let misuse =
                        Misuse::new(format!("`{}` is not a script of tests", place.display()));
                    return Err(misuse.hint("their names end in `_test.rhai`"));
                }
                let folder = path.parent().unwrap_or(&path).to_owned();
                let shown = place.parent().unwrap_or(place).to_owned();
                let finder = Finder { top: &folder, shown: &shown, prefix, configuration };
                finder.script(&mut suite, &path)?;
            } else {
                let finder = Finder { top: &path, shown: place, prefix, configuration };
                finder.folder(&mut suite, &path)?;
            }
        }
        Ok(suite)
    }
}

/// Looks through one of the places.
struct Finder<'a> {
    /// The place, absolute and as the user named it.
    top: &'a Path,
    shown: &'a Path,
    /// What tells the tests of this place from those of another.
    prefix: String,
    configuration: &'a Configuration,
}

impl Finder<'_> {
    fn folder(&self, suite: &mut Suite, folder: &Path) -> Result<(), Misuse> {
        let unreadable =
            |error| Misuse::new(format!("failed to read `{}`: {error}", folder.display()));
        let entries = std::fs::read_dir(folder).map_err(unreadable)?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            if path.to_string_lossy().ends_with(ENDING) {
                self.script(suite, path)?;
            }
        }
        if is_function(folder) {
            self.golden(suite, folder)?;
        }
        for path in paths.iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                self.folder(suite, path)?;
            }
        }
        Ok(())
    }

    /// The cases of a function's folder.
    fn golden(&self, suite: &mut Suite, folder: &Path) -> Result<(), Misuse> {
        let mut found: Vec<Golden> = Golden::beside(folder).into_iter().collect();
        let entries = std::fs::read_dir(folder.join(CASES)).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        found.extend(paths.iter().filter_map(|path| Golden::in_case(path)));
        for golden in found {
            let root = self.root(suite, folder)?;
            let name = self.name_of(golden.path());
            suite.tests.push(Test { name, root, kind: Kind::Golden(golden) });
        }
        Ok(())
    }

    fn script(&self, suite: &mut Suite, path: &Path) -> Result<(), Misuse> {
        let folder = path.parent().unwrap_or(path);
        let root = folder.ancestors().find(|above| is_function(above)).unwrap_or(self.top);
        let root = self.root(suite, root)?;
        let stem = path.with_extension("");
        let script = stem.strip_prefix(&root.folder).unwrap_or(&stem);
        let script = script.to_string_lossy().into_owned();
        let name = self.name_of(&stem);
        match functions_of(&root, &script) {
            Ok(functions) => {
                suite.tests.extend(functions.into_iter().map(|function| Test {
                    name: format!("{name}::{function}"),
                    root: Arc::clone(&root),
                    kind: Kind::Function { script: script.clone(), function },
                }));
            }
            Err(error) => suite.tests.push(Test { name, root, kind: Kind::Broken(error) }),
        }
        Ok(())
    }

    fn name_of(&self, path: &Path) -> String {
        let path = path.strip_prefix(self.top).unwrap_or(path);
        format!("{}{}", self.prefix, path.display())
    }

    fn root(&self, suite: &mut Suite, folder: &Path) -> Result<Arc<Root>, Misuse> {
        if let Some(known) = suite.roots.iter().find(|root| root.folder == folder) {
            return Ok(Arc::clone(known));
        }
        let shown = match folder.strip_prefix(self.top) {
            Ok(below) if below.as_os_str().is_empty() => self.shown.to_owned(),
            Ok(below) => self.shown.join(below),
            Err(_) => below_here(folder),
        };
        let root = Arc::new(Root::open(folder.to_owned(), shown, self.configuration)?);
        suite.roots.push(Arc::clone(&root));
        Ok(root)
    }
}

/// A folder as it would be named from where the command runs.
fn below_here(folder: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| folder.strip_prefix(here).ok()).unwrap_or(folder).to_owned()
}

fn is_function(folder: &Path) -> bool {
    folder.join(project::FILE).is_file() || folder.join(SCRIPT).is_file()
}

/// The names of a script's functions that are tests, in their order.
fn functions_of(root: &Arc<Root>, script: &str) -> Result<Vec<String>, Error> {
    let compile = || {
        let script = trial::compile(script, &Stage::new(root, &Rules::default()))?;
        let mut found: Vec<(usize, String)> = script
            .ast
            .shared_lib()
            .iter_script_fn_info()
            .filter(|(_, access, name, parameters, function)| {
                *access == FnAccess::Public
                    && *parameters == 0
                    && name.starts_with("test_")
                    && function.this_type.is_none()
            })
            .map(|(.., function)| {
                (function.body.start_position().line().unwrap_or(0), function.name.to_string())
            })
            .collect();
        found.sort();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    };
    on_engine_stack(&root.config.limits, compile).unwrap_or_else(|error| {
        let message = format!("cannot start a thread for the script: {error}");
        Err(Error::init("Runtime.InitError", message))
    })
}

/// The scripts of the function in `folder` that hold no tests.
pub(super) fn scripts_below(folder: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_source = !name.starts_with('.') && !SKIPPED.contains(&&*name);
                // A function below this one has scripts of its own.
                if is_source && !path.is_symlink() && !is_function(&path) {
                    collect(&path, found);
                }
            } else if name.ends_with(".rhai") && !name.ends_with(ENDING) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, &mut found);
    found.sort();
    found
}
