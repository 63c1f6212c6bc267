//! Natives of Rhai that can hurt the host, replaced by ones that cannot.
//!
//! Three kinds: those that wait (`sleep`), those that allocate much in one step (`blob`, `pad`,
//! `replace`, `split`, …), and those that follow a nested value down without a limit (printing and
//! comparing). One step of a script may otherwise at most double what it holds.

use std::time::Duration;

use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, ImmutableString, Map,
    NativeCallContext,
};

use crate::engine::{Sources, raise};
use crate::modules::Host;

/// What a Rhai value takes in an array.
const VALUE: usize = size_of::<Dynamic>();

/// What a string takes as a value of its own, its short text included.
const STRING: usize = 64;

/// Printing and comparing go no deeper; results and events are limited likewise.
const MAX_DEPTH: usize = 128;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Replaces those that `sources` may call.
pub(crate) fn register(engine: &mut Engine, host: &Host, sources: &Sources) {
    if sources.may_call("sleep") {
        waiting(engine, host);
    }
    if sources.may_call_one_of(&["blob", "pad", "replace"]) {
        allocating(engine, host);
    }
    if sources.may_call_one_of(&["split", "split_rev", "to_chars", "to_array"]) {
        splitting(engine, host);
    }
    nested(engine, sources);
}

fn waiting(engine: &mut Engine, host: &Host) {
    let guard = host.guard.clone();
    engine.register_fn("sleep", move |seconds: i64| -> Fallible<()> {
        guard.sleep(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    });
    let guard = host.guard.clone();
    engine.register_fn("sleep", move |seconds: f64| -> Fallible<()> {
        // Negative and NaN mean not at all, too long means for as long as the deadline lets.
        let forever = if seconds > 0.0 { Duration::MAX } else { Duration::ZERO };
        guard.sleep(Duration::try_from_secs_f64(seconds).unwrap_or(forever))
    });
}

fn allocating(engine: &mut Engine, host: &Host) {
    let size = |len: i64| usize::try_from(len).unwrap_or(0);

    let guard = host.guard.clone();
    engine.register_fn("blob", move |len: i64| -> Fallible<Blob> {
        guard.reserve(size(len))?;
        Ok(vec![0; size(len)])
    });
    let guard = host.guard.clone();
    engine.register_fn("blob", move |len: i64, value: i64| -> Fallible<Blob> {
        guard.reserve(size(len))?;
        Ok(vec![value as u8; size(len)])
    });
    let guard = host.guard.clone();
    engine.register_fn("pad", move |blob: &mut Blob, len: i64, value: i64| -> Fallible<()> {
        if size(len) > blob.len() {
            guard.reserve(size(len) - blob.len())?;
            blob.resize(size(len), value as u8);
        }
        Ok(())
    });
    let guard = host.guard.clone();
    engine.register_fn("pad", move |array: &mut Array, len: i64, item: Dynamic| -> Fallible<()> {
        if size(len) > array.len() {
            guard.reserve((size(len) - array.len()).saturating_mul(VALUE + weight(&item, 0)))?;
            array.resize(size(len), item);
        }
        Ok(())
    });
    let guard = host.guard.clone();
    engine.register_fn("pad", move |text: &mut ImmutableString, len: i64, with: char| {
        let missing = size(len).saturating_sub(text.chars().count());
        guard.reserve(missing.saturating_mul(with.len_utf8()))?;
        text.make_mut().extend(std::iter::repeat_n(with, missing));
        Fallible::Ok(())
    });
    let guard = host.guard.clone();
    engine.register_fn("pad", move |text: &mut ImmutableString, len: i64, with: &str| {
        let missing = size(len).saturating_sub(text.chars().count());
        let times = missing.div_ceil(with.chars().count().max(1));
        if missing == 0 || with.is_empty() {
            return Fallible::Ok(());
        }
        guard.reserve(times.saturating_mul(with.len()))?;
        text.make_mut().extend(with.chars().cycle().take(missing));
        Ok(())
    });
    let guard = host.guard.clone();
    engine.register_fn("replace", move |text: &mut ImmutableString, find: &str, with: &str| {
        guard.reserve(text.matches(find).count().saturating_mul(with.len()))?;
        *text = text.replace(find, with).into();
        Fallible::Ok(())
    });
    let guard = host.guard.clone();
    engine.register_fn("replace", move |text: &mut ImmutableString, find: char, with: &str| {
        guard.reserve(text.matches(find).count().saturating_mul(with.len()))?;
        *text = text.replace(find, with).into();
        Fallible::Ok(())
    });
}

/// What a copy of `value` takes beyond its place in an array, looking a few levels down.
fn weight(value: &Dynamic, depth: usize) -> usize {
    if depth > 4 {
        return STRING;
    }
    if let Ok(array) = value.as_array_ref() {
        array.iter().map(|item| VALUE + weight(item, depth + 1)).sum()
    } else if let Ok(map) = value.as_map_ref() {
        map.values().map(|item| STRING + VALUE + weight(item, depth + 1)).sum()
    } else if let Ok(blob) = value.as_blob_ref() {
        blob.len()
    } else {
        0
    }
}

/// Splitting makes many small strings of one large one, each heavier than its text.
fn splitting(engine: &mut Engine, host: &Host) {
    fn collect<'a>(parts: impl Iterator<Item = &'a str>) -> Array {
        parts.map(|part| ImmutableString::from(part).into()).collect()
    }

    let pure = |name: &str| FuncRegistration::new(name).with_purity(true);
    let guard = host.guard.clone();
    let room_for = move |parts: usize| guard.reserve(parts.saturating_mul(VALUE + STRING));

    let room = room_for.clone();
    pure("split").register_into_engine(
        engine,
        move |text: &mut ImmutableString| -> Fallible<Array> {
            room(text.split_whitespace().count())?;
            Ok(collect(text.split_whitespace()))
        },
    );
    let room = room_for.clone();
    pure("split").register_into_engine(
        engine,
        move |text: &mut ImmutableString, by: &str| -> Fallible<Array> {
            room(text.split(by).count())?;
            Ok(collect(text.split(by)))
        },
    );
    let room = room_for.clone();
    pure("split").register_into_engine(
        engine,
        move |text: &mut ImmutableString, by: char| -> Fallible<Array> {
            room(text.split(by).count())?;
            Ok(collect(text.split(by)))
        },
    );
    let room = room_for.clone();
    pure("split_rev").register_into_engine(
        engine,
        move |text: &mut ImmutableString, by: &str| -> Fallible<Array> {
            room(text.rsplit(by).count())?;
            Ok(collect(text.rsplit(by)))
        },
    );
    let room = room_for.clone();
    pure("split_rev").register_into_engine(
        engine,
        move |text: &mut ImmutableString, by: char| -> Fallible<Array> {
            room(text.rsplit(by).count())?;
            Ok(collect(text.rsplit(by)))
        },
    );
    let room = room_for;
    pure("to_chars").register_into_engine(
        engine,
        move |text: &mut ImmutableString| -> Fallible<Array> {
            room(text.len())?;
            Ok(text.chars().map(Into::into).collect())
        },
    );
    let guard = host.guard.clone();
    pure("to_array").register_into_engine(engine, move |blob: &mut Blob| -> Fallible<Array> {
        guard.reserve(blob.len().saturating_mul(VALUE))?;
        Ok(blob.iter().map(|&byte| i64::from(byte).into()).collect())
    });
}

