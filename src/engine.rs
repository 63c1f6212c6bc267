//! The Rhai engine as handlers meet it: its features, its limits, its natives.
//!
//! Nothing here knows of Lambda. Rhai's errors are turned into [`Error`](crate::Error) in
//! [`fault`], so that they never leave this module and [`handler`](crate::handler).

mod bounded;
mod bytecode;
#[cfg(feature = "cli")]
mod comments;
#[path = "engine/without_comments.rs"]
#[cfg(not(feature = "cli"))]
mod comments;
#[cfg(feature = "cli")]
pub(crate) mod complete;
mod fault;
mod guard;
mod lexis;
mod packages;
mod pieces;
mod resolver;
mod sort;
mod sources;
mod stack;
pub(crate) mod survivors;
mod syntax;
mod words;

use std::rc::Rc;

use rhai::Engine;

use crate::config::Config;
use crate::context;
use crate::log::Logger;
use crate::modules::{self, Host};

pub(crate) use bytecode::Kernels;
pub(crate) use comments::compile;
pub(crate) use fault::{Phase, conclude, leaf_of};
pub(crate) use guard::{Guard, placed, raise, raise_with};
pub(crate) use resolver::{Missing, Roots, Source};
pub(crate) use sources::Sources;
pub(crate) use stack::{engine_thread, on_engine_stack};
pub(crate) use survivors::EndMark;
pub(crate) use syntax::explained;

/// Calls that the engine itself allows beyond the limit, before it ends a script without a stack.
///
/// The limit proper is enforced by the guard, which keeps the stack; this is the net below it.
const CALL_DEPTH_NET: usize = 8;

/// What the names of variables start with that stand for something else.
const OUR_NAMES: &str = "rhai_lambda_";

/// Builds the engine of one worker, for the script `handler`.
///
/// It has what `sources` may use.
pub(crate) fn build(
    config: &Config,
    roots: Rc<Roots>,
    handler: &str,
    logger: Rc<Logger>,
    end_mark: Rc<EndMark>,
    sources: &Sources,
) -> (Engine, Host, Rc<Kernels>) {
    let limits = &config.limits;
    let host = Host::new(config, Rc::new(Guard::new(limits.clone())), logger);
    let kernels = Rc::new(Kernels::new(config.uses_bytecode(), Rc::clone(&host.guard), limits));

    // As `Engine::new`, without its reader of module files, which the resolver below takes the place of.
    let mut engine = Engine::new_raw();
    // Rhai would keep 256 short strings for later: it searches them all for each new one, which is up to
    // half of the time of building strings, and one event has no business with those of another.
    engine.set_max_strings_interned(0);
    packages::register(&mut engine, sources);
    // A misspelt variable is found at init instead of in production.
    engine.set_strict_variables(true);
    engine.set_max_call_levels(limits.max_call_depth + CALL_DEPTH_NET);
    engine.set_max_expr_depths(limits.max_expr_depth, limits.max_expr_depth);
    // The size limits of Rhai stay off: they measure a whole array at every `push`. The resolver
    // counts modules itself, since Rhai counts an import of a cached module again.
    engine.set_max_modules(usize::MAX);
    // `eval` nests engines until the stack ends.
    engine.disable_symbol("eval");

    let guard = Rc::clone(&host.guard);
    engine.on_progress(move |_| guard.step());
    let guard = Rc::clone(&host.guard);
    let answering = Rc::clone(&kernels);
    #[expect(deprecated, reason = "Rhai marks it so to say that it is volatile, not to remove it")]
    engine.on_var(move |name, _, context| {
        if name.starts_with(OUR_NAMES) {
            return match survivors::is_end(name) {
                true => survivors::check(context.scope()).map(|()| Some(rhai::Dynamic::UNIT)),
                // No limit is raised here: it would have the place of the question.
                false => Ok(answering.answer(name, context)),
            };
        }
        guard.visit(context.call_level()).map(|()| None)
    });

    modules::register(&mut engine, &host, sources);
    let resolver = resolver::Resolver::new(roots, config, handler, end_mark, &kernels);
    engine.set_module_resolver(resolver);
    context::register(&mut engine);
    if sources.may_use(sources::STREAM) {
        context::register_stream(&mut engine, &host);
    }
    // Registered last, and as functions of the engine itself: they stand before Rhai's own.
    bounded::register(&mut engine, &host, sources);
    sort::register(&mut engine, sources);
    (engine, host, kernels)
}
