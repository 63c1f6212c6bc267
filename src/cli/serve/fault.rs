//! Why a client did not get what it asked for, told to a developer: a page in a browser, a header for
//! everything else. What AWS would have answered stays beside it.

use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::console;

/// Says what went wrong to programs; AWS has no such header.
const HEADER: &str = "x-rhai-lambda-error";

/// What fits into that header.
const HEADER_LENGTH: usize = 300;

/// The page may have its colours and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What went wrong.
pub(super) enum Fault {
    /// The function's error, as it came.
    Error(Bytes),
    /// In words, with `hint:` lines.
    Told(String),
}

/// `response` of the front door, with the reason for a developer.
pub(super) fn explained(
    response: Response<Bytes>,
    fault: &Fault,
    asked: &HeaderMap,
    function: &str,
    id: &str,
    folder: &Path,
) -> Response<Body> {
    let (short, drawing) = match fault {
        Fault::Told(text) => (text.clone(), format!("error: {text}")),
        Fault::Error(body) => match console::read(body) {
            Some(error) => (
                format!("{}: {}", error.error_type(), error.message()),
                console::draw(&error, folder),
            ),
            None => {
                let text = String::from_utf8_lossy(body).into_owned();
                (text.clone(), text)
            }
        },
    };
    let mut response = if accepts_html(asked) {
        let page = page(&response, &drawing, function, id);
        let mut own = Response::new(Body::from(page));
        *own.status_mut() = response.status();
        let headers = own.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        own
    } else {
        response.map(Body::from)
    };
    if let Ok(value) = HeaderValue::from_str(&one_line(&short)) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// An answer of this server's own.
pub(super) fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

/// Browsers ask for HTML by name; programs take anything.
fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| value.as_bytes().starts_with(b"text/html"))
}

fn page(response: &Response<Bytes>, drawing: &str, function: &str, id: &str) -> String {
    let status = response.status();
    let body = String::from_utf8_lossy(response.body());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{function} failed</title>\n<link rel=\"stylesheet\" href=\"/_/fault.css\">\n</head>\n<body>\n<main>\n\
         <h1>{function} failed</h1>\n<pre>{drawing}</pre>\n\
         <p>This page comes from <code>rhai-lambda serve</code>, on this machine alone. On AWS the \
         client gets <code>{status}</code> and <code>{body}</code></p>\n\
         <p><a href=\"/_/#{id}\">Event, logs and replay</a></p>\n</main>\n</body>\n</html>\n",
        function = escaped(function),
        drawing = escaped(drawing.trim_end()),
        status = escaped(&status.to_string()),
        body = escaped(body.trim()),
        id = escaped(id),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// What of `text` a header can carry.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let kept = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    line.chars().take(HEADER_LENGTH).map(kept).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::{Bytes, to_bytes};
    use axum::http::{HeaderMap, HeaderValue, Response};

    use super::{Fault, explained};

    #[tokio::test]
    async fn what_a_script_says_is_never_markup() {
        let mut asked = HeaderMap::new();
        asked.insert("accept", HeaderValue::from_static("text/html,*/*;q=0.8"));
        let error =
            br#"{"errorType":"<b>","errorMessage":"<script>alert('1')</script>\r\nX: y\u00e4"}"#;
        let fault = Fault::Error(Bytes::from_static(error));
        let response = Response::new(Bytes::from_static(b"<html>"));
        let folder = std::path::Path::new("/");
        let explained = explained(response, &fault, &asked, "f", "\"><i>", folder);
        let header = explained.headers()["x-rhai-lambda-error"].to_str().unwrap();
        assert_eq!(header, "<b>: <script>alert('1')</script>");
        let body = to_bytes(explained.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            !body.contains("<script") && !body.contains("<i>") && !body.contains("<b>"),
            "{body}"
        );
        assert!(body.contains("&lt;script&gt;alert(&#39;1&#39;)"), "{body}");
    }
}
