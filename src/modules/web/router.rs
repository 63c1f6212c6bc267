//! The router: a handler for each method and path, and right answers for all others.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::cors::{self, Cors};
use super::pattern::{self, Pattern};
use super::respond::{self, Response};
use super::source::{State, text};
use super::{refuse, request};
use crate::engine::leaf_of;
use crate::modules::lambda::Raw;
use crate::modules::{Host, put};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Stands for every method.
const ANY: &str = "*";

/// As scripts hold it: cheap to copy.
#[derive(Clone)]
pub(crate) struct Router {
    table: Rc<RefCell<Table>>,
}

#[derive(Clone, Default)]
struct Table {
    /// By rank and method: the first that matches takes precedence.
    routes: Vec<Route>,
    not_found: Option<FnPtr>,
    cors: Option<Cors>,
    /// In which invocation it was last changed.
    invocation: u64,
}

#[derive(Clone)]
struct Route {
    rank: Vec<String>,
    /// Of HTTP; or [`ANY`].
    method: &'static str,
    pattern: Pattern,
    /// The path and the parameter's names, for messages.
    text: String,
    handler: FnPtr,
}

/// Which route a request takes.
enum Way {
    Found(FnPtr, Map, String),
    /// The path is there, though not for this method; these are.
    Methods(Vec<&'static str>),
    Nowhere,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Closures may hold the router itself.
        write!(f, "router of {} routes", self.table.borrow().routes.len())
    }
}

impl Router {
    pub(crate) fn new(state: &State) -> Self {
        let table = Table { invocation: state.invocation(), ..Table::default() };
        Self { table: Rc::new(RefCell::new(table)) }
    }

    /// The table, to change it: a copy if it is older than this invocation, which must leave
    /// nothing to the next one.
    fn change<T>(&mut self, state: &State, change: impl FnOnce(&mut Table) -> T) -> T {
        let is_older = self.table.borrow().invocation != state.invocation();
        if is_older {
            let mut table = self.table.borrow().clone();
            table.invocation = state.invocation();
            self.table = Rc::new(RefCell::new(table));
        }
        change(&mut self.table.borrow_mut())
    }

    /// Adds a route.
    ///
    /// # Errors
    /// `WebError` for a path that is none, or one that is there already.
    pub(crate) fn add(
        &mut self,
        state: &State,
        method: &'static str,
        path: &str,
        handler: FnPtr,
    ) -> Fallible<Self> {
        let pattern = Pattern::parse(path)?;
        let rank = pattern.rank();
        self.change(state, |table| {
            let at = table.routes.binary_search_by(|route| {
                route.rank.cmp(&rank).then_with(|| route.method.cmp(method))
            });
            match at {
                Ok(at) => {
                    let method = if method == ANY { "any method" } else { method };
                    let there = &table.routes[at].text;
                    let message = format!("{method} {path:?} has a route already, {there:?}");
                    Err(refuse(message))
                }
                Err(at) => {
                    let text = path.to_owned();
                    table.routes.insert(at, Route { rank, method, pattern, text, handler });
                    Ok(())
                }
            }
        })?;
        Ok(self.clone())
    }

    pub(crate) fn cors(&mut self, state: &State, options: &Map) -> Fallible<Self> {
        let cors = Cors::from_options(options)?;
        self.change(state, |table| table.cors = Some(cors));
        Ok(self.clone())
    }

    pub(crate) fn not_found(&mut self, state: &State, handler: FnPtr) -> Self {
        self.change(state, |table| table.not_found = Some(handler));
        self.clone()
    }

