//! The stack that the engine runs on.
//!
//! The interpreter recurses, and so does freeing a deeply nested value. A thread of our own has a
//! stack as deep as the limits need; pages that are never touched cost nothing.

use std::thread;

use crate::config::Limits;

/// Fits 128 nested calls of functions with expressions nested 128 deep, measured.
const BASE: usize = 64 << 20;
const BASE_DEPTHS: usize = 128 * 128;

/// The part of the stack that a script's own calls and expressions may use, in bytes.
pub(crate) fn script_part(limits: &Limits) -> usize {
    BASE * (limits.max_call_depth * limits.max_expr_depth).div_ceil(BASE_DEPTHS)
}

/// A thread with the engine's stack.
pub(crate) fn engine_thread(limits: &Limits) -> thread::Builder {
    // Freeing takes up to 131 bytes of stack for each level of nesting, and a level takes 40 to 112
    // bytes of memory, so values within the memory limit are freed within this.
    let native_part = BASE.max(limits.max_memory.saturating_mul(2));
    let size = script_part(limits).saturating_add(native_part);
    thread::Builder::new().name("engine".to_owned()).stack_size(size)
}

/// Runs `work` on the engine's stack and returns what it returns.
///
/// # Errors
/// When the machine has no thread to give.
///
/// # Panics
/// If `work` panics.
pub(crate) fn on_engine_stack<T: Send>(
    limits: &Limits,
    work: impl FnOnce() -> T + Send,
) -> std::io::Result<T> {
    thread::scope(|scope| match engine_thread(limits).spawn_scoped(scope, work)?.join() {
        Ok(result) => Ok(result),
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
