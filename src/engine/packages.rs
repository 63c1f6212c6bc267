//! Rhai's own functions, as many of them as a function's scripts may call.
//!
//! Registering all five hundred is most of what a start costs, and a script calls a handful. A
//! function is left out only if its name stands in no script, so that nobody can tell.

use std::rc::Rc;

use rhai::packages::{Package as _, StandardPackage};
use rhai::{AST, Engine, Module};

use crate::engine::sources::Sources;

/// Registers Rhai's standard package in `engine`, or the part of it that `sources` may call.
pub(crate) fn register(engine: &mut Engine, sources: &Sources) {
    let mut package = Module::new();
    StandardPackage::init(&mut package);
    let package = match sources.may_call_anything() {
        true => {
            package.register_lazy_functions();
            Rc::new(package)
        }
        // Of a syntax tree Rhai copies functions by name; of a module it does not.
        false => {
            let chosen = AST::new_from_module(package)
                .clone_functions_only_filtered(|_, _, _, name, _| sources.may_call(name));
            let chosen: &Rc<Module> = chosen.as_ref();
            Rc::clone(chosen)
        }
    };
    // Not indexed: an index is for modules that are imported, and costs as much once more.
    engine.register_global_module(package);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use rhai::{Dynamic, Engine, FuncInfo};

    use crate::config::Config;
    use crate::engine::{EndMark, Roots, Sources, build};
    use crate::handler::Handler;
    use crate::log::Logger;
    use crate::log::kept::Kept;

    /// Some values of each type, as scripts write them.
    const VALUES: &[&str] = &[
        "7",
        "2.5",
        "\"1ab\"",
        "'b'",
        "true",
        "()",
        "[3, 1, 2]",
        "#{ a: 1 }",
        "blob(3, 65)",
        "0..2",
        "0..=2",
        "|a| a",
        "|a, b| a == b",
        "timestamp()",
    ];

    fn engine(sources: &Sources) -> Engine {
        let config = Config::from_vars(&|_| None).unwrap();
        let logger = Rc::new(Logger::keeping(&config, Kept::default()));
        let roots = Rc::new(Roots::new(&config));
        build(&config, roots, "function", logger, Rc::new(EndMark::new()), sources).0
    }

    fn knowing(text: &str) -> Engine {
        engine(&gathered(text))
    }

    fn gathered(text: &str) -> Sources {
        let config = Config::from_vars(&|_| None).unwrap();
        Sources::gather(&Roots::new(&config), text)
    }

    /// An engine with all of Rhai's functions, and as few modules as the others.
    fn whole() -> Engine {
        engine(&gathered("").shared())
    }

    /// What a script makes of it, as text.
    fn outcome(engine: &Engine, script: &str) -> String {
        let result: Result<Dynamic, _> = engine.eval(script);
        match result {
            // The time is another one the next time.
            Ok(value) if script.contains("timestamp") => value.type_name().to_owned(),
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        }
    }

    /// The name of a function and how many parameters it takes.
    fn natives(engine: &Engine) -> BTreeSet<(String, usize)> {
        let native = |info: FuncInfo| {
            let is_global = info.namespace.is_empty();
            is_global.then(|| (info.metadata.name.to_string(), info.metadata.num_params))
        };
        engine.collect_fn_metadata(None, native, true).into_iter().collect()
    }

    /// Every way to use a function of this name.
    fn uses(name: &str, parameters: usize) -> Vec<String> {
        let mut uses = Vec::new();
        let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
        for first in VALUES {
            if let Some(property) = name.strip_prefix("get$") {
                uses.push(format!("let x = {first}; x.{property}"));
                continue;
            }
            if let Some(property) = name.strip_prefix("set$") {
                uses.push(format!("let x = {first}; x.{property} = 5; x.{property}"));
                continue;
            }
            if parameters <= 1 {
                uses.push(match is_operator {
                    true => format!("{name} {first}"),
                    false => format!("{name}({first})"),
                });
                uses.push(format!("let x = {first}; x.{name}()"));
                continue;
            }
            for second in VALUES {
                if is_operator {
                    uses.push(format!("let x = {first}; x {name} {second}"));
                    continue;
                }
                // What takes more takes numbers.
                let more = ", 1".repeat(parameters - 2);
                uses.push(format!("{name}({first}, {second}{more})"));
                uses.push(format!("let x = {first}; let y = x.{name}({second}{more}); [x, y]"));
            }
        }
        uses
    }

    #[test]
    fn what_is_named_is_there() {
        let whole = whole();
        for (name, parameters) in natives(&whole) {
            if name == "sleep" {
                continue;
            }
            let uses = uses(&name, parameters);
            let part = knowing(&uses.join(";\n"));
            for script in uses {
                assert_eq!(outcome(&part, &script), outcome(&whole, &script), "{script}");
            }
        }
    }

    #[test]
    fn what_is_called_without_a_name_is_there() {
        let whole = whole();
        for script in [
            "`${[1, \"a\", #{ b: 2.5, c: [()] }, 'd']} ${1.5} ${()} ${true} ${0..2}`",
            "2 in [1, 2] && \"a\" in #{ a: 1 } && 'b' in \"abc\" && 3 !in [1] && 1 in 0..2",
            "print([1, #{ a: [2.5] }]); debug([1, #{ a: [2.5] }]); print()",
            "[[1], #{ a: 1 }] == [[1], #{ a: 1 }] && #{ a: [1] } != #{ a: [2] }",
            "let all = []; for x in \"ab\" { all += x; } for x in 0..2 { all += x; } for x in blob(2, 1) { all += x; } all",
            "let x = []; for (v, i) in [1, 2] { x += [v * i]; } x",
            "switch 2.5 { 1.0..3.0 => \"in\", _ => \"out\" }",
            "let f = Fn(\"abs\"); f.call(-3)",
            "let f = Fn(\"l\" + \"en\"); f.call(\"abc\")",
            "[\"ab\"].map(\"le\" + \"n\")",
            "[\"b\", \"a\"].map(\"to_upper\")",
            "let o = #{ f: Fn(\"len\") }; o.f()",
            "type_of(timestamp()) + type_of(0..2) + type_of(blob()) + type_of(|| 1)",
            "let x = 5; x.tag = 3; x.tag",
            "let s = \"abc\"; s[0..2] + s[-1]",
            "is_def_fn(\"len\", 1) || is_def_var(\"len\")",
            "try { undefined_one(1) } catch (e) { e }",
            "try { 1 / 0 } catch (e) { `${e}` }",
        ] {
            let part = knowing(script);
            assert_eq!(outcome(&part, script), outcome(&whole, script), "{script}");
        }
    }

    #[test]
    fn an_engine_that_others_extend_has_everything() {
        let mut config = Config::from_vars(&|_| None).unwrap();
        config.task_root = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/echo").into();
        config.handler = "function.handler".into();
        let found = Handler::with_stack(&config, || {
            let mut found = None;
            Handler::load_with(&config, |engine| {
                found = engine.eval::<i64>("[1, 2].len() + \"abc\".to_upper().len").ok();
            })?;
            Ok(found)
        });
        assert_eq!(found.unwrap(), Some(5));
    }

    #[test]
    fn little_is_registered_for_a_small_script() {
        let small = natives(&knowing("fn handler(event) { event }")).len();
        let whole = natives(&whole()).len();
        assert!(small * 5 < whole, "{small} of {whole}");
    }
}
