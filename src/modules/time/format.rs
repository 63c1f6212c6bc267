//! Writes times by patterns in the manner of `strftime`.

use std::fmt::Write;

use super::zone::Zone;
use crate::calendar::{Civil, days_from_civil, weekday};
use crate::modules::shorten;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Formats with a name of their own.
pub(super) const NAMED: [(&str, &str); 3] = [
    ("rfc3339", "%Y-%m-%dT%H:%M:%S.%3f%:z"),
    ("rfc2822", "%a, %d %b %Y %H:%M:%S %z"),
    ("http", "%a, %d %b %Y %H:%M:%S GMT"),
];

/// A piece of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Literal(&'a str),
    /// What follows the `%`, and whether a `-` asks for no padding.
    Field {
        name: &'a str,
        bare: bool,
    },
}

/// Splits a pattern into its pieces.
pub(super) fn items(pattern: &str) -> impl Iterator<Item = Result<Item<'_>, String>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        let Some(field) = rest.strip_prefix('%') else {
            let (literal, after) = rest.split_at(rest.find('%').unwrap_or(rest.len()));
            rest = after;
            return (!literal.is_empty()).then_some(Ok(Item::Literal(literal)));
        };
        let (bare, field) = match field.strip_prefix('-') {
            Some(field) => (true, field),
            None => (false, field),
        };
        let length = match field {
            _ if field.starts_with(":z") || field.starts_with("3f") => 2,
            _ => field.chars().next().map_or(0, char::len_utf8),
        };
        let (name, after) = field.split_at(length);
        rest = after;
        if name.is_empty() {
            return Some(Err("the pattern ends within a field; `%%` stands for `%`".to_owned()));
        }
        Some(Ok(Item::Field { name, bare }))
    })
}

/// What `%F` and its like stand for.
pub(super) fn expansion(name: &str) -> Option<&'static str> {
    match name {
        "F" => Some("%Y-%m-%d"),
        "T" => Some("%H:%M:%S"),
        "R" => Some("%H:%M"),
        "D" => Some("%m/%d/%y"),
        _ => None,
    }
}

/// Writes an instant as the clocks of `zone` show it.
pub(super) fn format(millis: i64, pattern: &str, zone: Zone) -> Result<String, String> {
    let named = NAMED.iter().find(|(name, _)| *name == pattern);
    if named.is_none() && !pattern.contains('%') {
        return Err(format!(
            "`{}` is not a pattern, expected fields such as `%Y-%m-%d`, or one of the names \
             `rfc3339`, `rfc2822`, `http`",
            shorten(pattern)
        ));
    }
    let zone = if pattern == "http" { Zone::UTC } else { zone };
    let local = zone.at(millis);
    let civil = Civil::from_millis(millis + local.offset * 1000);
    let writer = Writer { millis, civil, offset: local.offset, abbreviation: &local.abbreviation };
    let mut out = String::new();
    if pattern == "rfc3339" && matches!(zone, Zone::Fixed(0)) {
        return Ok(crate::calendar::rfc3339_millis(millis));
    }
    writer.write(&mut out, named.map_or(pattern, |(_, pattern)| pattern))?;
    Ok(out)
}

struct Writer<'a> {
    millis: i64,
    civil: Civil,
    offset: i64,
    abbreviation: &'a str,
}

impl Writer<'_> {
    fn write(&self, out: &mut String, pattern: &str) -> Result<(), String> {
        for item in items(pattern) {
            match item? {
                Item::Literal(text) => out.push_str(text),
                Item::Field { name, bare } => self.field(out, name, bare)?,
            }
        }
        Ok(())
    }

    fn field(&self, out: &mut String, name: &str, bare: bool) -> Result<(), String> {
        let Civil { year, month, day, hour, minute, second, ms } = self.civil;
        let days = days_from_civil(year, month, day);
        let day_of_year = days - days_from_civil(year, 1, 1) + 1;
        let day_of_week = weekday(days);
        let hour_of_12 = (hour + 11) % 12 + 1;
        let (number, width, fill) = match name {
            "Y" => (year, 4, '0'),
            "G" => (iso_week(days).0, 4, '0'),
            "y" => (year.rem_euclid(100), 2, '0'),
            "m" => (month, 2, '0'),
            "d" => (day, 2, '0'),
            "e" => (day, 2, ' '),
            "j" => (day_of_year, 3, '0'),
            "V" => (iso_week(days).1, 2, '0'),
            "H" => (hour, 2, '0'),
            "I" => (hour_of_12, 2, '0'),
            "M" => (minute, 2, '0'),
            "S" => (second, 2, '0'),
            "3f" => (ms, 3, '0'),
            "u" => (day_of_week + 1, 1, '0'),
            "w" => ((day_of_week + 1) % 7, 1, '0'),
            "s" => (self.millis.div_euclid(1000), 1, '0'),
            _ => return self.text(out, name),
        };
        let width = if bare { 1 } else { width };
        let _ = match fill {
            ' ' => write!(out, "{number:width$}"),
            _ => write!(out, "{number:0width$}"),
        };
        Ok(())
    }

    fn text(&self, out: &mut String, name: &str) -> Result<(), String> {
        let Civil { year, month, day, hour, .. } = self.civil;
        let month = MONTHS[(month - 1) as usize];
        let weekday = WEEKDAYS[weekday(days_from_civil(year, self.civil.month, day)) as usize];
        match name {
            "B" => out.push_str(month),
            "b" | "h" => out.push_str(&month[..3]),
            "A" => out.push_str(weekday),
            "a" => out.push_str(&weekday[..3]),
            "p" => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            "P" => out.push_str(if hour < 12 { "am" } else { "pm" }),
            "z" => out.push_str(&offset(self.offset, "")),
            ":z" => out.push_str(&offset(self.offset, ":")),
            "Z" => out.push_str(self.abbreviation),
            "n" => out.push('\n'),
            "t" => out.push('\t'),
            "%" => out.push('%'),
            _ => match expansion(name) {
                Some(pattern) => return self.write(out, pattern),
                None => return Err(unknown(name)),
            },
        }
        Ok(())
    }
}

/// Why a pattern with the field `name` cannot be used.
pub(super) fn unknown(name: &str) -> String {
    format!(
        "there is no field `%{name}` for a pattern, only \
         %Y %G %y %m %d %e %j %V %H %I %M %S %3f %p %P %u %w %a %A %b %B %s %z %:z %Z %F %T %R %D %%"
    )
}

/// `+0100`, or `+01:00` with `:` between; seconds only where there are some.
pub(super) fn offset(seconds: i64, between: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut text = format!("{sign}{hours:02}{between}{minutes:02}");
    if seconds % 60 != 0 {
        let _ = write!(text, "{between}{:02}", seconds % 60);
    }
    text
}

/// The ISO week of a day and the year that the week belongs to: that of its Thursday.
fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - weekday(days) + 3;
    let (year, ..) = crate::calendar::civil_from_days(thursday);
    (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
}
