//! The log of a test, kept until it is known whether anybody wants to see it.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use super::{Logger, Sink};
use crate::config::Config;

/// What was logged so far.
#[derive(Clone, Default)]
pub(crate) struct Kept(Rc<RefCell<Vec<u8>>>);

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logger {
    /// As [`new`](Logger::new), with lines that `kept` keeps.
    pub(crate) fn keeping(config: &Config, kept: Kept) -> Self {
        Self::with_sink(config, Sink::Lines(Box::new(kept)))
    }
}
