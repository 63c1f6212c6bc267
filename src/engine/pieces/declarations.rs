//! Compiles a top level of many declarations in pieces.

use rhai::{AST, ASTFlags, Dynamic, Expr, Map, Scope, Stmt};

use super::Pieces;
use super::items::{Item, is_of_word};

/// Compiles a top level of many declarations, or with tables, and of nothing else.
///
/// What is used of earlier pieces has to be a literal: the optimizer puts it in, and then all are.
pub(super) fn compile_declarations(
    pieces: &Pieces,
    statements: &mut [Item],
    size: usize,
) -> Option<AST> {
    if statements.len() <= size && statements.iter().all(|item| item.table.is_none()) {
        return None;
    }
    let mut ast = AST::empty();
    // By name; a unit stands for what is not known.
    let mut known = Map::new();
    let mut start = 0;
    while start < statements.len() {
        // A table is a piece on its own.
        let table = statements[start].table.take();
        let mut end = start + 1;
        while table.is_none()
            && end - start < size
            && statements.get(end).is_some_and(|item| item.table.is_none())
        {
            end += 1;
        }
        let piece = &statements[start..end];
        start = end;
        let mut scope = Scope::new();
        // It has used nothing.
        for item in piece.iter().filter(|_| table.is_none()) {
            for word in item.text.as_bytes().split(|byte| !is_of_word(*byte)) {
                let Ok(word) = str::from_utf8(word) else { continue };
                match known.get(word) {
                    Some(value) if value.is_unit() => return None,
                    Some(value) if !scope.contains(word) => {
                        scope.push_constant_dynamic(word, value.clone());
                    }
                    _ => {}
                }
            }
        }
        let is_on_its_own = scope.is_empty();
        let part = match table {
            Some(part) => part,
            None => pieces.compile(scope, "", piece)?,
        };
        // Into a closure the optimizer would put it as well.
        if !is_on_its_own && part.has_functions() {
            return None;
        }
        for statement in part.statements() {
            match statement {
                Stmt::Import(..) if is_on_its_own => {}
                Stmt::Var(x, flags, _) => {
                    let mut value = literal(&x.1);
                    if value.is_unit() && !is_on_its_own {
                        return None;
                    }
                    if !flags.contains(ASTFlags::CONSTANT) {
                        value = Dynamic::UNIT;
                    }
                    if known.insert(x.0.name.as_str().into(), value).is_some() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        ast.combine(part);
    }
    Some(ast)
}

/// The value of an optimized literal, or a unit.
fn literal(expression: &Expr) -> Dynamic {
    match expression {
        Expr::IntegerConstant(value, _) => (*value).into(),
        Expr::FloatConstant(value, _) => (**value).into(),
        Expr::BoolConstant(value, _) => (*value).into(),
        Expr::StringConstant(value, _) => value.clone().into(),
        Expr::DynamicConstant(value, _) => (**value).clone(),
        _ => Dynamic::UNIT,
    }
}
