//! The mock Runtime API of one peer: hands out events, takes answers, and keeps the times.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::Reader;

/// Threads that wait for connections, so that none has to be started while a clock runs. Most peers
/// keep one connection, some use a second one.
const SERVERS: usize = 8;

/// An event and the answer that it must get.
pub struct Exchange {
    pub event: Vec<u8>,
    /// Compared without the white space around JSON's tokens.
    pub answer: Vec<u8>,
}

pub struct Api {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// What one block of invocations took.
pub struct Block {
    /// From the event's first byte sent to the answer's last byte received, one for each.
    pub times: Vec<Duration>,
    /// When the last answer was there.
    pub end: Instant,
    /// From the first event sent to the last answer received.
    pub elapsed: Duration,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    exchange: Arc<Exchange>,
    /// Events of the current block that were not yet asked for.
    left: usize,
    /// Connections on which the peer waits for an event.
    waiting: usize,
    /// The event that has not been answered: its id, and when it was sent.
    pending: Option<(String, Instant)>,
    first: Option<Instant>,
    last: Option<Instant>,
    times: Vec<Duration>,
    failure: Option<String>,
    connections: usize,
    /// The connection of each thread that has one.
    streams: [Option<TcpStream>; SERVERS],
    count: u64,
}

impl Api {
    pub fn start(exchange: Arc<Exchange>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                exchange,
                left: 0,
                waiting: 0,
                pending: None,
                first: None,
                last: None,
                times: Vec::new(),
                failure: None,
                connections: 0,
                streams: [const { None }; SERVERS],
                count: 0,
            }),
            changed: Condvar::new(),
        });
        for at in 0..SERVERS {
            let (listener, shared) = (listener.try_clone()?, Arc::clone(&shared));
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    let mut state = shared.lock();
                    state.connections += 1;
                    state.streams[at] = stream.try_clone().ok();
                    drop(state);
                    if let Err(error) = shared.serve(stream) {
                        shared.lock().fail(format!("the connection failed: {error}"));
                    }
                    let mut state = shared.lock();
                    state.connections -= 1;
                    state.streams[at] = None;
                    drop(state);
                    shared.changed.notify_all();
                }
            });
        }
        Ok(Self { shared, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forgets the peer that has just ended: waits for its connections to be gone.
    pub fn reset(&self) {
        let mut state = self.shared.lock();
        // A process that the peer has started, such as curl, may outlive it and wait for an answer.
        for stream in state.streams.iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        while state.connections > 0 {
            // Those that wait for events look whether anybody still wants one.
            self.shared.changed.notify_all();
            state = self.shared.wait(state, Duration::from_millis(100));
        }
        state.left = 0;
        state.pending = None;
        state.failure = None;
    }

    /// Lets `count` events of `exchange` be asked for.
    pub fn offer(&self, exchange: &Arc<Exchange>, count: usize) {
        let mut state = self.shared.lock();
        state.exchange = Arc::clone(exchange);
        state.left = count;
        (state.first, state.last) = (None, None);
        state.times.clear();
        state.times.reserve(count);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until the peer waits for an event; `alive` is asked now and then.
    pub fn wait_for_request(
        &self,
        mut alive: impl FnMut() -> Result<(), String>,
    ) -> Result<(), String> {
        let mut state = self.shared.lock();
        while state.waiting == 0 {
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            alive()?;
            state = self.shared.wait(state, Duration::from_millis(500));
        }
        Ok(())
    }

    /// Waits until all events on offer are answered; `alive` is asked now and then.
    pub fn collect(&self, mut alive: impl FnMut() -> Result<(), String>) -> Result<Block, String> {
        let mut state = self.shared.lock();
        loop {
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            if state.left == 0 && state.pending.is_none() {
                let (Some(first), Some(end)) = (state.first, state.last) else {
                    return Err("nothing was measured".to_owned());
                };
                let times = std::mem::take(&mut state.times);
                return Ok(Block { times, end, elapsed: end - first });
            }
            alive()?;
            state = self.shared.wait(state, Duration::from_millis(500));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, timeout);
        waited.expect("no thread panics while it holds the state").0
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = Reader::new(stream.try_clone()?);
        let mut head = Vec::new();
        while let Some(request) = reader.request()? {
            let now = Instant::now();
            if request.method == "GET" {
                if !self.send_event(&mut stream, &mut head)? {
                    return Ok(());
                }
                continue;
            }
            let mut state = self.lock();
            let done = state.take_answer(request.path, request.body, now);
            drop(state);
            stream.write_all(
                b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\
                  Content-Length: 15\r\n\r\n{\"status\":\"OK\"}",
            )?;
            if done {
                self.changed.notify_all();
            }
        }
        Ok(())
    }

    /// Waits for an event to be on offer and sends it; false if the peer has failed meanwhile.
    fn send_event(&self, stream: &mut TcpStream, head: &mut Vec<u8>) -> io::Result<bool> {
        let mut state = self.lock();
        if state.left == 0 {
            state.waiting += 1;
            self.changed.notify_all();
            while state.left == 0 && !is_closed(stream) {
                state = self.wait(state, Duration::from_millis(200));
            }
            state.waiting -= 1;
            if state.left == 0 {
                return Ok(false);
            }
        }
        state.left -= 1;
        state.count += 1;
        let exchange = Arc::clone(&state.exchange);
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", state.count);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
            + Duration::from_secs(30);
        head.clear();
        write!(
            head,
            "HTTP/1.1 200 OK\r\n\
             Content-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: {id}\r\n\
             Lambda-Runtime-Deadline-Ms: {}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: \
             arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\
             Lambda-Runtime-Trace-Id: \
             Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n\
             Content-Length: {}\r\n\r\n",
            deadline.as_millis(),
            exchange.event.len()
        )?;
        head.extend_from_slice(&exchange.event);
        let now = Instant::now();
        state.first.get_or_insert(now);
        state.pending = Some((id, now));
        drop(state);
        stream.write_all(head)?;
        Ok(true)
    }
}

impl State {
    /// Takes an answer, and says whether the block is complete with it.
    fn take_answer(&mut self, path: &str, body: &[u8], now: Instant) -> bool {
        let text = String::from_utf8_lossy(&body[..body.len().min(500)]);
        let Some((id, sent)) = self.pending.take() else {
            self.fail(format!("an answer to nothing came to `{path}`: {text}"));
            return true;
        };
        if path != format!("/2018-06-01/runtime/invocation/{id}/response") {
            self.fail(format!("expected an answer to `{id}`, got `{path}`: {text}"));
            return true;
        }
        if body != self.exchange.answer && !same_json(body, &self.exchange.answer) {
            self.fail(format!("this is not the expected answer: {text}"));
            return true;
        }
        self.times.push(now - sent);
        self.last = Some(now);
        self.left == 0
    }

    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }
}

/// Whether the other end has closed a connection on which nothing is to be read.
fn is_closed(stream: &TcpStream) -> bool {
    let peeked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut [0]))
        .map_or_else(|error| error.kind() != io::ErrorKind::WouldBlock, |amount| amount == 0);
    peeked | stream.set_nonblocking(false).is_err()
}

/// Whether two JSON texts differ in white space alone.
fn same_json(a: &[u8], b: &[u8]) -> bool {
    tokens(a).eq(tokens(b))
}

fn tokens(json: &[u8]) -> impl Iterator<Item = u8> {
    let (mut quoted, mut escaped) = (false, false);
    json.iter().copied().filter(move |&byte| {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            return true;
        }
        quoted = byte == b'"';
        !byte.is_ascii_whitespace()
    })
}
