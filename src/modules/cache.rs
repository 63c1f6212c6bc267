//! `cache::` keeps values from one invocation to the next, as long as the environment lives.
//!
//! It is the only state that outlives an invocation: what one caller's event puts there, another's
//! can read, so keys must name whom a value is for. Each environment has a cache of its own; where one
//! handles several events at once (Managed Instances), they have it in common.
//!
//! Values are plain data: `()`, booleans, numbers, characters, strings, blobs, and arrays and maps of
//! them. They are copied in and out. All of them together take a quarter of the memory that a script
//! may have (`RHAI_LAMBDA_MAX_MEMORY_MB`) at most; beyond that those go that were not read for the
//! longest time. Errors are `CacheError` with the field `key`.
//!
//! # `cache::get(key)`, `cache::get(key, default)`
//!
//! Returns the value of a key; `default`, or else `()`, if there is none or its time is up.
//!
//! ```rhai
//! assert_eq(cache::get("rates"), ());
//! assert_eq(cache::get("rates", #{}), #{});
//! ```
//!
//! # `cache::set(key, value)`, `cache::set(key, value, ttl_seconds)`
//!
//! Keeps a value, for `ttl_seconds` if that is given. Throws `CacheError` for what is not plain data, for
//! a value that takes more than the whole cache, and for a time that is not above 0.
//!
//! ```rhai
//! cache::set("rates", #{ eur: 1.08 }, 300);
//! assert_eq(cache::get("rates").eur, 1.08);
//! assert_throws(|| cache::set("work", || 1), "CacheError");
//! ```
//!
//! # `cache::delete(key)`
//!
//! Forgets a value. Returns whether there was one.
//!
//! ```rhai
//! cache::set("rates", 1);
//! assert(cache::delete("rates"));
//! assert(!cache::delete("rates"));
//! ```
//!
//! # `cache::get_or(key, ttl_seconds, work)`
//!
//! Returns the value of a key; if there is none, what the function `work` returns, which is kept for
//! `ttl_seconds`. What it throws is thrown on, and nothing is kept.
//!
//! ```rhai
//! let token = cache::get_or("token", 3600, || "fetched once");
//! assert_eq(cache::get_or("token", 3600, || throw "not called"), token);
//! ```

mod store;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Module, NativeCallContext};

use crate::config::Limits;
use crate::engine::{Guard, placed, raise_with};
use crate::modules::Host;

pub(crate) use store::Cache;
use store::Plain;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// The cache of all engines of this process, if they have one in common.
static SHARED: OnceLock<Arc<Cache>> = OnceLock::new();

/// Gives the engines that are built from now on one cache, as the workers of one environment have it.
pub(crate) fn share(limits: &Limits) {
    SHARED.get_or_init(|| Arc::new(Cache::within(limits)));
}

/// The cache for a new engine.
pub(crate) fn of_engine(limits: &Limits) -> Arc<Cache> {
    SHARED.get().map_or_else(|| Arc::new(Cache::within(limits)), Arc::clone)
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    let (cache, guard) = (Arc::clone(&host.cache), host.guard.clone());
    module.set_native_fn("get", move |context: NativeCallContext, key: &str| {
        let value = get(&cache, &guard, key).map(|value| value.unwrap_or(Dynamic::UNIT));
        placed(context.call_position(), value)
    });
    let (cache, guard) = (Arc::clone(&host.cache), host.guard.clone());
    module.set_native_fn("get", move |context: NativeCallContext, key: &str, default: Dynamic| {
        let value = get(&cache, &guard, key).map(|value| value.unwrap_or(default));
        placed(context.call_position(), value)
    });
    let cache = Arc::clone(&host.cache);
    module.set_native_fn("set", move |context: NativeCallContext, key: &str, value: Dynamic| {
        placed(context.call_position(), set(&cache, key, &value, None))
    });
    let cache = Arc::clone(&host.cache);
    module.set_native_fn(
        "set",
        move |context: NativeCallContext, key: &str, value: Dynamic, ttl: Dynamic| {
            let kept = ttl_of(key, &ttl).and_then(|ttl| set(&cache, key, &value, Some(ttl)));
            placed(context.call_position(), kept)
        },
    );
    let cache = Arc::clone(&host.cache);
    module.set_native_fn("delete", move |key: &str| Ok(cache.remove(key)));
    let (cache, guard) = (Arc::clone(&host.cache), host.guard.clone());
    module.set_native_fn(
        "get_or",
        move |context: NativeCallContext, key: ImmutableString, ttl: Dynamic, work: FnPtr| {
            let place = context.call_position();
            let ttl = placed(place, ttl_of(&key, &ttl))?;
            if let Some(value) = placed(place, get(&cache, &guard, &key))? {
                return Ok(value);
            }
            // Its errors have places of their own.
            let value: Dynamic = work.call_within_context(&context, ())?;
            placed(place, set(&cache, &key, &value, Some(ttl)))?;
            Ok(value)
        },
    );
    engine.register_static_module("cache", module.into());
}

fn fail(key: &str, message: String) -> Box<EvalAltResult> {
    raise_with("CacheError", message, [("key", Dynamic::from(key.to_owned()))])
}

fn get(cache: &Cache, guard: &Guard, key: &str) -> Fallible<Option<Dynamic>> {
    cache.get(key, |value, bytes| guard.reserve(bytes).map(|()| value.to_dynamic())).transpose()
}

fn set(cache: &Cache, key: &str, value: &Dynamic, ttl: Option<Duration>) -> Fallible<()> {
    let value = Plain::from_dynamic(value).map_err(|what| fail(key, what))?;
    cache.insert(key, value, ttl).map_err(|what| fail(key, what))
}

fn ttl_of(key: &str, ttl: &Dynamic) -> Fallible<Duration> {
    let seconds = ttl.as_float().or_else(|_| ttl.as_int().map(|seconds| seconds as f64));
    match seconds {
        // A time beyond all counting means for ever.
        Ok(seconds) if seconds > 0.0 => {
            Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        }
        Ok(seconds) => {
            Err(fail(key, format!("`ttl_seconds` is {seconds}, expected a number above 0")))
        }
        Err(found) => {
            Err(fail(key, format!("`ttl_seconds` is a number of seconds, not a {found}")))
        }
    }
}
