//! What natives of several modules share: the bytes of an argument, and bytes read within the limits.

use std::io::{self, Read};

use rhai::{Dynamic, EvalAltResult};

use crate::engine::Guard;

pub(crate) type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// Looks at the bytes of `value`, a string or a blob, without copying them.
///
/// # Errors
/// What `fail` makes of the message, when `value` is neither.
pub(crate) fn with_bytes<T>(
    value: &Dynamic,
    argument: &str,
    fail: impl Fn(String) -> Box<EvalAltResult>,
    work: impl FnOnce(&[u8]) -> Fallible<T>,
) -> Fallible<T> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return work(text.as_bytes());
    }
    if let Ok(blob) = value.as_blob_ref() {
        return work(&blob);
    }
    let found = value.type_name();
    Err(fail(format!("`{argument}` takes a string or a blob, not {}", with_article(found))))
}

/// The name of a type as part of a sentence.
pub(crate) fn with_article(type_name: &str) -> String {
    match type_name {
        "()" => "()".to_owned(),
        "i64" => "an integer".to_owned(),
        "f64" => "a float".to_owned(),
        _ if type_name.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {type_name}"),
        _ => format!("a {type_name}"),
    }
}

/// Why [`read_all`] came to no end.
pub(crate) enum Unread {
    /// The reader failed.
    Io(io::Error),
    /// A limit of the script was reached.
    Limit(Box<EvalAltResult>),
}

/// Reads to the end, though never more than the script's memory holds nor past its deadline.
///
/// `expected` is how many bytes will probably come.
pub(crate) fn read_all(
    mut reader: impl Read,
    expected: usize,
    guard: &Guard,
) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    if expected > 0 {
        // One more, so that the end is seen without growing.
        guard.make_room(&mut bytes, expected.saturating_add(1)).map_err(Unread::Limit)?;
    }
    loop {
        guard.check_time().map_err(Unread::Limit)?;
        if bytes.len() == bytes.capacity() {
            guard.make_room(&mut bytes, CHUNK).map_err(Unread::Limit)?;
        }
        let filled = bytes.len();
        let room = (bytes.capacity() - filled).min(CHUNK);
        // Within the capacity, so this allocates nothing.
        bytes.resize(filled + room, 0);
        let read = reader.read(&mut bytes[filled..]);
        bytes.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => {
                bytes.shrink_to_fit();
                return Ok(bytes);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unread::Io(error)),
        }
    }
}
