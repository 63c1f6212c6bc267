//! Keys out of PEM and DER, as far as it takes to hand them to ring.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// What a DER document is, without a look at the numbers in it.
#[derive(Debug, PartialEq)]
pub(super) enum Der {
    /// PKCS#1, as ring takes it.
    RsaPublic(Vec<u8>),
    /// A point on P-256, uncompressed.
    EcPublic(Vec<u8>),
    /// PKCS#8.
    RsaPrivate(Vec<u8>),
    /// PKCS#1.
    RsaPrivateBare(Vec<u8>),
    /// PKCS#8.
    EcPrivate(Vec<u8>),
    /// A key, though of an algorithm that is not supported.
    Other,
}

/// One element in front of a text: its tag and content, and what comes after it.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Two bytes are enough for any key.
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => {
            let (bytes, rest) = rest.split_at_checked(2)?;
            (usize::from(bytes[0]) << 8 | usize::from(bytes[1]), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of an element of this tag, and what comes after it.
fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(input)?;
    (found == tag).then_some((content, rest))
}

/// Recognizes a key; `None` when this is none.
pub(super) fn read(der: &[u8]) -> Option<Der> {
    let (content, rest) = expect(der, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let (tag, first, rest) = element(content)?;
    match tag {
        // SubjectPublicKeyInfo: algorithm, key.
        SEQUENCE => {
            let (bits, end) = expect(rest, BITS)?;
            let key = bits.strip_prefix(&[0])?;
            if !end.is_empty() {
                return None;
            }
            Some(match algorithm(first)? {
                (RSA, _) => Der::RsaPublic(key.to_vec()),
                (ELLIPTIC, Some(P256)) => Der::EcPublic(key.to_vec()),
                _ => Der::Other,
            })
        }
        INTEGER => {
            let (tag, second, rest) = element(rest)?;
            match tag {
                // PKCS#8: version, algorithm, key.
                SEQUENCE => {
                    expect(rest, OCTETS)?;
                    Some(match algorithm(second)? {
                        (RSA, _) => Der::RsaPrivate(der.to_vec()),
                        (ELLIPTIC, Some(P256)) => Der::EcPrivate(der.to_vec()),
                        _ => Der::Other,
                    })
                }
                // PKCS#1: modulus, exponent; or version, modulus, exponent and more.
                INTEGER if rest.is_empty() => Some(Der::RsaPublic(der.to_vec())),
                INTEGER if expect(rest, INTEGER).is_some() => {
                    Some(Der::RsaPrivateBare(der.to_vec()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The algorithm of a key, and its curve if it has one.
fn algorithm(content: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (name, rest) = expect(content, OBJECT)?;
    Some((name, expect(rest, OBJECT).map(|(curve, _)| curve)))
}

/// How every PEM begins.
const BEGIN: &str = "-----BEGIN ";

pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// The label and the content of the first document of a PEM.
///
/// # Errors
/// What is wrong with it.
pub(super) fn from_pem(bytes: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the PEM is not text")?;
    // Environment variables and JSON often have the line ends of a PEM escaped.
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let begin = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once("-----"));
    let (label, rest) = begin.ok_or("the first line of the PEM is not whole")?;
    let end = rest.split_once(&format!("-----END {label}-----"));
    let (body, _) = end.ok_or("the PEM has no last line, `-----END …-----`")?;
    let solid: String = body.split_whitespace().collect();
    let der = STANDARD.decode(solid).map_err(|_| "the PEM is not base64 between its lines")?;
    Ok((label.to_owned(), der))
}
