//! The runtime: init, then THE invocation loop. It owns every report of an init error.
//!
//! Only this module knows both the handler and the Runtime API.

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::rc::Rc;

use rhai::Engine;
use serde_json::Map;

use crate::answer::Answer;
use crate::client::{Client, Gone, Invocation, Receipt, Verdict};
use crate::config::{Config, LogLevel};
use crate::context::Context;
use crate::engine::on_engine_stack;
use crate::error::Error;
use crate::handler::Handler;
use crate::log::Logger;

/// What an embedder teaches the engine before the script is compiled.
type Extend = Box<dyn FnOnce(&mut Engine) + Send>;

/// A runtime that is ready to run.
pub struct Runtime {
    extend: Extend,
}

/// Puts a [`Runtime`] together.
pub struct Builder {
    extend: Extend,
}

impl Runtime {
    /// Starts putting a runtime together.
    pub fn builder() -> Builder {
        Builder { extend: Box::new(|_| {}) }
    }

    /// Runs until Lambda ends the process; returns only when something went wrong.
    ///
    /// By then the failure is in the log and, if it happened before the first event, Lambda knows
    /// of it.
    pub fn run(self) -> ExitCode {
        panic::set_hook(Box::new(|panic| {
            // Not printed: `caught` turns it into an error of the invocation.
            PANIC_PLACE.set(panic.location().map(ToString::to_string));
        }));
        let (config, invalid) = match Config::from_env() {
            Ok(config) => (config, None),
            Err(error) => (Config::without_numbers(), Some(error)),
        };
        let logger = Logger::new(&config);
        let Some(authority) = config.runtime_api.as_deref() else {
            logger.line(
                LogLevel::Fatal,
                "`AWS_LAMBDA_RUNTIME_API` is not set: `bootstrap` runs inside AWS Lambda \
                 (on your machine, use `rhai-lambda invoke`)",
                Map::new(),
            );
            return ExitCode::FAILURE;
        };
        let mut client = match Client::new(authority) {
            Ok(client) => client,
            Err(gone) => {
                logger.line(LogLevel::Fatal, &gone.to_string(), Map::new());
                return ExitCode::FAILURE;
            }
        };
        let stopped = match invalid {
            Some(error) => Stopped::Init(error),
            None => {
                let serve = || serve(&config, &mut client, self.extend);
                match on_engine_stack(&config.limits, serve) {
                    Ok(Err(stopped)) => stopped,
                    Err(error) => Stopped::Init(Error::init(
                        "Runtime.InitError",
                        format!("cannot start a thread for the script: {error}"),
                    )),
                }
            }
        };
        let reported = match stopped {
            Stopped::Init(error) => {
                let error = error.masked(&config.secrets);
                logger.error(LogLevel::Fatal, &error);
                client.init_error(&error, &config.task_root.to_string_lossy()).map(|_| ())
            }
            Stopped::Gone(gone) => Err(gone),
        };
        if let Err(gone) = reported {
            logger.line(LogLevel::Fatal, &gone.to_string(), Map::new());
        }
        ExitCode::FAILURE
    }
}

impl Builder {
    /// Lets `extend` teach the engine further functions, types and modules.
    ///
    /// It runs once, before the script is compiled. What it registers stands beside the modules of
    /// the design, and before functions of Rhai with the same name.
    #[must_use]
    pub fn with_engine(mut self, extend: impl FnOnce(&mut Engine) + Send + 'static) -> Self {
        let before = self.extend;
        self.extend = Box::new(move |engine| {
            before(engine);
            extend(engine);
        });
        self
    }

    /// The runtime.
    pub fn build(self) -> Runtime {
        Runtime { extend: self.extend }
    }
}

/// Why the runtime ends.
enum Stopped {
    /// Init failed; Lambda does not know yet.
    Init(Error),
    /// The Runtime API, or this environment, is of no further use.
    Gone(Gone),
}

impl From<Gone> for Stopped {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

/// Init, then the invocation loop.
fn serve(config: &Config, client: &mut Client, extend: Extend) -> Result<Infallible, Stopped> {
    let logger = Rc::new(Logger::new(config));
    for warning in &config.warnings {
        logger.line(LogLevel::Warn, warning, Map::new());
    }
    let handler = caught(|| Handler::load_logging(config, Rc::clone(&logger), extend))
        .map_err(Stopped::Init)?;
    let mut worker = Worker { client, config, logger };
    loop {
        let Invocation { receipt, context, event } = worker.client.next()?;
        worker.enter(&context);
        let outcome = match event {
            Ok(event) => {
                let outcome = caught(|| handler.invoke(event.bytes(), context));
                worker.client.give_back(event);
                outcome
            }
            Err(why) => Err(Error::runtime("InvalidEvent", why)),
        };
        worker.finish(&receipt, outcome)?;
        if handler.is_worn_out() {
            return Err(Gone::new(
                "values that contain themselves have filled the memory of this environment; \
                 it makes room for a new one",
            )
            .into());
        }
    }
}

/// One invocation after the other, over one connection.
struct Worker<'a> {
    client: &'a mut Client,
    config: &'a Config,
    logger: Rc<Logger>,
}

impl Worker<'_> {
    fn enter(&self, context: &Context) {
        self.logger.enter(&context.aws_request_id, context.tenant_id.as_deref());
    }

    /// Sends what came out of the invocation.
    fn finish(&mut self, receipt: &Receipt, outcome: Result<Answer, Error>) -> Result<(), Gone> {
        let verdict = match outcome {
            Ok(answer) => match self.client.respond(receipt, &answer)? {
                Verdict::TooLarge(_) => self.fail(receipt, too_large(answer.body.len()))?,
                verdict => verdict,
            },
            Err(error) => self.fail(receipt, error)?,
        };
        if let Verdict::Refused(why) = verdict {
            // Most often 410: the invocation has timed out, and nobody waits for the answer.
            let message = format!("Lambda did not take the answer: {why}");
            self.logger.line(LogLevel::Warn, &message, Map::new());
        }
        self.logger.leave();
        Ok(())
    }

    fn fail(&mut self, receipt: &Receipt, error: Error) -> Result<Verdict, Gone> {
        let error = error.masked(&self.config.secrets);
        self.logger.error(LogLevel::Error, &error);
        match self.client.error(receipt, &error, &self.config.task_root.to_string_lossy())? {
            Verdict::TooLarge(why) => Ok(Verdict::Refused(why)),
            verdict => Ok(verdict),
        }
    }
}

fn too_large(bytes: usize) -> Error {
    let message = format!("the response of {bytes} bytes is larger than Lambda delivers");
    Error::function("ResponseTooLarge", message)
}

thread_local! {
    /// Where the panic that is being caught happened.
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Turns a panic into an error: a fault of ours ends one invocation, not the environment.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let what = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown panic".to_owned());
        let place = PANIC_PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
        Err(Error::runtime(
            "InternalError",
            format!("a fault of the runtime, please report it: {what} (at {place})"),
        ))
    })
}
