//! Requests that a test answers itself: everything around them, such as redirects and tries, is real.

use rhai::NativeCallContext;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::client::{Answer, Failure, Hop, Reason};
use crate::world::{self, Exchanged, Received, Sent};

/// The answer of what stands in for the network; `None` if the network itself is to answer.
pub(super) fn answer(context: &NativeCallContext, hop: &Hop) -> Option<Result<Answer, Failure>> {
    let url = hop.url.whole();
    let headers = hop.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let sent = Sent {
        method: hop.method.as_str(),
        url: &url,
        headers: headers.collect(),
        body: hop.body.unwrap_or_default(),
    };
    let exchanged = world::exchange(context, &sent)?;
    let failed = |reason, message| Failure { reason, message, url: hop.url.clone() };
    Some(match exchanged {
        Exchanged::Answer(received) => {
            read(received, hop).map_err(|why| failed(Reason::Protocol, why))
        }
        Exchanged::Failure(name) => {
            let reason = match name {
                "connect" => Reason::Connect,
                "tls" => Reason::Tls,
                "timeout" => Reason::Timeout,
                _ => Reason::Closed,
            };
            Err(failed(reason, format!("the test answers with the failure `{name}`")))
        }
        Exchanged::Error(error) => Err(failed(Reason::Limit(error), String::new())),
    })
}

/// Whether there is one: then nothing is gained by connecting ahead.
pub(super) fn is_there() -> bool {
    world::has_network_stand_in()
}

fn read(received: Received, hop: &Hop) -> Result<Answer, String> {
    let status = StatusCode::from_u16(received.status)
        .map_err(|_| format!("{} is no status", received.status))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &received.headers {
        let unusable = || format!("the header `{name}` is not one that can be sent");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| unusable())?);
    }
    Ok(Answer { status, headers, body: received.body, url: hop.url.clone() })
}
