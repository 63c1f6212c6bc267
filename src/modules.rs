//! The modules that scripts see, a file each, named as scripts name them.
//!
//! A module is registered only if the function's scripts name it, so that starting costs nothing
//! for what a script does not use.

pub(crate) mod log;
pub(crate) mod env;
pub(crate) mod json;
pub(crate) mod encoding;
pub(crate) mod crypto;
pub(crate) mod time;
pub(crate) mod text;
#[cfg(feature = "http")]
pub(crate) mod http;
#[path = "modules/without_http.rs"]
#[cfg(not(feature = "http"))]
pub(crate) mod http;
pub(crate) mod web;
pub(crate) mod batch;
pub(crate) mod cache;
pub(crate) mod fs;
pub(crate) mod metrics;
pub(crate) mod trace;
pub(crate) mod lambda;

// What several modules share.
mod body;
pub(super) mod bytes;
pub(super) mod options;

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use crate::config::{Config, Limits, LogLevel};
use crate::context::Streams;
use crate::engine::{Guard, Phase, Sources, conclude};
use crate::error::Frame;
use crate::log::Logger;
use crate::modules::cache::Cache;
use crate::modules::http::Http;
use crate::trace::Trace;

/// What the natives of one engine share.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) guard: Rc<Guard>,
    pub(crate) logger: Rc<Logger>,
    pub(crate) limits: Limits,
    /// Where the function's own files are.
    pub(crate) task_root: PathBuf,
    pub(crate) web: Rc<web::State>,
    pub(crate) streams: Rc<Streams>,
    /// The trace of the invocation that is running.
    pub(crate) trace: Rc<Trace>,
    pub(crate) http: Rc<Http>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) metrics_namespace: Option<Rc<str>>,
}

impl Host {
    /// Puts together what costs nothing; the rest is made when it is first used.
    pub(crate) fn new(config: &Config, guard: Rc<Guard>, logger: Rc<Logger>) -> Self {
        let trace = Rc::new(Trace::new(config.xray_daemon.clone(), config.secrets.clone()));
        Self {
            task_root: config.task_root.clone(),
            web: Rc::default(),
            streams: Rc::default(),
            http: Rc::new(Http::new(config.network.clone(), guard.clone(), trace.clone())),
            cache: cache::of_engine(&config.limits),
            metrics_namespace: config.metrics_namespace.as_deref().map(Rc::from),
            limits: config.limits.clone(),
            guard,
            logger,
            trace,
        }
    }

    /// Logs an error that ends a part of the script only, which `context` called; with `fields`.
    pub(crate) fn log_error(
        &self,
        context: &NativeCallContext,
        error: EvalAltResult,
        mut fields: serde_json::Map<String, serde_json::Value>,
    ) {
        let file = context.call_source().unwrap_or_default();
        if let Err(error) = conclude(error, file, &self.guard, Phase::Invocation) {
            // Which function made the call is not known here.
            let mut frames = error.frames().to_vec();
            frames.pop_if(|frame| frame.function == Frame::TOP_LEVEL);
            fields.extend(error.fields().clone());
            self.logger.error(LogLevel::Error, &error.with_frames(frames).with_fields(fields));
        }
    }
}

/// Teaches an engine one module.
type Register = fn(&mut Engine, &Host);

/// Every module by its name in scripts.
const MODULES: &[(&str, Register)] = &[
    ("log", log::register),
    ("env", env::register),
    ("json", json::register),
    ("encoding", encoding::register),
    ("crypto", crypto::register),
    ("time", time::register),
    ("text", text::register),
    ("http", http::register),
    ("web", web::register),
    ("batch", batch::register),
    ("cache", cache::register),
    ("fs", fs::register),
    ("metrics", metrics::register),
    ("trace", trace::register),
    ("lambda", lambda::register),
];

/// Puts an entry into a map. Not inlined: an insertion is a kilobyte of code.
#[inline(never)]
pub(crate) fn put(map: &mut Map, name: &str, value: Dynamic) {
    map.insert(name.into(), value);
}

/// Teaches `engine` what `sources` may use of the modules, and of what is called without one.
pub(crate) fn register(engine: &mut Engine, host: &Host, sources: &Sources) {
    log::register_print(engine, host);
    if sources.may_call_one_of(&["parse_json", "to_json"]) {
        json::register_methods(engine, host);
    }
    for &(name, register) in MODULES {
        if sources.may_use(name) {
            register(engine, host);
        }
    }
}

/// The names of all modules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// The start of a text that a script gave, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
