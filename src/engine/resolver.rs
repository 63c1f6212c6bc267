//! Where scripts come from: the function's zip, else the shared scripts of other layers.
//!
//! Nothing outside these two roots can be read, by no name and through no link. A module is
//! compiled and its top level run once; Rhai's own resolver is not used, since it follows `..` and
//! spoils a module that is first imported inside a function.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use once_cell::unsync::OnceCell;
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope};

use crate::config::{Config, Limits};
use crate::engine::{EndMark, Kernels, compile, explained, placed, raise};
use crate::suggest::nearest;

/// The extension of scripts.
const EXTENSION: &str = ".rhai";

/// The buffer that a script is read into at first.
const SCRIPT_SIZE: usize = 4 << 10;

/// The two folders that scripts may come from.
#[derive(Debug)]
pub(crate) struct Roots {
    task: PathBuf,
    import: PathBuf,
    /// Both without links. Found out when a script's path may have some.
    real: OnceCell<Vec<PathBuf>>,
    /// Scripts that were read before their import ran.
    ahead: RefCell<BTreeMap<String, Source>>,
}

/// A script that was found and read.
#[derive(Debug)]
pub(crate) struct Source {
    /// How errors name it: relative to the task root, or absolute in the import root.
    pub(crate) file: String,
    pub(crate) text: String,
}

/// Why a script cannot be had.
#[derive(Debug)]
pub(crate) enum Missing {
    /// There is no such file.
    Absent,
    /// It is there, but not for this function, or not as text.
    Refused(String),
}

impl Roots {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            task: config.task_root.clone(),
            import: config.import_root.clone(),
            real: OnceCell::new(),
            ahead: RefCell::default(),
        }
    }

    /// Reads `name`, a path without extension, from the task root.
    pub(crate) fn read_handler(&self, name: &str) -> Result<Source, Missing> {
        self.read(&self.task, name)
    }

    /// Reads `name` from the task root, else from the import root.
    pub(crate) fn read_module(&self, name: &str) -> Result<Source, Missing> {
        match self.read(&self.task, name) {
            Err(Missing::Absent) => self.read(&self.import, name),
            found => found,
        }
    }

    /// Shows the text of `name` and keeps it for [`take_module`](Self::take_module).
    pub(crate) fn read_ahead<T>(&self, name: &str, look: impl FnOnce(&str) -> T) -> Option<T> {
        let source = self.read_module(name).ok()?;
        let seen = look(&source.text);
        self.ahead.borrow_mut().insert(name.to_owned(), source);
        Some(seen)
    }

    /// As [`read_module`](Self::read_module), unless it was read ahead.
    fn take_module(&self, name: &str) -> Result<Source, Missing> {
        let ahead = self.ahead.borrow_mut().remove(name);
        ahead.map_or_else(|| self.read_module(name), Ok)
    }

    fn read(&self, root: &Path, name: &str) -> Result<Source, Missing> {
        check_name(name).map_err(Missing::Refused)?;
        let relative = format!("{name}{EXTENSION}");
        let path = root.join(&relative);
        let file = if root == self.task { relative } else { path.display().to_string() };
        let refused = |why: String| Missing::Refused(format!("`{file}` {why}"));

        let (bytes, has_links) = read_plainly(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Missing::Absent,
            _ => refused(format!("cannot be read: {}", reason(&error))),
        })?;
        if has_links && !self.contains(&path).map_err(&refused)? {
            return Err(refused("is a link that leads out of the function".to_owned()));
        }
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
            refused(format!("is not UTF-8: see line {line}"))
        })?;
        if text.starts_with('\u{feff}') {
            // A byte order mark, as some editors write it.
            text.remove(0);
        }
        Ok(Source { file, text })
    }

    fn contains(&self, path: &Path) -> Result<bool, String> {
        let real = |path: &Path| {
            path.canonicalize().map_err(|error| format!("cannot be read: {}", reason(&error)))
        };
        let roots = self.real.get_or_try_init(|| {
            let mut roots = vec![real(&self.task)?];
            // There need be no shared scripts.
            roots.extend(real(&self.import));
            Ok::<_, String>(roots)
        })?;
        let path = real(path)?;
        Ok(roots.iter().any(|root| path.starts_with(root)))
    }

    /// What is said of an import of `name` when neither root has it.
    pub(crate) fn absent(&self, name: &str) -> String {
        let hint = match self.nearest(name) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        let (task, import) = (self.task.display(), self.import.display());
        format!("no script `{name}{EXTENSION}` in `{task}` or `{import}`{hint}")
    }

    /// The name of an existing script that `name` probably stands for.
    pub(crate) fn nearest(&self, name: &str) -> Option<String> {
        let (folder, _) = name.rsplit_once('/').unwrap_or(("", name));
        let mut names: Vec<String> = Vec::new();
        for root in [&self.task, &self.import] {
            let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
            names.extend(entries.filter_map(|entry| {
                let file = entry.file_name().into_string().ok()?;
                let stem = file.strip_suffix(EXTENSION)?;
                Some(if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") })
            }));
        }
        nearest(name, names.iter().map(String::as_str)).map(ToOwned::to_owned)
    }
}

