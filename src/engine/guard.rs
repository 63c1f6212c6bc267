//! The guard: stops a script at its deadline and at its limits, whatever the script does.
//!
//! The engine calls [`Guard::step`] before every operation and [`Guard::visit`] at every access of
//! a variable. A limit trips in `step`. It is then raised by the next `visit` as an ordinary error,
//! which keeps the place and the call stack; a script that touches no variable, or that catches
//! the error and goes on, is terminated by `step` after a short grace, without a stack.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rhai::{Dynamic, EvalAltResult, Map, Position};

use crate::config::Limits;
use crate::engine::{leaf_of, stack};
use crate::memory;
use crate::world;

/// Operations between two looks at the clock, at most: some 4 µs of a script.
const CLOCK_INTERVAL: u32 = 64;

/// Between two looks the clock should not move further than this: where single operations take
/// long, such as copies of large values, the looks come closer together.
const CLOCK_STEP: Duration = Duration::from_millis(1);

/// Operations that a script has left to raise a tripped limit by itself.
const GRACE: u32 = 4096;

/// The same for a script that goes on allocating.
const BURST_GRACE: u32 = 16;

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trip {
    /// The invocation's deadline, less the margin.
    Deadline,
    /// The time that init may take.
    InitTimeout,
    /// The memory that a script may allocate.
    Memory,
    /// The number of operations.
    Operations,
    /// The part of the stack that scripts may use.
    Stack,
}

/// The state of one engine's limits; every engine has its own.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    /// Operations until `step` does more than count.
    countdown: Cell<u32>,
    /// What the countdown started from, to know how many operations it stands for.
    interval: Cell<u32>,
    /// When the clock was last looked at.
    last_look: Cell<Instant>,
    operations: Cell<u64>,
    /// When to stop, and as which limit that counts.
    stop_at: Cell<Option<(Instant, Trip)>>,
    /// How much earlier than configured the running part of the script is stopped.
    early: Cell<Duration>,
    /// The thread's count of bytes may come this far, with the runtime's own and the script's.
    memory_ceiling: Cell<isize>,
    tripped: Cell<Option<Trip>>,
    /// Calls nested as deep as this are too deep: none are allowed once a limit has tripped.
    depth_end: Cell<usize>,
    grace: Cell<u32>,
    /// How often init or an invocation has started.
    invocation: Cell<u64>,
    /// The address below which the script's part of the stack ends.
    stack_end: usize,
}

impl Guard {
    /// A guard for the thread that calls this, near the start of its stack.
    pub(crate) fn new(limits: Limits) -> Self {
        let stack_end = stack_address().saturating_sub(stack::script_part(&limits));
        Self {
            stack_end,
            depth_end: Cell::new(limits.max_call_depth.saturating_add(1)),
            limits,
            countdown: Cell::new(0),
            interval: Cell::new(CLOCK_INTERVAL),
            last_look: Cell::new(Instant::now()),
            operations: Cell::new(0),
            stop_at: Cell::new(None),
            early: Cell::new(Duration::ZERO),
            memory_ceiling: Cell::new(isize::MAX),
            tripped: Cell::new(None),
            grace: Cell::new(0),
            invocation: Cell::new(0),
        }
    }

    /// Starts counting for init, which may take as long as the limit for it says.
    pub(crate) fn start_init(&self) {
        let now = Instant::now();
        let stop_at = now.checked_add(self.limits.init_timeout);
        self.start(now, stop_at.map(|at| (at, Trip::InitTimeout)));
    }

    /// Starts counting for an invocation; `remaining` is what Lambda leaves of its time.
    ///
    /// The script is stopped the configured margin before that, though never before half of it.
    pub(crate) fn start_invocation(&self, remaining: Option<Duration>) {
        let now = Instant::now();
        let stop_at = remaining.and_then(|remaining| {
            let margin = self.limits.deadline_margin.min(remaining / 2);
            now.checked_add(remaining - margin)
        });
        self.start(now, stop_at.map(|at| (at, Trip::Deadline)));
    }

