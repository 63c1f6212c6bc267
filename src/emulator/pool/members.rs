//! Which environment an event gets: one to itself, or a seat in one that has several.

use std::sync::Arc;

use super::Tagged;
use crate::emulator::delivery::Delivery;
use crate::emulator::environment::Environment;
use crate::emulator::managed::Managed;
use crate::emulator::{Answer, Function, FunctionOptions, Invocation, Outcome};

/// The environments of a function.
pub(super) struct Members {
    options: FunctionOptions,
    /// Counts the replacements: an environment belongs to the code that it was started for.
    generation: u64,
    /// Those that have one event at a time and none now. The one that was used last is at the end,
    /// and is used first.
    idle: Vec<Alone>,
    /// How many of them have an event.
    busy: usize,
    /// Those that have several at a time.
    shared: Vec<Shared>,
}

/// An environment for one event, and what it may be used for.
pub(super) struct Alone {
    environment: Environment,
    generation: u64,
    /// Tenants do not share environments.
    tenant: Option<String>,
}

/// An environment for several events.
struct Shared {
    environment: Arc<Managed>,
    events: usize,
}

/// A place for one event.
pub(super) enum Seat {
    Alone(Box<Alone>),
    Shared(Arc<Managed>),
}

impl Seat {
    pub(super) async fn deliver(&mut self, invocation: Invocation, delivery: Delivery) -> Outcome {
        match self {
            Self::Alone(alone) => alone.environment.deliver(invocation, delivery).await,
            Self::Shared(environment) => environment.deliver(invocation, delivery).await,
        }
    }

    /// Starts the runtime ahead of any event.
    pub(super) async fn prepare(&mut self) -> Result<(), Answer> {
        match self {
            Self::Alone(alone) => alone.environment.prepare().await,
            Self::Shared(environment) => environment.prepare().await,
        }
    }

    /// Ends the environment, whatever else it has.
    pub(super) async fn shut_down(self) {
        match self {
            Self::Alone(alone) => alone.environment.shut_down().await,
            Self::Shared(environment) => environment.shut_down().await,
        }
    }
}

impl Members {
    pub(super) fn new(options: FunctionOptions) -> Self {
        Self { options, generation: 0, idle: Vec::new(), busy: 0, shared: Vec::new() }
    }

    /// The caller has made sure that there is a place.
    pub(super) fn take_seat(
        &mut self,
        invocation: &Invocation,
        function: &Function,
        sink: &dyn Fn() -> Tagged,
    ) -> Seat {
        match self.options.max_concurrency {
            None => Seat::Alone(Box::new(self.take_alone(invocation, function, sink))),
            Some(concurrency) => {
                let concurrency = concurrency.max(1);
                let free = self.shared.iter_mut().find(|shared| shared.events < concurrency);
                if let Some(shared) = free {
                    shared.events += 1;
                    return Seat::Shared(shared.environment.clone());
                }
                let environment = Managed::new(function.clone(), concurrency, sink());
                let environment = Arc::new(environment);
                self.shared.push(Shared { environment: environment.clone(), events: 1 });
                Seat::Shared(environment)
            }
        }
    }

    /// A new environment beside all others, and the generation that it is of.
    pub(super) fn spare(&self, function: &Function, sink: &dyn Fn() -> Tagged) -> (Seat, u64) {
        let generation = self.generation;
        let seat = match self.options.max_concurrency {
            None => {
                let environment = Environment::observed(function.clone(), sink());
                Seat::Alone(Box::new(Alone { environment, generation, tenant: None }))
            }
            Some(concurrency) => {
                let environment = Managed::new(function.clone(), concurrency.max(1), sink());
                Seat::Shared(Arc::new(environment))
            }
        };
        (seat, generation)
    }

    /// Keeps such an environment for events to come, or gives it back if there is no room for it.
    pub(super) fn keep(&mut self, seat: Seat, generation: u64) -> Option<Seat> {
        let limit = self.options.max_environments.max(1);
        match seat {
            seat if generation != self.generation => return Some(seat),
            Seat::Alone(alone) if self.idle.len() + self.busy < limit => self.idle.push(*alone),
            Seat::Shared(environment) if self.shared.len() < limit => {
                self.shared.push(Shared { environment, events: 0 });
            }
            seat => return Some(seat),
        }
        None
    }

    fn take_alone(
        &mut self,
        invocation: &Invocation,
        function: &Function,
        sink: &dyn Fn() -> Tagged,
    ) -> Alone {
        self.busy += 1;
        let tenant = &invocation.tenant_id;
        if let Some(index) = self.idle.iter().rposition(|alone| alone.tenant == *tenant) {
            return self.idle.remove(index);
        }
        let limit = self.options.max_environments.max(1);
        if self.idle.len() + self.busy > limit && !self.idle.is_empty() {
            // All the others wait for another tenant: the one that did so for longest goes.
            drop(self.idle.remove(0));
        }
        Alone {
            environment: Environment::observed(function.clone(), sink()),
            generation: self.generation,
            tenant: tenant.clone(),
        }
    }

    /// Takes an environment back. One that has been replaced ends with its last event: it is given
    /// back to be ended.
    pub(super) fn leave(&mut self, seat: Seat) -> Option<Seat> {
        match seat {
            Seat::Alone(alone) => {
                self.busy -= 1;
                if alone.generation != self.generation {
                    return Some(Seat::Alone(alone));
                }
                self.idle.push(*alone);
            }
            Seat::Shared(environment) => {
                let is_it = |shared: &&mut Shared| Arc::ptr_eq(&shared.environment, &environment);
                match self.shared.iter_mut().find(is_it) {
                    Some(shared) => shared.events -= 1,
                    None if Arc::strong_count(&environment) == 1 => {
                        return Some(Seat::Shared(environment));
                    }
                    None => {}
                }
            }
        }
        None
    }

    /// From now on no environment that there is gets a further event. Those that have none are given
    /// back to be ended.
    pub(super) fn retire(&mut self) -> Vec<Seat> {
        self.generation += 1;
        let alone = self.idle.drain(..).map(|alone| Seat::Alone(Box::new(alone)));
        let shared = self.shared.drain(..).filter(|shared| shared.events == 0);
        alone.chain(shared.map(|shared| Seat::Shared(shared.environment))).collect()
    }
}
