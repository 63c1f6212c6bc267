//! The modules that scripts see, a file each, named as scripts name them.

pub(crate) mod env;
pub(crate) mod json;
pub(crate) mod lambda;
pub(crate) mod log;

use std::rc::Rc;

use rhai::Engine;

use crate::config::Limits;
use crate::engine::Guard;
use crate::log::Logger;

/// What the natives of one engine share.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) guard: Rc<Guard>,
    pub(crate) logger: Rc<Logger>,
    pub(crate) limits: Limits,
}

/// Teaches `engine` every module.
pub(crate) fn register(engine: &mut Engine, host: &Host) {
    env::register(engine);
    json::register(engine, host);
    lambda::register(engine);
    log::register(engine, host);
}
