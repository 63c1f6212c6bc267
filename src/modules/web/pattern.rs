//! The paths of routes: `/users/{id}`, `/files/{path+}`.

use rhai::{EvalAltResult, Map};

use super::{refuse, url};
use crate::modules::put;

/// One part of a path between two slashes. The order is that of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    /// All that is left, at least one part.
    Greedy(String),
}

/// The path of a route.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    segments: Vec<Segment>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `WebError` that says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Box<EvalAltResult>> {
        let wrong = |what: &str| Err(refuse(format!("the path {text:?} {what}")));
        if !text.starts_with('/') {
            return wrong("does not begin with a slash");
        }
        let mut segments = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for part in raw_parts(text) {
            if matches!(segments.last(), Some(Segment::Greedy(_))) {
                return wrong("goes on behind a parameter that takes all the rest");
            }
            let inner = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let Some(inner) = inner else {
                if part.contains(['{', '}']) {
                    return wrong(
                        "has a brace inside a part; a parameter is a whole part, `{name}`",
                    );
                }
                segments.push(Segment::Literal(url::decode(part)));
                continue;
            };
            let name = inner.strip_suffix('+').unwrap_or(inner);
            let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || !name.chars().all(is_name) {
                return wrong("has a parameter whose name is not of letters, digits, `_` and `-`");
            }
            if names.contains(&name) {
                return wrong("has two parameters of one name");
            }
            names.push(name);
            segments.push(match inner.ends_with('+') {
                true => Segment::Greedy(name.to_owned()),
                false => Segment::Parameter(name.to_owned()),
            });
        }
        Ok(Self { segments })
    }

    /// The parameters of a path, if this is its pattern.
    pub(crate) fn matches(&self, path: &[String]) -> Option<Map> {
        let mut params = Map::new();
        let mut rest = path;
        for segment in &self.segments {
            let (first, others) = rest.split_first()?;
            match segment {
                Segment::Literal(text) if text == first => rest = others,
                Segment::Parameter(name) if !first.is_empty() => {
                    put(&mut params, name, first.into());
                    rest = others;
                }
                Segment::Greedy(name) => {
                    put(&mut params, name, rest.join("/").into());
                    rest = &[];
                }
                _ => return None,
            }
        }
        rest.is_empty().then_some(params)
    }

    /// What two patterns share that match the same paths; the lesser one takes precedence.
    pub(crate) fn rank(&self) -> Vec<String> {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => format!("0{text}"),
                Segment::Parameter(_) => "1".to_owned(),
                Segment::Greedy(_) => "2".to_owned(),
            })
            .collect()
    }
}

/// The parts of a path, decoded.
pub(crate) fn parts(path: &str) -> Vec<String> {
    raw_parts(path).into_iter().map(url::decode).collect()
}

/// The parts of a path, without the empty one behind a slash at its end.
fn raw_parts(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, parts};

    fn check(pattern: &str, path: &str) -> Option<String> {
        let params = Pattern::parse(pattern).unwrap().matches(&parts(path))?;
        Some(format!("{params:?}"))
    }

    #[test]
    fn paths_match_part_by_part() {
        assert_eq!(check("/", "/").unwrap(), "{}");
        assert_eq!(check("/users/{id}", "/users/7").unwrap(), r#"{"id": "7"}"#);
        assert_eq!(check("/users/{id}", "/users/7/").unwrap(), r#"{"id": "7"}"#);
        assert_eq!(check("/users/{id}", "/users"), None);
        assert_eq!(check("/users/{id}", "/users//"), None);
        assert_eq!(check("/users/{id}", "/users/7/x"), None);
        assert_eq!(check("/{a}/x/{b}", "/1/x/2").unwrap(), r#"{"a": "1", "b": "2"}"#);
    }

    #[test]
    fn parameters_are_decoded_after_the_path_is_split() {
        assert_eq!(check("/f/{n}", "/f/a%2Fb%20c").unwrap(), r#"{"n": "a/b c"}"#);
        assert_eq!(check("/f/{n+}", "/f/a/b%20c/d").unwrap(), r#"{"n": "a/b c/d"}"#);
        assert_eq!(check("/f/{n+}", "/f"), None);
        assert_eq!(check("/caf\u{e9}", "/caf%C3%A9").unwrap(), "{}");
    }

    #[test]
    fn the_more_precise_comes_first() {
        let rank = |text: &str| Pattern::parse(text).unwrap().rank();
        assert!(rank("/users/me") < rank("/users/{id}"));
        assert!(rank("/users/{id}") < rank("/users/{rest+}"));
        assert!(rank("/users/{id}/x") < rank("/{any}/me/x"));
        assert_eq!(rank("/users/{id}"), rank("/users/{name}"));
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for text in ["users", "", "/a{b}", "/{}", "/{a b}", "/{a}/{a}", "/{a+}/b", "/{+}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
