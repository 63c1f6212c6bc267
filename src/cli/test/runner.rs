//! Runs the tests side by side, and tells of them in their order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::suite::Test;
use super::trial::{self, Outcome, Rules};

/// How the tests are run.
pub(super) struct Orders {
    /// How many at the same time.
    pub(super) jobs: usize,
    /// Whether no test is started after one that failed.
    pub(super) stops_at_failure: bool,
}

/// As many tests as this machine runs at the same time.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `tests`, and calls `told` with each outcome in the order of the tests, as soon as it and those
/// before it are known. A test that was not started has no outcome.
pub(super) fn run(
    tests: &[&Test],
    rules: &Rules,
    orders: &Orders,
    told: &mut dyn FnMut(&Test, &Outcome),
) -> Vec<Option<Outcome>> {
    trial::keep_panics();
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let jobs = orders.jobs.clamp(1, tests.len().max(1));
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(tests.len(), || None);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs {
            let (sender, next, stopped) = (sender.clone(), &next, &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = tests.get(at) else { break };
                    let outcome = trial::run(test, rules);
                    if outcome.failure.is_some() && orders.stops_at_failure {
                        stopped.store(true, Ordering::Relaxed);
                    }
                    if sender.send((at, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut shown = 0;
        for (at, outcome) in receiver {
            outcomes[at] = Some(outcome);
            while let Some(Some(outcome)) = outcomes.get(shown) {
                told(tests[shown], outcome);
                shown += 1;
            }
        }
        // Those that ran behind one that was not started.
        for at in shown..tests.len() {
            if let Some(outcome) = &outcomes[at] {
                told(tests[at], outcome);
            }
        }
    });
    outcomes
}
