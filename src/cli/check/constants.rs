//! Constants that are changed where it can be seen, and constants whose closures would keep a variable
//! from one event to the next.

use rhai::{ASTFlags, Expr, Position, Stmt};

use crate::diagnostic::Severity;

use super::imports::{own, place};
use super::program::Program;
use super::report::Finding;
use super::rules::Rule;
use super::script::{Parsed, Role, Script};
use super::walk::{self, Around, Node};

/// The methods that the engine refuses to call on a constant, by what is written as its value. Others
/// that change their receiver are given a copy.
const OF_ARRAYS: &[&str] = &[
    "push", "pop", "shift", "insert", "remove", "clear", "truncate", "chop", "reverse", "append",
    "drain", "retain", "splice",
];
const OF_MAPS: &[&str] = &["clear", "remove", "set", "mixin", "fill_with", "drain", "retain"];
const OF_STRINGS: &[&str] =
    &["clear", "truncate", "crop", "trim", "remove", "make_upper", "make_lower"];

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    for script in own(program) {
        let Some(parsed) = &script.parsed else { continue };
        // Tests run their top level anew for each of them.
        if script.role != Role::Test {
            kept(script, parsed, findings);
        }
        let constants = constants(parsed);
        walk::script(parsed, &mut |node, around| {
            let changed = match node {
                Node::Method(Some(receiver), call, at) => variable(receiver)
                    .filter(|name| {
                        constants.iter().any(|(constant, methods)| {
                            constant == name && methods.contains(&call.name.as_str())
                        }) && parsed.named(&call.name).next().is_none()
                    })
                    .map(|name| (name, at, call.name.as_str())),
                Node::Stmt(Stmt::Assignment(parts)) => match &parts.1.lhs {
                    Expr::Dot(inner, ..) | Expr::Index(inner, ..) => variable(&inner.lhs)
                        .filter(|name| constants.iter().any(|(constant, _)| constant == name))
                        .map(|name| (name, inner.lhs.start_position(), "")),
                    _ => None,
                },
                _ => None,
            };
            findings.extend(
                changed.map(|(name, at, method)| finding(script, name, at, method, around)),
            );
        });
    }
}

/// Constants with a written value, whose names stand for nothing else in this script, and the
/// methods that would change them.
fn constants(parsed: &Parsed) -> Vec<(&str, &'static [&'static str])> {
    let mut found = Vec::new();
    walk::script(parsed, &mut |node, _| {
        let Node::Stmt(Stmt::Var(parts, flags, _)) = node else { return };
        let methods = match &parts.1 {
            Expr::Array(..) => OF_ARRAYS,
            Expr::Map(..) => OF_MAPS,
            Expr::StringConstant(..) | Expr::InterpolatedString(..) => OF_STRINGS,
            _ => return,
        };
        let name = parts.0.name.as_str();
        if flags.contains(ASTFlags::CONSTANT) && parsed.facts.locals.get(name) == Some(&1) {
            found.push((name, methods));
        }
    });
    found
}

fn variable(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Variable(parts, ..) if parts.2.is_empty() => Some(&parts.1),
        _ => None,
    }
}

fn finding(script: &Script, name: &str, at: Position, method: &str, around: Around<'_>) -> Finding {
    let (message, length) = match method {
        "" => (format!("`{name}` is a constant and cannot be changed"), name),
        method => (format!("`{name}` is a constant, and `{method}` would change it"), method),
    };
    Finding {
        rule: Rule::ConstantAssigned,
        severity: if around.caught { Severity::Warning } else { Severity::Error },
        message,
        help: vec![format!("make it a variable: `let {name} = …;`")],
        place: place(script, at, length.chars().count()),
    }
}

/// Constants of the top level that hold a closure with a variable in it: no event may see what
/// another one did to it.
fn kept(script: &Script, parsed: &Parsed, findings: &mut Vec<Finding>) {
    for statement in &parsed.top {
        let Stmt::Var(parts, flags, _) = statement else { continue };
        if !flags.contains(ASTFlags::CONSTANT) {
            continue;
        }
        let Some((variable, at)) = captured(&parts.1, parsed) else { continue };
        let name = &parts.0.name;
        findings.push(Finding {
            rule: Rule::KeptVariable,
            severity: Severity::Error,
            message: format!(
                "the constant `{name}` holds a closure that captured the variable `{variable}`, which \
                 would outlive the invocation"
            ),
            help: vec!["let it capture a constant, or keep state with `cache::`".to_owned()],
            place: place(script, at, variable.chars().count()),
        });
    }
}

/// A variable in a closure of a written value, and where.
fn captured<'a>(value: &'a Expr, parsed: &Parsed) -> Option<(&'a str, Position)> {
    match value {
        Expr::Stmt(block) => match block.statements() {
            [Stmt::Share(shared), Stmt::Expr(_)] => {
                let facts = &parsed.facts;
                let is_variable =
                    |name: &str| facts.variables.contains(name) && !facts.constants.contains(name);
                let mut shared = shared.iter();
                let (ident, _) = shared.find(|(ident, _)| is_variable(&ident.name))?;
                Some((&ident.name, ident.pos))
            }
            _ => None,
        },
        Expr::Array(items, _) => items.iter().find_map(|item| captured(item, parsed)),
        Expr::Map(parts, _) => parts.0.iter().find_map(|(_, item)| captured(item, parsed)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{OF_ARRAYS, OF_MAPS, OF_STRINGS};
    use crate::config::Config;
    use crate::engine::{Roots, complete};

    /// Whether the real engine refuses `method` on a constant, with some number of arguments.
    fn is_refused(engine: &rhai::Engine, value: &str, method: &str) -> bool {
        let arguments = [
            "",
            "1",
            "1, 2",
            "#{}",
            "|a| true",
            "|a, b| 0",
            "3, 'x'",
            "\"a\", \"b\"",
            "0, 1, []",
            "[1]",
            "\"a\"",
        ];
        let results = arguments.map(|list| {
            let script = format!("const C = {value}; C.{method}({list})");
            engine.run(&script).map_err(|error| format!("{error:?}"))
        });
        let kind = "ErrorNonPureMethodCallOnConstant";
        results.iter().any(|result| result.as_ref().is_err_and(|error| error.starts_with(kind)))
            && results.iter().all(Result::is_err)
    }

    #[test]
    fn the_methods_do_change_their_receiver() {
        let config = Config::from_vars(&|_| None).unwrap();
        let engine = complete::engine(&config, Rc::new(Roots::new(&config)));
        let mut other = Vec::new();
        for (value, methods) in
            [("[1, 2, 3]", OF_ARRAYS), ("#{ a: 1 }", OF_MAPS), ("\"abc\"", OF_STRINGS)]
        {
            let allowed = methods.iter().filter(|method| !is_refused(&engine, value, method));
            other.extend(allowed.map(|method| format!("{value}.{method}")));
        }
        assert!(other.is_empty(), "{other:?}");
    }
}
