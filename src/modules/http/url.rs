//! The addresses that `http::` calls: parsed, joined with a redirect's target, shown without secrets.
//!
//! Only what HTTP needs of the URL standard: http and https, no user and password, no names beyond
//! ASCII. No message holds any part of an address that could be a secret.

/// An absolute http or https address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    https: bool,
    /// The host in lower case, an IPv6 address with its brackets.
    host: String,
    port: u16,
    /// From its `/`, already encoded.
    path: String,
    /// Without its `?`, already encoded.
    query: Option<String>,
}

impl Url {
    /// Reads an absolute address.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err("the url has a control character".to_owned());
        }
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(
                "the url is not absolute, it starts with `https://` or `http://`".to_owned()
            );
        };
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("the url has a scheme other than http and https".to_owned()),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            let message =
                "the url holds a user or password: send them as the header `authorization`";
            return Err(message.to_owned());
        }
        let (host, port) = split_authority(authority)?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let (path, query) = split_tail(rest);
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        Ok(Self { https, host, port, path, query })
    }

    /// The address that `location` means in an answer from here.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub(crate) fn join(&self, location: &str) -> Result<Self, String> {
        let location = location.trim();
        let first = &location[..location.find(['/', '?', '#']).unwrap_or(location.len())];
        if first.contains(':') {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme()));
        }
        if location.chars().any(char::is_control) {
            return Err("the url has a control character".to_owned());
        }
        let (path, query) = split_tail(location);
        let (path, query) = if path.is_empty() {
            (self.path.clone(), query.or_else(|| self.query.clone()))
        } else if path.starts_with('/') {
            (without_dots(&path), query)
        } else {
            let folder = &self.path[..=self.path.rfind('/').unwrap_or(0)];
            (without_dots(&format!("{folder}{path}")), query)
        };
        Ok(Self { path, query, ..self.clone() })
    }

    /// Adds to the query what is already encoded.
    pub(crate) fn add_query(&mut self, pairs: &str) {
        match &mut self.query {
            _ if pairs.is_empty() => {}
            Some(query) if !query.is_empty() => {
                query.push('&');
                query.push_str(pairs);
            }
            query => *query = Some(pairs.to_owned()),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// The host without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// Whether both are served by the same host, port and protocol.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.https, &self.host, self.port) == (other.https, &other.host, other.port)
    }

    /// For errors: without the query, where keys and tokens travel.
    pub(crate) fn shown(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        let (scheme, host, path) = (self.scheme(), &self.host, &self.path);
        match self.port == default {
            true => format!("{scheme}://{host}{path}"),
            false => format!("{scheme}://{host}:{}{path}", self.port),
        }
    }

    /// The whole address.
    pub(crate) fn whole(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.shown()),
            None => self.shown(),
        }
    }
}

/// Host and port of `host:port`.
fn split_authority(authority: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || Err("the url has no host that could be reached".to_owned());
    let (host, port) = match authority.find(']') {
        Some(end) => {
            let (host, port) = authority.split_at(end + 1);
            let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            if address.and_then(|address| address.parse::<std::net::Ipv6Addr>().ok()).is_none() {
                return wrong();
            }
            if !port.is_empty() && !port.starts_with(':') {
                return wrong();
            }
            (host, port.strip_prefix(':').unwrap_or(""))
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            if !host.is_ascii() {
                return Err("the url has a host beyond ASCII: write it as punycode".to_owned());
            }
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if host.is_empty() || !host.chars().all(is_name) {
                return wrong();
            }
            (host, port)
        }
    };
    let port = match port {
        "" => None,
        digits => match digits.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err("the url has a port that is none".to_owned()),
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Path and query, encoded; the fragment is not sent.
fn split_tail(tail: &str) -> (String, Option<String>) {
    let tail = tail.split('#').next().unwrap_or("");
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    (keep_or_encode(&path.replace('\\', "/")), query.map(keep_or_encode))
}

/// Encodes what cannot stand in an address at all; what is encoded already stays.
fn keep_or_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !b"\"<>\\^`{|}".contains(&byte) => out.push(char::from(byte)),
            _ => push_encoded(&mut out, byte),
        }
    }
    out
}

/// Encodes a key or a value so that it is nothing else.
pub(super) fn encode(out: &mut String, text: &str, space: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            // The form's own alphabet has `*`, that of addresses `~`.
            b'~' if space != "+" => out.push('~'),
            b'*' if space == "+" => out.push('*'),
            b' ' => out.push_str(space),
            _ => push_encoded(out, byte),
        }
    }
}

fn push_encoded(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// The path with its `.` and `..` followed, never above the root.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Url, encode};

    fn whole(text: &str) -> String {
        Url::parse(text).unwrap().whole()
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(whole("HTTPS://API.example.com"), "https://api.example.com/");
        assert_eq!(whole("http://a:80/b?c=d#e"), "http://a/b?c=d");
        assert_eq!(whole("http://a:8080?x=ü y"), "http://a:8080/?x=%C3%BC%20y");
        assert_eq!(whole("http://[::1]:81/a%20b"), "http://[::1]:81/a%20b");
        assert_eq!(Url::parse("http://[::1]:81/").unwrap().host(), "::1");
        assert_eq!(Url::parse("https://a/b?key=secret").unwrap().shown(), "https://a/b");
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
        for text in [
            "",
            "/test",
            "api.example.com",
            "ftp://a/",
            "file:///etc/passwd",
            "http://",
            "http:///a",
            "http://user:secret@a/",
            "http://secret@a/",
            "http://a:99999/",
            "http://a:0/",
            "http://a:b/",
            "http://[::1/",
            "http://[secret]/",
            "http://[::1]secret/",
            "http://a b/",
            "http://a\r\nHost: secret/",
            "http://münchen.example/",
            "http://a%2fb/",
        ] {
            let error = Url::parse(text).unwrap_err();
            assert!(!error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn redirects_are_joined_as_rfc_3986_says() {
        let base = Url::parse("http://a/b/c/d;p?q").unwrap();
        for (location, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g?y#s", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h/i", "https://h/i"),
        ] {
            assert_eq!(base.join(location).unwrap().whole(), expected, "{location}");
        }
        assert!(base.join("mailto:someone").is_err());
        assert!(base.join("file:///etc/passwd").is_err());
        assert!(base.join("//user:secret@g/").is_err());
    }

    #[test]
    fn keys_and_values_are_encoded() {
        let both = |text| {
            let (mut query, mut form) = (String::new(), String::new());
            encode(&mut query, text, "%20");
            encode(&mut form, text, "+");
            (query, form)
        };
        assert_eq!(
            both("a b&c=é/~*"),
            ("a%20b%26c%3D%C3%A9%2F~%2A".into(), "a+b%26c%3D%C3%A9%2F%7E*".into())
        );
    }
}
