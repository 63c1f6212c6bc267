//! Who has which event: what is offered, what the runtime holds, what is answered, what is over.
//!
//! It knows Lambda's rules for the order of requests and nothing of HTTP.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::delivery::{Piece, Reply};
use super::ids;
use super::invocation::{Answer, Invocation};
use super::logs::{Line, Sink};
use super::protocol::{self, Refusal};

/// How many events that are over are known by their ids: a runtime that answers one of them late does
/// so soon, and a process may have any number of events in its life.
const REMEMBERED: usize = 1000;

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
    waiting: VecDeque<Waiter>,
    /// Workers that asked and have nothing yet.
    waiting_workers: usize,
    given: HashMap<String, Given>,
    /// The latest last.
    over: VecDeque<String>,
}

/// An event for the runtime.
pub(super) struct Offer {
    pub(super) invocation: Invocation,
    /// Since the epoch.
    pub(super) deadline: Duration,
    /// Tells this delivery from another one of the same request.
    pub(super) attempt: String,
}

/// An event that no worker has asked for yet.
struct Waiter {
    invocation: Invocation,
    deadline: Deadline,
    caller: oneshot::Sender<Reply>,
}

/// When an event's time is up.
enum Deadline {
    /// Since the epoch.
    At(Duration),
    /// So long after a worker has taken it, who is told of.
    FromThen(Duration, oneshot::Sender<()>),
}

/// An event that the runtime has.
struct Given {
    attempt: String,
    state: State,
}

/// How far the answer to an event is.
enum State {
    /// There is none.
    Open(oneshot::Sender<Reply>),
    /// A response was refused for its size: an error may still follow.
    TooLarge(oneshot::Sender<Reply>),
    /// A response has begun.
    Streaming,
    /// There is one.
    Answered,
}

