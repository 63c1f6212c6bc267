//! The process's allocator, which counts: the memory limit of a script is read from it.
//!
//! It is set here, in the library, so that whoever builds a `bootstrap` of their own has limits
//! that hold without doing anything for them. It counts for each thread, since every engine has one
//! of its own and shall not pay for what another allocates, and for the process.

use alloc_metrics::MetricAlloc;
use cap::Cap;

#[cfg(not(target_env = "musl"))]
use std::alloc::System as Inner;
// musl's own `malloc` is several times slower on the engine's many small allocations.
#[cfg(target_env = "musl")]
use dlmalloc::GlobalDlmalloc as Inner;

#[global_allocator]
static ALLOCATOR: Cap<MetricAlloc<Inner>> = Cap::new(MetricAlloc::new(Inner), usize::MAX);

/// Where the count of a thread starts: one that frees what others allocated counts down from here.
const ORIGIN: usize = usize::MAX / 2;

/// A count of bytes that grows with what this thread allocates and falls with what it frees.
pub(crate) fn allocated() -> usize {
    ORIGIN.wrapping_add_signed(alloc_metrics::thread_metrics().allocated_bytes)
}

/// Bytes that the process has allocated and not yet freed.
pub(crate) fn allocated_by_process() -> usize {
    usize::MAX - ALLOCATOR.remaining()
}
