//! `metrics::` sends numbers to CloudWatch, as lines of the log in its embedded metric format.
//!
//! Each call writes one line, which CloudWatch reads: no request is made and no permission is needed.
//! The line holds the request id beside the number. Lambda itself drops such lines when the function's
//! log level is above INFO.
//!
//! The namespace is that of the setting `RHAI_LAMBDA_METRICS_NAMESPACE`, unless a call names another.
//! `dimensions` is a map of at most 30 strings; every combination of values is a metric of its own
//! (and costs as one), so ids do not belong there but into `properties`. A last map of options is
//! taken by every function after the dimensions: `namespace`, `properties` (a map of any values,
//! written to the log with the number) and `resolution` (1 for a metric by the second; 60 if not given).
//!
//! Whatever CloudWatch would drop in silence throws `MetricsError` with the field `metric`: a number
//! that is not finite, an unknown unit, a name that is empty, too long or beyond ASCII.
//!
//! # `metrics::count(name)`, `metrics::count(name, value)`, `metrics::count(name, value, dimensions)`
//!
//! Counts something, once or `value` times.
//!
//! ```rhai
//! metrics::count("Orders", 3, #{ channel: "web" }, #{ namespace: "Shop" });
//! ```
//!
//! # `metrics::gauge(name, value)`, `metrics::gauge(name, value, dimensions)`
//!
//! Notes a level, as a number without a unit.
//!
//! ```rhai
//! metrics::gauge("QueueLength", 17, #{}, #{ namespace: "Shop" });
//! ```
//!
//! # `metrics::timing(name, milliseconds)`, `metrics::timing(name, milliseconds, dimensions)`
//!
//! Notes how long something took. A function in place of the number is called and timed; then what it
//! returns is returned.
//!
//! ```rhai
//! let options = #{ namespace: "Shop", properties: #{ order: 17 } };
//! metrics::timing("Payment", 12.5, #{ provider: "bank" }, options);
//! assert_eq(metrics::timing("Sum", || 1 + 1, #{}, options), 2);
//! ```
//!
//! # `metrics::add(name, value, unit)`, `metrics::add(name, value, unit, dimensions)`
//!
//! Notes a number in one of CloudWatch's units, such as `Bytes`, `Percent` or `Count/Second`.
//!
//! ```rhai
//! metrics::add("Upload", 4096, "Bytes", #{ kind: "image" }, #{ namespace: "Shop" });
//! assert_throws(|| metrics::add("Upload", 1, "Byte", #{}, #{ namespace: "Shop" }), "MetricsError");
//! ```

mod emf;

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, Module, NativeCallContext};

use crate::engine::{placed, raise_with};
use crate::log::Logger;
use crate::modules::Host;
use crate::world;
use emf::Metric;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Writes the metrics of one engine.
#[derive(Clone)]
struct Writer {
    logger: Rc<Logger>,
    namespace: Option<Rc<str>>,
}

impl Writer {
    fn write(
        &self,
        context: &NativeCallContext,
        name: &str,
        value: Dynamic,
        unit: &str,
        (dimensions, options): (Map, Map),
    ) -> Fallible<()> {
        let metric =
            Metric { name, value: &value, unit, dimensions: &dimensions, options: &options };
        let request_id = self.logger.request_id();
        let line = metric.to_json(self.namespace.as_deref(), request_id.as_deref());
        let written = line.map(|line| self.logger.raw(&line)).map_err(|message| {
            raise_with("MetricsError", message, [("metric", Dynamic::from(name.to_owned()))])
        });
        placed(context.call_position(), written)
    }
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    let writer = Writer { logger: host.logger.clone(), namespace: host.metrics_namespace.clone() };
    counts(&mut module, &writer);
    numbers(&mut module, &writer, "gauge", "None");
    numbers(&mut module, &writer, "timing", "Milliseconds");
    timed_calls(&mut module, &writer);
    additions(&mut module, &writer);
    engine.register_static_module("metrics", module.into());
}

fn counts(module: &mut Module, writer: &Writer) {
    let w = writer.clone();
    module.set_native_fn("count", move |context: NativeCallContext, name: &str| {
        w.write(&context, name, 1.into(), "Count", Default::default())
    });
    numbers(module, writer, "count", "Count");
}

/// `function(name, value)`, `function(name, value, dimensions)` and the same with options.
fn numbers(module: &mut Module, writer: &Writer, function: &str, unit: &'static str) {
    let w = writer.clone();
    module.set_native_fn(
        function,
        move |context: NativeCallContext, name: &str, value: Dynamic| {
            w.write(&context, name, value, unit, Default::default())
        },
    );
    let w = writer.clone();
    module.set_native_fn(
        function,
        move |context: NativeCallContext, name: &str, value: Dynamic, dimensions: Map| {
            w.write(&context, name, value, unit, (dimensions, Map::new()))
        },
    );
    let w = writer.clone();
    module.set_native_fn(
        function,
        move |context: NativeCallContext,
              name: &str,
              value: Dynamic,
              dimensions: Map,
              options: Map| { w.write(&context, name, value, unit, (dimensions, options)) },
    );
}

/// `timing` of a function. Rhai prefers these to the ones that take any value.
fn timed_calls(module: &mut Module, writer: &Writer) {
    fn timed(
        writer: &Writer,
        context: &NativeCallContext,
        name: &str,
        work: &FnPtr,
        about: (Map, Map),
    ) -> Fallible<Dynamic> {
        let start = world::steady_now();
        let result = work.call_within_context::<Dynamic>(context, ());
        let milliseconds = (world::steady_now() - start).as_secs_f64() * 1000.0;
        // What failed took its time as well, and its error is the one to tell.
        let written = writer.write(context, name, milliseconds.into(), "Milliseconds", about);
        result.and_then(|value| written.map(|()| value))
    }

    let w = writer.clone();
    module.set_native_fn("timing", move |context: NativeCallContext, name: &str, work: FnPtr| {
        timed(&w, &context, name, &work, Default::default())
    });
    let w = writer.clone();
    module.set_native_fn(
        "timing",
        move |context: NativeCallContext, name: &str, work: FnPtr, dimensions: Map| {
            timed(&w, &context, name, &work, (dimensions, Map::new()))
        },
    );
    let w = writer.clone();
    module.set_native_fn(
        "timing",
        move |context: NativeCallContext,
              name: &str,
              work: FnPtr,
              dimensions: Map,
              options: Map| { timed(&w, &context, name, &work, (dimensions, options)) },
    );
}

fn additions(module: &mut Module, writer: &Writer) {
    let w = writer.clone();
    module.set_native_fn(
        "add",
        move |context: NativeCallContext, name: &str, value: Dynamic, unit: &str| {
            w.write(&context, name, value, unit, Default::default())
        },
    );
    let w = writer.clone();
    module.set_native_fn(
        "add",
        move |context: NativeCallContext,
              name: &str,
              value: Dynamic,
              unit: &str,
              dimensions: Map| {
            w.write(&context, name, value, unit, (dimensions, Map::new()))
        },
    );
    let w = writer.clone();
    module.set_native_fn(
        "add",
        move |context: NativeCallContext,
              name: &str,
              value: Dynamic,
              unit: &str,
              dimensions: Map,
              options: Map| { w.write(&context, name, value, unit, (dimensions, options)) },
    );
}
