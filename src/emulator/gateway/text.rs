//! Percent-encoding, queries, media types and dates: the small forms that requests are made of.

use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;

use crate::calendar::Civil;

/// Month names as log lines of web servers have them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `text` without its percent-encoding; what is not UTF-8 then is replaced.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// As [`decode`], for queries: there `+` is a space.
pub(super) fn decode_query(text: &str) -> String {
    decode(&text.replace('+', " "))
}

/// The pairs of a query in order, not decoded.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The type of a `Content-Type` or the first of an `Accept`, in lower case and without parameters.
pub(super) fn media_type(header: &str) -> String {
    let first = header.split([',', ';']).next().unwrap_or_default();
    first.trim().to_ascii_lowercase()
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time as API Gateway writes it: `12/Mar/2020:19:03:58 +0000`.
pub(super) fn log_time(time: SystemTime) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = Civil::from_millis(millis(time));
    let month = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
    format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// An identifier as API Gateway would give out, the same for the same `name`.
pub(super) fn id(name: &str, length: usize) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // FNV-1a, gone on with for every further digit.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut step = |byte: u8| {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        hash
    };
    name.bytes().for_each(|byte| {
        step(byte);
    });
    let digits = (0..length).map(|_| usize::try_from(step(0) >> 32).unwrap_or_default());
    digits.map(|digit| char::from(DIGITS[digit % DIGITS.len()])).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{decode_query, id, log_time, media_type, pairs};

    #[test]
    fn dates_are_those_of_the_sample_events() {
        let time = UNIX_EPOCH + Duration::from_millis(1_583_348_638_390);
        assert_eq!(log_time(time), "04/Mar/2020:19:03:58 +0000");
    }

    #[test]
    fn queries_come_apart() {
        let all: Vec<_> = pairs("a=1&&b&=c&d=e=f").collect();
        assert_eq!(all, [("a", "1"), ("b", ""), ("", "c"), ("d", "e=f")]);
        assert_eq!(decode_query("a+b%2Bc%zz%ff"), "a b+c%zz\u{fffd}");
    }

    #[test]
    fn media_types_have_no_parameters() {
        assert_eq!(media_type("Text/HTML; charset=utf-8"), "text/html");
        assert_eq!(media_type("image/png,*/*;q=0.8"), "image/png");
    }

    #[test]
    fn ids_stay_and_differ() {
        assert_eq!(id("tea", 10), id("tea", 10));
        assert_ne!(id("tea", 10), id("tee", 10));
        assert_eq!(id("", 32).len(), 32);
    }
}
