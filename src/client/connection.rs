//! One HTTP/1.1 conversation over one kept connection: a request is one write, its answer one read.
//!
//! It knows neither paths nor what the headers mean. Only what the Runtime API needs is spoken, yet
//! any answer is understood or refused: nothing that the other side sends makes it panic, wait for
//! ever (unless the caller wants to) or take memory without bound.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memchr::memchr;

use crate::client::head::{Framing, Head, end_of_head};

/// Holds the head of an answer, whose client context may take 3.5 kB, and most events whole.
const INPUT_BUFFER: usize = 16 << 10;

/// Buffers above this are given back to the system after use.
const KEPT_BUFFER: usize = 64 << 10;

/// A head above this is no answer of a Runtime API.
const MAX_HEAD: usize = 64 << 10;

/// A body above this is none either: Lambda's largest event has 6 MB.
const MAX_BODY: usize = 64 << 20;

/// Answers "100 Continue" and the like before the real one.
const MAX_INTERIM: usize = 8;

/// Bodies up to this are sent out of one buffer with the head; a copy is cheaper than a vector.
const COPIED_BODY: usize = 4 << 10;

/// How long the other side may be silent in the middle of something.
const SILENCE: Duration = Duration::from_secs(60);

/// How long it may take to see that an endless wait shall end.
const INTERRUPT_TICK: Duration = Duration::from_millis(50);

/// Whether an answer may take its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until it starts to come, however long that takes.
    Endless,
    /// [`SILENCE`].
    Limited,
}

/// An answer; its parts lie in the connection's buffer until the next exchange.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: Range<usize>,
    /// The body, or what arrived of it and why the rest did not.
    pub(super) body: Result<Range<usize>, (usize, String)>,
}

/// A connection that is made when it is first needed, and made anew when it was closed.
pub(super) struct Connection {
    /// `host:port`, as it was given.
    authority: String,
    /// Looked up once.
    addresses: Vec<SocketAddr>,
    stream: Option<TcpStream>,
    /// The head of the request that is being put together.
    pub(super) request: Vec<u8>,
    input: Vec<u8>,
    /// How much of `input` was received.
    filled: usize,
    /// When the first part of the answer came, if it did not come whole.
    since: Option<Instant>,
    /// Ends an endless wait.
    interrupt: Option<Arc<AtomicBool>>,
}

