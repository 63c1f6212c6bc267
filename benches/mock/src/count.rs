//! Counts: instructions, system calls and page faults, of a start and of an invocation.
//!
//! Unlike times they do not depend on what else the machine does, and say where a time comes from.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::api::Exchange;
use crate::json::Json;
use crate::peer::Peer;
use crate::plan::Plan;
use crate::table::{cell, ratio, table};

/// Starts of which the page faults are the median.
const STARTS: usize = 9;

/// What a tool has for writing its result down.
const WRITING: Duration = Duration::from_secs(10);

/// A figure of a start, and of one invocation.
#[derive(Default)]
struct Count {
    start: Option<f64>,
    invocation: Option<f64>,
}

#[derive(Default)]
struct Counts {
    instructions: Count,
    calls: Count,
    faults: Option<f64>,
    failure: Option<String>,
}

/// A program that peers are run under, and how its result is read.
struct Tool {
    program: PathBuf,
    options: &'static [&'static str],
    /// The option for the file that it writes, and how that is called.
    output: (&'static str, &'static str),
    total: fn(&str) -> Option<f64>,
}

/// Counts everything for all peers and prints the table; false if a peer failed.
pub fn measure(plan: &Plan) -> Result<bool, String> {
    let exchange = plan.exchange()?;
    let valgrind = find("valgrind").map(|program| Tool {
        program,
        options: &["--tool=callgrind", "-q"],
        output: ("--callgrind-out-file=", "callgrind.out"),
        total: |text| text.lines().find_map(|line| line.strip_prefix("totals: "))?.parse().ok(),
    });
    let strace = find("strace").map(|program| Tool {
        program,
        // As a grandchild, so that the peer is the process that is told to end.
        options: &["-D", "-f", "-c"],
        output: ("--output=", "strace.out"),
        // The last line: share, seconds, microseconds a call, calls, perhaps errors, `total`.
        total: |text| {
            let line = text.strip_suffix(" total\n")?.lines().last()?;
            line.split_whitespace().nth(3)?.parse().ok()
        },
    });
    let mut peers = plan.peers::<Counts>(&exchange)?;
    for (peer, counts) in &mut peers {
        let result = count(peer, counts, &exchange, plan, valgrind.as_ref(), strace.as_ref());
        counts.failure = result.err();
        peer.stop();
    }
    let done: Vec<(String, Counts)> =
        peers.into_iter().map(|(peer, counts)| (peer.name.clone(), counts)).collect();
    print!("{}", table_of(&done, &plan.base));
    for (name, counts) in &done {
        if let Some(failure) = &counts.failure {
            eprintln!("error: `{name}` failed: {failure}");
        }
    }
    let all = done.iter().all(|(_, counts)| counts.failure.is_none());
    plan.write_json(done.into_iter().map(|(name, counts)| (name, counts.json())).collect())?;
    Ok(all)
}

/// Where a program is, if it is anywhere.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(program));
    // Some wrappers stand there for what is not installed.
    let works = |program: &PathBuf| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    found.into_iter().find(works)
}

fn count(
    peer: &mut Peer,
    counts: &mut Counts,
    exchange: &Arc<Exchange>,
    plan: &Plan,
    valgrind: Option<&Tool>,
    strace: Option<&Tool>,
) -> Result<(), String> {
    let wanted = |name: &str| plan.only.as_deref().is_none_or(|only| only == name);
    if wanted("faults") {
        counts.faults = page_faults(peer)?;
    }
    if let Some(valgrind) = valgrind.filter(|_| wanted("instructions") && peer.is_native()) {
        counts.instructions = valgrind.count(peer, exchange, plan)?;
    }
    if let Some(strace) = strace.filter(|_| wanted("calls")) {
        counts.calls = strace.count(peer, exchange, plan)?;
    }
    Ok(())
}

/// Page faults until the first `/next`, the median of several starts.
fn page_faults(peer: &mut Peer) -> Result<Option<f64>, String> {
    let mut faults = Vec::new();
    for _ in 0..STARTS {
        peer.start_under(&[])?;
        faults.extend(peer.page_faults());
        peer.stop();
    }
    faults.sort_unstable();
    Ok(faults.get(faults.len() / 2).map(|&faults| faults as f64))
}

