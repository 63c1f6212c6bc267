//! Calls by name: `f(a)`, `a.f(b)`, `Fn("f")`, and what is wrong with them.
//!
//! Nothing here knows the types of values, so a call is wrong only if no function of its name and
//! number of arguments exists anywhere.

use std::collections::{BTreeSet, HashSet};

use rhai::{Expr, FnCallExpr, Position, Stmt};

use crate::diagnostic::Severity;
use crate::suggest::nearest;

use super::facts::closure_name;
use super::imports::{own, place};
use super::natives::Style;
use super::program::Program;
use super::report::Finding;
use super::rules::Rule;
use super::script::{Parsed, Role, Script};
use super::walk::{self, Around, Node};

/// What all scripts have together: whatever one of them calls a closure, another may call.
struct Everywhere<'a> {
    program: &'a Program,
    /// Where a map may have a closure from.
    keys: HashSet<&'a str>,
    has_computed_keys: bool,
    /// A script that does not compile may define anything.
    is_whole: bool,
}

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    let parsed = || program.scripts.iter().filter_map(|script| script.parsed.as_ref());
    let everywhere = Everywhere {
        program,
        keys: parsed().flat_map(|parsed| &parsed.facts.keys).map(String::as_str).collect(),
        has_computed_keys: parsed().any(|parsed| parsed.facts.has_computed_keys),
        is_whole: program.scripts.iter().all(|script| script.parsed.is_some()),
    };
    for script in own(program) {
        let Some(parsed) = &script.parsed else { continue };
        let scene = Scene { everywhere: &everywhere, script, parsed };
        walk::script(parsed, &mut |node, around| match node {
            Node::Stmt(Stmt::FnCall(call, at)) | Node::Expr(Expr::FnCall(call, at))
                if !call.is_qualified() && !call.is_operator_call() =>
            {
                findings.extend(scene.function(call, *at, around));
            }
            Node::Method(receiver, call, at) => {
                findings.extend(scene.method(receiver, call, at, around));
            }
            _ => {}
        });
    }
}

/// A script among the others.
struct Scene<'a> {
    everywhere: &'a Everywhere<'a>,
    script: &'a Script,
    parsed: &'a Parsed,
}

