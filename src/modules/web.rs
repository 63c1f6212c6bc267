//! `web::` answers HTTP requests, whichever service they come through: API Gateway (REST APIs, HTTP
//! APIs, WebSockets), function URLs and load balancers.
//!
//! # `web::request(event)`
//!
//! Returns the request in one shape:
//!
//! | field | |
//! |---|---|
//! | `source` | `"apigw-v1"`, `"apigw-v2"`, `"function-url"`, `"alb"` or `"websocket"` |
//! | `method`, `path` | the path as in the URL, percent-encoded, without API Gateway's stage |
//! | `query`, `query_all` | by name the last value, or a list of all values; decoded |
//! | `headers` | by name in lower case; several of one name joined by `, ` |
//! | `cookies` | by name; decoded |
//! | `body` | a string, decoded; a blob if it is no text; `""` if there is none |
//! | `path_params` | what API Gateway, or a route of the router, took from the path; decoded |
//! | `stage`, `source_ip`, `request_id` | `()` where the service has none |
//! | `raw` | the event |
//!
//! Of a WebSocket event `method` is `CONNECT`, `MESSAGE` or `DISCONNECT`, `path` is the route key
//! behind a slash, and `connection_id`, `route_key` and `event_type` are there as well.
//!
//! Throws `WebError` if the event is no HTTP request, and with `status` 400 if its body is not the
//! base64 that it says.
//!
//! ```rhai
//! fn handler(event) {
//!     let req = web::request(#{
//!         requestContext: #{ http: #{ method: "GET", sourceIp: "203.0.113.7" } },
//!         rawPath: "/tea",
//!         rawQueryString: "kind=green&kind=black+tea",
//!         headers: #{ "X-Colour": "red" },
//!         cookies: ["session=abc"],
//!     });
//!     assert_eq(`${req.method} ${req.path}`, "GET /tea");
//!     assert_eq(req.query.kind, "black tea");
//!     assert_eq(req.query_all.kind, ["green", "black tea"]);
//!     assert_eq(req.headers["x-colour"], "red");
//!     assert_eq(req.cookies.session, "abc");
//!     assert_throws(|| web::request(#{ Records: [] }), "WebError");
//! }
//! ```
//!
//! # `request.json()`
//!
//! Returns the body's value. Throws `WebError` with `status` 400 if it is not JSON: inside a route,
//! that is the client's answer.
//!
//! ```rhai
//! let req = web::request(#{ rawPath: "/", body: `{"id": 7}` });
//! assert_eq(req.json().id, 7);
//! req.body = "{";
//! assert_eq(assert_throws(|| req.json(), "WebError").status, 400);
//! ```
//!
//! # `request.form()`, `request.form_all()`
//!
//! Return the fields of an HTML form: by name the last value, or a list of all values. Throw
//! `WebError` with `status` 415 if the body is of another type, such as `multipart/form-data`.
//!
//! ```rhai
//! let req = web::request(#{ rawPath: "/", body: "name=Ada+L.&tag=a&tag=b" });
//! assert_eq(req.form().name, "Ada L.");
//! assert_eq(req.form_all().tag, ["a", "b"]);
//! ```
//!
//! # `request.header(name)`
//!
//! Returns a header whatever the case of its name; `()` if it is not there.
//!
//! ```rhai
//! let req = web::request(#{ rawPath: "/", headers: #{ "Content-Type": "text/plain" } });
//! assert_eq(req.header("content-TYPE"), "text/plain");
//! assert_eq(req.header("accept"), ());
//! ```
//!
//! # `web::json(value)`, `web::json(status, value)`, `web::json(status, value, options)`
//!
//! Returns a response for the handler to return, in the form that the service of this invocation's
//! event wants (or of the last one that `web::request` or a router saw): with status 200 or
//! `status`, and `value` as JSON. A status alone, `web::json(404)`, is a value: write
//! `web::json(404, ())`.
//!
//! All responses take options as last argument, `#{ headers, cookies }`: headers by name, each a
//! string or a list of strings; a list of cookies, each `#{ name, value, max_age, path, domain,
//! http_only, secure, same_site }`, of which all but the name may be left out.
//!
//! Throws `WebError` for a value that JSON cannot express, a status that is none, and for headers and
//! cookies that would break the response, such as one with a line break.
//!
//! ```rhai
//! let response = web::json(201, #{ id: 7 }, #{ headers: #{ location: "/orders/7" } });
//! assert_eq(response.statusCode, 201);
//! assert_eq(response.body, `{"id":7}`);
//! assert_eq(response.headers["content-type"], "application/json");
//! assert_eq(response.headers.location, "/orders/7");
//!
//! let cookie = #{ name: "session", value: "a b", max_age: 60, http_only: true };
//! let response = web::json(200, (), #{ cookies: [cookie] });
//! assert_eq(response.cookies, ["session=a%20b; Max-Age=60; HttpOnly"]);
//! assert_throws(|| web::json(200, (), #{ headers: #{ a: "b\r\nc: d" } }), "WebError");
//! ```
//!
//! # `web::text(text)`, `web::text(status, text)`, `web::text(status, text, options)`
//!
//! Returns a response of plain text. Throws as `web::json` does.
//!
//! ```rhai
//! let response = web::text(404, "no such tea");
//! assert_eq(response.headers["content-type"], "text/plain; charset=utf-8");
//! ```
//!
//! # `web::html(text)`, `web::html(status, text)`, `web::html(status, text, options)`
//!
//! Returns a response of HTML. The text is sent as it is: what comes from elsewhere must be escaped.
//! Throws as `web::json` does.
//!
//! ```rhai
//! assert_eq(web::html("<p>Hello</p>").body, "<p>Hello</p>");
//! ```
//!
//! # `web::redirect(url)`, `web::redirect(url, status)`, `web::redirect(url, status, options)`
//!
//! Returns a response that leads elsewhere, with status 302 or another one of 301, 303, 307, 308.
//! Throws as `web::json` does.
//!
//! ```rhai
//! let response = web::redirect("/login", 303);
//! assert_eq(response.statusCode, 303);
//! assert_eq(response.headers.location, "/login");
//! ```
//!
//! # `web::binary(blob, content_type)`, `web::binary(status, blob, content_type)`, `web::binary(status, blob, content_type, options)`
//!
//! Returns a response of bytes, in base64 as all services want them; without a status too the options
//! may follow, `web::binary(blob, content_type, options)`. Throws as `web::json` does.
//!
//! ```rhai
//! let response = web::binary(blob(3, 0xff), "image/png");
//! assert_eq(response.body, "////");
//! assert(response.isBase64Encoded);
//! ```
//!
//! # `web::router()`
//!
//! Returns a router. Its methods return the router, so that they can be chained:
//!
//! - `.get(path, |req| …)`, `.post`, `.put`, `.patch`, `.delete`, and `.any` for every method, add a
//!   route. `{name}` in a path is a parameter, `{name+}` at its end takes all the rest; both come
//!   decoded in `req.path_params`. A part that is spelt out takes precedence over a parameter, and
//!   the route of a method over `any`. A slash at the end makes no difference.
//! - `.cors(options)`, or `.cors()` for every origin, answers browsers: options `origins` (a list, or
//!   `"*"`), `methods`, `headers`, `expose`, `credentials`, `max_age`. Methods and headers that are
//!   left out are those of the path and those that the browser asks for.
//! - `.not_found(|req| …)` answers what has no route, with status 404 unless it says otherwise.
//!
//! `.handle(event)` takes the event, or a request made of it, and returns the response. A route
//! returns a response or a plain value: `()` becomes 204, all else 200 with the value as JSON. Without
//! a route the answer is 404; for a method that a path does not have, 405 with `allow`. HEAD goes the
//! way of GET, OPTIONS is answered.
//!
//! What a route throws with a `status` from 400 to 599 becomes that answer, with the message as
//! `{"error": …}`. All else, and what `http::` and `aws::` throw of somebody else's answer, is an
//! error of the function.
//!
//! A router may be built in the handler or once, as a constant of the top level. A route that only
//! calls a function is best written as `|req| show(req)`.
//!
//! Throws `WebError` for a path that is none or is there already, and for unknown options.
//!
//! ```rhai
//! const ROUTER = web::router()
//!     .get("/teas", |req| ["green", "black"])
//!     .get("/teas/{name}", |req| show(req))
//!     .delete("/teas/{name}", |req| ());
//!
//! fn show(req) {
//!     if req.path_params.name != "green" {
//!         throw #{ status: 404, errorMessage: "no such tea" };
//!     }
//!     web::text("a fine tea")
//! }
//!
//! fn answer(method, path) {
//!     let http = #{ method: method };
//!     global::ROUTER.handle(#{ requestContext: #{ http: http }, rawPath: path })
//! }
//!
//! fn handler(event) {
//!     assert_eq(answer("GET", "/teas").body, `["green","black"]`);
//!     assert_eq(answer("GET", "/teas/green").body, "a fine tea");
//!     assert_eq(answer("GET", "/teas/red").body, `{"error":"no such tea"}`);
//!     assert_eq(answer("DELETE", "/teas/red").statusCode, 204);
//!     assert_eq(answer("POST", "/teas").headers.allow, "GET, HEAD, OPTIONS");
//!     assert_throws(|| web::router().get("teas", |req| ()), "WebError");
//! }
//! ```

