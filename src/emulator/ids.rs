//! The identifiers that Lambda gives out: request ids, trace ids, log streams.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    let (year, month, day) = date(since_epoch().as_secs() / 86400);
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

/// Year, month and day of a day since 1970, by walking years and months: this runs once a child.
fn date(mut day: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let leap = u64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        if day >= 365 + leap {
            day -= 365 + leap;
            year += 1;
            continue;
        }
        let months = [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 1;
        for length in months {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        return (year, month, day + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{date, trace, uuid};

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_780), (2026, 11, 23));
        assert_eq!(date(20_818), (2026, 12, 31));
    }

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
