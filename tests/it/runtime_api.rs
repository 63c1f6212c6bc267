//! A scripted Runtime API on a socket of its own: each request gets what the test says, down to
//! the byte, and every request is kept as it came.
//!
//! It blocks on `/next` as Lambda does while no event is queued, and answers every POST with 202
//! unless told otherwise. It shares nothing with the product: every path and header is written
//! out here once more.

mod answer;

use std::collections::VecDeque;
use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::process::PATIENCE;

pub use answer::Answer;
use answer::End;

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
    /// Of a body that came in chunks: their sizes, and what came behind the last one.
    pub chunks: Vec<usize>,
    pub trailers: String,
}

impl Request {
    /// The value of a trailer.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

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

#[derive(Default)]
struct State {
    /// Answers to `/next`, in order; it blocks while there is none.
    next: VecDeque<Answer>,
    /// What `/next` gets when the queue is empty, instead of blocking.
    idle: Option<Answer>,
    /// The first whose text is the end of the path is used, once.
    posts: VecDeque<(String, Answer)>,
    requests: Vec<Request>,
    /// Every chunk so far, of requests that have not ended too.
    chunks: Vec<Vec<u8>>,
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

    /// Waits for the first chunk that is `wanted`, of a request that need not have ended.
    pub fn wait_for_chunk(&self, wanted: &[u8]) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while !state.chunks.iter().any(|chunk| chunk == wanted) {
            let left = end.checked_duration_since(Instant::now()).expect("the chunk in time");
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
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

    /// Waits until so many requests other than those for events have come.
    pub fn wait_for_posts(&self, count: usize, time: Duration) -> Vec<Request> {
        let end = Instant::now() + time;
        let mut state = self.shared.state();
        loop {
            let posts = state.requests.iter().filter(|request| !request.is_next());
            let found = posts.clone().count();
            if found >= count {
                return posts.cloned().collect();
            }
            let left = end.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("{found} of {count} answers came in time"));
            // Counting after each of thousands would take longer than what is counted.
            drop(state);
            std::thread::sleep(left.min(Duration::from_millis(20)));
            state = self.shared.state();
        }
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
            if let End::AfterChunks(count) | End::StallAfter(count) = answer.end {
                return break_off(&mut stream, &answer, count, shared);
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
        if path.ends_with("/extension/event/next") {
            // There are no events of extensions.
            return wait_for_the_end(shared);
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

fn wait_for_the_end(shared: &Shared) {
    let mut state = shared.state();
    while !state.closing {
        state = shared.changed.wait(state).unwrap();
    }
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

/// Reads the beginning of a request in chunks and then does as `answer` says.
fn break_off(stream: &mut TcpStream, answer: &Answer, count: usize, shared: &Shared) {
    let mut reader = Reader { stream, bytes: Vec::new() };
    if reader.head().is_none() || (0..count).any(|_| reader.chunk(shared).is_none()) {
        return;
    }
    if let End::StallAfter(_) = answer.end {
        // Until the other side has given up, or the test has ended.
        for _ in 0..PATIENCE.as_millis() / 10 {
            std::thread::sleep(Duration::from_millis(10));
            let state = shared.state();
            if state.closing || state.requests.last().is_some_and(|r| r.path.ends_with("/error")) {
                return;
            }
        }
    }
    answer.send(stream);
    close(stream);
    // The socket itself has to go, which tells the other side so: it would wait for room otherwise,
    // where it has sent more than was read.
    shared.state().streams.clear();
}

/// The bytes of a request as they come.
struct Reader<'a> {
    stream: &'a mut TcpStream,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn more(&mut self) -> Option<()> {
        let mut chunk = vec![0; 64 << 10];
        let count = self.stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        self.bytes.extend_from_slice(&chunk[..count]);
        Some(())
    }

    /// What comes up to `end`, and `end`.
    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.bytes.windows(end.len()).position(|found| found == end) {
                return Some(self.take(at + end.len()));
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.bytes.len() < count {
            self.more()?;
        }
        Some(self.take(count))
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(count);
        std::mem::replace(&mut self.bytes, rest)
    }

    fn head(&mut self) -> Option<String> {
        Some(String::from_utf8(self.until(b"\r\n\r\n")?).expect("the head is UTF-8"))
    }

    /// One chunk, which is empty at the end.
    fn chunk(&mut self, shared: &Shared) -> Option<Vec<u8>> {
        let line = String::from_utf8(self.until(b"\r\n")?).expect("a size is text");
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
        if size == 0 {
            return Some(Vec::new());
        }
        let mut chunk = self.exactly(size + 2)?;
        assert!(chunk.ends_with(b"\r\n"), "a chunk of {size} bytes and its end");
        chunk.truncate(size);
        // Tests wait for small ones alone.
        shared.state().chunks.push(chunk[..size.min(1 << 10)].to_vec());
        shared.changed.notify_all();
        Some(chunk)
    }
}

/// Reads one whole request and keeps it; of a very long one, the beginning.
fn read_request(stream: &mut TcpStream, connection: usize, shared: &Shared) -> Option<()> {
    let mut reader = Reader { stream, bytes: Vec::new() };
    let head = reader.head()?;
    let mut words = head.split(' ');
    let mut request = Request {
        connection,
        at: Instant::now(),
        method: words.next().unwrap().to_owned(),
        path: words.next().unwrap().to_owned(),
        body: Vec::new(),
        head: head.clone(),
        chunks: Vec::new(),
        trailers: String::new(),
    };
    if request.header("Transfer-Encoding") == Some("chunked") {
        assert_eq!(request.header("Content-Length"), None, "chunks have no length: {head}");
        loop {
            let chunk = reader.chunk(shared)?;
            if chunk.is_empty() {
                break;
            }
            request.chunks.push(chunk.len());
            if request.body.len() < 8 << 20 {
                request.body.extend_from_slice(&chunk);
            }
        }
        while !request.trailers.ends_with("\n\r\n") && request.trailers != "\r\n" {
            let line = String::from_utf8(reader.until(b"\r\n")?).expect("trailers are text");
            request.trailers.push_str(&line);
        }
    } else {
        let length = request.header("Content-Length").map_or(0, |value| value.parse().unwrap());
        request.body = reader.exactly(length)?;
    }
    assert!(reader.bytes.is_empty(), "bytes after the body of {head}");
    request.at = Instant::now();
    shared.state().requests.push(request);
    shared.changed.notify_all();
    Some(())
}
