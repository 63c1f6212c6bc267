//! Moves times and measures between them, by the clock and by the calendar in UTC.

use std::cmp::Ordering;

use rhai::{Dynamic, Map};

use super::{Fallible, Instant, instant, within_range};
use crate::calendar::{Civil, DAY, days_in_month, rfc3339_millis};
use crate::modules::shorten;
use crate::suggest::nearest;

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

pub(super) fn add(time: &Dynamic, amounts: &Map) -> Fallible<Dynamic> {
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
pub(super) fn add_months(millis: i64, months: i64) -> Option<i64> {
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

pub(super) fn diff(a: &Dynamic, b: &Dynamic, name: &str) -> Fallible<i64> {
    let (a, b) = (instant("a", a)?.millis, instant("b", b)?.millis);
    match unit(name)? {
        Unit::Millis(millis) => Ok((b - a) / millis),
        Unit::Months(count) => Ok(months_between(a, b) / count),
    }
}

/// How many whole months it is from `a` to `b`: the last is whole once `b` reaches the day and the
/// time of day of `a`.
pub(super) fn months_between(a: i64, b: i64) -> i64 {
    let (from, to) = (Civil::from_millis(a), Civil::from_millis(b));
    let months = (to.year - from.year) * 12 + to.month - from.month;
    let within = |civil: Civil, millis: i64| (civil.day, millis.rem_euclid(DAY));
    match within(to, b).cmp(&within(from, a)) {
        Ordering::Less if months > 0 => months - 1,
        Ordering::Greater if months < 0 => months + 1,
        _ => months,
    }
}