impl Scene<'_> {
    fn function(&self, call: &FnCallExpr, at: Position, around: Around<'_>) -> Option<Finding> {
        let (name, count) = (call.name.as_str(), call.args.len());
        if name == "Fn" && count == 1 {
            return self.pointer(&call.args[0], around);
        }
        if self.is_there(name, count, Style::Function) || self.parsed.facts.probed.contains(name) {
            return None;
        }
        let place = place(self.script, at, name.chars().count());
        let elsewhere = self.elsewhere(name, count);
        let certain = !around.caught
            && self.everywhere.is_whole
            && (elsewhere.is_empty() || self.is_sealed(around));
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let arities = self.arities(name, Style::Function);
        if !arities.is_empty() {
            let message = wrong_count(&format!("`{name}`"), &arities, count);
            let help = self.spelled_method(name, count);
            return Some(Finding { rule: Rule::WrongArguments, severity, message, help, place });
        }
        let mut help = Vec::new();
        if let Some(other) = elsewhere.first() {
            help.push(self.say_where(other, name));
        } else if self.is_variable(name, around) {
            help.push(format!("a closure is called with `{name}.call(…)`"));
        } else if let Some(module) = self.module_with(name) {
            help.push(format!("there is `{module}::{name}`"));
        } else if self.everywhere.program.is_for_tests(name) {
            help.push(format!("`{name}` is for tests, which are in files `…_test.rhai`"));
        } else if let Some(near) = self.nearest(name) {
            help.push(format!("did you mean `{near}`?"));
        } else if self.parsed.facts.constants.contains(name) {
            help.push(format!("`global::{name}` is a constant, not a function"));
        }
        let message = format!("no function `{name}`");
        Some(Finding { rule: Rule::UnknownFunction, severity, message, help, place })
    }

    /// `Fn("name")`: nothing fails before it is called, so this is never certain.
    fn pointer(&self, argument: &Expr, around: Around<'_>) -> Option<Finding> {
        let Expr::StringConstant(name, at) = argument else { return None };
        let name = name.as_str();
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if around.caught
            || !is_name
            || !self.everywhere.is_whole
            || self.everywhere.program.natives(self.script).knows(name)
            || self.parsed.facts.probed.contains(name)
            || self.defined_anywhere(name)
        {
            return None;
        }
        let near = self.nearest(name).map(|near| format!("did you mean `{near}`?"));
        Some(Finding {
            rule: Rule::UnknownFunction,
            severity: Severity::Warning,
            message: format!("no function `{name}`"),
            help: near.into_iter().collect(),
            place: place(self.script, *at, name.chars().count() + 2),
        })
    }

    fn method(
        &self,
        receiver: Option<&Expr>,
        call: &FnCallExpr,
        at: Position,
        around: Around<'_>,
    ) -> Option<Finding> {
        let (name, count) = (call.name.as_str(), call.args.len());
        if let (Some(receiver), "call") = (receiver, name)
            && let Some(finding) = self.closure_call(receiver, call, at, around)
        {
            return Some(finding);
        }
        if self.is_there(name, count + 1, Style::Method)
            || self.everywhere.keys.contains(name)
            || self.parsed.facts.probed.contains(name)
        {
            return None;
        }
        let elsewhere = self.elsewhere(name, count);
        let is_plain = receiver.is_some_and(is_literal);
        let certain = !around.caught
            && self.everywhere.is_whole
            && (is_plain || !self.everywhere.has_computed_keys)
            && (elsewhere.is_empty() || self.is_sealed(around));
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let place = place(self.script, at, name.chars().count());
        let arities = self.arities(name, Style::Method);
        if !arities.is_empty() {
            let message = wrong_count(&format!("the method `{name}`"), &arities, count);
            let help = self.spelled_function(name, count);
            return Some(Finding { rule: Rule::WrongArguments, severity, message, help, place });
        }
        let mut help = Vec::new();
        if let Some(other) = elsewhere.first() {
            help.push(self.say_where(other, name));
        } else if self.function_arities(name).contains(&(count + 1)) {
            help = self.spelled_function(name, count);
        } else if let Some(module) = self.module_with(name) {
            help.push(format!("a module's functions are no methods: `{module}::{name}(…)`"));
        } else if let Some(near) = self.nearest(name) {
            help.push(format!("did you mean `{near}`?"));
        }
        let message = format!("no method `{name}`");
        Some(Finding { rule: Rule::UnknownFunction, severity, message, help, place })
    }

    /// A closure that is called where it stands, or a function by its name.
    fn closure_call(
        &self,
        receiver: &Expr,
        call: &FnCallExpr,
        at: Position,
        around: Around<'_>,
    ) -> Option<Finding> {
        let (label, arities) = match receiver {
            Expr::FnCall(made, _) if made.name == "Fn" && !made.is_qualified() => {
                let Some(Expr::StringConstant(name, _)) = made.args.first() else { return None };
                if self.is_there(name, call.args.len(), Style::Function) {
                    return None;
                }
                (format!("`{name}`"), self.arities(name, Style::Function))
            }
            receiver => {
                let name = closure_name(receiver)?;
                let closure = self.parsed.named(&name).next()?;
                let captured = captured(receiver);
                let own = closure.parameters.len().checked_sub(captured)?;
                ("the closure".to_owned(), BTreeSet::from([own]))
            }
        };
        if arities.is_empty() || arities.contains(&call.args.len()) {
            return None;
        }
        let severity = if around.caught { Severity::Warning } else { Severity::Error };
        Some(Finding {
            rule: Rule::WrongArguments,
            severity,
            message: wrong_count(&label, &arities, call.args.len()),
            help: Vec::new(),
            place: place(self.script, at, call.name.chars().count()),
        })
    }

    /// Whether a function answers; of a method the receiver is among the `count` arguments.
    fn is_there(&self, name: &str, count: usize, style: Style) -> bool {
        let mut own = self.parsed.named(name);
        let is_own = match style {
            Style::Function => {
                own.any(|function| function.is_typed || function.parameters.len() == count)
            }
            // The receiver is `this`, and no parameter.
            Style::Method => own.any(|function| function.parameters.len() + 1 == count),
        };
        is_own
            || self.parsed.broken.contains(name)
            || self.everywhere.program.natives(self.script).answers(name, count, style)
    }

    /// The numbers of arguments that functions of this name take, as they are written in that style.
    fn arities(&self, name: &str, style: Style) -> BTreeSet<usize> {
        let own = self.parsed.named(name).map(|function| function.parameters.len());
        let native = self
            .everywhere
            .program
            .natives(self.script)
            .global
            .get(name)
            .into_iter()
            .flatten()
            .copied();
        match style {
            Style::Function => own.chain(native).collect(),
            Style::Method => {
                let this = own.filter(|_| self.parsed.named(name).any(|f| uses_this(&f.body)));
                this.chain(native.filter_map(|count| count.checked_sub(1))).collect()
            }
        }
    }

    fn function_arities(&self, name: &str) -> BTreeSet<usize> {
        self.parsed.named(name).map(|function| function.parameters.len()).collect()
    }

    /// Other scripts that have the function: they are found only when they are being run.
    fn elsewhere(&self, name: &str, count: usize) -> Vec<&Script> {
        let others = self.everywhere.program.scripts.iter();
        let others = others.filter(|other| other.name != self.script.name);
        others
            .filter(|other| {
                other.parsed.as_ref().is_some_and(|parsed| {
                    parsed.broken.contains(name)
                        || parsed
                            .named(name)
                            .any(|function| function.is_typed || function.parameters.len() == count)
                })
            })
            .collect()
    }

    fn defined_anywhere(&self, name: &str) -> bool {
        self.everywhere.program.scripts.iter().any(|script| {
            script.parsed.as_ref().is_some_and(|parsed| {
                parsed.broken.contains(name) || parsed.named(name).next().is_some()
            })
        })
    }

    /// Whether the functions of scripts that this one calls cannot come into sight: Rhai looks for
    /// functions in whatever is being run, and a script that hands out a closure is called back.
    fn is_sealed(&self, around: Around<'_>) -> bool {
        self.script.role == Role::Handler
            && !self.parsed.facts.has_loose_functions
            && !around.in_closure()
            && !self.is_called_by_others()
    }

    /// Whether an imported script calls functions that only this one has.
    fn is_called_by_others(&self) -> bool {
        let others = self.everywhere.program.scripts.iter();
        let others = others.filter(|other| other.name != self.script.name);
        others.filter_map(|other| other.parsed.as_ref()).any(|other| {
            self.parsed.functions.iter().any(|function| {
                other.facts.used.contains(&function.name)
                    && other.named(&function.name).next().is_none()
            })
        })
    }

    fn say_where(&self, other: &Script, name: &str) -> String {
        let imports = self.parsed.facts.imports.iter();
        let alias = imports
            .filter(|import| !import.alias.is_empty())
            .find(|import| {
                let path = import.path.as_deref().map(crate::engine::complete::plain_name);
                path == Some(other.name.as_str())
            })
            .map(|import| &import.alias);
        match alias {
            Some(alias) => format!("`{}` has it: `{alias}::{name}`", other.file),
            None if other.role == Role::Handler => format!(
                "`{}` has it, and is seen only while it is the caller: move it to where both can \
                 import it",
                other.file
            ),
            None => format!("`{}` has it: import that", other.file),
        }
    }

    fn is_variable(&self, name: &str, around: Around<'_>) -> bool {
        let is_parameter = around
            .function
            .is_some_and(|function| function.parameters.iter().any(|parameter| parameter == name));
        let is_own = || match around.function {
            Some(function) => declares(&function.body, name),
            None => self.parsed.facts.variables.contains(name),
        };
        is_parameter || is_own()
    }

    /// A module that has a function of this name.
    fn module_with(&self, name: &str) -> Option<&str> {
        let modules = &self.everywhere.program.natives(self.script).modules;
        let mut found: Vec<&str> = modules
            .iter()
            .filter(|(_, functions)| functions.contains_key(name))
            .map(|(module, _)| module.as_str())
            .collect();
        found.sort_unstable();
        found.first().copied()
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let own = self.parsed.functions.iter().filter(|function| !function.is_closure());
        let natives = self.everywhere.program.natives(self.script);
        let candidates = own.map(|function| function.name.as_str()).chain(natives.names());
        let near = nearest(name, candidates.filter(|near| *near != name)).map(str::to_owned);
        near.or_else(|| natives.translated(name))
    }

    /// `f(a, b)` that is there as `a.f(b)`.
    fn spelled_method(&self, name: &str, count: usize) -> Vec<String> {
        let takes_this = self
            .parsed
            .named(name)
            .any(|function| function.parameters.len() + 1 == count && uses_this(&function.body));
        match takes_this {
            true => vec![format!("it uses `this`: call it as a method, `value.{name}(…)`")],
            false => Vec::new(),
        }
    }

    /// `a.f(b)` that is there as `f(a, b)`.
    fn spelled_function(&self, name: &str, count: usize) -> Vec<String> {
        match self.function_arities(name).contains(&(count + 1)) {
            true => vec![format!(
                "in a method call the receiver is `this` and no argument: write `{name}(value{})`",
                if count == 0 { "" } else { ", …" }
            )],
            false => Vec::new(),
        }
    }
}

