//! Results of the handler that JSON cannot express, as far as they are written down.

use rhai::{Expr, FnCallExpr, Position, Stmt};

use crate::diagnostic::Severity;

use super::facts::closure_name;
use super::imports::place;
use super::program::Program;
use super::report::Finding;
use super::rules::Rule;
use super::script::{Function, Parsed, Script};
use super::walk;

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    let Some(script) = program.handler_script() else { return };
    let (Some(parsed), Some((_, name))) = (&script.parsed, program.config.handler.rsplit_once('.'))
    else {
        return;
    };
    // Who calls the handler may make something of its result.
    let scripts = program.scripts.iter().filter_map(|script| script.parsed.as_ref());
    if scripts.clone().any(|parsed| parsed.facts.called.contains(name)) {
        return;
    }
    let Some(handler) = handler(parsed, name) else { return };
    let mut look = Look { script, parsed, findings };
    look.block(&handler.body);
}

/// The function that is called: the one with the context, if there are two.
fn handler<'a>(parsed: &'a Parsed, name: &'a str) -> Option<&'a Function> {
    let with = |count| {
        parsed
            .named(name)
            .find(move |f| f.parameters.len() == count && !f.is_private && !f.is_typed)
    };
    with(2).or_else(|| with(1))
}

struct Look<'a> {
    script: &'a Script,
    parsed: &'a Parsed,
    findings: &'a mut Vec<Finding>,
}

impl Look<'_> {
    /// A body: what it ends with, and what its `return`s give.
    fn block(&mut self, block: &[Stmt]) {
        let mut returns = Vec::new();
        for statement in block {
            statement.walk(&mut Vec::new(), &mut |path| {
                if let Some(rhai::ASTNode::Stmt(Stmt::Return(Some(value), flags, _))) = path.last()
                    && !flags.contains(rhai::ASTFlags::BREAK)
                {
                    returns.push((**value).clone());
                }
                true
            });
        }
        for value in &returns {
            self.value(value, &mut "result".to_owned());
        }
        self.tail(block);
    }

    fn tail(&mut self, block: &[Stmt]) {
        match block.last() {
            Some(Stmt::Expr(value)) => self.value(value, &mut "result".to_owned()),
            Some(Stmt::FnCall(call, at)) => self.call(call, *at, "result"),
            Some(Stmt::If(flow, _)) => {
                self.tail(flow.body.statements());
                self.tail(flow.branch.statements());
            }
            Some(Stmt::Block(block)) => self.tail(block.statements()),
            Some(Stmt::Switch(parts, _)) => {
                for (_, result) in walk::cases(&parts.1) {
                    self.value(result, &mut "result".to_owned());
                }
            }
            _ => {}
        }
    }

    /// A value and what is in it; `path` names it as the runtime would.
    fn value(&mut self, value: &Expr, path: &mut String) {
        if closure_name(value).is_some() {
            return self.found(value.start_position(), path, "a function");
        }
        match value {
            Expr::Array(items, _) => {
                for (at, item) in items.iter().enumerate() {
                    self.within(item, path, &format!("[{at}]"));
                }
            }
            Expr::Map(parts, _) => {
                for (key, item) in &parts.0 {
                    let plain = key.name.chars().all(|c| c.is_alphanumeric() || c == '_')
                        && key.name.starts_with(|c: char| !c.is_ascii_digit());
                    let step = match plain {
                        true => format!(".{}", key.name),
                        false => format!("[{:?}]", key.name.as_str()),
                    };
                    self.within(item, path, &step);
                }
            }
            Expr::FnCall(call, at) => self.call(call, *at, path),
            Expr::Stmt(block) => self.tail(block.statements()),
            _ => {}
        }
    }

    fn within(&mut self, item: &Expr, path: &mut String, step: &str) {
        let length = path.len();
        path.push_str(step);
        self.value(item, path);
        path.truncate(length);
    }

    fn call(&mut self, call: &FnCallExpr, at: Position, path: &str) {
        if call.is_qualified() {
            return;
        }
        if self.parsed.named(&call.name).next().is_some() {
            return;
        }
        let what = match call.name.as_str() {
            "blob" => "a blob",
            "timestamp" if call.args.is_empty() => "a timestamp",
            "Fn" | "curry" => "a function",
            ".." | "..=" => "a range",
            "/" if no_number(call) => "a float that is no number",
            _ => return,
        };
        let at = match call.args.first() {
            Some(first) if call.is_operator_call() => first.start_position(),
            _ => at,
        };
        self.found(at, path, what);
    }

    fn found(&mut self, at: Position, path: &str, what: &str) {
        let word = at.line().zip(at.position()).and_then(|(line, column)| {
            let line = self.script.text.lines().nth(line - 1)?;
            Some(line.chars().skip(column - 1).take_while(|c| c.is_alphanumeric()).count())
        });
        let help = match what {
            "a blob" => vec![
                "`encoding::base64_encode(…)` makes a string of it; `lambda::raw(…)` sends it as it is"
                    .to_owned(),
            ],
            _ => Vec::new(),
        };
        self.findings.push(Finding {
            rule: Rule::ResultNotJson,
            severity: Severity::Error,
            message: format!("`{path}` is {what}, which JSON cannot express"),
            help,
            place: place(self.script, at, word.unwrap_or(1).max(1)),
        });
    }
}

/// A division of two written floats that gives no finite number.
fn no_number(call: &FnCallExpr) -> bool {
    match &call.args[..] {
        [Expr::FloatConstant(a, _), Expr::FloatConstant(b, _)] => !(**a / **b).is_finite(),
        _ => false,
    }
}
