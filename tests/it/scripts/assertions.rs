//! What the tests' scripts may call: `assert`, `assert_eq`, `assert_throws`.

use rhai_lambda::rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

type Checked<T> = Result<T, Box<EvalAltResult>>;

pub fn register(engine: &mut Engine) {
    engine.register_fn("assert", |context: NativeCallContext, condition: bool| {
        check(&context, condition, || "assertion failed".to_owned())
    });
    engine.register_fn("assert", |context: NativeCallContext, condition: bool, message: &str| {
        check(&context, condition, || message.to_owned())
    });
    engine.register_fn(
        "assert_eq",
        |context: NativeCallContext, found: Dynamic, expected: Dynamic| -> Checked<()> {
            let same = same(&context, &found, &expected)?;
            let text = || format!("found {}, expected {}", show(&found), show(&expected));
            check(&context, same, text)
        },
    );
    engine.register_fn("assert_throws", throws);
}

fn check(
    context: &NativeCallContext,
    condition: bool,
    message: impl FnOnce() -> String,
) -> Checked<()> {
    if condition {
        return Ok(());
    }
    Err(failure(context, message()))
}

fn failure(context: &NativeCallContext, message: String) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(message.into(), context.call_position()))
}

/// Whether both are of one type and equal: `1` is not `1.0`, and a missing type is not an error.
fn same(context: &NativeCallContext, found: &Dynamic, expected: &Dynamic) -> Checked<bool> {
    if found.type_id() != expected.type_id() {
        return Ok(false);
    }
    context.call_native_fn::<bool>("==", (found.clone(), expected.clone()))
}

fn show(value: &Dynamic) -> String {
    format!("{value:?}")
}

fn throws(context: NativeCallContext, work: FnPtr, error_type: &str) -> Checked<Dynamic> {
    let error = match work.call_within_context::<Dynamic>(&context, ()) {
        Ok(value) => {
            let message = format!("nothing was thrown, it returned {}", show(&value));
            return Err(failure(&context, message));
        }
        Err(error) => error,
    };
    let mut inner = *error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, next, _)
    | EvalAltResult::ErrorInModule(_, next, _) = inner
    {
        inner = *next;
    }
    let thrown = match inner {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown,
        mut other => {
            other.set_position(Position::NONE);
            Dynamic::from(other.to_string())
        }
    };
    let found = thrown
        .read_lock::<Map>()
        .and_then(|map| map.get("errorType").map(ToString::to_string))
        .unwrap_or_else(|| "no errorType".to_owned());
    if found == error_type {
        return Ok(thrown);
    }
    let message = format!("{found} was thrown, expected {error_type}: {}", show(&thrown));
    Err(failure(&context, message))
}