    /// Answers an event, or a request that was made of one.
    ///
    /// # Errors
    /// What the route's handler threw, unless it is meant for the client.
    pub(crate) fn handle(
        &self,
        context: &NativeCallContext,
        host: &Host,
        event: Map,
    ) -> Fallible<Dynamic> {
        let request = match is_request(&event) {
            true => event,
            false => {
                let (request, source) = request::parse(event, &host.guard)?;
                host.web.see(source);
                request
            }
        };
        let source = host.web.source();
        let cors = self.table.borrow().cors.clone();
        let cors_headers = cors.as_ref().map(|cors| cors.headers(&request));
        let mut response = self.respond(context, host, request, cors.as_ref())?;
        if let (Some(headers), Ok(mut response)) = (cors_headers, response.as_map_mut()) {
            for (name, value) in headers {
                respond::add_header(&mut response, source, name, &value);
            }
        }
        Ok(response)
    }

    fn respond(
        &self,
        context: &NativeCallContext,
        host: &Host,
        mut request: Map,
        cors: Option<&Cors>,
    ) -> Fallible<Dynamic> {
        let method = text(&request, "method").unwrap_or_default();
        let path = text(&request, "path").unwrap_or_default();
        let error = |status, message: &str| {
            let mut body = Map::new();
            put(&mut body, "error", message.into());
            Response::json(status, &Dynamic::from_map(body), host.limits.max_json_depth)
        };
        if let Some(cors) = cors.filter(|_| method == "OPTIONS" && cors::is_preflight(&request)) {
            let mut response = Response::text(204, "", String::new())?;
            let methods = self.methods_of(&path).join(", ");
            for (name, value) in cors.preflight(&request, &methods) {
                response.set(name, &value);
            }
            return finish(response, host);
        }
        match self.find(&method, &path) {
            Way::Found(handler, params, route) => {
                put(&mut request, "path_params", Dynamic::from_map(params));
                let answer = self.call(context, host, &handler, request, 200, &route)?;
                Ok(if method == "HEAD" { without_body(answer) } else { answer })
            }
            Way::Methods(methods) => {
                let mut response = match method.as_str() {
                    "OPTIONS" => Response::text(204, "", String::new())?,
                    _ => error(405, "method not allowed")?,
                };
                response.set("allow", &methods.join(", "));
                finish(response, host)
            }
            Way::Nowhere => {
                let not_found = self.table.borrow().not_found.clone();
                match not_found {
                    Some(handler) => self.call(context, host, &handler, request, 404, "not_found"),
                    None => finish(error(404, "not found")?, host),
                }
            }
        }
    }

    /// Calls a handler and makes a response of what it returns or throws.
    fn call(
        &self,
        context: &NativeCallContext,
        host: &Host,
        handler: &FnPtr,
        request: Map,
        status: i64,
        route: &str,
    ) -> Fallible<Dynamic> {
        let mut handler = handler.clone();
        if self.table.borrow().invocation != host.web.invocation() {
            // What a closure of the top level captured is as it was then, for every invocation.
            for captured in handler.iter_curry_mut() {
                *captured = captured.flatten_clone();
            }
        }
        let max_depth = host.limits.max_json_depth;
        match handler.call_within_context::<Dynamic>(context, (request,)) {
            Ok(answer) if is_response(&answer) => Ok(answer.flatten()),
            Ok(answer) if answer.is_unit() => {
                let status = if status == 200 { 204 } else { status };
                finish(Response::text(status, "text/plain; charset=utf-8", String::new())?, host)
            }
            Ok(answer) => finish(Response::json(status, &answer, max_depth)?, host),
            Err(thrown) => {
                let Some((status, message)) = for_the_client(&thrown) else {
                    return Err(explained(thrown, &handler, route));
                };
                if status >= 500 {
                    // Nobody but the client would know otherwise.
                    host.log_error(context, *thrown, serde_json::Map::new());
                }
                let mut body = Map::new();
                put(&mut body, "error", message);
                finish(Response::json(status, &Dynamic::from_map(body), max_depth)?, host)
            }
        }
    }

