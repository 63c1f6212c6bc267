//! Measures Lambda runtimes against one mock Runtime API: in time, or in instructions and calls.

mod api;
mod count;
mod figures;
mod http;
mod json;
mod peer;
mod plan;
mod table;
mod times;

use std::process::ExitCode;

use plan::{Plan, Work};

fn main() -> ExitCode {
    let outcome = Plan::parse(std::env::args().skip(1)).and_then(|plan| match plan.work {
        Work::Times => times::measure(&plan),
        Work::Count => count::measure(&plan),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Nothing was measured at all.
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}
