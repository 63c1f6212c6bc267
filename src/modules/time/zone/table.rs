//! The IANA time zones as `build.rs` packs them: found by name, read where they lie.
//!
//! A zone is: how many transitions there are, and for each, which type holds from then on; how many
//! types there are, and for each, seconds east of Greenwich and the abbreviation; the rule that holds
//! after the last transition, as POSIX writes it; then when each transition is. Texts end with a line
//! feed. Numbers have seven bits in a byte, and of those that may be negative the lowest is the sign. A
//! time is what has passed since the one before, the first since 1970: quarters of an hour, one bit that
//! says whether seconds follow, and those.

use std::cmp::Ordering;

include!(concat!(env!("OUT_DIR"), "/zones.rs"));

/// A zone of the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    /// One byte each: the type that holds from a transition on.
    indexes: &'static [u8],
    types: &'static [u8],
    /// What holds after the last transition.
    pub(super) rule: &'static str,
    times: &'static [u8],
}

/// The names of all zones.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    (1..STARTS.len()).map(|end| name(end - 1))
}

fn name(index: usize) -> &'static str {
    &NAMES[usize::from(STARTS[index].0)..usize::from(STARTS[index + 1].0)]
}

impl Packed {
    /// The zone of that name, in whichever case.
    pub(super) fn find(wanted: &str) -> Option<Self> {
        let (mut low, mut high) = (0, STARTS.len() - 1);
        while low < high {
            let middle = low.midpoint(high);
            match compare(name(middle), wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Self::read(STARTS[middle].1),
            }
        }
        None
    }

    fn read(start: u32) -> Option<Self> {
        let mut rest = ZONES.get(usize::try_from(start).ok()?..)?;
        let transitions = usize::try_from(number(&mut rest)?).ok()?;
        let (indexes, mut rest) = rest.split_at_checked(transitions)?;
        let count = number(&mut rest)?;
        let types = rest;
        for _ in 0..count {
            local(&mut rest)?;
        }
        let rule = line(&mut rest)?;
        Some(Self { indexes, types, rule, times: rest })
    }

    /// Offset and abbreviation at an instant in seconds, and whether the last transition is past.
    pub(super) fn at(&self, seconds: i64) -> Option<(i64, &'static str, bool)> {
        let mut times = self.times;
        let (mut time, mut past) = (0, 0);
        while past < self.indexes.len() {
            let quarters = number(&mut times)?;
            time += unfold(quarters >> 1) * 900;
            if quarters & 1 == 1 {
                time += i64::try_from(number(&mut times)?).ok()?;
            }
            if time > seconds {
                break;
            }
            past += 1;
        }
        // Before the first transition, the first type holds.
        let index = past.checked_sub(1).map_or(0, |last| self.indexes[last]);
        let mut types = self.types;
        for _ in 0..index {
            local(&mut types)?;
        }
        let (offset, abbreviation) = local(&mut types)?;
        Some((offset, abbreviation, past == self.indexes.len()))
    }
}

/// The order in which the names lie: as if all were small letters.
fn compare(a: &str, b: &str) -> Ordering {
    let small = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(small).cmp(b.bytes().map(small))
}

/// Takes a type: offset and abbreviation.
fn local(rest: &mut &'static [u8]) -> Option<(i64, &'static str)> {
    Some((unfold(number(rest)?), line(rest)?))
}

fn line(rest: &mut &'static [u8]) -> Option<&'static str> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    std::str::from_utf8(line).ok()
}

fn number(rest: &mut &'static [u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

fn unfold(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
