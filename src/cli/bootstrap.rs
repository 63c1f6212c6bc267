//! `rhai-lambda bootstrap`: the runtime inside the command, so that one binary is enough to run
//! a function.

use std::process::ExitCode;

/// Does what the binary `bootstrap` does.
pub(super) fn run() -> ExitCode {
    ExitCode::FAILURE
}
