//! The event of an invocation: from the command line, a file, standard input, a sample, or the
//! folder's own; and what `--set` changes in it.

mod edit;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::emulator::MAX_EVENT;

use super::events;
use super::misuse::Misuse;
use edit::Edit;

/// The event that a folder brings along.
const EVENT_FILE: &str = "event.json";

/// The event when there is none.
const EMPTY: &[u8] = b"{}";

/// The options that say which event it is.
#[derive(Args)]
pub(super) struct Options {
    /// The event, as JSON [default: the folder's `event.json`, else `{}`]
    #[arg(short, long, value_name = "JSON", conflicts_with = "event")]
    data: Option<String>,

    /// A file that holds the event; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    event: Option<PathBuf>,

    /// A sample event, one of those that `rhai-lambda events` lists
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "event"])]
    sample: Option<String>,

    /// Changes the event: `user.name=Ada`, `Records[0].body=x`, `headers["x-id"]=7`; a value that is
    /// not JSON is a string; may be given more than once
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Edit>,
}

impl Options {
    /// The event's bytes: as they were written, unless `--set` changes something.
    pub(super) fn read(&self, folder: &Path) -> Result<Vec<u8>, Misuse> {
        let event = match &self.sample {
            Some(name) => events::find(name)?.event.as_bytes().to_vec(),
            None => read(self.data.as_deref(), self.event.as_deref(), folder)?,
        };
        if self.set.is_empty() { Ok(event) } else { edited(&event, &self.set) }
    }
}

fn edited(event: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Misuse> {
    let unreadable = |error| Misuse::new(format!("the event cannot be changed: {error}"));
    let mut event: Value = serde_json::from_slice(event).map_err(unreadable)?;
    for edit in edits {
        edit.apply(&mut event).map_err(Misuse::new)?;
    }
    check(event.to_string().into_bytes(), "`--set`")
}

/// Reads the event; `text` and `file` are what the options say. The bytes are those that the user
/// wrote, checked to be JSON.
fn read(text: Option<&str>, file: Option<&Path>, folder: &Path) -> Result<Vec<u8>, Misuse> {
    if let Some(text) = text {
        let hint = "put single quotes around JSON in a shell: `-d '{\"id\": 1}'`";
        return check(text.into(), "`-d`").map_err(|misuse| misuse.hint(hint));
    }
    if file == Some(Path::new("-")) {
        let event = bounded(std::io::stdin().lock()).map_err(|error| {
            Misuse::new(format!("failed to read the event from standard input: {error}"))
        })?;
        return check(event, "standard input");
    }
    let own = folder.join(EVENT_FILE);
    let path = match file {
        Some(path) => path,
        None if own.is_file() => &own,
        None => return Ok(EMPTY.to_vec()),
    };
    if !path.exists() {
        return Err(Misuse::missing(path));
    }
    let unreadable =
        |error| Misuse::new(format!("failed to read the event from `{}`: {error}", path.display()));
    let size = path.metadata().map_err(unreadable)?.len();
    if size > MAX_EVENT as u64 {
        return Err(too_large(&size.to_string()));
    }
    let event = std::fs::File::open(path).and_then(bounded).map_err(unreadable)?;
    check(event, &format!("`{}`", path.display()))
}

/// Reads no more than shows that an event is too large: what is read may have no end.
fn bounded(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut event = Vec::new();
    from.take(MAX_EVENT as u64 + 1).read_to_end(&mut event)?;
    Ok(event)
}

fn too_large(size: &str) -> Misuse {
    let misuse = Misuse::new(format!("the event has {size} bytes, Lambda takes {MAX_EVENT}"));
    misuse.hint("larger data goes through S3")
}

/// Sees to it that the function can read the event, which came from `source`.
fn check(event: Vec<u8>, source: &str) -> Result<Vec<u8>, Misuse> {
    if event.len() > MAX_EVENT {
        // How much more there would have been nobody has read.
        let is_cut = event.len() == MAX_EVENT + 1;
        let size = if is_cut { format!("more than {MAX_EVENT}") } else { event.len().to_string() };
        return Err(too_large(&size));
    }
    if event.iter().all(u8::is_ascii_whitespace) {
        return Err(Misuse::new(format!("the event is not JSON: there is nothing in {source}")));
    }
    if [&b"\xff\xfe"[..], b"\xfe\xff", b"\xef\xbb\xbf"].iter().any(|mark| event.starts_with(mark)) {
        let message = format!("the event is not JSON: {source} starts with a byte order mark");
        return Err(Misuse::new(message).hint("save it as UTF-8, without such a mark"));
    }
    if let Err(error) = std::str::from_utf8(&event) {
        let before = &event[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        return Err(Misuse::new(format!("the event is not UTF-8: see line {line} of {source}")));
    }
    match serde_json::from_slice::<IgnoredAny>(&event) {
        Ok(_) => Ok(event),
        Err(error) => {
            let what = not_json(&error);
            Err(Misuse::new(format!("the event is not JSON: {what} of {source}")))
        }
    }
}

/// What is wrong with a text that is not JSON, and where.
pub(super) fn not_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or(&what);
    let what = what.replace("EOF while parsing", "it ends within");
    format!("{what}, at line {line} column {column}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{MAX_EVENT, check, read};

    #[test]
    fn what_is_not_json_is_placed() {
        let misuse = check(b"{\n  \"a\": x}".to_vec(), "`event.json`").unwrap_err();
        let expected = "the event is not JSON: expected value, at line 2 column 8 of `event.json`";
        assert_eq!(misuse.message(), expected);
        let misuse = check(b"[1".to_vec(), "`-d`").unwrap_err();
        let expected = "the event is not JSON: it ends within a list, at line 1 column 2 of `-d`";
        assert_eq!(misuse.message(), expected);
    }

    #[test]
    fn what_no_function_could_read_is_refused() {
        for (event, expected) in [
            (&b" \n"[..], "the event is not JSON: there is nothing in `-d`"),
            (
                b"\xff\xfe{\0}\0",
                "the event is not JSON: `-d` starts with a byte order mark\n\
                 hint: save it as UTF-8, without such a mark",
            ),
            (b"{\n\"a\": \"\xff\"}", "the event is not UTF-8: see line 2 of `-d`"),
        ] {
            assert_eq!(check(event.to_vec(), "`-d`").unwrap_err().message(), expected);
        }
    }

    #[test]
    fn what_has_no_end_is_not_read_to_its_end() {
        let misuse = read(None, Some(Path::new("/dev/zero")), Path::new("/")).unwrap_err();
        assert!(misuse.message().starts_with("the event has more than "), "{misuse:?}");
    }

    #[test]
    fn bytes_are_kept_and_bounded() {
        let written = " {\"b\":1,  \"a\":1.0}\n";
        assert_eq!(read(Some(written), None, Path::new("/")).unwrap(), written.as_bytes());
        let string = |length| [b"\"", vec![b'x'; length - 2].as_slice(), b"\""].concat();
        assert!(check(string(MAX_EVENT), "-d").is_ok());
        assert!(check(string(MAX_EVENT + 1), "-d").is_err());
    }
}
