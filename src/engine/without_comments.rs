//! Compiles scripts: the engine of a layer skips doc comments as it does all others.

use rhai::{AST, Engine, ParseError};

use crate::engine::pieces;

/// Compiles `text`.
///
/// # Errors
/// That of the engine.
pub(crate) fn compile(engine: &Engine, text: &str) -> Result<AST, ParseError> {
    pieces::compile(engine, text).map_or_else(|| engine.compile(text), Ok)
}
