//! `http::` in a runtime that was built without it: every call says so, and what to do.

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use crate::config::Network;
use crate::engine::{Guard, placed, raise};
use crate::modules::Host;
use crate::trace::Trace;

const WITHOUT: &str = "this runtime was built without `http::`: the feature `http` of the crate \
                       `rhai-lambda` brings it";

/// What `http::` keeps between calls: nothing here.
#[derive(Debug)]
pub(crate) struct Http;

impl Http {
    pub(crate) fn new(_: Network, _: Rc<Guard>, _: Rc<Trace>) -> Self {
        Self
    }

    pub(crate) fn warm_up(&self, urls: &[String]) -> Vec<String> {
        urls.iter().map(|url| format!("`{url}`: {WITHOUT}")).collect()
    }

    fn refuse(&self, context: &NativeCallContext) -> Result<Dynamic, Box<EvalAltResult>> {
        placed(context.call_position(), Err(raise(("HttpError", WITHOUT))))
    }
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    for name in ["get", "post", "put", "patch", "delete", "connect", "request"] {
        let http = Rc::clone(&host.http);
        module.set_native_fn(name, move |context: NativeCallContext, _: Dynamic| {
            http.refuse(&context)
        });
        let http = Rc::clone(&host.http);
        module.set_native_fn(name, move |context: NativeCallContext, _: Dynamic, _: Dynamic| {
            http.refuse(&context)
        });
        let http = Rc::clone(&host.http);
        module.set_native_fn(
            name,
            move |context: NativeCallContext, _: Dynamic, _: Dynamic, _: Dynamic| {
                http.refuse(&context)
            },
        );
    }
    engine.register_static_module("http", module.into());
}
