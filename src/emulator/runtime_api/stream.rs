//! A response that a runtime streams: read as it comes, to the trailers that say how it ended.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;

use super::{READ_LIMIT, Shared};
use crate::emulator::Answer;
use crate::emulator::delivery::Piece;
use crate::emulator::protocol::{self, ERROR_BODY, ERROR_TYPE, MAX_STREAM, Refusal};

/// Passes the response to the event `id` on to the caller.
pub(super) async fn pass(
    api: &Shared,
    id: &str,
    headers: &HeaderMap,
    content_type: String,
    body: &mut Body,
) -> Result<(), Refusal> {
    api.exchange.check(id, protocol::text(headers, protocol::INVOCATION_ID))?;
    let is_chunked = protocol::text(headers, header::TRANSFER_ENCODING.as_str())
        .is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked"));
    if !is_chunked {
        api.exchange.warn("the runtime streams a response without `Transfer-Encoding: chunked`");
    }
    let caller = api.exchange.begin(id, content_type)?;
    let passed = chunks(api, id, body, &caller).await;
    api.exchange.finish(id);
    let Some(trailers) = passed? else { return Ok(()) };
    let last = match failure(api, headers, &trailers) {
        Some((body, error_type)) => Piece::Failed { body, error_type },
        None => Piece::End,
    };
    send(api, id, &caller, last).await
}

/// Passes the chunks on; returns the trailers, or `None` when the body was cut off.
async fn chunks(
    api: &Shared,
    id: &str,
    body: &mut Body,
    caller: &mpsc::Sender<Piece>,
) -> Result<Option<HeaderMap>, Refusal> {
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            api.exchange.warn(format!("the runtime broke off its response to `{id}`"));
            return Ok(None);
        };
        match frame.into_data() {
            Ok(chunk) => {
                length += chunk.len();
                if length > MAX_STREAM {
                    if let Answer::Error { body, error_type } = protocol::stream_too_large_answer()
                    {
                        send(api, id, caller, Piece::Failed { body, error_type }).await?;
                    }
                    return Err(Refusal::StreamTooLarge);
                }
                send(api, id, caller, Piece::Chunk(chunk)).await?;
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return Ok(Some(trailers));
                }
            }
        }
    }
    Ok(Some(HeaderMap::new()))
}

/// Reads what still comes of a response that is refused, beside the refusal: a runtime whose connection
/// is closed while it writes may not live to see the answer.
pub(super) fn read_out(mut body: Body) {
    tokio::spawn(async move {
        let mut length = 0;
        let mut next = async || poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        while length <= READ_LIMIT
            && let Some(Ok(frame)) = next().await
        {
            length += frame.data_ref().map_or(0, Bytes::len);
        }
    });
}

async fn send(
    api: &Shared,
    id: &str,
    caller: &mpsc::Sender<Piece>,
    piece: Piece,
) -> Result<(), Refusal> {
    caller.send(piece).await.map_err(|_| {
        api.exchange
            .warn(format!("the runtime goes on with its response to `{id}` after its deadline"));
        Refusal::Gone
    })
}

/// The error that the trailers tell of: its body and its type as AWS reports it.
fn failure(api: &Shared, headers: &HeaderMap, trailers: &HeaderMap) -> Option<(Bytes, String)> {
    for name in [ERROR_TYPE, ERROR_BODY] {
        if trailers.contains_key(name) && !is_announced(headers, name) {
            api.exchange.warn(format!(
                "the runtime sends the trailer `{name}` without having announced it in `Trailer`"
            ));
        }
    }
    if !trailers.contains_key(ERROR_TYPE) && !trailers.contains_key(ERROR_BODY) {
        return None;
    }
    let body = match protocol::text(trailers, ERROR_BODY).map(|body| STANDARD.decode(body)) {
        Some(Ok(body)) => body,
        Some(Err(_)) => {
            api.exchange
                .warn(format!("the runtime sends a trailer `{ERROR_BODY}` that is not base64"));
            Vec::new()
        }
        None => Vec::new(),
    };
    let error_type = api.check_error(trailers, &body);
    Some((body.into(), error_type))
}

fn is_announced(headers: &HeaderMap, name: &str) -> bool {
    let announced = headers.get_all(header::TRAILER).into_iter();
    announced
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|announced| announced.trim().eq_ignore_ascii_case(name)))
}
