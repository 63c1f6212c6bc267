//! The layer's entry: `/opt/bootstrap`.

use std::process::ExitCode;

use rhai_lambda::Runtime;

fn main() -> ExitCode {
    Runtime::builder().build().run()
}
