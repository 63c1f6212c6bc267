//! Which files of a folder make up its zip, and what is wrong with them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::rules::Rules;
pub(in crate::cli) use super::rules::{Defaults, Verdict};
use crate::cli::target::Target;

/// No function has so many. Links between a few folders can make it any number.
const MAX_FILES: usize = 100_000;

/// What a zip of a folder would hold, by name.
#[derive(Default)]
pub(in crate::cli) struct Contents {
    pub(in crate::cli) files: Vec<File>,
    pub(in crate::cli) left_out: Vec<LeftOut>,
    /// Why it cannot be packed.
    pub(in crate::cli) errors: Vec<String>,
    /// What is most likely not meant.
    pub(in crate::cli) warnings: Vec<String>,
}

/// A file of the zip.
#[derive(Debug)]
pub(in crate::cli) struct File {
    /// Its name in the zip, with slashes.
    pub(in crate::cli) name: String,
    pub(in crate::cli) path: PathBuf,
    pub(in crate::cli) size: u64,
    pub(in crate::cli) is_executable: bool,
}

/// A file that stays out, or a folder with all that is in it: its name ends with a slash.
#[derive(Debug)]
pub(in crate::cli) struct LeftOut {
    pub(in crate::cli) name: String,
    /// The rule; `None` for the zip that is being made.
    pub(in crate::cli) verdict: Option<Verdict>,
}

impl Contents {
    /// Looks through the folder of `target`; `output` is a file that is none of its own.
    pub(in crate::cli) fn gather(
        target: &Target,
        defaults: Defaults,
        output: Option<&Path>,
    ) -> Self {
        let root = target.folder.clone();
        let output = output.and_then(|path| path.canonicalize().ok());
        let mut walk = match Rules::new(&root, defaults) {
            Ok(rules) => Walk { root, output, rules, found: Self::default(), inside: Vec::new() },
            Err(error) => return Self { errors: vec![error], ..Self::default() },
        };
        walk.folder(&target.folder);
        let mut contents = walk.found;
        contents.files.sort_by(|a, b| a.name.cmp(&b.name));
        contents.left_out.sort_by(|a, b| a.name.cmp(&b.name));
        if contents.files.len() >= MAX_FILES {
            contents.errors.push(format!("there are {MAX_FILES} files or more\n{HINT}"));
        }
        contents.check_handler(&target.handler);
        contents.check_case();
        contents.check_missed(&target.folder);
        contents
    }

    fn holds(&self, name: &str) -> bool {
        self.files.binary_search_by(|file| file.name.as_str().cmp(name)).is_ok()
    }

    /// The rule that keeps `name` out, if one does.
    fn verdict_on(&self, name: &str) -> Option<&Verdict> {
        let covers = |out: &&LeftOut| {
            out.name == name || out.name.ends_with('/') && name.starts_with(&out.name)
        };
        self.left_out.iter().find(covers)?.verdict.as_ref()
    }

    /// Without the script of the handler there is nothing to run.
    fn check_handler(&mut self, handler: &str) {
        let script = handler.rsplit_once('.').map_or(handler, |(path, _)| path);
        let script = format!("{script}.rhai");
        if let Some(verdict) = self.verdict_on(&script) {
            let why = format!("the script of the handler, `{script}`, is left out {verdict}");
            self.errors.push(why);
        }
    }

    /// Names that differ by case alone are one file on the disks of some.
    fn check_case(&mut self) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for file in &self.files {
            if let Some(other) = seen.insert(file.name.to_lowercase(), &file.name) {
                self.warnings.push(format!(
                    "`{other}` and `{}` differ by case alone: some file systems keep one of them",
                    file.name
                ));
            }
        }
    }

    /// Finds files that a script names and that are left out.
    fn check_missed(&mut self, folder: &Path) {
        let mut found = Vec::new();
        for script in self.files.iter().filter(|file| file.name.ends_with(".rhai")) {
            let Ok(text) = fs::read_to_string(&script.path) else { continue };
            for quoted in text.split('"').skip(1).step_by(2) {
                let name = quoted.trim_start_matches("./");
                for name in [name.to_owned(), format!("{name}.rhai")] {
                    let plain = |part| matches!(part, Component::Normal(_));
                    if name.len() > 200
                        || !Path::new(&name).components().all(plain)
                        || self.holds(&name)
                        || !folder.join(&name).is_file()
                    {
                        continue;
                    }
                    if let Some(verdict) = self.verdict_on(&name) {
                        let script = &script.name;
                        found.push(format!(
                            "`{script}` names `{name}`, which is left out {verdict}"
                        ));
                    }
                }
            }
        }
        found.sort();
        found.dedup();
        self.warnings.extend(found);
    }
}

