//! The table `[http]` of `rhai-lambda.toml`: which of AWS's front doors a function is behind.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::emulator::Function;
use crate::emulator::gateway::{Gateway, Kind, Owner, Route};

/// The table, all of it optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Http {
    #[serde(default)]
    kind: Name,
    /// `GET /users/{id}`, `ANY /files/{proxy+}`, `$default`; none is everything.
    #[serde(default)]
    routes: Vec<Line>,
    /// Whether a function URL streams: its invoke mode is then `RESPONSE_STREAM`.
    #[serde(default)]
    stream: bool,
    /// `lambda.multi_value_headers.enabled` of a load balancer's target group.
    #[serde(default)]
    multi_value_headers: bool,
    /// The binary media types of a REST API.
    #[serde(default)]
    binary: Vec<String>,
    /// The variables of API Gateway's stage.
    #[serde(default)]
    stage_variables: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    #[default]
    Url,
    V2,
    V1,
    Alb,
}

/// A route as a string, so that what is wrong with it has a place in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Line(Route);

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl Http {
    /// The front door that the table names.
    pub(in crate::cli) fn kind(&self) -> Kind {
        match self.kind {
            Name::Url => Kind::Url,
            Name::V2 => Kind::V2,
            Name::V1 => Kind::V1,
            Name::Alb if self.multi_value_headers => Kind::AlbMulti,
            Name::Alb => Kind::Alb,
        }
    }

    /// Whether responses are streamed.
    #[allow(dead_code)]
    pub(in crate::cli) fn streams(&self) -> bool {
        self.stream
    }

    /// The gateway of a function, through the front door `kind`: the one that the table names, or
    /// another one, which then has those of the settings that it can have.
    #[allow(dead_code)]
    pub(in crate::cli) fn gateway(&self, kind: Kind, function: &Function) -> Gateway {
        let mut gateway = Gateway::new(kind, Owner::from(function))
            .with_stage_variables(self.stage_variables.clone())
            .with_binary_types(self.binary.clone());
        if self.routes.iter().all(|line| line.0.objection(kind).is_none()) {
            gateway = gateway.with_routes(self.routes.iter().map(|line| line.0.clone()).collect());
        }
        gateway
    }

    /// The first setting that does not fit the others, and what is wrong with it.
    pub(super) fn objection(&self) -> Option<(&'static str, String)> {
        let kind = self.kind();
        for (at, Line(route)) in self.routes.iter().enumerate() {
            if let Some(objection) = route.objection(kind) {
                return Some(("http.routes", format!("has `{route}`: {objection}")));
            }
            let mut before = self.routes[..at].iter().map(|line| &line.0);
            if let Some(other) = before.find(|other| other.is_the_same_as(route)) {
                let what = format!("has `{other}` and `{route}`, which take the same requests");
                return Some(("http.routes", what));
            }
        }
        if let Some(odd) = self.binary.iter().find(|media| !is_media_type(media)) {
            let what = format!("has `{odd}`: expected a media type, such as `image/*` or `*/*`");
            return Some(("http.binary", what));
        }
        let is_gateway = matches!(kind, Kind::V1 | Kind::V2);
        let others = [
            (
                "http.stream",
                self.stream,
                "a function URL or a REST API, `kind = \"url\"` or `\"v1\"`",
            ),
            (
                "http.multi_value_headers",
                self.multi_value_headers,
                "a load balancer, `kind = \"alb\"`",
            ),
            ("http.binary", !self.binary.is_empty(), "a REST API, `kind = \"v1\"`"),
            (
                "http.stage_variables",
                !self.stage_variables.is_empty(),
                "API Gateway, `kind = \"v2\"` or `\"v1\"`",
            ),
        ];
        let fits = [
            matches!(kind, Kind::Url | Kind::V1),
            kind == Kind::AlbMulti,
            kind == Kind::V1,
            is_gateway,
        ];
        let odd = others.into_iter().zip(fits).find(|((_, is_set, _), fits)| *is_set && !fits);
        odd.map(|((key, _, whose), _)| (key, format!("is for {whose}, alone")))
    }
}

/// Whether `text` is `type/subtype`, either of which may be `*`.
fn is_media_type(text: &str) -> bool {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "*!#$&^_.+-".contains(c);
    let is_name = |name: &str| !name.is_empty() && name.chars().all(is_taken);
    text.split_once('/').is_some_and(|(group, name)| is_name(group) && is_name(name))
}
