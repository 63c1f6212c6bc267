//! Lambda as its callers see it: functions by name, invoked at once as often as one likes.
//!
//! Whatever is asked for runs to its end, also when nobody waits for the answer any more.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;

use super::function::Function;
use super::invocation::{Answer, Invocation, Outcome};
use super::logs::Line;
use super::pool::Pool;
use super::streamed::Streamed;

/// How a function is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionOptions {
    /// How many execution environments there may be at once. Further invocations wait, in order.
    pub max_environments: usize,
    /// How many events one environment may have at once, as on Lambda Managed Instances; `None` is
    /// Lambda's default: one event after the other.
    pub max_concurrency: Option<usize>,
}

impl Default for FunctionOptions {
    /// Ten environments: the concurrency that a new account has on AWS.
    fn default() -> Self {
        Self { max_environments: 10, max_concurrency: None }
    }
}

/// What an observer is told, in the order in which it happens.
#[derive(Clone, Debug)]
pub enum Record {
    /// An invocation has got its environment.
    Started {
        /// The function's name.
        function: Arc<str>,
        /// The request id.
        id: String,
        /// The event.
        event: Bytes,
        /// How long it waited for an environment.
        waited: Duration,
    },
    /// An environment wrote a line.
    Line {
        /// The function's name.
        function: Arc<str>,
        /// The request id, unless the line belongs to no invocation.
        id: Option<String>,
        /// The line.
        line: Line,
    },
    /// An invocation is over.
    Finished {
        /// The function's name.
        function: Arc<str>,
        /// What came of it; `outcome.report.id` is the request id. Of a streamed response it holds
        /// as much as a buffered one may have.
        outcome: Outcome,
        /// From the start, loading included.
        took: Duration,
    },
}

/// Is told what happens. It is called from within, so it must not wait.
pub type Observer = Arc<dyn Fn(Record) + Send + Sync>;

/// Why a function was not run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotInvoked {
    /// There is no function of this name.
    NoSuchFunction(String),
    /// [`Lambda::shut_down`] was called.
    ShutDown,
}

impl fmt::Display for NotInvoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchFunction(name) => write!(f, "there is no function `{name}`"),
            Self::ShutDown => write!(f, "the emulator is shutting down"),
        }
    }
}

impl std::error::Error for NotInvoked {}

/// Functions, each with environments of its own. Clones are the same Lambda.
///
/// ```no_run
/// use std::sync::Arc;
/// use rhai_lambda::emulator::{Function, FunctionOptions, Invocation, Lambda};
///
/// # async fn example(function: Function) -> Result<(), Box<dyn std::error::Error>> {
/// let functions = vec![(function, FunctionOptions::default())];
/// let lambda = Lambda::new(functions, Arc::new(|record| drop(record)));
/// let outcome = lambda.invoke("orders", Invocation::new("{}")).await?;
/// println!("{}", outcome.report);
/// lambda.shut_down().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lambda {
    pools: Arc<[Arc<Pool>]>,
}

impl Lambda {
    /// Functions in the order in which they are to be listed. Nothing is started yet. Of two
    /// functions with one name the first is invoked.
    pub fn new(functions: Vec<(Function, FunctionOptions)>, observer: Observer) -> Self {
        let pools = functions
            .into_iter()
            .map(|(function, options)| Arc::new(Pool::new(function, options, observer.clone())))
            .collect();
        Self { pools }
    }

    /// The functions as they are now.
    pub fn functions(&self) -> Vec<Function> {
        self.pools.iter().map(|pool| pool.function()).collect()
    }

    /// One function as it is now.
    pub fn function(&self, name: &str) -> Option<Function> {
        self.pool(name).ok().map(|pool| pool.function())
    }

    /// Runs a function and waits for its answer.
    pub async fn invoke(&self, name: &str, invocation: Invocation) -> Result<Outcome, NotInvoked> {
        self.pool(name)?.invoke(invocation).await
    }

    /// Runs a function and returns as soon as its response begins.
    pub async fn invoke_streaming(
        &self,
        name: &str,
        invocation: Invocation,
    ) -> Result<Streamed, NotInvoked> {
        self.pool(name)?.invoke_streaming(invocation).await
    }

    /// Puts new code or settings in the place of the function of the same name. Environments in
    /// flight finish their event and end; the next event starts a new one.
    pub fn replace(&self, function: Function) -> Result<(), NotInvoked> {
        self.pool(&function.name)?.replace(function);
        Ok(())
    }

    /// Starts an environment of a function ahead of its first event, which tells whether its code
    /// loads: the inner error is the one that an event would get.
    pub async fn prepare(&self, name: &str) -> Result<Result<(), Answer>, NotInvoked> {
        self.pool(name)?.prepare().await
    }

    /// Ends every environment, also those in flight, and whoever waits gets
    /// [`NotInvoked::ShutDown`].
    pub async fn shut_down(&self) {
        // First all are told, then all are waited for.
        for pool in self.pools.iter() {
            pool.close();
        }
        for pool in self.pools.iter() {
            pool.closed().await;
        }
    }

    fn pool(&self, name: &str) -> Result<&Arc<Pool>, NotInvoked> {
        let pool = self.pools.iter().find(|pool| pool.name() == name);
        pool.ok_or_else(|| NotInvoked::NoSuchFunction(name.to_owned()))
    }
}
