//! What the engine itself says of its functions: names, and the types of parameters.

use std::any::TypeId;
use std::rc::Rc;

use rhai::{Array, Blob, Engine, FnPtr, FuncInfo, ImmutableString, Map};

use crate::config::Config;
use crate::context::ContextValue;
use crate::engine::{Roots, complete};

/// A native function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Native {
    /// Its module; empty for those that are called without one.
    pub(super) module: String,
    pub(super) name: String,
    /// A type for each parameter, `?` for any.
    pub(super) types: Vec<String>,
}

/// The engine of a script that uses every module.
pub(super) fn engine() -> Engine {
    // Nothing of this machine's environment: it is the engine alone that counts.
    let config = Config::from_vars(&|_| None).expect("without settings all is default");
    let roots = Rc::new(Roots::new(&config));
    complete::engine(&config, roots)
}

/// The functions of `engine`, in order: those of modules, and those of its own that are not in Rhai.
pub(super) fn natives(engine: &Engine) -> Vec<Native> {
    let rhais = collect(&Engine::new());
    let mut all = collect(engine);
    all.retain(|native| !rhais.contains(native) && native.name.starts_with(char::is_alphabetic));
    // Properties, operators and what is no name in a script.
    all.retain(|native| !native.name.contains('$'));
    all.sort();
    all.dedup();
    all
}

fn collect(engine: &Engine) -> Vec<Native> {
    let native = |info: FuncInfo| {
        let (module, metadata) = (info.namespace.to_string(), info.metadata);
        let types = (0..metadata.num_params).map(|at| {
            let id = metadata.param_types.get(at).copied();
            let written = metadata.params_info.get(at).map_or("", |info| info.as_str());
            type_name(id, written)
        });
        Some(Native { module, name: metadata.name.to_string(), types: types.collect() })
    };
    engine.collect_fn_metadata(None, native, true)
}

/// The type of a parameter as definitions name it; `written` is how the engine has it.
fn type_name(id: Option<TypeId>, written: &str) -> String {
    let known = [
        (TypeId::of::<ImmutableString>(), "string"),
        (TypeId::of::<String>(), "string"),
        (TypeId::of::<i64>(), "int"),
        (TypeId::of::<f64>(), "float"),
        (TypeId::of::<bool>(), "bool"),
        (TypeId::of::<char>(), "char"),
        (TypeId::of::<Map>(), "map"),
        (TypeId::of::<Array>(), "array"),
        (TypeId::of::<Blob>(), "blob"),
        (TypeId::of::<FnPtr>(), "Fn"),
        (TypeId::of::<ContextValue>(), "context"),
    ];
    let found = known.into_iter().find(|(known, _)| Some(*known) == id);
    // Types of ours that have no name outside of their modules.
    let named = written.rsplit(' ').next().filter(|name| ["router", "stream"].contains(name));
    found.map(|(_, name)| name).or(named).unwrap_or("?").to_owned()
}
