//! The heap of a `bootstrap` that is not static: the system's own.

pub(super) type Heap = std::alloc::System;

pub(super) const HEAP: Heap = std::alloc::System;
