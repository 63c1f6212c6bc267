//! base64 in its two alphabets, and hexadecimal.

use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use base64::{DecodeError, alphabet::Alphabet};

use crate::modules::encoding::Undecodable;

/// Reads as `atob` of browsers does: padding may be left out, and what the last character says
/// beyond whole bytes does not matter.
const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

const fn of(alphabet: &Alphabet, padding: bool) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, FORGIVING.with_encode_padding(padding))
}

const PLAIN: GeneralPurpose = of(&STANDARD, true);
const URL: GeneralPurpose = of(&URL_SAFE, false);

/// For JWTs, which have one form alone.
const STRICT_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

pub(crate) fn encode(bytes: &[u8]) -> String {
    PLAIN.encode(bytes)
}

pub(crate) fn url_encode(bytes: &[u8]) -> String {
    URL.encode(bytes)
}

pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Undecodable> {
    decode_with(&PLAIN, text, "base64", "; the characters `-` and `_` are of `base64url_decode`")
}

pub(crate) fn url_decode(text: &[u8]) -> Result<Vec<u8>, Undecodable> {
    decode_with(&URL, text, "base64url", "; the characters `+` and `/` are of `base64_decode`")
}

/// Without padding, white space or bits beyond whole bytes.
pub(crate) fn strict_url_decode(text: &[u8]) -> Option<Vec<u8>> {
    STRICT_URL.decode(text).ok()
}

fn decode_with(
    engine: &GeneralPurpose,
    text: &[u8],
    name: &str,
    other: &str,
) -> Result<Vec<u8>, Undecodable> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    // Mail and PEM break the lines.
    let decoded = match text.iter().any(is_blank) {
        true => {
            let solid: Vec<u8> = text.iter().copied().filter(|byte| !is_blank(byte)).collect();
            engine.decode(solid)
        }
        false => engine.decode(text),
    };
    decoded.map_err(|error| match error {
        DecodeError::InvalidByte(offset, byte) => {
            // Where it is with the white space.
            let solid = text.iter().enumerate().filter(|(_, byte)| !is_blank(byte));
            let offset = solid.map(|(at, _)| at).nth(offset).unwrap_or(offset);
            let hint = if b"-_+/".contains(&byte) { other } else { "" };
            let what = Undecodable::character(text, offset);
            Undecodable { message: format!("{what} is not {name}{hint}"), offset: Some(offset) }
        }
        DecodeError::InvalidPadding => {
            Undecodable { message: format!("the padding is not {name}"), offset: None }
        }
        _ => Undecodable {
            message: format!("the text ends within a group of {name} characters"),
            offset: Some(text.len()),
        },
    })
}

pub(crate) fn hex_encode(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn hex_decode(text: &[u8]) -> Result<Vec<u8>, Undecodable> {
    let digit = |at: usize| {
        char::from(text[at]).to_digit(16).map(|value| value as u8).ok_or_else(|| Undecodable {
            message: format!("{} is not a hexadecimal digit", Undecodable::character(text, at)),
            offset: Some(at),
        })
    };
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for at in (0..text.len() & !1).step_by(2) {
        bytes.push(digit(at)? << 4 | digit(at + 1)?);
    }
    if text.len() % 2 == 1 {
        let message = "an odd number of hexadecimal digits, expected two for each byte".to_owned();
        return Err(Undecodable { message, offset: Some(text.len()) });
    }
    Ok(bytes)
}
