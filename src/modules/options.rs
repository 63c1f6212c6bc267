//! The options that scripts give in a trailing map, read with errors that say what there is.

use rhai::{Dynamic, EvalAltResult, ImmutableString, Map};

use crate::modules::bytes::{Fallible, with_article};
use crate::suggest::nearest;

/// A map of options, each of which is known.
pub(crate) struct Options<'a> {
    map: Option<&'a Map>,
    fail: fn(String) -> Box<EvalAltResult>,
}

impl<'a> Options<'a> {
    /// What counts when a script gives no options.
    pub(crate) fn none(fail: fn(String) -> Box<EvalAltResult>) -> Self {
        Self { map: None, fail }
    }

    /// Checks the names in `map` against those that there are; `fail` makes an error of a message.
    pub(crate) fn new(
        map: &'a Map,
        known: &[&str],
        fail: fn(String) -> Box<EvalAltResult>,
    ) -> Fallible<Self> {
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self { map: Some(map), fail }),
            Some(unknown) => {
                let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                let hint = match nearest(unknown, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there is {}", names.join(", ")),
                };
                Err(fail(format!("there is no option `{unknown}`; {hint}")))
            }
        }
    }

    /// The value of an option; one that is `()` counts as not given.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Dynamic> {
        self.map?.get(name).filter(|value| !value.is_unit())
    }

    /// Whether an option is `true`; it is not unless given.
    pub(crate) fn flag(&self, name: &str) -> Fallible<bool> {
        let Some(value) = self.value(name) else { return Ok(false) };
        value.as_bool().map_err(|_| self.wrong(name, "true or false", value))
    }

    /// A number of seconds and the like.
    pub(crate) fn integer(&self, name: &str) -> Fallible<Option<i64>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_int().map(Some).map_err(|_| self.wrong(name, "an integer", value))
    }

    pub(crate) fn text(&self, name: &str) -> Fallible<Option<ImmutableString>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        text_of(value).map(Some).ok_or_else(|| self.wrong(name, "a string", value))
    }

    /// One string or an array of them.
    pub(crate) fn texts(&self, name: &str) -> Fallible<Option<Vec<ImmutableString>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let wrong = || self.wrong(name, "a string or an array of strings", value);
        let texts = match value.as_array_ref() {
            Ok(array) => array.iter().map(text_of).collect(),
            Err(_) => text_of(value).map(|text| vec![text]),
        };
        texts.map(Some).ok_or_else(wrong)
    }

    fn wrong(&self, name: &str, expected: &str, found: &Dynamic) -> Box<EvalAltResult> {
        let found = with_article(found.type_name());
        (self.fail)(format!("the option `{name}` takes {expected}, not {found}"))
    }
}

fn text_of(value: &Dynamic) -> Option<ImmutableString> {
    value.as_immutable_string_ref().ok().map(|text| text.clone())
}