/// Reads a file; whether there may be links in its path.
fn read_plainly(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    // Most scripts are smaller, and its size would have to be asked for.
    let mut bytes = Vec::with_capacity(SCRIPT_SIZE);
    (&mut file).take(u64::MAX).read_to_end(&mut bytes)?;
    // What the system calls the open file has no links in it. To follow the path takes a call for
    // each of its folders, and as many for the roots.
    let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let has_links = real.map_or(true, |real| real.as_os_str() != path.as_os_str());
    Ok((bytes, has_links))
}

/// The system's words for what went wrong, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Names are relative paths with `/`, without detours.
fn check_name(name: &str) -> Result<(), String> {
    if name.starts_with('/') {
        return Err(format!("`{name}` is absolute, expected a path relative to the function"));
    }
    if name.split('/').any(|part| part == "..") {
        return Err(format!("`{name}` leads out of the function"));
    }
    if name.is_empty() || name.contains(['\\', '\0']) {
        return Err(format!("{name:?} is not the path of a script"));
    }
    Ok(())
}

/// The path of an import as all else names the script.
pub(crate) fn plain_name(path: &str) -> &str {
    let name = path.strip_suffix(EXTENSION).unwrap_or(path);
    name.strip_prefix("./").unwrap_or(name)
}

/// Resolves `import`: Rhai asks it for every import that a script executes.
pub(crate) struct Resolver {
    roots: Rc<Roots>,
    limits: Limits,
    kernels: Rc<Kernels>,
    end_mark: Rc<EndMark>,
    loaded: RefCell<BTreeMap<String, Rc<Module>>>,
    /// The imports under way, outermost first: a name that is in it already is a cycle.
    loading: RefCell<Vec<String>>,
}

impl Resolver {
    /// A resolver for the function whose handler is in the script `handler`, which no script may
    /// import.
    pub(crate) fn new(
        roots: Rc<Roots>,
        config: &Config,
        handler: &str,
        end_mark: Rc<EndMark>,
        kernels: &Rc<Kernels>,
    ) -> Self {
        Self {
            roots,
            end_mark,
            limits: config.limits.clone(),
            kernels: Rc::clone(kernels),
            loaded: RefCell::default(),
            loading: RefCell::new(vec![handler.to_owned()]),
        }
    }

    fn load(
        &self,
        engine: &Engine,
        name: &str,
        place: Position,
    ) -> Result<Rc<Module>, Box<EvalAltResult>> {
        let source = self.roots.take_module(name).map_err(|missing| match missing {
            Missing::Absent => raise(("ImportError", self.roots.absent(name))),
            Missing::Refused(why) => raise(("ImportError", why)),
        })?;
        let in_module =
            |error| Box::new(EvalAltResult::ErrorInModule(source.file.clone(), error, place));
        let mut ast = compile(engine, &source.text)
            .map_err(|error| in_module(explained(error, &source.text).into()))?;
        ast.set_source(source.file.as_str());
        self.end_mark.append_to(&mut ast);
        let ast = self.kernels.accelerate(engine, ast, &source.text);
        Ok(Module::eval_ast_as_new(Scope::new(), &ast, engine).map_err(in_module)?.into())
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        _: Option<&str>,
        path: &str,
        place: Position,
    ) -> Result<Rc<Module>, Box<EvalAltResult>> {
        let name = plain_name(path);
        if let Some(module) = self.loaded.borrow().get(name) {
            return Ok(module.clone());
        }
        placed(place, self.resolve_new(engine, name, place))
    }
}

impl Resolver {
    fn resolve_new(
        &self,
        engine: &Engine,
        name: &str,
        place: Position,
    ) -> Result<Rc<Module>, Box<EvalAltResult>> {
        let mut loading = self.loading.borrow_mut();
        if let Some(start) = loading.iter().position(|outer| outer == name) {
            let mut cycle: Vec<&str> = loading[start..].iter().map(String::as_str).collect();
            cycle.push(name);
            let message = format!("scripts import each other: {}", cycle.join(" → "));
            return Err(raise(("ImportError", message)));
        }
        let too_many = |what: String| Err(raise(("TooManyModules", what)));
        // The handler's script is the first of them.
        if loading.len() > self.limits.max_module_depth {
            let max = self.limits.max_module_depth;
            return too_many(format!(
                "imports are nested deeper than {max} levels (RHAI_LAMBDA_MAX_MODULE_DEPTH)"
            ));
        }
        if self.loaded.borrow().len() + loading.len() > self.limits.max_modules {
            let max = self.limits.max_modules;
            return too_many(format!(
                "the function imports more than {max} scripts (RHAI_LAMBDA_MAX_MODULES)"
            ));
        }
        loading.push(name.to_owned());
        drop(loading);
        let result = self.load(engine, name, place);
        self.loading.borrow_mut().pop();
        let module = result?;
        self.loaded.borrow_mut().insert(name.to_owned(), module.clone());
        Ok(module)
    }
}