    fn start(&self, now: Instant, stop_at: Option<(Instant, Trip)>) {
        self.invocation.set(self.invocation.get() + 1);
        self.stop_at.set(stop_at);
        self.last_look.set(now);
        self.memory_ceiling.set(memory::allocated().saturating_add(signed(self.limits.max_memory)));
        self.operations.set(0);
        self.forget();
        self.rearm(CLOCK_INTERVAL);
    }

    fn rearm(&self, wanted: u32) {
        let interval = match self.limits.max_operations {
            0 => wanted,
            max => {
                let left = max.saturating_sub(self.operations.get());
                wanted.min(u32::try_from(left).unwrap_or(u32::MAX))
            }
        };
        self.interval.set(interval);
        // The step that finds 0 counts as well.
        self.countdown.set(interval.saturating_sub(1));
    }

    /// Called before every operation; an answer other than `None` terminates the script.
    ///
    /// Memory is looked at each time: a script doubles a string in three operations.
    pub(crate) fn step(&self) -> Option<Dynamic> {
        let left = self.countdown.get();
        if left == 0
            || memory::allocated() > self.memory_ceiling.get()
            || stack_address() < self.stack_end
        {
            return self.checkpoint();
        }
        self.countdown.set(left - 1);
        None
    }

    /// What `step` does when there is more to do than to count.
    #[cold]
    #[inline(never)]
    fn checkpoint(&self) -> Option<Dynamic> {
        if stack_address() < self.stack_end {
            self.trip(Trip::Stack);
            return Some(Dynamic::UNIT);
        }
        if memory::allocated() > self.memory_ceiling.get() {
            self.trip(Trip::Memory);
        }
        if let Some(trip) = self.tripped.get() {
            let grace = self.grace.get();
            // A script that goes on allocating has no grace.
            let burst =
                self.memory_ceiling.get().saturating_add(signed(self.limits.max_memory / 4));
            let bursting = trip == Trip::Memory && memory::allocated() > burst;
            if grace == 0 || (bursting && grace < GRACE - BURST_GRACE) {
                return Some(Dynamic::UNIT);
            }
            self.grace.set(grace - 1);
            return None;
        }
        self.operations.set(self.operations.get() + u64::from(self.interval.get()));
        let max = self.limits.max_operations;
        if max > 0 && self.operations.get() >= max {
            self.trip(Trip::Operations);
            return None;
        }
        if self.stop_at.get().is_none() {
            self.rearm(CLOCK_INTERVAL);
            return None;
        }
        let now = Instant::now();
        if !self.is_late(now) {
            let took = now.duration_since(self.last_look.replace(now));
            let interval = self.interval.get();
            self.rearm(match took > CLOCK_STEP {
                true => (interval / 8).max(1),
                false => (interval * 2).min(CLOCK_INTERVAL),
            });
        }
        None
    }

    /// Trips the deadline if it has passed, and says whether it has.
    fn is_late(&self, now: Instant) -> bool {
        let Some((stop_at, trip)) = self.stop_at.get() else { return false };
        let late = now >= stop_at;
        if late {
            self.trip(trip);
        }
        late
    }

    fn trip(&self, trip: Trip) {
        if self.tripped.get().is_none() {
            self.tripped.set(Some(trip));
            self.depth_end.set(0);
            self.grace.set(GRACE);
        }
        // From here on every step comes to the checkpoint.
        self.countdown.set(0);
    }

    /// Called at every access of a variable, at `depth` nested calls.
    ///
    /// # Errors
    /// The limit that was reached, as an error with a place: the engine's own ones lose it.
    pub(crate) fn visit(&self, depth: usize) -> Result<(), Box<EvalAltResult>> {
        if depth < self.depth_end.get() && stack_address() >= self.stack_end {
            return Ok(());
        }
        Err(self.refusal(depth))
    }

    /// Why `visit` says no.
    #[cold]
    #[inline(never)]
    fn refusal(&self, depth: usize) -> Box<EvalAltResult> {
        if let Some(trip) = self.tripped.get() {
            raise(self.describe(trip))
        } else if depth > self.limits.max_call_depth {
            raise(self.too_deep())
        } else {
            raise(self.describe(Trip::Stack))
        }
    }

    /// No limit has been reached, so far.
    fn forget(&self) {
        self.tripped.set(None);
        self.depth_end.set(self.limits.max_call_depth.saturating_add(1));
    }

