//! `rhai-lambda invoke`: runs a function, once or many times, in the real runtime under the emulator.

mod series;
mod statistics;
mod document;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::Error;
use crate::emulator::{Answer, Function};

use super::event;
use super::function::Overrides;
use super::misuse::Misuse;
use super::project;
use super::target::Target;
use super::terminal::{Ending, Terminal, print};
use series::{Lines, Series};

/// Runs a function once, or many times.
///
/// The function runs in the runtime that the layer ships, under the rules of Lambda: its environment
/// variables and no others, its limits of time and size.
///
/// The result goes to standard output: JSON with a newline at its end, anything else byte for byte.
/// Logs and the REPORT line go to standard error. When the function fails, its error goes to standard
/// output as `aws lambda invoke` would write it, a drawing of it to standard error, and the exit
/// status is 1; it is 2 when the command was used wrongly.
///
/// With `--repeat` one environment gets the event again and again. How long that took comes in
/// place of the logs, and the result is the last one; Ctrl-C ends it early.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda invoke                               function.rhai of this folder, with its event.json
  rhai-lambda invoke examples/echo -d '{\"id\": 1}'  another folder, an event of your own
  rhai-lambda invoke hello.rhai                    `fn handler` of a script
  rhai-lambda invoke orders.list -e event.json     `fn list` of orders.rhai
  cat event.json | rhai-lambda invoke -e -         an event from standard input
  rhai-lambda invoke --sample sqs --set 'Records[0].body=hello'
  rhai-lambda invoke --timeout 30 --env TABLE=orders --env-file .env
  rhai-lambda invoke --repeat 1000                 how long it takes: mean, percentiles
  rhai-lambda invoke --json | jq .report           everything as one JSON document
")]
pub(super) struct Arguments {
    /// A folder with `function.rhai`, a script with `fn handler`, or `path/to/file.function`
    #[arg(value_name = "DIR | SCRIPT.rhai | FILE.FUNCTION", default_value = ".")]
    target: PathBuf,

    #[command(flatten)]
    event: event::Options,

    #[command(flatten)]
    overrides: Overrides,

    /// Runs the function so many times in the same environment, and tells how long it took
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,

    /// Writes one JSON document to standard output: result or error, report, logs
    #[arg(long)]
    json: bool,

    /// Leaves out the logs and the REPORT line
    #[arg(short, long)]
    quiet: bool,
}

impl Arguments {
    /// What becomes of the lines that the environment writes.
    fn lines(&self, terminal: Terminal) -> Lines {
        if self.json || self.quiet || self.repeat > 1 {
            Lines::Kept
        } else {
            Lines::Shown(terminal)
        }
    }
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let target = Target::find(&arguments.target)?;
    let event = arguments.event.read(&target.folder)?;
    let function = arguments.overrides.function(&target)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Misuse::new(format!("failed to start: {error}")))?;
    let series = runtime.block_on(series::run(
        function.clone(),
        event,
        arguments.repeat,
        arguments.lines(terminal),
    ));
    Ok(write_up(arguments, &target, &function, &series, terminal))
}

/// Writes what came of it, and tells the exit status.
fn write_up(
    arguments: &Arguments,
    target: &Target,
    function: &Function,
    series: &Series,
    terminal: Terminal,
) -> ExitCode {
    if !arguments.json {
        for warning in &series.warnings {
            terminal.warning(warning);
        }
        if arguments.repeat > 1 {
            terminal.text(&series.to_string());
        }
        if let Some(body) = &series.first_error {
            draw(body, target, terminal);
        }
    }
    let printed = match &series.last {
        None => Ok(()),
        Some(_) if arguments.json => {
            print(document::of(function, series).as_bytes(), Ending::Newline)
        }
        Some(last) => match &last.answer {
            Answer::Response { body, content_type } if !is_json(content_type) => {
                print(body, Ending::Exact)
            }
            Answer::Response { body, .. } | Answer::Error { body, .. } => {
                print(body, Ending::Newline)
            }
        },
    };
    if let Err(error) = printed {
        terminal.error(&format!("failed to write the result to standard output: {error}"));
        return ExitCode::FAILURE;
    }
    match series.interrupted {
        // As shells do: 128 and the signal's number.
        Some(number) => ExitCode::from(128 + number),
        None if series.failed() > 0 => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.starts_with("application/json")
}

/// Draws a function's error, unless its body is not one.
fn draw(body: &[u8], target: &Target, terminal: Terminal) {
    let Some(error) = serde_json::from_slice(body).ok().and_then(|body| Error::from_json(&body))
    else {
        return;
    };
    let error = match hint(&error, target) {
        Some(hint) => {
            let message = format!("{}\nhint: {hint}", error.message());
            Error::function(error.error_type().to_owned(), message)
                .with_frames(error.frames().to_vec())
        }
        None => error,
    };
    // Absolute files, those of a layer, stay as they are.
    let source_of = |file: &str| std::fs::read_to_string(target.folder.join(file)).ok();
    terminal.diagnostic(&error, &source_of);
}

/// What of the command line may help.
fn hint(error: &Error, target: &Target) -> Option<&'static str> {
    match error.error_type() {
        "Sandbox.Timedout" | "DeadlineExceeded" => Some("`--timeout SECONDS` allows more"),
        _ if project::lacks_native(&target.settings.natives, error) => {
            Some("a `bootstrap` of your own has it, as `rhai-lambda.toml` says: `--bootstrap PATH`")
        }
        _ => None,
    }
}
