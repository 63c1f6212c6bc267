//! What scripts may reach over the network, and whose certificates they trust.

use std::path::PathBuf;

/// The settings of `http::`.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// `RHAI_LAMBDA_NET_ALLOW`: the hosts that scripts may reach; `None` means every host.
    pub allow: Option<Vec<HostPattern>>,
    /// `RHAI_LAMBDA_CA_FILE`: certificate authorities (PEM) to trust beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// `SSL_CERT_FILE`: certificate authorities (PEM) to trust instead of the usual ones.
    pub roots_file: Option<PathBuf>,
    /// `RHAI_LAMBDA_WARMUP`: URLs whose hosts are connected to before the first event.
    pub warmup: Vec<String>,
    /// The Runtime API's address, which no script may reach.
    pub runtime_api: Option<String>,
}

impl Network {
    /// Whether scripts may reach `host`, a name or an address without brackets, at `port`.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        match &self.allow {
            None => true,
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches(host, port)),
        }
    }
}

/// A host that scripts may reach: `api.example.com`, `*.amazonaws.com`, `127.0.0.1:8080`.
///
/// ```
/// use rhai_lambda::config::HostPattern;
///
/// let pattern = HostPattern::parse("*.example.com").unwrap();
/// assert!(pattern.matches("api.example.com", 443));
/// assert!(!pattern.matches("example.com", 443) && !pattern.matches("badexample.com", 443));
/// let pattern = HostPattern::parse("[::1]:8080").unwrap();
/// assert!(pattern.matches("::1", 8080) && !pattern.matches("::1", 80));
/// assert!(HostPattern::parse("https://example.com").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// The host in lower case; what follows the `*`, with its dot, if it stands for subdomains.
    host: String,
    subdomains: bool,
    /// `None` means every port.
    port: Option<u16>,
}

impl HostPattern {
    /// Reads a pattern; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, port.strip_prefix(':').or(if port.is_empty() { Some("") } else { None })?)
            }
            None => text.split_once(':').unwrap_or((&text, "")),
        };
        let port = match port {
            "" => None,
            digits => Some(digits.parse().ok()?),
        };
        let (host, subdomains) = match host.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (host.trim_end_matches('.'), false),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let whole = host.chars().all(is_name)
            && if subdomains { host.is_empty() || host.starts_with('.') } else { !host.is_empty() };
        whole.then(|| Self { host: host.to_owned(), subdomains, port })
    }

    /// Whether the pattern stands for `host` at `port`.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let same_host = match self.subdomains {
            true => host.len() > self.host.len() && host.ends_with(&self.host),
            false => host == self.host,
        };
        same_host && self.port.is_none_or(|wanted| wanted == port)
    }
}
