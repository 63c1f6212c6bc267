//! One worker: its engine, its connection, and THE invocation loop.

use std::cell::{RefCell, RefMut};
use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use serde_json::Map;

use crate::answer::Answer;
use crate::client::{Client, Gone, Invocation, Verdict};
use crate::config::{Config, LogLevel};
use crate::context::Context;
use crate::error::Error;
use crate::handler::{Handler, Hook};
use crate::log::Logger;
use crate::runtime::{Shared, Stopped};

/// Runs a worker until it stops. An event that it got makes it forget its `restarts`.
pub(super) fn run(shared: &Shared, restarts: &mut u32) -> Stopped {
    let served = panic::catch_unwind(AssertUnwindSafe(|| serve(shared, restarts)));
    match served {
        Ok(Err(stopped)) => stopped,
        Err(payload) => Stopped::Gone(Gone::Lost(fault(payload.as_ref()))),
    }
}

/// Init, then the invocation loop.
fn serve(shared: &Shared, restarts: &mut u32) -> Result<Infallible, Stopped> {
    let config = &shared.config;
    let logger = Rc::new(Logger::new(config));
    let client = Client::new(&shared.authority)?;
    let extend = shared.extend.as_deref();
    let handler = caught(|| Handler::load_logging(config, Rc::clone(&logger), extend))
        .map_err(Stopped::Init)?;
    let client = Rc::new(RefCell::new(client));
    handler.stream_into(client.clone());
    let worker = Worker { client, config, logger };
    worker.prepare(shared, &handler)?;
    while shared.is_serving() {
        let next = worker.client().next();
        if matches!(next, Err(Gone::Interrupted)) && shared.has_last_word() {
            worker.shut_down(&handler);
        }
        let Invocation { context, event } = next?;
        shared.busy.fetch_add(1, Ordering::Relaxed);
        let _busy = Busy(shared);
        *restarts = 0;
        worker.enter(&context);
        let outcome = match event {
            Ok(event) => {
                let outcome = caught(|| handler.invoke(event.bytes(), context));
                worker.client().give_back(event);
                outcome
            }
            Err(why) => Err(Error::runtime("InvalidEvent", why)),
        };
        worker.finish(outcome)?;
        if handler.is_worn_out() {
            break;
        }
    }
    Err(Stopped::WornOut(
        "values that contain themselves have filled the memory of this environment; \
         it makes room for a new one",
    ))
}

/// A worker that has an event; however it is done with it.
struct Busy<'a>(&'a Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One invocation after the other, over one connection.
struct Worker<'a> {
    /// The handler has it too, for what it streams.
    client: Rc<RefCell<Client>>,
    config: &'a Config,
    logger: Rc<Logger>,
}

impl Worker<'_> {
    fn client(&self) -> RefMut<'_, Client> {
        self.client.borrow_mut()
    }

    /// What comes between loading the script and the first event.
    fn prepare(&self, shared: &Shared, handler: &Handler) -> Result<(), Stopped> {
        if handler.has(Hook::Shutdown) {
            let flag = shared.watch_for_end(&self.logger);
            self.client().interrupt_on(flag);
        }
        if !self.config.snap_start {
            return Ok(());
        }
        caught(|| handler.call_hook(Hook::BeforeSnapshot)).map_err(Stopped::Init)?;
        let restored = self.client().restored()?;
        if let Verdict::Refused(why) | Verdict::TooLarge(why) = restored {
            let message = format!("Lambda takes no snapshot: {why}");
            self.logger.line(LogLevel::Warn, &message, Map::new());
        }
        caught(|| handler.call_hook(Hook::AfterRestore)).map_err(Stopped::Restore)
    }

    /// The script's last word. Nobody but the log hears of its errors.
    fn shut_down(&self, handler: &Handler) {
        if let Err(error) = caught(|| handler.call_hook(Hook::Shutdown)) {
            self.logger.error(LogLevel::Error, &error.masked(&self.config.secrets));
        }
    }

    fn enter(&self, context: &Context) {
        self.logger.enter(&context.aws_request_id, context.tenant_id.as_deref());
    }

    /// Sends what came out of the invocation, or the end of it if it was streamed.
    fn finish(&self, outcome: Result<Answer, Error>) -> Result<(), Gone> {
        let is_streaming = self.client().is_streaming();
        let verdict = match outcome {
            Ok(_) if is_streaming => self.client().end_stream()?,
            Ok(answer) => {
                let verdict = self.client().respond(&answer)?;
                match verdict {
                    Verdict::TooLarge(_) => self.fail(too_large(answer.body.len()))?,
                    verdict => verdict,
                }
            }
            Err(error) => self.fail(error)?,
        };
        if let Verdict::Refused(why) | Verdict::TooLarge(why) = verdict {
            // Most often 410: the invocation has timed out, and nobody waits for the answer.
            let message = format!("Lambda did not take the answer: {why}");
            self.logger.line(LogLevel::Warn, &message, Map::new());
        }
        self.logger.leave();
        Ok(())
    }

    fn fail(&self, error: Error) -> Result<Verdict, Gone> {
        let error = error.masked(&self.config.secrets);
        self.logger.error(LogLevel::Error, &error);
        let root = self.config.task_root.to_string_lossy();
        let mut client = self.client();
        if client.is_streaming() {
            client.fail_stream(&error, &root)
        } else {
            client.error(&error, &root)
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

/// Keeps the place of a panic for the error that is made of it, instead of printing it.
pub(super) fn note_panics() {
    panic::set_hook(Box::new(|panic| {
        PANIC_PLACE.set(panic.location().map(ToString::to_string));
    }));
}

/// Turns a panic into an error: a fault of ours ends one invocation, not the environment.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Error::runtime("InternalError", fault(payload.as_ref()))))
}

fn fault(payload: &(dyn std::any::Any + Send)) -> String {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown panic");
    let place = PANIC_PLACE.take().unwrap_or_else(|| "an unknown place".to_owned());
    format!("a fault of the runtime, please report it: {what} (at {place})")
}
