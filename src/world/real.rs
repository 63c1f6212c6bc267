//! The world as scripts meet it in `bootstrap`: the real one, and nothing can stand in for it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

/// The time by the wall clock.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The time by the clock that nobody sets back.
pub(crate) fn steady_now() -> Instant {
    Instant::now()
}

/// Whether a wait is over at once: never.
pub(crate) fn skips(_: Duration) -> bool {
    false
}

/// The environment variables that stand in for those of the process: none.
pub(crate) fn variables() -> Option<Rc<BTreeMap<String, String>>> {
    None
}
