//! The environments of one function: started when they are needed, used again, replaced, ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::environment::Environment;
use super::function::Function;
use super::invocation::{Invocation, Outcome};
use super::lambda::{FunctionOptions, NotInvoked, Observer, Record};
use super::streamed::Streamed;

/// One function and its environments.
pub(super) struct Pool {
    name: Arc<str>,
    observer: Observer,
    limit: usize,
    /// One for each environment that there may be; who waits for one is served in order.
    permits: Arc<Semaphore>,
    /// How many invocations are at work, and whether they are to end.
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
    /// Counts the replacements.
    generation: u64,
    /// The one that was used last is at the end, and is used first.
    idle: Vec<Member>,
    busy: usize,
}

/// An environment, and what it may be used for.
struct Member {
    environment: Environment,
    generation: u64,
    /// Tenants do not share environments.
    tenant: Option<String>,
}

impl Pool {
    pub(super) fn new(function: Function, options: FunctionOptions, observer: Observer) -> Self {
        let limit = options.max_environments.max(1);
        Self {
            name: function.name.as_str().into(),
            observer,
            limit,
            permits: Arc::new(Semaphore::new(limit)),
            work: watch::Sender::default(),
            state: Mutex::new(State { function, generation: 0, idle: Vec::new(), busy: 0 }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn function(&self) -> Function {
        self.lock().function.clone()
    }

    pub(super) async fn invoke(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Outcome, NotInvoked> {
        let (permit, asked) = self.wait().await?;
        let pool = self.clone();
        // A task of its own: a caller who goes away does not take the function with him.
        let work =
            tokio::spawn(
                async move { pool.run(invocation, Delivery::buffered(), permit, asked).await },
            );
        work.await.unwrap_or(Err(NotInvoked::ShutDown))
    }

    pub(super) async fn invoke_streaming(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Streamed, NotInvoked> {
        let (permit, asked) = self.wait().await?;
        let id = invocation.id.clone();
        let (ended, outcome) = oneshot::channel();
        let (delivery, reading) = Delivery::streamed();
        let pool = self.clone();
        tokio::spawn(async move {
            let _ = ended.send(pool.run(invocation, delivery, permit, asked).await);
        });
        Ok(Streamed::begin(id, reading, outcome).await)
    }

    /// From now on new environments run `function`, and old ones no further event.
    pub(super) fn replace(&self, function: Function) {
        let mut state = self.lock();
        state.function = function;
        state.generation += 1;
        let old = std::mem::take(&mut state.idle);
        drop(state);
        // Idle environments have said all they had to say: there is nothing to wait for.
        drop(old);
    }

    /// Lets nobody in any more, and ends what is at work.
    pub(super) fn close(&self) {
        self.permits.close();
        self.work.send_modify(|work| work.closing = true);
        drop(std::mem::take(&mut self.lock().idle));
    }

    /// Waits until nothing is at work.
    pub(super) async fn closed(&self) {
        let _ = self.work.subscribe().wait_for(|work| work.running == 0).await;
    }

    /// Waits for the right to use an environment; tells since when.
    async fn wait(&self) -> Result<(OwnedSemaphorePermit, Instant), NotInvoked> {
        let asked = Instant::now();
        let permit = self.permits.clone().acquire_owned().await;
        Ok((permit.map_err(|_| NotInvoked::ShutDown)?, asked))
    }

    /// Runs an event in an environment, and tells the observer.
    async fn run(
        self: Arc<Self>,
        invocation: Invocation,
        delivery: Delivery,
        permit: OwnedSemaphorePermit,
        asked: Instant,
    ) -> Result<Outcome, NotInvoked> {
        let _running = Running::enter(&self.work);
        let mut member = self.check_out(&invocation);
        let began = Instant::now();
        (self.observer)(Record::Started {
            function: self.name.clone(),
            id: invocation.id.clone(),
            event: invocation.event.clone(),
            waited: began - asked,
        });
        let mut work = self.work.subscribe();
        let outcome = tokio::select! {
            outcome = member.environment.deliver(invocation, delivery) => Some(outcome),
            _ = work.wait_for(|work| work.closing) => None,
        };
        let Some(outcome) = outcome else {
            member.environment.shut_down().await;
            self.lock().busy -= 1;
            return Err(NotInvoked::ShutDown);
        };
        // Before the caller knows: his next event is to find the environment.
        self.check_in(member);
        drop(permit);
        (self.observer)(Record::Finished {
            function: self.name.clone(),
            outcome: outcome.clone(),
            took: began.elapsed(),
        });
        Ok(outcome)
    }

    fn check_out(&self, invocation: &Invocation) -> Member {
        let mut state = self.lock();
        state.busy += 1;
        let tenant = &invocation.tenant_id;
        if let Some(index) = state.idle.iter().rposition(|member| member.tenant == *tenant) {
            return state.idle.remove(index);
        }
        if state.idle.len() + state.busy > self.limit {
            // All the others wait for another tenant: the one that did so for longest goes.
            drop(state.idle.remove(0));
        }
        let (name, observer) = (self.name.clone(), self.observer.clone());
        let sink = move |id: Option<&str>, line| {
            observer(Record::Line { function: name.clone(), id: id.map(str::to_owned), line });
        };
        Member {
            environment: Environment::observed(state.function.clone(), Arc::new(sink)),
            generation: state.generation,
            tenant: tenant.clone(),
        }
    }

    fn check_in(&self, member: Member) {
        let mut state = self.lock();
        state.busy -= 1;
        if member.generation == state.generation && !self.permits.is_closed() {
            state.idle.push(member);
            return;
        }
        drop(state);
        drop(member);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in between leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an invocation for as long as it is at work.
struct Running<'a>(&'a watch::Sender<Work>);

impl<'a> Running<'a> {
    fn enter(work: &'a watch::Sender<Work>) -> Self {
        work.send_modify(|work| work.running += 1);
        Self(work)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|work| work.running -= 1);
    }
}
