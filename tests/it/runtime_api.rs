//! A scripted Runtime API on a socket of its own: each request gets what the test says, down to
//! the byte, and every request is kept as it came.
//!
//! It blocks on `/next` as Lambda does while no event is queued, and answers every POST with 202
//! unless told otherwise. It shares nothing with the product: every path and header is written
//! out here once more.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::process::PATIENCE;

pub const NEXT: &str = "/2018-06-01/runtime/invocation/next";
pub const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which connection it came on, from 1; for the message of a test that fails.
    pub connection: usize,
    /// When it was complete.
    pub at: Instant,
    /// The request line and the headers, exactly.
    pub head: String,
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, whatever its case; it must not be there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().skip(1).filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        let value = values.next();
        assert_eq!(values.next(), None, "header `{name}` twice in {}", self.head);
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of {self:?}"))
    }

    pub fn is_next(&self) -> bool {
        self.path == NEXT
    }
}

/// What a request gets.
#[derive(Clone, Debug)]
pub struct Answer {
    head: String,
    body: Vec<u8>,
    delay: Duration,
    end: End,
    chunked: bool,
    /// How many bytes go out at once.
    piece: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The connection stays open.
    Keep,
    /// It is closed after the answer, without a word.
    Close,
    /// It is closed after this many bytes of the body.
    Cut(usize),
    /// Nothing is read and nothing is sent: the peer sees a reset.
    Reset,
    /// The head and the body are sent as they are.
    Raw,
    /// The same, and the connection stays open.
    RawKeep,
}

impl Answer {
    /// A status and an empty JSON body, as Lambda sends.
    pub fn status(code: u16) -> Self {
        let head = format!("HTTP/1.1 {code} Scripted\r\n");
        let body = if code == 204 { "" } else { "{\"status\":\"OK\"}\n" };
        let (delay, end) = (Duration::ZERO, End::Keep);
        Self { head, body: body.into(), delay, end, chunked: false, piece: usize::MAX }
    }

    /// An event with no header but its id.
    pub fn bare_event(id: &str, event: impl Into<Vec<u8>>) -> Self {
        let answer = Self::status(200).header("Lambda-Runtime-Aws-Request-Id", id);
        Self { body: event.into(), ..answer }
    }

    /// An event as Lambda sends it, with a minute to live.
    pub fn event(id: &str, event: impl Into<Vec<u8>>) -> Self {
        Self::event_within(id, event, Duration::from_secs(60))
    }

    /// An event that must be answered within `time`.
    pub fn event_within(id: &str, event: impl Into<Vec<u8>>, time: Duration) -> Self {
        Self::bare_event(id, event)
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Deadline-Ms", &epoch_ms_in(time).to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:us-east-1:123456789012:function:test",
            )
    }

    /// Bytes that need not be HTTP, then the end of the connection.
    pub fn raw(bytes: &[u8]) -> Self {
        Self { head: String::new(), body: bytes.to_vec(), end: End::Raw, ..Self::status(200) }
    }

    /// Bytes that are sent as they are; the connection stays open.
    pub fn exactly(bytes: impl Into<Vec<u8>>) -> Self {
        Self { head: String::new(), body: bytes.into(), end: End::RawKeep, ..Self::status(200) }
    }

    /// The connection is reset instead of an answer.
    pub fn reset() -> Self {
        Self { end: End::Reset, ..Self::status(200) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The connection is closed after the answer.
    pub fn then_close(self) -> Self {
        Self { end: End::Close, ..self }
    }

    /// The connection is closed in the middle of the body.
    pub fn cut_after(self, bytes: usize) -> Self {
        assert!(bytes < self.body.len());
        Self { end: End::Cut(bytes), ..self }
    }

    /// The body comes in chunks of unequal size instead of with a length.
    pub fn chunked(self) -> Self {
        Self { chunked: true, ..self }
    }

    /// Everything goes out in pieces of so many bytes, each by itself.
    pub fn in_pieces_of(self, piece: usize) -> Self {
        Self { piece, ..self }
    }

    /// Writes the answer; says whether the connection goes on.
    fn send(&self, stream: &mut TcpStream) -> bool {
        if matches!(self.end, End::Raw | End::RawKeep) {
            return self.write(stream, &self.body) && self.end == End::RawKeep;
        }
        let mut bytes = self.head.clone().into_bytes();
        if self.chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for (number, chunk) in self.body.chunks(7).enumerate() {
                let extension = if number == 0 { ";note=first" } else { "" };
                bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            if !self.head.starts_with("HTTP/1.1 204") {
                bytes.extend_from_slice(
                    format!("Content-Length: {}\r\n", self.body.len()).as_bytes(),
                );
            }
            bytes.extend_from_slice(b"\r\n");
            let count = if let End::Cut(count) = self.end { count } else { self.body.len() };
            bytes.extend_from_slice(&self.body[..count]);
        }
        self.write(stream, &bytes) && self.end == End::Keep
    }

    fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> bool {
        bytes.chunks(self.piece.min(bytes.len()).max(1)).all(|piece| {
            if piece.len() < bytes.len() {
                // Time for the other side to see the piece alone.
                std::thread::sleep(Duration::from_micros(200));
            }
            stream.write_all(piece).is_ok()
        })
    }
}

/// Milliseconds since 1970, `time` from now.
pub fn epoch_ms_in(time: Duration) -> u128 {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time).as_millis()
}

