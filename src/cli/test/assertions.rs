//! What tests assert with: `assert`, `assert_eq`, `assert_ne`, `assert_throws`, `fail`.

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::diff;
use crate::engine::{Guard, Phase, conclude, placed, raise_with};
use crate::error::Error;
use crate::payload;

/// The type of a failed assertion.
pub(super) const FAILED: &str = "AssertionError";

/// The field of a failed assertion that holds the differences.
pub(super) const DIFF: &str = "diff";

type Checked<T> = Result<T, Box<EvalAltResult>>;

/// Teaches `engine` the assertions.
pub(super) fn register(engine: &mut Engine, guard: &Rc<Guard>) {
    engine.register_fn("assert", |context: NativeCallContext, condition: Dynamic| {
        placed(context.call_position(), check(&condition, "the condition is false"))
    });
    engine.register_fn(
        "assert",
        |context: NativeCallContext, condition: Dynamic, message: &str| {
            placed(context.call_position(), check(&condition, message))
        },
    );
    engine.register_fn("fail", |context: NativeCallContext, message: &str| -> Checked<()> {
        placed(context.call_position(), Err(failure(message)))
    });
    engine.register_fn(
        "assert_eq",
        |context: NativeCallContext, found: Dynamic, expected: Dynamic| {
            placed(context.call_position(), equal(&context, &found, &expected, None))
        },
    );
    engine.register_fn(
        "assert_eq",
        |context: NativeCallContext, found: Dynamic, expected: Dynamic, message: &str| {
            let equal = equal(&context, &found, &expected, Some(message));
            placed(context.call_position(), equal)
        },
    );
    engine.register_fn(
        "assert_ne",
        |context: NativeCallContext, found: Dynamic, other: Dynamic| {
            placed(context.call_position(), unequal(&context, &found, &other, None))
        },
    );
    engine.register_fn(
        "assert_ne",
        |context: NativeCallContext, found: Dynamic, other: Dynamic, message: &str| {
            let unequal = unequal(&context, &found, &other, Some(message));
            placed(context.call_position(), unequal)
        },
    );
    let by = Rc::clone(guard);
    engine.register_fn("assert_throws", move |context: NativeCallContext, work: FnPtr| {
        placed(context.call_position(), throws(&context, &work, &by).map(to_map))
    });
    let by = Rc::clone(guard);
    engine.register_fn(
        "assert_throws",
        move |context: NativeCallContext, work: FnPtr, error_type: &str| {
            let thrown = throws(&context, &work, &by).and_then(|error| {
                if error.error_type() == error_type {
                    return Ok(to_map(error));
                }
                let found = error.error_type();
                let message =
                    format!("{found} was thrown, expected {error_type}: {}", error.message());
                Err(failure(message))
            });
            placed(context.call_position(), thrown)
        },
    );
}

fn failure(message: impl Into<String>) -> Box<EvalAltResult> {
    raise_with(FAILED, message, [])
}

fn check(condition: &Dynamic, message: &str) -> Checked<()> {
    match condition.as_bool() {
        Ok(true) => Ok(()),
        Ok(false) => Err(failure(message)),
        Err(_) => {
            let found = diff::brief(condition);
            Err(failure(format!("the condition is {found}, expected `true` or `false`")))
        }
    }
}

/// What an assertion says, behind what its author says of it.
fn told(message: Option<&str>, what: &str) -> String {
    message.map_or_else(|| what.to_owned(), |message| format!("{message}: {what}"))
}

fn unequal(
    context: &NativeCallContext,
    found: &Dynamic,
    other: &Dynamic,
    message: Option<&str>,
) -> Checked<()> {
    if !diff::same(context, found, other) {
        return Ok(());
    }
    Err(failure(told(message, &format!("both are {}", diff::brief(found)))))
}

fn equal(
    context: &NativeCallContext,
    found: &Dynamic,
    expected: &Dynamic,
    message: Option<&str>,
) -> Checked<()> {
    if diff::same(context, found, expected) {
        return Ok(());
    }
    let difference = diff::between(&diff::to_json(expected), &diff::to_json(found));
    Err(match difference {
        diff::Difference::Brief(what) => failure(told(message, &what)),
        diff::Difference::Lines(lines) => {
            raise_with(FAILED, told(message, "the values differ"), [(DIFF, lines.into())])
        }
    })
}

/// What `work` throws, as the caller of a function would hear of it.
fn throws(context: &NativeCallContext, work: &FnPtr, guard: &Guard) -> Checked<Error> {
    let error = match work.call_within_context::<Dynamic>(context, ()) {
        Ok(value) => {
            let message = format!("nothing was thrown, it returned {}", diff::brief(&value));
            return Err(failure(message));
        }
        Err(error) => error,
    };
    let file = context.call_source().unwrap_or_default();
    match conclude(*error, file, guard, Phase::Invocation) {
        Ok(_) => Err(failure("nothing was thrown, it called `exit`")),
        Err(error) => Ok(error),
    }
}

/// An error as a script sees it that catches a thrown map.
pub(super) fn to_map(error: Error) -> Map {
    let field = |value: &serde_json::Value| {
        payload::read(value.to_string().as_bytes(), usize::MAX, isize::MAX).unwrap_or(Dynamic::UNIT)
    };
    let mut map: Map =
        error.fields().iter().map(|(name, value)| (name.into(), field(value))).collect();
    map.insert("errorType".into(), error.error_type().into());
    map.insert("errorMessage".into(), error.message().into());
    map
}
