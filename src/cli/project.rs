//! `rhai-lambda.toml`: what a function's folder says of itself, all of it optional.

mod http;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::misuse::Misuse;
use crate::Error;
use crate::suggest::nearest;

pub(super) use http::Http;

/// The file's name. Its folder is the one that is zipped.
pub(super) const FILE: &str = "rhai-lambda.toml";

/// Lambda's own defaults.
const TIMEOUT: Duration = Duration::from_secs(3);
const MEMORY_MB: u32 = 128;

/// Lambda's own limits.
const TIMEOUTS: std::ops::RangeInclusive<i64> = 1..=900;
const MEMORIES: std::ops::RangeInclusive<i64> = 128..=10240;

/// The settings of a function, as the file has them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The function's name on AWS; without it the folder's.
    pub(super) name: Option<String>,
    /// `path/to/file.function`, below the folder.
    pub(super) handler: Option<String>,
    /// How long an invocation may take, in seconds.
    timeout: Option<i64>,
    /// The function's memory, in MB.
    memory: Option<i64>,
    /// ARNs of layers, this runtime's among them.
    #[serde(default)]
    pub(super) layers: Vec<String>,
    /// Functions that a `bootstrap` of one's own adds, which scripts may call.
    #[serde(default)]
    pub(super) natives: Vec<String>,
    /// The function's environment variables.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    /// How HTTP reaches the function.
    #[serde(default)]
    pub(super) http: Http,
}

impl Settings {
    /// Reads the file of `folder`; a folder without one has the defaults.
    pub(super) fn read(folder: &Path) -> Result<Self, Misuse> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Misuse::unreadable(&path, &error)),
        };
        Self::parse(&text, &path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Misuse> {
        let settings: Self = toml::from_str(text).map_err(|error| refused(&error, text, path))?;
        settings.check(path)?;
        Ok(settings)
    }

    fn check(&self, path: &Path) -> Result<(), Misuse> {
        let wrong = |key: &str, what: String| {
            Err(Misuse::new(format!("`{key}` in `{}` {what}", path.display())))
        };
        if let Some(timeout) = self.timeout.filter(|timeout| !TIMEOUTS.contains(timeout)) {
            let (first, last) = (TIMEOUTS.start(), TIMEOUTS.end());
            return wrong(
                "timeout",
                format!("is {timeout}, Lambda takes {first} to {last} seconds"),
            );
        }
        if let Some(memory) = self.memory.filter(|memory| !MEMORIES.contains(memory)) {
            let (first, last) = (MEMORIES.start(), MEMORIES.end());
            return wrong("memory", format!("is {memory}, Lambda takes {first} to {last} MB"));
        }
        if let Some(name) = self.name.as_deref().filter(|name| !is_function_name(name)) {
            let what = "Lambda takes up to 64 letters, digits, `-` and `_`";
            return wrong("name", format!("is `{name}`: {what}"));
        }
        if let Some(handler) = self.handler.as_deref().filter(|handler| !handler.contains('.')) {
            let what = "expected `path/to/file.function`, such as `function.handler`";
            return wrong("handler", format!("is `{handler}`: {what}"));
        }
        if let Some(handler) = self.handler.as_deref().filter(|handler| leads_out(handler)) {
            let what = "expected a path below the folder, such as `function.handler`";
            return wrong("handler", format!("is `{handler}`: {what}"));
        }
        if let Some(name) = self.environment.keys().find(|name| !is_variable_name(name)) {
            return wrong("environment", format!("has `{name}`, which {NOT_A_NAME}"));
        }
        if let Some((name, _)) = self.environment.iter().find(|(_, value)| value.contains('\0')) {
            return wrong(&format!("environment.{name}"), "holds a NUL character".to_owned());
        }
        if let Some(layer) = self.layers.iter().find(|layer| !is_layer_arn(layer)) {
            let what = "expected `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION`";
            return wrong("layers", format!("has `{layer}`: {what}"));
        }
        if let Some((key, what)) = self.http.objection() {
            return wrong(key, what);
        }
        Ok(())
    }

    /// How long an invocation may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
            .and_then(|seconds| seconds.try_into().ok())
            .map_or(TIMEOUT, Duration::from_secs)
    }

    /// The function's memory in MB.
    pub(super) fn memory_mb(&self) -> u32 {
        self.memory.and_then(|memory| memory.try_into().ok()).unwrap_or(MEMORY_MB)
    }
}

