//! `rhai-lambda package`: the zip that Lambda takes, of scripts and data, the same bytes each time.

pub(super) mod contents;
mod rules;
mod archive;
mod output;
pub(super) mod limits;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::check;
use super::misuse::Misuse;
use super::target::Target;
use super::terminal::Terminal;
use archive::Archive;
use contents::{Contents, Defaults};
use report::Report;

/// Zips a function.
///
/// The zip holds the scripts and the data of the function's folder. The same files give the same
/// bytes, whoever zips them, wherever and whenever. Left out are tests (`*_test.rhai`), definitions
/// for editors (`*.d.rhai`), `cases`, `event.json`, `expected.json`, `rhai-lambda.toml`, `README.md`,
/// `template.yaml` and `samconfig.toml` of the folder itself, its `target`, zips, and all that is
/// hidden. A file `.lambdaignore` leaves out more, by the rules of `.gitignore`; a line there that
/// starts with `!` takes something in again.
///
/// What `rhai-lambda check` refuses is refused here too, and a link that leads out of the folder,
/// and what is larger than Lambda takes. The exit status is 1 then, 2 when the command was used
/// wrongly.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda package                              this folder as function.zip
  rhai-lambda package orders -o build/orders.zip
  rhai-lambda package --list                       what would be packed, and what not
  rhai-lambda package -o - | aws s3 cp - s3://bucket/function.zip
  rhai-lambda package --json | jq -r .codeSha256   as Lambda shows it
")]
pub(super) struct Arguments {
    /// The function, named as for `rhai-lambda invoke`; its folder is packed
    #[arg(value_name = "DIR", default_value = ".")]
    target: PathBuf,

    /// The zip to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "function.zip")]
    output: PathBuf,

    /// Leaves out nothing but what `.lambdaignore` says, and `.git`
    #[arg(long)]
    all: bool,

    /// Shows what would be packed and what is left out, and writes nothing
    #[arg(long)]
    list: bool,

    /// Writes the report to standard output as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether the zip itself goes to standard output.
    fn is_piped(&self) -> bool {
        self.output == Path::new("-") && !self.list
    }
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let target = Target::find(&arguments.target)?;
    if arguments.is_piped() && arguments.json {
        let misuse = Misuse::new("the zip and the report cannot both go to standard output");
        return Err(misuse.hint("name a file: `-o function.zip`"));
    }
    if !arguments.list {
        output::check(&arguments.output)?;
    }
    let defaults = if arguments.all { Defaults::Overridden } else { Defaults::Applied };
    let contents = Contents::gather(&target, defaults, Some(&arguments.output));
    let checked = check::run(&target);
    terminal.report(&checked);
    for error in &contents.errors {
        terminal.error(error);
    }
    if checked.has_errors() {
        terminal.note(&format!("not packed: {}", checked.summary()));
    }
    if checked.has_errors() || !contents.errors.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let archive = match Archive::of(&contents) {
        Ok(archive) => archive,
        Err(error) => {
            terminal.error(&error);
            return Ok(ExitCode::FAILURE);
        }
    };
    for warning in contents.warnings.iter().chain(&archive.warnings()) {
        terminal.warning(warning);
    }
    if let Some(error) = archive.too_large() {
        terminal.error(&error);
        return Ok(ExitCode::FAILURE);
    }
    if !arguments.list {
        output::write(&arguments.output, &archive.bytes)?;
    }
    Report { arguments, contents: &contents, archive: &archive }.show(terminal)?;
    Ok(ExitCode::SUCCESS)
}
