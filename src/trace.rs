//! The trace of the invocation that is running: what calls pass on, and the spans sent to X-Ray.
//!
//! Each engine has its own, so that workers beside each other do not mix theirs.

use std::cell::{OnceCell, RefCell};
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::secrets::Secrets;

/// The header in which X-Ray's trace goes from service to service.
const XRAY_HEADER: &str = "x-amzn-trace-id";

/// The headers of the W3C recommendation "Trace Context".
const W3C_HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// What precedes a document on its way to the daemon.
const PREAMBLE: &str = "{\"format\":\"json\",\"version\":1}\n";

/// The largest datagram that the daemon takes is 64 kB.
const MAX_DATAGRAM: usize = 63 << 10;

/// X-Ray cuts longer names.
const MAX_NAME: usize = 200;

/// The trace of one engine.
pub(crate) struct Trace {
    daemon: Option<String>,
    socket: OnceCell<Option<UdpSocket>>,
    secrets: Secrets,
    current: RefCell<Current>,
}

#[derive(Default)]
struct Current {
    /// As Lambda sent it.
    header: Option<String>,
    /// Where a client may have put the headers of the W3C.
    client_context: Option<String>,
    /// The spans that are open, the innermost last.
    open: Vec<String>,
}

/// What came of a span.
pub(crate) struct Failure {
    pub(crate) error_type: String,
    pub(crate) message: String,
}

/// What a script says of a span.
#[derive(Default)]
pub(crate) struct Notes {
    /// Searchable: strings, numbers and booleans.
    pub(crate) annotations: Map<String, Value>,
    /// Anything else.
    pub(crate) metadata: Map<String, Value>,
}

/// A span that has begun; [`Trace::close`] ends it.
pub(crate) struct Span {
    id: String,
    parent: Option<String>,
    root: String,
    name: String,
    start: f64,
}

impl Trace {
    /// `daemon` is the value of `AWS_XRAY_DAEMON_ADDRESS`; without it spans are not sent.
    pub(crate) fn new(daemon: Option<String>, secrets: Secrets) -> Self {
        Self { daemon, socket: OnceCell::new(), secrets, current: RefCell::default() }
    }

    /// Goes on to another invocation.
    pub(crate) fn begin(&self, context: &Context) {
        self.current.replace(Current {
            header: context.trace_id.clone(),
            client_context: context.client_context.clone(),
            open: Vec::new(),
        });
    }

    /// The headers that a call to another service carries.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let current = self.current.borrow();
        let mut headers = Vec::new();
        if let Some(header) = &current.header {
            // What the service does is a part of the innermost span.
            let header = match current.open.last() {
                Some(span) => with_parent(header, span),
                None => header.clone(),
            };
            headers.push((XRAY_HEADER, header));
        }
        if let Some(context) = &current.client_context {
            headers.extend(w3c(context));
        }
        headers
    }

    /// Begins a span, if somebody wants to know of it: the trace is sampled and there is a daemon.
    pub(crate) fn open(&self, name: &str) -> Option<Span> {
        self.daemon.as_ref()?;
        let mut current = self.current.borrow_mut();
        let header = current.header.as_deref()?;
        if field(header, "Sampled") != Some("1") {
            return None;
        }
        let root = field(header, "Root")?.to_owned();
        let parent = current.open.last().cloned();
        let parent = parent.or_else(|| field(header, "Parent").map(str::to_owned));
        let id = span_id()?;
        current.open.push(id.clone());
        Some(Span { id, parent, root, name: clean(name), start: now() })
    }

    /// Ends a span and sends it. What cannot be sent is lost: a trace is never worth an invocation.
    pub(crate) fn close(&self, span: Span, notes: Notes, failure: Option<Failure>) {
        self.current.borrow_mut().open.retain(|open| *open != span.id);
        let Some(socket) = self.socket() else { return };
        let mut document = json!({
            "trace_id": span.root,
            "id": span.id,
            "type": "subsegment",
            "name": span.name,
            "start_time": span.start,
            "end_time": now().max(span.start),
        });
        if let Some(parent) = span.parent {
            document["parent_id"] = parent.into();
        }
        if !notes.annotations.is_empty() {
            document["annotations"] = notes.annotations.into();
        }
        if let Some(failure) = failure {
            let exception = json!({
                "id": span.id,
                "type": failure.error_type,
                "message": failure.message,
            });
            document["fault"] = true.into();
            document["cause"] = json!({ "exceptions": [exception] });
        }
        let small = document.clone();
        if !notes.metadata.is_empty() {
            document["metadata"] = notes.metadata.into();
        }
        // Without what is free to be large, rather than not at all.
        for document in [document, small] {
            let datagram = format!("{PREAMBLE}{}", self.secrets.mask(document.to_string()));
            if datagram.len() <= MAX_DATAGRAM {
                let _ = socket.send(datagram.as_bytes());
                return;
            }
        }
    }

    fn socket(&self) -> Option<&UdpSocket> {
        let connect = || {
            let address = udp_address(self.daemon.as_deref()?);
            let to = address.to_socket_addrs().ok()?.next()?;
            let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(from).ok()?;
            socket.connect(to).ok()?;
            // A daemon that does not keep up must not hold the function.
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        };
        self.socket.get_or_init(connect).as_ref()
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}

