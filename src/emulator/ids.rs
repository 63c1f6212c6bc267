//! The identifiers that Lambda gives out: request ids, trace ids, log streams.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::calendar::civil_from_days;

/// A random UUID (version 4).
pub(super) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff,
    )
}

/// A trace header of X-Ray, not sampled.
pub(super) fn trace() -> String {
    let seconds = since_epoch().as_secs();
    let root = (u128::from(random()) << 64 | u128::from(random())) >> 32;
    format!("Root=1-{seconds:08x}-{root:024x};Parent={:016x};Sampled=0", random())
}

/// A log stream, named after the day.
pub(super) fn log_stream(version: &str) -> String {
    let (year, month, day) = civil_from_days(since_epoch().as_secs() as i64 / 86400);
    let mut name = format!("{year:04}/{month:02}/{day:02}/[{version}]");
    let _ = write!(name, "{:016x}{:016x}", random(), random());
    name
}

/// The time by the wall clock.
pub(super) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// 64 random bits: std keys each `RandomState` from the system's randomness. Good for names, not for
/// secrets.
fn random() -> u64 {
    RandomState::new().hash_one(since_epoch())
}

#[cfg(test)]
mod tests {
    use super::{trace, uuid};

    #[test]
    fn ids_have_the_form_that_others_parse() {
        let id = uuid();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
        let trace = trace();
        let root = trace.strip_prefix("Root=1-").unwrap().split(';').next().unwrap();
        let parts: Vec<usize> = root.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 24], "{trace}");
    }
}
