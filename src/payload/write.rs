//! Writes Rhai values as JSON bytes, and says where in a value something cannot be written.

use std::fmt;

use rhai::{Array, Dynamic, FnPtr, Map};

use crate::context::ContextValue;
use crate::modules::lambda::Raw;

/// The layout of the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// No white space.
    Compact,
    /// A line for each entry, indented by two spaces a level.
    Pretty,
}

/// What JSON cannot express, and where in the value it is.
#[derive(Debug)]
pub(crate) struct Unwritable {
    /// From the innermost segment to the outermost.
    path: Vec<Segment>,
    what: String,
}

#[derive(Debug)]
enum Segment {
    Key(String),
    Index(usize),
}

impl Unwritable {
    fn new(what: impl Into<String>) -> Box<Self> {
        Box::new(Self { path: Vec::new(), what: what.into() })
    }

    fn inside(mut self: Box<Self>, segment: Segment) -> Box<Self> {
        self.path.push(segment);
        self
    }

    /// The sentence for people: `` `result.items[3].image` is a blob, … ``.
    pub(crate) fn describe(&self, root: &str) -> String {
        const SHOWN: usize = 8;
        let mut path = root.to_owned();
        for (shown, segment) in self.path.iter().rev().enumerate() {
            if shown == SHOWN {
                path.push_str(".…");
                break;
            }
            match segment {
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
                Segment::Key(key) if is_plain(key) => path.push_str(&format!(".{key}")),
                Segment::Key(key) => path.push_str(&format!("[{key:?}]")),
            }
        }
        format!("`{path}` is {}", self.what)
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Writes `value` behind what `out` already holds.
///
/// # Errors
/// The first part of the value that JSON cannot express.
pub(crate) fn write(
    out: &mut Vec<u8>,
    value: &Dynamic,
    max_depth: usize,
    style: Style,
) -> Result<(), Box<Unwritable>> {
    Writer { out, max_depth, style, inexpressible: Inexpressible::Refused }.value(value, 0)
}

/// As [`write()`], for a map that is not in a value.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_map(
    out: &mut Vec<u8>,
    map: &Map,
    max_depth: usize,
) -> Result<(), Box<Unwritable>> {
    let inexpressible = Inexpressible::Refused;
    Writer { out, max_depth, style: Style::Compact, inexpressible }.map(map, 0)
}

/// Writes `value` for a log: what JSON cannot express is described in a string instead.
pub(crate) fn write_lossy(out: &mut Vec<u8>, value: &Dynamic, max_depth: usize) {
    let inexpressible = Inexpressible::Described;
    let mut writer = Writer { out, max_depth, style: Style::Compact, inexpressible };
    // The only errors are those of values, and those are described.
    let _ = writer.value(value, 0);
}

/// The entries of a map as the fields of a log line.
pub(crate) fn fields(map: &Map, max_depth: usize) -> serde_json::Map<String, serde_json::Value> {
    map.iter()
        .map(|(name, value)| {
            let mut json = Vec::new();
            write_lossy(&mut json, value, max_depth);
            (name.to_string(), serde_json::from_slice(&json).unwrap_or_default())
        })
        .collect()
}

enum Inexpressible {
    Refused,
    Described,
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    max_depth: usize,
    style: Style,
    inexpressible: Inexpressible,
}

type Written = Result<(), Box<Unwritable>>;

impl Writer<'_> {
    fn value(&mut self, value: &Dynamic, depth: usize) -> Written {
        // Each of these also looks through a value that closures share.
        if let Ok(text) = value.as_immutable_string_ref() {
            self.string(&text);
        } else if let Ok(number) = value.as_int() {
            self.json(&number);
        } else if value.is_map() {
            return match value.as_map_ref() {
                Ok(map) => self.map(&map, depth),
                Err(_) => self.in_use(),
            };
        } else if value.is_array() {
            return match value.as_array_ref() {
                Ok(array) => self.array(&array, depth),
                Err(_) => self.in_use(),
            };
        } else if let Ok(flag) = value.as_bool() {
            self.json(&flag);
        } else if value.is_unit() {
            self.out.extend_from_slice(b"null");
        } else if let Ok(number) = value.as_float() {
            if !number.is_finite() {
                return self.inexpressible(&format!("{number}, which JSON cannot express"));
            }
            self.json(&number);
        } else if let Ok(character) = value.as_char() {
            self.json(&character);
        } else if let Some(context) = value.read_lock::<ContextValue>() {
            return self.map(&context.to_map(), depth);
        } else {
            return self.inexpressible(&what_is(value));
        }
        Ok(())
    }

    fn map(&mut self, map: &Map, depth: usize) -> Written {
        if depth >= self.max_depth {
            return self.too_deep();
        }
        self.out.push(b'{');
        for (at, (key, item)) in map.iter().enumerate() {
            self.separate(at, depth + 1);
            self.string(key);
            self.out.push(b':');
            if self.style == Style::Pretty {
                self.out.push(b' ');
            }
            self.value(item, depth + 1)
                .map_err(|error| error.inside(Segment::Key(key.to_string())))?;
        }
        self.close(b'}', map.is_empty(), depth);
        Ok(())
    }

    fn array(&mut self, array: &Array, depth: usize) -> Written {
        if depth >= self.max_depth {
            return self.too_deep();
        }
        self.out.push(b'[');
        for (at, item) in array.iter().enumerate() {
            self.separate(at, depth + 1);
            self.value(item, depth + 1).map_err(|error| error.inside(Segment::Index(at)))?;
        }
        self.close(b']', array.is_empty(), depth);
        Ok(())
    }

