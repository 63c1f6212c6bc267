//! The scripts of a function, all of them, and how they see each other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rhai::{AST, Engine};

use crate::config::Config;
use crate::diagnostic::Severity;
use crate::engine::complete::{self, plain_name};
use crate::engine::{Missing, Roots};

use super::super::project::{FILE, Settings};
use super::super::test;
use super::natives::Natives;
use super::report::{Finding, Place};
use super::rules::Rule;
use super::script::{Compiled, Role, Script, compile};

/// The ending of scripts, and of those that only `rhai-lambda test` runs.
const EXTENSION: &str = "rhai";
const TEST: &str = "_test";
const DEFINITIONS: &str = ".d.rhai";

/// Folders that hold no scripts of the function.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Everything that the checks look at.
pub(super) struct Program {
    pub(super) config: Config,
    pub(super) roots: Rc<Roots>,
    natives: Natives,
    /// What tests can call beside.
    natives_of_tests: Natives,
    pub(super) scripts: Vec<Script>,
    by_name: HashMap<String, usize>,
    /// The handler's script, if it compiles.
    pub(super) handler: Option<AST>,
    /// What was found on the way.
    pub(super) findings: Vec<Finding>,
    /// Whether shared scripts may come from a layer that is not at hand.
    pub(super) has_other_layers: bool,
}

/// What an import leads to.
pub(super) enum Resolved<'a> {
    Script(&'a Script),
    /// The path is computed, or it is wrong, which is a finding of its own.
    Unknown,
}

impl Program {
    /// Reads the folder and compiles what is in it.
    pub(super) fn load(config: Config, settings: &Settings) -> Self {
        let roots = Rc::new(Roots::new(&config));
        let mut engine = complete::engine(&config, Rc::clone(&roots));
        let natives = Natives::of(&engine, &settings.natives);
        let mut for_tests = complete::engine(&config, Rc::clone(&roots));
        test::teach(&mut for_tests, &config);
        let natives_of_tests = Natives::of(&for_tests, &settings.natives);
        let mut program = Self {
            roots,
            natives,
            natives_of_tests,
            scripts: Vec::new(),
            by_name: HashMap::new(),
            handler: None,
            findings: Vec::new(),
            // One of them is the runtime's.
            has_other_layers: settings.layers.len() > 1,
            config,
        };
        let (names, unreadable) = names(&program.config.task_root);
        for (folder, error) in unreadable {
            let file = folder.display().to_string();
            let message = format!("`{file}` cannot be read: {error}");
            program.add(Rule::UnreadableScript, message, Place { file, ..Place::default() });
        }
        for name in names {
            let role = program.role_of(&name);
            let engine = if role == Role::Test { &mut for_tests } else { &mut engine };
            program.read(engine, &name, role);
        }
        program.follow_imports(&mut engine);
        program
    }

    fn role_of(&self, name: &str) -> Role {
        match self.config.handler.rsplit_once('.') {
            Some((handler, _)) if handler == name => Role::Handler,
            _ if name.ends_with(TEST) => Role::Test,
            _ => Role::Library,
        }
    }

    fn read(&mut self, engine: &mut Engine, name: &str, role: Role) {
        let source = match role {
            Role::Foreign => self.roots.read_module(name),
            _ => self.roots.read_handler(name),
        };
        let source = match source {
            Ok(source) => source,
            // What is imported and cannot be read is found at the import.
            Err(_) if role == Role::Foreign => return,
            Err(missing) => {
                let message = match missing {
                    Missing::Absent => format!("`{name}.{EXTENSION}` cannot be read"),
                    Missing::Refused(why) => why,
                };
                let place = Place { file: format!("{name}.{EXTENSION}"), ..Place::default() };
                self.add(Rule::UnreadableScript, message, place);
                return;
            }
        };
        let Compiled { parsed, ast, findings } = compile(engine, &source.file, &source.text);
        if role == Role::Handler {
            self.handler = ast;
        }
        self.findings.extend(findings);
        self.by_name.insert(name.to_owned(), self.scripts.len());
        let (name, file, text) = (name.to_owned(), source.file, source.text);
        self.scripts.push(Script { name, file, text, role, parsed });
    }

    /// Reads what is imported from outside of the folder.
    fn follow_imports(&mut self, engine: &mut Engine) {
        let mut at = 0;
        let mut seen: HashSet<String> = HashSet::new();
        while at < self.scripts.len() {
            let imports = self.scripts[at].parsed.iter().flat_map(|parsed| &parsed.facts.imports);
            let names: Vec<String> = imports
                .filter_map(|import| import.path.as_deref())
                .map(|path| plain_name(path).to_owned())
                .filter(|name| !self.by_name.contains_key(name))
                .collect();
            for name in names {
                if seen.insert(name.clone()) {
                    self.read(engine, &name, Role::Foreign);
                }
            }
            at += 1;
        }
    }

    fn add(&mut self, rule: Rule, message: String, place: Place) {
        let (severity, help) = (Severity::Error, Vec::new());
        self.findings.push(Finding { rule, severity, message, help, place });
    }

    /// What `script` can call without having defined it.
    pub(super) fn natives(&self, script: &Script) -> &Natives {
        if script.role == Role::Test { &self.natives_of_tests } else { &self.natives }
    }

    /// Whether only tests can call `name`.
    pub(super) fn is_for_tests(&self, name: &str) -> bool {
        self.natives_of_tests.knows(name) && !self.natives.knows(name)
    }

    pub(super) fn script(&self, name: &str) -> Option<&Script> {
        self.by_name.get(name).map(|&index| &self.scripts[index])
    }

    /// The handler's script.
    pub(super) fn handler_script(&self) -> Option<&Script> {
        self.scripts.iter().find(|script| script.role == Role::Handler)
    }

    /// The script that `path` of an import names.
    pub(super) fn resolve(&self, path: Option<&str>) -> Resolved<'_> {
        match path.and_then(|path| self.script(plain_name(path))) {
            Some(script) => Resolved::Script(script),
            None => Resolved::Unknown,
        }
    }

    /// The texts, for drawing.
    pub(super) fn sources(&self) -> BTreeMap<String, String> {
        self.scripts.iter().map(|script| (script.file.clone(), script.text.clone())).collect()
    }
}

/// The names of all scripts below `folder`, in order, and the folders that hide theirs.
fn names(folder: &Path) -> (Vec<String>, Vec<(PathBuf, std::io::Error)>) {
    let mut names = Vec::new();
    let mut unreadable = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let entries = match std::fs::read_dir(folder.join(&below)) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable.push((below, error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = below.join(&name);
            let full = folder.join(&path);
            // Definitions are for editors, no engine reads them.
            if name.starts_with('.') || name.ends_with(DEFINITIONS) {
                continue;
            }
            if full.is_dir() {
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                // A folder with settings of its own is a function of its own.
                let is_other = full.join(FILE).is_file();
                if !is_link && !is_other && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
                names.push(path.with_extension("").to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    (names, unreadable)
}
