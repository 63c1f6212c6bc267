//! Turns what Rhai raises into an [`Error`]: type, message and call stack.

use rhai::{Dynamic, EvalAltResult, Map, Position};

use crate::engine::Guard;
use crate::error::{Error, Frame};
use crate::payload;

/// When the error happened: AWS has names of its own for what happens before the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// While the top level runs.
    Init,
    /// While an event is handled.
    Invocation,
}

/// Thrown maps are logged; deeper values are cut.
const MAX_FIELD_DEPTH: usize = 16;

/// What became of the script in `file`, which ended with `error`.
///
/// # Errors
/// The error, explained; `exit` ends a script with a value instead.
pub(crate) fn conclude(
    error: EvalAltResult,
    file: &str,
    guard: &Guard,
    phase: Phase,
) -> Result<Dynamic, Error> {
    let (leaf, frames) = unwind(error, file);
    if let EvalAltResult::Exit(value, _) = leaf {
        return Ok(value);
    }
    let init_type = init_type_of(&leaf);
    // The limits come first: the engine's own errors for them carry neither name nor number.
    let explained = match (guard.tripped(), &leaf) {
        (Some(trip), EvalAltResult::ErrorTerminated(..)) => {
            let (error_type, message) = guard.describe(trip);
            Error::function(error_type, message)
        }
        (None, EvalAltResult::ErrorStackOverflow(..)) => {
            let (error_type, message) = guard.too_deep();
            Error::function(error_type, message)
        }
        _ => describe(leaf),
    };
    let explained = explained.with_frames(frames);
    Err(match phase {
        Phase::Invocation => explained,
        Phase::Init => explained.into_init(init_type),
    })
}

/// The error itself, without the calls that it came through.
pub(crate) fn leaf_of(mut error: &EvalAltResult) -> &EvalAltResult {
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _)
    | EvalAltResult::ErrorInModule(_, inner, _) = error
    {
        error = inner;
    }
    error
}

/// Follows the error inwards; the frames come out innermost first.
fn unwind(mut error: EvalAltResult, file: &str) -> (EvalAltResult, Vec<Frame>) {
    let mut frames = Vec::new();
    let mut function = Frame::TOP_LEVEL.to_owned();
    let mut file = file.to_owned();
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(callee, source, inner, place) => {
                push(&mut frames, function, &file, place);
                function =
                    if callee.starts_with("anon$") { "<closure>".to_owned() } else { callee };
                if !source.is_empty() {
                    file = source;
                }
                error = *inner;
            }
            EvalAltResult::ErrorInModule(module, inner, place) => {
                push(&mut frames, function, &file, place);
                function = Frame::TOP_LEVEL.to_owned();
                file = module;
                error = *inner;
            }
            leaf => {
                push(&mut frames, function, &file, leaf.position());
                frames.reverse();
                return (leaf, frames);
            }
        }
    }
}

/// Adds a frame, if it is one of the script: the host's own call of the handler has no place, and a
/// native that calls a closure (`map`) has that of its caller.
fn push(frames: &mut Vec<Frame>, function: String, file: &str, place: Position) {
    let (Some(line), column) = (place.line(), place.position().unwrap_or(0)) else { return };
    let native = frames
        .last()
        .is_some_and(|caller| (&*caller.file, caller.line, caller.column) == (file, line, column));
    if !native {
        frames.push(Frame { function, file: file.to_owned(), line, column });
    }
}

/// AWS's name for an error of init that ended in `leaf`.
fn init_type_of(leaf: &EvalAltResult) -> &'static str {
    match leaf {
        EvalAltResult::ErrorParsing(..) => "Runtime.UserCodeSyntaxError",
        leaf if is_import_failure(leaf) => "Runtime.ImportModuleError",
        _ => "Runtime.InitError",
    }
}

fn is_import_failure(leaf: &EvalAltResult) -> bool {
    match leaf {
        EvalAltResult::ErrorModuleNotFound(..) => true,
        EvalAltResult::ErrorRuntime(thrown, _) => thrown
            .read_lock::<Map>()
            .and_then(|map| {
                map.get("errorType").map(|name| {
                    name.as_immutable_string_ref()
                        .is_ok_and(|name| matches!(name.as_str(), "ImportError" | "TooManyModules"))
                })
            })
            .unwrap_or(false),
        _ => false,
    }
}

fn describe(leaf: EvalAltResult) -> Error {
    match leaf {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown_by_script(&thrown),
        // Described already, where the text of the script was at hand.
        EvalAltResult::ErrorParsing(kind, _) => Error::function("SyntaxError", kind.to_string()),
        leaf => {
            let kind = format!("{leaf:?}");
            let kind = kind.split('(').next().unwrap_or_default();
            Error::function(noun_of(kind).unwrap_or("Error"), message_of(leaf))
        }
    }
}

