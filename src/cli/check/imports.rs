//! Imports: there, allowed, not in a circle, not too many, and used.

use std::collections::{HashMap, HashSet};

use rhai::Position;

use crate::diagnostic::Severity;
use crate::engine::Missing;
use crate::engine::complete::plain_name;

use super::facts::Import;
use super::problems::split_hint;
use super::program::{Program, Resolved};
use super::report::{Finding, Place};
use super::rules::Rule;
use super::script::{Role, Script};

/// The way out of a circle.
const THIRD: &str = "put what both need into a third script";

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    let used_by_others = used_by_others(program);
    let reachable = reachable(program);
    for script in own(program) {
        for import in imports(script) {
            match missing(program, script, import, &reachable) {
                Some(finding) => findings.push(finding),
                // Tests bring the function along, whether they call it or send it events.
                None if script.role == Role::Test && is_handler(program, import) => {}
                None => unused(script, import, used_by_others.as_ref(), findings),
            }
        }
    }
    cycles(program, findings);
    limits(program, findings);
}

/// The scripts of the folder, which are the ones to complain about.
pub(super) fn own(program: &Program) -> impl Iterator<Item = &Script> {
    program.scripts.iter().filter(|script| script.role != Role::Foreign)
}

fn imports(script: &Script) -> impl Iterator<Item = &Import> {
    script.parsed.iter().flat_map(|parsed| &parsed.facts.imports)
}

/// A stretch of `length` characters.
pub(super) fn place(script: &Script, at: Position, length: usize) -> Place {
    let (line, column) = (at.line().unwrap_or(0), at.position().unwrap_or(1));
    Place { file: script.file.clone(), line, column, end_column: column + length }
}

fn place_of_path(script: &Script, import: &Import) -> Place {
    let length = import.path.as_ref().map_or(1, |path| path.chars().count() + 2);
    place(script, import.path_place, length)
}

/// What is wrong with the path of an import.
fn missing(
    program: &Program,
    script: &Script,
    import: &Import,
    reachable: &HashSet<&str>,
) -> Option<Finding> {
    let name = plain_name(import.path.as_ref()?);
    let mut severity = match import.is_caught {
        true => Severity::Warning,
        false => Severity::Error,
    };
    let place = place_of_path(script, import);
    if is_handler(program, import) && reachable.contains(script.name.as_str()) {
        let message = match script.role {
            Role::Handler => format!("scripts import each other: {name} → {name}"),
            _ => format!("`{name}` holds the handler, which no script that it imports can import"),
        };
        let (rule, help) = (Rule::ImportCycle, vec![THIRD.to_owned()]);
        return Some(Finding { rule, severity, message, help, place });
    }
    let (rule, (message, mut help)) = match program.roots.read_module(name) {
        Ok(_) => return None,
        Err(Missing::Absent) => (Rule::ImportNotFound, split_hint(&program.roots.absent(name))),
        Err(Missing::Refused(why)) => (Rule::ImportRefused, (why, Vec::new())),
    };
    if rule == Rule::ImportNotFound && program.has_other_layers {
        severity = Severity::Warning;
        help.push(
            "if a layer has it: `RHAI_LAMBDA_IMPORT_ROOT` names the folder of shared scripts here"
                .to_owned(),
        );
    }
    Some(Finding { rule, severity, message, help, place })
}

/// Whether the handler's script is imported.
fn is_handler(program: &Program, import: &Import) -> bool {
    let name = import.path.as_deref().map(plain_name);
    program.handler_script().is_some_and(|handler| name == Some(handler.name.as_str()))
}

/// The scripts that the handler's script imports, itself included.
fn reachable(program: &Program) -> HashSet<&str> {
    let mut seen = HashSet::new();
    let mut queue: Vec<&Script> = program.handler_script().into_iter().collect();
    while let Some(script) = queue.pop() {
        if seen.insert(script.name.as_str()) {
            for import in imports(script) {
                if let Resolved::Script(next) = program.resolve(import.path.as_deref()) {
                    queue.push(next);
                }
            }
        }
    }
    seen
}

