//! `rhai-lambda definitions`: what scripts can call, written down for editors.

mod reference;
mod natives;
mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::misuse::Misuse;
use super::terminal::{Ending, Terminal, print};

/// Where the files go, below the function's folder.
const FOLDER: &str = ".rhai/definitions";

/// The first line of every file, before the version: such files are written anew without asking.
const MARK: &str = "// Definitions of rhai-lambda ";

/// Writes definition files for editors.
///
/// Editors with Rhai's language server complete and explain what these files declare: every module,
/// the context, and Rhai's own functions, of the very engine that runs the function.
///
/// The names of the files go to standard output. Files of other origin are not overwritten.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda definitions                 into .rhai/definitions of this folder
  rhai-lambda definitions orders          into orders/.rhai/definitions
  rhai-lambda definitions -o ../editor    into another folder, which is no part of the function

A folder whose name begins with a dot is left out of what is checked and packaged.
")]
pub(super) struct Arguments {
    /// The function's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// The folder to write into [default: DIR/.rhai/definitions]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    /// Overwrites files of the same names, whoever wrote them
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    if !arguments.folder.exists() {
        return Err(Misuse::missing(&arguments.folder));
    }
    if !arguments.folder.is_dir() {
        let misuse = Misuse::new(format!("`{}` is not a folder", arguments.folder.display()));
        return Err(misuse.hint("name the function's folder, or `-o FOLDER`"));
    }
    let default = || match arguments.folder == Path::new(".") {
        true => PathBuf::from(FOLDER),
        false => arguments.folder.join(FOLDER),
    };
    let output = arguments.output.clone().unwrap_or_else(default);
    if output.exists() && !output.is_dir() {
        let misuse = Misuse::new(format!("`{}` is not a folder", output.display()));
        return Err(misuse.hint("name another one: `-o FOLDER`"));
    }
    let files: Vec<(PathBuf, String)> =
        files::all().into_iter().map(|(name, text)| (output.join(name), text)).collect();
    if !arguments.force {
        refuse_others(&files)?;
    }
    let failed = |path: &Path, error: std::io::Error| {
        Misuse::new(format!("failed to write `{}`: {error}", path.display()))
    };
    std::fs::create_dir_all(&output).map_err(|error| failed(&output, error))?;
    let mut written = String::new();
    for (path, text) in &files {
        let head = format!("{MARK}{}\n\n", env!("CARGO_PKG_VERSION"));
        std::fs::write(path, head + text).map_err(|error| failed(path, error))?;
        written.push_str(&format!("{}\n", path.display()));
    }
    if let Err(error) = print(written.as_bytes(), Ending::Newline) {
        terminal.error(&format!("failed to write to standard output: {error}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses to overwrite what is not from here, before anything is written.
fn refuse_others(files: &[(PathBuf, String)]) -> Result<(), Misuse> {
    for (path, _) in files {
        // What cannot be read is no file of ours either.
        let is_there = path.symlink_metadata().is_ok();
        let is_ours = std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK));
        if is_there && !is_ours {
            let message = format!("`{}` was not written by this command", path.display());
            return Err(
                Misuse::new(message).hint("`--force` overwrites it, `-o FOLDER` writes elsewhere")
            );
        }
    }
    Ok(())
}
