//! Who has which event: what is offered, what the runtime holds, what is answered, what is over.
//!
//! It knows Lambda's rules for the order of requests and nothing of HTTP.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, oneshot, watch};

use super::ids;
use super::invocation::{Answer, Invocation};
use super::logs::{Line, Sink};
use super::protocol::{self, Refusal};

/// An error that the runtime reported before its first event.
#[derive(Clone, Debug)]
pub(super) struct InitError {
    pub(super) body: Bytes,
    pub(super) error_type: String,
}

/// How far the runtime is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// How often it asked for an event.
    pub(super) polls: u64,
    /// It failed to load.
    pub(super) init_error: Option<InitError>,
}

/// The state of one Runtime API.
pub(super) struct Exchange {
    concurrency: usize,
    sink: Sink,
    tables: Mutex<Tables>,
    work: Notify,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Tables {
    waiting: VecDeque<Offer>,
    given: HashMap<String, Given>,
    over: HashSet<String>,
}

/// An event for the runtime.
pub(super) struct Offer {
    pub(super) invocation: Invocation,
    /// Since the epoch.
    pub(super) deadline: Duration,
    /// Tells this delivery from another one of the same request.
    pub(super) attempt: String,
    caller: Option<oneshot::Sender<Answer>>,
}

/// An event that the runtime has.
struct Given {
    attempt: String,
    /// Taken by the first answer.
    caller: Option<oneshot::Sender<Answer>>,
    /// A response was refused for its size: an error may still follow.
    too_large: bool,
}

impl Exchange {
    /// As many events as `concurrency` may be with the runtime at the same time.
    pub(super) fn new(concurrency: usize, sink: Sink) -> Self {
        Self {
            concurrency,
            sink,
            tables: Mutex::default(),
            work: Notify::new(),
            progress: watch::Sender::default(),
        }
    }

    /// Follows the runtime.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Tells the author of the runtime what would go wrong on AWS.
    pub(super) fn warn(&self, message: impl Into<String>) {
        (self.sink)(Line::Warning(message.into()));
    }

    /// Offers an event to the next question.
    pub(super) fn offer(
        &self,
        invocation: Invocation,
        deadline: Duration,
    ) -> oneshot::Receiver<Answer> {
        let (caller, answer) = oneshot::channel();
        let offer = Offer { invocation, deadline, attempt: ids::uuid(), caller: Some(caller) };
        self.lock().waiting.push_back(offer);
        self.work.notify_one();
        answer
    }

    /// Waits for an event and hands it out.
    pub(super) async fn take(&self) -> Result<Offer, Refusal> {
        self.poll()?;
        loop {
            // Asked for before looking, so that an offer in between is not missed.
            let work = self.work.notified();
            if let Some(offer) = self.give() {
                return Ok(offer);
            }
            work.await;
        }
    }

    /// Counts a `/next`, which also ends what the same worker had before.
    fn poll(&self) -> Result<(), Refusal> {
        if self.progress.borrow().init_error.is_some() {
            self.warn("the runtime asks for an event after it reported that it cannot start");
            return Err(Refusal::WrongState);
        }
        let mut tables = self.lock();
        let Tables { given, over, .. } = &mut *tables;
        for (id, event) in given.iter_mut() {
            if event.too_large {
                // It was told and does not care: the caller gets Lambda's own words.
                if let Some(caller) = event.caller.take() {
                    let _ = caller.send(protocol::too_large_answer());
                }
            }
            if event.caller.is_none() {
                over.insert(id.clone());
            }
        }
        given.retain(|_, event| event.caller.is_some());
        if given.len() >= self.concurrency {
            self.warn("the runtime asks for an event before it answered the one that it has");
            return Err(Refusal::WrongState);
        }
        drop(tables);
        self.progress.send_modify(|progress| progress.polls += 1);
        Ok(())
    }

    /// Hands out the event that has waited longest.
    fn give(&self) -> Option<Offer> {
        let mut tables = self.lock();
        let mut offer = tables.waiting.pop_front()?;
        if !tables.waiting.is_empty() {
            self.work.notify_one();
        }
        let caller = offer.caller.take();
        let given = Given { attempt: offer.attempt.clone(), caller, too_large: false };
        tables.given.insert(offer.invocation.id.clone(), given);
        Some(offer)
    }

    /// Finds the event that an answer is for.
    pub(super) fn check(&self, id: &str, attempt: Option<&str>) -> Result<(), Refusal> {
        let tables = self.lock();
        let Some(event) = tables.given.get(id) else {
            let refusal = if tables.over.contains(id) { Refusal::Gone } else { Refusal::UnknownId };
            self.warn(format!("the runtime answers `{id}`, which it does not have"));
            return Err(refusal);
        };
        match attempt {
            None => {
                self.warn(format!("the runtime does not send `{}` back", protocol::INVOCATION_ID))
            }
            Some(attempt) if attempt != event.attempt => {
                self.warn(format!("the runtime sends another `{}` back", protocol::INVOCATION_ID));
                return Err(Refusal::Gone);
            }
            Some(_) => {}
        }
        if event.caller.is_none() {
            self.warn(format!("the runtime answers `{id}` twice"));
            return Err(Refusal::WrongState);
        }
        Ok(())
    }

    /// Passes an answer on to the caller.
    pub(super) fn answer(&self, id: &str, answer: Answer) -> Result<(), Refusal> {
        let mut tables = self.lock();
        let caller = tables.given.get_mut(id).and_then(|event| event.caller.take());
        // The caller may have given up, at its deadline.
        caller.ok_or(Refusal::WrongState)?.send(answer).map_err(|_| Refusal::Gone)
    }

    /// Remembers that a response was too large.
    pub(super) fn refuse_size(&self, id: &str) -> Refusal {
        if let Some(event) = self.lock().given.get_mut(id) {
            event.too_large = true;
        }
        Refusal::TooLarge
    }

    /// Takes the word of a runtime that it cannot start.
    pub(super) fn init_error(&self, error: InitError) -> Result<(), Refusal> {
        let first = self.progress.send_if_modified(|progress| {
            let first = progress.polls == 0 && progress.init_error.is_none();
            if first {
                progress.init_error = Some(error);
            }
            first
        });
        if first {
            return Ok(());
        }
        self.warn("the runtime reports an init error when its init is over");
        Err(Refusal::WrongState)
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic in between leaves the tables whole: each change is one call.
        self.tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
