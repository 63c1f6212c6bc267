//! Figures of one peer, and the table of all of them.

use std::time::Duration;

/// What was measured of one peer.
#[derive(Default)]
pub struct Figures {
    pub cold: Vec<Duration>,
    pub warm: Vec<Duration>,
    /// The median of each block of warm invocations.
    pub blocks: Vec<Duration>,
    /// Time for one whole turn, the way back to `/next` included, in each block.
    pub turns: Vec<Duration>,
    /// Resident memory in kB: after the first answer, 1,000, all warm ones, the large event, after.
    pub rss_first: Option<u64>,
    pub rss_1000: Option<u64>,
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

const COLUMNS: [&str; 18] = [
    "peer",
    "cold min ms",
    "ratio",
    "cold median ms",
    "ratio",
    "warm median µs",
    "ratio",
    "warm p99 µs",
    "best block µs",
    "ratio",
    "turn µs",
    "ratio",
    "RSS 1000 MB",
    "growth kB",
    "RSS 6 MB event",
    "RSS after",
    "binary",
    "zip",
];

/// The table, in Markdown; ratios are to the peer named `base`.
pub fn table(peers: &[(String, Figures)], base: &str) -> String {
    let base = peers.iter().find(|(name, _)| name == base).map(|(_, figures)| figures);
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    for (name, figures) in peers {
        rows.push(row(name, figures, base));
    }
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, &width))| match at {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += &format!("| {} |\n", cells.join(" | "));
        if at == 0 {
            let rules: Vec<String> = widths
                .iter()
                .enumerate()
                .map(|(at, width)| "-".repeat(width + 1) + if at == 0 { "-" } else { ":" })
                .collect();
            text += &format!("|{}|\n", rules.join("|"));
        }
    }
    text
}

fn row(name: &str, figures: &Figures, base: Option<&Figures>) -> [String; 18] {
    type Figure = fn(&Figures) -> Option<Duration>;
    let ratio = |figure: Figure| match (figure(figures), base.and_then(figure)) {
        (Some(own), Some(base)) => format!("{:.2}", own.as_secs_f64() / base.as_secs_f64()),
        _ => "-".to_owned(),
    };
    let show = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let time = |figure: Figure, unit: f64, digits| {
        show(figure(figures).map(|time| time.as_secs_f64() * unit), digits)
    };
    let megabytes = |kilobytes: Option<u64>| show(kilobytes.map(|kb| kb as f64 / 1024.0), 2);
    let cold_min: Figure = |figures| quantile(&figures.cold, 0.0);
    let cold_median: Figure = |figures| quantile(&figures.cold, 0.5);
    let warm_median: Figure = |figures| quantile(&figures.warm, 0.5);
    let best_block: Figure = |figures| quantile(&figures.blocks, 0.0);
    let turn: Figure = |figures| quantile(&figures.turns, 0.0);
    let growth = figures.rss_1000.zip(figures.rss_warm).map(|(a, b)| b as f64 - a as f64);
    [
        name.to_owned(),
        time(cold_min, 1e3, 3),
        ratio(cold_min),
        time(cold_median, 1e3, 3),
        ratio(cold_median),
        time(warm_median, 1e6, 1),
        ratio(warm_median),
        time(|figures| quantile(&figures.warm, 0.99), 1e6, 1),
        time(best_block, 1e6, 1),
        ratio(best_block),
        time(turn, 1e6, 1),
        ratio(turn),
        megabytes(figures.rss_1000),
        show(growth, 0),
        megabytes(figures.rss_large),
        megabytes(figures.rss_after),
        show(figures.binary.map(|bytes| bytes as f64), 0),
        show(figures.package.map(|bytes| bytes as f64), 0),
    ]
}
