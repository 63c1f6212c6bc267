//! The command's entry.

use std::process::ExitCode;

fn main() -> ExitCode {
    rhai_lambda::cli::main()
}
