//! The environments of one function: started when they are needed, used again, replaced, ended.

mod members;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::function::Function;
use super::invocation::{Answer, Invocation, Outcome};
use super::journal::Tagged;
use super::lambda::{FunctionOptions, NotInvoked, Observer, Record};
use super::streamed::Streamed;
use members::{Members, Seat};

/// One function and its environments.
pub(super) struct Pool {
    name: Arc<str>,
    observer: Observer,
    /// One for each event that there may be at once; who waits for one is served in order.
    permits: Arc<Semaphore>,
    /// How many invocations wait or are at work, and whether they are to end.
    work: watch::Sender<Work>,
    state: Mutex<State>,
}

#[derive(Default)]
struct Work {
    running: usize,
    closing: bool,
}

struct State {
    function: Function,
    members: Members,
}

impl Pool {
    pub(super) fn new(function: Function, options: FunctionOptions, observer: Observer) -> Self {
        let environments = options.max_environments.max(1);
        let each = options.max_concurrency.map_or(1, |concurrency| concurrency.max(1));
        Self {
            name: function.name.as_str().into(),
            observer,
            permits: Arc::new(Semaphore::new(environments.saturating_mul(each))),
            work: watch::Sender::default(),
            state: Mutex::new(State { function, members: Members::new(options) }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn function(&self) -> Function {
        self.lock().function.clone()
    }

    /// Starts an environment that waits for an event, beside those that are at work.
    pub(super) async fn prepare(self: &Arc<Self>) -> Result<Result<(), Answer>, NotInvoked> {
        let _counted = Counted::new(self.clone());
        let mut work = self.work.subscribe();
        let (mut seat, generation) = {
            let state = self.lock();
            state.members.spare(&state.function, &|| self.sink())
        };
        let prepared = tokio::select! {
            prepared = seat.prepare() => Some(prepared),
            _ = work.wait_for(|work| work.closing) => None,
        };
        let Some(prepared) = prepared else {
            seat.shut_down().await;
            return Err(NotInvoked::ShutDown);
        };
        let surplus = match prepared {
            Ok(()) => self.lock().members.keep(seat, generation),
            Err(_) => Some(seat),
        };
        self.end(surplus);
        Ok(prepared)
    }

    pub(super) async fn invoke(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Outcome, NotInvoked> {
        let turn = Turn::wait(self.clone()).await?;
        // A task of its own: a caller who goes away does not take the function with him.
        let work = tokio::spawn(turn.run(invocation, Delivery::buffered()));
        work.await.unwrap_or(Err(NotInvoked::ShutDown))
    }

    pub(super) async fn invoke_streaming(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Streamed, NotInvoked> {
        let turn = Turn::wait(self.clone()).await?;
        let id = invocation.id.clone();
        let (ended, outcome) = oneshot::channel();
        let (delivery, reading) = Delivery::streamed();
        tokio::spawn(async move {
            let _ = ended.send(turn.run(invocation, delivery).await);
        });
        Ok(Streamed::begin(id, reading, outcome).await)
    }

    /// From now on new environments run `function`, and old ones no further event.
    pub(super) fn replace(self: &Arc<Self>, function: Function) {
        let idle = {
            let mut state = self.lock();
            state.function = function;
            state.members.retire()
        };
        self.end(idle);
    }

    /// Lets nobody in any more, and ends what is at work.
    pub(super) fn close(self: &Arc<Self>) {
        self.permits.close();
        self.work.send_modify(|work| work.closing = true);
        let idle = self.lock().members.retire();
        self.end(idle);
    }

    /// Ends environments beside all else, as Lambda does: a runtime that wants to know of it is told.
    fn end(self: &Arc<Self>, seats: impl IntoIterator<Item = Seat>) {
        // Outside of a runtime there is nobody to wait for them: they end as they are dropped.
        let Ok(runtime) = Handle::try_current() else { return };
        for seat in seats {
            let counted = Counted::new(self.clone());
            runtime.spawn(async move {
                seat.shut_down().await;
                drop(counted);
            });
        }
    }

    /// Waits until nothing is at work.
    pub(super) async fn closed(&self) {
        let _ = self.work.subscribe().wait_for(|work| work.running == 0).await;
    }

    fn take_seat(&self, invocation: &Invocation) -> Seat {
        let mut state = self.lock();
        let State { function, members } = &mut *state;
        members.take_seat(invocation, function, &|| self.sink())
    }

    /// Passes lines on to the observer.
    fn sink(&self) -> Tagged {
        let (name, observer) = (self.name.clone(), self.observer.clone());
        Arc::new(move |id, line| {
            // While a runtime loads ahead of any event, its lines belong to none.
            let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
            observer(Record::Line { function: name.clone(), id, line });
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in between leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run one event.
struct Turn {
    counted: Counted,
    asked: Instant,
    permit: OwnedSemaphorePermit,
}

impl Turn {
    async fn wait(pool: Arc<Pool>) -> Result<Self, NotInvoked> {
        let asked = Instant::now();
        let counted = Counted::new(pool);
        let permit = counted.pool.permits.clone().acquire_owned().await;
        Ok(Self { permit: permit.map_err(|_| NotInvoked::ShutDown)?, counted, asked })
    }

    /// Runs an event in an environment, and tells the observer.
    async fn run(self, invocation: Invocation, delivery: Delivery) -> Result<Outcome, NotInvoked> {
        let Self { counted, asked, permit } = self;
        let pool = &counted.pool;
        let mut seat = pool.take_seat(&invocation);
        let began = Instant::now();
        (pool.observer)(Record::Started {
            function: pool.name.clone(),
            id: invocation.id.clone(),
            event: invocation.event.clone(),
            waited: began - asked,
        });
        let mut work = pool.work.subscribe();
        let outcome = tokio::select! {
            outcome = seat.deliver(invocation, delivery) => Some(outcome),
            _ = work.wait_for(|work| work.closing) => None,
        };
        let Some(outcome) = outcome else {
            seat.shut_down().await;
            return Err(NotInvoked::ShutDown);
        };
        // Before the caller knows: his next event is to find the environment.
        let replaced = pool.lock().members.leave(seat);
        pool.end(replaced);
        drop(permit);
        (pool.observer)(Record::Finished {
            function: pool.name.clone(),
            outcome: outcome.clone(),
            took: began.elapsed(),
        });
        Ok(outcome)
    }
}

/// Counts an invocation for as long as it waits or is at work.
struct Counted {
    pool: Arc<Pool>,
}

impl Counted {
    fn new(pool: Arc<Pool>) -> Self {
        pool.work.send_modify(|work| work.running += 1);
        Self { pool }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.pool.work.send_modify(|work| work.running -= 1);
    }
}
