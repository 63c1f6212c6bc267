//! Reads HTTP/1.1 requests off a socket: the little of it that a Runtime API needs.

use std::io::{self, Read};

/// Room for the head of a request and most bodies; larger ones grow it.
const BUFFER: usize = 64 << 10;

/// One connection's bytes, and where the request in them is.
pub struct Reader<S> {
    stream: S,
    bytes: Vec<u8>,
    /// How many of `bytes` were received.
    filled: usize,
    /// How many of those belong to the current request.
    used: usize,
    chunked: Vec<u8>,
}

/// What a request asks for, and its body.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub body: &'a [u8],
}

impl<S: Read> Reader<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, bytes: vec![0; BUFFER], filled: 0, used: 0, chunked: Vec::new() }
    }

    /// The next request; `None` when the peer has closed the connection.
    pub fn request(&mut self) -> io::Result<Option<Request<'_>>> {
        self.bytes.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;

        let mut seen = 0;
        let head = loop {
            if let Some(at) = find(&self.bytes[seen..self.filled], b"\r\n\r\n") {
                break seen + at + 4;
            }
            seen = self.filled.saturating_sub(3);
            if self.fill()? == 0 {
                return Ok(None);
            }
        };
        let body = match length(&self.bytes[..head])? {
            Length::Known(length) => {
                self.used = head + length;
                while self.filled < self.used {
                    self.fill_or_fail()?;
                }
                &self.bytes[head..self.used]
            }
            Length::Chunked => {
                self.read_chunks(head)?;
                &self.chunked[..]
            }
        };
        let line = self.bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let mut words = std::str::from_utf8(line).map_err(invalid)?.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        Ok(Some(Request { method, path, body }))
    }

    fn read_chunks(&mut self, head: usize) -> io::Result<()> {
        self.chunked.clear();
        self.used = head;
        loop {
            let size = self.line()?;
            let text = std::str::from_utf8(&size).map_err(invalid)?;
            let size = usize::from_str_radix(text.split(';').next().unwrap_or("").trim(), 16)
                .map_err(invalid)?;
            if size == 0 {
                // Trailers, if any, then an empty line.
                while !self.line()?.is_empty() {}
                return Ok(());
            }
            while self.filled < self.used + size + 2 {
                self.fill_or_fail()?;
            }
            self.chunked.extend_from_slice(&self.bytes[self.used..self.used + size]);
            self.used += size + 2;
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.bytes[self.used..self.filled], b"\r\n") {
                let line = self.bytes[self.used..self.used + at].to_vec();
                self.used += at + 2;
                return Ok(line);
            }
            self.fill_or_fail()?;
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.filled == self.bytes.len() {
            self.bytes.resize(self.filled * 2, 0);
        }
        let amount = self.stream.read(&mut self.bytes[self.filled..])?;
        self.filled += amount;
        Ok(amount)
    }

    fn fill_or_fail(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

enum Length {
    Known(usize),
    Chunked,
}

/// How long the body is, by the head of its request.
fn length(head: &[u8]) -> io::Result<Length> {
    for line in head.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let text = std::str::from_utf8(value).map_err(invalid)?;
            return text.parse().map(Length::Known).map_err(invalid);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Ok(Length::Chunked);
        }
    }
    Ok(Length::Known(0))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
