//! An AWS Lambda custom runtime for handlers written in [Rhai](https://rhai.rs).

// In reading order.
pub mod error;
pub mod config;
pub mod diagnostic;
#[cfg(feature = "cli")]
pub mod emulator;
#[doc(hidden)]
#[cfg(feature = "cli")]
pub mod cli;

pub use config::Config;
pub use error::{Error, Frame, Origin};
pub use rhai;
