//! The process's allocator, which counts: the memory limit of a script is read from it.
//!
//! It is set here, in the library, so that whoever builds a `bootstrap` of their own has limits
//! that hold without doing anything for them.

use cap::Cap;

#[cfg(not(target_env = "musl"))]
use std::alloc::System as Inner;
// musl's own `malloc` is several times slower on the engine's many small allocations.
#[cfg(target_env = "musl")]
use dlmalloc::GlobalDlmalloc as Inner;

#[global_allocator]
static ALLOCATOR: Cap<Inner> = Cap::new(Inner, usize::MAX);

/// Bytes that the process has allocated and not yet freed.
pub(crate) fn allocated() -> usize {
    // One relaxed load, since this is asked at every step of a script.
    usize::MAX - ALLOCATOR.remaining()
}
