//! The engine with every module in it, and a list of what it offers: for those who look at scripts
//! without running them.

use std::rc::Rc;

use rhai::Engine;

use crate::config::Config;
use crate::engine::{EndMark, Roots, Sources, build};
use crate::log::Logger;

pub(crate) use crate::engine::resolver::plain_name;

/// A function that scripts can call without having defined it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Native {
    /// The module, empty for those that are called without one.
    pub(crate) module: String,
    pub(crate) name: String,
    /// How many arguments it takes; of a method the receiver is one.
    pub(crate) parameters: usize,
}

/// Builds the engine that `bootstrap` would have for a script that names every module.
pub(crate) fn engine(config: &Config, roots: Rc<Roots>) -> Engine {
    let (logger, end_mark) = (Rc::new(Logger::new(config)), Rc::new(EndMark::new()));
    build(config, roots, &config.handler, logger, end_mark, &Sources::default()).0
}

/// Every function of `engine`, Rhai's own among them.
pub(crate) fn natives(engine: &Engine) -> Vec<Native> {
    let native = |info: rhai::FuncInfo| {
        Some(Native {
            module: info.namespace.to_string(),
            name: info.metadata.name.to_string(),
            parameters: info.metadata.num_params,
        })
    };
    engine.collect_fn_metadata(None, native, true)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{Native, engine, natives};
    use crate::config::Config;
    use crate::engine::Roots;

    #[test]
    fn every_module_is_there() {
        let config = Config::from_vars(&|_| None).unwrap();
        let engine = engine(&config, Rc::new(Roots::new(&config)));
        let natives = natives(&engine);
        for module in crate::modules::names() {
            assert!(natives.iter().any(|native| native.module == module), "{module}");
        }
        let find = |module: &str, name: &str, parameters| {
            let (module, name) = (module.to_owned(), name.to_owned());
            natives.contains(&Native { module, name, parameters })
        };
        assert!(find("", "len", 1) && find("", "push", 2) && find("text", "render", 2));
        assert!(!find("", "render", 2) && !find("text", "render", 7));
    }
}
