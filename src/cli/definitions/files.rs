//! The definition files: their names and texts.
//!
//! Rhai can write definitions itself, but natives that come without names of their parameters make
//! lines that no reader of such files takes. So here names and words come from the reference, what
//! there is from the engine, and of Rhai's own text only what it knows best: its standard library.

use rhai::Engine;

use super::natives::{Native, engine, natives};
use super::reference::{Call, Module, Section, modules};

/// The file of what is called without a module.
const GLOBALS: &str = "__rhai_lambda__.d.rhai";

/// The context's properties as the README explains them; a test sees to it that all are there.
const PROPERTIES: [(&str, &str, &str); 12] = [
    ("aws_request_id", "string", "Identifies the request."),
    ("function_name", "string", "The function's name."),
    ("function_version", "string", "The function's version."),
    ("invoked_function_arn", "string | ()", "The ARN that was invoked."),
    ("memory_limit_in_mb", "int", "The memory of the function."),
    ("log_group_name", "string", "Where the function's log goes."),
    ("log_stream_name", "string", "Where the environment's log goes."),
    ("deadline_ms", "int | ()", "When Lambda ends the invocation, in milliseconds since 1970."),
    ("trace_id", "string | ()", "The X-Ray trace."),
    ("client_context", "map | ()", "What a mobile SDK says of the caller."),
    ("identity", "map | ()", "What Cognito says of the caller."),
    ("tenant_id", "string | ()", "The tenant, of functions with tenant isolation."),
];

/// Methods that the reference has no section for: whose, name, parameters, words.
const METHODS: [(&str, &str, &[&str], &str); 5] = [
    ("context", "remaining_time_ms", &[], "Returns the milliseconds until the deadline, or `()`."),
    ("context", "to_string", &[], "Returns the context as text."),
    ("context", "stream", &[], "Begins an answer that is sent while the handler makes it."),
    (
        "context",
        "stream",
        &["options"],
        "Begins such an answer to an HTTP request: `#{ statusCode, headers, cookies }`.",
    ),
    ("stream", "write", &["piece"], "Sends a string or a blob at once."),
];

/// Every file: its name and its text.
pub(super) fn all() -> Vec<(String, String)> {
    let engine = engine();
    let natives = natives(&engine);
    let modules = modules();
    let mut files = rhais_own();
    files.push((GLOBALS.to_owned(), globals(&modules, &natives)));
    for module in &modules {
        files.push((format!("{}.d.rhai", module.name), module_file(module, &natives)));
    }
    files
}

fn module_file(module: &Module, natives: &[Native]) -> String {
    let mut text = String::new();
    comment(&mut text, "//", &module.introduction);
    text.push_str(&format!("module {};\n", module.name));
    let own = natives.iter().filter(|native| native.module == module.name);
    for (name, arity, types) in by_arity(own) {
        let section = module.sections.iter().find(|section| {
            section.calls.iter().any(|call| call.owner == module.name && call.name == name)
        });
        declare(&mut text, &name, section, parameters(section, &module.name, &name, arity), &types);
    }
    text
}

/// What is called without a module: the methods of requests, answers and routers, the context.
fn globals(modules: &[Module], natives: &[Native]) -> String {
    let mut text = "module static;\n".to_owned();
    for (name, of_type, words) in PROPERTIES {
        text.push_str(&format!("\n/// {words}\nfn get {name}(context: context) -> {of_type};\n"));
    }
    let sections = || modules.iter().flat_map(|module| &module.sections);
    let router = sections().find(|section| section.calls.iter().any(|call| call.name == "router"));
    let own = natives.iter().filter(|native| native.module.is_empty());
    for (name, arity, types) in by_arity(own) {
        let first = types.first().map_or("", String::as_str);
        if matches!(first, "context" | "stream") {
            method(&mut text, first, &name, &types);
            continue;
        }
        let section = match first {
            "router" => router,
            _ => sections().find(|section| {
                let is_it = |call: &&Call| call.is_method && call.name == name;
                section.calls.iter().any(|call| is_it(&call) && call.parameters.len() + 1 == arity)
            }),
        };
        // The rest are Rhai's own functions under the limits of this runtime.
        let Some(section) = section else { continue };
        let call = section.calls.iter().find(|call| call.is_method && call.name == name);
        let named = match call {
            Some(call) => {
                let owner = std::slice::from_ref(&call.owner);
                [owner, call.parameters.as_slice()].concat()
            }
            None => types
                .iter()
                .map(|of_type| {
                    match of_type.as_str() {
                        "string" => "path",
                        "Fn" => "route",
                        "map" if name == "handle" => "event",
                        "map" => "options",
                        other => other,
                    }
                    .to_owned()
                })
                .collect(),
        };
        declare(&mut text, &name, Some(section), vec![named], &types);
    }
    text
}

/// Declares a method of the context, or of what comes from it.
fn method(text: &mut String, owner: &str, name: &str, types: &[String]) {
    let known = METHODS.iter().find(|(of, method, parameters, _)| {
        *of == owner && *method == name && parameters.len() + 1 == types.len()
    });
    if let Some((_, _, _, words)) = known {
        text.push_str(&format!("\n/// {words}"));
    }
    let mut list = format!("{owner}: {owner}");
    for (at, of_type) in types.iter().enumerate().skip(1) {
        let named = known.and_then(|(_, _, parameters, _)| parameters.get(at - 1));
        let named = named.map_or_else(|| format!("argument_{at}"), |named| (*named).to_owned());
        list.push_str(&format!(", {named}: {of_type}"));
    }
    text.push_str(&format!("\nfn {name}({list}) -> ?;\n"));
}

