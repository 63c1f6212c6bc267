//! x
/// x
pub fn main() {}
