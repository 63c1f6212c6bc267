//! Names with `::`: functions and constants of modules and imports, and `global::NAME`.

use std::collections::BTreeSet;

use rhai::{Expr, FnCallExpr, Namespace, Position, Stmt};

use crate::diagnostic::Severity;
use crate::suggest::nearest;

use super::calls::wrong_count;
use super::imports::{own, place};
use super::natives::Functions;
use super::program::{Program, Resolved};
use super::report::Finding;
use super::rules::Rule;
use super::script::{Parsed, Script};
use super::walk::{self, Around, Node};

/// Where Rhai keeps the constants of the top level.
const GLOBAL: &str = "global";

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    for script in own(program) {
        let Some(parsed) = &script.parsed else { continue };
        let scene = Scene { program, script, parsed };
        walk::script(parsed, &mut |node, around| match node {
            Node::Stmt(Stmt::FnCall(call, at)) | Node::Expr(Expr::FnCall(call, at))
                if call.is_qualified() =>
            {
                findings.extend(scene.function(call, *at, around));
            }
            Node::Expr(Expr::Variable(parts, _, at)) if !parts.2.is_empty() => {
                findings.extend(scene.variable(&parts.1, &parts.2, *at, around));
            }
            Node::Stmt(Stmt::Assignment(parts)) => {
                findings.extend(scene.assignment(&parts.1.lhs, around));
            }
            _ => {}
        });
    }
}

/// A script among the others.
struct Scene<'a> {
    program: &'a Program,
    script: &'a Script,
    parsed: &'a Parsed,
}

