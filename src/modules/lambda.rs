//! `lambda::` is about the answer itself.
//!
//! # `lambda::raw(data, content_type)`
//!
//! Returns an answer for the handler to return: its bytes are `data`, a string or a blob, sent as they
//! are and not as JSON. Throws `LambdaError` for a content type that no header can carry.
//!
//! ```rhai
//! fn handler(event) {
//!     lambda::raw("<h1>Hello</h1>", "text/html")
//! }
//! ```

use rhai::{Blob, Dynamic, Engine, EvalAltResult, ImmutableString, Module, NativeCallContext};

use crate::engine::{placed, raise};
use crate::modules::Host;

/// An answer that is sent as it is.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: String,
}

pub(crate) fn register(engine: &mut Engine, _: &Host) {
    let mut module = Module::new();
    module.set_native_fn(
        "raw",
        |context: NativeCallContext, text: ImmutableString, content_type: &str| {
            placed(context.call_position(), raw(text.as_bytes().to_vec(), content_type))
        },
    );
    module.set_native_fn("raw", |context: NativeCallContext, blob: Blob, content_type: &str| {
        placed(context.call_position(), raw(blob, content_type))
    });
    engine.register_static_module("lambda", module.into());
}

fn raw(body: Vec<u8>, content_type: &str) -> Result<Dynamic, Box<EvalAltResult>> {
    let printable = content_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || !content_type.contains('/') {
        let message =
            format!("{content_type:?} is not a content type, expected one such as `text/plain`");
        return Err(raise(("LambdaError", message)));
    }
    Ok(Dynamic::from(Raw { body, content_type: content_type.to_owned() }))
}
