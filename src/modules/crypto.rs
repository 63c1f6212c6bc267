//! `crypto::` hashes, signs and makes random values.
//!
//! `data` and keys are strings, as their UTF-8, or blobs. All functions throw `CryptoError` with the
//! field `reason`, one of the words named below; `argument` is for wrong arguments and options.
//!
//! # `crypto::sha256(data)`, `crypto::sha512(data)`, `crypto::sha1(data)`, `crypto::md5(data)`, `crypto::sha256(data, options)`, …
//!
//! Return a hash as a blob, or with the option `#{ hex: true }` as a string of hexadecimal digits.
//! SHA-1 and MD5 are for what others demand: neither protects against forgery.
//!
//! ```rhai
//! assert_eq(crypto::sha256("abc").len(), 32);
//! assert_eq(crypto::sha256("abc", #{ hex: true }),
//!     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
//! assert_eq(crypto::md5("abc", #{ hex: true }), "900150983cd24fb0d6963f7d28e17f72");
//! assert_eq(encoding::base64_encode(crypto::sha1("abc")), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
//! ```
//!
//! # `crypto::hmac_sha256(key, data)`, `crypto::hmac_sha512(key, data)`, `crypto::hmac_sha1(key, data)`, `crypto::hmac_sha256(key, data, options)`, …
//!
//! Return the code that shows that `data` comes from someone who knows `key`, as a blob or with
//! `#{ hex: true }` as a string. Compare codes by `constant_time_eq`.
//!
//! ```rhai
//! let code = crypto::hmac_sha256("Jefe", "what do ya want for nothing?", #{ hex: true });
//! assert_eq(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
//! ```
//!
//! # `crypto::constant_time_eq(a, b)`
//!
//! Returns whether two strings or blobs have the same bytes, in a time that does not tell how many of
//! them are. Their lengths are no secret.
//!
//! ```rhai
//! let expected = crypto::hmac_sha256("key", "body", #{ hex: true });
//! assert(crypto::constant_time_eq(expected, expected));
//! assert(!crypto::constant_time_eq(expected, "sha256=…"));
//! assert_throws(|| crypto::constant_time_eq(expected, ()), "CryptoError");
//! ```
//!
//! # `crypto::random_bytes(n)`
//!
//! Returns a blob of `n` bytes that nobody can guess.
//!
//! ```rhai
//! let token = encoding::base64url_encode(crypto::random_bytes(24));
//! assert_eq(token.len(), 32);
//! ```
//!
//! # `crypto::uuid()`, `crypto::uuid_v7()`
//!
//! Return a new identifier: a random one (version 4), or one that sorts by the time at which it was made
//! (version 7), as keys of databases like it. One environment makes the latter in strict order.
//!
//! ```rhai
//! let id = crypto::uuid();
//! assert_eq(id.len(), 36);
//! assert(crypto::uuid_v7() < crypto::uuid_v7());
//! ```
//!
//! # `crypto::jwt_sign(claims, key)`, `crypto::jwt_sign(claims, key, options)`
//!
//! Returns a JSON Web Token with a map of claims. The key decides the algorithm: a secret, best of 32 or
//! more random bytes, makes it HS256; an RSA key RS256; a P-256 key ES256. Such keys are PEM or DER, in
//! PKCS#8 (`-----BEGIN PRIVATE KEY-----`); RSA keys may be PKCS#1 as well. In a PEM from an environment
//! variable, `\n` counts as the end of a line.
//!
//! | option | |
//! |---|---|
//! | `algorithm` | `"HS256"`, `"RS256"` or `"ES256"`: throws unless the key is for it |
//! | `expires_in_seconds` | adds `iat`, the time now, and `exp`, so many seconds later |
//! | `header` | a map with more members of the header, such as `#{ kid: "2026-11" }` |
//!
//! Throws with the reason `key` for a key that is not one or not for this, and `claims` for claims that
//! JSON cannot express.
//!
//! ```rhai
//! let token = crypto::jwt_sign(#{ sub: "ada" }, "a secret of 32 bytes or a few more", #{ expires_in_seconds: 300 });
//! assert_eq(token.split(".").len(), 3);
//! ```
//!
//! # `crypto::jwt_verify(token, key, options)`
//!
//! Returns the claims of a token, if it is signed by the key and valid now. The option `algorithms` must
//! say which ones to accept: a token does not choose that itself, and never together with a key of another
//! kind. `none` is no algorithm.
//!
//! The key is the secret, a public key as PEM or DER (`-----BEGIN PUBLIC KEY-----`), or a JSON Web Key as a
//! map: one, or a set (`#{ keys: […] }`) from which the token's `kid` selects.
//!
//! | option | |
//! |---|---|
//! | `algorithms` | an array of `"HS256"`, `"RS256"`, `"ES256"`; required |
//! | `issuer` | `iss` must be this, or one of an array |
//! | `audience` | `aud` must hold this, or one of an array; a token that has `aud` is refused without it |
//! | `require` | names of claims that must be there, such as `["exp", "sub"]` |
//! | `leeway_seconds` | how far clocks may differ where `exp` and `nbf` are checked, 0 if not given |
//!
//! The reason of an error is `malformed`, `algorithm`, `key`, `signature`, `expired`, `not_yet_valid`,
//! `issuer`, `audience` or `claims`.
//!
//! ```rhai
//! let secret = "a secret of 32 bytes or a few more";
//! let token = crypto::jwt_sign(#{ sub: "ada", iss: "me", exp: 4102444800 }, secret);
//! let claims = crypto::jwt_verify(token, secret, #{ algorithms: ["HS256"], issuer: "me" });
//! assert_eq(claims.sub, "ada");
//!
//! let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.";
//! let error = assert_throws(|| crypto::jwt_verify(forged, secret, #{ algorithms: ["HS256"] }), "CryptoError");
//! assert_eq(error.reason, "algorithm");
//! ```

