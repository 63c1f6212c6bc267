//! Lambda's limits for the size of code, and sizes in words.

/// A zip that is uploaded directly.
pub(in crate::cli) const ZIPPED: u64 = 50 << 20;

/// A function unzipped, its layers included.
pub(in crate::cli) const UNZIPPED: u64 = 250 << 20;

/// How much of a limit is worth a warning, in percent.
const NEAR: f64 = 80.0;

/// A limit, named for people.
pub(in crate::cli) struct Limit {
    pub(in crate::cli) bytes: u64,
    /// What it is a limit of.
    what: &'static str,
    /// The way out.
    hint: &'static str,
}

/// How a size lies to a limit.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Room {
    Enough,
    /// The warning.
    Little(String),
    /// The error.
    None(String),
}

impl Limit {
    pub(in crate::cli) const ZIPPED: Self = Self {
        bytes: ZIPPED,
        what: "the zip",
        hint: "leave files out by `.lambdaignore`, or keep data in S3",
    };
    pub(in crate::cli) const UNZIPPED: Self = Self {
        bytes: UNZIPPED,
        what: "what is unzipped",
        hint: "leave files out by `.lambdaignore`, or keep data in S3",
    };

    /// How `size` bytes lie to this limit.
    pub(in crate::cli) fn room(&self, size: u64) -> Room {
        let (what, hint, limit) = (self.what, self.hint, self.bytes >> 20);
        let of = format!("{what} has {} bytes", grouped(size));
        if size > self.bytes {
            Room::None(format!("{of}, Lambda takes {limit} MB\nhint: {hint}"))
        } else if self.share(size) > NEAR {
            let share = self.share(size);
            Room::Little(format!("{of}, {share:.0} % of the {limit} MB that Lambda takes"))
        } else {
            Room::Enough
        }
    }

    /// How much of the limit `size` is, in percent.
    pub(in crate::cli) fn share(&self, size: u64) -> f64 {
        // Percentages of sizes far below 2^52: nothing is lost.
        size as f64 * 100.0 / self.bytes as f64
    }
}

/// A number with its digits in groups of three.
pub(in crate::cli) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Limit, Room, UNZIPPED, ZIPPED, grouped};

    #[test]
    fn numbers_are_grouped() {
        let texts = [0, 12, 999, 1000, 65536, 1_048_576].map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "65,536", "1,048,576"]);
    }

    #[test]
    fn a_limit_is_reached_after_its_last_byte() {
        assert_eq!(Limit::ZIPPED.room(1000), Room::Enough);
        assert!(matches!(Limit::ZIPPED.room(ZIPPED), Room::Little(_)));
        assert!(matches!(Limit::ZIPPED.room(ZIPPED + 1), Room::None(_)));
        assert_eq!(Limit::UNZIPPED.room(UNZIPPED / 5 * 4), Room::Enough);
        let expected = "what is unzipped has 262,144,001 bytes, Lambda takes 250 MB\n\
                        hint: leave files out by `.lambdaignore`, or keep data in S3";
        assert_eq!(Limit::UNZIPPED.room(UNZIPPED + 1), Room::None(expected.to_owned()));
    }
}
