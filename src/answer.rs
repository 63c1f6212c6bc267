//! What a handler answers, on its way to Lambda.

use std::borrow::Cow;

/// The bytes of an answer and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The bytes, as Lambda takes them.
    pub body: Vec<u8>,
    /// `application/json`, unless the script said otherwise with `lambda::raw`.
    pub content_type: Cow<'static, str>,
}