mod der;
mod jwt;
mod keys;
mod uuid;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Map, Module, NativeCallContext};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

use crate::engine::{placed, raise_with};
use crate::modules::Host;
use crate::modules::bytes::{Fallible, with_bytes};
use crate::modules::encoding::base64::hex_encode;
use crate::modules::options::Options;
use crate::world;

/// An error of this module. Each has a word that programs can compare.
fn fail(reason: &'static str, message: impl Into<String>) -> Box<EvalAltResult> {
    raise_with("CryptoError", message, [("reason", reason.into())])
}

fn wrong_argument(message: String) -> Box<EvalAltResult> {
    fail("argument", message)
}

pub(crate) fn register(engine: &mut Engine, host: &Host) {
    let mut module = Module::new();
    hash(&mut module, "md5", |data| md5::compute(data).0.to_vec());
    for (name, algorithm) in [
        ("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        ("sha256", &digest::SHA256),
        ("sha512", &digest::SHA512),
    ] {
        hash(&mut module, name, |data| digest::digest(algorithm, data).as_ref().to_vec());
    }
    for (name, algorithm) in [
        ("hmac_sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        ("hmac_sha256", hmac::HMAC_SHA256),
        ("hmac_sha512", hmac::HMAC_SHA512),
    ] {
        code(&mut module, name, algorithm);
    }
    pure("constant_time_eq").set_into_module(
        &mut module,
        |context: NativeCallContext, a: &mut Dynamic, b: Dynamic| {
            let same = with_bytes(a, "a", wrong_argument, |a| {
                with_bytes(&b, "b", wrong_argument, |b| Ok(is_same(a, b)))
            });
            placed(context.call_position(), same)
        },
    );
    random(&mut module, host);
    tokens(&mut module, host);
    engine.register_static_module("crypto", module.into());
}

/// The first argument is looked at where it is: constants can be hashed, and nothing is copied.
fn pure(name: &str) -> FuncRegistration {
    FuncRegistration::new(name).with_purity(true)
}

/// Bytes as the option `hex` wants them.
fn rendered(bytes: Vec<u8>, options: Option<&Map>) -> Fallible<Dynamic> {
    let as_hex = match options {
        Some(options) => Options::new(options, &["hex"], wrong_argument)?.flag("hex")?,
        None => false,
    };
    Ok(if as_hex { hex_encode(&bytes).into() } else { Dynamic::from_blob(bytes) })
}

fn hash(module: &mut Module, name: &str, work: impl Fn(&[u8]) -> Vec<u8> + Copy + 'static) {
    let hash = move |context: &NativeCallContext, data: &Dynamic, options: Option<&Map>| {
        let result = with_bytes(data, "data", wrong_argument, |data| rendered(work(data), options));
        placed(context.call_position(), result)
    };
    pure(name).set_into_module(module, move |context: NativeCallContext, data: &mut Dynamic| {
        hash(&context, data, None)
    });
    pure(name).set_into_module(
        module,
        move |context: NativeCallContext, data: &mut Dynamic, options: Map| {
            hash(&context, data, Some(&options))
        },
    );
}

fn code(module: &mut Module, name: &str, algorithm: hmac::Algorithm) {
    let sign =
        move |context: &NativeCallContext, key: &Dynamic, data: &Dynamic, options: Option<&Map>| {
            let result = with_bytes(key, "key", wrong_argument, |key| {
                with_bytes(data, "data", wrong_argument, |data| {
                    let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
                    rendered(tag.as_ref().to_vec(), options)
                })
            });
            placed(context.call_position(), result)
        };
    pure(name).set_into_module(
        module,
        move |context: NativeCallContext, key: &mut Dynamic, data: Dynamic| {
            sign(&context, key, &data, None)
        },
    );
    pure(name).set_into_module(
        module,
        move |context: NativeCallContext, key: &mut Dynamic, data: Dynamic, options: Map| {
            sign(&context, key, &data, Some(&options))
        },
    );
}

/// Looks at every byte, whatever it finds.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
    a.len() == b.len() && difference == 0
}

fn random(module: &mut Module, host: &Host) {
    let guard = host.guard.clone();
    module.set_native_fn("random_bytes", move |context: NativeCallContext, n: i64| {
        let bytes = || {
            let size = usize::try_from(n).map_err(|_| {
                wrong_argument(format!("`n` is {n}, expected a number of bytes from 0 on"))
            })?;
            guard.reserve(size)?;
            let mut bytes = vec![0; size];
            fill(&mut bytes)?;
            Ok(Dynamic::from_blob(bytes))
        };
        placed(context.call_position(), bytes())
    });
    module.set_native_fn("uuid", |context: NativeCallContext| {
        let bytes = random_uuid();
        placed(context.call_position(), bytes.map(|bytes| uuid::text(bytes, 4)))
    });
    let last = Rc::new(Cell::new(0));
    module.set_native_fn("uuid_v7", move |context: NativeCallContext| {
        let bytes = random_uuid().map(|bytes| uuid::ordered(bytes, now(), &last));
        placed(context.call_position(), bytes.map(|bytes| uuid::text(bytes, 7)))
    });
}

fn random_uuid() -> Fallible<[u8; 16]> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Fallible<()> {
    let no_source = |_| fail("random", "the system has no random bytes to give");
    SystemRandom::new().fill(bytes).map_err(no_source)
}

/// The time since 1970.
fn now() -> Duration {
    world::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn tokens(module: &mut Module, host: &Host) {
    let signer = jwt::Jwt::new(Rc::clone(&host.guard), host.limits.max_json_depth);
    let sign = signer.clone();
    pure("jwt_sign").set_into_module(
        module,
        move |context: NativeCallContext, claims: &mut Map, key: Dynamic| {
            let options = Options::none(wrong_argument);
            placed(context.call_position(), sign.sign(claims, &key, &options, now()))
        },
    );
    let sign = signer.clone();
    pure("jwt_sign").set_into_module(
        module,
        move |context: NativeCallContext, claims: &mut Map, key: Dynamic, options: Map| {
            let token = Options::new(&options, jwt::SIGN_OPTIONS, wrong_argument)
                .and_then(|options| sign.sign(claims, &key, &options, now()));
            placed(context.call_position(), token)
        },
    );
    module.set_native_fn(
        "jwt_verify",
        move |context: NativeCallContext, token: Dynamic, key: Dynamic, options: Map| {
            let claims = Options::new(&options, jwt::VERIFY_OPTIONS, wrong_argument)
                .and_then(|options| signer.verify(&token, &key, &options, now()));
            placed(context.call_position(), claims)
        },
    );
    // Without options it cannot be safe: say so, rather than that there is no such function.
    module.set_native_fn("jwt_verify", |context: NativeCallContext, _: Dynamic, _: Dynamic| {
        placed::<Dynamic>(context.call_position(), Err(jwt::no_algorithms()))
    });
}

#[cfg(test)]
mod tests;
