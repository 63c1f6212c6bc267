//! Statements that never run, and private functions that nothing calls.

use rhai::{ASTFlags, Expr, FnCallExpr, Stmt};

use crate::diagnostic::Severity;

use super::imports::{own, place};
use super::program::Program;
use super::report::{Finding, Place};
use super::rules::Rule;
use super::script::{Parsed, Script};
use super::walk::{self, Node};

pub(super) fn check(program: &Program, findings: &mut Vec<Finding>) {
    for script in own(program) {
        let Some(parsed) = &script.parsed else { continue };
        walk::script(parsed, &mut |node, _| {
            if let Node::Block(block) = node {
                findings.extend(unreachable(script, parsed, block));
            }
        });
        unused(script, parsed, findings);
    }
}

/// The first statement of a block that nothing leads to.
fn unreachable(script: &Script, parsed: &Parsed, block: &[Stmt]) -> Option<Finding> {
    let end = block.iter().position(|statement| leaves(statement, parsed).is_some())?;
    let dead = block[end + 1..].iter().find(|statement| !statement.position().is_none())?;
    let what = leaves(&block[end], parsed)?;
    let place = place(script, dead.position(), 1);
    let place = Place { end_column: end_of_line(script, &place), ..place };
    Some(Finding {
        rule: Rule::UnreachableCode,
        severity: Severity::Warning,
        message: format!("this is never reached: what stands before it always ends with {what}"),
        help: Vec::new(),
        place,
    })
}

/// The column behind the last character of the line, without a comment that is to the right.
fn end_of_line(script: &Script, place: &Place) -> usize {
    let line = script.text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    let code = line.find(" //").map_or(line, |at| &line[..at]);
    (code.trim_end().chars().count() + 1).max(place.column + 1)
}

/// What takes the script out of the block at this statement, whatever happens.
fn leaves(statement: &Stmt, parsed: &Parsed) -> Option<&'static str> {
    match statement {
        Stmt::Return(_, flags, _) => {
            Some(if flags.contains(ASTFlags::BREAK) { "`throw`" } else { "`return`" })
        }
        Stmt::BreakLoop(_, flags, _) => {
            Some(if flags.contains(ASTFlags::BREAK) { "`break`" } else { "`continue`" })
        }
        Stmt::FnCall(call, _) => exits(call, parsed),
        Stmt::Expr(expression) => match &**expression {
            Expr::FnCall(call, _) => exits(call, parsed),
            _ => None,
        },
        Stmt::Block(block) => leaves_block(block.statements(), parsed),
        Stmt::If(flow, _) => {
            let yes = leaves_block(flow.body.statements(), parsed)?;
            leaves_block(flow.branch.statements(), parsed).map(|_| yes)
        }
        Stmt::While(flow, _) if is_endless(&flow.expr) => {
            (!breaks(flow.body.statements())).then_some("a `loop` without `break`")
        }
        _ => None,
    }
}

fn leaves_block(block: &[Stmt], parsed: &Parsed) -> Option<&'static str> {
    block.iter().find_map(|statement| leaves(statement, parsed))
}

fn exits(call: &FnCallExpr, parsed: &Parsed) -> Option<&'static str> {
    let is_exit = call.name == "exit" && !call.is_qualified() && call.args.len() <= 1;
    (is_exit && parsed.named("exit").next().is_none()).then_some("`exit`")
}

/// `loop`, and `while true`.
fn is_endless(condition: &Expr) -> bool {
    matches!(condition, Expr::Unit(_) | Expr::BoolConstant(true, _))
}

/// Whether a `break` ends this loop. Those of loops within it count as well: better one too many.
fn breaks(block: &[Stmt]) -> bool {
    let mut found = false;
    for statement in block {
        statement.walk(&mut Vec::new(), &mut |path| {
            if let Some(rhai::ASTNode::Stmt(Stmt::BreakLoop(_, flags, _))) = path.last() {
                found |= flags.contains(ASTFlags::BREAK);
            }
            !found
        });
    }
    found
}

fn unused(script: &Script, parsed: &Parsed, findings: &mut Vec<Finding>) {
    let facts = &parsed.facts;
    if facts.has_computed_names || !parsed.is_whole() {
        return;
    }
    for function in parsed.functions.iter().filter(|function| function.is_private) {
        let name = function.name.as_str();
        if facts.used.contains(name) || facts.keys.contains(name) {
            continue;
        }
        let (line, column) = function.place;
        let end_column = column + name.chars().count();
        findings.push(Finding {
            rule: Rule::UnusedFunction,
            severity: Severity::Warning,
            message: format!("the private function `{name}` is never called"),
            help: Vec::new(),
            place: Place { file: script.file.clone(), line, column, end_column },
        });
    }
}
