//! `fake::` for tests: what stands in for the clock, the context, the environment and the network.
//!
//! All of it belongs to one test. A further part of the world gets a file below `fakes/`, a field of
//! [`Stage`] and a function here.

mod context;
mod http;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rhai::{Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use super::invoke::Environment;
use super::lines::{Counter, Hits};
use super::suite::Root;
use super::trial::{Network, Rules};
use crate::config::Config;
use crate::engine::{placed, raise};
use crate::log::kept::Kept;
use crate::modules::time;
use crate::world::{self, Exchanged, Sent};

pub(super) use context::read as read_context;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Where a test plays: its function, and what stands in for the world around it.
pub(super) struct Stage {
    pub(super) root: Arc<Root>,
    pub(super) kept: Kept,
    /// Counts the lines that run, if anybody asks for them.
    pub(super) hits: Option<Rc<Counter>>,
    /// The environments that `invoke` has started, by their handler.
    pub(super) environments: RefCell<BTreeMap<String, Rc<Environment>>>,
    network: Network,
    http: http::Fakes,
}

impl Stage {
    pub(super) fn new(root: &Arc<Root>, rules: &Rules) -> Rc<Self> {
        Rc::new(Self {
            root: Arc::clone(root),
            kept: Kept::default(),
            hits: rules.counts_lines.then(Rc::default),
            environments: RefCell::default(),
            network: rules.network,
            http: http::Fakes::default(),
        })
    }

    /// What becomes of a request of `http::`.
    pub(super) fn answer(&self, context: &NativeCallContext, sent: &Sent<'_>) -> Option<Exchanged> {
        let answer = self.http.answer(context, sent);
        if answer.is_none() && self.network == Network::Refused {
            return Some(self.http.refuse(sent));
        }
        answer
    }

    pub(super) fn log(&self) -> String {
        self.kept.text()
    }

    /// These settings as a script is started with them: whose lines are counted is walked.
    pub(super) fn settings(&self, config: &Config) -> Config {
        Config { bytecode: config.bytecode && self.hits.is_none(), ..config.clone() }
    }

    /// How often each line ran.
    pub(super) fn hits(&self) -> Hits {
        self.hits.as_ref().map(|counter| counter.hits()).unwrap_or_default()
    }

    /// What a failed test should say beside its error.
    pub(super) fn notes(&self) -> Vec<String> {
        self.http.refused()
    }
}

/// Teaches `engine` the module `fake`.
pub(super) fn register(engine: &mut Engine, stage: &Rc<Stage>) {
    let mut module = Module::new();
    module.set_native_fn("clock", |context: NativeCallContext, time: Dynamic| {
        placed(context.call_position(), stop_clock(&time))
    });
    module.set_native_fn("advance", |context: NativeCallContext, milliseconds: i64| {
        placed(context.call_position(), advance(milliseconds))
    });
    module.set_native_fn("env", |context: NativeCallContext, name: &str, value: Dynamic| {
        placed(context.call_position(), set_variable(name, &value))
    });
    let on = Rc::clone(stage);
    module.set_native_fn("context", move |call: NativeCallContext| {
        placed(call.call_position(), context::value(&on, &Map::new()))
    });
    let on = Rc::clone(stage);
    module.set_native_fn("context", move |call: NativeCallContext, fields: Map| {
        placed(call.call_position(), context::value(&on, &fields))
    });
    let on = Rc::clone(stage);
    module.set_native_fn(
        "http",
        move |context: NativeCallContext, method: &str, url: &str, answer: Dynamic| {
            placed(context.call_position(), on.http.add(method, url, &answer))
        },
    );
    let on = Rc::clone(stage);
    module.set_native_fn("http_calls", move || Ok(on.http.calls()));
    engine.register_static_module("fake", module.into());
}

/// The error of a `fake::` that is used wrongly.
fn misused(message: impl Into<String>) -> Box<EvalAltResult> {
    raise(("FakeError", message))
}

fn stop_clock(time: &Dynamic) -> Fallible<()> {
    let millis = time::instant("time", time).map_err(misused)?.millis;
    let wall = u64::try_from(millis)
        .map_err(|_| misused("a clock shows no time before 1970"))
        .map(|millis| UNIX_EPOCH + Duration::from_millis(millis))?;
    world::stop_clock(wall);
    Ok(())
}

fn advance(milliseconds: i64) -> Fallible<()> {
    let by = u64::try_from(milliseconds)
        .map_err(|_| misused("`fake::advance` goes forward: the milliseconds are below 0"))?;
    match world::advance(Duration::from_millis(by)) {
        true => Ok(()),
        false => {
            Err(misused("`fake::advance` moves the clock that `fake::clock` has stopped before"))
        }
    }
}

fn set_variable(name: &str, value: &Dynamic) -> Fallible<()> {
    let mut variables = world::variables().map(|known| (*known).clone()).unwrap_or_default();
    if value.is_unit() {
        variables.remove(name);
    } else if let Ok(text) = value.as_immutable_string_ref() {
        variables.insert(name.to_owned(), text.to_string());
    } else {
        let found = value.type_name();
        return Err(misused(format!(
            "a variable's value is a string, or `()` for none, not a {found}"
        )));
    }
    world::replace_variables(variables);
    Ok(())
}