impl State {
    /// Takes the caller, who gets one answer.
    fn answer(&mut self, next: Self) -> Option<oneshot::Sender<Reply>> {
        match std::mem::replace(self, next) {
            Self::Open(caller) | Self::TooLarge(caller) => Some(caller),
            other => {
                *self = other;
                None
            }
        }
    }
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
    ) -> oneshot::Receiver<Reply> {
        self.put(invocation, Deadline::At(deadline))
    }

    /// Offers an event whose time runs from the moment when a worker takes it, which the second
    /// receiver tells.
    pub(super) fn offer_for(
        &self,
        invocation: Invocation,
        time: Duration,
    ) -> (oneshot::Receiver<Reply>, oneshot::Receiver<()>) {
        let (tell, taken) = oneshot::channel();
        (self.put(invocation, Deadline::FromThen(time, tell)), taken)
    }

    fn put(&self, invocation: Invocation, deadline: Deadline) -> oneshot::Receiver<Reply> {
        let (caller, answer) = oneshot::channel();
        self.lock().waiting.push_back(Waiter { invocation, deadline, caller });
        self.work.notify_one();
        answer
    }

    /// Waits for an event and hands it out.
    pub(super) async fn take(&self) -> Result<Offer, Refusal> {
        let _waiting = self.poll()?;
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
    fn poll(&self) -> Result<Waiting<'_>, Refusal> {
        if self.progress.borrow().init_error.is_some() {
            self.warn("the runtime asks for an event after it reported that it cannot start");
            return Err(Refusal::WrongState);
        }
        let mut tables = self.lock();
        let Tables { given, over, waiting_workers, .. } = &mut *tables;
        let answered = given.extract_if(|_, event| matches!(event.state, State::Answered));
        over.extend(answered.map(|(id, _)| id));
        if given.len() + *waiting_workers >= self.concurrency {
            // One of the workers that were told of their response's size does not care: the caller
            // gets Lambda's own words.
            let id = given.iter().find(|(_, event)| matches!(event.state, State::TooLarge(_)));
            if let Some(id) = id.map(|(id, _)| id.clone())
                && let Some(mut event) = given.remove(&id)
                && let Some(caller) = event.state.answer(State::Answered)
            {
                let _ = caller.send(Reply::Whole(protocol::too_large_answer()));
                over.push_back(id);
            }
        }
        let surplus = over.len().saturating_sub(REMEMBERED);
        over.drain(..surplus);
        if given.len() >= self.concurrency {
            self.warn("the runtime asks for an event before it answered the one that it has");
            return Err(Refusal::WrongState);
        }
        *waiting_workers += 1;
        drop(tables);
        self.progress.send_modify(|progress| progress.polls += 1);
        Ok(Waiting(self))
    }

    /// Hands out the event that has waited longest.
    fn give(&self) -> Option<Offer> {
        let mut tables = self.lock();
        loop {
            let Waiter { invocation, deadline, caller } = tables.waiting.pop_front()?;
            if caller.is_closed() {
                // He waited for a worker for as long as he could.
                continue;
            }
            if !tables.waiting.is_empty() {
                self.work.notify_one();
            }
            let deadline = match deadline {
                Deadline::At(deadline) => deadline,
                Deadline::FromThen(time, tell) => {
                    let _ = tell.send(());
                    ids::since_epoch() + time
                }
            };
            let attempt = ids::uuid();
            let given = Given { attempt: attempt.clone(), state: State::Open(caller) };
            tables.given.insert(invocation.id.clone(), given);
            return Some(Offer { invocation, deadline, attempt });
        }
    }

    /// Finds the event that an answer is for.
    pub(super) fn check(&self, id: &str, attempt: Option<&str>) -> Result<(), Refusal> {
        let tables = self.lock();
        let Some(event) = tables.given.get(id) else {
            let is_over = tables.over.iter().any(|over| over == id);
            let refusal = if is_over { Refusal::Gone } else { Refusal::UnknownId };
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
        match event.state {
            State::Open(_) | State::TooLarge(_) => return Ok(()),
            State::Streaming => self.warn(format!(
                "the runtime answers `{id}` anew in the middle of its response: an error belongs into \
                 the trailers"
            )),
            State::Answered => self.warn(format!("the runtime answers `{id}` twice")),
        }
        Err(Refusal::WrongState)
    }

    /// Passes an answer on to the caller.
    pub(super) fn answer(&self, id: &str, answer: Answer) -> Result<(), Refusal> {
        self.reply(id, Reply::Whole(answer), State::Answered)
    }

    /// Begins a response that is passed on as it comes.
    pub(super) fn begin(
        &self,
        id: &str,
        content_type: String,
    ) -> Result<mpsc::Sender<Piece>, Refusal> {
        // The reader is not to be far behind: what is sent is to be what has arrived.
        let (sender, pieces) = mpsc::channel(1);
        self.reply(id, Reply::Stream { content_type, pieces }, State::Streaming)?;
        Ok(sender)
    }

    /// Ends a response that was begun, well or not.
    pub(super) fn finish(&self, id: &str) {
        if let Some(event) = self.lock().given.get_mut(id) {
            event.state = State::Answered;
        }
    }

    fn reply(&self, id: &str, reply: Reply, next: State) -> Result<(), Refusal> {
        let mut tables = self.lock();
        let caller = tables.given.get_mut(id).and_then(|event| event.state.answer(next));
        drop(tables);
        if caller.ok_or(Refusal::WrongState)?.send(reply).is_err() {
            self.finish(id);
            self.warn(format!("the runtime answers `{id}` after its deadline"));
            return Err(Refusal::Gone);
        }
        Ok(())
    }

    /// Remembers that a response was too large.
    pub(super) fn refuse_size(&self, id: &str) -> Refusal {
        if let Some(event) = self.lock().given.get_mut(id)
            && let Some(caller) = event.state.answer(State::Answered)
        {
            event.state = State::TooLarge(caller);
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

/// Counts a worker for as long as it waits for an event.
struct Waiting<'a>(&'a Exchange);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting_workers -= 1;
    }
}