    fn find(&self, method: &str, path: &str) -> Way {
        let table = self.table.borrow();
        let parts = pattern::parts(path);
        let mut head = None;
        let mut any: Option<(&[String], Way)> = None;
        let mut methods: Vec<&'static str> = Vec::new();
        for route in &table.routes {
            // A route for any method gives way to one of the same path for this method alone.
            if let Some((rank, _)) = &any
                && **rank != *route.rank
            {
                break;
            }
            let Some(params) = route.pattern.matches(&parts) else { continue };
            let way = || {
                let name = format!("{} {}", route.method, route.text);
                Way::Found(route.handler.clone(), params, name)
            };
            if route.method == method {
                return way();
            }
            if route.method == ANY {
                any = Some((&route.rank, way()));
                continue;
            }
            methods.push(route.method);
            if method == "HEAD" && route.method == "GET" && head.is_none() {
                head = Some(way());
            }
        }
        match (head, any) {
            (Some(way), _) | (None, Some((_, way))) => way,
            (None, None) if methods.is_empty() => Way::Nowhere,
            (None, None) => Way::Methods(with_implied(methods)),
        }
    }

    /// The methods that `path` has.
    fn methods_of(&self, path: &str) -> Vec<&'static str> {
        let parts = pattern::parts(path);
        let mut methods = Vec::new();
        for route in &self.table.borrow().routes {
            if route.pattern.matches(&parts).is_some() {
                match route.method {
                    ANY => methods.extend(["GET", "POST", "PUT", "PATCH", "DELETE"]),
                    method => methods.push(method),
                }
            }
        }
        with_implied(methods)
    }
}

/// HEAD comes with GET, OPTIONS with all.
fn with_implied(mut methods: Vec<&'static str>) -> Vec<&'static str> {
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn finish(response: Response, host: &Host) -> Fallible<Dynamic> {
    Ok(Dynamic::from_map(response.into_map(host.web.source())?))
}

fn without_body(mut response: Dynamic) -> Dynamic {
    if let Ok(mut map) = response.as_map_mut() {
        put(&mut map, "body", "".into());
        put(&mut map, "isBase64Encoded", false.into());
    }
    response
}

/// Whether `map` is what `web::request` makes.
fn is_request(map: &Map) -> bool {
    ["source", "raw", "method", "path", "path_params"].iter().all(|key| map.contains_key(*key))
}

/// Whether an answer has the form of a response already.
fn is_response(answer: &Dynamic) -> bool {
    let has_status =
        answer.as_map_ref().is_ok_and(|map| map.get("statusCode").is_some_and(Dynamic::is_int));
    has_status || answer.is::<Raw>()
}

/// Status and message of an error that is meant for the client.
///
/// What `http::` and `aws::` throw has a status as well, that of somebody else's answer: it is not
/// ours to pass on.
fn for_the_client(error: &EvalAltResult) -> Option<(i64, Dynamic)> {
    let EvalAltResult::ErrorRuntime(thrown, _) = leaf_of(error) else { return None };
    let map = thrown.as_map_ref().ok()?;
    let status = map.get("status")?.as_int().ok()?;
    let error_type = text(&map, "errorType").unwrap_or_default();
    let is_foreign =
        error_type == "HttpError" || error_type == "AwsError" || map.contains_key("requestId");
    if !(400..=599).contains(&status) || is_foreign {
        return None;
    }
    let message = map.get("errorMessage").map(Dynamic::flatten_clone);
    Some((status, message.unwrap_or_else(|| error_type.into())))
}

/// The error in words, if it is that the handler takes no request.
fn explained(error: Box<EvalAltResult>, handler: &FnPtr, route: &str) -> Box<EvalAltResult> {
    match &*error {
        EvalAltResult::ErrorFunctionNotFound(name, _)
            if name.split(' ').next() == Some(handler.fn_name()) =>
        {
            refuse(format!(
                "the handler of {route} must be a function of one parameter, the request"
            ))
        }
        _ => error,
    }
}

impl Router {
    /// The methods of the router, as scripts call them, and the methods of HTTP that they stand for.
    pub(crate) const METHODS: [(&'static str, &'static str); 6] = [
        ("get", "GET"),
        ("post", "POST"),
        ("put", "PUT"),
        ("patch", "PATCH"),
        ("delete", "DELETE"),
        ("any", ANY),
    ];
}
