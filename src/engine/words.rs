//! The words of a function's scripts: what a script calls, it has to name.
//!
//! A script is not parsed for it, its text is looked through. Words in comments and strings count as
//! well, and some that only look alike, but none is missed. Where a name may come from elsewhere, out
//! of an event say, that is noticed: then the scripts may call anything.

/// How many different words are told apart.
const BITS: usize = 8192;

/// To look through more text than this costs more than can be saved.
const MAX_TEXT: usize = 24 << 10;

/// What Rhai, or a function of ours, calls without a script naming it: to print values, and to compare
/// them.
const UNNAMED: &str = "to_string to_debug ==";

/// The words that occur, by a hash: two words may be taken for the same one.
pub(crate) struct Words {
    bits: Box<[u64; BITS / 64]>,
    /// The signs of ASCII that occur.
    signs: [bool; 128],
    /// How much text was looked through.
    len: usize,
    /// Some function may be called by a name that is not in the text, or not known to be.
    is_open_ended: bool,
}

impl Default for Words {
    fn default() -> Self {
        let mut words = Self {
            bits: Box::new([0; BITS / 64]),
            signs: [false; 128],
            len: 0,
            is_open_ended: false,
        };
        words.add(UNNAMED);
        words
    }
}

impl Words {
    /// Whether some function may be called that is not named.
    pub(crate) fn are_open_ended(&self) -> bool {
        self.is_open_ended
    }

    /// Adds the words of `text`.
    pub(crate) fn add(&mut self, text: &str) {
        self.len += text.len();
        self.is_open_ended |= self.len > MAX_TEXT;
        if self.is_open_ended {
            return;
        }
        let bytes = text.as_bytes();
        let mut hash = EMPTY;
        // Where the word starts that is being read.
        let mut start = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if is_of_word(byte) {
                hash = extend(hash, byte);
                continue;
            }
            if let Some(seen) = self.signs.get_mut(usize::from(byte)) {
                *seen = true;
            }
            if start < at {
                self.add_word(&bytes[start..at], hash, &bytes[at..]);
                hash = EMPTY;
            }
            start = at + 1;
        }
        if start < bytes.len() {
            self.add_word(&bytes[start..], hash, b"");
        }
    }

    fn add_word(&mut self, word: &[u8], hash: u32, after: &[u8]) {
        self.note(hash);
        match word {
            b"in" => self.note(hash_of(b"contains")),
            b"Fn" => self.is_open_ended |= !names_harmlessly(after),
            word if calls_by_name(word) => self.is_open_ended |= !is_harmless_call(after),
            _ => {}
        }
    }

    fn note(&mut self, hash: u32) {
        let (index, bit) = place_of(hash);
        self.bits[index] |= bit;
    }

    /// Whether a script may call Rhai's function `name`, which may be an operator or a property.
    pub(crate) fn may_call(&self, name: &str) -> bool {
        // Properties are `get$len` and `set$tag`, indexers `index$get$`.
        let word = match name.as_bytes() {
            [b'g' | b's', b'e', b't', b'$', property @ ..] => property,
            word => word,
        };
        self.is_open_ended
            || match word {
                [.., b'$'] => true,
                [first, ..] if !is_of_word(*first) => word.iter().all(|sign| self.has_sign(*sign)),
                word => self.has(word),
            }
    }

    fn has(&self, word: &[u8]) -> bool {
        let (index, bit) = place_of(hash_of(word));
        self.bits[index] & bit != 0
    }

    fn has_sign(&self, sign: u8) -> bool {
        self.signs.get(usize::from(sign)).is_some_and(|&seen| seen)
    }
}

/// Rhai's names are in ASCII.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The hash of no bytes, after Fowler, Noll and Vo.
const EMPTY: u32 = 0x811c_9dc5;

