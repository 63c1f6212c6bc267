//! A request in one shape, whichever service sent it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rhai::{Dynamic, EvalAltResult, ImmutableString, Map};

use super::source::{Source, text};
use super::url::{self, Pairs};
use super::{cookies, refuse};
use crate::engine::{Guard, raise_with};
use crate::modules::put;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Content types whose bodies are text, as far as their beginning says so.
const TEXT_TYPES: [&str; 6] = [
    "text/",
    "application/json",
    "application/xml",
    "application/javascript",
    "application/x-www-form-urlencoded",
    "application/graphql",
];

/// The request in `event`, and who sent it.
///
/// # Errors
/// `WebError` if the event is no HTTP request or its body is not what it says.
pub(crate) fn parse(event: Map, guard: &Guard) -> Fallible<(Map, Source)> {
    let Some(source) = Source::of(&event) else {
        return Err(refuse(
            "the event is no HTTP request: expected one of API Gateway, of a function URL or of a \
             load balancer",
        ));
    };
    let mut request = Map::new();
    let mut headers = headers(&event);
    let (query, query_all) = query(&event, source, guard)?.into_maps();
    put(&mut request, "source", source.name().into());
    put(&mut request, "query", Dynamic::from_map(query));
    put(&mut request, "query_all", Dynamic::from_map(query_all));
    put(&mut request, "cookies", Dynamic::from_map(cookies_of(&event, &mut headers)));
    put(&mut request, "body", body(&event, text(&headers, "content-type"), guard)?);
    put(&mut request, "path_params", Dynamic::from_map(path_params(&event, source)));
    about(&mut request, &event, source, &headers);
    put(&mut request, "headers", Dynamic::from_map(headers));
    put(&mut request, "raw", Dynamic::from_map(event));
    Ok((request, source))
}

/// Method, path and what the service says of the request.
fn about(request: &mut Map, event: &Map, source: Source, headers: &Map) {
    let empty = Map::new();
    let context = event.get("requestContext").and_then(|context| context.as_map_ref().ok());
    let context = context.as_deref().unwrap_or(&empty);
    let http = context.get("http").and_then(|http| http.as_map_ref().ok());
    let http = http.as_deref().unwrap_or(&empty);
    let identity = context.get("identity").and_then(|identity| identity.as_map_ref().ok());
    let identity = identity.as_deref().unwrap_or(&empty);

    let (method, path) = match source {
        Source::WebSocket => {
            let route = text(context, "routeKey").unwrap_or_default();
            (text(context, "eventType"), format!("/{route}"))
        }
        Source::HttpApi | Source::FunctionUrl => {
            (text(http, "method").or_else(|| Some("GET".into())), raw_path(event, context))
        }
        _ => (text(event, "httpMethod"), plain_path(event)),
    };
    let source_ip = match source {
        Source::HttpApi | Source::FunctionUrl => text(http, "sourceIp"),
        // The load balancer adds whom it sees behind what the client claims.
        Source::Alb | Source::AlbMulti => text(headers, "x-forwarded-for")
            .and_then(|all| all.rsplit(',').next().map(|last| last.trim().into())),
        _ => text(identity, "sourceIp"),
    };
    let request_id = match source {
        Source::Alb | Source::AlbMulti => text(headers, "x-amzn-trace-id"),
        _ => text(context, "requestId"),
    };
    let mut add = |name: &str, value: Option<ImmutableString>| {
        put(request, name, value.map_or(Dynamic::UNIT, Into::into));
    };
    add("method", method);
    add("path", Some(if path.is_empty() { "/".into() } else { path.into() }));
    add("stage", text(context, "stage"));
    add("source_ip", source_ip);
    add("request_id", request_id);
    if source == Source::WebSocket {
        add("connection_id", text(context, "connectionId"));
        add("route_key", text(context, "routeKey"));
        add("event_type", text(context, "eventType"));
    }
}

/// The path of payload format 2.0, without the stage that API Gateway's own domains put before it.
fn raw_path(event: &Map, context: &Map) -> String {
    let path = text(event, "rawPath").unwrap_or_default();
    let domain = text(context, "domainName").unwrap_or_default();
    let is_url = domain.contains(".lambda-url.");
    let mut rest = path.as_str();
    if domain.is_empty() || domain.contains(".execute-api.") {
        let stage = text(context, "stage").unwrap_or_default();
        let after = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage.as_str()));
        if let Some(after) = after.filter(|after| after.is_empty() || after.starts_with('/'))
            && !stage.is_empty()
        {
            rest = after;
        }
    }
    // HTTP APIs decode the path, function URLs do not.
    if is_url { rest.to_owned() } else { url::encode_path(rest) }
}

/// The path of REST APIs and load balancers, which has no stage.
fn plain_path(event: &Map) -> String {
    let path = text(event, "path").unwrap_or_default();
    // Only HTTP APIs say a version here, and they decode the path.
    if event.contains_key("version") { url::encode_path(&path) } else { path.to_string() }
}

/// All headers: names in lower case, values of the same name joined.
fn headers(event: &Map) -> Map {
    let multi = event.get("multiValueHeaders").and_then(|multi| multi.as_map_ref().ok());
    let multi = multi.filter(|multi| !multi.is_empty());
    let single = event.get("headers").and_then(|single| single.as_map_ref().ok());
    if let (None, Some(single)) = (&multi, &single)
        && single.iter().all(|(name, value)| is_lower_case(name) && is_plain(value))
    {
        // As HTTP APIs and function URLs send them: a copy is made in a fraction of the time.
        return Map::clone(single);
    }
    let mut headers = Map::new();
    let mut add = |name: &str, value: &Dynamic| {
        let Ok(value) = value.as_immutable_string_ref() else { return };
        let name = name.to_ascii_lowercase();
        let joined = match text(&headers, &name) {
            None => value.clone(),
            Some(before) => {
                let comma = if name == "cookie" { "; " } else { ", " };
                format!("{before}{comma}{}", value.as_str()).into()
            }
        };
        put(&mut headers, &name, joined.into());
    };
    if let Some(multi) = multi {
        for (name, values) in multi.iter() {
            if let Ok(values) = values.as_array_ref() {
                values.iter().for_each(|value| add(name, value));
            }
        }
    } else if let Some(single) = single {
        single.iter().for_each(|(name, value)| add(name, value));
    }
    headers
}

