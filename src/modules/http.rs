//! `http::` calls other services over HTTP/1.1 and TLS, and keeps connections for the next invocation.
//!
//! An answer is a map: `status`, `headers` (names in lower case; repeated ones are joined by `, `,
//! `set-cookie` is an array) and `body`, a string if its bytes are UTF-8 and else a blob. A status is
//! an answer, not an error. gzip is unpacked.
//!
//! All functions take a map of options as last argument:
//!
//! | option | |
//! |---|---|
//! | `headers` | a map; an array repeats a header |
//! | `query` | a map that is added to the URL, encoded; an array repeats a name, `()` leaves it out |
//! | `json` | any value as body, as `application/json` |
//! | `form` | a map as body, as `application/x-www-form-urlencoded` |
//! | `body` | a string or a blob as body |
//! | `timeout_ms` | the time that one try may take, redirects included; 30000 if not given |
//! | `redirect` | how many redirects to follow (10 if not given), or `false` for none |
//! | `retry` | `#{ attempts, on }`: tries in all (3 if not given), and after what: statuses, `"5xx"`, `"connect"`, `"closed"`, `"timeout"` |
//! | `error_for_status` | `true` throws for statuses from 400 |
//!
//! Without `retry` there is one try. Without `on`, a further one follows when no connection came
//! about, and for GET, HEAD, PUT, DELETE and OPTIONS also when it was closed early or the status is
//! 429 or from 500. Pauses grow and vary, and respect `retry-after`.
//!
//! Whatever a request waits for ends at the invocation's deadline, with `DeadlineExceeded`. A body that
//! does not fit into the script's memory ends with `DataTooLarge`, packed or not. A redirect to another
//! host loses `authorization`, `cookie` and the like. The header `x-amzn-trace-id` is sent unless
//! the script sets it.
//!
//! Everything else that goes wrong throws `HttpError` with `url` (without its query) and `reason`:
//! `connect`, `tls`, `closed`, `timeout`, `not_allowed`, `redirect`, `protocol`, `status` (with the
//! field `status`) or `usage`. Settings: `RHAI_LAMBDA_NET_ALLOW` lists the hosts that scripts may reach
//! (`api.example.com, *.amazonaws.com, 127.0.0.1:8080`), every host if it is not set;
//! `RHAI_LAMBDA_CA_FILE` names a PEM file of certificate authorities to trust as well, and
//! `SSL_CERT_FILE` one to trust instead of the usual ones.
//!
//! # `http::get(url)`, `http::get(url, options)`
//!
//! Returns the answer to a GET request.
//!
//! ```rhai
//! let answer = http::get("https://api.example.com/echo", #{
//!     query: #{ id: [1, 2], name: "tea & milk" },
//!     headers: #{ authorization: "Bearer abc" },
//! });
//! assert_eq(answer.status, 200);
//! assert_eq(answer.headers["content-type"], "application/json");
//! assert(answer.body.contains("id=1&id=2&name=tea%20%26%20milk"));
//! let error = assert_throws(|| http::get("https://api.example.com/missing", #{ error_for_status: true }), "HttpError");
//! assert_eq(error.status, 404);
//! ```
//!
//! # `http::post(url)`, `http::post(url, options)`
//!
//! Returns the answer to a POST request.
//!
//! ```rhai
//! let seen = http::post("https://api.example.com/echo", #{ json: #{ name: "tea" } }).json();
//! assert_eq(seen.method, "POST");
//! assert_eq(seen.body, `{"name":"tea"}`);
//! ```
//!
//! # `http::put(url)`, `http::put(url, options)`
//!
//! Returns the answer to a PUT request.
//!
//! ```rhai
//! let answer = http::put("https://api.example.com/echo", #{ body: "hot", retry: #{ attempts: 3 } });
//! assert_eq(answer.json().body, "hot");
//! ```
//!
//! # `http::patch(url)`, `http::patch(url, options)`
//!
//! Returns the answer to a PATCH request.
//!
//! ```rhai
//! let answer = http::patch("https://api.example.com/echo", #{ form: #{ size: "large", ice: false } });
//! assert_eq(answer.json().body, "ice=false&size=large");
//! ```
//!
//! # `http::delete(url)`, `http::delete(url, options)`
//!
//! Returns the answer to a DELETE request.
//!
//! ```rhai
//! assert_eq(http::delete("https://api.example.com/echo").json().method, "DELETE");
//! ```
//!
//! # `http::request(method, url)`, `http::request(method, url, options)`
//!
//! Returns the answer to a request of any method but CONNECT.
//!
//! ```rhai
//! let answer = http::request("HEAD", "https://api.example.com/echo", #{ timeout_ms: 2000, redirect: false });
//! assert_eq(answer.body, "");
//! ```
//!
//! # `http::connect(url)`
//!
//! Opens a connection to the host of `url` and sends nothing: a later request finds it ready. At the
//! top level of a script it is opened before the first event, while Lambda lends a whole processor;
//! the setting `RHAI_LAMBDA_WARMUP`, a list of URLs, does the same for scripts that do not, and only
//! logs what fails. Throws `HttpError` like a request.
//!
//! ```rhai
//! http::connect("https://api.example.com");
//! assert_eq(http::get("https://api.example.com/echo").status, 200);
//! ```
//!
//! # `answer.json()`
//!
//! Returns the value of the body, read as JSON. Throws `JsonError` if it is none.
//!
//! ```rhai
//! assert_eq(http::get("https://api.example.com/echo").json().method, "GET");
//! assert_throws(|| #{ status: 200, body: "<html>" }.json(), "JsonError");
//! ```
//!
//! # `answer.bytes()`
//!
//! Returns the body as a blob, whatever it is.
//!
//! ```rhai
//! assert_eq(http::get("https://api.example.com/bytes/3").bytes().len(), 3);
//! ```

