//! Percent-encoding, and the `name=value` pairs of queries and forms.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use rhai::{Array, Dynamic, EvalAltResult, Map};

use crate::engine::Guard;

/// What cannot stand in a path as it is.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Between two looks at the memory.
const MEMORY_INTERVAL: usize = 1024;

/// `text` with its percent-encoded bytes decoded; what is not UTF-8 is replaced.
pub(crate) fn decode(text: &str) -> String {
    match text.contains('%') {
        true => percent_decode_str(text).decode_utf8_lossy().into_owned(),
        // What most names and values are.
        false => text.to_owned(),
    }
}

/// As [`decode`], where `+` is a space.
pub(crate) fn decode_form(text: &str) -> String {
    match text.contains('+') {
        true => decode(&text.replace('+', " ")),
        false => decode(text),
    }
}

/// A path that was decoded on its way, as it was in the URL.
pub(crate) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}

/// Values by name, each as it was sent: `all` has every one of them, in order.
#[derive(Default)]
pub(crate) struct Pairs {
    all: Map,
}

impl Pairs {
    /// Reads `a=1&b=2`.
    ///
    /// # Errors
    /// `DataTooLarge` when they do not fit into the memory of a script.
    pub(crate) fn parse(text: &str, guard: &Guard) -> Result<Self, Box<EvalAltResult>> {
        let mut pairs = Self::default();
        for (at, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if at % MEMORY_INTERVAL == 0 {
                guard.reserve(0)?;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push(&decode_form(name), decode_form(value));
        }
        Ok(pairs)
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, name: &str, value: String) {
        let values =
            self.all.entry(name.into()).or_insert_with(|| Dynamic::from_array(Array::new()));
        if let Ok(mut values) = values.as_array_mut() {
            values.push(value.into());
        }
    }

    /// The last value of each name, and all of them.
    pub(crate) fn into_maps(self) -> (Map, Map) {
        let last = self
            .all
            .iter()
            .filter_map(|(name, values)| {
                Some((name.clone(), values.as_array_ref().ok()?.last()?.clone()))
            })
            .collect();
        (last, self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_form, encode_path};

    #[test]
    fn paths_come_out_as_they_were_in_the_url() {
        assert_eq!(encode_path("/a b/50%/é?x=1#y"), "/a%20b/50%25/%C3%A9%3Fx=1%23y");
        assert_eq!(decode("%2Fa%20b/%C3%A9/50%/%zz"), "/a b/é/50%/%zz");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn forms_have_plus_for_space() {
        assert_eq!(decode_form("a+b%2Bc"), "a b+c");
    }
}
