//! What the parts of the server share.

use std::sync::Arc;

use tokio::sync::watch;

use crate::emulator::Lambda;

use super::console::Console;
use super::fleet::Fleet;
use super::guard::Guard;
use super::history::History;

/// The server's state; all requests have the same.
pub(super) struct App {
    pub(super) fleet: Arc<Fleet>,
    pub(super) lambda: Lambda,
    pub(super) history: Arc<History>,
    pub(super) console: Arc<Console>,
    pub(super) guard: Guard,
    pub(super) port: u16,
    /// Becomes true when the server ends: what never ends by itself ends then.
    pub(super) closing: watch::Sender<bool>,
}