/// `` `f` takes 1 or 2 arguments, not 3 ``.
pub(super) fn wrong_count(label: &str, arities: &BTreeSet<usize>, count: usize) -> String {
    let numbers: Vec<String> = arities.iter().map(ToString::to_string).collect();
    let takes = match numbers.as_slice() {
        [] => String::new(),
        [one] if one == "0" => "no arguments".to_owned(),
        [one] if one == "1" => "1 argument".to_owned(),
        [one] => format!("{one} arguments"),
        [rest @ .., last] => format!("{} or {last} arguments", rest.join(", ")),
    };
    format!("{label} takes {takes}, here are {count}")
        .replace("here are 1", "here is 1")
        .replace("here are 0", "here are none")
}

/// How many variables a closure captures.
fn captured(expression: &Expr) -> usize {
    match expression {
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(shared), _] => shared.len(),
            _ => 0,
        },
        _ => 0,
    }
}

/// A value that is no map, whatever happens.
fn is_literal(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::StringConstant(..)
            | Expr::InterpolatedString(..)
            | Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::BoolConstant(..)
            | Expr::CharConstant(..)
            | Expr::Array(..)
            | Expr::Unit(..)
    )
}

fn uses_this(body: &[Stmt]) -> bool {
    let mut found = false;
    for statement in body {
        statement.walk(&mut Vec::new(), &mut |path| {
            found |= matches!(path.last(), Some(rhai::ASTNode::Expr(Expr::ThisPtr(_))));
            !found
        });
    }
    found
}

fn declares(body: &[Stmt], name: &str) -> bool {
    let mut found = false;
    for statement in body {
        statement.walk(&mut Vec::new(), &mut |path| {
            if let Some(rhai::ASTNode::Stmt(Stmt::Var(parts, ..))) = path.last() {
                found |= parts.0.name == name;
            }
            !found
        });
    }
    found
}
