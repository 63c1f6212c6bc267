//! `value.json()` for maps that have a `body`: requests of `web::`, records of `batch::`, responses.
//!
//! Rhai chooses functions by type, and all of these are maps: so the function is one for all, and
//! only the error that it throws depends on whose body it is.

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Map, NativeCallContext};

use crate::engine::{placed, raise_with};
use crate::modules::Host;
use crate::payload;

/// Teaches `engine` the method. Doing so twice does no harm.
pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let host = host.clone();
    FuncRegistration::new("json").with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, map: &mut Map| {
            placed(context.call_position(), parse(map, &host))
        },
    );
}

fn parse(map: &Map, host: &Host) -> Result<Dynamic, Box<EvalAltResult>> {
    let body = map.get("body").ok_or_else(|| failure(map, "the map has no `body` to parse"))?;
    let (depth, ceiling) = (host.limits.max_json_depth, host.guard.memory_ceiling());
    let value = if let Ok(text) = body.as_immutable_string_ref() {
        (!text.is_empty()).then(|| payload::read_text(&text, depth, ceiling))
    } else if let Ok(blob) = body.as_blob_ref() {
        (!blob.is_empty()).then(|| payload::read(&blob, depth, ceiling))
    } else {
        return Err(failure(map, &format!("the body is a {}, not text", body.type_name())));
    };
    match value {
        Some(value) => {
            value.map_err(|what| failure(map, &format!("the body is not usable JSON: {what}")))
        }
        None => Err(failure(map, "the body is empty, expected JSON")),
    }
}

fn failure(map: &Map, what: &str) -> Box<EvalAltResult> {
    if map.contains_key("eventSource") {
        return raise_with("BatchError", what, []);
    }
    // An answer of `http::`, whose own errors are about the exchange.
    if map.contains_key("status") {
        return raise_with("JsonError", what, []);
    }
    raise_with("WebError", what, [("status", 400.into())])
}