    /// Tells invocations apart.
    pub(crate) fn invocation(&self) -> u64 {
        self.invocation.get()
    }

    /// Which limit was reached since the start, also if the script swallowed the error.
    ///
    /// `sort` and `dedup` drop every error of their comparator, termination included.
    pub(crate) fn tripped(&self) -> Option<Trip> {
        self.tripped.get()
    }

    /// The error type and message of a limit.
    pub(crate) fn describe(&self, trip: Trip) -> (&'static str, String) {
        let limits = &self.limits;
        match trip {
            Trip::Deadline => (
                "DeadlineExceeded",
                format!(
                    "the function was stopped {} ms before its timeout \
                     (RHAI_LAMBDA_DEADLINE_MARGIN_MS)",
                    (limits.deadline_margin + self.early.get()).as_millis()
                ),
            ),
            Trip::InitTimeout => (
                "DeadlineExceeded",
                format!(
                    "init took more than {} ms (RHAI_LAMBDA_INIT_TIMEOUT_MS)",
                    limits.init_timeout.as_millis()
                ),
            ),
            Trip::Memory => (
                "OutOfMemory",
                format!(
                    "the script allocated more than {} MB (RHAI_LAMBDA_MAX_MEMORY_MB)",
                    limits.max_memory >> 20
                ),
            ),
            Trip::Operations => (
                "TooManyOperations",
                format!(
                    "the script took more than {} operations (RHAI_LAMBDA_MAX_OPERATIONS)",
                    limits.max_operations
                ),
            ),
            Trip::Stack => (
                "StackOverflow",
                format!(
                    "calls, expressions and imports are nested deeper than {} MB of stack",
                    stack::script_part(limits) >> 20
                ),
            ),
        }
    }

    /// The error type and message of calls nested too deeply.
    pub(crate) fn too_deep(&self) -> (&'static str, String) {
        let depth = self.limits.max_call_depth;
        (
            "StackOverflow",
            format!("more than {depth} nested function calls (RHAI_LAMBDA_MAX_CALL_DEPTH)"),
        )
    }

