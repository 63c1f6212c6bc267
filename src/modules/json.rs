//! `json::` turns text into values and values into text, by the same rules as events and results.
//!
//! | function | returns | throws |
//! |---|---|---|
//! | `json::parse(text)` | the value; integers keep 64 bits | `JsonError` with line and column |
//! | `json::stringify(value)` | compact JSON | `JsonError` naming what JSON cannot express |
//! | `json::stringify(value, #{ pretty: true })` | the same, indented | the same |
//!
//! Rhai's own `parse_json` and `to_json` mean the same functions.

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map, Module};

use crate::engine::raise;
use crate::modules::Host;
use crate::payload::{self, Style};

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let parse = {
        let host = host.clone();
        move |text: &str| {
            payload::read(text.as_bytes(), host.limits.max_json_depth, host.guard.memory_ceiling())
                .map_err(|what| raise(("JsonError", what)))
        }
    };
    let max_depth = host.limits.max_json_depth;
    let stringify = move |value: &mut Dynamic| to_text(value, max_depth, Style::Compact);

    let mut module = Module::new();
    module.set_native_fn("parse", parse.clone());
    // Pure: a constant can be written as well.
    let pure = |name: &str| FuncRegistration::new(name).with_purity(true);
    pure("stringify").set_into_module(&mut module, stringify);
    pure("stringify").set_into_module(&mut module, move |value: &mut Dynamic, options: Map| {
        to_text(value, max_depth, style_of(&options)?)
    });
    engine.register_static_module("json", module.into());

    engine.register_fn("parse_json", parse);
    pure("to_json").register_into_engine(engine, stringify);
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
    payload::write(&mut out, value, max_depth, style)
        .map_err(|error| raise(("JsonError", error.describe("value"))))?;
    let text = String::from_utf8(out).expect("JSON of UTF-8 strings is UTF-8");
    Ok(text.into())
}
