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

mod format;
mod read;
mod zone;

use std::cmp::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use rhai::{Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use crate::calendar::{Civil, DAY, days_in_month, rfc3339_millis};
use crate::engine::{placed, raise};
use crate::modules::Host;
use crate::suggest::nearest;
use zone::Zone;

/// The years 0000 to 9999, which RFC 3339 can write.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// Units by their names, in milliseconds, or in months of the calendar.
const UNITS: [(&str, Unit); 8] = [
    ("years", Unit::Months(12)),
    ("months", Unit::Months(1)),
    ("weeks", Unit::Millis(7 * DAY)),
    ("days", Unit::Millis(DAY)),
    ("hours", Unit::Millis(3_600_000)),
    ("minutes", Unit::Millis(60_000)),
    ("seconds", Unit::Millis(1000)),
    ("ms", Unit::Millis(1)),
];

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Millis(i64),
}

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
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).min(LAST)
}

/// A time that a script gave.
struct Instant {
    millis: i64,
    is_text: bool,
}

fn instant(argument: &str, value: &Dynamic) -> Fallible<Instant> {
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

fn unit(name: &str) -> Fallible<Unit> {
    if let Some((_, unit)) = UNITS.iter().find(|(known, _)| *known == name) {
        return Ok(*unit);
    }
    let names = UNITS.map(|(name, _)| name);
    let name = shorten(name);
    Err(match nearest(&name, names) {
        Some(near) => format!("there is no unit `{name}`; did you mean `{near}`?"),
        None => format!("there is no unit `{name}`, only {}", names.join(", ")),
    })
}

fn add(time: &Dynamic, amounts: &Map) -> Fallible<Dynamic> {
    let Instant { millis, is_text } = instant("time", time)?;
    // Wide enough for any sum of what scripts can name.
    let (mut months, mut rest) = (0_i128, 0_i128);
    for (name, amount) in amounts {
        let unit = unit(name)?;
        let amount = i128::from(
            amount.as_int().map_err(|found| format!("`{name}` takes an integer, not a {found}"))?,
        );
        match unit {
            Unit::Months(count) => months += amount * i128::from(count),
            Unit::Millis(millis) => rest += amount * i128::from(millis),
        }
    }
    let months = i64::try_from(months).ok();
    let moved = months.and_then(|months| add_months(millis, months)).map(i128::from);
    let millis = moved.and_then(|moved| i64::try_from(moved + rest).ok());
    let millis = within_range(millis)?;
    Ok(if is_text { rfc3339_millis(millis).into() } else { millis.into() })
}

/// Moves by the calendar; `None` if that leads far beyond its range.
fn add_months(millis: i64, months: i64) -> Option<i64> {
    let civil = Civil::from_millis(millis);
    let count = (civil.year * 12 + civil.month - 1).checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    // What leaves the range here may come back by days, though not from that far.
    if year.abs() > 1_000_000 {
        return None;
    }
    let day = civil.day.min(days_in_month(year, month));
    Some(Civil { year, month, day, ..civil }.to_millis())
}

fn diff(a: &Dynamic, b: &Dynamic, name: &str) -> Fallible<i64> {
    let (a, b) = (instant("a", a)?.millis, instant("b", b)?.millis);
    match unit(name)? {
        Unit::Millis(millis) => Ok((b - a) / millis),
        Unit::Months(count) => Ok(months_between(a, b) / count),
    }
}

/// How many whole months it is from `a` to `b`: the last is whole once `b` reaches the day and the
/// time of day of `a`.
fn months_between(a: i64, b: i64) -> i64 {
    let (from, to) = (Civil::from_millis(a), Civil::from_millis(b));
    let months = (to.year - from.year) * 12 + to.month - from.month;
    let within = |civil: Civil, millis: i64| (civil.day, millis.rem_euclid(DAY));
    match within(to, b).cmp(&within(from, a)) {
        Ordering::Less if months > 0 => months - 1,
        Ordering::Greater if months < 0 => months + 1,
        _ => months,
    }
}

/// The start of a text, for a message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
