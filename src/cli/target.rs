//! Which function is meant: a folder, a script, or `path/to/file.function` as on Lambda.

use std::path::{Path, PathBuf};

use super::misuse::Misuse;
use super::project::{self, Settings};

/// The script of a folder, and the function of a script, when nothing else is said.
const SCRIPT: &str = "function";
const FUNCTION: &str = "handler";

/// The ending of scripts.
const EXTENSION: &str = "rhai";

/// A function on disk.
#[derive(Debug)]
pub(super) struct Target {
    /// The folder that would be zipped: absolute.
    pub(super) folder: PathBuf,
    /// `_HANDLER`.
    pub(super) handler: String,
    /// The function's name: the one that its settings give it, or the folder's.
    pub(super) name: String,
    /// What `rhai-lambda.toml` says, or the defaults.
    pub(super) settings: Settings,
}

impl Target {
    /// Finds what `argument` names.
    ///
    /// The folder is that of the nearest `rhai-lambda.toml` at or above the script, else the script's.
    pub(super) fn find(argument: &Path) -> Result<Self, Misuse> {
        if argument.is_dir() {
            return Self::in_folder(argument);
        }
        if argument.extension().is_some_and(|extension| extension == EXTENSION) {
            return match argument.is_file() {
                true => Self::of(argument, FUNCTION),
                false => Err(Misuse::missing(argument)),
            };
        }
        if argument.is_file() {
            let misuse = Misuse::new(format!("`{}` is not a script", argument.display()));
            return Err(misuse
                .hint("scripts end in `.rhai`; an event goes to `rhai-lambda invoke -e FILE`"));
        }
        let name = argument.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((stem, function)) = name.rsplit_once('.') else {
            let script = argument.with_extension(EXTENSION);
            return Err(match script.is_file() {
                true => Misuse::missing_for(argument, &script),
                false => Misuse::missing(argument),
            });
        };
        let script = argument.with_file_name(format!("{stem}.{EXTENSION}"));
        if script.is_file() {
            return Self::of(&script, function);
        }
        let folder = argument.with_file_name(stem);
        if folder.join(SCRIPT).with_extension(EXTENSION).is_file() {
            let meant = folder.join(format!("{SCRIPT}.{function}"));
            return Err(Misuse::missing_for(&script, &meant));
        }
        Err(Misuse::missing(&script).hint(format!(
            "`{}` means the function `{function}` of that script",
            argument.display()
        )))
    }

    fn in_folder(folder: &Path) -> Result<Self, Misuse> {
        if let Some(handler) = Settings::read(folder)?.handler {
            return Self::configured(folder, &handler);
        }
        let script = folder.join(SCRIPT).with_extension(EXTENSION);
        if script.is_file() {
            return Self::of(&script, FUNCTION);
        }
        let shown = folder.display();
        let misuse = Misuse::new(format!("folder `{shown}` has no `{SCRIPT}.{EXTENSION}`"));
        Err(match first_script(folder) {
            Some(other) => {
                let path = if folder == Path::new(".") { other.into() } else { folder.join(other) };
                misuse.hint(format!("name the script: `{}`", path.display()))
            }
            None => misuse.hint(format!("put `fn {FUNCTION}(event) {{ … }}` into that file")),
        })
    }

    /// The function that the settings of `folder` name.
    fn configured(folder: &Path, handler: &str) -> Result<Self, Misuse> {
        let (path, function) = handler.rsplit_once('.').unwrap_or((handler, FUNCTION));
        let script = folder.join(format!("{path}.{EXTENSION}"));
        if script.is_file() {
            return Self::of(&script, function);
        }
        let hint =
            format!("`handler` in `{}` is `{handler}`", folder.join(project::FILE).display());
        Err(Misuse::missing(&script).hint(hint))
    }

    fn of(script: &Path, function: &str) -> Result<Self, Misuse> {
        let unreadable =
            |error| Misuse::new(format!("failed to open `{}`: {error}", script.display()));
        // Only the folder: a script that is a link elsewhere is still a script of this folder.
        let parent = script.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize().map_err(unreadable)?;
        let folder = project::above(&parent).unwrap_or_else(|| parent.clone());
        let settings = Settings::read(&folder)?;
        let stem = parent.join(script.file_stem().unwrap_or_default());
        let path = stem.strip_prefix(&folder).unwrap_or(&stem).to_string_lossy();
        let name = settings.name.clone().unwrap_or_else(|| {
            function_name(&folder.file_name().unwrap_or_default().to_string_lossy())
        });
        Ok(Self { handler: format!("{path}.{function}"), name, folder, settings })
    }
}

/// The first script of a folder by name.
fn first_script(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == EXTENSION))
        .min()
}

/// A name that Lambda would take: letters, digits, `-` and `_`, at most 64 of them.
fn function_name(folder: &str) -> String {
    let taken = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = folder.chars().map(taken).take(64).collect();
    if name.is_empty() { SCRIPT.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::function_name;

    #[test]
    fn folders_make_names_that_lambda_takes() {
        assert_eq!(function_name("hello_world-2"), "hello_world-2");
        assert_eq!(function_name("my orders.v2"), "my-orders-v2");
        assert_eq!(function_name(""), "function");
    }
}