/// Printing and comparing nested values. Pure: constants may be printed and compared as well.
fn nested(engine: &mut Engine, sources: &Sources) {
    let pure = |name: &str| FuncRegistration::new(name).with_purity(true);
    let used = |name: &&str| sources.may_call(name);
    for name in ["print", "to_string", "debug", "to_debug"].into_iter().filter(used) {
        pure(name).register_into_engine(engine, |context: NativeCallContext, array: &mut Array| {
            let mut out = String::new();
            show_array(&mut out, &context, array, 0);
            out
        });
        pure(name).register_into_engine(engine, |context: NativeCallContext, map: &mut Map| {
            let mut out = String::new();
            show_map(&mut out, &context, map, 0);
            out
        });
        // Rhai's own text of a closure lists what it captured, however deep that is.
        pure(name).register_into_engine(engine, |function: &mut FnPtr| {
            match function.is_anonymous() {
                true => "Fn(<closure>)".to_owned(),
                false => format!("Fn({})", function.fn_name()),
            }
        });
    }
    for name in ["==", "!="].into_iter().filter(used) {
        let expected = name == "==";
        pure(name).register_into_engine(
            engine,
            move |context: NativeCallContext, a: &mut Array, b: Array| {
                same_arrays(&context, a, &b, 0).map(|same| same == expected)
            },
        );
        pure(name).register_into_engine(
            engine,
            move |context: NativeCallContext, a: &mut Map, b: Map| {
                same_maps(&context, a, &b, 0).map(|same| same == expected)
            },
        );
    }
}

fn show_array(out: &mut String, context: &NativeCallContext, array: &Array, depth: usize) {
    out.push('[');
    for (at, item) in array.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        show(out, context, item, depth + 1);
    }
    out.push(']');
}

fn show_map(out: &mut String, context: &NativeCallContext, map: &Map, depth: usize) {
    out.push_str("#{");
    for (at, (key, item)) in map.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&format!("{key:?}: "));
        show(out, context, item, depth + 1);
    }
    out.push('}');
}

fn show(out: &mut String, context: &NativeCallContext, value: &Dynamic, depth: usize) {
    if depth > MAX_DEPTH {
        out.push('…');
    } else if let Ok(array) = value.as_array_ref() {
        show_array(out, context, &array, depth);
    } else if let Ok(map) = value.as_map_ref() {
        show_map(out, context, &map, depth);
    } else {
        let text = context.call_native_fn::<ImmutableString>("to_debug", (value.clone(),));
        match text {
            Ok(text) => out.push_str(&text),
            Err(_) => out.push_str(context.engine().map_type_name(value.type_name())),
        }
    }
}

fn same_arrays(context: &NativeCallContext, a: &Array, b: &Array, depth: usize) -> Fallible<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !same(context, a, b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_maps(context: &NativeCallContext, a: &Map, b: &Map, depth: usize) -> Fallible<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for ((a_key, a), (b_key, b)) in a.iter().zip(b) {
        if a_key != b_key || !same(context, a, b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same(context: &NativeCallContext, a: &Dynamic, b: &Dynamic, depth: usize) -> Fallible<bool> {
    if depth > MAX_DEPTH {
        let message = format!("values nested deeper than {MAX_DEPTH} levels cannot be compared");
        return Err(raise(("DataTooLarge", message)));
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return same_arrays(context, &a, &b, depth);
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return same_maps(context, &a, &b, depth);
    }
    let (mut a, mut b) = (a.flatten_clone(), b.flatten_clone());
    match context.call_native_fn_raw("==", true, &mut [&mut a, &mut b]) {
        Ok(same) => Ok(same.as_bool().unwrap_or(false)),
        // Values of types that cannot be compared are not the same.
        Err(error) if matches!(*error, EvalAltResult::ErrorFunctionNotFound(..)) => Ok(false),
        Err(error) => Err(error),
    }
}
