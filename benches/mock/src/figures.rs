//! The times of one peer, and the tables of all of them.

use std::time::Duration;

use crate::json::Json;
use crate::table::{cell, ratio, table};

/// What was measured of one peer.
#[derive(Default)]
pub struct Figures {
    pub cold: Vec<Duration>,
    pub warm: Vec<Duration>,
    /// The median of each block of warm invocations.
    pub blocks: Vec<Duration>,
    /// Time for one whole turn, the way back to `/next` included, in each block.
    pub turns: Vec<Duration>,
    /// What one invocation took at first.
    pub pace: Duration,
    /// What all warm invocations took.
    pub busy: Duration,
    /// Resident memory in kB: after the first 1,000, all warm ones, the large event, after that.
    pub rss_first: Option<u64>,
    pub rss_warm: Option<u64>,
    pub rss_large: Option<u64>,
    pub rss_after: Option<u64>,
    pub binary: Option<u64>,
    pub package: Option<u64>,
    pub failure: Option<String>,
}

/// The value below which `part` of `times` lie.
pub fn quantile(times: &[Duration], part: f64) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * part).round() as usize).copied()
}

/// A quantile in nanoseconds.
fn nanoseconds(times: &[Duration], part: f64) -> Option<f64> {
    quantile(times, part).map(|time| time.as_nanos() as f64)
}

impl Figures {
    /// Everything but the single times: nanoseconds, kilobytes of memory, bytes of files.
    pub fn json(&self) -> Json {
        let spread = |times: &[Duration]| {
            Json::object([
                ("count", Json::Number(times.len() as f64)),
                ("min", nanoseconds(times, 0.0).into()),
                ("median", nanoseconds(times, 0.5).into()),
                ("p99", nanoseconds(times, 0.99).into()),
            ])
        };
        let amount = |amount: Option<u64>| Json::from(amount.map(|amount| amount as f64));
        Json::object([
            ("cold_ns", spread(&self.cold)),
            ("warm_ns", spread(&self.warm)),
            ("best_block_ns", nanoseconds(&self.blocks, 0.0).into()),
            ("turn_ns", nanoseconds(&self.turns, 0.0).into()),
            ("rss_1000_kb", amount(self.rss_first)),
            ("rss_warm_kb", amount(self.rss_warm)),
            ("rss_large_kb", amount(self.rss_large)),
            ("rss_after_kb", amount(self.rss_after)),
            ("binary_bytes", amount(self.binary)),
            ("zip_bytes", amount(self.package)),
            ("failure", self.failure.clone().map_or(Json::Null, Json::Text)),
        ])
    }
}

const TIMES: [&str; 14] = [
    "peer",
    "cold min ms",
    "ratio",
    "median",
    "ratio",
    "p99",
    "warm min µs",
    "median",
    "ratio",
    "p99",
    "best block µs",
    "ratio",
    "turn µs",
    "ratio",
];

const SIZES: [&str; 7] =
    ["peer", "RSS 1000 MB", "growth kB", "RSS 6 MB event", "RSS after", "binary", "zip"];

/// The tables of times and of sizes; ratios are to the peer named `base`.
pub fn tables(peers: &[(String, Figures)], base: &str) -> String {
    let base = peers.iter().find(|(name, _)| name == base).map(|(_, figures)| figures);
    let mut times = vec![TIMES.map(str::to_owned)];
    times.extend(peers.iter().map(|(name, figures)| times_of(name, figures, base)));
    let mut sizes = vec![SIZES.map(str::to_owned)];
    sizes.extend(peers.iter().map(|(name, figures)| sizes_of(name, figures)));
    format!("{}\n{}", table(&times), table(&sizes))
}

fn times_of(name: &str, figures: &Figures, base: Option<&Figures>) -> [String; TIMES.len()] {
    type Figure = fn(&Figures) -> Option<f64>;
    let ratio = |figure: Figure| ratio(figure(figures), base.and_then(figure));
    let ms = |figure: Figure| cell(figure(figures).map(|time| time / 1e6), 3);
    let us = |figure: Figure| cell(figure(figures).map(|time| time / 1e3), 1);
    let cold_min: Figure = |figures| nanoseconds(&figures.cold, 0.0);
    let cold_median: Figure = |figures| nanoseconds(&figures.cold, 0.5);
    let warm_median: Figure = |figures| nanoseconds(&figures.warm, 0.5);
    let best_block: Figure = |figures| nanoseconds(&figures.blocks, 0.0);
    let turn: Figure = |figures| nanoseconds(&figures.turns, 0.0);
    [
        name.to_owned(),
        ms(cold_min),
        ratio(cold_min),
        ms(cold_median),
        ratio(cold_median),
        ms(|figures| nanoseconds(&figures.cold, 0.99)),
        us(|figures| nanoseconds(&figures.warm, 0.0)),
        us(warm_median),
        ratio(warm_median),
        us(|figures| nanoseconds(&figures.warm, 0.99)),
        us(best_block),
        ratio(best_block),
        us(turn),
        ratio(turn),
    ]
}

fn sizes_of(name: &str, figures: &Figures) -> [String; SIZES.len()] {
    let megabytes = |kilobytes: Option<u64>| cell(kilobytes.map(|kb| kb as f64 / 1024.0), 2);
    let bytes = |bytes: Option<u64>| cell(bytes.map(|bytes| bytes as f64), 0);
    let growth = figures.rss_first.zip(figures.rss_warm).map(|(a, b)| b as f64 - a as f64);
    [
        name.to_owned(),
        megabytes(figures.rss_first),
        cell(growth, 0),
        megabytes(figures.rss_large),
        megabytes(figures.rss_after),
        bytes(figures.binary),
        bytes(figures.package),
    ]
}