    /// Asks for `bytes` before a native allocates them in one go.
    ///
    /// # Errors
    /// `DataTooLarge` when they would not fit.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Box<EvalAltResult>> {
        if memory::allocated().saturating_add(signed(bytes)) <= self.memory_ceiling.get() {
            return Ok(());
        }
        let max = self.limits.max_memory >> 20;
        Err(raise((
            "DataTooLarge",
            format!(
                "a value of {bytes} bytes does not fit into the {max} MB that a script may have \
                 (RHAI_LAMBDA_MAX_MEMORY_MB)"
            ),
        )))
    }

    /// Makes room for `more` bytes at the end of `buffer`, which grows as a `Vec` does while that
    /// fits, then by less.
    ///
    /// # Errors
    /// `DataTooLarge` when they would not fit.
    pub(crate) fn make_room(
        &self,
        buffer: &mut Vec<u8>,
        more: usize,
    ) -> Result<(), Box<EvalAltResult>> {
        if buffer.capacity() - buffer.len() >= more {
            return Ok(());
        }
        let wanted = more.max(buffer.len());
        let step = if self.reserve(wanted).is_ok() { wanted } else { more.max(buffer.len() / 8) };
        self.reserve(step)?;
        buffer.reserve_exact(step);
        Ok(())
    }

    /// Whether it is not too late for a native that takes long to go on.
    ///
    /// # Errors
    /// `DeadlineExceeded` when the point is reached at which the script would be stopped.
    pub(crate) fn check_time(&self) -> Result<(), Box<EvalAltResult>> {
        match self.stop_at.get() {
            Some((_, trip)) if self.is_late(Instant::now()) => Err(raise(self.describe(trip))),
            _ => Ok(()),
        }
    }

    /// The time until the script is stopped; `None` without a deadline.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let (stop_at, _) = self.stop_at.get()?;
        Some(stop_at.saturating_duration_since(Instant::now()))
    }

    /// When the script is stopped; `None` without a deadline.
    pub(crate) fn stops_at(&self) -> Option<Instant> {
        self.stop_at.get().map(|(at, _)| at)
    }

    /// Runs a part of the script that is stopped `margin` before the rest would be, so that the
    /// rest has time to say what became of it. A limit that it reached is forgotten afterwards if it
    /// holds no more.
    ///
    /// # Errors
    /// Those of the part, and the limit that it reached also if it swallowed the error.
    pub(crate) fn stopping_early<T>(
        &self,
        margin: Duration,
        part: impl FnOnce() -> Result<T, Box<EvalAltResult>>,
    ) -> Result<T, Box<EvalAltResult>> {
        let (stop_at, before) = (self.stop_at.get(), self.early.get());
        let earlier = stop_at.map(|(at, trip)| (at.checked_sub(margin).unwrap_or(at), trip));
        self.stop_at.set(earlier);
        self.early.set(before + margin);
        let mut result = part();
        if let Some(trip) = self.tripped.get() {
            let is_told = result
                .as_ref()
                .is_err_and(|error| !matches!(leaf_of(error), EvalAltResult::ErrorTerminated(..)));
            if !is_told {
                result = Err(raise(self.describe(trip)));
            }
        }
        self.stop_at.set(stop_at);
        self.early.set(before);
        self.relieve();
        result
    }

    /// Forgets a limit that was reached, if the script is within it again.
    fn relieve(&self) {
        let holds = match self.tripped.get() {
            None => return,
            Some(Trip::Deadline | Trip::InitTimeout) => {
                self.stop_at.get().is_some_and(|(at, _)| Instant::now() >= at)
            }
            Some(Trip::Memory) => memory::allocated() > self.memory_ceiling.get(),
            Some(Trip::Operations) => true,
            Some(Trip::Stack) => stack_address() < self.stack_end,
        };
        if !holds {
            self.forget();
            self.rearm(CLOCK_INTERVAL);
        }
    }

    /// How far the thread's count of bytes may come.
    pub(crate) fn memory_ceiling(&self) -> isize {
        self.memory_ceiling.get()
    }

    /// Sleeps, though never past the point at which the script would be stopped.
    ///
    /// # Errors
    /// `DeadlineExceeded` when that point is reached.
    pub(crate) fn sleep(&self, duration: Duration) -> Result<(), Box<EvalAltResult>> {
        let duration = if world::skips(duration) { Duration::ZERO } else { duration };
        let Some((stop_at, trip)) = self.stop_at.get() else {
            std::thread::sleep(duration);
            return Ok(());
        };
        std::thread::sleep(duration.min(stop_at.saturating_duration_since(Instant::now())));
        if self.is_late(Instant::now()) { Err(raise(self.describe(trip))) } else { Ok(()) }
    }

    /// Whether earlier invocations left so much behind (cycles are never freed) that another one
    /// may not fit; `baseline` is what was allocated after init.
    pub(crate) fn is_worn_out(&self, baseline: isize) -> bool {
        let max = self.limits.max_memory;
        // What one worker allocates for `cache::` another may free, so the thread's count alone may
        // have drifted away.
        memory::allocated() > baseline.saturating_add(signed(max))
            && memory::resident().is_none_or(|bytes| bytes > max)
    }
}

/// A number of bytes to compare with a count of them; beyond all memory is all memory.
fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

/// How far the stack of this thread has grown; it grows downwards.
fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

/// An error that scripts can catch and that keeps its place: a map, as scripts throw themselves.
pub(crate) fn raise(
    (error_type, message): (&'static str, impl Into<String>),
) -> Box<EvalAltResult> {
    raise_with(error_type, message, [])
}

/// As [`raise`], with further fields for the script that catches it.
pub(crate) fn raise_with(
    error_type: &'static str,
    message: impl Into<String>,
    fields: impl IntoIterator<Item = (&'static str, Dynamic)>,
) -> Box<EvalAltResult> {
    let mut map: Map = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    map.insert("errorType".into(), error_type.into());
    map.insert("errorMessage".into(), message.into().into());
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from_map(map), Position::NONE))
}

/// Gives an error that has no place yet that of the call or the import.
///
/// The engine does so for its plain functions, though not for those of modules.
pub(crate) fn placed<T>(
    place: Position,
    result: Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    result.map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(place);
        }
        error
    })
}
