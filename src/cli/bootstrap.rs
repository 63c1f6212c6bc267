//! `rhai-lambda bootstrap`: the runtime inside the command, so that one binary is enough to run
//! a function.

use std::process::ExitCode;

use crate::runtime::Runtime;

/// Does what the binary `bootstrap` does.
pub(super) fn run() -> ExitCode {
    Runtime::builder().build().run()
}
