//! A Lambda on this machine: starts the real `bootstrap` and treats it as Lambda does.
//!
//! An [`Environment`] is one execution environment: one child process, one Runtime API on a port of
//! its own. It shares no name of the protocol with the client that it talks to, so that a slip in
//! one cannot hide behind the same slip in the other. It prints nothing and reads no environment
//! variable: lines go to a [`Sink`], settings come with the [`Function`].

mod lambda;
mod pool;
mod invoke_api;
mod streamed;
mod environment;
mod managed;
mod sandbox;
mod runtime_api;
mod exchange;
mod delivery;
mod protocol;
mod child;
mod logs;
mod journal;
mod function;
mod invocation;
mod report;
mod ids;
pub mod gateway;

pub use environment::Environment;
pub use function::Function;
pub use invocation::{Answer, Invocation, Outcome};
pub use invoke_api::invoke_api;
pub use lambda::{FunctionOptions, Lambda, NotInvoked, Observer, Record};
pub use logs::{Line, Sink};
pub use protocol::{MAX_EVENT, MAX_RESPONSE, MAX_STREAM};
pub use report::{Report, Status};
pub use streamed::Streamed;
