//! Times: cold starts, warm invocations, and the memory they leave behind.
//!
//! The peers take turns, so that a noisy moment of the machine hits all of them alike.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::api::Exchange;
use crate::figures::{self, Figures, quantile};
use crate::peer::Peer;
use crate::plan::{Plan, describe};

/// Invocations before the memory is first looked at; they also warm the peers up.
const FIRST: usize = 1000;

/// A turn should not last longer: the peers are to meet the same moments of the machine.
const TURN: Duration = Duration::from_millis(500);

/// Runs the whole plan and prints the tables; false if a peer failed.
pub fn measure(plan: &Plan) -> Result<bool, String> {
    let exchange = plan.exchange()?;
    let echoes = exchange.answer == exchange.event;
    let large = (echoes && plan.large > 0).then(|| {
        let event =
            format!("{{\"text\":\"{}\"}}", "x".repeat(plan.large.max(16) - 11)).into_bytes();
        Arc::new(Exchange { answer: event.clone(), event })
    });
    let mut peers = plan.peers::<Figures>(&exchange)?;
    for (peer, figures) in &mut peers {
        (figures.binary, figures.package) = peer.sizes();
    }
    let enough = Duration::from_secs(plan.seconds);

    // The first round fills the page cache and does not count.
    for round in 0..=plan.cold {
        each(&mut peers, |peer, figures| {
            if figures.cold.iter().sum::<Duration>() > enough {
                return Ok(());
            }
            let time = peer.start(&exchange)?;
            if round > 0 {
                figures.cold.push(time);
            }
            peer.stop();
            Ok(())
        });
    }
    each(&mut peers, |peer, figures| {
        peer.start(&exchange)?;
        figures.pace = warm_up(peer, &exchange, enough)?;
        figures.rss_first = peer.rss();
        Ok(())
    });
    while peers.iter().any(|(_, figures)| is_wanting(figures, plan)) {
        each(&mut peers, |peer, figures| {
            if !is_wanting(figures, plan) {
                return Ok(());
            }
            let block = peer.run(&exchange, block_size(figures, plan))?;
            figures.busy += block.elapsed;
            figures.turns.push(block.elapsed / block.times.len() as u32);
            figures.blocks.extend(quantile(&block.times, 0.5));
            figures.warm.extend(block.times);
            Ok(())
        });
    }
    each(&mut peers, |peer, figures| {
        figures.rss_warm = peer.rss();
        if let Some(large) = &large {
            peer.run(large, 1)?;
            figures.rss_large = peer.rss();
            // Some allocators give memory back only after a while, when they are used again.
            thread::sleep(Duration::from_millis(500));
            warm_up(peer, &exchange, enough)?;
            figures.rss_after = peer.rss();
        }
        peer.stop();
        Ok(())
    });

    let done: Vec<(String, Figures)> =
        peers.into_iter().map(|(peer, figures)| (peer.name.clone(), figures)).collect();
    print!("{}", figures::tables(&done, &plan.base));
    if let Some(folder) = &plan.times {
        write_times(folder, &done).map_err(|error| describe(folder, &error))?;
    }
    let all = report(&done, plan);
    plan.write_json(done.into_iter().map(|(name, figures)| (name, figures.json())).collect())?;
    Ok(all)
}

/// Makes the first invocations, or as many as a tenth of the time that a peer has allows. Returns
/// how long one takes.
fn warm_up(
    peer: &mut Peer,
    exchange: &Arc<Exchange>,
    enough: Duration,
) -> Result<Duration, String> {
    let begin = Instant::now();
    let (mut done, mut pace) = (0, Duration::ZERO);
    while done < FIRST && begin.elapsed() < enough / 10 {
        // One at first, since one may be long; then as many again as there were.
        let count = done.clamp(1, FIRST - done);
        pace = peer.run(exchange, count)?.elapsed / count as u32;
        done += count;
    }
    Ok(pace)
}

/// Whether the peer has warm invocations before it.
fn is_wanting(figures: &Figures, plan: &Plan) -> bool {
    figures.failure.is_none()
        && figures.warm.len() < plan.warm
        && figures.busy < Duration::from_secs(plan.seconds)
}

/// Invocations of the next block: as the plan says, fewer of those that take long.
fn block_size(figures: &Figures, plan: &Plan) -> usize {
    let size = TURN.as_nanos() / figures.pace.as_nanos().max(1);
    (size as usize).clamp(1, plan.block)
}

/// Does `work` with every peer that has not failed.
fn each(
    peers: &mut [(Peer, Figures)],
    mut work: impl FnMut(&mut Peer, &mut Figures) -> Result<(), String>,
) {
    for (peer, figures) in peers {
        if figures.failure.is_some() {
            continue;
        }
        if let Err(why) = work(peer, figures) {
            figures.failure = Some(why);
            peer.stop();
        }
    }
}

/// Says what is to be known of the tables; false if a peer failed.
fn report(peers: &[(String, Figures)], plan: &Plan) -> bool {
    let mut all = true;
    for (name, figures) in peers {
        if let Some(failure) = &figures.failure {
            eprintln!("error: `{name}` failed: {failure}");
            all = false;
            continue;
        }
        let (cold, warm, seconds) = (figures.cold.len(), figures.warm.len(), plan.seconds);
        if cold < plan.cold || warm < plan.warm {
            eprintln!(
                "note: `{name}` made {cold} cold starts and {warm} warm invocations, \
                 no more than {seconds} s of each are asked for"
            );
        }
    }
    all
}

/// A file a peer and kind of time, one number of nanoseconds a line.
fn write_times(folder: &Path, peers: &[(String, Figures)]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, figures) in peers {
        for (kind, times) in [("cold", &figures.cold), ("warm", &figures.warm)] {
            let lines: String = times.iter().map(|time| format!("{}\n", time.as_nanos())).collect();
            fs::write(folder.join(format!("{name}.{kind}.ns")), lines)?;
        }
    }
    Ok(())
}
