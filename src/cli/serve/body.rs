//! Events and results on their way to the page: text where they are text, and not too much of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// So much of one body is shown.
const SHOWN: usize = 256 << 10;

/// `body` as the page takes it.
pub(super) fn shown(body: &[u8]) -> Value {
    let head = &body[..body.len().min(SHOWN)];
    let (cut, whole) = (head.len() < body.len(), body.len());
    match text(head, cut) {
        Some(text) => json!({ "text": text, "bytes": whole, "cut": cut }),
        None => json!({ "base64": STANDARD.encode(head), "bytes": whole, "cut": cut }),
    }
}

/// The text of `head`, which may end in the middle of a character if it was `cut`.
fn text(head: &[u8], cut: bool) -> Option<&str> {
    match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, shown};

    #[test]
    fn bodies_are_text_bytes_or_the_start_of_either() {
        assert_eq!(shown(b"{}")["text"], "{}");
        assert_eq!(shown(&[0xff, 0])["base64"], "/wA=");
        let long = "ä".repeat(SHOWN);
        let start = shown(&[b"x", long.as_bytes()].concat());
        let text = start["text"].as_str().unwrap();
        assert!(text.ends_with('ä') && text.len() == SHOWN - 1, "{}", text.len());
        assert_eq!((&start["cut"], &start["bytes"]), (&true.into(), &(1 + long.len()).into()));
    }
}
