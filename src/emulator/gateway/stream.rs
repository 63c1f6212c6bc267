//! A streamed response, taken apart as it comes: status and headers, then the body.
//!
//! A function announces status and headers by its content type: JSON, eight NUL bytes, and from
//! there on the body. The bytes come in pieces that may break anywhere.

use axum::body::Bytes;
use axum::http::{HeaderValue, Response, header};

use super::malformed::Malformed;
use super::{Kind, failure, response, text};

/// The content type that announces a head.
const WITH_HEAD: &str = "application/vnd.awslambda.http-integration-response";

/// What ends the head.
pub(super) const DELIMITER: [u8; 8] = [0; 8];

/// A head that does not end is none: nobody should keep a whole stream in memory to find out.
const MAX_HEAD: usize = 1 << 20;

/// What a piece of the stream came to.
#[derive(Debug)]
pub enum Piece {
    /// Nothing yet: the head goes on.
    More,
    /// The head, and the first bytes of the body, if there are any.
    Head(Box<Response<()>>, Bytes),
    /// Bytes of the body.
    Body(Bytes),
}

/// Takes a streamed response apart.
#[derive(Debug)]
pub struct Splitter {
    kind: Kind,
    request_id: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The head so far.
    Head(Vec<u8>),
    /// There is no head; the body has this type.
    Headless(Option<String>),
    Body,
}

impl Splitter {
    pub(super) fn new(kind: Kind, request_id: &str, content_type: Option<&str>) -> Self {
        let is_announced =
            content_type.is_some_and(|content_type| text::media_type(content_type) == WITH_HEAD);
        // API Gateway wants a head in every stream ("Set up a Lambda proxy integration with payload
        // response streaming").
        let state = match is_announced || kind == Kind::V1 {
            true => State::Head(Vec::new()),
            false => State::Headless(content_type.map(ToOwned::to_owned)),
        };
        Self { kind, request_id: request_id.to_owned(), state }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What is wrong with the head; it is not to be called again then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Piece, Malformed> {
        match &mut self.state {
            State::Body => Ok(Piece::Body(Bytes::copy_from_slice(bytes))),
            State::Headless(_) => {
                let head = self.headless();
                Ok(Piece::Head(head, Bytes::copy_from_slice(bytes)))
            }
            State::Head(head) => {
                // The delimiter may have begun in what came before.
                let from = head.len().saturating_sub(DELIMITER.len() - 1);
                head.extend_from_slice(bytes);
                let found = head[from..].windows(DELIMITER.len()).position(|at| at == DELIMITER);
                let Some(end) = found.map(|at| from + at) else {
                    return match head.len() > MAX_HEAD {
                        true => Err(unending()),
                        false => Ok(Piece::More),
                    };
                };
                let body = Bytes::copy_from_slice(&head[end + DELIMITER.len()..]);
                let mut response = response::head(self.kind, &head[..end])?;
                let headers = response.headers_mut();
                headers
                    .entry(header::CONTENT_TYPE)
                    .or_insert_with(|| HeaderValue::from_static("application/octet-stream"));
                failure::identify(self.kind, &self.request_id, headers);
                self.state = State::Body;
                Ok(Piece::Head(Box::new(response), body))
            }
        }
    }

    /// The stream is over: the head, if the function sent not a single byte and announced none.
    ///
    /// # Errors
    /// The stream ended within its head.
    pub fn finish(&mut self) -> Result<Option<Box<Response<()>>>, Malformed> {
        match &self.state {
            State::Body => Ok(None),
            State::Headless(_) => Ok(Some(self.headless())),
            State::Head(_) => Err(unending()),
        }
    }

    fn headless(&mut self) -> Box<Response<()>> {
        let content_type = match std::mem::replace(&mut self.state, State::Body) {
            State::Headless(content_type) => content_type,
            State::Head(_) | State::Body => None,
        };
        let content_type = content_type.and_then(|value| HeaderValue::from_str(&value).ok());
        let default = HeaderValue::from_static("application/octet-stream");
        let mut response = Response::new(());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type.unwrap_or(default));
        failure::identify(self.kind, &self.request_id, headers);
        Box::new(response)
    }
}

fn unending() -> Malformed {
    Malformed::new(
        "the head of the stream has no end: eight NUL bytes come between it and the body",
    )
    .hint("`context.stream(#{ statusCode: 200 })` writes both")
}
