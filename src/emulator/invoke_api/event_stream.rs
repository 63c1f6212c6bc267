//! A streamed response in AWS's framing: chunks as they come, and at the end how it ended.

use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::{Map, Value};

use super::caller::LogType;
use crate::emulator::{Answer, NotInvoked, Outcome, Streamed};

/// The largest payload of one frame: SDKs refuse very large ones.
const MAX_PAYLOAD: usize = 1 << 20;

/// The type of a header's value, a string.
const STRING: u8 = 7;

/// The frames of a response, each as soon as there is something to put into it.
pub(super) fn body(streamed: Streamed, log_type: LogType) -> Body {
    let frames = stream::unfold(Some(streamed), move |streamed| async move {
        let mut streamed = streamed?;
        let (frame, rest) = match streamed.chunk().await {
            Some(chunk) => (chunks(&chunk), Some(streamed)),
            None => (complete(streamed.end().await, log_type), None),
        };
        Some((Ok::<_, std::convert::Infallible>(frame), rest))
    });
    Body::from_stream(frames)
}

/// A part of the body, in as many frames as it takes.
fn chunks(chunk: &[u8]) -> Bytes {
    let payloads = chunk.chunks(MAX_PAYLOAD);
    let frames = payloads.map(|payload| frame("PayloadChunk", "application/octet-stream", payload));
    frames.collect::<Vec<_>>().concat().into()
}

/// The last frame. The error's type and text are there if the function failed, wherever it did.
fn complete(ended: Result<Outcome, NotInvoked>, log_type: LogType) -> Bytes {
    let mut fields = Map::new();
    let mut set = |name: &str, value: String| fields.insert(name.to_owned(), Value::String(value));
    match ended {
        Ok(Outcome { answer, log, .. }) => {
            if let Answer::Error { body, error_type } = answer {
                set("ErrorCode", error_type);
                set("ErrorDetails", String::from_utf8_lossy(&body).into_owned());
            }
            if log_type == LogType::Tail {
                set("LogResult", STANDARD.encode(log));
            }
        }
        Err(error) => {
            set("ErrorCode", "ServiceException".to_owned());
            set("ErrorDetails", error.to_string());
        }
    }
    let payload = Value::Object(fields).to_string();
    frame("InvokeComplete", "application/json", payload.as_bytes()).into()
}

/// One message of `application/vnd.amazon.eventstream`: lengths, their checksum, headers, payload,
/// the checksum of it all.
fn frame(event_type: &str, content_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in
        [(":event-type", event_type), (":content-type", content_type), (":message-type", "event")]
    {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(STRING);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    // Two lengths and two checksums.
    let total = 16 + headers.len() + payload.len();
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(&(total as u32).to_be_bytes());
    frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn a_frame_has_the_form_that_sdks_read() {
        let bytes = frame("PayloadChunk", "application/octet-stream", b"ab");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(number(0) as usize, bytes.len());
        assert_eq!(number(8), crc32fast::hash(&bytes[..8]));
        let headers = number(4) as usize;
        assert_eq!(&bytes[12..12 + 12], b"\x0b:event-type");
        assert_eq!(&bytes[24..27], b"\x07\x00\x0c");
        assert_eq!(&bytes[12 + headers..bytes.len() - 4], b"ab");
        assert_eq!(number(bytes.len() - 4), crc32fast::hash(&bytes[..bytes.len() - 4]));
    }
}
