//! Reads JSON straight into Rhai values, within a depth and a memory limit.

use std::borrow::Cow;
use std::fmt;

use rhai::{Array, Dynamic, ImmutableString, Map};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::memory;

/// Reads one JSON document.
///
/// Integers keep all 64 bits; numbers beyond `i64` become floats. `ceiling` is how
/// far this thread's count of allocated bytes may come: a document can be a hundred times larger in memory than on the wire.
///
/// # Errors
/// What is wrong with the document, with line and column.
pub(crate) fn read(json: &[u8], max_depth: usize, ceiling: isize) -> Result<Dynamic, String> {
    // All at once: `serde_json` would look at one string after the other, which takes far longer.
    match str::from_utf8(json) {
        Ok(text) => read_text(text, max_depth, ceiling),
        Err(error) => Err(not_text(&json[..error.valid_up_to()])),
    }
}

/// As [`read`], for a document that is known to be text.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_text(json: &str, max_depth: usize, ceiling: isize) -> Result<Dynamic, String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.disable_recursion_limit();
    let value = Reader { depth_left: max_depth, max_depth, ceiling }
        .deserialize(&mut deserializer)
        .map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// Where a document ceases to be text, in the parser's own words.
fn not_text(before: &[u8]) -> String {
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
    format!("invalid unicode code point at line {line} column {column}")
}

#[derive(Clone, Copy)]
struct Reader {
    depth_left: usize,
    max_depth: usize,
    ceiling: isize,
}

impl Reader {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            return Err(E::custom(format_args!(
                "nested deeper than {} levels (RHAI_LAMBDA_MAX_JSON_DEPTH)",
                self.max_depth
            )));
        };
        Ok(Self { depth_left, ..self })
    }

    fn check_memory<E: serde::de::Error>(self) -> Result<(), E> {
        if memory::allocated() > self.ceiling {
            return Err(E::custom(
                "needs more memory than a script may have (RHAI_LAMBDA_MAX_MEMORY_MB)",
            ));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Dynamic;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Dynamic, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Dynamic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Dynamic, E> {
        Ok(Dynamic::UNIT)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Dynamic, E> {
        Ok(i64::try_from(value).map_or_else(|_| (value as f64).into(), Into::into))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Dynamic, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Dynamic, E> {
        Ok(ImmutableString::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Dynamic, A::Error> {
        let inner = self.inner()?;
        let mut array = Array::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        self.check_memory()?;
        Ok(Dynamic::from_array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Dynamic, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(Key(key)) = entries.next_key()? {
            map.insert(key.as_ref().into(), entries.next_value_seed(inner)?);
        }
        self.check_memory()?;
        Ok(Dynamic::from_map(map))
    }
}

/// A key, borrowed from the document unless it has escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    fn check(json: &str, max_depth: usize) -> Result<String, String> {
        read(json.as_bytes(), max_depth, isize::MAX).map(|value| format!("{value:?}"))
    }

    #[test]
    fn numbers_keep_their_kind() {
        assert_eq!(check("9223372036854775807", 1).unwrap(), "9223372036854775807");
        assert_eq!(check("9223372036854775808", 1).unwrap(), "9.223372036854776e18");
        assert_eq!(check("1.0", 1).unwrap(), "1.0");
    }

    #[test]
    fn depth_is_limited_at_every_kind() {
        assert!(check("[[1]]", 2).is_ok());
        let error = check("[{\"a\":[1]}]", 2).unwrap_err();
        assert!(error.contains("deeper than 2 levels"), "{error}");
    }

    #[test]
    fn what_follows_the_document_is_refused() {
        assert_eq!(check("{} x", 9).unwrap_err(), "trailing characters at line 1 column 4");
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let refused = |json| read(json, 9, isize::MAX).unwrap_err();
        assert_eq!(refused(b"\xff"), "invalid unicode code point at line 1 column 1");
        assert_eq!(
            refused(b"{\n  \"a\": \"b\xc3\x28\"}"),
            "invalid unicode code point at line 2 column 10"
        );
    }

    #[test]
    fn memory_is_limited() {
        let error = read(b"[1]", 9, isize::MIN).unwrap_err();
        assert!(error.contains("RHAI_LAMBDA_MAX_MEMORY_MB"), "{error}");
    }
}
