//! One execution environment: loads the runtime, hands it events one at a time, watches the clock,
//! and starts over after a crash or a timeout.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::delivery::Delivery;
use super::function::Function;
use super::ids;
use super::invocation::{Answer, Failure, Invocation, Outcome};
use super::journal::{Attribution, Journal, Tagged};
use super::logs::Sink;
use super::protocol::INIT_LIMIT;
use super::report::{Phase, Report, Status};
use super::sandbox::{Sandbox, Scale};

/// An execution environment.
///
/// ```no_run
/// use std::sync::Arc;
/// use rhai_lambda::emulator::{Environment, Function, Invocation};
///
/// # async fn example(function: Function) {
/// let mut environment = Environment::new(function, Arc::new(|line| drop(line)));
/// let outcome = environment.invoke(Invocation::new("{}")).await;
/// println!("{}", outcome.report);
/// environment.shut_down().await;
/// # }
/// ```
pub struct Environment {
    function: Function,
    journal: Arc<Journal>,
    sandbox: Option<Sandbox>,
    /// Whether the first, separate init has been tried.
    initialised: bool,
    /// How long that took, if it came before any event: the first one's report tells it.
    prepared: Option<Duration>,
}

/// How an event was handled, before it is written up.
struct Handled {
    answer: Answer,
    status: Status,
    max_memory_mb: Option<u32>,
    ended: Instant,
}

impl Environment {
    /// An environment in which nothing runs yet: the first event starts the runtime.
    pub fn new(function: Function, sink: Sink) -> Self {
        Self::observed(function, Arc::new(move |_, line| sink(line)))
    }

    /// The same, for one who wants to know whose a line is.
    pub(super) fn observed(function: Function, sink: Tagged) -> Self {
        let journal = Journal::new(Attribution::ToTheOnlyOne, sink);
        Self { function, journal, sandbox: None, initialised: false, prepared: None }
    }

    /// Starts the runtime ahead of the first event, if nothing was tried yet. The error is the one
    /// that the first event would have got.
    pub(super) async fn prepare(&mut self) -> Result<(), Answer> {
        if std::mem::replace(&mut self.initialised, true) {
            return Ok(());
        }
        let began = Instant::now();
        // Its lines belong to no event.
        match self.load("", Phase::Init, began + INIT_LIMIT).await {
            Ok(ready) => {
                self.prepared = Some(ready - began);
                Ok(())
            }
            Err(failure) => Err(failure.answer(&ids::uuid())),
        }
    }

    /// Runs the function once and writes START, END and REPORT around its logs.
    ///
    /// Loading comes first when nothing is loaded. As on Lambda, the first init is an own phase of
    /// up to ten seconds; when it runs out of time, and after a crash or a timeout, loading is a part
    /// of the invocation and of its time. Unlike on Lambda, an init that *fails* is not tried
    /// a second time for the same event: a script that does not load would only say so twice.
    pub async fn invoke(&mut self, invocation: Invocation) -> Outcome {
        self.deliver(invocation, Delivery::buffered()).await
    }

    /// The same, with the answer on its way as soon as there is one.
    pub(super) async fn deliver(&mut self, invocation: Invocation, delivery: Delivery) -> Outcome {
        if self.sandbox.as_ref().is_some_and(Sandbox::has_ended) {
            // It died while nothing was asked of it: that is no fault of this event.
            self.reset().await;
        }
        let id = invocation.id.clone();
        self.journal.open(&id);
        let mut began = Instant::now();
        let mut init_duration = self.prepared.take();
        let mut failure = None;
        if !std::mem::replace(&mut self.initialised, true) {
            match self.load(&id, Phase::Init, began + INIT_LIMIT).await {
                Ok(ready) => {
                    init_duration = Some(ready - began);
                    began = Instant::now();
                }
                Err(Failure::TimedOut(_)) => began = Instant::now(),
                // The time that it took stands for that of the second try.
                Err(other) => failure = Some(other),
            }
        }
        let deadline = began + self.function.timeout;
        if self.sandbox.is_none() && failure.is_none() {
            failure = self.load(&id, Phase::Invoke, deadline).await.err();
        }

        self.journal.start(&id, self.function.version());
        let handled = match failure {
            None => self.handle(invocation, delivery, deadline).await,
            Some(failure) => {
                let status = failure.status();
                let answer = failure.answer(&id);
                Handled { answer, status, max_memory_mb: None, ended: Instant::now() }
            }
        };
        let Handled { answer, status, max_memory_mb, ended } = handled;
        let report = Report {
            id,
            duration: ended - began,
            init_duration,
            memory_mb: self.function.memory_mb,
            max_memory_mb,
            status,
        };
        let log = self.journal.report(&report);
        Outcome { answer, report, log }
    }

    /// Ends the child. Dropping does too, without waiting for its last lines.
    pub async fn shut_down(mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.shut_down().await;
        }
    }

    /// Starts the runtime and waits until it asks for an event; tells when it did.
    async fn load(
        &mut self,
        id: &str,
        phase: Phase,
        deadline: Instant,
    ) -> Result<Instant, Failure> {
        let loaded =
            Sandbox::load(&self.function, &self.journal, Scale::OneEvent, id, phase, deadline)
                .await;
        let (sandbox, ready) = loaded?;
        self.sandbox = Some(sandbox);
        Ok(ready)
    }

    /// Hands the event to the runtime that is loaded.
    async fn handle(
        &mut self,
        invocation: Invocation,
        delivery: Delivery,
        deadline: Instant,
    ) -> Handled {
        let id = invocation.id.clone();
        let timeout = self.function.timeout;
        let Some(sandbox) = &self.sandbox else {
            let failure = Failure::NotStarted("no runtime is loaded".to_owned());
            let (status, ended) = (failure.status(), Instant::now());
            return Handled { answer: failure.answer(&id), status, max_memory_mb: None, ended };
        };
        let (answer, failure) = sandbox.handle(invocation, delivery, deadline, timeout).await;
        let ended = Instant::now();
        sandbox.settle().await;
        let max_memory_mb = sandbox.max_memory_mb();
        let status = failure.as_ref().map_or(Status::Done, Failure::status);
        let answer = match (answer, failure) {
            (Some(answer), None) => answer,
            // What was answered stays answered, but the environment is not to be used again.
            (answer, failure) => {
                self.reset().await;
                let failure = failure.unwrap_or(Failure::TimedOut(timeout.as_secs_f64()));
                answer.unwrap_or_else(|| failure.answer(&id))
            }
        };
        Handled { answer, status, max_memory_mb, ended }
    }

    /// Ends the runtime, so that the next event starts a new one.
    async fn reset(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.kill().await;
        }
    }
}