/// The way through a folder and all below it.
struct Walk {
    root: PathBuf,
    output: Option<PathBuf>,
    rules: Rules,
    found: Contents,
    /// The real folders that the walk is in, to notice a link that leads back to one of them.
    inside: Vec<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path) {
        let (entries, real) = match fs::read_dir(folder).and_then(|entries| {
            Ok((entries.collect::<Result<Vec<_>, _>>()?, folder.canonicalize()?))
        }) {
            Ok(read) => read,
            Err(error) => return self.unreadable(folder, &error),
        };
        if self.found.files.len() >= MAX_FILES {
            return;
        }
        if self.inside.contains(&real) {
            let name = self.name(folder);
            return self.found.errors.push(format!("`{name}` is a link to a folder that it is in"));
        }
        if let Err(error) = self.rules.enter(folder) {
            self.found.errors.push(error);
        }
        self.inside.push(real);
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        // Folders last: entering one changes the rules.
        let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
        for path in files {
            self.file(&path);
        }
        for path in folders {
            let name = format!("{}/", self.name(&path));
            // Those of the folders beside it are forgotten first.
            let _ = self.rules.enter(folder);
            match self.rules.verdict(&path, true) {
                Some(verdict) => {
                    self.found.left_out.push(LeftOut { name, verdict: Some(verdict) });
                }
                None if self.stays_inside(&path) => self.folder(&path),
                None => {}
            }
        }
        self.inside.pop();
    }

    fn file(&mut self, path: &Path) {
        let name = self.name(path);
        if let Some(verdict) = self.rules.verdict(path, false) {
            return self.found.left_out.push(LeftOut { name, verdict: Some(verdict) });
        }
        if path.strip_prefix(&self.root).unwrap_or(path).to_str().is_none() {
            return self.found.errors.push(format!("the name `{name}` is not UTF-8"));
        }
        if !self.stays_inside(path) {
            return;
        }
        if self.output.is_some() && path.canonicalize().ok() == self.output {
            return self.found.left_out.push(LeftOut { name, verdict: None });
        }
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return self.unreadable(path, &error),
        };
        let kind = metadata.file_type();
        if !kind.is_file() {
            let what = match () {
                () if kind.is_fifo() => "a pipe",
                () if kind.is_socket() => "a socket",
                () => "a device",
            };
            return self.found.errors.push(format!("`{name}` is {what}, no file\n{HINT}"));
        }
        self.found.files.push(File {
            name,
            path: path.to_owned(),
            size: metadata.len(),
            is_executable: metadata.permissions().mode() & 0o100 != 0,
        });
    }

    /// Whether `path` is in the folder even if it is a link; says so if not.
    fn stays_inside(&mut self, path: &Path) -> bool {
        if !path.is_symlink() {
            return true;
        }
        let name = self.name(path);
        let error = match path.canonicalize() {
            Ok(real) if real.starts_with(&self.root) => return true,
            Ok(real) => {
                let real = real.display();
                format!("`{name}` is a link that leads out of the folder, to `{real}`\n{HINT}")
            }
            Err(_) => format!("`{name}` is a link that leads nowhere\n{HINT}"),
        };
        self.found.errors.push(error);
        false
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let name = self.name(path);
        let error = format!("`{name}` cannot be read: {error}\n{UNREADABLE}");
        self.found.errors.push(error);
    }
}

/// The way out for what may not be read.
const UNREADABLE: &str = "hint: `chmod u+r`, or name it in `.lambdaignore`";

/// The way out for everything that cannot be in a zip.
const HINT: &str = "hint: put a copy in its place, or name it in `.lambdaignore`";

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by `{}`", self.pattern)?;
        match &self.file {
            Some(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                write!(f, " in `{name}`")
            }
            None => write!(f, ", a rule that `--all` lifts"),
        }
    }
}
