//! What stays out of the zip: the rules that hold without asking, and those of `.lambdaignore`.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file with the rules of a folder and all below it.
const FILE: &str = ".lambdaignore";

/// What no function needs on Lambda. A pattern with a slash in front means the function's own folder.
const DEFAULTS: [&str; 14] = [
    ".*",
    "*_test.rhai",
    "*.d.rhai",
    "*.zip",
    "/event.json",
    "/expected.json",
    "/cases/",
    "/rhai-lambda.toml",
    "/template.yaml",
    "/template.yml",
    "/samconfig.toml",
    "/README.md",
    "/target/",
    "__MACOSX",
];

/// What no function can mean to ship.
const ALWAYS: [&str; 2] = [".git", ".lambdaignore"];

/// Whether the rules that hold without asking do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Defaults {
    Applied,
    Overridden,
}

/// The rules on the way down to a folder, the outermost first.
pub(super) struct Rules {
    layers: Vec<(PathBuf, Gitignore)>,
}

/// Why something is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Verdict {
    /// The pattern as it was written.
    pub(in crate::cli) pattern: String,
    /// The file that it is in; `None` for a rule that holds without asking.
    pub(in crate::cli) file: Option<PathBuf>,
}

impl Rules {
    pub(super) fn new(folder: &Path, defaults: Defaults) -> Result<Self, String> {
        let patterns: &[&str] = match defaults {
            Defaults::Applied => &DEFAULTS,
            Defaults::Overridden => &ALWAYS,
        };
        let mut builder = GitignoreBuilder::new(folder);
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| error.to_string())?;
        }
        let built = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { layers: vec![(folder.to_owned(), built)] })
    }

    /// Takes the rules of `folder` in, and forgets those of folders that it is not in.
    pub(super) fn enter(&mut self, folder: &Path) -> Result<(), String> {
        // The first layer is of no file and holds everywhere.
        let mut index = 0;
        self.layers.retain(|(root, _)| {
            index += 1;
            index == 1 || folder.starts_with(root) && folder != root
        });
        let file = folder.join(FILE);
        if !file.is_file() {
            return Ok(());
        }
        let mut builder = GitignoreBuilder::new(folder);
        match builder.add(&file) {
            Some(error) => Err(format!("`{}`: {error}", file.display())),
            None => {
                let built = builder.build().map_err(|error| error.to_string())?;
                self.layers.push((folder.to_owned(), built));
                Ok(())
            }
        }
    }

    /// Whether `path`, in a folder that was entered, is left out. The innermost rule decides, of
    /// several in one file the last.
    pub(super) fn verdict(&self, path: &Path, is_folder: bool) -> Option<Verdict> {
        let verdicts = self.layers.iter().rev().map(|(_, layer)| layer.matched(path, is_folder));
        match verdicts.into_iter().find(|verdict| !verdict.is_none()) {
            Some(Match::Ignore(glob)) => Some(Verdict {
                pattern: glob.original().to_owned(),
                file: glob.from().map(Path::to_owned),
            }),
            _ => None,
        }
    }
}
