//! The world as scripts meet it: the clock, the environment, the network. It is the real one, unless a
//! test of a function has put something in its place.
//!
//! What stands in belongs to the thread that a test runs on, so that no other test meets it. Without
//! the feature `cli` there is `world/real` instead, and `bootstrap` holds nothing of this.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use rhai::{EvalAltResult, NativeCallContext};

thread_local! {
    static STAND_INS: RefCell<StandIns> = RefCell::default();
}

/// What replaces the world on this thread.
#[derive(Default)]
struct StandIns {
    clock: Option<Clock>,
    variables: Option<Rc<BTreeMap<String, String>>>,
    network: Option<Rc<Network>>,
}

/// A clock that moves only when it is told to.
#[derive(Clone, Copy)]
struct Clock {
    wall: SystemTime,
    steady: Instant,
}

/// Takes a request for the network; `None` lets it go there.
pub(crate) type Network = dyn Fn(&NativeCallContext, &Sent<'_>) -> Option<Exchanged>;

/// What came of a request that a stand-in took.
#[allow(dead_code, reason = "without the feature `http` nothing is sent")]
pub(crate) enum Exchanged {
    Answer(Received),
    /// There was no answer, for the reason that scripts know by this name.
    Failure(&'static str),
    /// The stand-in itself failed.
    Error(Box<EvalAltResult>),
}

/// A request of `http::` on its way out.
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    /// Names in lower case.
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) body: &'a [u8],
}

/// The answer to one.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

fn clock() -> Option<Clock> {
    STAND_INS.with_borrow(|stand_ins| stand_ins.clock)
}

/// The time by the wall clock.
pub(crate) fn now() -> SystemTime {
    clock().map_or_else(SystemTime::now, |clock| clock.wall)
}

/// The time by the clock that nobody sets back.
pub(crate) fn steady_now() -> Instant {
    clock().map_or_else(Instant::now, |clock| clock.steady)
}

/// Whether a wait is over at once, because the clock is one that can be moved.
pub(crate) fn skips(wait: Duration) -> bool {
    clock().is_some() && {
        advance(wait);
        true
    }
}

/// The environment variables that stand in for those of the process.
pub(crate) fn variables() -> Option<Rc<BTreeMap<String, String>>> {
    STAND_INS.with_borrow(|stand_ins| stand_ins.variables.clone())
}

/// What a stand-in makes of a request; `None` if it is one for the network.
#[allow(dead_code, reason = "without the feature `http` nothing is sent")]
pub(crate) fn exchange(context: &NativeCallContext, sent: &Sent<'_>) -> Option<Exchanged> {
    // Not borrowed while it answers: a script may answer, and ask in turn.
    let network = STAND_INS.with_borrow(|stand_ins| stand_ins.network.clone());
    network.and_then(|network| network(context, sent))
}

/// Whether requests do not reach the network by themselves.
pub(crate) fn has_network_stand_in() -> bool {
    STAND_INS.with_borrow(|stand_ins| stand_ins.network.is_some())
}

/// Stops the clocks of this thread at `wall`.
pub(crate) fn stop_clock(wall: SystemTime) {
    STAND_INS.with_borrow_mut(|stand_ins| {
        let steady = stand_ins.clock.map_or_else(Instant::now, |clock| clock.steady);
        stand_ins.clock = Some(Clock { wall, steady });
    });
}

/// Moves the stopped clock; answers whether there is one. Beyond all time it stays where it is.
pub(crate) fn advance(by: Duration) -> bool {
    STAND_INS.with_borrow_mut(|stand_ins| {
        if let Some(clock) = &mut stand_ins.clock {
            clock.wall = clock.wall.checked_add(by).unwrap_or(clock.wall);
            clock.steady = clock.steady.checked_add(by).unwrap_or(clock.steady);
        }
        stand_ins.clock.is_some()
    })
}

/// Puts these in the place of the process's environment variables.
pub(crate) fn replace_variables(variables: BTreeMap<String, String>) {
    STAND_INS.with_borrow_mut(|stand_ins| stand_ins.variables = Some(Rc::new(variables)));
}

/// Puts `network` in the place of the network.
pub(crate) fn replace_network(network: Rc<Network>) {
    STAND_INS.with_borrow_mut(|stand_ins| stand_ins.network = Some(network));
}

/// Leaves the real world alone on this thread.
pub(crate) fn restore() {
    STAND_INS.take();
}
