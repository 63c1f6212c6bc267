//! The routes of API Gateway: how they are written, and which of them a request takes.

use std::cmp::Ordering;
use std::str::FromStr;

use axum::http::Method;

use super::{Kind, text};

/// The methods that a route may have, beside `ANY`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The route of an HTTP API for what no other one takes.
const DEFAULT: &str = "$default";

/// A route: `GET /users/{id}`, `ANY /files/{path+}`, or `$default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET`, …, `ANY`; empty for `$default`.
    method: String,
    parts: Vec<Part>,
}

/// What stands between two slashes of a route. In order: the earlier, the more specific.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
    Greedy(String),
}

impl Part {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Variable(_) => 1,
            Self::Greedy(_) => 2,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) | Self::Greedy(name) => Some(name),
        }
    }
}

impl FromStr for Route {
    type Err = String;

    fn from_str(route: &str) -> Result<Self, String> {
        if route == DEFAULT {
            return Ok(Self { method: String::new(), parts: Vec::new() });
        }
        let Some((method, path)) = route.split_once(' ') else {
            return Err(format!(
                "`{route}` is no route: expected a method and a path, such as \
                 `GET /users/{{id}}`, or `{DEFAULT}`"
            ));
        };
        if method != "ANY" && !METHODS.contains(&method) {
            let methods = METHODS.map(|method| format!("`{method}`")).join(", ");
            return Err(format!("`{route}` has no method: expected {methods} or `ANY`"));
        }
        let Some(path) = path.strip_prefix('/') else {
            return Err(format!("`{route}` has no path: it starts with `/`"));
        };
        let parts = parts(path).map_err(|what| format!("`{route}` {what}"))?;
        Ok(Self { method: method.to_owned(), parts })
    }
}

fn parts(path: &str) -> Result<Vec<Part>, String> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<&str> = path.split('/').collect();
    let mut parts: Vec<Part> = Vec::new();
    for (at, text) in all.iter().enumerate() {
        let is_last = at + 1 == all.len();
        let part = part(text)?;
        if text.is_empty() && !is_last {
            return Err("has two slashes in a row".to_owned());
        }
        if matches!(part, Part::Greedy(_)) && !is_last {
            return Err(format!("goes on behind `{text}`, which takes all the rest"));
        }
        if part.name().is_some() && parts.iter().any(|other| other.name() == part.name()) {
            return Err(format!("has the variable `{text}` twice"));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn part(text: &str) -> Result<Part, String> {
    let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        let is_plain = !text.contains(['{', '}', '?', '#', ' ']);
        return match is_plain {
            true => Ok(Part::Literal(text.to_owned())),
            false => Err(format!(
                "has the part `{text}`: a variable is a whole part, such as `{{id}}` or `{{path+}}`"
            )),
        };
    };
    let (name, is_greedy) = match name.strip_suffix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    if name.is_empty() || !name.chars().all(is_taken) {
        return Err(format!("has the variable `{text}`, which has no name that API Gateway takes"));
    }
    Ok(if is_greedy { Part::Greedy(name.to_owned()) } else { Part::Variable(name.to_owned()) })
}

impl Route {
    fn is_default(&self) -> bool {
        self.method.is_empty()
    }

    /// The path as it is written.
    fn path(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Variable(name) => format!("{{{name}}}"),
            Part::Greedy(name) => format!("{{{name}+}}"),
        });
        format!("/{}", parts.collect::<Vec<_>>().join("/"))
    }

    fn takes(&self, method: &Method) -> bool {
        self.method == "ANY" || self.method == method.as_str()
    }

    /// The variables, each with what it takes of the path, if all of the path fits.
    fn fit(&self, path: &[&str]) -> Option<Vec<(String, String)>> {
        let mut variables = Vec::new();
        let mut rest = path;
        for part in &self.parts {
            let (first, others) = rest.split_first()?;
            match part {
                Part::Literal(text) if *text != text::decode(first) => return None,
                Part::Literal(_) => {}
                Part::Variable(_) if first.is_empty() => return None,
                Part::Variable(name) => variables.push((name.clone(), (*first).to_owned())),
                Part::Greedy(name) => {
                    let all = rest.join("/");
                    if all.is_empty() {
                        return None;
                    }
                    variables.push((name.clone(), all));
                    return Some(variables);
                }
            }
            rest = others;
        }
        rest.is_empty().then_some(variables)
    }

    /// Which of two routes that both fit is taken: the smaller one.
    ///
    /// HTTP APIs take a route without a greedy variable before all that have one ("Create routes
    /// for HTTP APIs in API Gateway"); REST APIs walk down a tree of parts.
    fn precedence(&self, other: &Self, kind: Kind) -> Ordering {
        let is_greedy =
            |route: &Self| route.parts.iter().any(|part| matches!(part, Part::Greedy(_)));
        let ranks = |route: &Self| route.parts.iter().map(Part::rank).collect::<Vec<_>>();
        let greedy = match kind {
            Kind::V1 => Ordering::Equal,
            _ => is_greedy(self).cmp(&is_greedy(other)),
        };
        greedy
            .then_with(|| ranks(self).cmp(&ranks(other)))
            .then_with(|| (self.method == "ANY").cmp(&(other.method == "ANY")))
    }

    /// Whether both take the very same requests.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        self.method == other.method
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(one, two)| match (one, two) {
                (Part::Literal(one), Part::Literal(two)) => one == two,
                _ => one.rank() == two.rank(),
            })
    }

    /// Why a gateway of `kind` can have no such route; `None` if it can.
    pub fn objection(&self, kind: Kind) -> Option<&'static str> {
        match kind {
            Kind::V2 => None,
            Kind::V1 if self.is_default() => {
                Some("only HTTP APIs, `v2`, have it; write `ANY /{proxy+}` and `ANY /`")
            }
            Kind::V1 => None,
            Kind::Url | Kind::Alb | Kind::AlbMulti => {
                Some("only API Gateway has routes: `kind` is then `v2` or `v1`")
            }
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.is_default() {
            true => formatter.write_str(DEFAULT),
            false => write!(formatter, "{} {}", self.method, self.path()),
        }
    }
}

