//! Reads a function's scripts ahead of running them, to know which modules they may use.

use crate::engine::Roots;
use crate::engine::resolver::plain_name;
use crate::modules;

/// The texts of a function's scripts, as far as they can be known before any of them runs.
pub(crate) struct Sources {
    texts: Vec<String>,
    /// An import whose path is computed may bring anything.
    open_ended: bool,
}

impl Sources {
    /// Follows the imports from `source`, the handler's script. What cannot be read is left to the
    /// import itself to complain about.
    pub(crate) fn gather(roots: &Roots, source: &str) -> Self {
        let mut gathered = Self { texts: vec![source.to_owned()], open_ended: false };
        let mut seen: Vec<String> = Vec::new();
        let mut at = 0;
        while at < gathered.texts.len() {
            let (names, open_ended) = imports_of(&gathered.texts[at]);
            gathered.open_ended |= open_ended;
            for name in names {
                if !seen.contains(&name) {
                    gathered.texts.extend(roots.read_module(&name).map(|source| source.text));
                    seen.push(name);
                }
            }
            at += 1;
        }
        gathered
    }

    /// Whether a script may have `word` in it.
    pub(crate) fn mention(&self, word: &str) -> bool {
        self.open_ended || self.texts.iter().any(|text| text.contains(word))
    }

    /// Whether a script may use the module `name`.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        self.open_ended || self.texts.iter().any(|text| modules::is_named(text, name))
    }
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
    use super::imports_of;

    #[test]
    fn imports_are_found() {
        let text = "import \"lib/a\" as a;\nfn f() { import \"./lib/b.rhai\" as b; important() }";
        assert_eq!(imports_of(text), (vec!["lib/a".to_owned(), "lib/b".to_owned()], false));
        assert_eq!(imports_of("import name + \".rhai\" as x;"), (vec![], true));
    }
}
