//! Refuses what would outlive an invocation: a closure in a constant that captured a variable.
//!
//! Rhai shares a captured variable between the closure and where it came from. In a constant of the
//! top level it would keep what one event did to it for the next one, and for the next tenant.
//! Constants may be captured: nobody can change them.

use rhai::{AST, Dynamic, Engine, EvalAltResult, FnPtr, OptimizationLevel, Scope};

use crate::engine::raise;

/// The variable whose access marks the end of a script's top level.
const END: &str = "rhai_lambda_end_of_top_level";

/// Nested deeper than this, a value is not looked into.
const MAX_DEPTH: usize = 32;

/// The mark at the end of every script.
pub(crate) struct EndMark(AST);

impl EndMark {
    pub(crate) fn new() -> Self {
        let mut engine = Engine::new_raw();
        engine.set_optimization_level(OptimizationLevel::None);
        Self(engine.compile(END).expect("a variable is a script"))
    }

    /// Appends it to a script.
    pub(crate) fn append_to(&self, ast: &mut AST) {
        ast.combine(self.0.clone());
    }
}

/// Whether the variable of this name is the mark.
pub(crate) fn is_end(name: &str) -> bool {
    name == END
}

/// Looks at the constants of the top level when it has run.
///
/// # Errors
/// `InitError` that names the constant.
#[cold]
#[inline(never)]
pub(crate) fn check(scope: &Scope) -> Result<(), Box<EvalAltResult>> {
    for (name, is_constant, value) in scope.iter_raw() {
        if is_constant && captures_variable(value, 0) {
            return Err(raise((
                "InitError",
                format!(
                    "the constant `{name}` holds a closure that captured a variable, which would \
                     outlive the invocation; let it capture a constant, or keep state with `cache::`"
                ),
            )));
        }
    }
    Ok(())
}

fn captures_variable(value: &Dynamic, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    if value.is_shared() && !value.is_read_only() {
        return true;
    }
    if let Some(function) = value.read_lock::<FnPtr>() {
        return function.iter_curry().any(|captured| captures_variable(captured, depth + 1));
    }
    if let Ok(array) = value.as_array_ref() {
        return array.iter().any(|item| captures_variable(item, depth + 1));
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().any(|item| captures_variable(item, depth + 1));
    }
    false
}
