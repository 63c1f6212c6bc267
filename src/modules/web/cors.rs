//! CORS: what other origins' pages may do, answered in one place for all routes.

use rhai::{EvalAltResult, Map};

use super::options::{expected, flag, refuse_unknown, strings};
use super::refuse;
use super::source::text;

/// What a router allows to pages of other origins.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    /// Empty: all of them.
    origins: Vec<String>,
    /// Empty: those that the path has.
    methods: Vec<String>,
    /// Empty: those that the browser asks for.
    headers: Vec<String>,
    expose: Vec<String>,
    credentials: bool,
    max_age: Option<i64>,
}

impl Cors {
    /// Reads the options of `router.cors(options)`.
    ///
    /// # Errors
    /// `WebError` for what is unknown, or for credentials open to every origin.
    pub(crate) fn from_options(options: &Map) -> Result<Self, Box<EvalAltResult>> {
        let known = ["origins", "methods", "headers", "expose", "credentials", "max_age"];
        refuse_unknown(options, &known, "CORS")?;
        let mut origins = strings(options, "origins")?;
        if origins.iter().any(|origin| origin == "*") {
            origins.clear();
        } else if let Some(odd) = origins.iter().find(|origin| !is_origin(origin)) {
            let message = format!(
                "{odd:?} is no origin, expected \"*\" or one such as \"https://example.com\""
            );
            return Err(refuse(message));
        }
        let credentials = flag(options, "credentials")?;
        if credentials && origins.is_empty() {
            let message = "`credentials` need `origins` by name: otherwise every page on the web \
                           could act for its visitor";
            return Err(refuse(message));
        }
        let max_age = match options.get("max_age").filter(|value| !value.is_unit()) {
            None => None,
            Some(value) => Some(
                value
                    .as_int()
                    .map_err(|_| expected("max_age", "a whole number of seconds", value))?,
            ),
        };
        Ok(Self {
            origins,
            methods: strings(options, "methods")?,
            headers: strings(options, "headers")?,
            expose: strings(options, "expose")?,
            credentials,
            max_age,
        })
    }

    /// The headers that every response to `request` gets.
    pub(crate) fn headers(&self, request: &Map) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        if self.origins.is_empty() {
            out.push(("access-control-allow-origin", "*".to_owned()));
        } else {
            // The answer depends on who asks: a cache must know.
            out.push(("vary", "origin".to_owned()));
            let Some(origin) = header_of(request, "origin") else { return out };
            if !self.origins.contains(&origin) {
                return out;
            }
            out.push(("access-control-allow-origin", origin));
        }
        if self.credentials {
            out.push(("access-control-allow-credentials", "true".to_owned()));
        }
        if !self.expose.is_empty() {
            out.push(("access-control-expose-headers", self.expose.join(", ")));
        }
        out
    }

    /// What a preflight request is told beside that; `methods` are those of its path.
    pub(crate) fn preflight(&self, request: &Map, methods: &str) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        let methods = match self.methods.is_empty() {
            true => methods.to_owned(),
            false => self.methods.join(", "),
        };
        out.push(("access-control-allow-methods", methods));
        let headers = match self.headers.is_empty() {
            true => header_of(request, "access-control-request-headers").unwrap_or_default(),
            false => self.headers.join(", "),
        };
        if !headers.is_empty() {
            out.push(("access-control-allow-headers", headers));
        }
        if let Some(seconds) = self.max_age {
            out.push(("access-control-max-age", seconds.to_string()));
        }
        out
    }
}

/// Whether the browser asks what it may do, before it does it.
pub(crate) fn is_preflight(request: &Map) -> bool {
    header_of(request, "origin").is_some()
        && header_of(request, "access-control-request-method").is_some()
}

/// A header that may go back to where it came from.
fn header_of(request: &Map, name: &str) -> Option<String> {
    let headers = request.get("headers")?.as_map_ref().ok()?;
    let value = text(&headers, name)?;
    value.chars().all(|c| !c.is_control()).then(|| value.to_string())
}

fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host);
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']))
}
