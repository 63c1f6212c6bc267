//! What can be seen of statements before they run: whether they are about numbers alone.

use std::collections::BTreeSet;

use rhai::{ASTFlags, Expr, FnCallExpr, Stmt, StmtBlock};

use super::Key;
use crate::engine::bytecode::compiler::NATIVES;
use crate::engine::bytecode::compiler::expression::{Link, is_plain_index, links};
use crate::engine::bytecode::compiler::statement::constant_range;

/// The operators that there are instructions for, and those of ranges.
const OPERATORS: &str = "+ - * / % ** << >> & | ^ == != < <= > >= ! .. ..=";

/// A look at statements.
pub(super) struct Sight<'s> {
    /// The functions that the script defines.
    functions: &'s BTreeSet<Key>,
    /// Whether the statements are a function's own, which may return and knows no other variables.
    is_function: bool,
    /// Whether all that was seen could be compiled, for the one who looks to keep.
    pub(super) fits: bool,
    /// The variables that the statements declare.
    declared: BTreeSet<String>,
    /// Whether there are loops.
    pub(super) loops: bool,
    /// The script's functions that are called.
    pub(super) calls: BTreeSet<Key>,
}

impl<'s> Sight<'s> {
    pub(super) fn of_function(functions: &'s BTreeSet<Key>) -> Self {
        Self {
            functions,
            is_function: true,
            fits: true,
            declared: BTreeSet::new(),
            loops: false,
            calls: BTreeSet::new(),
        }
    }

    pub(super) fn of_loop(functions: &'s BTreeSet<Key>) -> Self {
        Self { is_function: false, ..Self::of_function(functions) }
    }

    /// Whether there is nothing in a statement that could not be compiled.
    pub(super) fn takes(&mut self, statement: &Stmt) -> bool {
        match statement {
            Stmt::Noop(_) => true,
            Stmt::Var(parts, flags, _) => {
                self.declared.insert(parts.0.name.to_string());
                !flags.contains(ASTFlags::EXPORTED) && self.takes_value(&parts.1)
            }
            Stmt::Expr(expression) => self.takes_value(expression),
            Stmt::FnCall(call, _) => self.takes_call(call),
            Stmt::Block(block) => self.takes_all(block),
            Stmt::If(flow, _) => {
                self.takes_value(&flow.expr)
                    && self.takes_all(&flow.body)
                    && self.takes_all(&flow.branch)
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.loops = true;
                self.takes_value(&flow.expr) && self.takes_all(&flow.body)
            }
            Stmt::For(parts, _) => {
                self.loops = true;
                let has_range = match &parts.2.expr {
                    Expr::DynamicConstant(value, _) => constant_range(value).is_some(),
                    Expr::FnCall(call, _) => call.name.starts_with("..") && self.takes_call(call),
                    // An array, perhaps.
                    array => self.is_outside(array),
                };
                self.declared.insert(parts.0.name.to_string());
                has_range && self.takes_all(&parts.2.body)
            }
            Stmt::Assignment(parts) => {
                let is_variable =
                    matches!(&parts.1.lhs, Expr::Variable(parts, ..) if parts.2.is_empty());
                is_variable && self.takes_value(&parts.1.rhs)
            }
            Stmt::Return(value, flags, _) => {
                self.is_function
                    && !flags.contains(ASTFlags::BREAK)
                    && value.as_ref().is_none_or(|value| self.takes_value(value))
            }
            Stmt::BreakLoop(value, ..) => value.is_none(),
            _ => false,
        }
    }

    fn takes_all(&mut self, block: &StmtBlock) -> bool {
        block.iter().all(|statement| self.takes(statement))
    }

    fn takes_value(&mut self, expression: &Expr) -> bool {
        match expression {
            Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::BoolConstant(..)
            | Expr::Variable(..)
            | Expr::Unit(_) => true,
            Expr::Stmt(block) => self.takes_all(block),
            Expr::FnCall(call, _) => self.takes_call(call),
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                parts.iter().all(|part| self.takes_value(part))
            }
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let Some(links) = links(parts) else { return false };
                // Properties are those of what is there before the loop starts.
                let has_properties = links.iter().any(|link| !matches!(link, Link::Native(_)));
                match has_properties {
                    true => !self.is_function && is_variable(&parts.lhs),
                    false => self.takes_value(&parts.lhs),
                }
            }
            Expr::Index(parts, flags, _) if is_plain_index(*flags) => {
                self.is_outside(&parts.lhs) && self.takes_value(&parts.rhs)
            }
            _ => false,
        }
    }

    /// Whether an expression is a variable of the function around a loop, or in the maps of one.
    fn is_outside(&self, expression: &Expr) -> bool {
        let first = match expression {
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let are_properties = links(parts).is_some_and(|links| {
                    links.iter().all(|link| matches!(link, Link::Property(_)))
                });
                if !are_properties {
                    return false;
                }
                &parts.lhs
            }
            first => first,
        };
        let Expr::Variable(parts, ..) = first else { return false };
        !self.is_function && parts.2.is_empty() && !self.declared.contains(parts.1.as_str())
    }

    fn takes_call(&mut self, call: &FnCallExpr) -> bool {
        if call.is_qualified() || call.capture_parent_scope {
            return false;
        }
        let name = call.name.as_str();
        let key = (name.to_owned(), call.args.len());
        let is_known = if call.is_operator_call() {
            OPERATORS.split(' ').any(|operator| operator == name)
        } else if self.functions.contains(&key) {
            self.calls.insert(key);
            true
        } else {
            NATIVES.contains(&name)
        };
        is_known && call.args.iter().all(|argument| self.takes_value(argument))
    }
}

/// The body of a statement that is a loop which may be compiled by itself.
pub(super) fn body_of(statement: &Stmt) -> Option<&StmtBlock> {
    match statement {
        Stmt::While(flow, _) => Some(&flow.body),
        Stmt::For(parts, _) => Some(&parts.2.body),
        _ => None,
    }
}

fn is_variable(expression: &Expr) -> bool {
    matches!(expression, Expr::Variable(parts, ..) if parts.2.is_empty())
}