mod cookies;
mod cors;
mod options;
mod pattern;
mod request;
mod respond;
mod router;
mod source;
mod url;

use rhai::{
    Blob, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext,
};

use crate::engine::{placed, raise};
use crate::modules::{Host, body};
use options::expected;
use respond::Response;
use router::Router;

pub(crate) use source::State;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    host.web.turn_on();
    body::register(engine, host);
    requests(engine, host);
    routers(engine, host);

    let mut module = Module::new();
    let owned = host.clone();
    module.set_native_fn("request", move |context: NativeCallContext, event: Map| {
        let request = request::parse(event, &owned.guard).map(|(request, source)| {
            owned.web.see(source);
            request
        });
        placed(context.call_position(), request)
    });
    let state = host.web.clone();
    module.set_native_fn("router", move || Ok(Router::new(&state)));
    let max_depth = host.limits.max_json_depth;
    answer(&mut module, host, "json", move |status, value| {
        Response::json(status, value, max_depth)
    });
    answer(&mut module, host, "text", |status, text| {
        Response::text(status, "text/plain; charset=utf-8", string("text", text)?)
    });
    answer(&mut module, host, "html", |status, text| {
        Response::text(status, "text/html; charset=utf-8", string("html", text)?)
    });
    redirects(&mut module, host);
    binaries(&mut module, host);
    engine.register_static_module("web", module.into());
}

