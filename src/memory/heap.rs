//! The heap of a static `bootstrap`: compact, with one lock, which a single worker never waits for.

use std::alloc::System;

use rustix_futex_sync::RawMutex;
use talc::TalcLock;
use talc::source::GlobalAllocSource;

/// What is asked of the system at a time, and given back when it is empty: as much as most scripts
/// ever need, so that an event does not get and return it. Pages that nobody touches cost nothing.
const BLOCK: usize = 4 << 20;

pub(super) type Heap = TalcLock<RawMutex, GlobalAllocSource<System>>;

#[expect(clippy::declare_interior_mutable_const, reason = "it is the start of one static")]
pub(super) const HEAP: Heap = TalcLock::new(GlobalAllocSource::with_block_size(System, BLOCK));
