//! What scripts can call without having defined it: Rhai's functions, ours, and those of the
//! language itself.

use std::collections::{BTreeSet, HashMap};

use rhai::Engine;

use crate::engine::complete::{Native, natives};

/// The functions that only tests see, with the arguments that they take.
pub(super) const FOR_TESTS: &[(&str, &[usize])] = &[
    ("assert", &[1, 2]),
    ("assert_eq", &[2, 3]),
    ("assert_ne", &[2, 3]),
    ("assert_throws", &[1, 2]),
];

/// Those that the engine has without registering them. In method style the receiver counts.
const OF_THE_LANGUAGE: &[(&str, &[usize])] =
    &[("type_of", &[1]), ("is_shared", &[1]), ("is_def_fn", &[2, 3])];

/// The same, in function style only.
const STATEMENTS: &[(&str, &[usize])] = &[("is_def_var", &[1]), ("Fn", &[1])];

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

    /// Names that a slip may have meant.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let global = self.global.keys().map(String::as_str).filter(|name| is_word(name));
        global.chain(self.further.iter().map(String::as_str))
    }
}

/// Whether one of the listed functions takes `count` arguments.
pub(super) fn has(list: &[(&str, &[usize])], name: &str, count: usize) -> bool {
    list.iter().any(|(listed, arities)| *listed == name && arities.contains(&count))
}

/// Operators and getters have names that no call can have.
fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
