//! `rhai-lambda invoke`: runs a function once, in the real runtime under the emulator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::Error;
use crate::emulator::{Answer, Environment, Function, Invocation};

use super::event;
use super::function::Overrides;
use super::misuse::Misuse;
use super::signals;
use super::target::Target;
use super::terminal::{Ending, Terminal, print};

/// Runs a function once.
///
/// The function runs in the runtime that the layer ships, under the rules of Lambda: its environment
/// variables and no others, its limits of time and size.
///
/// The result goes to standard output: JSON with a newline at its end, anything else byte for byte.
/// Logs and the REPORT line go to standard error. When the function fails, its error goes to standard
/// output as `aws lambda invoke` would write it, a drawing of it to standard error, and the exit
/// status is 1; it is 2 when the command was used wrongly.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda invoke                               function.rhai of this folder, with its event.json
  rhai-lambda invoke examples/echo -d '{\"id\": 1}'  another folder, an event of your own
  rhai-lambda invoke hello.rhai                    `fn handler` of a script
  rhai-lambda invoke orders.list -e event.json     `fn list` of orders.rhai
  cat event.json | rhai-lambda invoke -e -         an event from standard input
  rhai-lambda invoke --timeout 30 --env TABLE=orders
")]
pub(super) struct Arguments {
    /// A folder with `function.rhai`, a script with `fn handler`, or `path/to/file.function`
    #[arg(value_name = "DIR | SCRIPT.rhai | FILE.FUNCTION", default_value = ".")]
    target: PathBuf,

    /// The event, as JSON [default: `event.json` beside the script, else `{}`]
    #[arg(short, long, value_name = "JSON", conflicts_with = "event")]
    data: Option<String>,

    /// A file that holds the event; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    event: Option<PathBuf>,

    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let target = Target::find(&arguments.target)?;
    let data = arguments.data.as_deref();
    let event = event::read(data, arguments.event.as_deref(), &target.folder)?;
    let function = arguments.overrides.function(&target)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Misuse::new(format!("failed to start: {error}")))?;
    Ok(runtime.block_on(invoke(function, event, terminal)))
}

async fn invoke(function: Function, event: Vec<u8>, terminal: Terminal) -> ExitCode {
    let folder = function.task_root.clone();
    let mut environment = Environment::new(function, Arc::new(move |line| terminal.line(&line)));
    let outcome = tokio::select! {
        outcome = environment.invoke(Invocation::new(event)) => Ok(outcome),
        number = signals::interrupted() => Err(number),
    };
    environment.shut_down().await;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        // As shells do: 128 and the signal's number.
        Err(number) => return ExitCode::from(128 + number),
    };
    let (printed, status) = match &outcome.answer {
        Answer::Response { body, content_type } => {
            let json = content_type.starts_with("application/json");
            let ending = if json { Ending::Newline } else { Ending::Exact };
            (print(body, ending), ExitCode::SUCCESS)
        }
        Answer::Error { body, .. } => {
            draw(body, &folder, terminal);
            (print(body, Ending::Newline), ExitCode::FAILURE)
        }
    };
    if let Err(error) = printed {
        terminal.error(&format!("failed to write the result to standard output: {error}"));
        return ExitCode::FAILURE;
    }
    status
}

/// Draws a function's error, unless its body is not one.
fn draw(body: &[u8], folder: &Path, terminal: Terminal) {
    let Some(error) = serde_json::from_slice(body).ok().and_then(|body| Error::from_json(&body))
    else {
        return;
    };
    let error = match error.error_type() {
        "Sandbox.Timedout" | "DeadlineExceeded" => {
            let message = format!("{}\nhint: `--timeout SECONDS` allows more", error.message());
            Error::function(error.error_type().to_owned(), message)
                .with_frames(error.frames().to_vec())
        }
        _ => error,
    };
    // Absolute files, those of a layer, stay as they are.
    let source_of = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
    terminal.diagnostic(&error, &source_of);
}
