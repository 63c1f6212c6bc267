//! The runtime: init, the workers, and the end. It owns every report of an init error.
//!
//! Only this module knows both the handler and the Runtime API. Lambda asks for one worker, or, on
//! Managed Instances, for as many as there may be events at once. What they share is here; the loop
//! of one is in `worker`.

mod worker;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rhai::Engine;
use serde_json::Map;
use signal_hook::consts::SIGTERM;

use crate::client::{Client, Gone, Verdict};
use crate::config::{Config, LogLevel};
use crate::engine::engine_thread;
use crate::error::Error;
use crate::log::Logger;
use crate::modules::cache;

/// What an embedder teaches each engine before the script is compiled.
type Extend = Arc<dyn Fn(&mut Engine) + Send + Sync>;

/// How Lambda is told of an error that ends the environment.
type Report = fn(&mut Client, &Error, &str) -> Result<Verdict, Gone>;

/// How often a worker among several starts anew without getting an event.
const MAX_RESTARTS: u32 = 5;
/// The pause before it does.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// While the last events are handled, how often it is looked whether they are.
const DRAIN_PAUSE: Duration = Duration::from_millis(250);

/// A runtime that is ready to run.
pub struct Runtime {
    extend: Option<Extend>,
}

/// Puts a [`Runtime`] together.
pub struct Builder {
    extend: Option<Extend>,
}

impl Runtime {
    /// Starts putting a runtime together.
    pub fn builder() -> Builder {
        Builder { extend: None }
    }

