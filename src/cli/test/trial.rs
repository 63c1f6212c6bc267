//! One test, run: on a thread of its own, in an engine of its own, with what stands in for the world.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rhai::Engine;

use super::assertions;
use super::fakes::{self, Stage};
use super::golden::{self, Golden};
use super::invoke::{self, Environment};
use super::lines::{self, Hits};
use super::suite::{Kind, Root, Test};
use crate::Error;
use crate::cli::project;
use crate::engine::on_engine_stack;
use crate::handler::Script;
use crate::log::Logger;
use crate::modules::Host;
use crate::world;

/// What holds for every test of a run.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) network: Network,
    pub(super) golden: golden::Mode,
    /// Whether the lines that run are counted.
    pub(super) counts_lines: bool,
}

/// What becomes of a request that no `fake::http` answers.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Network {
    #[default]
    Refused,
    Real,
}

/// What became of a test.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) failure: Option<Error>,
    pub(super) log: String,
    /// What else is to be said, a line each.
    pub(super) notes: Vec<String>,
    pub(super) took: Duration,
    pub(super) hits: Hits,
}

thread_local! {
    /// Where the panic that is being caught happened.
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets panics be told by the tests in which they happen, and by nobody else.
pub(super) fn keep_panics() {
    panic::set_hook(Box::new(|panic| {
        PANIC_PLACE.set(panic.location().map(ToString::to_string));
    }));
}

/// Runs `test`.
pub(super) fn run(test: &Test, rules: &Rules) -> Outcome {
    let started = Instant::now();
    // `invoke` runs one engine within another: twice the depth.
    let mut limits = test.root.config.limits.clone();
    limits.max_call_depth *= 2;
    let ran = on_engine_stack(&limits, || perform(test, rules));
    let mut outcome = ran.unwrap_or_else(|error| {
        let message = format!("cannot start a thread for the test: {error}");
        let failure = Some(Error::init("Runtime.InitError", message));
        Outcome { failure, ..Outcome::default() }
    });
    outcome.took = started.elapsed();
    outcome
}

fn perform(test: &Test, rules: &Rules) -> Outcome {
    let stage = Stage::new(&test.root, rules);
    world::replace_variables(test.root.variables.clone());
    let network = Rc::clone(&stage);
    world::replace_network(Rc::new(move |context, sent| network.answer(context, sent)));
    let result = caught(|| match &test.kind {
        Kind::Function { script, function } => call(script, function, &stage),
        Kind::Golden(golden) => run_golden(golden, rules, &stage),
        Kind::Broken(error) => Err(error.clone()),
    });
    let mut notes = stage.notes();
    let failure = match result {
        Ok(note) => {
            notes.clear();
            notes.extend(note);
            None
        }
        Err(error) => Some(hinted(error, &test.root)),
    };
    world::restore();
    Outcome { failure, log: stage.log(), notes, took: Duration::ZERO, hits: stage.hits() }
}

/// Compiles a script of tests, with all that they may call.
pub(super) fn compile(script: &str, stage: &Rc<Stage>) -> Result<Script, Error> {
    let config = &stage.settings(&stage.root.config);
    let logger = Rc::new(Logger::keeping(config, stage.kept.clone()));
    let extend = |engine: &mut Engine, host: &Host| {
        assertions::register(engine, &host.guard);
        fakes::register(engine, stage);
        invoke::register(engine, stage);
        if let Some(hits) = &stage.hits {
            lines::register(engine, hits);
        }
    };
    Script::compile(config, script, logger, Some(extend))
}

fn call(script: &str, function: &str, stage: &Rc<Stage>) -> Result<Option<String>, Error> {
    let config = stage.settings(&stage.root.config);
    let handler = compile(script, stage)?.start(&config, function, false)?;
    handler.call(stage.root.timeout)?;
    Ok(None)
}

fn run_golden(golden: &Golden, rules: &Rules, stage: &Rc<Stage>) -> Result<Option<String>, Error> {
    let event = golden.event()?;
    let found = Environment::start(stage, &stage.root.config).and_then(|environment| {
        let answer = environment.invoke(&event, invoke::context(stage, stage.root.timeout))?;
        Ok(invoke::as_json(&answer))
    });
    golden.judge(found, rules.golden)
}

/// Turns a panic into a failure of this test.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let what = text.unwrap_or_else(|| "unknown panic".to_owned());
        let place = PANIC_PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
        let message = format!("a fault of the runtime, please report it: {what} (at {place})");
        Err(Error::runtime("InternalError", message))
    })
}

fn hinted(error: Error, root: &Root) -> Error {
    let hint = match error.error_type() {
        "DeadlineExceeded" => "`--timeout SECONDS` allows more",
        _ if project::lacks_native(&root.natives, &error) => {
            "a `bootstrap` of your own has it, and tests run in the layer's: try it by \
             `rhai-lambda invoke --bootstrap PATH`"
        }
        _ => return error,
    };
    let message = format!("{}\nhint: {hint}", error.message());
    let hinted = Error::function(error.error_type().to_owned(), message);
    hinted.with_frames(error.frames().to_vec()).with_fields(error.fields().clone())
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_the_failure_of_its_test() {
        let error = caught::<()>(|| panic!("boo")).unwrap_err();
        assert_eq!(error.error_type(), "InternalError");
        assert!(error.message().contains("please report it: boo (at "), "{error}");
    }
}
