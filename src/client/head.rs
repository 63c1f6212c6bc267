//! The head of an HTTP/1 answer, read: its status, its headers, and how its body ends.

use memchr::memchr;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
    Length(usize),
    Chunked,
    UntilClose,
}

/// What a head says about the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// Whether the connection may be used again.
    pub(super) keep_alive: bool,
}

/// More headers than this are no answer of a Runtime API.
const MAX_HEADERS: usize = 128;

/// The end of the head that begins at `start`: behind its empty line. Nothing ends before `scanned`.
pub(super) fn end_of_head(bytes: &[u8], start: usize, scanned: usize) -> Option<usize> {
    let mut at = scanned;
    while let Some(found) = memchr(b'\n', &bytes[at..]) {
        at += found + 1;
        let line = &bytes[start..at - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.ends_with(b"\n") {
            return Some(at);
        }
    }
    None
}

impl Head {
    /// Reads a whole head.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(head: &[u8]) -> Result<Self, &'static str> {
        let (version, status) = status_line(head).ok_or("not an answer of HTTP/1")?;
        let mut keep_alive = version > 0;
        let mut length = None;
        let mut chunked = false;
        for (count, header) in headers(head).enumerate() {
            if count == MAX_HEADERS {
                return Err("more headers than a Runtime API has");
            }
            let (name, value) = header?;
            if name.eq_ignore_ascii_case(b"content-length") {
                let digits = std::str::from_utf8(value).ok().filter(|text| !text.starts_with('+'));
                let number = digits.and_then(|text| text.parse::<usize>().ok());
                let number = number.ok_or("a `content-length` that is no number")?;
                if length.is_some_and(|before| before != number) {
                    return Err("two different `content-length`");
                }
                length = Some(number);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err("a `transfer-encoding` other than `chunked`");
                }
                chunked = true;
            } else if name.eq_ignore_ascii_case(b"connection") {
                for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if word.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if word.eq_ignore_ascii_case(b"keep-alive") {
                        keep_alive = true;
                    }
                }
            }
        }
        let framing = match (status, chunked, length) {
            (100..=199 | 204 | 304, ..) => Framing::Length(0),
            (_, true, _) => Framing::Chunked,
            (_, _, Some(length)) => Framing::Length(length),
            _ => Framing::UntilClose,
        };
        Ok(Self { status, framing, keep_alive })
    }
}

/// The minor version and the status of `HTTP/1.1 200 OK`.
fn status_line(head: &[u8]) -> Option<(u8, u16)> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest.split_first()?;
    let rest = rest.strip_prefix(b" ")?;
    let status = std::str::from_utf8(rest.get(..3)?).ok()?;
    let ends = matches!(rest.get(3), Some(b' ' | b'\r' | b'\n'));
    let known = matches!(minor, b'0' | b'1') && ends && status.bytes().all(|c| c.is_ascii_digit());
    let status = status.parse().ok().filter(|status| *status >= 100)?;
    known.then_some((minor - b'0', status))
}

/// What stands behind the version in the first line: `200 OK`.
pub(super) fn status_text(head: &[u8]) -> String {
    let line = line_of(head).map_or(&[][..], |(line, _)| line);
    let text = line.get(b"HTTP/1.1 ".len()..).unwrap_or_default();
    String::from_utf8_lossy(text.trim_ascii()).into_owned()
}

/// Each header's name and value, without the space around the value.
pub(super) fn headers(head: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), &'static str>> {
    let mut rest = line_of(head).map_or(&[][..], |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (line, behind) = line_of(rest)?;
        rest = behind;
        if line.is_empty() {
            return None;
        }
        let colon = memchr(b':', line).unwrap_or(0);
        let (name, value) = line.split_at(colon);
        let is_name = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
        Some(if is_name {
            Ok((name, value[1..].trim_ascii()))
        } else {
            Err("a header that is none")
        })
    })
}

/// The first line without its end, and what follows.
fn line_of(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::{Framing, Head, end_of_head, headers, status_text};

    fn parse(head: &str) -> Result<(u16, Framing, bool), &'static str> {
        Head::parse(head.as_bytes()).map(|head| (head.status, head.framing, head.keep_alive))
    }

    #[test]
    fn the_end_is_found_wherever_the_bytes_were_split() {
        let head = b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody";
        let end = head.len() - 4;
        for scanned in 0..end {
            assert_eq!(end_of_head(head, 0, scanned), Some(end), "from {scanned}");
            assert_eq!(end_of_head(&head[..scanned], 0, 0), None, "up to {scanned}");
        }
        assert_eq!(end_of_head(b"HTTP/1.0 200 OK\n\nx", 0, 0), Some(17));
    }

    #[test]
    fn the_body_ends_as_the_head_says() {
        use Framing::{Chunked, Length, UntilClose};
        for (rest, expected) in [
            ("1 200 OK\r\ncontent-length: 7\r\n\r\n", (200, Length(7), true)),
            ("1 200 OK\r\nContent-Length:7\r\nContent-Length: 7\r\n\r\n", (200, Length(7), true)),
            ("1 202\r\nTransfer-Encoding: Chunked\r\n\r\n", (202, Chunked, true)),
            (
                "1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
                (200, Chunked, true),
            ),
            ("1 204 No Content\r\n\r\n", (204, Length(0), true)),
            ("1 100 Continue\r\n\r\n", (100, Length(0), true)),
            ("1 200 OK\r\n\r\n", (200, UntilClose, true)),
            (
                "1 200 OK\r\nConnection: x, Close\r\ncontent-length: 0\r\n\r\n",
                (200, Length(0), false),
            ),
            ("0 200 OK\r\ncontent-length: 0\r\n\r\n", (200, Length(0), false)),
            (
                "0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n",
                (200, Length(0), true),
            ),
        ] {
            assert_eq!(parse(&format!("HTTP/1.{rest}")), Ok(expected), "{rest}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for head in [
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 +20 OK\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
            "\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
            "HTTP/1.1 200 OK\r\nna me: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        ] {
            assert!(parse(head).is_err(), "{head:?}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
        assert!(parse(&many).is_err());
    }

    #[test]
    fn headers_and_the_status_are_as_they_were_sent() {
        let head = b"HTTP/1.1 410 Gone\r\nA-b: \t c d \r\nempty:\r\n\r\nnot: this\r\n";
        let found: Vec<_> = headers(head).map(Result::unwrap).collect();
        assert_eq!(found, [(&b"A-b"[..], &b"c d"[..]), (b"empty", b"")]);
        assert_eq!(status_text(head), "410 Gone");
    }
}
