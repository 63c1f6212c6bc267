//! `rhai-lambda completions`: what a shell needs to complete this command.

use std::process::ExitCode;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::misuse::Misuse;
use super::terminal::{Ending, Terminal, print};

const NAME: &str = "rhai-lambda";

/// Writes the completions of a shell to standard output.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bash        rhai-lambda completions bash > ~/.local/share/bash-completion/completions/rhai-lambda
  zsh         rhai-lambda completions zsh > ~/.zfunc/_rhai-lambda
              with `fpath+=~/.zfunc` before `autoload -Uz compinit && compinit` in ~/.zshrc
  fish        rhai-lambda completions fish > ~/.config/fish/completions/rhai-lambda.fish
  elvish      rhai-lambda completions elvish > ~/.config/elvish/lib/rhai-lambda.elv
              with `use rhai-lambda` in ~/.config/elvish/rc.elv
  powershell  rhai-lambda completions powershell >> $PROFILE

The folders must be there: `mkdir -p` makes them. They are read when a shell starts.
")]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut offered(), NAME, &mut script);
    if arguments.shell == Shell::Bash {
        script = mended(&script);
    }
    if let Err(error) = print(&script, Ending::Newline) {
        terminal.error(&format!("failed to write to standard output: {error}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The command without the parts that its help does not show either.
fn offered() -> Command {
    let whole = super::Arguments::command();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(whole.get_arguments().cloned())
        .subcommands(shown.cloned())
}

/// The script for bash, whose branches have two names for a command with a hyphen: it reads the words
/// of a command line under one of them, and looks for the options under the other.
fn mended(script: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(script);
    text.replace("rhai__subcmd__lambda", "rhai__lambda").into_bytes()
}