    fn separate(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.out.push(b',');
        }
        self.break_line(depth);
    }

    fn close(&mut self, bracket: u8, is_empty: bool, depth: usize) {
        if !is_empty {
            self.break_line(depth);
        }
        self.out.push(bracket);
    }

    fn break_line(&mut self, depth: usize) {
        if self.style == Style::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * depth, b' ');
        }
    }

    /// A string. Most need no escapes: those are copied in one go.
    fn string(&mut self, text: &str) {
        if needs_escapes(text.as_bytes()) {
            return self.json(text);
        }
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut *self.out, value)
            .expect("a scalar is always JSON, and a Vec takes every byte");
    }

    fn in_use(&mut self) -> Written {
        self.inexpressible("in use by the closure that is running")
    }

    fn too_deep(&mut self) -> Written {
        self.inexpressible(&format!(
            "nested deeper than {} levels (RHAI_LAMBDA_MAX_JSON_DEPTH); does it contain itself?",
            self.max_depth
        ))
    }

    fn inexpressible(&mut self, what: &str) -> Written {
        match self.inexpressible {
            Inexpressible::Refused => Err(Unwritable::new(what)),
            Inexpressible::Described => {
                let short = what.split([',', ':', ';', '(']).next().unwrap_or(what).trim();
                self.json(&fmt::format(format_args!("<{short}>")));
                Ok(())
            }
        }
    }
}

/// Whether a control character, a quote or a backslash is among these: eight bytes at a time.
fn needs_escapes(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    /// The highest bit of a byte is set if the byte was below `limit`, and below 128.
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word
    }
    const fn is_special(word: u64) -> bool {
        let quote = below(word ^ (ONES * b'"' as u64), 1);
        let backslash = below(word ^ (ONES * b'\\' as u64), 1);
        (below(word, 0x20) | quote | backslash) & (ONES << 7) != 0
    }
    let (words, rest) = text.as_chunks::<8>();
    words.iter().any(|word| is_special(u64::from_ne_bytes(*word)))
        || rest.iter().any(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
}

fn what_is(value: &Dynamic) -> String {
    let kind = if value.is_blob() {
        return "a blob, which JSON cannot express: encode it, or return it with `lambda::raw`"
            .to_owned();
    } else if value.is::<FnPtr>() {
        "a function"
    } else if value.is::<Raw>() {
        return "an answer of `lambda::raw`, which can only be the whole result".to_owned();
    } else {
        value.type_name()
    };
    format!("{kind}, which JSON cannot express").replacen("timestamp", "a timestamp", 1)
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine};

    use super::{Style, write, write_lossy};

    fn eval(script: &str) -> Dynamic {
        Engine::new().eval(script).unwrap()
    }

    fn check(script: &str, style: Style) -> Result<String, String> {
        let mut out = Vec::new();
        write(&mut out, &eval(script), 16, style)
            .map(|()| String::from_utf8(out).unwrap())
            .map_err(|error| error.describe("result"))
    }

    #[test]
    fn values_become_json() {
        let script = r#"#{ b: [1, 1.0, -0.5, 'c', "é\n\u0001", true, ()], a: #{} }"#;
        assert_eq!(
            check(script, Style::Compact).unwrap(),
            r#"{"a":{},"b":[1,1.0,-0.5,"c","é\n\u0001",true,null]}"#
        );
        assert_eq!(
            check("#{ a: [1, []] }", Style::Pretty).unwrap(),
            "{\n  \"a\": [\n    1,\n    []\n  ]\n}"
        );
    }

    #[test]
    fn every_character_is_written_at_every_place() {
        for character in (0..=0x2ff).filter_map(char::from_u32) {
            for at in [0, 3, 7, 8, 15, 17] {
                let text = format!("{}{character}{}", "x".repeat(at), "é".repeat(3));
                let mut out = Vec::new();
                write(&mut out, &text.as_str().into(), 16, Style::Compact).unwrap();
                assert_eq!(out, serde_json::to_vec(&text).unwrap());
            }
        }
    }

    #[test]
    fn what_json_cannot_express_is_named_with_its_place() {
        let error = check("#{ items: [1, #{ image: blob(2) }] }", Style::Compact).unwrap_err();
        assert!(error.starts_with("`result.items[1].image` is a blob"), "{error}");
        let error = check(r#"#{ "a b": || 1 }"#, Style::Compact).unwrap_err();
        assert!(error.starts_with("`result[\"a b\"]` is a function"), "{error}");
        let error = check("[0.0 / 0.0]", Style::Compact).unwrap_err();
        assert!(error.starts_with("`result[0]` is NaN"), "{error}");
    }

    #[test]
    fn a_value_that_contains_itself_ends() {
        let error = check(
            "let o = #{}; let f = || o; o.f = 1; let a = []; for i in 0..20 { a = [a]; } o.o = a; o",
            Style::Compact,
        )
        .unwrap_err();
        assert!(error.contains("nested deeper than 16 levels"), "{error}");
    }

    #[test]
    fn a_log_describes_instead() {
        let mut out = Vec::new();
        write_lossy(&mut out, &eval("#{ image: blob(2), f: || 1, n: 1 }"), 16);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"f":"<a function>","image":"<a blob>","n":1}"#
        );
    }
}