/// The route that a request takes.
#[derive(Debug)]
pub(super) struct Found {
    /// As it is written: `GET /users/{id}`.
    pub(super) key: String,
    /// Its path alone.
    pub(super) path: String,
    /// The variables with their parts of the path, not decoded.
    pub(super) parameters: Vec<(String, String)>,
}

/// All routes of a gateway.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    routes: Vec<Route>,
}

impl Table {
    pub(super) fn new(routes: Vec<Route>) -> Self {
        Self { routes }
    }

    /// The route of a request; `None` if the gateway has none for it.
    pub(super) fn find(&self, kind: Kind, method: &Method, path: &str) -> Option<Found> {
        if self.routes.is_empty() {
            return Some(everything(kind, path));
        }
        let fitting = self.routes.iter().filter(|route| !route.is_default());
        let mut fitting: Vec<(&Route, Vec<(String, String)>)> =
            fitting.filter_map(|route| Some((route, route.fit(&split(kind, path))?))).collect();
        fitting.sort_by(|(one, _), (two, _)| one.precedence(two, kind));
        if kind == Kind::V1 {
            // A REST API finds the resource first: another one is no help if it lacks the method.
            let best = fitting.first().map(|(route, _)| route.path())?;
            fitting.retain(|(route, _)| route.path() == best);
        }
        let found = fitting.into_iter().find(|(route, _)| route.takes(method));
        let found = found.map(|(route, parameters)| Found {
            key: route.to_string(),
            path: route.path(),
            parameters,
        });
        let default = || {
            let default = self.routes.iter().find(|route| route.is_default())?;
            let (path, parameters) = ("/".to_owned(), Vec::new());
            Some(Found { key: default.to_string(), path, parameters })
        };
        found.or_else(default)
    }
}

/// The route of a gateway that was given none.
fn everything(kind: Kind, path: &str) -> Found {
    let parts = split(kind, path);
    match kind {
        Kind::V1 if parts.iter().any(|part| !part.is_empty()) => {
            let proxy = ("proxy".to_owned(), parts.join("/"));
            Found {
                key: "ANY /{proxy+}".to_owned(),
                path: "/{proxy+}".to_owned(),
                parameters: vec![proxy],
            }
        }
        Kind::V1 => Found { key: "ANY /".to_owned(), path: "/".to_owned(), parameters: Vec::new() },
        _ => Found { key: DEFAULT.to_owned(), path: "/".to_owned(), parameters: Vec::new() },
    }
}

