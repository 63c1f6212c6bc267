//! An AWS Lambda custom runtime for handlers written in [Rhai](https://rhai.rs).

// In reading order.
pub mod runtime;
pub mod handler;
mod answer;
mod client;
mod engine;
mod context;
mod payload;
mod modules;
mod log;
mod memory;
pub mod error;
pub mod config;
pub mod diagnostic;
pub mod secrets;
pub mod suggest;
#[cfg(feature = "cli")]
pub mod emulator;
#[doc(hidden)]
#[cfg(feature = "cli")]
pub mod cli;

pub use answer::Answer;
pub use config::Config;
pub use context::Context;
pub use error::{Error, Frame, Origin};
pub use handler::Handler;
pub use runtime::Runtime;

pub use rhai;
