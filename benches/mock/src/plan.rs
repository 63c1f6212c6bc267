//! What is to be measured, as the command line says it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::Exchange;
use crate::json::Json;
use crate::peer::Peer;

const USAGE: &str = "\
measures peers against a mock Runtime API

usage: bench-mock times|count WORKLOAD [OPTION VALUE]… NAME=FOLDER…

  times, count      in seconds; or in instructions, system calls and page faults, for which it
                    wants `valgrind` and `strace`: what there is none of is left out
  WORKLOAD          a folder with `event.json`, and `answer.json` unless that is the same
  NAME=FOLDER       a peer: `FOLDER/bootstrap` is started with `FOLDER` as its task root
  --base NAME       the peer that ratios are made to, default `lambda_runtime`
  --json FILE       writes all figures there
  --seconds N       a peer that took this long for one of the next two, or for counting events, has
                    done enough, default 10

for `times` alone:
  --cold N          cold starts of each peer, default 100
  --warm N          warm invocations of each peer after the first 1000, default 10000
  --block N         invocations before it is the next peer's turn, default 250
  --large N         bytes of the one large event at the end, 0 for none, default 6000000; there is
                    one only where the answer is the event
  --times FOLDER    writes every time there, for other programs

for `count` alone:
  --events N        warm invocations that are counted, default 200; 0 counts starts alone
  --only NAME       counts nothing but `instructions`, `calls` or `faults`

example: bench-mock times benches/workloads/echo limit=target/bench/peers/limit/echo";

pub enum Work {
    Times,
    Count,
}

pub struct Plan {
    pub work: Work,
    pub workload: PathBuf,
    pub cold: usize,
    pub warm: usize,
    pub block: usize,
    pub seconds: u64,
    pub large: usize,
    pub events: usize,
    /// What alone is to be counted.
    pub only: Option<String>,
    pub base: String,
    pub times: Option<PathBuf>,
    pub json: Option<PathBuf>,
    pub peers: Vec<(String, PathBuf)>,
}

impl Plan {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments;
        let work = match arguments.next().as_deref() {
            Some("times") => Work::Times,
            Some("count") => Work::Count,
            _ => return Err(format!("`times` or `count` comes first\n{USAGE}")),
        };
        let mut plan = Self {
            work,
            workload: PathBuf::new(),
            cold: 100,
            warm: 10_000,
            block: 250,
            seconds: 10,
            large: 6_000_000,
            events: 200,
            only: None,
            base: "lambda_runtime".to_owned(),
            times: None,
            json: None,
            peers: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            if argument.starts_with("--") {
                let value =
                    arguments.next().ok_or_else(|| format!("`{argument}` wants a value"))?;
                plan.set(&argument, value)?;
            } else if let Some((name, folder)) = argument.split_once('=') {
                plan.peers.push((name.to_owned(), folder.into()));
            } else {
                plan.workload = argument.into();
            }
        }
        if plan.workload.as_os_str().is_empty() || plan.peers.is_empty() {
            return Err(format!("a workload and at least one peer are needed\n{USAGE}"));
        }
        Ok(plan)
    }

    fn set(&mut self, option: &str, value: String) -> Result<(), String> {
        let number = || {
            let number = value.parse::<usize>();
            number.map_err(|_| format!("`{option}` wants a number, got `{value}`"))
        };
        match option {
            "--base" => self.base = value,
            "--json" => self.json = Some(value.into()),
            "--seconds" => self.seconds = number()?.max(1) as u64,
            "--cold" => self.cold = number()?,
            "--warm" => self.warm = number()?,
            "--block" => self.block = number()?.max(1),
            "--large" => self.large = number()?,
            "--times" => self.times = Some(value.into()),
            "--events" => self.events = number()?,
            "--only" => self.only = Some(value),
            _ => {
                return Err(format!(
                    "there is no `{option}`\nhint: `benches/run --help` lists what there is"
                ));
            }
        }
        Ok(())
    }

    /// The event and the answer of the workload.
    pub fn exchange(&self) -> Result<Arc<Exchange>, String> {
        let path = self.workload.join("event.json");
        let event = fs::read(&path).map_err(|error| describe(&path, &error))?;
        let answer = self.workload.join("answer.json");
        let answer = match fs::read(&answer) {
            Ok(answer) => answer,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => event.clone(),
            Err(error) => return Err(describe(&answer, &error)),
        };
        let (event, answer) = (event.trim_ascii().to_vec(), answer.trim_ascii().to_vec());
        Ok(Arc::new(Exchange { event, answer }))
    }

    /// The peers, none of them started, with empty figures.
    pub fn peers<F: Default>(&self, exchange: &Arc<Exchange>) -> Result<Vec<(Peer, F)>, String> {
        let made = |(name, folder): &(String, PathBuf)| {
            let peer = Peer::new(name, folder, exchange);
            Ok((peer.map_err(|error| describe(folder, &error))?, F::default()))
        };
        self.peers.iter().map(made).collect()
    }

    /// Writes all figures, if that was asked for.
    pub fn write_json(&self, figures: Vec<(String, Json)>) -> Result<(), String> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = format!("{}\n", Json::Object(figures));
        fs::write(path, text).map_err(|error| describe(path, &error))
    }
}

pub fn describe(path: &Path, error: &std::io::Error) -> String {
    format!("`{}`: {error}", path.display())
}
