//! `encoding::` turns bytes into text and text into bytes.
//!
//! What is encoded is a string, as its UTF-8, or a blob. What is decoded becomes a blob, or a string
//! with the option `#{ text: true }`. All functions throw `EncodingError` for what they cannot read,
//! with the field `offset`, the byte at which they stopped, where there is one.
//!
//! # `encoding::base64_encode(data)`, `encoding::base64_decode(text)`, `encoding::base64_decode(text, options)`
//!
//! Return the base64 of a string or blob, with padding; and the bytes of a base64 text, in which padding
//! may be missing and white space is passed over.
//!
//! ```rhai
//! assert_eq(encoding::base64_encode("Hello"), "SGVsbG8=");
//! assert_eq(encoding::base64_decode("SGVsbG8=").len(), 5);
//! assert_eq(encoding::base64_decode("SGVs\nbG8", #{ text: true }), "Hello");
//! assert_eq(assert_throws(|| encoding::base64_decode("SGV?"), "EncodingError").offset, 3);
//! ```
//!
//! # `encoding::base64url_encode(data)`, `encoding::base64url_decode(text)`, `encoding::base64url_decode(text, options)`
//!
//! The same with the alphabet for addresses and tokens, `-` and `_` in place of `+` and `/`; written
//! without padding.
//!
//! ```rhai
//! assert_eq(encoding::base64url_encode("a?>"), "YT8-");
//! assert_eq(encoding::base64url_decode("YT8-", #{ text: true }), "a?>");
//! ```
//!
//! # `encoding::hex_encode(data)`, `encoding::hex_decode(text)`, `encoding::hex_decode(text, options)`
//!
//! Return two hexadecimal digits for each byte, in lower case; and the bytes of such digits, in either
//! case.
//!
//! ```rhai
//! assert_eq(encoding::hex_encode("Hi!"), "486921");
//! assert_eq(encoding::hex_decode("486921", #{ text: true }), "Hi!");
//! assert_throws(|| encoding::hex_decode("48692"), "EncodingError");
//! ```
//!
//! # `encoding::url_encode(data)`, `encoding::url_decode(text)`
//!
//! Return a string or blob as a part of an address, as `encodeURIComponent` of browsers does: all but
//! letters, digits and `-_.!~*'()` become `%XX`; and the string that such a text stands for. The latter
//! throws for a `%` without two digits and for what is not UTF-8. A `+` is a plus: forms, where it is a
//! space, are for `form_decode`.
//!
//! ```rhai
//! assert_eq(encoding::url_encode("50 % off/ä"), "50%20%25%20off%2F%C3%A4");
//! assert_eq(encoding::url_decode("50%20%25%20off%2F%C3%A4"), "50 % off/ä");
//! assert_throws(|| encoding::url_decode("50%"), "EncodingError");
//! ```
//!
//! # `encoding::form_encode(map)`, `encoding::form_decode(text)`
//!
//! Return a map as the body of a form or the query of an address (`application/x-www-form-urlencoded`),
//! sorted by key; and the map of such a text, a string or a blob. A key that comes more than once has an
//! array. Values are strings, numbers, booleans or arrays of these; those that are `()` are left out.
//! Decoding never throws: as in browsers, what is not understood stays as it is.
//!
//! ```rhai
//! assert_eq(encoding::form_encode(#{ q: "tea & milk", page: 2, tag: ["a", "b"], next: () }),
//!     "page=2&q=tea+%26+milk&tag=a&tag=b");
//! assert_eq(encoding::form_decode("q=tea+%26+milk&tag=a&tag=b"), #{ q: "tea & milk", tag: ["a", "b"] });
//! assert_throws(|| encoding::form_encode(#{ q: #{} }), "EncodingError");
//! ```
//!
//! # `encoding::utf8_decode(blob)`
//!
//! Returns the text of a blob. Throws for one that is not UTF-8, naming the byte.
//!
//! ```rhai
//! assert_eq(encoding::utf8_decode("Grüße".to_blob()), "Grüße");
//! let error = assert_throws(|| encoding::utf8_decode(encoding::hex_decode("4869ff")), "EncodingError");
//! assert_eq(error.errorMessage, "the byte 0xff at 2 is not UTF-8");
//! assert_eq(error.offset, 2);
//! ```
//!
//! # `encoding::gzip(data)`, `encoding::gunzip(blob)`, `encoding::gunzip(blob, options)`
//!
//! Return a string or blob compressed, the same bytes for the same data; and what was compressed, which
//! throws `DataTooLarge` when that does not fit into the memory that a script may have.
//!
//! ```rhai
//! let small = encoding::gzip("Hello, hello, hello");
//! assert_eq(encoding::gunzip(small, #{ text: true }), "Hello, hello, hello");
//! assert_throws(|| encoding::gunzip(small.extract(0, 20)), "EncodingError");
//!
//! // What CloudWatch Logs sends to a subscriber is gzip in base64.
//! let event = #{ awslogs: #{ data: "H4sIAAAAAAACA6tWyslPdy1LzSspVrKKrlbKTS0uTkxPVbJS8kjNyclXqo2tBQB2UTZzIwAAAA==" } };
//! let logs = encoding::gunzip(encoding::base64_decode(event.awslogs.data), #{ text: true });
//! assert_eq(json::parse(logs).logEvents[0].message, "Hello");
//! ```

pub(crate) mod base64;
mod gzip;
pub(crate) mod url;

use std::rc::Rc;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Map, Module, NativeCallContext};