#[derive(Default)]
struct State {
    /// Answers to `/next`, in order; it blocks while there is none.
    next: VecDeque<Answer>,
    /// What `/next` gets when the queue is empty, instead of blocking.
    idle: Option<Answer>,
    /// The first whose text is the end of the path is used, once.
    posts: VecDeque<(String, Answer)>,
    requests: Vec<Request>,
    streams: Vec<TcpStream>,
    connections: usize,
    /// How often all connections were dropped: who waited on one before that waits in vain.
    drops: usize,
    closing: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The server; it ends with this value.
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    /// Listens on a free port of the loopback.
    pub fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Listens there.
    pub fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut state = accepting.state();
                if state.closing {
                    return;
                }
                state.connections += 1;
                let connection = state.connections;
                stream.set_nodelay(true).unwrap();
                state.streams.push(stream.try_clone().unwrap());
                drop(state);
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(stream, connection, &shared));
            }
        });
        Self { address, shared }
    }

    /// What goes into `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Queues an answer to `/next`.
    pub fn next(&self, answer: Answer) {
        self.shared.state().next.push_back(answer);
        self.shared.changed.notify_all();
    }

    /// Says what `/next` gets while nothing is queued, at once instead of blocking.
    pub fn when_idle(&self, answer: Option<Answer>) {
        self.shared.state().idle = answer;
        self.shared.changed.notify_all();
    }

    /// Says what the next POST whose path ends in `path` gets.
    pub fn post(&self, path: &str, answer: Answer) {
        self.shared.state().posts.push_back((path.to_owned(), answer));
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Every request so far but those for the next event.
    pub fn posts(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| !request.is_next()).collect()
    }

    /// Closes every open connection, in whatever state it is.
    pub fn drop_connections(&self) {
        let mut state = self.shared.state();
        state.drops += 1;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }

    /// Waits a moment for the first request that `wanted` accepts; `None` when none came.
    pub fn wait_for(&self, time: Duration, wanted: impl Fn(&Request) -> bool) -> Option<Request> {
        let end = Instant::now() + time;
        let mut state = self.shared.state();
        loop {
            // The latest ones are asked for mostly, and there may be thousands.
            if let Some(request) = state.requests.iter().rev().find(|request| wanted(request)) {
                return Some(request.clone());
            }
            let left = end.checked_duration_since(Instant::now())?;
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_all();
        self.drop_connections();
        // Wakes the accepting thread, which then ends and closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

/// Serves one connection until either side ends it.
fn serve(mut stream: TcpStream, connection: usize, shared: &Shared) {
    stream.set_read_timeout(Some(PATIENCE * 4)).unwrap();
    while let Some((method, path)) = peek_request_line(&stream) {
        let is_next = method == "GET" && path == NEXT;
        // A reset happens when a socket is closed with unread bytes, so it is decided first.
        if is_next && matches!(shared.state().next.front(), Some(Answer { end: End::Reset, .. })) {
            let mut state = shared.state();
            state.next.pop_front();
            state.streams.clear();
            return;
        }
        if !is_next && let Some(answer) = take_post(shared, &path) {
            if answer.end == End::Reset {
                shared.state().streams.clear();
                return;
            }
            if read_request(&mut stream, connection, shared).is_none() {
                return;
            }
            std::thread::sleep(answer.delay);
            if !answer.send(&mut stream) {
                return close(&stream);
            }
            continue;
        }
        if read_request(&mut stream, connection, shared).is_none() {
            return;
        }
        let answer = if is_next { wait_for_next(shared) } else { Some(accept(&path, shared)) };
        let Some(answer) = answer else { return close(&stream) };
        std::thread::sleep(answer.delay);
        if !answer.send(&mut stream) {
            return close(&stream);
        }
    }
}

/// The test holds a second handle of the socket, so dropping this one does not close it.
fn close(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

fn take_post(shared: &Shared, path: &str) -> Option<Answer> {
    let mut state = shared.state();
    let index = state.posts.iter().position(|(end, _)| path.ends_with(end))?;
    state.posts.remove(index).map(|(_, answer)| answer)
}

/// Blocks until there is an answer to `/next`; `None` when the connection or the test ends.
fn wait_for_next(shared: &Shared) -> Option<Answer> {
    let mut state = shared.state();
    let drops = state.drops;
    loop {
        if state.closing || state.drops > drops {
            return None;
        }
        if let Some(answer) = state.next.pop_front() {
            return Some(answer);
        }
        if let Some(answer) = &state.idle {
            return Some(answer.clone());
        }
        state = shared.changed.wait(state).unwrap();
    }
}

/// What a POST gets that the test says nothing about: Lambda takes 6 MiB and 100 bytes.
fn accept(path: &str, shared: &Shared) -> Answer {
    let state = shared.state();
    let sent = state.requests.iter().rev().find(|request| request.path == path);
    let too_large = sent.is_some_and(|request| request.body.len() > (6 << 20) + 100);
    Answer::status(if too_large && path.ends_with("/response") { 413 } else { 202 })
}

/// The method and the path of the next request, left unread.
fn peek_request_line(stream: &TcpStream) -> Option<(String, String)> {
    let mut bytes = [0; 1024];
    loop {
        let count = stream.peek(&mut bytes).ok()?;
        if count == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes[..count]);
        if let Some((line, _)) = text.split_once("\r\n") {
            let mut words = line.split(' ');
            return Some((words.next()?.to_owned(), words.next()?.to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads one whole request and keeps it.
fn read_request(stream: &mut TcpStream, connection: usize, shared: &Shared) -> Option<()> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).expect("the head is UTF-8");
    let mut words = head.split(' ');
    let mut request = Request {
        connection,
        at: Instant::now(),
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().to_owned(),
        body: Vec::new(),
        head: head.clone(),
    };
    let length: usize = request.header("Content-Length").map_or(0, |value| value.parse().unwrap());
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&chunk[..count]);
    }
    assert_eq!(body.len(), length, "bytes after the body of {head}");
    request.body = body;
    request.at = Instant::now();
    shared.state().requests.push(request);
    shared.changed.notify_all();
    Some(())
}
