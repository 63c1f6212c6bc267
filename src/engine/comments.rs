//! Compiles scripts whose doc comments are anywhere.
//!
//! With `metadata`, which the command line needs, Rhai keeps doc comments and refuses them where no
//! function follows. The engine of a layer is built without, and takes them as any other comment.

use rhai::{AST, Engine, ParseError, ParseErrorType, Position};

use crate::engine::pieces;

/// Compiles `text`, as an engine without `metadata` would.
///
/// # Errors
/// That of the engine, for everything but doc comments.
pub(crate) fn compile(engine: &Engine, text: &str) -> Result<AST, ParseError> {
    if let Some(compiled) = pieces::compile(engine, text) {
        return Ok(compiled);
    }
    let mut compiled = engine.compile(text);
    let mut plain = text.to_owned();
    while let Err(error) = &compiled
        && matches!(&*error.0, ParseErrorType::WrongDocComment)
        && let Some(at) = mark(&plain, error.position())
    {
        // The third character is what makes `///` and `/**` more than comments.
        plain.replace_range(at..=at, " ");
        compiled = engine.compile(&plain);
    }
    compiled
}

/// Where the third character of the comment at `place` is, in bytes.
fn mark(text: &str, place: Position) -> Option<usize> {
    let line = text.split_inclusive('\n').nth(place.line()? - 1)?;
    let start = line.as_ptr() as usize - text.as_ptr() as usize;
    let (column, _) = line.char_indices().nth(place.position()? - 1)?;
    let at = start + column + 2;
    matches!(text.as_bytes().get(at), Some(b'/' | b'*')).then_some(at)
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::compile;

    #[test]
    fn doc_comments_may_stand_anywhere() {
        let text = "/// one\nlet a = \"/// b\";\nfn f() {\n  /** ü */ /// two\n  1\n}\n/// end\n";
        let mut engine = Engine::new();
        assert!(engine.compile(text).is_err());
        let ast = compile(&engine, text).unwrap();
        engine.set_optimization_level(rhai::OptimizationLevel::None);
        assert_eq!(engine.eval_ast::<()>(&ast).ok(), Some(()));
        let text = text.replace("/// end", "a");
        assert_eq!(engine.eval_ast::<String>(&compile(&engine, &text).unwrap()).unwrap(), "/// b");
        let wrong = compile(&engine, "/// x\nlet = 1;").unwrap_err();
        assert_eq!(wrong.position(), rhai::Position::new(2, 5));
    }
}