impl Tool {
    /// Counts a start, and what N invocations have more than half as many.
    fn count(
        &self,
        peer: &mut Peer,
        exchange: &Arc<Exchange>,
        plan: &Plan,
    ) -> Result<Count, String> {
        let (start, ()) = self.run(peer, |_| Ok(()))?;
        if plan.events == 0 {
            return Ok(Count { start: Some(start), invocation: None });
        }
        let enough = Duration::from_secs(plan.seconds);
        let (few, done) = self.run(peer, |peer| {
            let begin = Instant::now();
            let mut done = 0;
            // One after the other, since they may be long here.
            while done < plan.events && begin.elapsed() < enough {
                peer.run(exchange, 1)?;
                peer.wait_for_request()?;
                done += 1;
            }
            Ok(done)
        })?;
        let (many, _) = self.run(peer, |peer| {
            for _ in 0..2 * done {
                peer.run(exchange, 1)?;
                peer.wait_for_request()?;
            }
            Ok(())
        })?;
        Ok(Count { start: Some(start), invocation: Some((many - few) / done as f64) })
    }

    /// Runs the peer under this, with `work` between its first `/next` and its end; returns the total.
    fn run<T>(
        &self,
        peer: &mut Peer,
        work: impl FnOnce(&mut Peer) -> Result<T, String>,
    ) -> Result<(f64, T), String> {
        let (option, name) = self.output;
        let file = peer.scratch(name);
        // What an earlier run has left there is not to be taken for the result of this one.
        let _ = fs::remove_file(&file);
        let mut output = OsStr::new(option).to_owned();
        output.push(&file);
        let mut words = vec![self.program.as_os_str()];
        words.extend(self.options.iter().map(OsStr::new));
        words.push(&output);
        peer.start_under(&words)?;
        let done = work(peer)?;
        peer.end();
        Ok((self.read(&file)?, done))
    }

    /// Reads the result, once it is whole: it may be written by a process that outlives the peer.
    fn read(&self, file: &Path) -> Result<f64, String> {
        let begin = Instant::now();
        loop {
            let text = fs::read_to_string(file).unwrap_or_default();
            match (self.total)(&text) {
                Some(total) => return Ok(total),
                None if begin.elapsed() > WRITING => {
                    return Err(format!("`{}` has no total", file.display()));
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Counts {
    fn json(&self) -> Json {
        Json::object([
            ("start_instructions", self.instructions.start.into()),
            ("invocation_instructions", self.instructions.invocation.into()),
            ("start_calls", self.calls.start.into()),
            ("invocation_calls", self.calls.invocation.into()),
            ("start_page_faults", self.faults.into()),
            ("failure", self.failure.clone().map_or(Json::Null, Json::Text)),
        ])
    }
}

const COLUMNS: [&str; 8] = [
    "peer",
    "start: 1000 instructions",
    "ratio",
    "invocation: 1000 instructions",
    "ratio",
    "start: system calls",
    "invocation: system calls",
    "start: page faults",
];

fn table_of(peers: &[(String, Counts)], base: &str) -> String {
    let base = peers.iter().find(|(name, _)| name == base).map(|(_, counts)| counts);
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    for (name, counts) in peers {
        let of_start: fn(&Counts) -> Option<f64> = |counts| counts.instructions.start;
        let of_invocation: fn(&Counts) -> Option<f64> = |counts| counts.instructions.invocation;
        rows.push([
            name.clone(),
            cell(of_start(counts).map(|count| count / 1e3), 1),
            ratio(of_start(counts), base.and_then(of_start)),
            cell(of_invocation(counts).map(|count| count / 1e3), 2),
            ratio(of_invocation(counts), base.and_then(of_invocation)),
            cell(counts.calls.start, 0),
            cell(counts.calls.invocation, 1),
            cell(counts.faults, 0),
        ]);
    }
    table(&rows)
}