impl Connection {
    pub(super) fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            addresses: Vec::new(),
            stream: None,
            request: Vec::with_capacity(1 << 10),
            input: Vec::new(),
            filled: 0,
            since: None,
            interrupt: None,
        }
    }

    /// Lets `flag` end an endless wait, a moment after it is set.
    pub(super) fn interrupt_on(&mut self, flag: Arc<AtomicBool>) {
        self.interrupt = Some(flag);
        if let Some(stream) = &self.stream
            && stream.set_read_timeout(Some(self.tick())).is_err()
        {
            self.stream = None;
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        is_set(self.interrupt.as_ref())
    }

    /// How long a wait lasts before it is looked whether it shall go on.
    fn tick(&self) -> Duration {
        if self.interrupt.is_some() { INTERRUPT_TICK } else { SILENCE }
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// What was received, for the ranges of a [`Reply`].
    pub(super) fn received(&self) -> &[u8] {
        &self.input
    }

    /// Hands out the buffer of the latest answer.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Takes a buffer back for further use, unless it is a large one.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if buffer.len() <= KEPT_BUFFER {
            self.input = buffer;
        }
    }

    /// Sends the request, whose head is in `self.request`, and reads the answer to it.
    ///
    /// It is sent a second time, over a new connection, if the kept one turns out to be closed. Most
    /// often nobody has read it then; and where somebody has, Lambda refuses the second of two.
    pub(super) fn exchange(&mut self, body: &[u8], patience: Patience) -> io::Result<Reply> {
        self.request.extend_from_slice(b"\r\n");
        let body = if body.len() <= COPIED_BODY {
            self.request.extend_from_slice(body);
            &[]
        } else {
            body
        };
        match self.attempt(body, patience) {
            Err(error) if self.filled == 0 && is_closed(&error) => self.attempt(body, patience),
            result => result,
        }
    }

    fn attempt(&mut self, body: &[u8], patience: Patience) -> io::Result<Reply> {
        self.filled = 0;
        let request = std::mem::take(&mut self.request);
        let mut parts = [IoSlice::new(&request), IoSlice::new(body)];
        let count = if body.is_empty() { 1 } else { 2 };
        let sent = self.send(&mut parts[..count], None);
        self.request = request;
        match sent {
            Ok(()) => self.answer(patience),
            Err(error) => self.late_answer(error),
        }
    }

    /// The answer after a request that could not be sent whole: the other side may have given one
    /// before it closed. The connection is of no further use.
    pub(super) fn late_answer(&mut self, error: io::Error) -> io::Result<Reply> {
        let answer = if is_closed(&error) { self.answer(Patience::Limited).ok() } else { None };
        self.stream = None;
        answer.ok_or(error)
    }

    /// Gives up the kept connection if the other side has closed it.
    pub(super) fn check(&mut self) {
        let Some(stream) = &self.stream else { return };
        let is_idle = stream.set_nonblocking(true).is_ok()
            && stream.peek(&mut [0]).is_err_and(|error| is_timeout(&error));
        if !is_idle || stream.set_nonblocking(false).is_err() {
            self.stream = None;
        }
    }

    /// Sends `parts`, in one write if the system takes them so; connects if there is no connection.
    /// It may wait `until` then.
    pub(super) fn send(
        &mut self,
        parts: &mut [IoSlice<'_>],
        until: Option<Instant>,
    ) -> io::Result<()> {
        let mut stream = match &self.stream {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut left = parts;
        IoSlice::advance_slices(&mut left, 0);
        let mut result = Ok(());
        while let Some(first) = left.first() {
            if let Some(until) = until {
                let time = until.saturating_duration_since(Instant::now());
                if time.is_zero() {
                    result = Err(ErrorKind::TimedOut.into());
                    break;
                }
                stream.set_write_timeout(Some(time))?;
            }
            let sent = match left.len() {
                1 => stream.write(first),
                _ => stream.write_vectored(left),
            };
            match sent {
                Ok(0) => result = Err(ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut left, count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => result = Err(silence()),
                Err(error) => result = Err(error),
            }
            if result.is_err() {
                break;
            }
        }
        if until.is_some() {
            stream.set_write_timeout(Some(SILENCE))?;
        }
        result
    }

    fn connect(&mut self) -> io::Result<&TcpStream> {
        if self.addresses.is_empty() {
            self.addresses = self.authority.to_socket_addrs()?.collect();
        }
        let stream = TcpStream::connect(&self.addresses[..])?;
        stream.set_nodelay(true)?;
        // Set once: a system call for each request would cost more than waking up now and then.
        stream.set_read_timeout(Some(self.tick()))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(self.stream.insert(stream))
    }

    /// Reads the answer to a request that has been sent.
    pub(super) fn answer(&mut self, patience: Patience) -> io::Result<Reply> {
        let result = self.read_answer(patience);
        if result.as_ref().is_ok_and(|(_, reusable)| *reusable) {
            return result.map(|(reply, _)| reply);
        }
        self.stream = None;
        result.map(|(reply, _)| reply)
    }

    /// The answer, and whether the connection is good for another request.
    fn read_answer(&mut self, patience: Patience) -> io::Result<(Reply, bool)> {
        self.filled = 0;
        self.since = None;
        let mut start = 0;
        for _ in 0..MAX_INTERIM {
            let end = self.head_end(start, patience)?;
            let head = Head::parse(&self.input[start..end]).map_err(malformed)?;
            if matches!(head.status, 100..=199) {
                start = end;
                continue;
            }
            let range = start..end;
            let (body, is_exact) = match head.framing {
                Framing::Length(length) => self.read_length(end, length),
                Framing::Chunked => self.read_chunks(end),
                Framing::UntilClose => self.read_to_close(end),
            };
            let reusable = head.keep_alive && is_exact && body.is_ok();
            return Ok((Reply { status: head.status, head: range, body }, reusable));
        }
        Err(malformed("one interim answer after the other"))
    }

    /// Where the head that begins at `start` ends.
    fn head_end(&mut self, start: usize, patience: Patience) -> io::Result<usize> {
        let mut scanned = start;
        loop {
            if let Some(end) = end_of_head(&self.input[..self.filled], start, scanned) {
                return Ok(end);
            }
            scanned = self.filled;
            if self.filled - start > MAX_HEAD {
                return Err(malformed("the head of an answer without an end"));
            }
            if self.fill(patience)? == 0 {
                return Err(closed());
            }
        }
    }

    /// A body of known length; the flag says whether it ended where the bytes did.
    fn read_length(&mut self, start: usize, length: usize) -> (Body, bool) {
        if length > MAX_BODY {
            return (Err((0, format!("a body of {length} bytes is larger than any event"))), false);
        }
        let end = start + length;
        if end > self.input.len() {
            self.grow(end);
        }
        while self.filled < end {
            if let Err(error) = self.fill_more() {
                return (Err((self.filled - start, error)), false);
            }
        }
        (Ok(start..end), self.filled == end)
    }

    fn read_to_close(&mut self, start: usize) -> (Body, bool) {
        loop {
            match self.fill(Patience::Limited) {
                Ok(0) => return (Ok(start..self.filled), false),
                Ok(_) if self.filled - start <= MAX_BODY => {}
                Ok(_) => return (Err((self.filled - start, TOO_LONG.to_owned())), false),
                Err(error) => return (Err((self.filled - start, error.to_string())), false),
            }
        }
    }

    /// A body in chunks, which are moved together where the first one begins.
    fn read_chunks(&mut self, start: usize) -> (Body, bool) {
        let (mut from, mut to) = (start, start);
        match self.move_chunks(&mut from, &mut to, start) {
            Ok(()) => (Ok(start..to), self.filled == from),
            Err(why) => (Err((to - start, why)), false),
        }
    }

    fn move_chunks(
        &mut self,
        from: &mut usize,
        to: &mut usize,
        start: usize,
    ) -> Result<(), String> {
        loop {
            let line = self.line(from)?;
            let line = &self.input[line];
            let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit());
            let digits = std::str::from_utf8(&line[..digits.unwrap_or(line.len())]);
            let size = digits.ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let size = size.ok_or("a chunk without its size")?;
            if size == 0 {
                // Trailers end with an empty line, as a head does.
                while !self.line(from)?.is_empty() {}
                return Ok(());
            }
            if size > MAX_BODY - (*to - start) {
                return Err(TOO_LONG.to_owned());
            }
            let mut left = size;
            while left > 0 {
                if self.filled == *from {
                    self.compact(from, *to);
                    self.fill_more()?;
                }
                let count = left.min(self.filled - *from);
                self.input.copy_within(*from..*from + count, *to);
                *from += count;
                *to += count;
                left -= count;
            }
            if !self.line(from)?.is_empty() {
                return Err("a chunk longer than its size".to_owned());
            }
        }
    }

    /// The line that begins at `from`, without its end; `from` is then behind it.
    fn line(&mut self, from: &mut usize) -> Result<Range<usize>, String> {
        const MAX_LINE: usize = 8 << 10;

        let start = *from;
        let mut at = start;
        loop {
            if let Some(found) = memchr(b'\n', &self.input[at..self.filled]) {
                *from = at + found + 1;
                let line = &self.input[start..at + found];
                let cut = usize::from(line.last() == Some(&b'\r'));
                return Ok(start..at + found - cut);
            }
            at = self.filled;
            if at - start > MAX_LINE {
                return Err("a line without an end".to_owned());
            }
            self.fill_more()?;
        }
    }

    /// Forgets what lies between the moved bytes and those that were not looked at yet.
    fn compact(&mut self, from: &mut usize, to: usize) {
        self.input.copy_within(*from..self.filled, to);
        self.filled -= *from - to;
        *from = to;
    }

    /// As [`fill`](Self::fill), where the end of the connection is a failure too.
    fn fill_more(&mut self) -> Result<(), String> {
        match self.fill(Patience::Limited) {
            Ok(0) => Err("the connection was closed".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Receives what there is, at least a byte; 0 means that the other side has closed.
    fn fill(&mut self, patience: Patience) -> io::Result<usize> {
        if self.filled == self.input.len() {
            self.grow((self.filled * 2).max(INPUT_BUFFER));
        }
        if self.filled > 0 && self.since.get_or_insert_with(Instant::now).elapsed() > SILENCE {
            // Byte by byte, an answer could take for ever without a moment of silence.
            return Err(silence());
        }
        let tick = self.tick();
        let mut waited = Duration::ZERO;
        let Some(stream) = &mut self.stream else { return Err(closed()) };
        loop {
            match stream.read(&mut self.input[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => waited += tick,
                Err(error) => return Err(error),
            }
            let is_idle = patience == Patience::Endless && self.filled == 0;
            if is_idle && is_set(self.interrupt.as_ref()) {
                return Err(io::Error::other("the environment ends"));
            }
            if !is_idle && waited >= SILENCE {
                return Err(silence());
            }
        }
    }

    /// Makes the buffer `length` bytes long. A new one comes zeroed from the system, page by page as
    /// it is used; the old one would have to be cleared here.
    fn grow(&mut self, length: usize) {
        let mut larger = vec![0; length];
        larger[..self.filled].copy_from_slice(&self.input[..self.filled]);
        self.input = larger;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("authority", &self.authority).finish_non_exhaustive()
    }
}

type Body = Result<Range<usize>, (usize, String)>;

const TOO_LONG: &str = "a body larger than any event";

fn is_set(flag: Option<&Arc<AtomicBool>>) -> bool {
    flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Whether the other side closed the connection, or its machine does not know it any more.
pub(super) fn is_closed(error: &io::Error) -> bool {
    use ErrorKind as K;
    matches!(
        error.kind(),
        K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe
    )
}

/// How a time limit of a socket shows itself.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn silence() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, format!("no answer within {} s", SILENCE.as_secs()))
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed without an answer")
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
