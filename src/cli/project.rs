//! `rhai-lambda.toml`: what a function's folder says of itself, all of it optional.

mod http;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::misuse::Misuse;
use crate::suggest::nearest;

pub(super) use http::Http;

/// The file's name. Its folder is the one that is zipped.
pub(super) const FILE: &str = "rhai-lambda.toml";

/// Lambda's own defaults.
const TIMEOUT: u16 = 3;
const MEMORY_MB: u32 = 128;

/// Lambda's own limits.
const TIMEOUTS: std::ops::RangeInclusive<u16> = 1..=900;
const MEMORIES: std::ops::RangeInclusive<u32> = 128..=10240;

/// The settings of a function, as the file has them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The function's name on AWS; without it the folder's.
    pub(super) name: Option<String>,
    /// `path/to/file.function`, below the folder.
    pub(super) handler: Option<String>,
    /// How long an invocation may take, in seconds.
    timeout: Option<u16>,
    /// The function's memory, in MB.
    memory: Option<u32>,
    /// ARNs of layers, this runtime's among them.
    #[serde(default)]
    pub(super) layers: Vec<String>,
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
            Err(error) => {
                let message = format!("failed to read `{}`: {error}", path.display());
                return Err(Misuse::new(message));
            }
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
        if let Some(name) = self.environment.keys().find(|name| !is_variable_name(name)) {
            let what = "has a name that Lambda does not take: a letter, then letters, digits, `_`";
            return wrong(&format!("environment.{name}"), what.to_owned());
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
        Duration::from_secs(self.timeout.unwrap_or(TIMEOUT).into())
    }

    /// The function's memory in MB.
    pub(super) fn memory_mb(&self) -> u32 {
        self.memory.unwrap_or(MEMORY_MB)
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
    let Some((word, known)) = quoted.split_first().filter(|_| message.starts_with("unknown "))
    else {
        return Misuse::new(format!("{place}: {message}"));
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
        assert!(parse("[environment]\n'A B' = '1'").unwrap_err().contains("environment.A B"));
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