use crate::engine::{Guard, placed, raise_with};
use crate::modules::Host;
use crate::modules::bytes::{Fallible, with_bytes};
use crate::modules::options::Options;

/// What a pair of a form takes in memory beyond its text.
const PAIR: usize = 160;

/// Why a text cannot be decoded.
#[derive(Debug, Default)]
pub(crate) struct Undecodable {
    pub(crate) message: String,
    /// The byte at which it is wrong.
    pub(crate) offset: Option<usize>,
}

impl Undecodable {
    /// What stands at `offset`, for a message.
    fn character(text: &[u8], offset: usize) -> String {
        let rest = text.get(offset..).unwrap_or_default();
        // A character has at most four bytes.
        let start = &rest[..rest.len().min(4)];
        let character =
            match start.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
                Some(character) => format!("{character:?}"),
                None => format!("0x{:02x}", start.first().unwrap_or(&0)),
            };
        format!("the {character} at {offset}")
    }
}

impl From<Undecodable> for Box<EvalAltResult> {
    fn from(error: Undecodable) -> Self {
        let offset = error.offset.and_then(|offset| i64::try_from(offset).ok());
        raise_with("EncodingError", error.message, offset.map(|offset| ("offset", offset.into())))
    }
}

fn fail(message: String) -> Box<EvalAltResult> {
    raise_with("EncodingError", message, [])
}

/// The text of bytes.
fn text_of(bytes: Vec<u8>) -> Result<String, Undecodable> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[offset];
        let message = format!("the byte 0x{byte:02x} at {offset} is not UTF-8");
        Undecodable { message, offset: Some(offset) }
    })
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    encoder(&mut module, host, "base64_encode", 2, base64::encode);
    encoder(&mut module, host, "base64url_encode", 2, base64::url_encode);
    encoder(&mut module, host, "hex_encode", 2, base64::hex_encode);
    encoder(&mut module, host, "url_encode", 3, url::encode);
    let of = |decode: fn(&[u8]) -> Result<Vec<u8>, Undecodable>| {
        move |text: &[u8], guard: &Guard| {
            // Twice, for a text without its white space.
            guard.reserve(text.len().saturating_mul(2))?;
            Ok(decode(text)?)
        }
    };
    decoder(&mut module, host, "base64_decode", of(base64::decode));
    decoder(&mut module, host, "base64url_decode", of(base64::url_decode));
    decoder(&mut module, host, "hex_decode", of(base64::hex_decode));
    decoder(&mut module, host, "gunzip", gzip::gunzip);
    native(&mut module, host, "url_decode", |text, guard| {
        guard.reserve(text.len())?;
        Ok(url::decode(text)?.into())
    });
    native(&mut module, host, "form_decode", |text, guard| {
        let pairs = 1 + text.iter().filter(|byte| **byte == b'&').count();
        guard.reserve(pairs.saturating_mul(PAIR).saturating_add(text.len()))?;
        Ok(Dynamic::from_map(url::form_decode(text)))
    });
    native(&mut module, host, "utf8_decode", |bytes, guard| {
        guard.reserve(bytes.len())?;
        Ok(text_of(bytes.to_vec())?.into())
    });
    native(&mut module, host, "gzip", |bytes, guard| {
        Ok(Dynamic::from_blob(gzip::gzip(bytes, guard)?))
    });
    pure("form_encode").set_into_module(
        &mut module,
        |context: NativeCallContext, map: &mut Map| {
            placed(context.call_position(), url::form_encode(map).map_err(fail))
        },
    );
    engine.register_static_module("encoding", module.into());
}

/// The first argument is looked at where it is: constants can be encoded, and nothing is copied.
fn pure(name: &str) -> FuncRegistration {
    FuncRegistration::new(name).with_purity(true)
}

/// A function of a string or a blob.
fn native(
    module: &mut Module,
    host: &Host,
    name: &str,
    work: impl Fn(&[u8], &Guard) -> Fallible<Dynamic> + 'static,
) {
    let guard = host.guard.clone();
    pure(name).set_into_module(module, move |context: NativeCallContext, data: &mut Dynamic| {
        let result = with_bytes(data, "data", fail, |bytes| work(bytes, &guard));
        placed(context.call_position(), result)
    });
}

/// A function whose text is at most `growth` times as long as the bytes.
fn encoder(
    module: &mut Module,
    host: &Host,
    name: &str,
    growth: usize,
    encode: fn(&[u8]) -> String,
) {
    native(module, host, name, move |bytes, guard| {
        guard.reserve(bytes.len().saturating_mul(growth))?;
        Ok(encode(bytes).into())
    });
}

/// A function that returns a blob, or by option a string.
fn decoder(
    module: &mut Module,
    host: &Host,
    name: &str,
    decode: impl Fn(&[u8], &Guard) -> Fallible<Vec<u8>> + 'static,
) {
    let decode = Rc::new(decode);
    let plain = Rc::clone(&decode);
    native(module, host, name, move |text, guard| Ok(Dynamic::from_blob(plain(text, guard)?)));
    let guard = host.guard.clone();
    pure(name).set_into_module(
        module,
        move |context: NativeCallContext, data: &mut Dynamic, options: Map| {
            let work = |data: &[u8]| {
                let as_text = Options::new(&options, &["text"], fail)?.flag("text")?;
                let bytes = decode(data, &guard)?;
                Ok(match as_text {
                    true => text_of(bytes)?.into(),
                    false => Dynamic::from_blob(bytes),
                })
            };
            placed(context.call_position(), with_bytes(data, "data", fail, work))
        },
    );
}