mod client;
mod options;
#[cfg(feature = "cli")]
mod stand_in;
#[path = "http/no_stand_in.rs"]
#[cfg(not(feature = "cli"))]
mod stand_in;
mod tls;
mod transport;
mod url;

use rhai::{
    Blob, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Map, Module,
    NativeCallContext,
};
use ureq::http::header::{HeaderMap, SET_COOKIE};

use crate::engine::{Guard, placed, raise_with};
use crate::modules::{Host, body};

pub(crate) use client::Http;
use url::Url;

const FUNCTIONS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    for (name, method) in FUNCTIONS {
        let call = caller(host);
        module.set_native_fn(name, move |context: NativeCallContext, url: &str| {
            call(&context, method, url, Map::new())
        });
        let call = caller(host);
        module.set_native_fn(name, move |context: NativeCallContext, url: &str, options: Map| {
            call(&context, method, url, options)
        });
    }
    let call = caller(host);
    module.set_native_fn("request", move |context: NativeCallContext, method: &str, url: &str| {
        call(&context, method, url, Map::new())
    });
    let call = caller(host);
    module.set_native_fn(
        "request",
        move |context: NativeCallContext, method: &str, url: &str, options: Map| {
            call(&context, method, url, options)
        },
    );
    let http = host.http.clone();
    module.set_native_fn("connect", move |context: NativeCallContext, url: &str| {
        let connected = Url::parse(url).map_err(usage).and_then(|url| http.connect(&url));
        placed(context.call_position(), connected)
    });
    engine.register_static_module("http", module.into());
    register_methods(engine, host);
}

/// Answers are maps like any other, so that tests and caches can make them and keep them.
fn register_methods(engine: &mut Engine, host: &Host) {
    body::register(engine, host);
    let guard = host.guard.clone();
    FuncRegistration::new("bytes").with_purity(true).register_into_engine(
        engine,
        move |context: NativeCallContext, answer: &mut Map| {
            placed(context.call_position(), bytes(answer, &guard))
        },
    );
}

fn bytes(answer: &Map, guard: &Guard) -> Fallible<Blob> {
    let copied = |body: &[u8]| guard.reserve(body.len()).map(|()| body.to_vec());
    if let Some(body) = answer.get("body") {
        if let Ok(text) = body.as_immutable_string_ref() {
            return copied(text.as_bytes());
        }
        if let Ok(blob) = body.as_blob_ref() {
            return copied(&blob);
        }
    }
    Err(usage("`bytes()` reads the `body` of an answer, and this map has none"))
}

fn usage(message: impl Into<String>) -> Box<EvalAltResult> {
    raise_with("HttpError", message, [("reason", "usage".into())])
}

fn caller(host: &Host) -> impl Fn(&NativeCallContext, &str, &str, Map) -> Fallible<Map> + 'static {
    let (http, max_depth) = (host.http.clone(), host.limits.max_json_depth);
    move |context, method, url, options| {
        let answer = options::request(method, url, options, max_depth)
            .map_err(usage)
            .and_then(|request| http.send(context, &request));
        placed(context.call_position(), answer.map(to_map))
    }
}

fn to_map(answer: client::Answer) -> Map {
    let body: Dynamic = match String::from_utf8(answer.body) {
        Ok(text) => text.into(),
        Err(binary) => Dynamic::from_blob(binary.into_bytes()),
    };
    let mut map = Map::new();
    map.insert("status".into(), i64::from(answer.status.as_u16()).into());
    map.insert("headers".into(), Dynamic::from_map(headers_to_map(&answer.headers)));
    map.insert("body".into(), body);
    map
}

fn headers_to_map(headers: &HeaderMap) -> Map {
    let text = |value: &ureq::http::HeaderValue| -> String {
        // Beyond ASCII, HTTP leaves open what a header means; most send UTF-8.
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    let mut map = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(text);
        let value: Dynamic = match *name == SET_COOKIE {
            // The one header whose values cannot be joined: dates have commas.
            true => Dynamic::from_array(values.map(Dynamic::from).collect()),
            false => ImmutableString::from(values.collect::<Vec<_>>().join(", ")).into(),
        };
        map.insert(name.as_str().into(), value);
    }
    map
}
