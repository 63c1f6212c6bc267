//! An AWS Lambda custom runtime for handlers written in [Rhai](https://rhai.rs).
//!
//! The crate is a layer's `bootstrap`, the command `rhai-lambda`, and this library, with which one
//! builds a `bootstrap` of one's own or runs a function without any Lambda around it. How to write
//! a handler, the modules that it may call and the limits that hold for it stand in the README.
//!
//! # A function, run here
//!
//! ```
//! use rhai_lambda::{Config, Context, Handler};
//!
//! let mut config = Config::from_env()?;
//! config.task_root = "examples/echo".into();
//! config.handler = "function.handler".into();
//!
//! // Scripts recurse: they need a thread with a deep stack.
//! let answer = Handler::with_stack(&config, || {
//!     let handler = Handler::load(&config)?;
//!     handler.invoke(br#"{"name":"Ada"}"#, Context::default())
//! })?;
//! assert_eq!(answer.body, br#""Echoing request: '{\"name\":\"Ada\"}'""#);
//! # Ok::<(), rhai_lambda::Error>(())
//! ```
//!
//! # A runtime of one's own
//!
//! A `main` such as this makes a `bootstrap` whose scripts can call a function written in Rust;
//! `examples/embed` is the whole of it.
//!
//! ```no_run
//! use rhai_lambda::Runtime;
//!
//! fn main() -> std::process::ExitCode {
//!     Runtime::builder()
//!         .with_engine(|engine| {
//!             engine.register_fn("double", |number: i64| number.saturating_mul(2));
//!         })
//!         .build()
//!         .run()
//! }
//! ```
//!
//! # The map
//!
//! | | |
//! |---|---|
//! | [`Runtime`] | the loop of a `bootstrap`: init, then event after event |
//! | [`Handler`] | a function: loaded once, called with bytes, answers with bytes |
//! | [`Config`], [`Context`] | what the environment and an invocation say |
//! | [`Answer`], [`Error`] | what comes out; [`diagnostic`] draws an error with its source |
//! | [`emulator`] | a Lambda on this machine, which runs a real `bootstrap` |
//! | [`rhai`] | the engine's crate, in the version that [`Builder::with_engine`] expects |
//!
//! [`Builder::with_engine`]: runtime::Builder::with_engine
//!
//! # Cargo features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `cli` | yes | the command `rhai-lambda` and [`emulator`], with what they depend on |
//! | `http` | yes | `http::` for scripts, with its TLS |
//!
//! Who builds a `bootstrap` wants `default-features = false`. In every case the crate sets the
//! process's allocator, to one that counts, since the memory limit of scripts is read from it: a
//! program that uses the crate cannot set another.

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
mod trace;
mod calendar;
#[cfg(feature = "cli")]
mod world;
#[path = "world/real.rs"]
#[cfg(not(feature = "cli"))]
mod world;
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
