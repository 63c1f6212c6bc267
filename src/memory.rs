//! The process's allocator, which counts: the memory limit of a script is read from it.
//!
//! It is set here, in the library, so that whoever builds a `bootstrap` of their own has limits
//! that hold without doing anything for them. It counts for each thread, since every engine has one
//! of its own and shall not pay for what another allocates.

use std::fs;

use alloc_metrics::MetricAlloc;

#[path = "memory/system.rs"]
#[cfg(not(target_env = "musl"))]
mod heap;
// musl's own `malloc` is several times slower on the engine's many small allocations.
#[cfg(target_env = "musl")]
mod heap;

#[global_allocator]
static ALLOCATOR: MetricAlloc<heap::Heap> = MetricAlloc::new(heap::HEAP);

/// Bytes that this thread has allocated, less those that it has freed: a thread that frees what
/// others allocated comes below zero.
pub(crate) fn allocated() -> isize {
    alloc_metrics::thread_metrics().allocated_bytes
}

/// Bytes of the machine's memory that the process takes up, if the system says so.
///
/// It asks the kernel: a counter of our own for all threads would cost every allocation.
pub(crate) fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kilobytes << 10)
}
