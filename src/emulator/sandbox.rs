//! A runtime that runs: its process and the Runtime API that it talks to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::child::Process;
use super::delivery::Delivery;
use super::exchange::{InitError, Progress};
use super::function::Function;
use super::ids;
use super::invocation::{Answer, Failure, Invocation};
use super::journal::Journal;
use super::logs::{Line, Partial};
use super::protocol;
use super::report::{Phase, init_report};
use super::runtime_api::RuntimeApi;

/// How long a runtime may take to end after it reported that it cannot start.
const EXIT_LIMIT: Duration = Duration::from_secs(2);

/// How long after its deadline an event is waited for where time is not enforced: a runtime that
/// stops its function in time is to be heard.
const GRACE: Duration = Duration::from_millis(500);

/// How much a process has to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// One event after the other: Lambda's default.
    OneEvent,
    /// So many workers beside each other: Lambda Managed Instances.
    Workers(usize),
}

impl Scale {
    fn events(self) -> usize {
        match self {
            Self::OneEvent => 1,
            Self::Workers(count) => count,
        }
    }
}

/// A process, from its start to its end.
pub(super) struct Sandbox {
    scale: Scale,
    process: Process,
    api: RuntimeApi,
    /// The last figure known, 0 for none: it is gone with the process.
    max_memory_mb: AtomicU32,
}

impl Sandbox {
    /// Starts the runtime for the event `id` and waits until it asks for events; tells when it did.
    pub(super) async fn load(
        function: &Function,
        journal: &Arc<Journal>,
        scale: Scale,
        id: &str,
        phase: Phase,
        deadline: Instant,
    ) -> Result<(Self, Instant), Failure> {
        let began = Instant::now();
        let loaded = match Self::start(function, journal, scale).await {
            Ok(sandbox) => match sandbox.ready(deadline, deadline - began, journal).await {
                Ok(ready) => Ok((sandbox, ready)),
                Err(failure) => {
                    sandbox.kill().await;
                    Err(failure)
                }
            },
            Err(error) => {
                let program = function.runtime.first().cloned().unwrap_or_default();
                Err(Failure::NotStarted(format!("fork/exec {}: {error}", program.display())))
            }
        };
        if let Err(failure) = &loaded {
            journal.platform(id, init_report(phase, began.elapsed(), &failure.status()));
        }
        loaded
    }

    async fn start(function: &Function, journal: &Arc<Journal>, scale: Scale) -> io::Result<Self> {
        let api = RuntimeApi::listen(function.arn(), scale.events(), journal.sink()).await?;
        let log_stream = ids::log_stream(function.version());
        let environment = function.environment_for(scale, &api.address(), &log_stream);
        let process = Process::start(function, environment, journal.sink())?;
        Ok(Self { scale, process, api, max_memory_mb: AtomicU32::new(0) })
    }

    /// Waits for the first question.
    async fn ready(
        &self,
        deadline: Instant,
        limit: Duration,
        journal: &Journal,
    ) -> Result<Instant, Failure> {
        let settled = |progress: &Progress| progress.polls > 0 || progress.init_error.is_some();
        let mut progress = self.api.exchange().progress();
        let init_error = tokio::select! {
            biased;
            Ok(progress) = progress.wait_for(settled) => progress.init_error.clone(),
            how = self.process.exited() => return Err(Failure::Exited(how)),
            () = sleep_until(deadline) => return Err(Failure::TimedOut(limit.as_secs_f64())),
        };
        let ready = Instant::now();
        self.settle().await;
        let Some(InitError { body, error_type }) = init_error else { return Ok(ready) };
        if timeout(EXIT_LIMIT, self.process.exited()).await.is_err() {
            let message = "the runtime did not end after it reported an init error";
            journal.line(Line::Warning(message.to_owned()));
        }
        Err(Failure::Init { body, error_type })
    }

    /// Delivers an event and waits for the answer.
    ///
    /// Where there is one event at a time, the next question is waited for too: what a runtime does
    /// in between is a part of the invocation.
    pub(super) async fn handle(
        &self,
        invocation: Invocation,
        mut delivery: Delivery,
        deadline: Instant,
        limit: Duration,
    ) -> (Option<Answer>, Option<Failure>) {
        let id = invocation.id.clone();
        let mut progress = self.api.exchange().progress();
        let polls = progress.borrow().polls;
        let exchange = self.api.exchange();
        let (pending, deadline) = match self.scale {
            Scale::OneEvent => {
                let remaining = deadline.saturating_duration_since(Instant::now());
                (exchange.offer(invocation, ids::since_epoch() + remaining), deadline)
            }
            Scale::Workers(count) => {
                let (pending, taken) = exchange.offer_for(invocation, limit);
                tokio::select! {
                    biased;
                    _ = taken => {}
                    how = self.process.exited() => return (None, Some(Failure::Exited(how))),
                    () = sleep_until(deadline) => {
                        exchange.warn(format!(
                            "no worker of the runtime asked for `{id}` in time: there should be {count}"
                        ));
                        return (None, Some(Failure::TimedOut(limit.as_secs_f64())));
                    }
                }
                (pending, Instant::now() + limit + GRACE)
            }
        };
        let mut answer = None;
        let work = async {
            if let Ok(reply) = pending.await {
                answer = delivery.pass(reply).await;
            }
            match self.scale {
                Scale::OneEvent => {
                    let _ = progress.wait_for(|progress| progress.polls > polls).await;
                }
                // A response that is cut off may be the first sign of a crash.
                Scale::Workers(_) if answer.is_none() => sleep(GRACE).await,
                Scale::Workers(_) => {}
            }
        };
        let failure = tokio::select! {
            biased;
            () = work => None,
            how = self.process.exited() => Some(Failure::Exited(how)),
            () = sleep_until(deadline) => Some(Failure::TimedOut(limit.as_secs_f64())),
        };
        if answer.is_none() && delivery.has_begun() {
            // The caller of a stream learns that it is cut off, whatever cut it off but time.
            let why = match &failure {
                None => Some("Runtime sent a part of a response"),
                Some(Failure::Exited(how)) => Some(how.as_str()),
                Some(_) => None,
            };
            answer = why.map(|why| protocol::truncated_answer(&id, why));
        }
        (answer, failure)
    }

    /// Takes down what the process has used and said so far.
    pub(super) async fn settle(&self) {
        if let Some(peak) = self.process.peak_memory_mb() {
            self.max_memory_mb.store(peak, Ordering::Relaxed);
        }
        let partial = match self.scale {
            Scale::OneEvent => Partial::Ends,
            // It may be another event's line.
            Scale::Workers(_) => Partial::GoesOn,
        };
        self.process.flush_logs(partial).await;
    }

    /// The peak of the resident memory in MB, as of the last time it was looked at.
    pub(super) fn max_memory_mb(&self) -> Option<u32> {
        Some(self.max_memory_mb.load(Ordering::Relaxed)).filter(|peak| *peak > 0)
    }

    /// Whether the process is over already.
    pub(super) fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    /// Ends the environment as Lambda does when it is not needed any more: a runtime that is an extension
    /// is told so first.
    pub(super) async fn shut_down(&self) {
        if self.api.has_extension() {
            self.process.terminate(protocol::SHUTDOWN_LIMIT).await;
        }
        self.kill().await;
    }

    /// Ends the process and whatever it started.
    pub(super) async fn kill(&self) {
        self.process.kill().await;
    }
}