/// Whether a value is a string of its own, not one that closures share.
fn is_plain(value: &Dynamic) -> bool {
    value.is_string() && !value.is_shared()
}

fn is_lower_case(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn query(event: &Map, source: Source, guard: &Guard) -> Fallible<Pairs> {
    if let Some(raw) = text(event, "rawQueryString") {
        return Pairs::parse(&raw, guard);
    }
    // Load balancers pass it on as it is in the URL.
    let decode = match source {
        Source::Alb | Source::AlbMulti => url::decode_form,
        _ => |text: &str| text.to_owned(),
    };
    let mut pairs = Pairs::default();
    let mut add = |name: &str, value: &Dynamic| {
        if let Ok(value) = value.as_immutable_string_ref() {
            pairs.push(&decode(name), decode(&value));
        }
    };
    let of = |name: &str| event.get(name).and_then(|values| values.as_map_ref().ok());
    if let Some(multi) = of("multiValueQueryStringParameters").filter(|multi| !multi.is_empty()) {
        for (name, values) in multi.iter() {
            if let Ok(values) = values.as_array_ref() {
                values.iter().for_each(|value| add(name, value));
            }
        }
    } else if let Some(single) = of("queryStringParameters") {
        single.iter().for_each(|(name, value)| add(name, value));
    }
    Ok(pairs)
}

/// Cookies by name. Payload format 2.0 takes them out of the headers; here they are in both.
fn cookies_of(event: &Map, headers: &mut Map) -> Map {
    let mut found = Map::new();
    if !headers.contains_key("cookie")
        && let Some(list) = event.get("cookies").and_then(|list| list.as_array_ref().ok())
        && !list.is_empty()
    {
        let list: Vec<String> = list
            .iter()
            .filter_map(|cookie| Some(cookie.as_immutable_string_ref().ok()?.to_string()))
            .collect();
        put(headers, "cookie", list.join("; ").into());
    }
    if let Some(header) = text(headers, "cookie") {
        cookies::read_into(&mut found, &header);
    }
    found
}

/// What API Gateway itself took from the path. REST APIs leave it encoded.
fn path_params(event: &Map, source: Source) -> Map {
    let params = event.get("pathParameters").and_then(|params| params.as_map_ref().ok());
    let Some(params) = params else { return Map::new() };
    let is_encoded = source == Source::RestApi && !event.contains_key("version");
    params
        .iter()
        .map(|(name, value)| match value.as_immutable_string_ref() {
            Ok(value) if is_encoded => (name.clone(), url::decode(&value).into()),
            _ => (name.clone(), value.clone()),
        })
        .collect()
}

/// The body: text, or a blob if it is none.
fn body(event: &Map, content_type: Option<ImmutableString>, guard: &Guard) -> Fallible<Dynamic> {
    let Some(body) = text(event, "body") else { return Ok(ImmutableString::new().into()) };
    if !event.get("isBase64Encoded").is_some_and(|flag| flag.as_bool().unwrap_or(false)) {
        return Ok(body.into());
    }
    guard.reserve(body.len())?;
    let bytes = BASE64_STANDARD.decode(body.as_bytes()).map_err(|error| {
        let message = format!("the body is not the base64 that the event says it is: {error}");
        raise_with("WebError", message, [("status", 400.into())])
    })?;
    Ok(match content_type.is_none_or(|content_type| is_text(&content_type)) {
        true => text_or_blob(bytes),
        false => Dynamic::from_blob(bytes),
    })
}

fn is_text(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    TEXT_TYPES.iter().any(|text| kind.starts_with(text))
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// The bytes as a string if they are UTF-8, else as a blob.
pub(crate) fn text_or_blob(bytes: Vec<u8>) -> Dynamic {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => Dynamic::from_blob(error.into_bytes()),
    }
}

/// `request.header(name)`: the value, whatever the case of the name.
///
/// # Errors
/// `WebError` if the map is no request.
pub(crate) fn header(request: &Map, name: &str) -> Fallible<Dynamic> {
    let headers = request.get("headers").and_then(|headers| headers.as_map_ref().ok());
    let headers = headers.ok_or_else(|| refuse("the map has no `headers`; is it a request?"))?;
    Ok(headers
        .get(name.to_ascii_lowercase().as_str())
        .map_or(Dynamic::UNIT, Dynamic::flatten_clone))
}

/// `request.form()` and `request.form_all()`: the last value of each name, and all of them.
///
/// # Errors
/// `WebError` with status 415 for a body of another type, with 400 for one that is not text.
pub(crate) fn form(request: &Map, guard: &Guard) -> Fallible<(Map, Map)> {
    let problem = |status: i64, message: String| {
        Err(raise_with("WebError", message, [("status", status.into())]))
    };
    if let Ok(content_type) = header(request, "content-type")?.into_immutable_string() {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return problem(
                415,
                format!("the body is {kind:?}, expected \"application/x-www-form-urlencoded\""),
            );
        }
    }
    match text(request, "body") {
        Some(body) => Ok(Pairs::parse(&body, guard)?.into_maps()),
        None => problem(400, "the body is not text, expected a form".to_owned()),
    }
}
