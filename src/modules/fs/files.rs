//! The files that a script may touch, and no others.
//!
//! A path is first read as text: `..` and what lies outside of the allowed folders is refused
//! without a look at the system. Then its links are resolved, and it must still be inside. What is
//! opened is opened without following a link again, and must be a plain file, before and after. No
//! script can make a link; nothing here guards against another process that puts links in between.

use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Where layers are.
const LAYERS: &str = "/opt";

/// The one folder that can be written.
const WRITABLE: &str = "/tmp";

/// Why a file cannot be had: a word for programs and the rest of a sentence about the path.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::NotFound => return Self::new("not_found", "does not exist"),
            ErrorKind::IsADirectory => return Self::new("is_a_folder", "is a folder, not a file"),
            ErrorKind::NotADirectory => {
                return Self::new("not_a_folder", "goes through a file as if that were a folder");
            }
            ErrorKind::DirectoryNotEmpty => {
                return Self::new("not_empty", "is a folder that is not empty");
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "denied",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "full",
            _ => "failed",
        };
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        Self::new(reason, format!("cannot be used: {text}"))
    }
}

/// An entry of a folder.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) size: u64,
}

/// The folders that one function may use.
#[derive(Debug)]
pub(super) struct Files {
    task: PathBuf,
}

impl Files {
    pub(super) fn new(task: &Path) -> Self {
        Self { task: task.to_owned() }
    }

    /// Opens a plain file for reading, and says how large it is.
    pub(super) fn open(&self, path: &str) -> Result<(File, usize), Refused> {
        let real = self.readable(path)?;
        plain_file(&real.symlink_metadata()?)?;
        let file = open(OpenOptions::new().read(true), &real)?;
        let found = file.metadata()?;
        plain_file(&found)?;
        Ok((file, usize::try_from(found.len()).unwrap_or(usize::MAX)))
    }

