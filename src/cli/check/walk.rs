//! Goes through a script's syntax tree and says, at each node, what stands around it.
//!
//! Rhai's own walk does not tell the body of a `try` from its `catch`, nor a method's receiver from
//! an index.

use rhai::{ASTFlags, Expr, FnCallExpr, Position, Stmt, SwitchCasesCollection};

use super::script::{Function, Parsed};

/// A node of the tree.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    /// The statements between two braces, or of the top level.
    Block(&'a [Stmt]),
    Stmt(&'a Stmt),
    Expr(&'a Expr),
    /// A call in method style, with what stands before the dot if that is one expression.
    Method(Option<&'a Expr>, &'a FnCallExpr, Position),
}

/// What stands around a node.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The function or closure that it is in; none at the top level.
    pub(super) function: Option<&'a Function>,
    /// Whether a failure here is caught.
    pub(super) caught: bool,
    /// Blocks around it within the function.
    pub(super) depth: usize,
}

impl Around<'_> {
    /// Whether it runs unconditionally when the script starts.
    pub(super) fn is_top_level(&self) -> bool {
        self.function.is_none() && self.depth == 0
    }

    pub(super) fn in_closure(&self) -> bool {
        self.function.is_some_and(Function::is_closure)
    }
}

type Visitor<'v, 'a> = &'v mut dyn FnMut(Node<'a>, Around<'a>);

/// Goes through the top level and every function.
pub(super) fn script<'a>(parsed: &'a Parsed, visit: Visitor<'_, 'a>) {
    let top = Around { function: None, caught: false, depth: 0 };
    statements(&parsed.top, top, visit);
    for function in &parsed.functions {
        let caught = function.is_closure() && parsed.caught_closures.contains(&function.name);
        let around = Around { function: Some(function), caught, depth: 0 };
        statements(&function.body, around, visit);
    }
}

fn statements<'a>(block: &'a [Stmt], around: Around<'a>, visit: Visitor<'_, 'a>) {
    visit(Node::Block(block), around);
    for statement in block {
        stmt(statement, around, visit);
    }
}

fn stmt<'a>(statement: &'a Stmt, around: Around<'a>, visit: Visitor<'_, 'a>) {
    visit(Node::Stmt(statement), around);
    let inner = Around { depth: around.depth + 1, ..around };
    match statement {
        Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, _, _) => {
            expr(&flow.expr, around, visit);
            statements(flow.body.statements(), inner, visit);
            statements(flow.branch.statements(), inner, visit);
        }
        Stmt::For(parts, _) => {
            expr(&parts.2.expr, around, visit);
            statements(parts.2.body.statements(), inner, visit);
        }
        Stmt::TryCatch(flow, _) => {
            statements(flow.body.statements(), Around { caught: true, ..inner }, visit);
            statements(flow.branch.statements(), inner, visit);
        }
        Stmt::Switch(parts, _) => {
            expr(&parts.0, around, visit);
            for (condition, result) in cases(&parts.1) {
                expr(condition, inner, visit);
                expr(result, inner, visit);
            }
        }
        Stmt::Block(block) => statements(block.statements(), inner, visit),
        Stmt::Var(parts, _, _) => expr(&parts.1, around, visit),
        Stmt::Assignment(parts) => {
            expr(&parts.1.lhs, around, visit);
            expr(&parts.1.rhs, around, visit);
        }
        Stmt::FnCall(call, _) => {
            for argument in &call.args {
                expr(argument, around, visit);
            }
        }
        Stmt::Expr(inner) => expr(inner, around, visit),
        Stmt::BreakLoop(Some(value), _, _) | Stmt::Return(Some(value), _, _) => {
            expr(value, around, visit);
        }
        Stmt::Import(parts, _) => expr(&parts.0, around, visit),
        _ => {}
    }
}

/// Conditions and results of a `switch`, each once.
pub(super) fn cases(cases: &SwitchCasesCollection) -> impl Iterator<Item = (&Expr, &Expr)> {
    cases.expressions.iter().map(|case| (&case.lhs, &case.rhs))
}

fn expr<'a>(expression: &'a Expr, around: Around<'a>, visit: Visitor<'_, 'a>) {
    if let Expr::MethodCall(call, place) = expression {
        return method(None, call, *place, around, visit);
    }
    visit(Node::Expr(expression), around);
    match expression {
        Expr::Stmt(block) => {
            let inner = Around { depth: around.depth + 1, ..around };
            statements(block.statements(), inner, visit);
        }
        Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
            for part in parts {
                expr(part, around, visit);
            }
        }
        Expr::Map(parts, _) => {
            for (_, value) in &parts.0 {
                expr(value, around, visit);
            }
        }
        Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
            for part in parts.iter() {
                expr(part, around, visit);
            }
        }
        Expr::FnCall(call, _) => {
            for argument in &call.args {
                expr(argument, around, visit);
            }
        }
        Expr::Dot(parts, _, _) => {
            expr(&parts.lhs, around, visit);
            link(&parts.rhs, Some(&parts.lhs), around, visit);
        }
        Expr::Index(parts, flags, _) => {
            expr(&parts.lhs, around, visit);
            index(&parts.rhs, *flags, around, visit);
        }
        _ => {}
    }
}

/// What follows a dot; `receiver` is what stands before it.
fn link<'a>(
    expression: &'a Expr,
    receiver: Option<&'a Expr>,
    around: Around<'a>,
    visit: Visitor<'_, 'a>,
) {
    match expression {
        Expr::MethodCall(call, place) => method(receiver, call, *place, around, visit),
        Expr::Dot(parts, _, _) => {
            link(&parts.lhs, receiver, around, visit);
            link(&parts.rhs, None, around, visit);
        }
        Expr::Index(parts, flags, _) => {
            link(&parts.lhs, receiver, around, visit);
            index(&parts.rhs, *flags, around, visit);
        }
        other => expr(other, around, visit),
    }
}

/// What stands in brackets. Unless the chain ends there, its rest hangs on the index.
fn index<'a>(expression: &'a Expr, flags: ASTFlags, around: Around<'a>, visit: Visitor<'_, 'a>) {
    if flags.contains(ASTFlags::BREAK) {
        return expr(expression, around, visit);
    }
    match expression {
        Expr::Dot(parts, _, _) => {
            expr(&parts.lhs, around, visit);
            link(&parts.rhs, None, around, visit);
        }
        Expr::Index(parts, flags, _) => {
            expr(&parts.lhs, around, visit);
            index(&parts.rhs, *flags, around, visit);
        }
        other => expr(other, around, visit),
    }
}

fn method<'a>(
    receiver: Option<&'a Expr>,
    call: &'a FnCallExpr,
    place: Position,
    around: Around<'a>,
    visit: Visitor<'_, 'a>,
) {
    visit(Node::Method(receiver, call, place), around);
    for argument in &call.args {
        expr(argument, around, visit);
    }
}
