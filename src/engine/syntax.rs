//! Describes syntax errors, with a way out where Rhai's own words have none.

use rhai::{LexError, ParseError, ParseErrorType};

use crate::engine::fault::lower_first;
use crate::modules;
use crate::suggest::nearest;

/// The same error of the script `text` with a message for people.
pub(crate) fn explained(mut error: ParseError, text: &str) -> ParseError {
    let message = describe(&error, text);
    *error.0 = ParseErrorType::BadInput(LexError::Runtime(message));
    error
}

fn describe(error: &ParseError, text: &str) -> String {
    use rhai::ParseErrorType as P;

    let surroundings = Surroundings::of(error, text);
    match &*error.0 {
        P::VariableUndefined(name) if matches!(name.as_str(), "function" | "def" | "func") => {
            "a function starts with `fn`".to_owned()
        }
        P::VariableUndefined(name) if surroundings.is_key(name) => {
            format!("no variable `{name}` here; a map is written `#{{ {name}: … }}`")
        }
        P::VariableUndefined(name) => format!(
            "no variable `{name}` here (inside a function, a constant of the top level is \
             `global::{name}`)"
        ),
        P::ModuleUndefined(name) => match nearest(name, modules::names()) {
            Some(near) => format!("no module or import `{name}`; did you mean `{near}`?"),
            None => format!(
                "no module or import `{name}`; there are {}",
                modules::names().collect::<Vec<_>>().join(", ")
            ),
        },
        P::Reserved(word) if word == "debug" && surroundings.before.ends_with("::") => {
            "`debug` is a reserved word; that level is `log::dbg`".to_owned()
        }
        P::Reserved(word) if word == "eval" => "`eval` is switched off".to_owned(),
        P::Reserved(word) if surroundings.before.ends_with('.') => {
            format!("`{word}` is a reserved word; the key is read as `value[\"{word}\"]`")
        }
        P::Reserved(word) => format!("`{word}` is a reserved word and cannot be a name"),
        P::ExprTooDeep => {
            "the expression is nested too deeply (RHAI_LAMBDA_MAX_EXPR_DEPTH)".to_owned()
        }
        kind => lower_first(&kind.to_string()),
    }
}

/// The line around an error, split at its place.
struct Surroundings<'a> {
    before: &'a str,
    after: &'a str,
}

impl<'a> Surroundings<'a> {
    fn of(error: &ParseError, text: &'a str) -> Self {
        let place = error.position();
        let line = place.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
        let column = place.position().unwrap_or(1) - 1;
        let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        Self { before: line[..at].trim_end(), after: &line[at..] }
    }

    /// Whether `name: …` stands here.
    fn is_key(&self, name: &str) -> bool {
        self.after
            .strip_prefix(name)
            .map(str::trim_start)
            .is_some_and(|rest| rest.starts_with(':') && !rest.starts_with("::"))
    }
}
