//! The keys of tokens: what a script gave, and the one algorithm that it is for.

use rhai::{Dynamic, EvalAltResult, Map};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use ring::{error::Unspecified, hmac};

use crate::modules::bytes::{Fallible, with_bytes};
use crate::modules::crypto::der::{self, Der};
use crate::modules::crypto::{fail, wrong_argument};
use crate::modules::encoding::base64::strict_url_decode;

/// The algorithms of tokens. A key is for one of them alone: that is what keeps a public key from
/// being taken for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 3] = [Self::Hs256, Self::Rs256, Self::Es256];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

fn unusable(message: impl Into<String>) -> Box<EvalAltResult> {
    fail("key", message)
}

const PUBLIC_EXPECTED: &str = "expected a secret, an RSA or P-256 public key";
const PRIVATE_EXPECTED: &str = "expected a secret, an RSA or P-256 private key";

/// A key to sign with.
pub(super) enum SigningKey {
    Secret(hmac::Key),
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    pub(super) fn read(key: &Dynamic) -> Fallible<Self> {
        with_bytes(key, "key", wrong_argument, |bytes| match document(bytes)? {
            None => Ok(Self::Secret(secret(bytes)?)),
            Some(Der::RsaPrivate(der)) => {
                let pair = RsaKeyPair::from_pkcs8(&der).map_err(rejected)?;
                Ok(Self::Rsa(Box::new(pair)))
            }
            Some(Der::RsaPrivateBare(der)) => {
                let pair = RsaKeyPair::from_der(&der).map_err(rejected)?;
                Ok(Self::Rsa(Box::new(pair)))
            }
            Some(Der::EcPrivate(der)) => {
                let random = SystemRandom::new();
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random);
                Ok(Self::Ec(pair.map_err(rejected)?))
            }
            Some(Der::RsaPublic(_) | Der::EcPublic(_)) => {
                Err(unusable("`key` is a public key, which cannot sign; sign with the private key"))
            }
            Some(Der::Other) => {
                Err(unusable(format!("`key` is a key of another algorithm, {PRIVATE_EXPECTED}")))
            }
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::Hs256,
            Self::Rsa(_) => Algorithm::Rs256,
            Self::Ec(_) => Algorithm::Es256,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Fallible<Vec<u8>> {
        let random = SystemRandom::new();
        let signed = match self {
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
            Self::Ec(pair) => pair.sign(&random, message).map(|signed| signed.as_ref().to_vec()),
        };
        signed.map_err(|Unspecified| unusable("`key` cannot sign"))
    }
}

fn rejected(error: ring::error::KeyRejected) -> Box<EvalAltResult> {
    unusable(format!("`key` cannot be used: {}", error.to_string().to_lowercase()))
}

/// A key to verify with.
#[derive(Debug)]
pub(super) enum VerifyingKey {
    Secret(hmac::Key),
    /// PKCS#1.
    Rsa(Vec<u8>),
    /// Modulus and exponent, of a JSON Web Key.
    RsaNumbers(Vec<u8>, Vec<u8>),
    /// A point, uncompressed.
    Ec(Vec<u8>),
}

impl VerifyingKey {
    /// Reads what a script gave; `id` is the `kid` of the token, which selects from a set.
    pub(super) fn read(key: &Dynamic, id: Option<&str>, wanted: Algorithm) -> Fallible<Self> {
        if let Ok(map) = key.as_map_ref() {
            return match map.get("keys") {
                Some(keys) => Self::select(keys, id, wanted),
                None => Self::from_jwk(&map),
            };
        }
        with_bytes(key, "key", wrong_argument, |bytes| match document(bytes)? {
            None => Ok(Self::Secret(secret(bytes)?)),
            Some(Der::RsaPublic(der)) => Ok(Self::Rsa(der)),
            Some(Der::EcPublic(point)) => Ok(Self::Ec(point)),
            Some(Der::RsaPrivate(_) | Der::RsaPrivateBare(_) | Der::EcPrivate(_)) => Err(unusable(
                "`key` is a private key; verify with the public one, so that the private one need \
                 not be here",
            )),
            Some(Der::Other) => {
                Err(unusable(format!("`key` is a key of another algorithm, {PUBLIC_EXPECTED}")))
            }
        })
    }

    /// The key of a set that the token names; without a name, the only one for its algorithm.
    fn select(keys: &Dynamic, id: Option<&str>, wanted: Algorithm) -> Fallible<Self> {
        let keys = keys.as_array_ref().map_err(|found| {
            unusable(format!("`keys` of the key set is a {found}, not an array"))
        })?;
        let mut candidates = Vec::new();
        for key in keys.iter() {
            let Ok(map) = key.as_map_ref() else { continue };
            let is_it = id.is_none_or(|id| text(&map, "kid").is_some_and(|kid| kid == id));
            // Sets hold keys for other uses and of other kinds, which are not looked at.
            let is_for_signing = text(&map, "use").is_none_or(|usage| usage == "sig");
            if is_it && is_for_signing {
                candidates.extend(Self::from_jwk(&map).ok());
            }
        }
        candidates.retain(|key| key.algorithm() == wanted);
        match (candidates.pop(), candidates.is_empty(), id) {
            (Some(key), true, _) => Ok(key),
            (Some(_), false, None) => {
                Err(unusable("the token has no `kid`, and several keys of the set are of its kind"))
            }
            (Some(_), false, Some(_)) => Err(unusable("the key set has the token's `kid` twice")),
            (None, _, Some(_)) => Err(unusable(format!(
                "the key set has no {} key of the token's `kid`",
                wanted.name()
            ))),
            (None, _, None) => Err(unusable(format!("the key set has no {} key", wanted.name()))),
        }
    }

    fn from_jwk(jwk: &Map) -> Fallible<Self> {
        let member = |name: &str| {
            text(jwk, name).and_then(|text| strict_url_decode(text.as_bytes())).ok_or_else(|| {
                unusable(format!("`{name}` of the JSON Web Key is missing or not base64url"))
            })
        };
        let kind = text(jwk, "kty").unwrap_or_default();
        let key = match kind.as_str() {
            "oct" => Self::Secret(secret(&member("k")?)?),
            "RSA" => Self::RsaNumbers(member("n")?, member("e")?),
            "EC" if text(jwk, "crv").as_deref() == Some("P-256") => {
                let (x, y) = (member("x")?, member("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(unusable("`x` and `y` of a P-256 key have 32 bytes each"));
                }
                Self::Ec([&[4][..], &x, &y].concat())
            }
            "EC" => return Err(unusable("`crv` of the JSON Web Key is not `P-256`")),
            "" => return Err(unusable("a JSON Web Key has `kty`, a key set has `keys`")),
            _ => return Err(unusable("`kty` of the JSON Web Key is none of `oct`, `RSA`, `EC`")),
        };
        match text(jwk, "alg") {
            Some(name) if name != key.algorithm().name() => Err(unusable(format!(
                "the JSON Web Key is for `{name}`, not for tokens of its kind"
            ))),
            _ => Ok(key),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::Hs256,
            Self::Rsa(_) | Self::RsaNumbers(..) => Algorithm::Rs256,
            Self::Ec(_) => Algorithm::Es256,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified =
            match self {
                Self::Secret(key) => hmac::verify(key, message, signature),
                Self::Rsa(der) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
                    .verify(message, signature),
                Self::RsaNumbers(n, e) => RsaPublicKeyComponents { n, e }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                ),
                Self::Ec(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature),
            };
        verified.is_ok()
    }
}

fn text(map: &Map, name: &str) -> Option<String> {
    map.get(name)?.as_immutable_string_ref().ok().map(|text| text.to_string())
}

fn secret(bytes: &[u8]) -> Fallible<hmac::Key> {
    if bytes.is_empty() {
        return Err(unusable("`key` is empty, anyone could sign with it"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

/// The key in a PEM or DER; `None` for a plain secret.
fn document(bytes: &[u8]) -> Fallible<Option<Der>> {
    if !der::is_pem(bytes) {
        return Ok(der::read(bytes));
    }
    let (label, der) = der::from_pem(bytes).map_err(|what| unusable(format!("`key`: {what}")))?;
    let hint = match label.as_str() {
        "PUBLIC KEY" | "PRIVATE KEY" | "RSA PUBLIC KEY" | "RSA PRIVATE KEY" => {
            return match der::read(&der) {
                Some(key) => Ok(Some(key)),
                None => Err(unusable(format!("`key` is a damaged {label}"))),
            };
        }
        "EC PRIVATE KEY" => "convert it by `openssl pkcs8 -topk8 -nocrypt -in key.pem`",
        "ENCRYPTED PRIVATE KEY" => "decrypt it by `openssl pkcs8 -in key.pem`",
        "CERTIFICATE" => "take its public key by `openssl x509 -pubkey -noout -in cert.pem`",
        _ => "expected a PRIVATE KEY or PUBLIC KEY",
    };
    Err(unusable(format!("`key` is a PEM of type {label}: {hint}")))
}
