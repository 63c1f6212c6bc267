//! Measures Lambda runtimes against one mock Runtime API: cold starts, warm invocations, memory.
//!
//! The peers take turns, so that a noisy moment of the machine hits all of them alike.

mod api;
mod figures;
mod http;
mod peer;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use api::Exchange;
use figures::{Figures, quantile};
use peer::Peer;

const USAGE: &str = "\
measures peers against a mock Runtime API

usage: bench-mock WORKLOAD [OPTION VALUE]… NAME=FOLDER…

  WORKLOAD          a folder with `event.json`, and `answer.json` unless that is the same
  --cold N          cold starts of each peer, default 25
  --warm N          warm invocations of each peer after the first 1000, default 10000
  --block N         invocations before it is the next peer's turn, default 250
  --seconds N       a peer that took this long for its warm ones has done enough, default 20
  --large N         bytes of the one large event at the end, 0 for none, default 6000000
  --base NAME       the peer that ratios are made to, default `lambda_runtime`
  --times FOLDER    writes all times there, for other programs
  NAME=FOLDER       a peer: `FOLDER/bootstrap` is started with `FOLDER` as its task root

example: bench-mock benches/workloads/echo limit=target/bench/peers/limit/echo";

/// Echoes before the memory is first looked at; they also warm the peers up.
const FIRST: usize = 1000;

struct Plan {
    workload: String,
    cold: usize,
    warm: usize,
    block: usize,
    seconds: u64,
    large: usize,
    base: String,
    times: Option<String>,
    peers: Vec<(String, String)>,
}

fn main() -> ExitCode {
    let outcome = parse(std::env::args().skip(1)).and_then(|plan| measure(&plan));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan {
        workload: String::new(),
        cold: 25,
        warm: 10_000,
        block: 250,
        seconds: 20,
        large: 6_000_000,
        base: "lambda_runtime".to_owned(),
        times: None,
        peers: Vec::new(),
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if let Some(option) = argument.strip_prefix("--") {
            let value = arguments.next().ok_or_else(|| format!("`{argument}` wants a value"))?;
            let number = || value.parse::<usize>().map_err(|error| format!("`{value}`: {error}"));
            match option {
                "cold" => plan.cold = number()?,
                "warm" => plan.warm = number()?,
                "block" => plan.block = number()?.max(1),
                "seconds" => plan.seconds = number()? as u64,
                "large" => plan.large = number()?,
                "base" => plan.base = value,
                "times" => plan.times = Some(value),
                _ => return Err(format!("there is no `{argument}`\n{USAGE}")),
            }
        } else if let Some((name, folder)) = argument.split_once('=') {
            plan.peers.push((name.to_owned(), folder.to_owned()));
        } else {
            plan.workload = argument;
        }
    }
    if plan.workload.is_empty() || plan.peers.is_empty() {
        return Err(format!("a workload and at least one peer are needed\n{USAGE}"));
    }
    Ok(plan)
}

/// Runs the whole plan and prints the table; false if a peer failed.
fn measure(plan: &Plan) -> Result<bool, String> {
    let exchange = Arc::new(read(Path::new(&plan.workload))?);
    let large = (plan.large > 0).then(|| {
        let event =
            format!("{{\"text\":\"{}\"}}", "x".repeat(plan.large.max(16) - 11)).into_bytes();
        Arc::new(Exchange { answer: event.clone(), event })
    });
    let mut peers = Vec::new();
    for (name, folder) in &plan.peers {
        let peer = Peer::new(name, Path::new(folder), &exchange)
            .map_err(|error| format!("`{folder}`: {error}"))?;
        let (binary, package) = peer.sizes();
        peers.push((peer, Figures { binary, package, ..Figures::default() }));
    }

    // The first round fills the page cache and does not count.
    for round in 0..=plan.cold {
        each(&mut peers, |peer, figures| {
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
        figures.rss_first = peer.rss();
        peer.run(&exchange, FIRST - 1)?;
        figures.rss_1000 = peer.rss();
        Ok(())
    });
    for _ in 0..plan.warm.div_ceil(plan.block) {
        each(&mut peers, |peer, figures| {
            if figures.turns.iter().sum::<Duration>() * plan.block as u32
                > Duration::from_secs(plan.seconds)
            {
                return Ok(());
            }
            let block = peer.run(&exchange, plan.block)?;
            figures.turns.push(block.elapsed / plan.block as u32);
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
            peer.run(&exchange, FIRST)?;
            figures.rss_after = peer.rss();
        }
        peer.stop();
        Ok(())
    });

    let done: Vec<(String, Figures)> =
        peers.into_iter().map(|(peer, figures)| (peer.name.clone(), figures)).collect();
    print!("{}", figures::table(&done, &plan.base));
    if let Some(folder) = &plan.times {
        write_times(Path::new(folder), &done).map_err(|error| format!("`{folder}`: {error}"))?;
    }
    let mut all = true;
    for (name, figures) in &done {
        if let Some(failure) = &figures.failure {
            eprintln!("error: `{name}` failed: {failure}");
            all = false;
        }
        if figures.warm.len() < plan.warm && figures.failure.is_none() {
            let (done, seconds) = (figures.warm.len(), plan.seconds);
            eprintln!(
                "note: `{name}` made {done} warm invocations in {seconds} s, no more were asked of it"
            );
        }
    }
    Ok(all)
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

fn read(workload: &Path) -> Result<Exchange, String> {
    let path = workload.join("event.json");
    let event = fs::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let answer = fs::read(workload.join("answer.json")).unwrap_or_else(|_| event.clone());
    Ok(Exchange { event: event.trim_ascii().to_vec(), answer: answer.trim_ascii().to_vec() })
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
