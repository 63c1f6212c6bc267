//! `http::` in a runtime that was built without it: every call says so, and what to do.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext};

use crate::config::Network;
use crate::engine::{Guard, placed, raise};
use crate::modules::Host;

/// What `http::` keeps between calls: nothing here.
#[derive(Debug)]
pub(crate) struct Http;

impl Http {
    pub(crate) fn new(_: Network, _: Rc<Guard>, _: Rc<RefCell<Option<String>>>) -> Self {
        Self
    }

    fn refuse(&self, context: &NativeCallContext) -> Result<Dynamic, Box<EvalAltResult>> {
        let message = "this runtime was built without `http::`: the feature `http` of the crate \
                       `rhai-lambda` brings it";
        placed(context.call_position(), Err(raise(("HttpError", message))))
    }
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    for name in ["get", "post", "put", "patch", "delete", "request"] {
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