fn extend(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

fn hash_of(word: &[u8]) -> u32 {
    word.iter().fold(EMPTY, |hash, &byte| extend(hash, byte))
}

/// The place of a word among the bits.
fn place_of(hash: u32) -> (usize, u64) {
    let bit = (hash ^ (hash >> 16)) as usize % BITS;
    (bit / 64, 1 << (bit % 64))
}

/// Whether this is a function of Rhai that takes the name of a function as a string, in the place where
/// most scripts have a closure.
fn calls_by_name(word: &[u8]) -> bool {
    matches!(
        word,
        b"all"
            | b"dedup"
            | b"drain"
            | b"filter"
            | b"index_of"
            | b"map"
            | b"reduce"
            | b"reduce_rev"
            | b"retain"
            | b"some"
            | b"sort"
    )
}

/// Whether what follows on `Fn` is a name in plain sight, and not of a function that takes names
/// itself.
fn names_harmlessly(after: &[u8]) -> bool {
    after
        .trim_ascii_start()
        .strip_prefix(b"(")
        .is_some_and(|arguments| is_plain_name(arguments.trim_ascii_start()))
}

/// Whether what follows on a function that takes names gives it none, or one in plain sight.
///
/// What is followed by something else than its arguments is not called: a comment could be between.
fn is_harmless_call(after: &[u8]) -> bool {
    match after.trim_ascii_start() {
        [b'(', arguments @ ..] => match arguments.trim_ascii_start() {
            // A closure, which is the whole argument, or none.
            [b'|' | b')', ..] => true,
            arguments => is_plain_name(arguments),
        },
        // What is blank to Rhai beyond ASCII could be as well.
        [b'/' | ..=b' ' | 0x7f.., ..] => false,
        _ => true,
    }
}

/// Whether these arguments start with a plain string, which is no function that takes names.
fn is_plain_name(arguments: &[u8]) -> bool {
    let Some(text) = arguments.strip_prefix(b"\"") else { return false };
    let Some(end) = text.iter().position(|&byte| matches!(byte, b'"' | b'\\')) else {
        return false;
    };
    text[end] == b'"'
        && !calls_by_name(&text[..end])
        && matches!(text[end + 1..].trim_ascii_start(), [b')' | b',', ..])
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::rc::Rc;

    use rhai::{Dynamic, Engine, FuncInfo};

    use super::{Words, calls_by_name};

    fn words(text: &str) -> Words {
        let mut words = Words::default();
        words.add(text);
        words
    }

    #[test]
    fn what_stands_in_the_text_may_be_called() {
        let words = words("let y = x.len + trim(z); `${y.is_even()}` // sqrt");
        for name in ["get$len", "len", "trim", "is_even", "sqrt", "+", "+=", "=", "to_string", "=="]
        {
            assert!(words.may_call(name), "{name}");
        }
        for name in ["push", "get$tag", "le", "even", "-", "!=", "contains"] {
            assert!(!words.may_call(name), "{name}");
        }
        assert!(words.may_call("index$get$"));
        assert!(self::words("x in y").may_call("contains"));
        assert!(self::words("élen").may_call("len"), "names are in ASCII");
        assert!(!Words::default().may_call("len"));
    }

    #[test]
    fn names_from_elsewhere_are_noticed() {
        for text in [
            "Fn(name)",
            "Fn ( `a` )",
            "Fn(\"a\" + b)",
            "Fn(\"l\\x65n\")",
            "Fn(\"map\")",
            "Fn/**/(\"a\")",
            "Fn(",
            "a.map(name)",
            "map(a, name)",
            "a.filter(\"a\" + b)",
            "a.sort /**/ (name)",
            "a.sort\u{a0}(name)",
            "a.sort\u{b}(name)",
            "a.map(/**/name)",
            "a.index_of(`a`)",
            "a.some(\"filter\")",
            "a.reduce(f, 0)",
        ] {
            assert!(words(text).are_open_ended(), "{text}");
        }
        for text in [
            "Fn(\"len\")",
            "Fn (\"len\", )",
            "Fn",
            "a.map(|x| x)",
            "a.map ( || 1)",
            "a.sort()",
            "text.index_of(\"a\")",
            "text.index_of(\"a\", 3)",
            "event.filter",
            "#{ map: 1 }",
            "a.find(name)",
            "my_map(name)",
            "remap(name)",
        ] {
            assert_eq!(words(text).are_open_ended(), text == "Fn", "{text}");
        }
    }

    #[test]
    fn long_scripts_may_call_anything() {
        let mut words = words("let x = 1;");
        words.add(&"x += 1;\n".repeat(1000));
        assert!(!words.may_call("len"));
        words.add(&"x += 1;\n".repeat(3000));
        assert!(words.may_call("len") && words.are_open_ended());
    }

    #[test]
    fn functions_that_call_by_name_are_known() {
        let mut engine = Engine::new();
        let called = Rc::new(RefCell::new(false));
        let mark = || {
            let called = Rc::clone(&called);
            move || Dynamic::from(called.replace(true))
        };
        let (none, one, two, three) = (mark(), mark(), mark(), mark());
        engine.register_fn("probe", none);
        engine.register_fn("probe", move |_: Dynamic| one());
        engine.register_fn("probe", move |_: Dynamic, _: Dynamic| two());
        engine.register_fn("probe", move |_: Dynamic, _: Dynamic, _: Dynamic| three());

        let native = |info: FuncInfo| {
            let name = info.metadata.name.to_string();
            let is_called = name.starts_with(|first: char| first.is_ascii_alphabetic());
            (is_called && !name.contains('$')).then_some((name, info.metadata.num_params))
        };
        let natives: BTreeSet<_> =
            engine.collect_fn_metadata(None, native, true).into_iter().collect();
        let values = [
            "\"probe\"",
            "[1, 2, 3]",
            "[\"probe\"]",
            "1",
            "#{ a: 1 }",
            "blob(3, 1)",
            "'p'",
            "0..2",
            "()",
        ];
        let mut found = BTreeSet::new();
        for (name, parameters) in
            natives.iter().filter(|(name, _)| name != "probe" && name != "sleep")
        {
            for at in 0..values.len().pow((*parameters).min(3) as u32) {
                let arguments = (0..*parameters as u32)
                    .map(|place| values[at / values.len().pow(place.min(2)) % values.len()]);
                let script = format!("{name}({})", arguments.collect::<Vec<_>>().join(", "));
                // Most fail: no function takes just anything.
                let _: Result<Dynamic, _> = engine.eval(&script);
                if called.replace(false) {
                    found.insert(name.as_str());
                }
            }
        }
        let known = natives.iter().map(|(name, _)| name.as_str());
        let known: BTreeSet<_> = known.filter(|name| calls_by_name(name.as_bytes())).collect();
        assert_eq!(found, known);
        assert!(known.len() > 1);
    }
}
