//! Compiles long scripts in pieces.
//!
//! Rhai's parser looks for each variable among all functions that it has read, and among all variables in
//! scope; its optimizer does the latter once more. Each key of a map literal it compares with all before it.
//! In pieces there are never many of any. Lines and columns stay what they are. Whatever is out of the
//! ordinary, and every error, is left to Rhai, with the script as a whole.

mod declarations;
mod items;
mod tables;

use rhai::{AST, Dynamic, Engine, Map, OptimizationLevel, ParseErrorType, Scope, Stmt};

use declarations::compile_declarations;
use items::{Item, Items, cut};

/// Below this the looking takes less than cutting the text.
const MIN_TEXT: usize = 14 << 10;

/// So many functions or statements make a piece. Each piece has its lines counted from the first.
const ITEMS: usize = 32;

/// A statement of so many bytes, for each item that a piece may have, may be a table.
const TABLE: usize = 128;

/// So many functions of other pieces may be meant by their mere names in one.
const MAX_MERE_NAMES: usize = 8;

/// Compiles `text`, if it is long and made of what can be compiled apart.
pub(super) fn compile(engine: &Engine, text: &str) -> Option<AST> {
    // For full optimization all functions would have to be known.
    if text.len() < MIN_TEXT || engine.optimization_level() == OptimizationLevel::Full {
        return None;
    }
    in_pieces(engine, text, ITEMS)
}

fn in_pieces(engine: &Engine, text: &str, size: usize) -> Option<AST> {
    let Items { functions, mut statements } = cut(text)?;
    let mut names = Map::new();
    for item in functions.iter().rev() {
        names.insert(item.function?.into(), Dynamic::from_int(item.end_line as i64));
    }
    let pieces = Pieces { engine, names };
    for item in &mut statements {
        if item.text.len() > size * TABLE {
            item.table = tables::compile(&pieces, item, 2 * size);
        }
    }
    let is_long = functions.len() > size || statements.len() > size;
    let mut ast = match compile_declarations(&pieces, &mut statements, size) {
        Some(ast) => ast,
        None if is_long => pieces.compile(Scope::new(), "", &statements)?,
        None => return None,
    };
    // The imports above all functions are known in these.
    let mut imports = String::new();
    for statement in ast.statements() {
        if let (Stmt::Import(x, place), Some(first)) = (statement, functions.first())
            && !x.1.name.is_empty()
            && place.line().is_some_and(|line| line <= first.line + 1)
        {
            imports += "import \"\" as ";
            imports += &x.1.name;
            imports += ";";
        }
    }
    let mut total = ast.shared_lib().count().1;
    for piece in functions.chunks(size) {
        let mut part = pieces.compile(Scope::new(), &imports, piece)?;
        part.clear_statements();
        total += part.shared_lib().count().1;
        ast.combine(part);
    }
    // Fewer means that one is there twice.
    let is_whole = total == ast.shared_lib().count().1 && total <= engine.max_functions();
    (is_whole && !pieces.captures_function(&ast)).then_some(ast)
}

/// Compiles those functions of `text` that are `wanted` by what they are, and nothing else; an engine that
/// knows variables by their names alone is enough for it.
pub(super) fn compile_functions(
    engine: &Engine,
    text: &str,
    wanted: impl Fn(&str) -> bool,
) -> Option<AST> {
    let mut functions = cut(text)?.functions;
    functions.retain(|function| wanted(function.text));
    let pieces = Pieces { engine, names: Map::new() };
    let mut ast = AST::empty();
    for piece in functions.chunks(ITEMS) {
        ast.combine(pieces.compile(Scope::new(), "", piece)?);
    }
    Some(ast)
}

struct Pieces<'a> {
    engine: &'a Engine,
    /// Where each function ends, by its name; of several the first.
    names: Map,
}

impl Pieces<'_> {
    /// Compiles items, below a first line.
    fn compile(&self, mut scope: Scope, first: &str, items: &[Item]) -> Option<AST> {
        let mut text = first.to_owned();
        let mut line = 0;
        for item in items {
            if line < item.line {
                // In a comment a line costs a third.
                text += "/*";
                for _ in line..item.line {
                    text.push('\n');
                }
                text += "*/";
            }
            text += item.text;
            line = item.end_line;
        }
        for _ in 0..=MAX_MERE_NAMES {
            let error = match self.engine.compile_with_scope(&scope, text.as_str()) {
                Ok(ast) => return Some(ast),
                Err(error) => error,
            };
            let ParseErrorType::VariableUndefined(name) = &*error.0 else { return None };
            let end = self.names.get(name.as_str())?.as_int().ok()?;
            if end >= error.position().line()? as i64 {
                return None;
            }
            // Nothing is known of it but that it is there, as of a function above.
            scope.push_dynamic(name.as_str(), Dynamic::UNIT);
        }
        None
    }

    /// Whether a closure may have captured what it would not have, had its function been known: then it
    /// is among its parameters.
    fn captures_function(&self, ast: &AST) -> bool {
        ast.shared_lib().iter_script_fn_info().any(|(_, _, name, _, function)| {
            name.starts_with("anon$")
                && function.params.iter().any(|name| self.names.contains_key(name.as_str()))
        })
    }
}

#[cfg(test)]
mod tests;