/// Functions by name and number of parameters; a type that is not always the same is any.
fn by_arity<'a>(natives: impl Iterator<Item = &'a Native>) -> Vec<(String, usize, Vec<String>)> {
    let mut all: Vec<(String, usize, Vec<String>)> = Vec::new();
    for native in natives {
        let arity = native.types.len();
        // Methods of the same name belong to different values.
        let found = all.iter_mut().find(|(name, count, types)| {
            *name == native.name
                && *count == arity
                && (!native.module.is_empty() || types.first() == native.types.first())
        });
        match found {
            Some((_, _, types)) => {
                for (known, new) in types.iter_mut().zip(&native.types) {
                    if known != new {
                        *known = "?".to_owned();
                    }
                }
            }
            None => all.push((native.name.clone(), arity, native.types.clone())),
        }
    }
    all
}

/// The names of the parameters, once for every way of calling that the reference has with so many.
fn parameters(
    section: Option<&Section>,
    module: &str,
    name: &str,
    arity: usize,
) -> Vec<Vec<String>> {
    let numbered = || (1..=arity).map(|at| format!("argument_{at}")).collect::<Vec<_>>();
    let Some(section) = section else { return vec![numbered()] };
    let of = |call: &&Call| call.owner == module && call.name == name;
    let exact = section.calls.iter().filter(of).filter(|call| call.parameters.len() == arity);
    let exact: Vec<Vec<String>> = exact.map(|call| call.parameters.clone()).collect();
    if !exact.is_empty() {
        return exact;
    }
    // A sibling that is called alike says how.
    let siblings = section.calls.iter().chain(&section.others);
    let sibling = siblings.filter(|call| call.owner == module).find(|call| {
        let own = section.calls.iter().find(of);
        call.parameters.len() == arity
            && own.is_none_or(|own| call.parameters.starts_with(&own.parameters))
    });
    if let Some(call) = sibling {
        return vec![call.parameters.clone()];
    }
    let longest = section.calls.iter().filter(of).max_by_key(|call| call.parameters.len());
    let Some(Call { parameters, .. }) = longest else { return vec![numbered()] };
    match arity.checked_sub(parameters.len()) {
        None => vec![parameters[..arity].to_vec()],
        // All functions take their options last.
        Some(1) => vec![[parameters.as_slice(), &["options".to_owned()]].concat()],
        Some(_) => vec![numbered()],
    }
}

fn declare(
    text: &mut String,
    name: &str,
    section: Option<&Section>,
    ways: Vec<Vec<String>>,
    types: &[String],
) {
    for names in ways {
        text.push('\n');
        if let Some(section) = section {
            comment(text, "///", &section.text);
        }
        let list = names.iter().zip(types).map(|(name, of_type)| {
            // A reserved word of Rhai.
            let name = if name == "default" { "fallback" } else { name };
            format!("{name}: {of_type}")
        });
        let list = list.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("fn {name}({list}) -> ?;\n"));
    }
}

fn comment(text: &mut String, mark: &str, words: &str) {
    for line in words.lines() {
        text.push_str(format!("{mark} {line}").trim_end());
        text.push('\n');
    }
}

/// Rhai's own definitions of itself, without what its reader would stumble over.
fn rhais_own() -> Vec<(String, String)> {
    let engine = Engine::new();
    let definitions = engine.definitions();
    definitions.iter_files().map(|(name, text)| (name, cleaned(&text))).collect()
}

/// `text` without functions that scripts cannot call, and with types that are types.
fn cleaned(text: &str) -> String {
    let mut out = String::new();
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if line.starts_with("///") {
            words.push(line);
            continue;
        }
        let is_declaration = line.starts_with("fn ") || line.starts_with("op ");
        let is_off = ["fn eval(", "fn index$", "op print(", "op debug(", "op index$"];
        if is_declaration && is_off.iter().any(|start| line.starts_with(start)) {
            words.clear();
            continue;
        }
        for word in words.drain(..) {
            out.push_str(word);
            out.push('\n');
        }
        out.push_str(&if is_declaration { with_types(line) } else { line.to_owned() });
        out.push('\n');
    }
    out
}

fn with_types(line: &str) -> String {
    let line = line
        .replace(": range=", ": RangeInclusive<int>")
        .replace(": range", ": Range<int>")
        .replace("Instant", "timestamp");
    match line.rsplit_once(" -> ") {
        Some((start, "EvalAltResult>>;" | "RhaiResult;" | ";")) => format!("{start} -> ?;"),
        _ => line.strip_suffix(" -> ;").map_or(line.clone(), |start| format!("{start} -> ?;")),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{PROPERTIES, all};
    use crate::Config;
    use crate::context::{Context, ContextValue, Function};

    #[test]
    fn the_context_is_whole() {
        let function = Function::from(&Config::from_vars(&|_| None).unwrap());
        let context = ContextValue::new(Rc::new(Context::default()), Rc::new(function));
        let mut names = PROPERTIES.map(|(name, _, _)| name.to_owned());
        names.sort();
        assert!(context.to_map().keys().map(|name| name.as_str()).eq(names));
    }

    #[test]
    fn functions_have_names_and_words() {
        let files = all();
        let text = |name: &str| &files.iter().find(|(file, _)| file == name).unwrap().1;
        assert!(text("env.d.rhai").contains("\nfn get(name: string, fallback: ?) -> ?;\n"));
        for (name, text) in &files {
            assert!(!text.contains("argument_"), "{name}: {text}");
        }
    }
}
