//! `env::` reads the function's environment variables.
//!
//! # `env::get(name)`, `env::get(name, default)`
//!
//! Returns the value of a variable; `default`, or else `()`, if it is not set.
//!
//! ```rhai
//! assert_eq(env::get("NOT_SET_ANYWHERE"), ());
//! assert_eq(env::get("NOT_SET_ANYWHERE", "eu-central-1"), "eu-central-1");
//! ```
//!
//! # `env::require(name)`
//!
//! Returns the value of a variable. Throws `EnvError` if it is not set or empty, with the name that
//! was probably meant.
//!
//! ```rhai
//! let path = env::require("PATH");
//! assert_throws(|| env::require("NOT_SET_ANYWHERE"), "EnvError");
//! ```
//!
//! # `env::all()`
//!
//! Returns a map of all variables.
//!
//! ```rhai
//! assert_eq(env::all()["PATH"], env::get("PATH"));
//! ```

use rhai::{Dynamic, Engine, EvalAltResult, Map, Module, NativeCallContext};

use crate::engine::{placed, raise};
use crate::modules::Host;
use crate::suggest::nearest;
use crate::world;

pub(crate) fn register(engine: &mut Engine, _: &Host) {
    let mut module = Module::new();
    module.set_native_fn("get", |name: &str| Ok(value_of(name).unwrap_or(Dynamic::UNIT)));
    module
        .set_native_fn("get", |name: &str, default: Dynamic| Ok(value_of(name).unwrap_or(default)));
    module.set_native_fn("require", |context: NativeCallContext, name: &str| {
        placed(context.call_position(), require(name))
    });
    module.set_native_fn("all", || {
        Ok(all().into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Map>())
    });
    engine.register_static_module("env", module.into());
}

fn value_of(name: &str) -> Option<Dynamic> {
    // `var_os` panics on names that no variable can have.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    if let Some(variables) = world::variables() {
        return variables.get(name).map(|value| value.as_str().into());
    }
    std::env::var_os(name).map(|value| value.to_string_lossy().as_ref().into())
}

/// Every variable, as text.
fn all() -> Vec<(String, String)> {
    if let Some(variables) = world::variables() {
        return variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

fn require(name: &str) -> Result<Dynamic, Box<EvalAltResult>> {
    if let Some(value) =
        value_of(name).filter(|value| value.as_immutable_string_ref().is_ok_and(|v| !v.is_empty()))
    {
        return Ok(value);
    }
    let all = all();
    let names = all.iter().map(|(near, _)| near.as_str());
    let hint = match nearest(name, names.filter(|near| *near != name)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Err(raise(("EnvError", format!("the environment variable `{name}` is not set{hint}"))))
}
