//! JSON Web Tokens (RFC 7519) in their compact form: signed, verified, their claims checked.

use std::rc::Rc;
use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map};

use crate::engine::Guard;
use crate::modules::bytes::{Fallible, with_article};
use crate::modules::crypto::keys::{Algorithm, SigningKey, VerifyingKey};
use crate::modules::crypto::{fail, wrong_argument};
use crate::modules::encoding::base64::{strict_url_decode, url_encode};
use crate::modules::options::Options;
use crate::payload;

pub(super) const SIGN_OPTIONS: &[&str] = &["algorithm", "expires_in_seconds", "header"];
pub(super) const VERIFY_OPTIONS: &[&str] =
    &["algorithms", "issuer", "audience", "require", "leeway_seconds"];

/// What tokens need of the engine that reads and writes them.
#[derive(Clone)]
pub(super) struct Jwt {
    guard: Rc<Guard>,
    max_depth: usize,
}

pub(super) fn no_algorithms() -> Box<EvalAltResult> {
    wrong_argument(
        "the option `algorithms` is missing: say which ones to accept, as in \
         `#{ algorithms: [\"RS256\"] }`"
            .to_owned(),
    )
}

fn malformed(what: &str) -> Box<EvalAltResult> {
    fail("malformed", format!("the token is not a signed JSON Web Token: {what}"))
}

fn known_algorithm(name: &str) -> Fallible<Algorithm> {
    Algorithm::parse(name).ok_or_else(|| {
        wrong_argument(format!("`{name}` is no algorithm here, there is `HS256`, `RS256`, `ES256`"))
    })
}

impl Jwt {
    pub(super) fn new(guard: Rc<Guard>, max_depth: usize) -> Self {
        Self { guard, max_depth }
    }

    pub(super) fn sign(
        &self,
        claims: &Map,
        key: &Dynamic,
        options: &Options<'_>,
        now: Duration,
    ) -> Fallible<ImmutableString> {
        let key = SigningKey::read(key)?;
        let algorithm = key.algorithm();
        if let Some(name) = options.text("algorithm")? {
            let wanted = known_algorithm(&name)?;
            if wanted != algorithm {
                let (wanted, found) = (wanted.name(), algorithm.name());
                return Err(fail("key", format!("`key` is for {found}, not for {wanted}")));
            }
        }
        let mut header = Map::new();
        header.insert("alg".into(), algorithm.name().into());
        header.insert("typ".into(), "JWT".into());
        if let Some(more) = options.value("header") {
            let more = more.as_map_ref().map_err(|found| {
                let found = with_article(found);
                wrong_argument(format!("the option `header` takes a map, not {found}"))
            })?;
            if more.contains_key("alg") {
                let message = "the option `header` holds `alg`, which the key decides";
                return Err(wrong_argument(message.to_owned()));
            }
            header.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let timed = match options.integer("expires_in_seconds")? {
            None => None,
            Some(seconds) => {
                let issued = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
                let mut claims = claims.clone();
                claims.insert("iat".into(), issued.into());
                claims.insert("exp".into(), issued.saturating_add(seconds).into());
                Some(claims)
            }
        };
        let claims = timed.as_ref().unwrap_or(claims);
        let mut token = self.part(&header, "header")?;
        token.push('.');
        token.push_str(&self.part(claims, "claims")?);
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&url_encode(&signature));
        Ok(token.into())
    }

    fn part(&self, map: &Map, name: &str) -> Fallible<String> {
        let mut json = Vec::new();
        payload::write_map(&mut json, map, self.max_depth)
            .map_err(|error| fail("claims", error.describe(name)))?;
        self.guard.reserve(json.len().saturating_mul(3))?;
        Ok(url_encode(&json))
    }

