//! gzip, both ways, within the memory and the time that a script has.

use std::io::ErrorKind;

use flate2::Compression;
use flate2::bufread::{GzEncoder, MultiGzDecoder};

use crate::engine::Guard;
use crate::modules::bytes::{Fallible, Unread, read_all};
use crate::modules::encoding::fail;

pub(crate) fn gzip(bytes: &[u8], guard: &Guard) -> Fallible<Vec<u8>> {
    read_all(GzEncoder::new(bytes, Compression::default()), 0, guard).map_err(|unread| match unread
    {
        Unread::Io(error) => fail(format!("cannot be compressed: {error}")),
        Unread::Limit(error) => error,
    })
}

/// Reads all members of a gzip file, as `gunzip` does.
pub(crate) fn gunzip(bytes: &[u8], guard: &Guard) -> Fallible<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(fail("the data is not gzip, which begins with the bytes 1f 8b".to_owned()));
    }
    read_all(MultiGzDecoder::new(bytes), 0, guard).map_err(|unread| match unread {
        Unread::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            fail("the gzip data ends early".to_owned())
        }
        Unread::Io(error) => fail(format!("the gzip data is damaged: {error}")),
        Unread::Limit(error) => error,
    })
}
