//! UUIDs of RFC 9562: version 4, random, and version 7, in the order of time.

use std::cell::Cell;
use std::time::Duration;

/// Puts the time in front of random bytes, in steps of a quarter of a microsecond, and always later
/// than `last`.
pub(super) fn ordered(mut bytes: [u8; 16], now: Duration, last: &Cell<u64>) -> [u8; 16] {
    let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX) & 0xffff_ffff_ffff;
    // The part of the millisecond, in 12 bits.
    let part = u64::from(now.subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
    let ticks = (millis << 12 | part).max(last.get().saturating_add(1));
    last.set(ticks);
    bytes[..6].copy_from_slice(&(ticks >> 12).to_be_bytes()[2..]);
    // The version goes into the high bits of the first of these two.
    bytes[6..8].copy_from_slice(&((ticks & 0xfff) as u16).to_be_bytes());
    bytes
}

/// The text of a UUID, with version and variant set.
pub(super) fn text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cell, Duration, ordered, text};

    /// RFC 9562, appendices A.3 and A.6.
    #[test]
    fn the_published_examples() {
        let random = 0x919108F752D133205BACF847DB4148A8_u128.to_be_bytes();
        assert_eq!(text(random, 4), "919108f7-52d1-4320-9bac-f847db4148a8");
        let random = 0x0000_0000_0000_0CC3_18C4_DC0C_0C07_398F_u128.to_be_bytes();
        let made = ordered(random, Duration::from_millis(0x017F_22E2_79B0), &Cell::new(0));
        assert_eq!(text(made, 7), "017f22e2-79b0-7000-98c4-dc0c0c07398f");
    }

    #[test]
    fn the_order_is_strict() {
        let last = Cell::new(0);
        let now = Duration::new(1_800_000_000, 999_999_999);
        let mut before = String::new();
        // Also when the clock stands still or goes back.
        for step in 0..10_000_u64 {
            let id = text(ordered([0xff; 16], now - Duration::from_nanos(step), &last), 7);
            assert!(before < id, "{before} {id}");
            before = id;
        }
    }
}