    pub(super) fn verify(
        &self,
        token: &Dynamic,
        key: &Dynamic,
        options: &Options<'_>,
        now: Duration,
    ) -> Fallible<Dynamic> {
        // A request without a token is as common as one with a wrong token.
        let token = token.as_immutable_string_ref().map_err(|found| {
            fail("malformed", format!("`token` takes a string, not {}", with_article(found)))
        })?;
        let allowed = options.texts("algorithms")?.ok_or_else(no_algorithms)?;
        let allowed: Vec<Algorithm> =
            allowed.iter().map(|name| known_algorithm(name)).collect::<Fallible<_>>()?;
        self.guard.reserve(token.len().saturating_mul(2))?;

        let (message, signature) =
            token.rsplit_once('.').ok_or_else(|| malformed("it has no dots"))?;
        let (head, body) = message
            .split_once('.')
            .filter(|(_, body)| !body.contains('.'))
            .ok_or_else(|| malformed("it has not three parts"))?;
        let header = self.read(head, "its header")?;

        // Nothing of the token is believed before its signature, and of the header only what the
        // script allowed.
        let name = header.get("alg").and_then(|name| name.clone().into_immutable_string().ok());
        let name = name.ok_or_else(|| malformed("its header has no `alg`"))?;
        let algorithm = Algorithm::parse(&name)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or_else(|| {
                let names: Vec<&str> = allowed.iter().map(|allowed| allowed.name()).collect();
                let shown: String = name.chars().take(16).collect();
                let allowed = names.join(", ");
                fail("algorithm", format!("the token's `alg` is {shown:?}, allowed is {allowed}"))
            })?;
        if header.contains_key("crit") {
            return Err(malformed("its header has `crit`, extensions that are not known here"));
        }
        let id = header.get("kid").and_then(|id| id.clone().into_immutable_string().ok());
        let key = VerifyingKey::read(key, id.as_deref(), algorithm)?;
        if key.algorithm() != algorithm {
            let (found, wanted) = (key.algorithm().name(), algorithm.name());
            let message = format!("the token's `alg` is {wanted}, and `key` is for {found}");
            return Err(fail("algorithm", message));
        }
        let signature = strict_url_decode(signature.as_bytes())
            .ok_or_else(|| malformed("its signature is not base64url"))?;
        if !key.verify(message.as_bytes(), &signature) {
            return Err(fail("signature", "the token's signature is not by this key"));
        }
        let claims = self.read(body, "its content")?;
        check_times(&claims, options, now)?;
        check_issuer(&claims, options)?;
        check_audience(&claims, options)?;
        for name in options.texts("require")?.unwrap_or_default() {
            if claims.get(name.as_str()).is_none_or(Dynamic::is_unit) {
                return Err(fail("claims", format!("the token has no `{name}`")));
            }
        }
        Ok(Dynamic::from_map(claims))
    }

    /// A part of the token: a JSON object in base64url.
    fn read(&self, part: &str, name: &str) -> Fallible<Map> {
        let json = strict_url_decode(part.as_bytes())
            .ok_or_else(|| malformed(&format!("{name} is not base64url")))?;
        let value = payload::read(&json, self.max_depth, self.guard.memory_ceiling())
            .map_err(|what| malformed(&format!("{name} is not JSON: {what}")))?;
        value.try_cast::<Map>().ok_or_else(|| malformed(&format!("{name} is not a JSON object")))
    }
}

/// A claim that is a time, in seconds since 1970.
fn time(claims: &Map, name: &str) -> Fallible<Option<f64>> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_float().or_else(|_| value.as_int().map(|number| number as f64));
    number.map(Some).map_err(|found| {
        let found = with_article(found);
        fail("claims", format!("the token's `{name}` is {found}, expected a number of seconds"))
    })
}

fn check_times(claims: &Map, options: &Options<'_>, now: Duration) -> Fallible<()> {
    let leeway = options.integer("leeway_seconds")?.unwrap_or(0);
    if leeway < 0 {
        return Err(wrong_argument(format!("the option `leeway_seconds` is {leeway}")));
    }
    let (now, leeway) = (now.as_secs_f64(), leeway as f64);
    if let Some(end) = time(claims, "exp")?
        && now >= end + leeway
    {
        return Err(fail("expired", "the token has expired"));
    }
    if let Some(start) = time(claims, "nbf")?
        && now < start - leeway
    {
        return Err(fail("not_yet_valid", "the token is not valid yet"));
    }
    Ok(())
}

fn check_issuer(claims: &Map, options: &Options<'_>) -> Fallible<()> {
    let Some(expected) = options.texts("issuer")? else { return Ok(()) };
    let is_expected = |issuer: &str| expected.iter().any(|expected| expected == issuer);
    match claims.get("iss").and_then(|value| value.clone().into_immutable_string().ok()) {
        Some(issuer) if is_expected(&issuer) => Ok(()),
        _ => Err(fail("issuer", "the token is not by the issuer that is expected")),
    }
}

/// RFC 7519, 4.1.3: a token for someone is refused by whoever does not say that they are it.
fn check_audience(claims: &Map, options: &Options<'_>) -> Fallible<()> {
    let found = claims.get("aud").filter(|found| !found.is_unit());
    let Some(expected) = options.texts("audience")? else {
        return match found {
            None => Ok(()),
            Some(_) => {
                let message = "the token is for a certain audience; say by the option `audience` \
                               which one this is";
                Err(fail("audience", message))
            }
        };
    };
    let is_expected = |value: &Dynamic| {
        value.as_immutable_string_ref().is_ok_and(|found| expected.contains(&found))
    };
    let is_for_us = found.is_some_and(|found| match found.read_lock::<Array>() {
        Some(array) => array.iter().any(is_expected),
        None => is_expected(found),
    });
    match is_for_us {
        true => Ok(()),
        false => Err(fail("audience", "the token is not for the audience that is expected")),
    }
}