/// The folder of the nearest `rhai-lambda.toml` at or above `folder`.
pub(super) fn above(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|above| above.join(FILE).is_file()).map(Path::to_owned)
}

pub(super) fn is_function_name(name: &str) -> bool {
    let taken = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(taken)
}

/// Whether a handler's script is not below its folder, which is all that Lambda gets.
fn leads_out(handler: &str) -> bool {
    let path = handler.rsplit_once('.').map_or(handler, |(path, _)| path);
    !Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// What is wrong with a variable's name that Lambda does not take.
pub(super) const NOT_A_NAME: &str =
    "is no name that Lambda takes: a letter, then letters, digits, `_`";

/// Whether an error is that a function was not found which a `bootstrap` of one's own has.
pub(super) fn lacks_native(natives: &[String], error: &Error) -> bool {
    let is_it = |native: &String| error.message().contains(&format!("`{native}`"));
    error.error_type() == "FunctionNotFound" && natives.iter().any(is_it)
}

/// Whether Lambda takes `name` as the name of an environment variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_layer_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts[..], ["arn", _, "lambda", _, _, "layer", _, version] if version.parse::<u64>().is_ok())
}

/// The parser's error with its place and, for a word that is not known, the one that may be meant.
fn refused(error: &toml::de::Error, text: &str, path: &Path) -> Misuse {
    let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let message = error.message().lines().next().unwrap_or_default();
    let place = format!("`{}`, line {line} column {column}", path.display());
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let place_and = |message: &str| Misuse::new(format!("{place}: {message}"));
    if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let expected = match expected {
            "i64" => "a whole number",
            "a sequence" => "a list",
            "a map" => "a table",
            other => other,
        };
        return place_and(&format!("expected {expected}, found {found}"));
    }
    let Some((word, known)) = quoted.split_first().filter(|_| message.starts_with("unknown "))
    else {
        return place_and(message);
    };
    let (what, all) = match message.starts_with("unknown variant ") {
        true => ("value", "values"),
        false => ("setting", "settings"),
    };
    let misuse = Misuse::new(format!("{place}: there is no {what} `{word}`"));
    match nearest(word, known.iter().copied()) {
        Some(near) => misuse.hint(format!("did you mean `{near}`?")),
        None => {
            let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            misuse.hint(format!("the {all} are {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::Settings;
    use crate::emulator::gateway::Kind;

    fn parse(text: &str) -> Result<Settings, String> {
        let parsed = Settings::parse(text, Path::new("rhai-lambda.toml"));
        parsed.map_err(|misuse| misuse.message().to_owned())
    }

    #[test]
    fn what_is_left_out_is_lambdas_default() {
        let settings = parse("").unwrap();
        assert_eq!((settings.timeout(), settings.memory_mb()), (Duration::from_secs(3), 128));
        let settings = parse("timeout = 9\n[environment]\nTABLE = 'orders'\n").unwrap();
        assert_eq!(settings.timeout(), Duration::from_secs(9));
        assert_eq!(settings.environment["TABLE"], "orders");
    }

    #[test]
    fn what_is_wrong_is_placed() {
        let expected = "`rhai-lambda.toml`, line 2 column 1: there is no setting `memry`\n\
                        hint: did you mean `memory`?";
        assert_eq!(parse("timeout = 3\nmemry = 1").unwrap_err(), expected);
        let expected = "`memory` in `rhai-lambda.toml` is 1, Lambda takes 128 to 10240 MB";
        assert_eq!(parse("memory = 1").unwrap_err(), expected);
        for text in [
            "timeout = 0",
            "timeout = 901",
            "name = 'a b'",
            "handler = 'x'",
            "name = ",
            "layers = ['x']",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(
            parse("[environment]\n'A B' = '1'")
                .unwrap_err()
                .contains("has `A B`, which is no name")
        );
        assert!(parse("[environment]\nA = \"\\u0000\"").unwrap_err().contains("environment.A"));
        for handler in ["../x.handler", "/etc/x.handler", "a/../../x.handler"] {
            let error = parse(&format!("handler = '{handler}'")).unwrap_err();
            assert!(error.contains("a path below the folder"), "{error}");
        }
        for (text, expected) in [
            ("timeout = -1", "`timeout` in `rhai-lambda.toml` is -1, Lambda takes 1 to 900"),
            ("timeout = 70000", "`timeout` in `rhai-lambda.toml` is 70000, Lambda takes 1 to 900"),
            (
                "memory = 1.5",
                "line 1 column 10: expected a whole number, found floating point `1.5`",
            ),
            ("timeout = 'x'", "line 1 column 11: expected a whole number, found string \"x\""),
            ("natives = 'x'", "line 1 column 11: expected a list, found string \"x\""),
            ("name = 7", "line 1 column 8: expected a string, found integer `7`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(parse("timeout = 'x'").unwrap_err().starts_with("`rhai-lambda.toml`, line 1"));
    }
    #[test]
    fn what_is_wrong_with_http_is_placed() {
        let wrong = |text: &str| parse(&format!("[http]\n{text}")).unwrap_err();
        for (text, expected) in [
            (
                "kind = 'v3'",
                "`rhai-lambda.toml`, line 2 column 8: there is no value `v3`\nhint: did you mean",
            ),
            ("kind = 'lambda'", "hint: the values are `url`, `v2`, `v1`, `alb`"),
            (
                "route = []",
                "line 2 column 1: there is no setting `route`\nhint: did you mean `routes`?",
            ),
            (
                "kind = 'v2'\nroutes = [\n  'GET /a',\n  'GET b',\n]",
                "line 3 column 10: `GET b` has no path",
            ),
            (
                "routes = ['GET /a']",
                "`http.routes` in `rhai-lambda.toml` has `GET /a`: only API Gat",
            ),
            ("kind = 'v1'\nroutes = ['$default']", "has `$default`: only HTTP APIs"),
            (
                "kind = 'v2'\nroutes = ['GET /{a}', 'GET /{b}']",
                "has `GET /{a}` and `GET /{b}`, which take the same requests",
            ),
            ("kind = 'v2'\nstream = true", "`http.stream` in `rhai-lambda.toml` is for a function"),
            ("multi_value_headers = true", "is for a load balancer"),
            ("kind = 'v1'\nbinary = ['png']", "`http.binary` in `rhai-lambda.toml` has `png`"),
            ("binary = ['*/*']", "is for a REST API"),
            ("stage_variables = { a = 'b' }", "is for API Gateway"),
        ] {
            let error = wrong(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_front_door_is_a_function_url_unless_said() {
        assert_eq!(parse("").unwrap().http.kind(), Kind::Url);
        let http = |text: &str| parse(&format!("[http]\n{text}")).unwrap().http;
        assert_eq!(http("kind = 'alb'\nmulti_value_headers = true").kind(), Kind::AlbMulti);
        assert_eq!(http("kind = 'v2'\nroutes = ['$default', 'ANY /a/{b+}']").kind(), Kind::V2);
        assert!(http("stream = true").streams());
        assert_eq!(http("kind = 'v1'\nbinary = ['*/*', 'image/*']").kind(), Kind::V1);
    }
}
