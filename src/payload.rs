//! JSON in and out: events into Rhai values, results into bytes, without a tree in between.
//!
//! Rhai's own conversions are not used: its parser reads some JSON wrongly, and its serializer
//! writes functions and cycles as if they were data.

mod read;
mod write;

pub(crate) use read::{read, read_text};
pub(crate) use write::{Style, Unwritable, fields, write, write_lossy, write_map};
