//! The command `rhai-lambda`, a file per subcommand.
//!
//! Exit statuses: 0 for an answer, 1 when the function failed, 2 when the command was used wrongly,
//! 130 after Ctrl-C. What a program may read is on standard output, all else on standard error.

mod new;
mod invoke;
mod serve;
mod check;
mod test;
mod package;
mod events;
mod doctor;
mod definitions;
mod completions;
mod bootstrap;
mod target;
mod project;
mod function;
mod env_file;
mod event;
mod misuse;
mod surroundings;
mod signals;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use terminal::Terminal;

/// Runs AWS Lambda functions written in Rhai, on this machine.
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  rhai-lambda new hello                       make a function's folder
  rhai-lambda invoke                          run the function of this folder
  rhai-lambda invoke hello.rhai -d '{\"id\": 1}'
  rhai-lambda serve                           at http://127.0.0.1:9000/, live on every save
  rhai-lambda check                           find mistakes without running it
")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::Arguments),
    Invoke(invoke::Arguments),
    Serve(serve::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Package(package::Arguments),
    Events(events::Arguments),
    Doctor(doctor::Arguments),
    Definitions(definitions::Arguments),
    Completions(completions::Arguments),
    /// Plays the runtime itself: `invoke` starts it when `--bootstrap` names no other.
    #[command(hide = true)]
    Bootstrap,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let terminal = Terminal::detect();
    let done = match Arguments::try_parse() {
        Ok(arguments) => run(arguments.command, terminal),
        Err(error) => match misuse::Misuse::from_clap(&error, named_command().as_deref()) {
            Some(misuse) => Err(misuse),
            None => {
                // Help and version, which clap prints as they are; a closed pipe is the reader's choice.
                let _ = error.print();
                return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
            }
        },
    };
    done.unwrap_or_else(|misuse| {
        terminal.misuse(&misuse);
        ExitCode::from(2)
    })
}

/// The command that was asked for, when it is one, and was asked for with what it does not take.
fn named_command() -> Option<String> {
    let first = std::env::args_os().nth(1)?.into_string().ok()?;
    Arguments::command().find_subcommand(&first).map(|_| first)
}

fn run(command: Command, terminal: Terminal) -> Result<ExitCode, misuse::Misuse> {
    match command {
        Command::New(arguments) => new::run(&arguments, terminal),
        Command::Invoke(arguments) => invoke::run(&arguments, terminal),
        Command::Serve(arguments) => serve::run(&arguments, terminal),
        Command::Check(arguments) => check::command(&arguments, terminal),
        Command::Test(arguments) => test::run(&arguments, terminal),
        Command::Package(arguments) => package::run(&arguments, terminal),
        Command::Events(arguments) => events::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Definitions(arguments) => definitions::run(&arguments, terminal),
        Command::Completions(arguments) => completions::run(&arguments, terminal),
        Command::Bootstrap => Ok(bootstrap::run()),
    }
}
