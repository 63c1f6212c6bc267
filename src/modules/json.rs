//! `json::` turns text into values and values into text, by the same rules as events and results.
//!
//! Rhai's own `parse_json(text)` and `value.to_json()` mean the same functions.
//!
//! # `json::parse(text)`
//!
//! Returns the value of a JSON text. Integers keep 64 bits; numbers beyond them become floats. Throws
//! `JsonError` with line and column if the text is not JSON or nested too deeply.
//!
//! ```rhai
//! let order = json::parse(`{"id": 9007199254740993, "items": ["tea"]}`);
//! assert_eq(order.id, 9007199254740993);
//! assert_throws(|| json::parse("{id: 1}"), "JsonError");
//! ```
//!
//! # `json::stringify(value)`, `json::stringify(value, options)`
//!
//! Returns the value as JSON, with sorted keys; `#{ pretty: true }` lays it out for people. Throws
//! `JsonError` that names the part which JSON cannot express: a blob, a function, NaN, infinity, or
//! what contains itself.
//!
//! ```rhai
//! assert_eq(json::stringify(#{ b: [1, 2.0], a: () }), `{"a":null,"b":[1,2.0]}`);
//! assert_eq(json::stringify([1], #{ pretty: true }), "[\n  1\n]");
//! assert_throws(|| json::stringify(#{ f: 0.0 / 0.0 }), "JsonError");
//! ```

use rhai::{
    Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map, Module,
    NativeCallContext,
};

use crate::engine::{placed, raise};
use crate::modules::Host;
use crate::payload::{self, Style, Unwritable};

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let max_depth = host.limits.max_json_depth;
    let mut module = Module::new();
    module.set_native_fn("parse", parser(host));
    // Pure: a constant can be written as well.
    let pure = || FuncRegistration::new("stringify").with_purity(true);
    pure().set_into_module(&mut module, compact_writer(host));
    pure().set_into_module(
        &mut module,
        move |context: NativeCallContext, value: &mut Dynamic, options: Map| {
            let text = style_of(&options).and_then(|style| to_text(value, max_depth, style));
            placed(context.call_position(), text)
        },
    );
    engine.register_static_module("json", module.into());
}

/// `parse_json` and `to_json`, in place of Rhai's own.
pub(crate) fn register_methods(engine: &mut Engine, host: &Host) {
    engine.register_fn("parse_json", parser(host));
    let pure = || FuncRegistration::new("to_json").with_purity(true);
    pure().register_into_engine(engine, compact_writer(host));
    // Rhai's own is for maps alone, which is why maps are named here once more.
    let max_depth = host.limits.max_json_depth;
    pure().register_into_engine(engine, move |context: NativeCallContext, map: &mut Map| {
        let mut out = Vec::new();
        let written = payload::write_map(&mut out, map, max_depth);
        placed(context.call_position(), finish(out, written))
    });
}

type Fallible<T> = Result<T, Box<EvalAltResult>>;

fn parser(host: &Host) -> impl Fn(NativeCallContext, &str) -> Fallible<Dynamic> + 'static {
    let (max_depth, guard) = (host.limits.max_json_depth, host.guard.clone());
    move |context: NativeCallContext, text: &str| {
        let value = payload::read_text(text, max_depth, guard.memory_ceiling());
        placed(context.call_position(), value.map_err(|what| raise(("JsonError", what))))
    }
}

fn compact_writer(
    host: &Host,
) -> impl Fn(NativeCallContext, &mut Dynamic) -> Fallible<ImmutableString> + 'static {
    let max_depth = host.limits.max_json_depth;
    move |context: NativeCallContext, value: &mut Dynamic| {
        placed(context.call_position(), to_text(value, max_depth, Style::Compact))
    }
}

fn style_of(options: &Map) -> Fallible<Style> {
    let mut style = Style::Compact;
    for (name, value) in options {
        match (name.as_str(), value.as_bool()) {
            ("pretty", Ok(true)) => style = Style::Pretty,
            ("pretty", Ok(false)) => {}
            ("pretty", Err(found)) => {
                let message = format!("the option `pretty` takes true or false, not a {found}");
                return Err(raise(("JsonError", message)));
            }
            _ => {
                let message = format!("there is no option `{name}`, only `pretty`");
                return Err(raise(("JsonError", message)));
            }
        }
    }
    Ok(style)
}

fn to_text(value: &Dynamic, max_depth: usize, style: Style) -> Fallible<ImmutableString> {
    let mut out = Vec::new();
    let written = payload::write(&mut out, value, max_depth, style);
    finish(out, written)
}

fn finish(out: Vec<u8>, written: Result<(), Box<Unwritable>>) -> Fallible<ImmutableString> {
    written.map_err(|error| raise(("JsonError", error.describe("value"))))?;
    let text = String::from_utf8(out).expect("JSON of UTF-8 strings is UTF-8");
    Ok(text.into())
}
