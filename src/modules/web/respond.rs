//! Responses, in the form that the service of the event wants.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rhai::{Array, Dynamic, EvalAltResult, Map};

use super::options::{expected, header_value, is_token, one_line, refuse_unknown};
use super::source::Source;
use super::{cookies, refuse};
use crate::engine::Guard;
use crate::modules::put;
use crate::payload::{self, Style};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// A response before it has the form of a service.
#[derive(Debug)]
pub(crate) struct Response {
    status: i64,
    /// By name in lower case a list of values.
    headers: Map,
    cookies: Array,
    body: String,
    is_base64: bool,
}

impl Response {
    /// A response whose body is text.
    ///
    /// # Errors
    /// `WebError` for a status that is none.
    pub(crate) fn text(status: i64, content_type: &str, body: String) -> Fallible<Self> {
        if !(200..=599).contains(&status) {
            return Err(refuse(format!("{status} is no status, expected 200 to 599")));
        }
        let mut response = Self {
            status,
            headers: Map::new(),
            cookies: Array::new(),
            body: String::new(),
            is_base64: false,
        };
        // These have no body by definition.
        if !matches!(status, 204 | 304) {
            response.set("content-type", content_type);
            response.body = body;
        }
        Ok(response)
    }

    /// A response whose body is `value` as JSON.
    ///
    /// # Errors
    /// `WebError` for what JSON cannot express.
    pub(crate) fn json(status: i64, value: &Dynamic, max_depth: usize) -> Fallible<Self> {
        let mut out = Vec::new();
        payload::write(&mut out, value, max_depth, Style::Compact)
            .map_err(|error| refuse(error.describe("value")))?;
        let body = String::from_utf8(out).expect("JSON of UTF-8 strings is UTF-8");
        Self::text(status, "application/json", body)
    }

    /// A response whose body is bytes.
    ///
    /// # Errors
    /// `DataTooLarge` when its text does not fit into the memory of a script.
    pub(crate) fn binary(
        status: i64,
        bytes: &[u8],
        content_type: &str,
        guard: &Guard,
    ) -> Fallible<Self> {
        guard.reserve(bytes.len() / 3 * 4)?;
        let content_type = one_line("content_type", content_type)?;
        let mut response = Self::text(status, content_type, BASE64_STANDARD.encode(bytes))?;
        response.is_base64 = !response.body.is_empty();
        Ok(response)
    }