/// What scripts see of others through a third: `a::b::f()`. None if that is not known of all.
fn used_by_others(program: &Program) -> Option<HashSet<&str>> {
    let mut used = HashSet::new();
    for script in &program.scripts {
        let parsed = script.parsed.as_ref().filter(|parsed| parsed.is_whole())?;
        used.extend(parsed.facts.namespaces.iter().map(String::as_str));
    }
    Some(used)
}

fn unused(
    script: &Script,
    import: &Import,
    used_by_others: Option<&HashSet<&str>>,
    findings: &mut Vec<Finding>,
) {
    let Some(parsed) = &script.parsed else { return };
    let alias = import.alias.as_str();
    // What did not compile may use it.
    if alias.is_empty() || !parsed.is_whole() {
        return;
    }
    let is_used = match script.role {
        Role::Handler | Role::Test => parsed.facts.roots.contains(alias),
        _ => used_by_others.is_none_or(|used| used.contains(alias)),
    };
    if is_used {
        return;
    }
    findings.push(Finding {
        rule: Rule::UnusedImport,
        severity: Severity::Warning,
        message: format!("`{alias}` is never used"),
        help: vec![format!(
            "remove the import; if the script is to run, leave out the alias: `import {:?};`",
            import.path.as_deref().unwrap_or("…")
        )],
        place: place(script, import.alias_place, alias.chars().count()),
    });
}

/// Circles of imports that run when scripts are loaded.
fn cycles(program: &Program, findings: &mut Vec<Finding>) {
    let mut done: HashSet<&str> = HashSet::new();
    for script in own(program) {
        let mut path = Vec::new();
        follow(program, script, &mut path, &mut done, findings);
    }
}

fn follow<'a>(
    program: &'a Program,
    script: &'a Script,
    path: &mut Vec<&'a str>,
    done: &mut HashSet<&'a str>,
    findings: &mut Vec<Finding>,
) {
    if done.contains(script.name.as_str()) {
        return;
    }
    path.push(&script.name);
    for import in imports(script).filter(|import| import.is_top_level) {
        let Resolved::Script(next) = program.resolve(import.path.as_deref()) else { continue };
        // That of the handler's script is found where it stands.
        if next.role == Role::Handler {
            continue;
        }
        match path.iter().position(|name| *name == next.name) {
            Some(start) => {
                let mut cycle = path[start..].to_vec();
                cycle.push(&next.name);
                findings.push(Finding {
                    rule: Rule::ImportCycle,
                    severity: Severity::Error,
                    message: format!("scripts import each other: {}", cycle.join(" → ")),
                    help: vec![THIRD.to_owned()],
                    place: place_of_path(script, import),
                });
            }
            None => follow(program, next, path, done, findings),
        }
    }
    path.pop();
    done.insert(&script.name);
}

/// The limits of `bootstrap`, as far as imports are certain.
fn limits(program: &Program, findings: &mut Vec<Finding>) {
    let Some(handler) = program.handler_script() else { return };
    let limits = &program.config.limits;
    // Breadth first: the depth at which a script is first met is the least one.
    let mut depths: HashMap<&str, usize> = HashMap::from([(handler.name.as_str(), 0)]);
    let mut queue = vec![handler];
    let mut at = 0;
    while let Some(script) = queue.get(at).copied() {
        at += 1;
        for import in imports(script).filter(|import| import.is_top_level || at == 1) {
            let Resolved::Script(next) = program.resolve(import.path.as_deref()) else { continue };
            if depths.contains_key(next.name.as_str()) {
                continue;
            }
            let depth = depths[script.name.as_str()] + 1;
            depths.insert(&next.name, depth);
            queue.push(next);
            let message = if depth > limits.max_module_depth {
                let max = limits.max_module_depth;
                format!(
                    "imports are nested deeper than {max} levels (RHAI_LAMBDA_MAX_MODULE_DEPTH)"
                )
            } else if depths.len() - 1 > limits.max_modules {
                let max = limits.max_modules;
                format!("the function imports more than {max} scripts (RHAI_LAMBDA_MAX_MODULES)")
            } else {
                continue;
            };
            let severity = match import.is_top_level {
                true => Severity::Error,
                false => Severity::Warning,
            };
            let (rule, help) = (Rule::TooManyImports, Vec::new());
            let place = place_of_path(script, import);
            findings.push(Finding { rule, severity, message, help, place });
            return;
        }
    }
}
