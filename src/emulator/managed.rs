//! An execution environment that has several events at once, as on Lambda Managed Instances: one
//! process, as many workers in it as it is told.
//!
//! Time is not enforced there: the caller of an event that takes too long gets his error, and the
//! process goes on. It is ended by a crash alone, which fails every event that it has.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::delivery::Delivery;
use super::function::Function;
use super::ids;
use super::invocation::{Answer, Failure, Invocation, Outcome};
use super::journal::{Attribution, Journal, Tagged};
use super::protocol::MANAGED_INIT_LIMIT;
use super::report::{Phase, Report, Status};
use super::sandbox::{Sandbox, Scale};

/// The environment; it is shared by the events that it has.
pub(super) struct Managed {
    function: Function,
    concurrency: usize,
    journal: Arc<Journal>,
    /// What runs, once it has loaded. Locked while it loads: the others wait for the same process.
    sandbox: Mutex<Option<Arc<Sandbox>>>,
}

/// A runtime to use, and when it was ready, if it was loaded for this.
struct Loaded {
    sandbox: Arc<Sandbox>,
    init: Option<(Instant, Instant)>,
}

impl Managed {
    pub(super) fn new(function: Function, concurrency: usize, sink: Tagged) -> Self {
        let journal = Journal::new(Attribution::ByRequestId, sink);
        Self { function, concurrency, journal, sandbox: Mutex::default() }
    }

    /// Starts the runtime ahead of the first event. The error is the one that an event would have got.
    pub(super) async fn prepare(&self) -> Result<(), Answer> {
        // Its lines belong to no event.
        self.load("").await.map(drop).map_err(|failure| failure.answer(&ids::uuid()))
    }

    /// Runs the function once, beside others.
    pub(super) async fn deliver(&self, invocation: Invocation, delivery: Delivery) -> Outcome {
        let id = invocation.id.clone();
        let asked = Instant::now();
        self.journal.open(&id);
        let loaded = self.load(&id).await;
        let init = loaded.as_ref().ok().and_then(|loaded| loaded.init);
        let began = match (&loaded, init) {
            (Ok(_), Some((_, ready))) => ready,
            (Ok(_), None) => Instant::now(),
            (Err(_), _) => asked,
        };
        self.journal.start(&id, self.function.version());
        let (answer, status, max_memory_mb) = match loaded {
            Ok(Loaded { sandbox, .. }) => {
                let (deadline, limit) = (began + self.function.timeout, self.function.timeout);
                let (answer, failure) = sandbox.handle(invocation, delivery, deadline, limit).await;
                if let Some(Failure::Exited(_)) = &failure {
                    self.forget(&sandbox).await;
                }
                sandbox.settle().await;
                let status = failure.as_ref().map_or(Status::Done, Failure::status);
                let failure = failure.unwrap_or(Failure::TimedOut(limit.as_secs_f64()));
                let answer = answer.unwrap_or_else(|| failure.answer(&id));
                (answer, status, sandbox.max_memory_mb())
            }
            Err(failure) => {
                let status = failure.status();
                (failure.answer(&id), status, None)
            }
        };
        let report = Report {
            id,
            duration: began.elapsed(),
            init_duration: init.map(|(began, ready)| ready - began),
            memory_mb: self.function.memory_mb,
            max_memory_mb,
            status,
        };
        let log = self.journal.report(&report);
        Outcome { answer, report, log }
    }

    /// Ends the process, whatever it has.
    pub(super) async fn shut_down(&self) {
        if let Some(sandbox) = self.sandbox.lock().await.take() {
            sandbox.shut_down().await;
        }
    }

    /// The runtime, started if there is none.
    async fn load(&self, id: &str) -> Result<Loaded, Failure> {
        let mut current = self.sandbox.lock().await;
        if let Some(sandbox) = current.as_ref().filter(|sandbox| !sandbox.has_ended()) {
            return Ok(Loaded { sandbox: sandbox.clone(), init: None });
        }
        if let Some(ended) = current.take() {
            // It died while nothing was asked of it, or its last events are being told of it.
            ended.kill().await;
        }
        let began = Instant::now();
        let scale = Scale::Workers(self.concurrency);
        let limit = MANAGED_INIT_LIMIT.max(self.function.timeout);
        let (function, journal) = (&self.function, &self.journal);
        let loaded = Sandbox::load(function, journal, scale, id, Phase::Init, began + limit).await;
        let (sandbox, ready) = loaded?;
        let sandbox = Arc::new(sandbox);
        *current = Some(sandbox.clone());
        Ok(Loaded { sandbox, init: Some((began, ready)) })
    }

    /// Ends what is left of a crashed process, so that the next event starts a new one.
    async fn forget(&self, sandbox: &Arc<Sandbox>) {
        let mut current = self.sandbox.lock().await;
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, sandbox)) {
            *current = None;
        }
        drop(current);
        sandbox.kill().await;
    }
}