/// The methods of requests.
fn requests(engine: &mut Engine, host: &Host) {
    // Pure: a request in a constant has them as well.
    let pure = |name: &str| FuncRegistration::new(name).with_purity(true);
    pure("header").register_into_engine(
        engine,
        |context: NativeCallContext, request: &mut Map, name: &str| {
            placed(context.call_position(), request::header(request, name))
        },
    );
    let guard = host.guard.clone();
    pure("form").register_into_engine(
        engine,
        move |context: NativeCallContext, request: &mut Map| {
            let form = request::form(request, &guard).map(|(last, _)| last);
            placed(context.call_position(), form)
        },
    );
    let guard = host.guard.clone();
    pure("form_all").register_into_engine(
        engine,
        move |context: NativeCallContext, request: &mut Map| {
            let form = request::form(request, &guard).map(|(_, all)| all);
            placed(context.call_position(), form)
        },
    );
}

/// The methods of routers.
fn routers(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Router>("router");
    for (name, method) in Router::METHODS {
        let state = host.web.clone();
        engine.register_fn(name, move |router: &mut Router, path: &str, handler: FnPtr| {
            router.add(&state, method, path, handler)
        });
    }
    let state = host.web.clone();
    engine.register_fn("cors", move |router: &mut Router, options: Map| {
        router.cors(&state, &options)
    });
    let state = host.web.clone();
    engine.register_fn("cors", move |router: &mut Router| router.cors(&state, &Map::new()));
    let state = host.web.clone();
    engine.register_fn("not_found", move |router: &mut Router, handler: FnPtr| {
        router.not_found(&state, handler)
    });
    // Pure: the usual router is a constant.
    let host = host.clone();
    FuncRegistration::new("handle").with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, router: &mut Router, event: Map| {
            router.handle(&context, &host, event)
        },
    );
}

