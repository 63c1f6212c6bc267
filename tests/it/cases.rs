//! `tests/cases/`: handlers as data, run through every backend. Most new tests belong there.
//!
//! A case is a folder:
//!
//! | file | holds |
//! |---|---|
//! | `function.rhai` and others | the function |
//! | `event.json` or `events.json` | one event, or a list of events for one environment |
//! | `expected.json` | the result to the byte, or a list of results for a list of events |
//! | `error.json` | instead: `errorType`, `errorMessage`, `stackTrace` and `header` |
//! | `env.json` | further environment; `AWS_LAMBDA_FUNCTION_TIMEOUT` (seconds) sets the deadline |
//! | `log.txt` | what is logged, in text, with `<time>` for the time |
//!
//! Every folder of `examples/` without a `Cargo.toml` is a case too; there the result counts as JSON,
//! not as bytes, so that it can be laid out for people.
//!
//! A streamed answer counts as a whole; one of HTTP is written down as JSON, with its `body` as text.
//!
//! A case that shows more of an example has links to the example's scripts.
//!
//! In `error.json` and `log.txt` a `*` stands for anything, and a frame `...` for any frames.
//!
//! Every environment must go on. After an event that failed, the harness sends `"ping"` and the
//! handler must answer `"pong"`; after one that did not, it sends the event once more and the
//! result must be the same, since no variable survives.
//!
//! `UPDATE_EXPECT=1 cargo test cases` writes what was seen where it does not match;
//! `IT_CASE=deadline cargo test cases` runs the cases whose names contain that.

// The folder, read; what came, judged.
pub mod case;
// `bootstrap` against the scripted Runtime API: bytes and headers.
mod wire;
// `bootstrap` under AWS's own emulator.
mod rie;
// `bootstrap` under ours.
mod emulator;
// `Handler::invoke`, without a process and without a Runtime API.
mod library;

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use case::{Case, Reply};

/// One way to run a function.
trait Backend {
    /// Starts an environment for a case; `None` when this backend cannot run it.
    fn start(&self, case: &Case) -> Option<Box<dyn Environment>>;
}

/// A started function.
trait Environment {
    /// Sends one event and waits for what comes back.
    fn invoke(&mut self, event: &str) -> Reply;

    /// Everything logged so far, when this backend shows it as it was written.
    fn log(&mut self) -> Option<String> {
        None
    }
}

/// Cases that run at the same time in one backend: most of them wait.
const AT_ONCE: usize = 2;

/// Runs every case through `backend` and fails with all that went wrong.
fn run(backend: &(impl Backend + Sync)) {
    let cases = case::all();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let checked = panic::catch_unwind(AssertUnwindSafe(|| check(backend, case)));
            let stopped = |_| Some(vec!["the harness stopped, see above".to_owned()]);
            let Some(found) = checked.unwrap_or_else(stopped) else { continue };
            results.push(found.iter().map(|text| format!("{}: {text}", case.name)).collect());
        }
        results
    };
    let results: Vec<Vec<String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(!results.is_empty() || case::is_filtered(), "no case was run");
    let failures = results.concat();
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// Runs one case; `None` when the backend cannot, else what went wrong.
fn check(backend: &dyn Backend, case: &Case) -> Option<Vec<String>> {
    let mut environment = backend.start(case)?;
    let mut failures = Vec::new();
    let mut replies = Vec::new();
    for (index, event) in case.events.iter().enumerate() {
        let reply = environment.invoke(event);
        if let Err(difference) = case.judge(index, &reply) {
            failures.push(difference);
        }
        replies.push(reply);
    }
    let log = environment.log();
    if let (Some(log), Some(expected)) = (&log, &case.log)
        && !case::matches(expected, log)
    {
        failures.push(format!("log\n--- expected\n{expected}\n--- found\n{log}"));
    }
    if !failures.is_empty() && case::is_updating() {
        case.update(&replies, log.as_deref());
        failures.clear();
    }
    if failures.is_empty() && !case.is_init_error() {
        failures.extend(check_alive(case, environment.as_mut(), replies.last()?).err());
    }
    Some(failures)
}

/// The environment must serve on, whatever the last event did to it.
fn check_alive(case: &Case, environment: &mut dyn Environment, last: &Reply) -> Result<(), String> {
    let (event, expected) = if case.expects_error() {
        ("\"ping\"", "\"pong\"")
    } else if case.events.len() == 1 {
        (case.events[0].as_str(), last.text.as_str())
    } else {
        return Ok(());
    };
    let reply = environment.invoke(event);
    if reply.text == expected {
        return Ok(());
    }
    Err(format!("the next event, {event}, should give {expected} and gave {reply:?}"))
}

#[test]
fn cases_through_the_scripted_runtime_api() {
    run(&wire::Wire);
}

#[test]
fn cases_through_the_library() {
    if !case::is_updating() {
        run(&library::Library { bytecode: "on" });
    }
}

#[test]
fn cases_through_the_library_with_all_functions_walked() {
    if !case::is_updating() {
        run(&library::Library { bytecode: "off" });
    }
}

#[test]
fn cases_through_our_emulator() {
    if !case::is_updating() {
        run(&emulator::Emulator);
    }
}

#[test]
fn cases_through_awss_emulator() {
    if let Some(program) = rie::program()
        && !case::is_updating()
    {
        run(&rie::Rie { program });
    }
}