/// What the script threw, exactly: other services match on it.
fn thrown_by_script(thrown: &Dynamic) -> Error {
    let Some(map) = thrown.read_lock::<Map>() else {
        return Error::function("Error", text_of(thrown));
    };
    let text = |key: &str| map.get(key).map(text_of);
    // What `catch` hands to a script when the engine raised the error; thrown again, it is that.
    if let (Some(kind), Some(message), None) = (text("error"), text("message"), text("errorType"))
        && let Some(error_type) = noun_of(&kind)
    {
        return Error::function(error_type, lower_first(&message));
    }
    let error_type = text("errorType").filter(|name| !name.is_empty());
    let message = text("errorMessage").unwrap_or_else(|| text_of(thrown));
    let mut fields = payload::fields(&map, MAX_FIELD_DEPTH);
    fields.remove("errorType");
    fields.remove("errorMessage");
    Error::function(error_type.unwrap_or_else(|| "Error".to_owned()), message).with_fields(fields)
}

fn text_of(value: &Dynamic) -> String {
    if let Ok(text) = value.as_immutable_string_ref() {
        return text.to_string();
    }
    let mut json = Vec::new();
    payload::write_lossy(&mut json, value, MAX_FIELD_DEPTH);
    match serde_json::from_slice(&json) {
        // A description such as `<a blob>`, without quotes.
        Ok(serde_json::Value::String(text)) => text,
        _ => String::from_utf8_lossy(&json).into_owned(),
    }
}

/// The noun for Rhai's name of an error, which is also what `catch` sees of it.
fn noun_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ErrorMismatchDataType" | "ErrorMismatchOutputType" => "TypeMismatch",
        "ErrorFunctionNotFound" => "FunctionNotFound",
        "ErrorVariableNotFound" => "VariableNotFound",
        "ErrorVariableExists" => "VariableExists",
        "ErrorForbiddenVariable" => "ForbiddenVariable",
        "ErrorPropertyNotFound" | "ErrorDotExpr" => "PropertyNotFound",
        "ErrorIndexNotFound" => "IndexNotFound",
        "ErrorModuleNotFound" => "ModuleNotFound",
        "ErrorArrayBounds" | "ErrorStringBounds" | "ErrorBitFieldBounds" => "IndexOutOfBounds",
        "ErrorIndexingType" => "NotIndexable",
        "ErrorFor" => "NotIterable",
        "ErrorUnboundThis" => "UnboundThis",
        "ErrorDataRace" => "DataRace",
        "ErrorNonPureMethodCallOnConstant" | "ErrorAssignmentToConstant" => "ConstantModified",
        "ErrorArithmetic" => "ArithmeticError",
        "ErrorTooManyOperations" => "TooManyOperations",
        "ErrorTooManyVariables" => "TooManyVariables",
        "ErrorTooManyModules" => "TooManyModules",
        "ErrorStackOverflow" => "StackOverflow",
        "ErrorDataTooLarge" => "DataTooLarge",
        _ => return None,
    })
}

/// Rhai's message without the place, which the stack has, and in words where Rhai's are its own.
fn message_of(mut leaf: EvalAltResult) -> String {
    leaf.clear_position();
    let message = leaf.to_string();
    match &leaf {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => function_message(signature),
        EvalAltResult::ErrorDotExpr(..) => {
            property_message(&message).unwrap_or_else(|| lower_first(&message))
        }
        EvalAltResult::ErrorMismatchDataType(expected, found, _)
            if !expected.is_empty() && !found.is_empty() =>
        {
            format!("found a value of type `{found}`, expected `{expected}`")
        }
        EvalAltResult::ErrorFor(_) => {
            "`for` can go through arrays, strings, blobs, ranges and the `keys()` or `values()` of \
             a map, not through this value"
                .to_owned()
        }
        EvalAltResult::ErrorUnboundThis(_) => {
            "`this` has no value here: the function was not called as a method".to_owned()
        }
        _ => lower_first(&message),
    }
}

/// `to_upper (i64)`, in words.
fn function_message(signature: &str) -> String {
    let signature = signature.replace("&str | ImmutableString | String", "string");
    let Some((name, arguments)) = signature.split_once(" (") else {
        return format!("no function `{signature}`");
    };
    let arguments = arguments.trim_end_matches(')');
    // A unit's own brackets lose their end above.
    match arguments.split(", ").any(|argument| matches!(argument, "(" | "()")) {
        true => format!("no function `{name}` for a value that is `()`: it is missing or not set"),
        false => format!("no function `{name}` for ({arguments})"),
    }
}

/// `Unknown property 'name' - a getter is not registered for type '()'`, in words.
fn property_message(message: &str) -> Option<String> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (property, type_name) = (quoted.next()?, quoted.next()?);
    let verb = if message.contains("setter") { "set" } else { "read" };
    Some(match type_name {
        "()" => format!(
            "cannot {verb} `{property}` of `()`: what stands before it is missing or was not set"
        ),
        name => format!("cannot {verb} `{property}` of a value of type `{name}`"),
    })
}

/// Rhai's messages start like sentences, ours do not.
pub(super) fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.clone().next()) {
        // `JSON …` and other capitals stay.
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => message.to_owned(),
    }
}
