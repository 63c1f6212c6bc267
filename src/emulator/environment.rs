//! One execution environment: loads the runtime, hands it events one at a time, watches the clock,
//! and starts over after a crash or a timeout.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::child::Process;
use super::exchange::{InitError, Progress};
use super::function::Function;
use super::ids;
use super::invocation::{Answer, Failure, Invocation, Outcome};
use super::journal::{Journal, Tagged};
use super::logs::{Line, Sink};
use super::protocol::INIT_LIMIT;
use super::report::{Phase, Report, Status, init_report};
use super::runtime_api::RuntimeApi;

/// How long a runtime may take to end after it reported that it cannot start.
const EXIT_LIMIT: Duration = Duration::from_secs(2);

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
    running: Option<Running>,
    /// Whether the first, separate init has been tried.
    initialised: bool,
    /// How long that took, if it came before any event: the first one's report tells it.
    prepared: Option<Duration>,
}

/// A runtime that has loaded.
struct Running {
    process: Process,
    api: RuntimeApi,
    progress: watch::Receiver<Progress>,
    /// The last figure known: it is gone with the process.
    max_memory_mb: Option<u32>,
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
        let journal = Journal::new(sink);
        Self { function, journal, running: None, initialised: false, prepared: None }
    }

    /// Starts the runtime ahead of the first event, if nothing was tried yet. The error is the one
    /// that the first event would have got.
    pub(super) async fn prepare(&mut self) -> Result<(), Answer> {
        if std::mem::replace(&mut self.initialised, true) {
            return Ok(());
        }
        let began = Instant::now();
        match self.load(None, Phase::Init, began + INIT_LIMIT).await {
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
        if self.running.as_mut().is_some_and(|running| running.process.has_ended()) {
            // It died while nothing was asked of it: that is no fault of this event.
            self.reset().await;
        }
        let id = invocation.id.clone();
        self.journal.open(&id);
        let mut began = Instant::now();
        let mut init_duration = self.prepared.take();
        let mut failure = None;
        if !std::mem::replace(&mut self.initialised, true) {
            match self.load(Some(&id), Phase::Init, began + INIT_LIMIT).await {
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
        if self.running.is_none() && failure.is_none() {
            failure = self.load(Some(&id), Phase::Invoke, deadline).await.err();
        }

        let version = self.function.version();
        self.journal.start(&id, format!("START RequestId: {id} Version: {version}"));
        let handled = match failure {
            None => self.handle(invocation, deadline).await,
            Some(failure) => {
                let status = failure.status();
                let answer = failure.answer(&id);
                Handled { answer, status, max_memory_mb: None, ended: Instant::now() }
            }
        };
        let Handled { answer, status, max_memory_mb, ended } = handled;
        let report = Report {
            id: id.clone(),
            duration: ended - began,
            init_duration,
            memory_mb: self.function.memory_mb,
            max_memory_mb,
            status,
        };
        self.journal.platform(&id, format!("END RequestId: {id}"));
        self.journal.platform(&id, report.to_string());
        self.check_memory(&report);
        let log = self.journal.close(&id);
        Outcome { answer, report, log }
    }

    /// Ends the child. Dropping does too, without waiting for its last lines.
    pub async fn shut_down(mut self) {
        self.reset().await;
    }

    /// Starts the runtime and waits until it asks for an event; tells when it did.
    async fn load(
        &mut self,
        id: Option<&str>,
        phase: Phase,
        deadline: Instant,
    ) -> Result<Instant, Failure> {
        let began = Instant::now();
        let sink = self.journal.sink();
        let loaded = match self.start().await {
            Ok(mut running) => match running.ready(deadline, deadline - began, &sink).await {
                Ok(ready) => {
                    self.running = Some(running);
                    Ok(ready)
                }
                Err(failure) => {
                    running.process.kill().await;
                    Err(failure)
                }
            },
            Err(error) => {
                let program = self.function.runtime.first().cloned().unwrap_or_default();
                Err(Failure::NotStarted(format!("fork/exec {}: {error}", program.display())))
            }
        };
        if let Err(failure) = &loaded {
            let report = init_report(phase, began.elapsed(), &failure.status());
            match id {
                Some(id) => self.journal.platform(id, report),
                None => self.journal.line(Line::Platform(report)),
            }
        }
        loaded
    }

    async fn start(&self) -> io::Result<Running> {
        // One event at a time: several at once are for runtimes that are told so.
        let api = RuntimeApi::listen(self.function.arn(), 1, self.journal.sink()).await?;
        let progress = api.exchange().progress();
        let log_stream = ids::log_stream(self.function.version());
        let process =
            Process::start(&self.function, &api.address(), &log_stream, self.journal.sink())?;
        Ok(Running { process, api, progress, max_memory_mb: None })
    }

    /// Hands the event to the runtime that is loaded.
    async fn handle(&mut self, invocation: Invocation, deadline: Instant) -> Handled {
        let id = invocation.id.clone();
        let timeout = self.function.timeout;
        let Some(running) = &mut self.running else {
            let failure = Failure::NotStarted("no runtime is loaded".to_owned());
            let (status, ended) = (failure.status(), Instant::now());
            return Handled { answer: failure.answer(&id), status, max_memory_mb: None, ended };
        };
        let (answer, failure) = running.handle(invocation, deadline, timeout).await;
        let ended = Instant::now();
        running.settle().await;
        let max_memory_mb = running.max_memory_mb;
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
        if let Some(running) = self.running.take() {
            running.process.kill().await;
        }
    }

    fn check_memory(&self, report: &Report) {
        let size = report.memory_mb;
        if let Some(used) = report.max_memory_mb.filter(|used| *used > size) {
            self.warn(&format!(
                "{used} MB were used of {size}: Lambda would have ended the function"
            ));
        }
    }

    fn warn(&self, message: &str) {
        self.journal.line(Line::Warning(message.to_owned()));
    }
}

impl Running {
    /// Waits for the first question after an event.
    async fn ready(
        &mut self,
        deadline: Instant,
        limit: Duration,
        sink: &Sink,
    ) -> Result<Instant, Failure> {
        let settled = |progress: &Progress| progress.polls > 0 || progress.init_error.is_some();
        let init_error = tokio::select! {
            biased;
            Ok(progress) = self.progress.wait_for(settled) => progress.init_error.clone(),
            how = self.process.exited() => return Err(Failure::Exited(how)),
            () = sleep_until(deadline) => return Err(Failure::TimedOut(limit.as_secs_f64())),
        };
        let ready = Instant::now();
        self.settle().await;
        let Some(InitError { body, error_type }) = init_error else { return Ok(ready) };
        if timeout(EXIT_LIMIT, self.process.exited()).await.is_err() {
            let message = "the runtime did not end after it reported an init error";
            sink(Line::Warning(message.to_owned()));
        }
        Err(Failure::Init { body, error_type })
    }

    /// Delivers an event and waits for the answer, and then for the next question: what a runtime
    /// does in between is a part of the invocation too.
    async fn handle(
        &mut self,
        invocation: Invocation,
        deadline: Instant,
        limit: Duration,
    ) -> (Option<Answer>, Option<Failure>) {
        let polls = self.progress.borrow().polls;
        let remaining = deadline.saturating_duration_since(Instant::now());
        let pending = self.api.exchange().offer(invocation, ids::since_epoch() + remaining);
        let mut answer = None;
        let work = async {
            answer = pending.await.ok();
            let _ = self.progress.wait_for(|progress| progress.polls > polls).await;
        };
        let failure = tokio::select! {
            biased;
            () = work => None,
            how = self.process.exited() => Some(Failure::Exited(how)),
            () = sleep_until(deadline) => Some(Failure::TimedOut(limit.as_secs_f64())),
        };
        (answer, failure)
    }

    /// Takes down what the process has used and said so far.
    async fn settle(&mut self) {
        self.max_memory_mb = self.process.peak_memory_mb().or(self.max_memory_mb);
        self.process.flush_logs().await;
    }
}
