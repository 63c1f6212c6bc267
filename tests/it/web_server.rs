//! A web server on the loopback for `http::`: each path misbehaves in its own way.
//!
//! | path | answers |
//! |---|---|
//! | `/echo` | the request as JSON: method, path, query, headers, body |
//! | `/text/N`, `/bytes/N` | N letters; N bytes that are no text |
//! | `/status/N`, `/missing` | that status; 404 |
//! | `/chunked`, `/gzip`, `/headers` | a chunked, a packed body; headers that repeat |
//! | `/slow/MS`, `/drip/MS` | after that time; a byte now and then for that time |
//! | `/announce/N`, `/endless`, `/bomb` | a length without a body; no end; gzip that unpacks to 200 MB |
//! | `/close`, `/reset`, `/cut`, `/invalid` | nothing; a reset; half a body; what is not HTTP |
//! | `/once` | 200, and closes the connection when the next request comes over it |
//! | `/redirect/N`, `/circle`, `/to/STATUS?URL` | redirects: N of them to `/echo`, for ever, to there |
//! | `/flaky/STATUS/N/KEY` | that status N times for each key, then `/echo`; status 0 closes |

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct State {
    connections: usize,
    requests: Vec<Request>,
    closing: bool,
    /// How often each path of `/flaky` was asked for.
    asked: BTreeMap<String, usize>,
}

struct Shared {
    state: Mutex<State>,
    tls: Option<Arc<ServerConfig>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server; it takes no more connections when this value ends.
pub struct WebServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl WebServer {
    /// A server without TLS.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// A server with TLS.
    pub fn start_tls(config: Arc<ServerConfig>) -> Self {
        Self::start_with(Some(config))
    }

    fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { state: Mutex::default(), tls });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut state = accepting.state();
                if state.closing {
                    return;
                }
                state.connections += 1;
                drop(state);
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || welcome(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT`, or https for a server with TLS.
    pub fn origin(&self) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        // Wakes the accepting thread, which then ends and closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

fn welcome(stream: TcpStream, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    match &shared.tls {
        None => serve(stream, shared, resets),
        Some(config) => {
            let tls = ServerConnection::new(Arc::clone(config)).unwrap();
            serve(StreamOwned::new(tls, stream), shared, |_| false);
        }
    }
}

/// A socket that is closed with unread bytes resets its peer, so `/reset` is found without reading.
fn resets(stream: &TcpStream) -> bool {
    let mut start = [0; 16];
    let count = stream.peek(&mut start).unwrap_or(0);
    String::from_utf8_lossy(&start[..count]).contains(" /reset")
}

fn serve<S: Read + Write>(mut stream: S, shared: &Shared, resets: impl Fn(&S) -> bool) {
    loop {
        if resets(&stream) {
            return;
        }
        let Some(request) = read_request(&mut stream) else { return };
        shared.state().requests.push(request.clone());
        if answer(&mut stream, &request, shared).is_none() {
            return;
        }
        if request.path == "/once" {
            let _ = stream.read(&mut [0; 4096]);
            return;
        }
    }
}

fn read_request<S: Read + Write>(stream: &mut S) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        if !bytes[0].is_ascii_alphabetic() {
            // TLS, where none is spoken.
            write(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
            return None;
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|known| known.push_str(&format!(", {}", value.trim())))
            .or_insert_with(|| value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&chunk[..count]);
    }
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Request { method, path, query, headers, body })
}

/// Answers; `None` closes the connection.
fn answer(stream: &mut impl Write, request: &Request, shared: &Shared) -> Option<()> {
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    let number = |at: usize| parts.get(at).and_then(|part| part.parse::<usize>().ok()).unwrap_or(0);
    match parts[0] {
        "echo" => echo(stream, request),
        "text" => {
            send(stream, request, 200, "content-type: text/plain\r\n", &vec![b'x'; number(1)])
        }
        "bytes" => send(stream, request, 200, "", &vec![0xFF; number(1)]),
        "status" => send(stream, request, number(1), "", b"a status"),
        "headers" => {
            let headers = "Set-Cookie: a=1; Expires=Mon, 23 Nov 2026\r\nset-cookie: b=2\r\n\
                           X-Many: 1\r\nx-many: 2\r\nX-Word: caf\u{e9}\r\n";
            send(stream, request, 200, headers, b"")
        }
        "chunked" => {
            let body = b"6;note=x\r\nhello \r\n5\r\nworld\r\n0\r\ntrailer: x\r\n\r\n";
            write(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            write(stream, body)
        }
        "gzip" => {
            let headers = "content-encoding: gzip\r\ncontent-type: application/json\r\n";
            send(stream, request, 200, headers, &gzip(br#"{"packed":true}"#))
        }
        "bomb" => {
            // Members of a gzip file follow each other; each of these stands for a megabyte.
            let bomb = gzip(&vec![0; 1 << 20]).repeat(200);
            send(stream, request, 200, "content-encoding: gzip\r\n", &bomb)
        }
        "slow" => {
            std::thread::sleep(Duration::from_millis(number(1) as u64));
            send(stream, request, 200, "", b"slow")
        }
        "drip" => drip(stream, Duration::from_millis(number(1) as u64)),
        "announce" => {
            write(
                stream,
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", number(1)).as_bytes(),
            )?;
            std::thread::sleep(Duration::from_secs(2));
            None
        }
        "endless" => {
            write(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
            while write(stream, &chunk).is_some() {}
            None
        }
        "cut" => {
            write(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")?;
            None
        }
        "invalid" => {
            write(stream, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")?;
            None
        }
        "once" => send(stream, request, 200, "", b"once"),
        "redirect" => {
            let to = match number(1) {
                0 | 1 => "/echo".to_owned(),
                more => format!("/redirect/{}", more - 1),
            };
            send(stream, request, 302, &format!("location: {to}\r\n"), b"elsewhere")
        }
        "circle" => send(stream, request, 302, "location: circle\r\n", b""),
        "to" => {
            let header = format!("location: {}\r\n", request.query);
            send(stream, request, number(1), &header, b"")
        }
        "flaky" => {
            let asked = {
                let mut state = shared.state();
                let asked = state.asked.entry(request.path.clone()).or_insert(0);
                *asked += 1;
                *asked
            };
            match number(1) {
                _ if asked > number(2) => echo(stream, request),
                0 => None,
                status => send(stream, request, status, "", b"not now"),
            }
        }
        "close" => None,
        _ => send(stream, request, 404, "", b"missing"),
    }
}

fn echo(stream: &mut impl Write, request: &Request) -> Option<()> {
    let Request { method, path, query, headers, body, .. } = request;
    let body = String::from_utf8_lossy(body);
    let seen = json!({
        "method": method, "path": path, "query": query, "headers": headers, "body": body,
    });
    send(stream, request, 200, "Content-Type: application/json\r\n", seen.to_string().as_bytes())
}

fn send(
    stream: &mut impl Write,
    request: &Request,
    status: usize,
    headers: &str,
    body: &[u8],
) -> Option<()> {
    let length = match status {
        204 | 304 => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let mut bytes = format!("HTTP/1.1 {status} Answer\r\n{headers}{length}\r\n").into_bytes();
    if request.method != "HEAD" && !length.is_empty() {
        bytes.extend_from_slice(body);
    }
    write(stream, &bytes)
}

fn drip(stream: &mut impl Write, time: Duration) -> Option<()> {
    let end = Instant::now() + time;
    write(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    while Instant::now() < end {
        write(stream, b"1\r\nx\r\n")?;
        std::thread::sleep(Duration::from_millis(20));
    }
    write(stream, b"0\r\n\r\n")
}

fn write(stream: &mut impl Write, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).and_then(|()| stream.flush()).ok()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
