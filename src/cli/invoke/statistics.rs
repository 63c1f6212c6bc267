//! Durations summed up: extremes, mean, percentiles.

use std::time::Duration;

/// The figures of at least one duration.
pub(super) struct Statistics {
    sorted: Vec<Duration>,
    mean: Duration,
}

impl Statistics {
    /// `None` of nothing.
    pub(super) fn of(mut durations: Vec<Duration>) -> Option<Self> {
        let count = u32::try_from(durations.len()).ok().filter(|count| *count > 0)?;
        let mean = durations.iter().sum::<Duration>() / count;
        durations.sort_unstable();
        Some(Self { sorted: durations, mean })
    }

    /// Each figure with its name, in the order in which they are shown.
    pub(super) fn named(&self) -> [(&'static str, Duration); 6] {
        [
            ("min", self.percentile(0)),
            ("mean", self.mean),
            ("p50", self.percentile(50)),
            ("p90", self.percentile(90)),
            ("p99", self.percentile(99)),
            ("max", self.percentile(100)),
        ]
    }

    /// The smallest duration that at least `percent` of all do not exceed ("nearest rank").
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted[rank - 1]
    }
}

/// Milliseconds with a fraction.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Statistics;

    fn figures(durations: impl Iterator<Item = u64>) -> Vec<(&'static str, u128)> {
        let statistics = Statistics::of(durations.map(Duration::from_millis).collect());
        let named = statistics.expect("there are durations").named();
        named.into_iter().map(|(name, duration)| (name, duration.as_millis())).collect()
    }

    #[test]
    fn percentiles_are_durations_that_were_measured() {
        let expected =
            [("min", 1), ("mean", 100), ("p50", 100), ("p90", 180), ("p99", 198), ("max", 200)];
        assert_eq!(figures((1..=200).rev()), expected);
        let expected = [("min", 1), ("mean", 2), ("p50", 2), ("p90", 3), ("p99", 3), ("max", 3)];
        assert_eq!(figures([3, 1, 2].into_iter()), expected);
        assert!(figures([7].into_iter()).iter().all(|(_, millis)| *millis == 7));
        assert!(Statistics::of(Vec::new()).is_none());
    }
}