/// The parts of a path. A slash at the end makes a difference to HTTP APIs alone.
fn split(kind: Kind, path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = match kind {
        Kind::V1 => path.strip_suffix('/').unwrap_or(path),
        _ => path,
    };
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::super::Kind;
    use super::{Route, Table};

    fn table(routes: &[&str]) -> Table {
        Table::new(routes.iter().map(|route| route.parse().unwrap()).collect())
    }

    fn key(kind: Kind, table: &Table, request: &str) -> Option<String> {
        let (method, path) = request.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        table.find(kind, &method, path).map(|found| found.key)
    }

    #[test]
    fn http_apis_choose_as_their_guide_says() {
        // The example of "Create routes for HTTP APIs in API Gateway", and some more.
        let routes = table(&[
            "$default",
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "GET /pets/dog/1",
            "ANY /pets/dog/1",
            "ANY /{kind}/dog/2",
        ]);
        for (request, route) in [
            ("GET /pets/dog/1", "GET /pets/dog/1"),
            ("POST /pets/dog/1", "ANY /pets/dog/1"),
            ("GET /pets/dog/2", "GET /pets/dog/{id}"),
            ("POST /pets/dog/2", "ANY /{kind}/dog/2"),
            ("GET /pets/cat/1", "GET /pets/{proxy+}"),
            ("POST /test/5", "ANY /{proxy+}"),
            ("GET /", "$default"),
            ("GET /pets", "ANY /{proxy+}"),
            ("GET /pets/", "ANY /{proxy+}"),
        ] {
            assert_eq!(key(Kind::V2, &routes, request).as_deref(), Some(route), "{request}");
        }
        let routes = table(&["GET /pets", "GET /a-b"]);
        for request in ["POST /pets", "GET /", "GET /pets/", "GET /pets/1", "GET /Pets"] {
            assert_eq!(key(Kind::V2, &routes, request), None, "{request}");
        }
    }

    #[test]
    fn rest_apis_find_the_resource_first() {
        let routes = table(&["GET /pets/dog", "ANY /pets/{proxy+}", "GET /{kind}/cat/1", "ANY /"]);
        for (request, route) in [
            ("GET /pets/dog", Some("GET /pets/dog")),
            ("GET /pets/dog/", Some("GET /pets/dog")),
            ("POST /pets/dog", None),
            ("GET /pets/cat/1", Some("ANY /pets/{proxy+}")),
            ("GET /cars/cat/1", Some("GET /{kind}/cat/1")),
            ("GET /", Some("ANY /")),
            ("GET /pets", None),
        ] {
            assert_eq!(key(Kind::V1, &routes, request).as_deref(), route, "{request}");
        }
    }

    #[test]
    fn variables_take_their_part_of_the_path() {
        let routes = table(&["GET /a/{x}/{rest+}", "GET /caf\u{e9}/{x}"]);
        let found = routes.find(Kind::V2, &Method::GET, "/a/1%2F2/b/c/").unwrap();
        let expected = [("x", "1%2F2"), ("rest", "b/c/")];
        assert_eq!(found.parameters, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(routes.find(Kind::V2, &Method::GET, "/caf%C3%A9/1").is_some());
        assert!(routes.find(Kind::V2, &Method::GET, "/a//b").is_none());
    }

    #[test]
    fn routes_come_out_as_they_were_written() {
        for route in ["$default", "GET /", "ANY /a/{b}/{c+}", "PUT /a.b/c-d"] {
            assert_eq!(route.parse::<Route>().unwrap().to_string(), route);
        }
    }

    #[test]
    fn what_is_no_route_is_said() {
        for (route, part) in [
            ("/users", "expected a method and a path"),
            ("get /users", "has no method"),
            ("GET users", "has no path"),
            ("GET /a//b", "two slashes"),
            ("GET /{a+}/b", "goes on behind `{a+}`"),
            ("GET /a{b}", "a whole part"),
            ("GET /{}", "no name"),
            ("GET /{a}/{a}", "twice"),
            ("", "expected a method"),
        ] {
            let error = route.parse::<Route>().unwrap_err();
            assert!(error.contains(part), "{route}: {error}");
        }
    }

    #[test]
    fn routes_for_the_same_requests_are_the_same() {
        let same = |one: &str, two: &str| {
            let (one, two): (Route, Route) = (one.parse().unwrap(), two.parse().unwrap());
            one.is_the_same_as(&two)
        };
        assert!(same("GET /a/{x}", "GET /a/{y}"));
        assert!(!same("GET /a/{x}", "GET /a/{y+}"));
        assert!(!same("GET /a/{x}", "ANY /a/{x}"));
        assert!(!same("GET /a", "GET /b"));
    }
}