/// Registers a response with and without status and options.
fn answer(
    module: &mut Module,
    host: &Host,
    name: &'static str,
    make: impl Fn(i64, &Dynamic) -> Fallible<Response> + Clone + 'static,
) {
    let (state, make_one) = (host.web.clone(), make.clone());
    module.set_native_fn(name, move |context: NativeCallContext, value: Dynamic| {
        let response = make_one(200, &value);
        placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
    });
    let (state, make_two) = (host.web.clone(), make.clone());
    module.set_native_fn(
        name,
        move |context: NativeCallContext, first: Dynamic, second: Dynamic| {
            // A status and a value, or a value and options.
            let response = match first.as_int() {
                Ok(status) => make_two(status, &second),
                Err(_) => make_two(200, &first).and_then(|made| made.with(&*map(&second)?)),
            };
            placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
        },
    );
    let state = host.web.clone();
    module.set_native_fn(
        name,
        move |context: NativeCallContext, status: i64, value: Dynamic, options: Map| {
            let response = make(status, &value).and_then(|made| made.with(&options));
            placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
        },
    );
}

fn redirects(module: &mut Module, host: &Host) {
    let state = host.web.clone();
    module.set_native_fn("redirect", move |context: NativeCallContext, url: &str| {
        let response = Response::redirect(302, url);
        placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
    });
    let state = host.web.clone();
    module.set_native_fn(
        "redirect",
        move |context: NativeCallContext, url: &str, second: Dynamic| {
            let response = match second.as_int() {
                Ok(status) => Response::redirect(status, url),
                Err(_) => Response::redirect(302, url).and_then(|made| made.with(&*map(&second)?)),
            };
            placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
        },
    );
    let state = host.web.clone();
    module.set_native_fn(
        "redirect",
        move |context: NativeCallContext, url: &str, status: i64, options: Map| {
            let response = Response::redirect(status, url).and_then(|made| made.with(&options));
            placed(context.call_position(), response.and_then(|made| made.into_map(state.source())))
        },
    );
}

fn binaries(module: &mut Module, host: &Host) {
    let send = {
        let host = host.clone();
        move |context: &NativeCallContext,
              status: i64,
              bytes: &Blob,
              content_type: &str,
              options: &Map| {
            let response = Response::binary(status, bytes, content_type, &host.guard)
                .and_then(|made| made.with(options))
                .and_then(|made| made.into_map(host.web.source()));
            placed(context.call_position(), response)
        }
    };
    // Pure, so that a large blob is not copied on its way here.
    let pure = || FuncRegistration::new("binary").with_purity(true);
    let with = send.clone();
    pure().set_into_module(
        module,
        move |context: NativeCallContext, bytes: &mut Blob, content_type: &str| {
            with(&context, 200, bytes, content_type, &Map::new())
        },
    );
    let with = send.clone();
    pure().set_into_module(
        module,
        move |context: NativeCallContext, bytes: &mut Blob, content_type: &str, options: Map| {
            with(&context, 200, bytes, content_type, &options)
        },
    );
    let with = send.clone();
    pure().set_into_module(
        module,
        move |context: NativeCallContext, status: i64, bytes: Blob, content_type: &str| {
            with(&context, status, &bytes, content_type, &Map::new())
        },
    );
    pure().set_into_module(
        module,
        move |context: NativeCallContext,
              status: i64,
              bytes: Blob,
              content_type: &str,
              options: Map| { send(&context, status, &bytes, content_type, &options) },
    );
}

fn map(value: &Dynamic) -> Fallible<impl std::ops::Deref<Target = Map> + '_> {
    value.as_map_ref().map_err(|_| expected("options", "a map", value))
}

fn string(name: &str, value: &Dynamic) -> Fallible<String> {
    let text = value.as_immutable_string_ref().map_err(|_| expected(name, "a string", value))?;
    Ok(text.to_string())
}

fn refuse(message: impl Into<String>) -> Box<EvalAltResult> {
    raise(("WebError", message))
}
