//! Reads a function's scripts ahead of running them, to know which modules and functions they may use.

use std::collections::BTreeSet;

use crate::engine::Roots;
use crate::engine::resolver::plain_name;
use crate::engine::words::Words;

/// Not a module: streamed answers, which a script may use if the word is anywhere in it.
pub(crate) const STREAM: &str = "stream";

/// What a function's scripts name, as far as it can be known before any of them runs. The default is of
/// scripts of which nothing is known.
#[derive(Default)]
pub(crate) struct Sources {
    /// The words before a `::`, anywhere.
    namespaces: BTreeSet<String>,
    words: Words,
    /// Whether there is no other script: an import whose path is computed may bring anything.
    are_all_known: bool,
    /// Somebody else has the engine too.
    is_shared: bool,
}

impl Sources {
    /// Follows the imports from `source`, the handler's script. What cannot be read is left to the
    /// import itself to complain about; what can be is not read again for it.
    pub(crate) fn gather(roots: &Roots, source: &str) -> Self {
        let mut gathered = Self { are_all_known: true, ..Self::default() };
        let mut seen = BTreeSet::new();
        let mut waiting = gathered.look_into(source);
        while let Some(name) = waiting.pop() {
            if seen.insert(name.clone()) {
                match roots.read_ahead(&name, |text| gathered.look_into(text)) {
                    Some(found) => waiting.extend(found),
                    // It may be there when it is imported.
                    None => gathered.are_all_known = false,
                }
            }
        }
        gathered
    }

    /// The same, for an engine in which others may put scripts and functions of theirs, which call
    /// what they like.
    pub(crate) fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    /// Whether a script may use the module `name`.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        !self.are_all_known || self.namespaces.contains(name)
    }

    /// Whether a script may call Rhai's function `name`.
    pub(crate) fn may_call(&self, name: &str) -> bool {
        self.may_call_anything() || self.words.may_call(name)
    }

    /// Whether a script may call one of Rhai's functions `names`.
    pub(crate) fn may_call_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.may_call(name))
    }

    /// Whether a script may call functions that it does not name.
    pub(crate) fn may_call_anything(&self) -> bool {
        !self.are_all_known || self.is_shared || self.words.are_open_ended()
    }

    /// Takes down what a script names, and returns the paths of its imports.
    fn look_into(&mut self, text: &str) -> Vec<String> {
        self.words.add(text);
        for name in namespaces_of(text) {
            if !self.namespaces.contains(name) {
                self.namespaces.insert(name.to_owned());
            }
        }
        if text.contains(STREAM) {
            self.namespaces.insert(STREAM.to_owned());
        }
        let (imports, open_ended) = imports_of(text);
        self.are_all_known &= !open_ended;
        imports
    }
}

/// The words that stand before a `::`.
fn namespaces_of(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("::").filter_map(|(at, _)| {
        let before = text[..at].trim_end();
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let start = before
            .rfind(|c| !is_name(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        Some(&before[start..]).filter(|name| !name.is_empty())
    })
}

/// The paths of the imports in a script, and whether there are some whose path is no plain string.
fn imports_of(text: &str) -> (Vec<String>, bool) {
    let mut names = Vec::new();
    let mut open_ended = false;
    for (at, word) in text.match_indices("import") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at + word.len()..];
        if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let path = rest.trim_start().strip_prefix('"');
        match path.and_then(|rest| rest.split_once('"')) {
            Some((path, _)) if !path.contains('\\') => names.push(plain_name(path).to_owned()),
            _ => open_ended = true,
        }
    }
    (names, open_ended)
}

#[cfg(test)]
mod tests {
    use super::{imports_of, namespaces_of};

    #[test]
    fn modules_are_named_by_their_path() {
        let named = |text| namespaces_of(text).collect::<Vec<_>>();
        assert_eq!(named("let x = json::parse(y);"), ["json"]);
        assert_eq!(named("json ::parse(y)\n + a::b::c(1)"), ["json", "a", "b"]);
        assert_eq!(named("`${env::get(\"A\")}`"), ["env"]);
        assert_eq!(named("my_json::parse(y)"), ["my_json"]);
        assert_eq!(named("event.json"), [""; 0]);
        assert_eq!(named("::x, é::y"), ["é"]);
    }

    #[test]
    fn imports_are_found() {
        let text = "import \"lib/a\" as a;\nfn f() { import \"./lib/b.rhai\" as b; important() }";
        assert_eq!(imports_of(text), (vec!["lib/a".to_owned(), "lib/b".to_owned()], false));
        assert_eq!(imports_of("import name + \".rhai\" as x;"), (vec![], true));
    }
}
