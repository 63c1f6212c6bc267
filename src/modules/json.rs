//! `json::` turns text into values and values into text, by the same rules as events and results.
//!
//! | function | returns | throws |
//! |---|---|---|
//! | `json::parse(text)` | the value; integers keep 64 bits | `JsonError` with line and column |
//! | `json::stringify(value)` | compact JSON | `JsonError` naming what JSON cannot express |
//! | `json::stringify(value, #{ pretty: true })` | the same, indented | the same |
//!
//! Rhai's own `parse_json` and `to_json` mean the same functions.

use rhai::{
    Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map, Module,
    NativeCallContext,
};

use crate::engine::{placed, raise};
use crate::modules::Host;
use crate::payload::{self, Style, Unwritable};

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let max_depth = host.limits.max_json_depth;
    let guard = host.guard.clone();
    let parse = move |context: NativeCallContext, text: &str| {
        let value = payload::read(text.as_bytes(), max_depth, guard.memory_ceiling());
        placed(context.call_position(), value.map_err(|what| raise(("JsonError", what))))
    };
    let to_compact = move |context: NativeCallContext, value: &mut Dynamic| {
        placed(context.call_position(), to_text(value, max_depth, Style::Compact))
    };
    let with_options = move |context: NativeCallContext, value: &mut Dynamic, options: Map| {
        let text = style_of(&options).and_then(|style| to_text(value, max_depth, style));
        placed(context.call_position(), text)
    };

    // Pure: a constant can be written as well.
    let pure = |name: &str| FuncRegistration::new(name).with_purity(true);
    let mut module = Module::new();
    module.set_native_fn("parse", parse.clone());
    pure("stringify").set_into_module(&mut module, to_compact);
    pure("stringify").set_into_module(&mut module, with_options);
    engine.register_static_module("json", module.into());

    engine.register_fn("parse_json", parse);
    // Rhai's own `to_json` is for maps alone, which is why maps are named here once more.
    pure("to_json").register_into_engine(engine, to_compact);
    pure("to_json").register_into_engine(
        engine,
        move |context: NativeCallContext, map: &mut Map| {
            let mut out = Vec::new();
            let written = payload::write_map(&mut out, map, max_depth);
            placed(context.call_position(), finish(out, written))
        },
    );
}

fn style_of(options: &Map) -> Result<Style, Box<EvalAltResult>> {
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

fn to_text(
    value: &Dynamic,
    max_depth: usize,
    style: Style,
) -> Result<ImmutableString, Box<EvalAltResult>> {
    let mut out = Vec::new();
    let written = payload::write(&mut out, value, max_depth, style);
    finish(out, written)
}

fn finish(
    out: Vec<u8>,
    written: Result<(), Box<Unwritable>>,
) -> Result<ImmutableString, Box<EvalAltResult>> {
    written.map_err(|error| raise(("JsonError", error.describe("value"))))?;
    let text = String::from_utf8(out).expect("JSON of UTF-8 strings is UTF-8");
    Ok(text.into())
}
