//! Keeps other web sites out: a page that a developer happens to visit must not reach this server
//! through their browser.
//!
//! A browser says where a request comes from (`Origin`, `Sec-Fetch-Site`) and which name led here
//! (`Host`), and a page cannot forge either. A name that is not this machine's is DNS rebinding: a
//! site that points its own name at 127.0.0.1. Programs such as curl and the SDKs send no origin, and
//! are not stopped.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Whom the server listens to.
pub(super) struct Guard {
    /// Names beside this machine's own; `*.name` is a name and all below it.
    allowed: Vec<String>,
}

/// What is asked for, by how much a stranger could do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// The page's data: logs, events, results. For the page alone.
    Data,
    /// Functions, by HTTP or by the Invoke API: also for web sites on this machine.
    Functions,
}

impl Guard {
    pub(super) fn new(allowed: Vec<String>) -> Self {
        Self { allowed }
    }

    /// Whether a request with these headers may pass.
    ///
    /// # Errors
    /// Why not, in words for the developer.
    pub(super) fn check(&self, headers: &HeaderMap, zone: Zone) -> Result<(), String> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST.as_str());
        if let Some(host) = host
            && !self.is_host(name_of(host))
        {
            return Err(format!(
                "`{host}` is not a name of this machine\nhint: `--allow-host {}` allows it",
                name_of(host)
            ));
        }
        match text(header::ORIGIN.as_str()) {
            Some(origin) => self.check_origin(origin, host.unwrap_or_default(), zone),
            None => check_fetch(text("sec-fetch-site"), text("sec-fetch-mode"), headers, zone),
        }
    }

    fn check_origin(&self, origin: &str, host: &str, zone: Zone) -> Result<(), String> {
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
        if authority.eq_ignore_ascii_case(host) && !host.is_empty() {
            return Ok(());
        }
        let name = name_of(authority);
        match zone {
            Zone::Data => Err(format!("these are for the page at `/_/`, not for `{origin}`")),
            Zone::Functions if is_this_machine(name) || self.is_allowed(name) => Ok(()),
            Zone::Functions => Err(format!(
                "web pages of `{origin}` may not reach this server\nhint: `--allow-host {}` allows it",
                if name.is_empty() { "NAME" } else { name }
            )),
        }
    }

    /// An address needs no name server, so it cannot be bent to lead here.
    fn is_host(&self, name: &str) -> bool {
        is_this_machine(name) || address(name).is_some() || self.is_allowed(name)
    }

    fn is_allowed(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.allowed.iter().any(|allowed| {
            let allowed = allowed.to_ascii_lowercase();
            match allowed.strip_prefix("*.") {
                Some(parent) => name == parent || name.ends_with(&format!(".{parent}")),
                None => name == allowed,
            }
        })
    }
}

/// What browsers say where they send no origin: pictures, scripts and links.
fn check_fetch(
    site: Option<&str>,
    mode: Option<&str>,
    headers: &HeaderMap,
    zone: Zone,
) -> Result<(), String> {
    let own = matches!(site, None | Some("same-origin" | "none"));
    // Links of other sites may lead to a function, as the way back from a login does.
    let top = headers.get("sec-fetch-dest").is_some_and(|dest| dest == "document");
    let link = mode == Some("navigate") && top;
    match zone {
        _ if own => Ok(()),
        Zone::Functions if link || site == Some("same-site") => Ok(()),
        _ => Err("web pages of other sites may not reach this server".to_owned()),
    }
}

/// The name in `name:port`, without the brackets of IPv6.
fn name_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

fn address(name: &str) -> Option<IpAddr> {
    name.parse().ok()
}

/// Names that browsers resolve to this machine without asking anybody (RFC 6761), and its addresses.
fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || address(&name).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Guard, Zone};

    fn passes(guard: &Guard, zone: Zone, headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        guard.check(&headers, zone).is_ok()
    }

    #[test]
    fn programs_pass_under_any_name_of_this_machine() {
        let guard = Guard::new(Vec::new());
        for host in
            ["127.0.0.1:9000", "localhost:9000", "orders.localhost:9000", "[::1]:9000", "10.0.0.7"]
        {
            for zone in [Zone::Data, Zone::Functions] {
                assert!(passes(&guard, zone, &[("host", host)]), "{host} {zone:?}");
            }
        }
    }

    #[test]
    fn another_name_is_rebinding() {
        let guard = Guard::new(vec!["box".to_owned(), "*.tunnel.example".to_owned()]);
        for host in ["evil.example:9000", "localhost.evil.example", "127.0.0.1.evil.example"] {
            for zone in [Zone::Data, Zone::Functions] {
                assert!(!passes(&guard, zone, &[("host", host)]), "{host} {zone:?}");
            }
        }
        for host in ["box:9000", "a.tunnel.example", "tunnel.example", "BOX"] {
            assert!(passes(&guard, Zone::Functions, &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn only_the_page_has_its_data() {
        let guard = Guard::new(Vec::new());
        let host = ("host", "localhost:9000");
        let data = |header| passes(&guard, Zone::Data, &[host, header]);
        assert!(data(("origin", "http://localhost:9000")));
        assert!(data(("sec-fetch-site", "same-origin")));
        assert!(data(("sec-fetch-site", "none")));
        for origin in
            ["https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1:9000"]
        {
            assert!(!data(("origin", origin)), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(!data(("sec-fetch-site", site)), "{site}");
        }
    }

    #[test]
    fn functions_are_for_this_machines_sites_and_for_links() {
        let guard = Guard::new(vec!["app.example".to_owned()]);
        let host = ("host", "localhost:9000");
        let passes = |headers: &[_]| {
            super::tests::passes(&guard, Zone::Functions, &[&[host], headers].concat())
        };
        for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "https://app.example"] {
            assert!(passes(&[("origin", origin)]), "{origin}");
        }
        for origin in
            ["https://evil.example", "null", "http://10.0.0.7", "http://localhost.evil.example"]
        {
            assert!(!passes(&[("origin", origin)]), "{origin}");
        }
        let cross = ("sec-fetch-site", "cross-site");
        assert!(!passes(&[cross, ("sec-fetch-mode", "no-cors")]));
        let link = [cross, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert!(passes(&link));
        let frame = [cross, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert!(!passes(&frame));
    }
}
