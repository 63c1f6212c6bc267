//! Time zones: fixed offsets, and those of the IANA database with the rules that hold after its transitions.

mod table;

use table::Packed;

use crate::calendar::{DAY, civil_from_days, days_from_civil, days_in_month, weekday};
use crate::modules::shorten;
use crate::suggest::nearest;

/// What a clock is set by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Zone {
    /// Seconds east of Greenwich.
    Fixed(i64),
    Named(Packed),
}

/// What a zone says of one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Seconds east of Greenwich.
    pub(super) offset: i64,
    /// Such as `CET`.
    pub(super) abbreviation: String,
}

impl Zone {
    pub(super) const UTC: Self = Self::Fixed(0);

    /// The zone of that name: `UTC`, `+02:00`, `Europe/Berlin`.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        if name == "UTC" || name == "Z" {
            return Ok(Self::UTC);
        }
        if let Some(offset) = fixed_offset(name) {
            return Ok(Self::Fixed(offset));
        }
        if let Some(packed) = Packed::find(name) {
            return Ok(Self::Named(packed));
        }
        let name = shorten(name);
        let hint = match nearest(&name, table::names()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        Err(format!(
            "there is no time zone `{name}`, expected one such as `Europe/Berlin`, `UTC` or \
             `+02:00`{hint}"
        ))
    }

    /// What holds at an instant, in milliseconds since 1970.
    pub(super) fn at(&self, millis: i64) -> Local {
        match self {
            Self::Fixed(0) => Local { offset: 0, abbreviation: "UTC".to_owned() },
            Self::Fixed(offset) => {
                Local { offset: *offset, abbreviation: super::format::offset(*offset, ":") }
            }
            Self::Named(packed) => named(packed, millis.div_euclid(1000)),
        }
    }

    /// The instant at which clocks show `local`, milliseconds as if it were UTC.
    ///
    /// What clocks show twice, when summer time ends, is taken as the first of both; what they skip
    /// when it starts, as if they had gone on.
    pub(super) fn instant_of(&self, local: i64) -> i64 {
        // No offset reaches a day, and none changes twice within two.
        let before = self.at(local - DAY).offset * 1000;
        let after = self.at(local + DAY).offset * 1000;
        let shown_by = |offset: i64| self.at(local - offset).offset * 1000 == offset;
        if !shown_by(before) && shown_by(after) { local - after } else { local - before }
    }
}

/// `+02:00` or `-0530`, in seconds.
fn fixed_offset(name: &str) -> Option<i64> {
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = name[1..].replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// What a zone of the database says of an instant in seconds.
fn named(packed: &Packed, seconds: i64) -> Local {
    let Some((offset, abbreviation, is_past)) = packed.at(seconds) else {
        return Local { offset: 0, abbreviation: String::new() };
    };
    match Posix::read(packed.rule) {
        Some(rule) if is_past => rule.at(seconds),
        _ => Local { offset, abbreviation: abbreviation.to_owned() },
    }
}

/// A rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
struct Posix<'a> {
    standard: (&'a str, i64),
    summer: Option<Summer<'a>>,
}

struct Summer<'a> {
    name: &'a str,
    offset: i64,
    start: Change,
    end: Change,
}

/// When clocks change, each year.
struct Change {
    day: ChangeDay,
    /// Seconds after midnight, possibly before it or on a later day.
    time: i64,
}

enum ChangeDay {
    /// Month, week of the month (5 is the last), day from 0 for Sunday.
    Weekday(i64, i64, i64),
    /// Day of the year from 1, where February has 28 days always.
    Julian(i64),
    /// Day of the year from 0.
    Ordinal(i64),
}

impl<'a> Posix<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut rest = text;
        let name = take_name(&mut rest)?;
        // POSIX counts west of Greenwich.
        let offset = -take_time(&mut rest)?;
        let standard = (name, offset);
        if rest.is_empty() {
            return Some(Self { standard, summer: None });
        }
        let name = take_name(&mut rest)?;
        let offset = match rest.starts_with(',') {
            true => offset + 3600,
            false => -take_time(&mut rest)?,
        };
        let (start, end) = (take_change(&mut rest)?, take_change(&mut rest)?);
        Some(Self { standard, summer: Some(Summer { name, offset, start, end }) })
    }

    fn at(&self, seconds: i64) -> Local {
        let local = |(name, offset): (&str, i64)| Local { offset, abbreviation: name.to_owned() };
        let Some(summer) = &self.summer else { return local(self.standard) };
        let (year, ..) = civil_from_days((seconds + self.standard.1).div_euclid(86_400));
        let start = summer.start.seconds_in(year) - self.standard.1;
        let end = summer.end.seconds_in(year) - summer.offset;
        let is_summer = match start < end {
            true => (start..end).contains(&seconds),
            // South of the equator summer goes over the new year.
            false => !(end..start).contains(&seconds),
        };
        local(if is_summer { (summer.name, summer.offset) } else { self.standard })
    }
}

impl Change {
    /// When it is, as the clock shows it before, counted as if that were UTC.
    fn seconds_in(&self, year: i64) -> i64 {
        let first = days_from_civil(year, 1, 1);
        let days = match self.day {
            ChangeDay::Ordinal(day) => first + day,
            ChangeDay::Julian(day) => {
                let leap = days_in_month(year, 2) == 29;
                first + day - 1 + i64::from(leap && day >= 60)
            }
            ChangeDay::Weekday(month, week, day) => {
                let first = days_from_civil(year, month, 1);
                // `weekday` counts from Monday, the rule from Sunday.
                let ahead = (day + 6 - weekday(first)).rem_euclid(7);
                let found = first + ahead + (week - 1) * 7;
                let end = first + days_in_month(year, month);
                if found < end { found } else { found - 7 }
            }
        };
        days * 86_400 + self.time
    }
}

/// `CET`, or `<+03>` where it has other than letters.
fn take_name<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if let Some(quoted) = rest.strip_prefix('<') {
        let (name, after) = quoted.split_once('>')?;
        *rest = after;
        return Some(name);
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after;
    (!name.is_empty()).then_some(name)
}

fn take_number(rest: &mut &str) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits.parse().ok()
}

/// `-5:30`, in seconds.
fn take_time(rest: &mut &str) -> Option<i64> {
    let sign = match rest.as_bytes().first()? {
        b'-' => -1,
        _ => 1,
    };
    *rest = rest.trim_start_matches(['+', '-']);
    let mut seconds = take_number(rest)? * 3600;
    for unit in [60, 1] {
        if let Some(after) = rest.strip_prefix(':') {
            *rest = after;
            seconds += take_number(rest)? * unit;
        }
    }
    Some(sign * seconds)
}

/// `,M3.5.0/2`.
fn take_change(rest: &mut &str) -> Option<Change> {
    *rest = rest.strip_prefix(',')?;
    let day = if let Some(after) = rest.strip_prefix('M') {
        *rest = after;
        let month = take_number(rest)?;
        *rest = rest.strip_prefix('.')?;
        let week = take_number(rest)?;
        *rest = rest.strip_prefix('.')?;
        ChangeDay::Weekday(month, week, take_number(rest)?)
    } else if let Some(after) = rest.strip_prefix('J') {
        *rest = after;
        ChangeDay::Julian(take_number(rest)?)
    } else {
        ChangeDay::Ordinal(take_number(rest)?)
    };
    let time = match rest.strip_prefix('/') {
        Some(after) => {
            *rest = after;
            take_time(rest)?
        }
        None => 7200,
    };
    Some(Change { day, time })
}
