//! The heap of a static `bootstrap`: compact, with one lock, which a single worker never waits for.

use std::alloc::System;

use rustix_futex_sync::RawMutex;
use talc::TalcLock;
use talc::source::GlobalAllocSource;

/// What is asked of the system at a time, and given back when it is empty. The first block stays, so
/// it is as much as an event of 1 MB makes of values: an event that gets and returns blocks pays a
/// page fault for every 4 kB of them, a seventh of its time. Pages that nobody touches cost nothing.
const BLOCK: usize = 32 << 20;

pub(super) type Heap = TalcLock<RawMutex, GlobalAllocSource<System>>;

#[expect(clippy::declare_interior_mutable_const, reason = "it is the start of one static")]
pub(super) const HEAP: Heap = TalcLock::new(GlobalAllocSource::with_block_size(System, BLOCK));