    /// A response without a body that leads to `url`.
    ///
    /// # Errors
    /// `WebError` for a status that is no redirect, or what no URL can be.
    pub(crate) fn redirect(status: i64, url: &str) -> Fallible<Self> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            let message = format!("{status} is no redirect, expected 301, 302, 303, 307 or 308");
            return Err(refuse(message));
        }
        let url = one_line("url", url)?;
        if url.is_empty() {
            return Err(refuse("`url` is empty"));
        }
        let mut response = Self::text(status, "text/plain; charset=utf-8", String::new())?;
        response.headers.clear();
        response.set("location", url);
        Ok(response)
    }

    /// Sets a header to one value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        put(&mut self.headers, name, Dynamic::from_array(vec![value.to_owned().into()]));
    }

    /// Adds the headers and cookies that a script asks for.
    ///
    /// # Errors
    /// `WebError` for unknown options and for what no header can hold.
    pub(crate) fn with(mut self, options: &Map) -> Fallible<Self> {
        refuse_unknown(options, &["headers", "cookies"], "a response")?;
        if let Some(headers) = options.get("headers").filter(|headers| !headers.is_unit()) {
            let Ok(headers) = headers.as_map_ref() else {
                return Err(expected("headers", "a map", headers));
            };
            for (name, value) in headers.iter() {
                self.add_header(name, value)?;
            }
        }
        if let Some(cookies) = options.get("cookies").filter(|cookies| !cookies.is_unit()) {
            let Ok(cookies) = cookies.as_array_ref() else {
                return Err(expected("cookies", "a list of maps `#{ name, value, … }`", cookies));
            };
            for cookie in cookies.iter() {
                self.cookies.push(cookies::write(cookie)?.into());
            }
        }
        Ok(self)
    }

    fn add_header(&mut self, name: &str, value: &Dynamic) -> Fallible<()> {
        if !is_token(name) {
            return Err(refuse(format!("{name:?} cannot be the name of a header")));
        }
        let mut values = Array::new();
        match value.as_array_ref() {
            Ok(list) => {
                for value in list.iter() {
                    values.push(header_value(name, value)?.into());
                }
            }
            Err(_) if value.is_unit() => return Ok(()),
            Err(_) => values.push(header_value(name, value)?.into()),
        }
        match name.to_ascii_lowercase().as_str() {
            "set-cookie" => self.cookies.extend(values),
            name => put(&mut self.headers, name, Dynamic::from_array(values)),
        }
        Ok(())
    }

    /// The response in the form that `source` wants.
    ///
    /// # Errors
    /// `WebError` when that form has no place for it.
    pub(crate) fn into_map(self, source: Source) -> Fallible<Map> {
        let mut map = Map::new();
        put(&mut map, "statusCode", self.status.into());
        put(&mut map, "body", self.body.into());
        put(&mut map, "isBase64Encoded", self.is_base64.into());
        let (mut headers, mut cookies) = (self.headers, self.cookies);
        if matches!(source, Source::Alb | Source::AlbMulti) {
            put(&mut map, "statusDescription", description(self.status).into());
        }
        if source == Source::Alb && cookies.len() > 1 {
            return Err(refuse(
                "this load balancer passes on one cookie only: turn on multi-value headers at its \
                 target group (`lambda.multi_value_headers.enabled`)",
            ));
        }
        if matches!(source, Source::HttpApi | Source::FunctionUrl) {
            put(&mut map, "cookies", Dynamic::from_array(std::mem::take(&mut cookies)));
        }
        if !cookies.is_empty() {
            put(&mut headers, "set-cookie", Dynamic::from_array(cookies));
        }
        let mut multi = Map::new();
        match source {
            Source::AlbMulti => multi = std::mem::take(&mut headers),
            // Both kinds side by side: a list only where it has to be one.
            Source::RestApi | Source::WebSocket => {
                headers.retain(|name, values| {
                    let is_single = name != "set-cookie"
                        && values.as_array_ref().is_ok_and(|values| values.len() == 1);
                    if !is_single {
                        put(&mut multi, name, values.take());
                    }
                    is_single
                });
            }
            Source::HttpApi | Source::FunctionUrl | Source::Alb => {}
        }
        if source != Source::AlbMulti {
            headers.values_mut().for_each(join);
            put(&mut map, "headers", Dynamic::from_map(headers));
        }
        if !multi.is_empty() || source == Source::AlbMulti {
            put(&mut map, "multiValueHeaders", Dynamic::from_map(multi));
        }
        Ok(map)
    }
}

/// Makes one value of a list of them.
fn join(values: &mut Dynamic) {
    let list = values.take().into_array().unwrap_or_default();
    let list: Vec<String> = list.into_iter().map(|value| value.to_string()).collect();
    *values = list.join(", ").into();
}

/// `200 OK`, as load balancers want it.
fn description(status: i64) -> String {
    let reason = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // What a client makes of a status that it does not know.
        _ => match status / 100 {
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            _ => "Server Error",
        },
    };
    format!("{status} {reason}")
}

/// Sets a header of a response that already has the form of a service, unless the script did.
pub(crate) fn add_header(response: &mut Map, source: Source, name: &str, value: &str) {
    for place in ["headers", "multiValueHeaders"] {
        let headers = response.get(place).and_then(|headers| headers.as_map_ref().ok());
        if headers.is_some_and(|headers| headers.keys().any(|key| key.eq_ignore_ascii_case(name))) {
            return;
        }
    }
    // Load balancers read one of the two: the one that the response has.
    let is_multi = source == Source::AlbMulti || response.contains_key("multiValueHeaders");
    let (place, value): (_, Dynamic) = match is_multi && !response.contains_key("headers") {
        true => ("multiValueHeaders", Dynamic::from_array(vec![value.to_owned().into()])),
        false => ("headers", value.to_owned().into()),
    };
    let headers = response.entry(place.into()).or_insert_with(|| Dynamic::from_map(Map::new()));
    if let Ok(mut headers) = headers.as_map_mut() {
        put(&mut headers, name, value);
    }
}
