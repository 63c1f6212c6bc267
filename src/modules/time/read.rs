//! Reads times: the forms that need no pattern, and patterns in the manner of `strptime`.

use super::format::{Item, MONTHS, WEEKDAYS, expansion, items, unknown};
use super::zone::Zone;
use crate::calendar::{Civil, days_from_civil, days_in_month, weekday};
use crate::modules::shorten;

/// RFC 2822, and the three forms of dates in HTTP, of which it is one.
const NAMED_MONTHS: [&str; 6] = [
    "%a, %d %b %Y %H:%M:%S %z",
    "%a, %d %b %Y %H:%M %z",
    "%d %b %Y %H:%M:%S %z",
    "%d %b %Y %H:%M %z",
    "%A, %d-%b-%y %H:%M:%S %z",
    "%a %b %e %H:%M:%S %Y",
];

/// The zones that RFC 2822 has names for, with their hours.
const OFFSET_NAMES: [(&str, i64); 12] = [
    ("GMT", 0),
    ("UTC", 0),
    ("UT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// What went wrong, and how far the text was read: whoever got furthest knows best.
struct Failure {
    at: usize,
    what: String,
}

type Read<T> = Result<T, Failure>;

/// Reads RFC 3339, ISO 8601, RFC 2822 or an HTTP date, in milliseconds since 1970.
pub(super) fn read(text: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{}` has digits alone; if they are milliseconds since 1970, `parse_int` makes a time of \
             them",
            shorten(trimmed)
        ));
    }
    // Dates in mail may name the zone once more: `+0100 (CET)`.
    let named = match trimmed.rsplit_once(" (") {
        Some((before, comment)) if comment.ends_with(')') => before,
        _ => trimmed,
    };
    let mut furthest = match iso(trimmed) {
        Ok(millis) => return Ok(millis),
        Err(failure) => failure,
    };
    for pattern in NAMED_MONTHS {
        match by_pattern(named, pattern, Zone::UTC) {
            Ok(millis) => return Ok(millis),
            Err(failure) if failure.at > furthest.at => furthest = failure,
            Err(_) => {}
        }
    }
    Err(format!(
        "`{}` is not a time: {}; expected one such as `2026-11-23T15:04:05Z`, `2026-11-23` or \
         `Mon, 23 Nov 2026 15:04:05 GMT`",
        shorten(text),
        furthest.what
    ))
}

/// Reads what `pattern` describes; what has no offset is a time of `zone`.
pub(super) fn read_by_pattern(text: &str, pattern: &str, zone: Zone) -> Result<i64, String> {
    if !pattern.contains('%') {
        let pattern = shorten(pattern);
        return Err(format!("`{pattern}` is not a pattern, expected fields such as `%Y-%m-%d`"));
    }
    by_pattern(text, pattern, zone).map_err(|failure| {
        let (text, pattern) = (shorten(text), shorten(pattern));
        format!("`{text}` cannot be read by `{pattern}`: {}", failure.what)
    })
}

/// `2026-11-23`, `2026-11-23T15:04:05.123+01:00`, `20261123T150405Z`, without offset as UTC.
fn iso(text: &str) -> Read<i64> {
    let mut scan = Scan { text, rest: text };
    let mut fields = Fields { year: Some(scan.number("year", 4, 4)?), ..Fields::default() };
    let dashes = scan.skip("-");
    fields.month = Some(scan.number("month", 2, 2)?);
    if dashes {
        scan.expect("-")?;
    }
    fields.day = Some(scan.number("day", 2, 2)?);
    let separated = ["T", "t", " "].into_iter().any(|separator| scan.skip(separator));
    // Eight digits alone may be any number.
    if !separated && (!dashes || !scan.rest.is_empty()) {
        return Err(scan.failure("expected `T` and a time of day"));
    }
    if separated {
        fields.hour = Some(scan.number("hour", 2, 2)?);
        let colons = scan.skip(":");
        fields.minute = scan.number("minute", 2, 2)?;
        let seconds = scan.rest.starts_with(|c: char| c.is_ascii_digit());
        if if colons { scan.skip(":") } else { seconds } {
            fields.second = scan.number("second", 2, 2)?;
            if scan.skip(".") {
                fields.ms = scan.fraction()?;
            }
        }
        if !scan.rest.is_empty() {
            fields.offset = Some(scan.offset()?);
        }
    }
    scan.end()?;
    fields.instant(Zone::UTC, &scan)
}

fn by_pattern(text: &str, pattern: &str, zone: Zone) -> Read<i64> {
    let mut scan = Scan { text, rest: text };
    let mut fields = Fields::default();
    fields.read(&mut scan, pattern)?;
    scan.end()?;
    fields.instant(zone, &scan)
}

/// What was read so far.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// From 0 for Monday.
    weekday: Option<i64>,
    hour: Option<i64>,
    hour_of_12: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    ms: i64,
    /// In seconds.
    offset: Option<i64>,
    seconds_since_1970: Option<i64>,
}

impl Fields {
    fn read(&mut self, scan: &mut Scan<'_>, pattern: &str) -> Read<()> {
        for item in items(pattern) {
            match item.map_err(|what| scan.failure(what))? {
                Item::Literal(literal) => scan.literal(literal)?,
                Item::Field { name, .. } => self.field(scan, name)?,
            }
        }
        Ok(())
    }

    fn field(&mut self, scan: &mut Scan<'_>, name: &str) -> Read<()> {
        match name {
            "Y" => self.year = Some(scan.number("year", 4, 4)?),
            "y" => {
                let year = scan.number("year", 2, 2)?;
                self.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            "m" => self.month = Some(scan.number("month", 1, 2)?),
            "d" | "e" => {
                scan.rest = scan.rest.trim_start_matches(' ');
                self.day = Some(scan.number("day", 1, 2)?);
            }
            "j" => self.day_of_year = Some(scan.number("day of the year", 1, 3)?),
            "H" => self.hour = Some(scan.number("hour", 1, 2)?),
            "I" => self.hour_of_12 = Some(scan.number("hour", 1, 2)?),
            "M" => self.minute = scan.number("minute", 1, 2)?,
            "S" => self.second = scan.number("second", 1, 2)?,
            "3f" => self.ms = scan.fraction()?,
            "p" | "P" => {
                let names = [("AM", false), ("PM", true)];
                self.afternoon = Some(scan.name("`AM` or `PM`", names.into_iter())?);
            }
            "a" | "A" => self.weekday = Some(scan.long_or_short("a day of the week", &WEEKDAYS)?),
            "b" | "B" | "h" => self.month = Some(scan.long_or_short("a month", &MONTHS)? + 1),
            "s" => self.seconds_since_1970 = Some(scan.signed("seconds since 1970")?),
            "z" | ":z" => self.offset = Some(scan.offset()?),
            "n" | "t" => scan.literal(" ")?,
            "%" => scan.literal("%")?,
            _ => match expansion(name) {
                Some(pattern) => self.read(scan, pattern)?,
                None if ["G", "V", "u", "w", "Z"].contains(&name) => {
                    return Err(scan.failure(format!("`%{name}` can be written only, not read")));
                }
                None => return Err(scan.failure(unknown(name))),
            },
        }
        Ok(())
    }

    /// Puts the fields together; what they say wrong counts as read to the end.
    fn instant(&self, zone: Zone, scan: &Scan<'_>) -> Read<i64> {
        self.combine(zone).map_err(|what| Failure { at: scan.text.len() + 1, what })
    }

    fn combine(&self, zone: Zone) -> Result<i64, String> {
        if let Some(seconds) = self.seconds_since_1970 {
            let millis = seconds.checked_mul(1000).and_then(|millis| millis.checked_add(self.ms));
            return super::within_range(millis);
        }
        let (year, month, day) = self.date()?;
        let days = days_from_civil(year, month, day);
        if let Some(expected) = self.weekday.filter(|&found| found != weekday(days)) {
            let (found, expected) = (WEEKDAYS[weekday(days) as usize], WEEKDAYS[expected as usize]);
            return Err(format!("{year:04}-{month:02}-{day:02} is a {found}, not a {expected}"));
        }
        let (hour, minute) = (self.hour()?, self.minute);
        check("minute", minute, 0, 59)?;
        check("second", self.second, 0, 60)?;
        // A leap second counts as the one before it, which keeps it on its day.
        let second = self.second.min(59);
        let local = Civil { year, month, day, hour, minute, second, ms: self.ms }.to_millis();
        super::within_range(Some(match self.offset {
            Some(offset) => local - offset * 1000,
            None => zone.instant_of(local),
        }))
    }

    fn date(&self) -> Result<(i64, i64, i64), String> {
        let year = self.year.ok_or("the pattern lacks a year (`%Y`)")?;
        if let Some(day) = self.day_of_year {
            let first = days_from_civil(year, 1, 1);
            check("day of the year", day, 1, days_from_civil(year + 1, 1, 1) - first)?;
            return Ok(crate::calendar::civil_from_days(first + day - 1));
        }
        let month = self.month.ok_or("the pattern lacks a month (`%m`)")?;
        let day = self.day.ok_or("the pattern lacks a day (`%d`)")?;
        check("month", month, 1, 12)?;
        if !(1..=days_in_month(year, month)).contains(&day) {
            return Err(format!("{year:04}-{month:02} has no day {day}"));
        }
        Ok((year, month, day))
    }

    fn hour(&self) -> Result<i64, String> {
        if let Some(hour) = self.hour {
            check("hour", hour, 0, 23)?;
            return Ok(hour);
        }
        let Some(hour) = self.hour_of_12 else { return Ok(0) };
        check("hour", hour, 1, 12)?;
        let afternoon = self.afternoon.ok_or("`%I` needs `%p`")?;
        Ok(hour % 12 + if afternoon { 12 } else { 0 })
    }
}

fn check(name: &str, value: i64, least: i64, most: i64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("there is no {name} {value}"))
}

/// A text, read from its start.
struct Scan<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Scan<'_> {
    fn failure(&self, what: impl Into<String>) -> Failure {
        Failure { at: self.text.len() - self.rest.len(), what: what.into() }
    }

    fn expected(&self, what: &str) -> Failure {
        self.failure(match self.rest.is_empty() {
            true => format!("expected {what} at the end"),
            false => format!("expected {what} at `{}`", shorten(self.rest)),
        })
    }

    fn end(&self) -> Read<()> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.expected("nothing more")),
        }
    }

    fn skip(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, prefix: &str) -> Read<()> {
        if self.skip(prefix) { Ok(()) } else { Err(self.expected(&format!("`{prefix}`"))) }
    }

    /// A literal of a pattern, where white space stands for any.
    fn literal(&mut self, literal: &str) -> Read<()> {
        for c in literal.chars() {
            if c.is_whitespace() {
                self.rest = self.rest.trim_start();
            } else {
                self.expect(c.encode_utf8(&mut [0; 4]))?;
            }
        }
        Ok(())
    }

    fn digits(&mut self, most: usize) -> &str {
        let end = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn number(&mut self, name: &str, least: usize, most: usize) -> Read<i64> {
        let start = self.rest;
        let digits = self.digits(most);
        if digits.len() >= least
            && let Ok(number) = digits.parse()
        {
            return Ok(number);
        }
        self.rest = start;
        let digits = if least == most { format!(" of {most} digits") } else { String::new() };
        Err(self.expected(&format!("the {name}{digits}")))
    }

    fn signed(&mut self, what: &str) -> Read<i64> {
        let start = self.rest;
        let minus = self.skip("-");
        let digits = self.digits(usize::MAX);
        match format!("{}{digits}", if minus { "-" } else { "" }).parse() {
            Ok(number) => Ok(number),
            Err(_) => {
                self.rest = start;
                Err(self.expected(what))
            }
        }
    }

    /// Digits after a decimal point, as milliseconds; finer ones are dropped.
    fn fraction(&mut self) -> Read<i64> {
        let digits = self.digits(usize::MAX);
        if digits.is_empty() {
            return Err(self.expected("digits of a fraction"));
        }
        let padded = digits.bytes().chain(*b"00").take(3);
        Ok(padded.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0')))
    }

    /// `Z`, `+01:00`, `+0100`, `+01` or a name of RFC 2822, in seconds.
    fn offset(&mut self) -> Read<i64> {
        let sign = match self.rest.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => {
                let names = OFFSET_NAMES.into_iter();
                return Ok(self.name("an offset such as `Z` or `+01:00`", names)? * 3600);
            }
        };
        self.rest = &self.rest[1..];
        let hours = self.number("hours of the offset", 2, 2)?;
        let more = self.skip(":") || self.rest.starts_with(|c: char| c.is_ascii_digit());
        let minutes = if more { self.number("minutes of the offset", 2, 2)? } else { 0 };
        if hours > 23 || minutes > 59 {
            return Err(self.failure(format!("there is no offset {hours:02}:{minutes:02}")));
        }
        Ok(sign * (hours * 3600 + minutes * 60))
    }

    /// One of `names`, whatever its case.
    fn name<'n, T>(&mut self, what: &str, names: impl Iterator<Item = (&'n str, T)>) -> Read<T> {
        for (name, value) in names {
            let start = self.rest.get(..name.len()).unwrap_or_default();
            let after = self.rest.get(name.len()..).unwrap_or_default();
            let ends = !after.starts_with(|c: char| c.is_ascii_alphabetic());
            if start.eq_ignore_ascii_case(name) && ends {
                self.rest = after;
                return Ok(value);
            }
        }
        Err(self.expected(what))
    }

    /// Which of `names`, in full or its first three letters.
    fn long_or_short(&mut self, what: &str, names: &'static [&'static str]) -> Read<i64> {
        let long = names.iter().copied().zip(0..);
        let short = names.iter().map(|name| &name[..3]).zip(0..);
        self.name(what, long.chain(short))
    }
}