/// What a path before the last `::` stands for.
enum Meaning<'a> {
    /// `global`.
    Global,
    /// A built-in module.
    Module(&'a Functions),
    /// Scripts that it may stand for.
    Scripts(Vec<&'a Script>),
    /// Something that cannot be looked into.
    Unknown,
    Missing,
}

impl<'a> Scene<'a> {
    fn meaning(&self, namespace: &Namespace) -> Meaning<'a> {
        let path: Vec<&str> = namespace.path.iter().map(|part| part.name.as_str()).collect();
        let Some((root, rest)) = path.split_first() else { return Meaning::Unknown };
        let mut meaning = self.alias(self.parsed, root);
        if matches!(meaning, Meaning::Missing) {
            meaning = match self.program.natives(self.script).modules.get(*root) {
                Some(functions) => Meaning::Module(functions),
                None if *root == GLOBAL => Meaning::Global,
                // A top level that is not whole may import it.
                None if !self.parsed.top_is_whole => Meaning::Unknown,
                None => Meaning::Missing,
            };
        }
        for part in rest {
            meaning = match meaning {
                Meaning::Scripts(scripts) => self.part(&scripts, part),
                Meaning::Unknown => Meaning::Unknown,
                _ => Meaning::Missing,
            };
        }
        meaning
    }

    /// What the imports of a script make of `alias`.
    fn alias(&self, parsed: &'a Parsed, alias: &str) -> Meaning<'a> {
        let mut scripts = Vec::new();
        let mut is_there = false;
        for import in parsed.facts.imports.iter().filter(|import| import.alias == alias) {
            is_there = true;
            match self.program.resolve(import.path.as_deref()) {
                Resolved::Script(script) => scripts.push(script),
                Resolved::Unknown => return Meaning::Unknown,
            }
        }
        if is_there { Meaning::Scripts(scripts) } else { Meaning::Missing }
    }

    /// An import of an import.
    fn part(&self, scripts: &[&'a Script], part: &str) -> Meaning<'a> {
        let mut found = Vec::new();
        for script in scripts {
            let Some(parsed) = &script.parsed else { return Meaning::Unknown };
            match self.alias(parsed, part) {
                Meaning::Scripts(scripts) => found.extend(scripts),
                Meaning::Unknown => return Meaning::Unknown,
                _ => {}
            }
        }
        if found.is_empty() { Meaning::Missing } else { Meaning::Scripts(found) }
    }

    fn function(&self, call: &FnCallExpr, at: Position, around: Around<'_>) -> Option<Finding> {
        let (name, count) = (call.name.as_str(), call.args.len());
        let shown = format!("{}::{name}", call.namespace);
        let (arities, names, mut help) = match self.meaning(&call.namespace) {
            Meaning::Unknown => return None,
            Meaning::Missing => return Some(self.missing(&call.namespace, around)),
            Meaning::Global => {
                let help = "`global::` has the constants of the top level; a function is called by \
                            its name alone";
                (BTreeSet::new(), Vec::new(), vec![help.to_owned()])
            }
            Meaning::Module(functions) => {
                let arities = functions.get(name).cloned().unwrap_or_default();
                (arities, functions.keys().map(String::as_str).collect(), Vec::new())
            }
            Meaning::Scripts(scripts) => {
                let mut arities = BTreeSet::new();
                let mut names = Vec::new();
                let mut help = Vec::new();
                for script in scripts {
                    let parsed = script.parsed.as_ref()?;
                    if parsed.broken.contains(name) {
                        return None;
                    }
                    let functions = parsed.functions.iter().filter(|f| !f.is_closure());
                    for function in functions {
                        match function.is_private {
                            true if function.name == name => {
                                help.push(format!("`{name}` in `{}` is private", script.file));
                            }
                            true => {}
                            false => {
                                names.push(function.name.as_str());
                                if function.name == name {
                                    arities.insert(function.parameters.len());
                                }
                            }
                        }
                    }
                }
                (arities, names, help)
            }
        };
        if arities.contains(&count) {
            return None;
        }
        let place = place(self.script, at, name.chars().count());
        let severity = severity(around);
        if !arities.is_empty() {
            let message = wrong_count(&format!("`{shown}`"), &arities, count);
            let rule = Rule::WrongArguments;
            return Some(Finding { rule, severity, message, help, place });
        }
        if help.is_empty() {
            let near = nearest(name, names.iter().copied());
            help.extend(near.map(|near| format!("did you mean `{}::{near}`?", call.namespace)));
        }
        let message = format!("no function `{shown}`");
        Some(Finding { rule: Rule::UnknownFunction, severity, message, help, place })
    }

    fn variable(
        &self,
        name: &str,
        namespace: &Namespace,
        at: Position,
        around: Around<'_>,
    ) -> Option<Finding> {
        let mut help = Vec::new();
        let names: Vec<&str> = match self.meaning(namespace) {
            Meaning::Unknown => return None,
            Meaning::Missing => return Some(self.missing(namespace, around)),
            Meaning::Module(functions) => {
                if functions.contains_key(name) {
                    help.push(format!("it is a function: `{namespace}::{name}(…)`"));
                }
                Vec::new()
            }
            Meaning::Global => {
                if !self.parsed.top_is_whole || self.parsed.facts.constants.contains(name) {
                    return None;
                }
                if self.parsed.facts.variables.contains(name) {
                    help.push(format!(
                        "variables of the top level do not outlive it: `const {name} = …;`"
                    ));
                }
                // A closure sees the constants of the script that calls it.
                if around.in_closure() && self.is_constant_elsewhere(name) {
                    return None;
                }
                self.parsed.facts.constants.iter().map(String::as_str).collect()
            }
            Meaning::Scripts(scripts) => {
                let mut names = Vec::new();
                for script in scripts {
                    let parsed = script.parsed.as_ref().filter(|parsed| parsed.top_is_whole)?;
                    if parsed.facts.exports.contains(name) {
                        return None;
                    }
                    if parsed.facts.constants.contains(name) {
                        help.push(format!(
                            "`{name}` in `{}` is not exported: `export const {name} = …;`",
                            script.file
                        ));
                    } else if parsed.named(name).next().is_some() {
                        help.push(format!("it is a function: `{namespace}::{name}(…)`"));
                    }
                    names.extend(parsed.facts.exports.iter().map(String::as_str));
                }
                names
            }
        };
        if help.is_empty() {
            let near = nearest(name, names);
            help.extend(near.map(|near| format!("did you mean `{namespace}::{near}`?")));
        }
        let what = if namespace.root() == GLOBAL { "constant" } else { "variable or constant" };
        Some(Finding {
            rule: Rule::UnknownVariable,
            severity: severity(around),
            message: format!("no {what} `{namespace}::{name}`"),
            help,
            place: place(self.script, at, name.chars().count()),
        })
    }

    /// `global::NAME = …` and `alias::NAME.key = …`.
    fn assignment(&self, target: &Expr, around: Around<'_>) -> Option<Finding> {
        let root = match target {
            Expr::Dot(parts, ..) | Expr::Index(parts, ..) => &parts.lhs,
            target => target,
        };
        let Expr::Variable(parts, _, at) = root else { return None };
        if parts.2.is_empty() {
            return None;
        }
        let shown = format!("{}::{}", parts.2, parts.1);
        Some(Finding {
            rule: Rule::ConstantAssigned,
            severity: severity(around),
            message: format!("`{shown}` is a constant and cannot be changed"),
            help: vec![format!("change a copy: `let copy = {shown};`")],
            place: place(self.script, *at, parts.1.chars().count()),
        })
    }

    fn is_constant_elsewhere(&self, name: &str) -> bool {
        self.program.scripts.iter().any(|script| {
            script.parsed.as_ref().is_none_or(|parsed| parsed.facts.constants.contains(name))
        })
    }

    /// No module, no import: the parser finds that itself, except in closures.
    fn missing(&self, namespace: &Namespace, around: Around<'_>) -> Finding {
        let root = namespace.root();
        let mut names: Vec<&str> =
            self.program.natives(self.script).modules.keys().map(String::as_str).collect();
        names.extend(self.parsed.facts.imports.iter().map(|import| import.alias.as_str()));
        names.sort_unstable();
        let near = nearest(root, names.into_iter().filter(|name| !name.is_empty()));
        let is_imported_elsewhere = self.program.scripts.iter().any(|script| {
            script
                .parsed
                .as_ref()
                .is_none_or(|parsed| parsed.facts.imports.iter().any(|import| import.alias == root))
        });
        let severity = match is_imported_elsewhere {
            true => Severity::Warning,
            false => severity(around),
        };
        Finding {
            rule: Rule::UnknownModule,
            severity,
            message: format!("no module or import `{root}`"),
            help: near.map(|near| format!("did you mean `{near}`?")).into_iter().collect(),
            place: place(self.script, namespace.position(), root.chars().count()),
        }
    }
}

fn severity(around: Around<'_>) -> Severity {
    if around.caught { Severity::Warning } else { Severity::Error }
}
