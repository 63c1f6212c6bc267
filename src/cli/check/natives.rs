//! What scripts can call without having defined it: Rhai's functions, ours, and those of the
//! language itself.

use std::collections::{BTreeSet, HashMap};

use rhai::Engine;

use crate::engine::complete::{Native, natives};

/// Those that the engine has without registering them. In method style the receiver counts.
const OF_THE_LANGUAGE: &[(&str, &[usize])] =
    &[("type_of", &[1]), ("is_shared", &[1]), ("is_def_fn", &[2, 3])];

/// The same, in function style only.
const STATEMENTS: &[(&str, &[usize])] = &[("is_def_var", &[1]), ("Fn", &[1])];

/// What other languages call some of Rhai's functions.
const ELSEWHERE: &[(&str, &str)] = &[
    ("length", "len"),
    ("lenght", "len"),
    ("size", "len"),
    ("count", "len"),
    ("includes", "contains"),
    ("has", "contains"),
    ("has_key", "contains"),
    ("to_upper_case", "to_upper"),
    ("to_lower_case", "to_lower"),
    ("upper", "to_upper"),
    ("lower", "to_lower"),
    ("substr", "sub_string"),
    ("substring", "sub_string"),
    ("slice", "extract"),
    ("concat", "append"),
    ("unshift", "insert"),
    ("find_index", "index_of"),
    ("println", "print"),
    ("parse", "json::parse"),
    ("str", "to_string"),
    ("typeof", "type_of"),
];

/// Functions by name, with the numbers of arguments.
pub(super) type Functions = HashMap<String, BTreeSet<usize>>;

/// Everything that is there without an import.
pub(super) struct Natives {
    pub(super) global: Functions,
    pub(super) modules: HashMap<String, Functions>,
    /// Functions that a `bootstrap` of one's own adds: how they are called is not known.
    pub(super) further: Vec<String>,
}

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(a, b)`
    Function,
    /// `a.f(b)`
    Method,
}

impl Natives {
    pub(super) fn of(engine: &Engine, further: &[String]) -> Self {
        let mut found =
            Self { global: HashMap::new(), modules: HashMap::new(), further: further.to_vec() };
        for Native { module, name, parameters } in natives(engine) {
            let functions = match module.is_empty() {
                true => &mut found.global,
                false => found.modules.entry(module).or_default(),
            };
            functions.entry(name).or_default().insert(parameters);
        }
        for (name, arities) in OF_THE_LANGUAGE {
            found.global.entry((*name).to_owned()).or_default().extend(*arities);
        }
        found
    }

    /// Whether a call of `name` with `count` arguments, the receiver of a method among them, has a
    /// function without a module.
    pub(super) fn answers(&self, name: &str, count: usize, style: Style) -> bool {
        let is_statement = match (name, style) {
            ("call", Style::Function) => count >= 1,
            ("curry", Style::Function) => count >= 2,
            ("call" | "curry", Style::Method) => true,
            (_, Style::Function) => has(STATEMENTS, name, count),
            _ => false,
        };
        is_statement
            || self.global.get(name).is_some_and(|arities| arities.contains(&count))
            || self.further.iter().any(|further| further == name)
    }

    /// Whether there is a function of this name, however it is called.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.global.contains_key(name)
            || self.further.iter().any(|further| further == name)
            || matches!(name, "call" | "curry" | "Fn" | "is_def_var")
    }

    /// What a function of another language is called here.
    pub(super) fn translated(&self, name: &str) -> Option<String> {
        let snake = snake_case(name);
        if snake != name && self.knows(&snake) {
            return Some(snake);
        }
        let (_, own) = ELSEWHERE.iter().find(|(other, _)| *other == snake)?;
        Some((*own).to_owned())
    }

    /// Names that a slip may have meant.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let global = self.global.keys().map(String::as_str).filter(|name| is_word(name));
        global.chain(self.further.iter().map(String::as_str))
    }
}

/// Whether one of the listed functions takes `count` arguments.
fn has(list: &[(&str, &[usize])], name: &str, count: usize) -> bool {
    list.iter().any(|(listed, arities)| *listed == name && arities.contains(&count))
}

/// `toString` as `to_string`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Operators and getters have names that no call can have.
fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{ELSEWHERE, Natives, Style};
    use crate::config::Config;
    use crate::engine::{Roots, complete};

    fn natives() -> Natives {
        let config = Config::from_vars(&|_| None).unwrap();
        let engine = complete::engine(&config, Rc::new(Roots::new(&config)));
        Natives::of(&engine, &["own".to_owned()])
    }

    #[test]
    fn words_of_other_languages_lead_to_functions_that_exist() {
        let natives = natives();
        for (other, own) in ELSEWHERE {
            assert!(!natives.knows(other), "`{other}` exists");
            let (module, name) = own.split_once("::").unwrap_or(("", own));
            let known = match module {
                "" => natives.knows(name),
                module => natives.modules[module].contains_key(name),
            };
            assert!(known, "`{own}` does not exist");
        }
        assert_eq!(natives.translated("toUpperCase").as_deref(), Some("to_upper"));
        assert_eq!(natives.translated("toString").as_deref(), Some("to_string"));
        assert_eq!(natives.translated("whatever"), None);
    }

    #[test]
    fn calls_are_answered_by_number_of_arguments() {
        let natives = natives();
        for (name, count, style) in [
            ("len", 1, Style::Method),
            ("len", 1, Style::Function),
            ("type_of", 1, Style::Method),
            ("call", 1, Style::Function),
            ("call", 7, Style::Method),
            ("Fn", 1, Style::Function),
            ("print", 0, Style::Function),
            ("exit", 1, Style::Function),
            ("own", 9, Style::Function),
        ] {
            assert!(natives.answers(name, count, style), "{name} {count} {style:?}");
        }
        for (name, count, style) in [
            ("len", 2, Style::Method),
            ("Fn", 1, Style::Method),
            ("call", 0, Style::Function),
            ("is_def_var", 1, Style::Method),
            ("nothing", 0, Style::Function),
        ] {
            assert!(!natives.answers(name, count, style), "{name} {count} {style:?}");
        }
    }
}