    pub(super) fn exists(&self, path: &str) -> Result<bool, Refused> {
        match self.readable(path) {
            Ok(_) => Ok(true),
            Err(refused) if matches!(refused.reason, "not_found" | "not_a_folder") => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    /// The entries of a folder, in no order. Links are not followed.
    pub(super) fn list(
        &self,
        path: &str,
    ) -> Result<impl Iterator<Item = Result<Entry, Refused>>, Refused> {
        let real = self.readable(path)?;
        if !real.symlink_metadata()?.is_dir() {
            return Err(Refused::new("not_a_folder", "is not a folder"));
        }
        Ok(fs::read_dir(real)?
            .filter_map(|entry| entry.map_err(Into::into).and_then(read_entry).transpose()))
    }

    /// Writes a plain file, with the folders on the way to it.
    pub(super) fn write(&self, path: &str, data: &[u8], append: bool) -> Result<(), Refused> {
        let (folder, name) = self.writable(path)?;
        let folder = self.make_folders(&folder)?;
        let target = folder.join(name);
        let real = match target.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => target,
            Err(error) => return Err(error.into()),
            Ok(found) => {
                let real = match found.is_symlink() {
                    true => target.canonicalize().map_err(|_| leads_nowhere())?,
                    false => target,
                };
                self.check_writable(&real)?;
                plain_file(&real.symlink_metadata()?)?;
                real
            }
        };
        let mut options = OpenOptions::new();
        let mut file =
            open(options.write(true).create(true).truncate(false).append(append), &real)?;
        plain_file(&file.metadata()?)?;
        if !append {
            file.set_len(0)?;
        }
        Ok(file.write_all(data)?)
    }

    /// Removes a file, a link or an empty folder; says whether there was one.
    pub(super) fn delete(&self, path: &str) -> Result<bool, Refused> {
        let (folder, name) = self.writable(path)?;
        let target = match folder.canonicalize() {
            Ok(folder) => self.check_writable(&folder).map(|()| folder.join(name))?,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let removed = match target.symlink_metadata() {
            Ok(found) if found.is_dir() => fs::remove_dir(&target),
            Ok(_) => fs::remove_file(&target),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The path from the root of the file system, as it is written.
    fn absolute(&self, path: &str) -> Result<PathBuf, Refused> {
        if path.is_empty() || path.contains('\0') {
            return Err(Refused::new("argument", "is not a path"));
        }
        if Path::new(path).components().any(|part| part == Component::ParentDir) {
            return Err(Refused::new("outside", "has `..`, which leads out of where files may be"));
        }
        // An absolute path replaces what it is joined to. Collected anew, it has no `.` and no `//`.
        Ok(self.task.join(path).components().collect())
    }

    /// The path without links, if it may be read.
    fn readable(&self, path: &str) -> Result<PathBuf, Refused> {
        let path = self.absolute(path)?;
        let roots = [self.task.as_path(), Path::new(LAYERS), Path::new(WRITABLE)];
        if !roots.iter().any(|root| path.starts_with(root)) {
            let task = self.task.display();
            let message = format!(
                "is not below `{task}`, `{LAYERS}` or `{WRITABLE}`, where files may be read"
            );
            return Err(Refused::new("outside", message));
        }
        let real = path.canonicalize()?;
        let is_below = |root: &Path| root.canonicalize().is_ok_and(|root| real.starts_with(root));
        match roots.into_iter().any(is_below) {
            true => Ok(real),
            false => Err(leads_out()),
        }
    }

    /// The folder and the name of what is to be written; its links are not resolved yet.
    fn writable(&self, path: &str) -> Result<(PathBuf, PathBuf), Refused> {
        let is_folder = path.ends_with('/');
        let path = self.absolute(path)?;
        let refused = || {
            Refused::new(
                "outside",
                format!("is not below `{WRITABLE}`, where files may be written"),
            )
        };
        if !path.starts_with(WRITABLE) || path == Path::new(WRITABLE) {
            return Err(refused());
        }
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) if !is_folder => Ok((folder.to_owned(), name.into())),
            _ => Err(Refused::new("is_a_folder", "ends with `/`, expected the name of a file")),
        }
    }

    /// Makes the folders of a path that are missing, and returns it without links.
    fn make_folders(&self, folder: &Path) -> Result<PathBuf, Refused> {
        let mut real = Path::new(WRITABLE).canonicalize()?;
        let parts = folder.strip_prefix(WRITABLE).map_err(|_| leads_out())?;
        for part in parts {
            let next = real.join(part);
            self.check_writable(&next)?;
            real = match fs::create_dir(&next) {
                Ok(()) => next,
                // A link, or a folder of before: where it leads decides.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let next = next.canonicalize().map_err(|_| leads_nowhere())?;
                    self.check_writable(&next)?;
                    next
                }
                Err(error) => return Err(error.into()),
            };
        }
        match real.symlink_metadata()?.is_dir() {
            true => Ok(real),
            false => Err(io::Error::from(ErrorKind::NotADirectory).into()),
        }
    }

    /// Refuses a path without links that is not below the one folder that can be written; and the
    /// function's own folder, which on a laptop may be there, so that it is as on Lambda.
    fn check_writable(&self, real: &Path) -> Result<(), Refused> {
        let writable = Path::new(WRITABLE).canonicalize()?;
        if !real.starts_with(&writable) {
            return Err(leads_out());
        }
        let task = self.task.canonicalize().unwrap_or_default();
        match task != writable && task.starts_with(&writable) && real.starts_with(&task) {
            true => {
                Err(Refused::new("outside", "is in the function's folder, which cannot be written"))
            }
            false => Ok(()),
        }
    }
}

/// Opens without following a link and without waiting for the other end of a pipe.
fn open(options: &mut OpenOptions, path: &Path) -> Result<File, Refused> {
    Ok(options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?)
}

/// Refuses what is no plain file.
fn plain_file(found: &Metadata) -> Result<(), Refused> {
    match found.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::Error::from(ErrorKind::IsADirectory).into()),
        _ => Err(Refused::new("not_a_file", "is a device, a pipe or a socket, not a file")),
    }
}

/// One entry; `None` if it was removed since.
fn read_entry(entry: DirEntry) -> Result<Option<Entry>, Refused> {
    let found = match entry.metadata() {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kind = match found.file_type() {
        kind if kind.is_file() => "file",
        kind if kind.is_dir() => "folder",
        kind if kind.is_symlink() => "link",
        _ => "other",
    };
    let name = entry.file_name().to_string_lossy().into_owned();
    Ok(Some(Entry { name, kind, size: if kind == "file" { found.len() } else { 0 } }))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn leads_out() -> Refused {
    Refused::new("outside", "is a link that leads out of where files may be")
}

fn leads_nowhere() -> Refused {
    Refused::new("outside", "is a link that leads nowhere")
}

#[cfg(test)]
mod tests;
