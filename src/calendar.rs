//! The calendar: milliseconds since 1970 as year, month, day and time of day, and back.
//!
//! It is the Gregorian calendar, extended to the years before it began, without leap seconds: that
//! of ISO 8601 and of POSIX time.

/// Milliseconds of a day.
pub(crate) const DAY: i64 = 86_400_000;

/// A date and a time of day, in whatever zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) ms: i64,
}

impl Civil {
    /// What calendar and clock say `millis` after the start of 1970.
    pub(crate) fn from_millis(millis: i64) -> Self {
        let (year, month, day) = civil_from_days(millis.div_euclid(DAY));
        let ms = millis.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: ms / 3_600_000,
            minute: ms / 60_000 % 60,
            second: ms / 1000 % 60,
            ms: ms % 1000,
        }
    }

    /// The inverse of [`from_millis`](Self::from_millis).
    pub(crate) fn to_millis(self) -> i64 {
        let seconds = self.hour * 3600 + self.minute * 60 + self.second;
        days_from_civil(self.year, self.month, self.day) * DAY + seconds * 1000 + self.ms
    }
}

/// `2026-11-23T15:04:05.123Z`, from milliseconds since 1970.
pub(crate) fn rfc3339_millis(millis: i64) -> String {
    let Civil { year, month, day, hour, minute, second, ms } = Civil::from_millis(millis);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day of a day count since 1970-01-01.
///
/// The Gregorian calendar repeats every 400 years, 146,097 days. Counting from a first of March
/// puts the leap day last, where no month length depends on it.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01 to 1970-01-01
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (400 * era + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`]; a day beyond the month's end counts on into the next.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// How many days a month has.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next_month, 1) - days_from_civil(year, month, 1)
}

/// The day of the week of a day count since 1970-01-01, from 0 for Monday.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) // 1970-01-01 was a Thursday
}

#[cfg(test)]
mod tests {
    use super::{Civil, DAY, days_in_month, rfc3339_millis, weekday};

    #[test]
    fn timestamps_are_rfc3339() {
        assert_eq!(rfc3339_millis(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339_millis(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339_millis(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339_millis(1_795_446_245_123), "2026-11-23T15:04:05.123Z");
        assert_eq!(rfc3339_millis(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(rfc3339_millis(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_of_800_years_follows_the_one_before() {
        let mut expected = Civil::from_millis(-146_097 * DAY - 719_528 * DAY);
        assert_eq!((expected.year, expected.month, expected.day), (-400, 1, 1));
        for days in -146_097 - 719_528..146_097 - 719_528 {
            let civil = Civil::from_millis(days * DAY);
            assert_eq!(civil, expected);
            assert_eq!(civil.to_millis(), days * DAY);
            expected.day += 1;
            let leap = civil.year % 4 == 0 && (civil.year % 100 != 0 || civil.year % 400 == 0);
            let length = match civil.month {
                2 => 28 + i64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            assert_eq!(days_in_month(civil.year, civil.month), length);
            if expected.day > length {
                (expected.month, expected.day) = (expected.month + 1, 1);
            }
            if expected.month > 12 {
                (expected.year, expected.month) = (expected.year + 1, 1);
            }
        }
    }

    #[test]
    fn the_first_day_was_a_thursday() {
        assert_eq!((weekday(0), weekday(-1), weekday(4)), (3, 2, 0));
    }
}
