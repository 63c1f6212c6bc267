//! Writes the zip: all of it or nothing.

use std::fs;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use crate::cli::misuse::Misuse;
use crate::cli::terminal::{Ending, print};

/// How every zip that is not empty starts.
const ZIP: &[u8] = b"PK";

/// Whether there can be a zip at `path`.
pub(super) fn check(path: &Path) -> Result<(), Misuse> {
    if path == Path::new("-") {
        return match std::io::stdout().is_terminal() {
            true => {
                Err(Misuse::new("standard output is a terminal, the zip would not be readable")
                    .hint("`-o function.zip` writes a file"))
            }
            false => Ok(()),
        };
    }
    if path.is_dir() {
        let file = path.join("function.zip");
        let misuse = Misuse::new(format!("`{}` is a folder", path.display()));
        return Err(misuse.hint(format!("name a file: `-o {}`", file.display())));
    }
    if is_special(path) {
        return Ok(());
    }
    if path.exists() && !is_zip(path) {
        let misuse = Misuse::new(format!("`{}` is there, and is no zip", path.display()));
        return Err(misuse.hint("remove it first, or name another file by `-o`"));
    }
    match path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
        Some(folder) => Err(Misuse::missing(folder)),
        None => Ok(()),
    }
}

/// Whether `path` is there and no file: a pipe or a device, `/dev/null` for one. Reading it may wait
/// for ever, and to put a file in its place would take it away from everybody.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// Whether the file is a zip, or empty as `mktemp` makes them.
fn is_zip(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(2).read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || start == ZIP)
}

/// Writes the zip under another name first: nobody sees half of it, and a failure leaves the old one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Misuse> {
    let failed = |error| Misuse::new(format!("failed to write `{}`: {error}", path.display()));
    if path == Path::new("-") {
        return print(bytes, Ending::Exact).map_err(|error| {
            Misuse::new(format!("failed to write the zip to standard output: {error}"))
        });
    }
    if is_special(path) {
        return fs::write(path, bytes).map_err(failed);
    }
    // A link stays one: what it leads to is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.map_err(failed)
}
