//! The layer's entry.
fn main() {}
