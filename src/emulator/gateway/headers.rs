//! Headers: which pass, what the services add, and how they write names.

use std::collections::{BTreeMap, HashSet};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use super::{Arrival, Kind};

/// Headers of one connection, which no gateway passes on in either direction (RFC 9110, 7.6.1).
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Names whose capitals are not those of their words.
const ODD_NAMES: [(&str, &str); 4] =
    [("dnt", "DNT"), ("etag", "ETag"), ("www-authenticate", "WWW-Authenticate"), ("te", "TE")];

/// Values by name, each name with all of its values in the order in which they came.
pub(super) type Values = BTreeMap<String, Vec<String>>;

/// Whether a header is about one connection alone.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// The first value of a header, as text.
pub(super) fn first(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(text)
}

/// The host that the request is for.
pub(super) fn host(request: &Parts) -> String {
    let of_uri = || request.uri.authority().map(|authority| authority.as_str().to_owned());
    first(&request.headers, "host").or_else(of_uri).unwrap_or_default()
}

/// The headers of a request as a service of `kind` shows them to a function.
pub(super) fn of_request(kind: Kind, request: &Parts, arrival: &Arrival) -> Values {
    // What `Connection` names is about this connection as well.
    let named: HashSet<String> = request
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| {
            text(value).split(',').map(|name| name.trim().to_lowercase()).collect::<Vec<_>>()
        })
        .collect();
    let mut values = Values::new();
    for (name, value) in &request.headers {
        let name = name.as_str();
        if !is_hop_by_hop(name) && !named.contains(name) && !is_kept_back(kind, name) {
            values.entry(name.to_owned()).or_default().push(text(value));
        }
    }
    add(&mut values, request, arrival);
    match kind {
        Kind::V1 => values.into_iter().map(|(name, value)| (capitals(&name), value)).collect(),
        _ => values,
    }
}

/// What functions do not get to see although it is no matter of the connection.
fn is_kept_back(kind: Kind, name: &str) -> bool {
    match kind {
        // In payload format 2.0 cookies have a field of their own.
        Kind::Url | Kind::V2 => name == "cookie",
        Kind::V1 => name == "content-length",
        Kind::Alb | Kind::AlbMulti => false,
    }
}

/// What each of the services says of the client.
fn add(values: &mut Values, request: &Parts, arrival: &Arrival) {
    let host = host(request);
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| is_number(port));
    let port = port.unwrap_or("80").to_owned();
    values.entry("host".to_owned()).or_insert_with(|| vec![host]);
    // The client's claims stay, the one that the service vouches for is the last.
    let mut forwarded = values.remove("x-forwarded-for").unwrap_or_default();
    forwarded.push(arrival.source.to_string());
    let root = arrival.trace_id.split(';').next().unwrap_or_default().to_owned();
    values.entry("x-amzn-trace-id".to_owned()).or_insert_with(|| vec![root]);
    let certain = [
        ("x-forwarded-for", forwarded.join(", ")),
        ("x-forwarded-port", port),
        ("x-forwarded-proto", "http".to_owned()),
    ];
    for (name, value) in certain {
        values.insert(name.to_owned(), vec![value]);
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name as HTTP/1.1 clients write it. REST APIs hand names on as the client wrote them; here they
/// have come through a server that does not keep that.
fn capitals(name: &str) -> String {
    if let Some((_, odd)) = ODD_NAMES.iter().find(|(lower, _)| *lower == name) {
        return (*odd).to_owned();
    }
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// A value as text: UTF-8, or with what is none replaced.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::capitals;

    #[test]
    fn names_are_written_as_clients_do() {
        assert_eq!(capitals("x-forwarded-for"), "X-Forwarded-For");
        assert_eq!(capitals("content-type"), "Content-Type");
        assert_eq!(capitals("etag"), "ETag");
        assert_eq!(capitals("a--b"), "A--B");
    }
}
