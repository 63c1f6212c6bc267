//! `trace::` shows parts of an invocation in AWS X-Ray.
//!
//! Lambda traces a function whose tracing is active. Every call of `http::` carries the trace on, as
//! `X-Amzn-Trace-Id`, and as `traceparent` if the invocation's client context has one (W3C Trace
//! Context). Where nothing is traced, these functions only call what they are given.
//!
//! # `trace::span(name, || …)`, `trace::span(name, || …, options)`
//!
//! Calls the function, returns what it returns, and shows how long it took as a subsegment of that
//! name. Spans may be within each other; what the function throws is shown and thrown on. `options`
//! are `annotations`, a map of strings, numbers and booleans to search by, and `metadata`, a map of
//! anything.
//!
//! Throws `TraceError` if the name is empty or an annotation is not one.
//!
//! ```rhai
//! fn handler(event) {
//!     let total = trace::span("prices", || 3 * 7, #{ annotations: #{ customer: "ada" } });
//!     assert_eq(total, 21);
//!     assert_throws(|| trace::span("", || 1), "TraceError");
//!     assert_throws(|| trace::span("a", || 1, #{ annotations: #{ list: [] } }), "TraceError");
//!     assert_throws(|| trace::span("a", || { throw #{ errorType: "Mine" } }), "Mine");
//! }
//! ```
//!
//! # `trace::headers()`
//!
//! Returns the headers that carry the trace on, as a map, for what is not sent by `http::`: the message of
//! a queue, say. It is empty where nothing is traced.
//!
//! ```rhai
//! fn handler(event) {
//!     let message = #{ order: 7, trace: trace::headers()["x-amzn-trace-id"] };
//!     assert(message.trace == () || message.trace.contains("Root="));
//! }
//! ```

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, Module, NativeCallContext};
use serde_json::Value;

use crate::engine::{leaf_of, placed, raise};
use crate::modules::Host;
use crate::modules::options::Options;
use crate::payload;
use crate::trace::{Failure, Notes, Trace};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// The options of `span`.
const OPTIONS: [&str; 2] = ["annotations", "metadata"];

/// How deep metadata may be.
const MAX_DEPTH: usize = 32;

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    let trace = host.trace.clone();
    module.set_native_fn("span", move |context: NativeCallContext, name: &str, work: FnPtr| {
        span(&trace, &context, name, &work, &Map::new())
    });
    let trace = host.trace.clone();
    module.set_native_fn(
        "span",
        move |context: NativeCallContext, name: &str, work: FnPtr, options: Map| {
            span(&trace, &context, name, &work, &options)
        },
    );
    let trace = host.trace.clone();
    module.set_native_fn("headers", move || {
        let headers = trace.headers().into_iter();
        Ok(headers.map(|(name, value)| (name.into(), value.into())).collect::<Map>())
    });
    engine.register_static_module("trace", module.into());
}

fn span(
    trace: &Rc<Trace>,
    context: &NativeCallContext,
    name: &str,
    work: &FnPtr,
    options: &Map,
) -> Fallible<Dynamic> {
    let notes = placed(context.call_position(), notes(name, options))?;
    let span = trace.open(name);
    let result = work.call_within_context::<Dynamic>(context, ());
    if let Some(span) = span {
        trace.close(span, notes, result.as_ref().err().map(|error| failure(error)));
    }
    result
}

fn notes(name: &str, options: &Map) -> Fallible<Notes> {
    if name.is_empty() {
        return Err(fail("the name of a span is empty".to_owned()));
    }
    let options = Options::new(options, &OPTIONS, fail)?;
    let map = |name: &str| {
        let Some(value) = options.value(name) else { return Ok(serde_json::Map::new()) };
        match value.as_map_ref() {
            Ok(map) => Ok(payload::fields(&map, MAX_DEPTH)),
            Err(found) => Err(fail(format!("the option `{name}` takes a map, not a {found}"))),
        }
    };
    let annotations = map("annotations")?;
    for (key, value) in &annotations {
        if !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            let what = "takes a string, a number, true or false; `metadata` takes anything";
            return Err(fail(format!("the annotation `{key}` {what}")));
        }
    }
    Ok(Notes { annotations, metadata: map("metadata")? })
}

/// Type and message of an error, as far as X-Ray shows them.
fn failure(error: &EvalAltResult) -> Failure {
    let leaf = leaf_of(error);
    if let EvalAltResult::ErrorRuntime(thrown, _) = leaf {
        let Ok(map) = thrown.as_map_ref() else {
            return Failure { error_type: "Error".to_owned(), message: thrown.to_string() };
        };
        let text = |name: &str| map.get(name).map(Dynamic::to_string);
        return Failure {
            error_type: text("errorType").unwrap_or_else(|| "Error".to_owned()),
            message: text("errorMessage").unwrap_or_default(),
        };
    }
    Failure { error_type: "Error".to_owned(), message: leaf.to_string() }
}

fn fail(message: String) -> Box<EvalAltResult> {
    raise(("TraceError", message))
}
