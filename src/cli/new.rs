//! `rhai-lambda new`: a function's folder, ready to invoke, check, test and deploy.

mod templates;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::misuse::Misuse;
use super::project;
use super::terminal::{Ending, Terminal, print};
use crate::suggest::nearest;
use templates::{TEMPLATES, Template};

/// Makes a function's folder.
///
/// It holds the script, an event, the result expected of it, tests, the settings of the function and
/// a template for the SAM CLI, all for the service that will call the function.
#[derive(Args)]
#[command(after_help = "\
Examples:
  rhai-lambda new hello                       a function of five lines
  rhai-lambda new orders --template http-api  an API with a router
  rhai-lambda new functions/orders -t sqs     in another folder, for a queue
  rhai-lambda new --list                      the templates

Then:
  cd hello && rhai-lambda invoke
")]
pub(super) struct Arguments {
    /// The folder to make; its last part is the function's name
    #[arg(value_name = "NAME", required_unless_present = "list")]
    folder: Option<PathBuf>,

    /// What the function is for
    #[arg(short, long, default_value = "hello", value_name = "TEMPLATE")]
    template: String,

    /// Lists the templates
    #[arg(long, conflicts_with_all = ["folder", "template"])]
    list: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: Terminal) -> Result<ExitCode, Misuse> {
    let text = match &arguments.folder {
        Some(folder) => make(folder, find(&arguments.template)?)?,
        None => list(),
    };
    Ok(match print(text.as_bytes(), Ending::Newline) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&format!("failed to write to standard output: {error}"));
            ExitCode::FAILURE
        }
    })
}

fn list() -> String {
    let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or(0);
    let line = |template: &Template| format!("{:width$}  {}\n", template.name, template.about);
    TEMPLATES.iter().map(line).collect()
}

fn find(name: &str) -> Result<&'static Template, Misuse> {
    let found = TEMPLATES.iter().find(|template| template.name == name);
    found.ok_or_else(|| {
        let misuse = Misuse::new(format!("there is no template `{name}`"));
        let misuse = match nearest(name, TEMPLATES.iter().map(|template| template.name)) {
            Some(near) => misuse.hint(format!("did you mean `{near}`?")),
            None => misuse,
        };
        misuse.hint("`rhai-lambda new --list` lists them")
    })
}

/// Makes `folder` and tells what may be done with it.
fn make(folder: &Path, template: &Template) -> Result<String, Misuse> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !project::is_function_name(name) {
        let shown = if name.is_empty() { folder.to_string_lossy() } else { name.into() };
        let misuse = Misuse::new(format!("`{shown}` cannot be the name of a function"));
        return Err(misuse.hint("Lambda takes up to 64 letters, digits, `-` and `_`"));
    }
    let shown = folder.display();
    let failed = |error| Misuse::new(format!("failed to make `{shown}`: {error}"));
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                let misuse = Misuse::new(format!("`{shown}` is there already and not empty"));
                return Err(misuse.hint("choose another name, or remove it first"));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            let file = folder.ancestors().find(|above| above.exists()).unwrap_or(folder);
            let misuse =
                Misuse::new(format!("`{}` is there already, and no folder", file.display()));
            return Err(misuse.hint("choose another name"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    let quoted = in_a_shell(&shown.to_string());
    let mut text = format!("made `{shown}`: {}\n\n", template.about);
    for (file, content, about) in template.files(name) {
        let path = folder.join(file);
        std::fs::write(&path, content).map_err(|error| {
            Misuse::new(format!("failed to write `{}`: {error}", path.display()))
        })?;
        text.push_str(&format!("  {file:18}  {about}\n"));
    }
    text.push_str(&format!(
        "\nnext:\n  cd {quoted}\n  rhai-lambda invoke   # runs it once with event.json\n  \
         rhai-lambda test     # runs its tests\n  rhai-lambda serve    # runs it at every request, \
         and anew at every save\n"
    ));
    Ok(text)
}

/// A path as a shell takes it.
fn in_a_shell(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-~+@%,:".contains(c);
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    match path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::in_a_shell;

    #[test]
    fn paths_can_be_typed() {
        for (path, expected) in [
            ("a/b-c", "a/b-c"),
            ("mein Ürdner/f", "'mein Ürdner/f'"),
            ("it's/f", "'it'\\''s/f'"),
            ("-x", "./-x"),
        ] {
            assert_eq!(in_a_shell(path), expected);
        }
    }
}