/// `host:port`, or `tcp:host:port udp:host:port`, as the daemon's documentation has it.
fn udp_address(setting: &str) -> &str {
    setting.split_whitespace().find_map(|part| part.strip_prefix("udp:")).unwrap_or(setting)
}

/// A field of `Root=…;Parent=…;Sampled=1`.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

fn with_parent(header: &str, parent: &str) -> String {
    let is_parent = |part: &&str| part.trim().starts_with("Parent=");
    let mut parts: Vec<String> =
        header.split(';').filter(|part| !is_parent(part)).map(str::to_owned).collect();
    parts.insert(1.min(parts.len()), format!("Parent={parent}"));
    parts.join(";")
}

/// The W3C's headers out of a client context: its custom part, or beside that.
fn w3c(client_context: &str) -> Vec<(&'static str, String)> {
    let Ok(context) = serde_json::from_str::<Value>(client_context) else { return Vec::new() };
    let places = [&context["custom"], &context["Custom"], &context];
    let text = |name: &str| places.iter().find_map(|place| place[name].as_str());
    if text("traceparent").is_none() {
        return Vec::new();
    }
    W3C_HEADERS.iter().filter_map(|&name| Some((name, text(name)?.to_owned()))).collect()
}

fn span_id() -> Option<String> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The name with what X-Ray does not take left out.
fn clean(name: &str) -> String {
    let taken = |c: &char| c.is_alphanumeric() || *c == ' ' || "_.:/%&#=+\\-@".contains(*c);
    name.chars().filter(taken).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::{clean, field, udp_address, w3c, with_parent};

    const HEADER: &str =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn the_parent_is_the_innermost_span() {
        assert_eq!(field(HEADER, "Parent"), Some("53995c3f42cd8ad8"));
        assert_eq!(field(HEADER, "Lineage"), None);
        let expected = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1;Sampled=1";
        assert_eq!(with_parent(HEADER, "1"), expected);
        assert_eq!(with_parent("Root=1-2-3", "1"), "Root=1-2-3;Parent=1");
    }

    #[test]
    fn the_w3cs_headers_come_from_the_client_context() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let custom =
            format!("{{\"custom\":{{\"traceparent\":\"{parent}\",\"tracestate\":\"a=1\"}}}}");
        let expected = vec![("traceparent", parent.to_owned()), ("tracestate", "a=1".to_owned())];
        assert_eq!(w3c(&custom), expected);
        for without in ["{}", "no JSON", "[]", "{\"custom\":{\"tracestate\":\"a=1\"}}"] {
            assert_eq!(w3c(without), [], "{without}");
        }
    }

    #[test]
    fn the_daemon_is_found_in_either_form() {
        assert_eq!(udp_address("169.254.79.129:2000"), "169.254.79.129:2000");
        assert_eq!(udp_address("tcp:10.0.0.1:2000 udp:10.0.0.2:2001"), "10.0.0.2:2001");
    }

    #[test]
    fn names_are_those_that_x_ray_takes() {
        assert_eq!(clean("price <b>list</b> 1/2"), "price blist/b 1/2");
        assert_eq!(clean(&"x".repeat(300)).len(), 200);
    }
}