    /// Runs until Lambda ends the process; returns only when something went wrong, or after the script's
    /// `on_shutdown`.
    ///
    /// By then the failure is in the log and, if it happened before the first event, Lambda knows
    /// of it.
    pub fn run(self) -> ExitCode {
        worker::note_panics();
        let (config, invalid) = match Config::from_env() {
            Ok(config) => (config, None),
            Err(error) => (Config::without_numbers(), Some(error)),
        };
        let logger = Logger::new(&config);
        let Some(authority) = config.runtime_api.clone() else {
            logger.line(
                LogLevel::Fatal,
                "`AWS_LAMBDA_RUNTIME_API` is not set: `bootstrap` runs inside AWS Lambda \
                 (on your machine, use `rhai-lambda invoke`)",
                Map::new(),
            );
            return ExitCode::FAILURE;
        };
        if let Err(gone) = Client::new(&authority) {
            logger.line(LogLevel::Fatal, &gone.to_string(), Map::new());
            return ExitCode::FAILURE;
        }
        for warning in &config.warnings {
            logger.line(LogLevel::Warn, warning, Map::new());
        }
        let shared = Arc::new(Shared {
            config,
            authority,
            extend: self.extend,
            state: Mutex::new(State { phase: Phase::Starting, workers: 0, is_clean: false }),
            changed: Condvar::new(),
            busy: AtomicUsize::new(0),
            ending: Arc::new(AtomicBool::new(false)),
            is_watching: AtomicBool::new(false),
        });
        match invalid {
            Some(error) => shared.report(&logger, error),
            None => {
                start_workers(&shared, &logger);
                shared.wait();
            }
        }
        if shared.state().is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Builder {
    /// Lets `extend` teach the engine further functions, types and modules.
    ///
    /// It runs before the script is compiled; once, unless Lambda asks for several workers, each of
    /// which has an engine. What it registers stands beside the modules of the design, and before
    /// functions of Rhai with the same name.
    #[must_use]
    pub fn with_engine(mut self, extend: impl Fn(&mut Engine) + Send + Sync + 'static) -> Self {
        let before = self.extend;
        self.extend = Some(Arc::new(move |engine| {
            if let Some(before) = &before {
                before(engine);
            }
            extend(engine);
        }));
        self
    }

    /// The runtime.
    pub fn build(self) -> Runtime {
        Runtime { extend: self.extend }
    }
}

/// Why a worker stops.
enum Stopped {
    /// Init failed; Lambda does not know yet.
    Init(Error),
    /// The Runtime API is gone, for this worker at least.
    Gone(Gone),
    /// This environment is of no further use: why, in words.
    WornOut(&'static str),
    /// What a restored environment has to do first failed; Lambda does not know yet.
    Restore(Error),
}

impl From<Gone> for Stopped {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

/// How far the environment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No worker has asked for an event.
    Starting,
    Serving,
    /// No worker asks for another event; those that have one finish it.
    Draining,
    Over,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// How many workers there are.
    workers: usize,
    /// Lambda wanted the end, and had it.
    is_clean: bool,
}

/// What the workers of a process share, besides `cache::`.
struct Shared {
    config: Config,
    authority: String,
    extend: Option<Extend>,
    state: Mutex<State>,
    changed: Condvar,
    /// Workers that have an event.
    busy: AtomicUsize,
    /// Set when Lambda ends the environment, if somebody wants to know.
    ending: Arc<AtomicBool>,
    is_watching: AtomicBool,
}

/// Starts the workers, each on a thread of its own and all at once.
fn start_workers(shared: &Arc<Shared>, logger: &Logger) {
    let wanted = shared.config.max_concurrency.unwrap_or(1);
    if wanted > 1 {
        cache::share(&shared.config.limits);
    }
    for number in 0..wanted {
        let worker = Arc::clone(shared);
        shared.state().workers += 1;
        let Err(error) = engine_thread(&shared.config.limits).spawn(move || worker.work()) else {
            continue;
        };
        shared.state().workers -= 1;
        let message = format!("cannot start a thread for the script: {error}");
        match number {
            0 => shared.report(logger, Error::init("Runtime.InitError", message)),
            // Fewer than Lambda asked for are better than none.
            _ => logger.line(LogLevel::Error, &message, Map::new()),
        }
        return;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the environment.
    fn wait(&self) {
        let mut state = self.state();
        let mut was_idle = false;
        while state.phase != Phase::Over && state.workers > 0 {
            let pause = match state.phase {
                Phase::Draining => DRAIN_PAUSE,
                // Somebody says when something changes.
                _ => Duration::MAX,
            };
            let waited = self.changed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            // An event may be on its way to a worker that had asked for it before.
            let is_idle = state.phase == Phase::Draining && self.busy.load(Ordering::Relaxed) == 0;
            if is_idle && was_idle {
                return;
            }
            was_idle = is_idle;
        }
    }

    /// The life of one worker: it starts anew after a failure of its own, if there are others.
    fn work(&self) {
        let logger = Logger::new(&self.config);
        let mut restarts = 0;
        loop {
            let stopped = worker::run(self, &mut restarts);
            let goes_on = self.settle(&logger, stopped);
            restarts += 1;
            if !goes_on || restarts > MAX_RESTARTS {
                break;
            }
            std::thread::sleep(RESTART_PAUSE);
        }
        self.state().workers -= 1;
        self.changed.notify_all();
    }

    /// Says that a worker is ready for events; whether it may ask for one.
    fn is_serving(&self) -> bool {
        let mut state = self.state();
        if state.phase == Phase::Starting {
            state.phase = Phase::Serving;
        }
        state.phase == Phase::Serving
    }

    /// Whether a worker is the first to see the end that Lambda wants.
    fn has_last_word(&self) -> bool {
        !std::mem::replace(&mut self.state().is_clean, true)
    }

    /// Draws the consequences from the end of a worker; whether it may start anew.
    fn settle(&self, logger: &Logger, stopped: Stopped) -> bool {
        // Held while init is reported, so that nobody asks for an event meanwhile.
        let mut state = self.state();
        let fatal = |message: &str| logger.line(LogLevel::Fatal, message, Map::new());
        match stopped {
            _ if matches!(state.phase, Phase::Draining | Phase::Over) => return false,
            Stopped::Init(error) if state.phase == Phase::Starting => {
                state.phase = Phase::Over;
                self.report(logger, error);
            }
            Stopped::Init(error) => {
                logger.error(LogLevel::Fatal, &error.masked(&self.config.secrets))
            }
            Stopped::WornOut(why) => {
                state.phase = Phase::Draining;
                fatal(why);
            }
            Stopped::Gone(gone @ Gone::Over(_)) => {
                state.phase = Phase::Over;
                fatal(&gone.to_string());
            }
            Stopped::Gone(Gone::Interrupted) => state.phase = Phase::Draining,
            Stopped::Gone(gone) => fatal(&gone.to_string()),
            Stopped::Restore(error) => {
                state.phase = Phase::Over;
                self.tell(logger, error, Client::restore_error);
            }
        }
        state.phase == Phase::Serving && self.config.max_concurrency.unwrap_or(1) > 1
    }

    /// Makes SIGTERM set [`ending`](Self::ending) instead of ending the process at once, and makes
    /// Lambda send it.
    fn watch_for_end(&self, logger: &Logger) -> Arc<AtomicBool> {
        let flag = Arc::clone(&self.ending);
        if self.is_watching.swap(true, Ordering::Relaxed) {
            return flag;
        }
        let watched = signal_hook::flag::register(SIGTERM, Arc::clone(&flag));
        let watched = watched.map_err(|error| error.to_string()).and_then(|_| {
            Client::new(&self.authority).map_err(|gone| gone.to_string())?.into_extension()
        });
        if let Err(why) = watched {
            let message =
                format!("`on_shutdown` may not be called, Lambda was not told of it: {why}");
            logger.line(LogLevel::Warn, &message, Map::new());
        }
        flag
    }

    /// Tells Lambda that init has failed.
    fn report(&self, logger: &Logger, error: Error) {
        self.tell(logger, error, Client::init_error);
    }

    fn tell(&self, logger: &Logger, error: Error, send: Report) {
        let error = error.masked(&self.config.secrets);
        logger.error(LogLevel::Fatal, &error);
        let root = self.config.task_root.to_string_lossy();
        let reported =
            Client::new(&self.authority).and_then(|mut client| send(&mut client, &error, &root));
        if let Err(gone) = reported {
            logger.line(LogLevel::Fatal, &gone.to_string(), Map::new());
        }
    }
}
