//! Tokens against the published examples, and against what forgers try.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Dynamic, Engine, Map};

use super::keys::{Algorithm, SigningKey, VerifyingKey};
use super::{jwt, wrong_argument};
use crate::modules::bytes::Fallible;
use crate::modules::encoding::base64::{strict_url_decode, url_encode};
use crate::modules::options::Options;

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/", $name))
    };
}

const RSA_PRIVATE: &str = key!("rsa-private.pem");
const RSA_PUBLIC: &str = key!("rsa-public.pem");
const EC_PRIVATE: &str = key!("ec-private.pem");
const EC_PUBLIC: &str = key!("ec-public.pem");

/// The content of all examples of RFC 7515, appendix A, and of RFC 7519, section 3.1.
const CONTENT: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn\
    VlfQ";

/// Before the `exp` of that, 2011-03-22T18:43:00Z.
const THEN: Duration = Duration::from_secs(1_300_819_379);

/// RFC 7515, A.1: HS256.
const A1_HEAD: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
const A1_KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// RFC 7515, A.2: RS256.
const A2_HEAD: &str = "eyJhbGciOiJSUzI1NiJ9";
const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
    m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
    z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
    aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
    p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB\
    MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
    I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7515, A.3: ES256.
const A3_HEAD: &str = "eyJhbGciOiJFUzI1NiJ9";
const A3_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const A3_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const A3_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

const HS: &str = "#{ algorithms: [\"HS256\"] }";
const RS: &str = "#{ algorithms: [\"RS256\"] }";
const ES: &str = "#{ algorithms: [\"ES256\"] }";
const ANY: &str = "#{ algorithms: [\"HS256\", \"RS256\", \"ES256\"] }";

fn token(head: &str, signature: &str) -> String {
    format!("{head}.{CONTENT}.{signature}")
}

fn a1_secret() -> Dynamic {
    Dynamic::from_blob(strict_url_decode(A1_KEY.as_bytes()).unwrap())
}

/// A map as a script writes it.
fn map(text: &str) -> Map {
    Engine::new().eval::<Map>(text).unwrap()
}

fn jwk(members: &[(&str, &str)]) -> Dynamic {
    let members = members.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Dynamic::from_map(members.collect::<Map>())
}

fn tool() -> jwt::Jwt {
    let vars = |_: &str| None;
    let limits = crate::config::Config::from_vars(&vars).unwrap().limits;
    jwt::Jwt::new(crate::engine::Guard::new(limits).into(), 128)
}

fn verify_at(token: &str, key: &Dynamic, options: &str, now: Duration) -> Fallible<Dynamic> {
    let options = map(options);
    let options = Options::new(&options, jwt::VERIFY_OPTIONS, wrong_argument)?;
    tool().verify(&token.into(), key, &options, now)
}

/// The claims, or why not.
fn verify(token: &str, key: impl Into<Dynamic>, options: &str) -> Result<Map, String> {
    reason(verify_at(token, &key.into(), options, THEN)).map(Dynamic::cast)
}

fn reason<T>(result: Fallible<T>) -> Result<T, String> {
    result.map_err(|error| match *error {
        rhai::EvalAltResult::ErrorRuntime(thrown, _) => {
            let thrown: Map = thrown.cast();
            assert_eq!(thrown["errorType"].to_string(), "CryptoError");
            thrown["reason"].to_string()
        }
        other => panic!("{other}"),
    })
}

/// Why it is not verified.
fn refusal(token: &str, key: impl Into<Dynamic>, options: &str) -> Option<String> {
    verify(token, key, options).err()
}

fn refused(reason: &str) -> Option<String> {
    Some(reason.to_owned())
}

fn sign(claims: &str, key: impl Into<Dynamic>, options: &str) -> Result<String, String> {
    let options = map(options);
    let options = Options::new(&options, jwt::SIGN_OPTIONS, wrong_argument);
    let token = options.and_then(|options| tool().sign(&map(claims), &key.into(), &options, THEN));
    reason(token).map(|token| token.to_string())
}

#[test]
fn the_published_tokens_are_verified() {
    let hs = token(A1_HEAD, A1_SIGNATURE);
    let rs = token(A2_HEAD, A2_SIGNATURE);
    let es = token(A3_HEAD, A3_SIGNATURE);
    let rsa_numbers = jwk(&[("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB")]);
    let point = jwk(&[("kty", "EC"), ("crv", "P-256"), ("x", A3_X), ("y", A3_Y)]);
    for (token, key, options) in [
        (&hs, a1_secret(), HS),
        (&hs, jwk(&[("kty", "oct"), ("k", A1_KEY)]), HS),
        (&rs, RSA_PUBLIC.into(), RS),
        (&rs, key!("rsa-public-pkcs1.pem").into(), RS),
        (&rs, RSA_PUBLIC.replace('\n', "\\n").into(), RS),
        (&rs, Dynamic::from_blob(RSA_PUBLIC.as_bytes().to_vec()), RS),
        (&rs, Dynamic::from_blob(der(RSA_PUBLIC)), RS),
        (&rs, rsa_numbers, RS),
        (&es, EC_PUBLIC.into(), ES),
        (&es, Dynamic::from_blob(der(EC_PUBLIC)), ES),
        (&es, point, ES),
        (&es, EC_PUBLIC.into(), ANY),
    ] {
        let claims = verify(token, key, options).unwrap();
        assert_eq!(claims["iss"].to_string(), "joe");
        assert_eq!(claims["exp"].as_int(), Ok(1_300_819_380));
        assert_eq!(claims["http://example.com/is_root"].as_bool(), Ok(true));
    }
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

#[test]
fn the_published_signatures_are_made() {
    let signed = |key: Dynamic, head: &str| {
        let key = SigningKey::read(&key).unwrap();
        url_encode(&key.sign(format!("{head}.{CONTENT}").as_bytes()).unwrap())
    };
    assert_eq!(signed(a1_secret(), A1_HEAD), A1_SIGNATURE);
    assert_eq!(signed(RSA_PRIVATE.into(), A2_HEAD), A2_SIGNATURE);
    assert_eq!(signed(key!("rsa-private-pkcs1.pem").into(), A2_HEAD), A2_SIGNATURE);
    assert_eq!(signed(Dynamic::from_blob(der(RSA_PRIVATE)), A2_HEAD), A2_SIGNATURE);
    // ES256 has a random part: another one each time, all of 64 bytes.
    let signature = signed(EC_PRIVATE.into(), A3_HEAD);
    assert_eq!(strict_url_decode(signature.as_bytes()).unwrap().len(), 64);
    assert_ne!(signature, signed(EC_PRIVATE.into(), A3_HEAD));
    assert!(verify(&token(A3_HEAD, &signature), EC_PUBLIC, ES).is_ok());
}

#[test]
fn what_is_signed_is_verified() {
    for (private, public, name) in [
        ("a secret", "a secret", "HS256"),
        (RSA_PRIVATE, RSA_PUBLIC, "RS256"),
        (EC_PRIVATE, EC_PUBLIC, "ES256"),
    ] {
        let options = format!("#{{ algorithm: \"{name}\", header: #{{ kid: \"1\" }} }}");
        let token = sign("#{ sub: \"ada\", n: 9007199254740993 }", private, &options).unwrap();
        let head = strict_url_decode(token.split('.').next().unwrap().as_bytes()).unwrap();
        let expected = format!("{{\"alg\":\"{name}\",\"kid\":\"1\",\"typ\":\"JWT\"}}");
        assert_eq!(String::from_utf8(head).unwrap(), expected);
        let claims = verify(&token, public, ANY).unwrap();
        assert_eq!(claims["n"].as_int(), Ok(9_007_199_254_740_993));
    }
    let token = sign("#{ exp: 1 }", "a secret", "#{ expires_in_seconds: 60 }").unwrap();
    let claims = verify(&token, "a secret", HS).unwrap();
    assert_eq!(claims["iat"].as_int(), Ok(1_300_819_379));
    assert_eq!(claims["exp"].as_int(), Ok(1_300_819_439));
}

#[test]
fn a_token_does_not_choose_its_algorithm() {
    // RFC 7519, section 6.1: unsecured.
    let unsecured = token("eyJhbGciOiJub25lIn0", "");
    for options in [HS, RS, ES, ANY] {
        assert_eq!(refusal(&unsecured, a1_secret(), options), refused("algorithm"));
    }
    for none in ["None", "NONE", "nOnE", "", "hs256", "HS512", "RS256 "] {
        let head = url_encode(format!("{{\"alg\":\"{none}\"}}").as_bytes());
        assert_eq!(refusal(&token(&head, ""), a1_secret(), ANY), refused("algorithm"), "{none}");
        assert_eq!(refusal(&token(&head, A1_SIGNATURE), a1_secret(), ANY), refused("algorithm"));
    }
    for (head, what) in
        [("{}", "malformed"), ("{\"alg\":null}", "malformed"), ("{\"alg\":1}", "malformed")]
    {
        assert_eq!(
            refusal(&token(&url_encode(head.as_bytes()), ""), a1_secret(), ANY),
            refused(what)
        );
    }
    // Allowed for another kind of key alone.
    assert_eq!(refusal(&token(A1_HEAD, A1_SIGNATURE), a1_secret(), RS), refused("algorithm"));
    assert_eq!(refusal(&token(A2_HEAD, A2_SIGNATURE), RSA_PUBLIC, ES), refused("algorithm"));
    // And the script must say which.
    for options in [
        "#{}",
        "#{ algorithms: () }",
        "#{ algorithms: [\"none\"] }",
        "#{ algorithms: 1 }",
        "#{ algorithm: \"HS256\" }",
    ] {
        assert_eq!(
            refusal(&token(A1_HEAD, A1_SIGNATURE), a1_secret(), options),
            refused("argument")
        );
    }
    assert_eq!(
        refusal(&token(A1_HEAD, A1_SIGNATURE), a1_secret(), "#{ algorithms: [] }"),
        refused("algorithm")
    );
}

/// The public key, which everyone has, used as the secret of HS256.
#[test]
fn a_public_key_is_no_secret() {
    for public in [RSA_PUBLIC, EC_PUBLIC, key!("rsa-public-pkcs1.pem")] {
        for secret in
            [public.as_bytes().to_vec(), public.trim_end().as_bytes().to_vec(), der(public)]
        {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
            let message = format!("{A1_HEAD}.{CONTENT}");
            let forged = url_encode(ring::hmac::sign(&key, message.as_bytes()).as_ref());
            let key = match std::str::from_utf8(&secret) {
                Ok(text) => Dynamic::from(text.to_owned()),
                Err(_) => Dynamic::from_blob(secret.clone()),
            };
            assert_eq!(refusal(&token(A1_HEAD, &forged), key.clone(), ANY), refused("algorithm"));
            assert_eq!(refusal(&token(A1_HEAD, &forged), key, HS), refused("algorithm"));
        }
    }
}

#[test]
fn a_changed_token_is_refused() {
    let hs = token(A1_HEAD, A1_SIGNATURE);
    assert_eq!(refusal(&hs, "another secret", HS), refused("signature"));
    assert_eq!(refusal(&token(A1_HEAD, ""), a1_secret(), HS), refused("signature"));
    assert_eq!(
        refusal(&token(A1_HEAD, &A1_SIGNATURE[..40]), a1_secret(), HS),
        refused("signature")
    );
    let other = url_encode(b"{\"iss\":\"joe\",\"exp\":9999999999}");
    let tokens = [
        (A1_HEAD, A1_SIGNATURE, a1_secret()),
        (A2_HEAD, A2_SIGNATURE, RSA_PUBLIC.into()),
        (A3_HEAD, A3_SIGNATURE, EC_PUBLIC.into()),
    ];
    for (head, signature, key) in tokens {
        let changed = format!("{head}.{other}.{signature}");
        assert_eq!(refusal(&changed, key.clone(), ANY), refused("signature"));
        let zeros = url_encode(&vec![0; strict_url_decode(signature.as_bytes()).unwrap().len()]);
        assert_eq!(refusal(&token(head, &zeros), key.clone(), ANY), refused("signature"));
        // One text for one signature: the unused bits of its last character count.
        let last = if signature.ends_with('A') {
            'B'
        } else {
            char::from(signature.as_bytes()[signature.len() - 1] + 1)
        };
        let twin = format!("{}{last}", &signature[..signature.len() - 1]);
        assert!(verify(&token(head, &twin), key.clone(), ANY).is_err());
        assert_eq!(refusal(&token(head, &format!("{signature}=")), key, ANY), refused("malformed"));
    }
    // A signature as ASN.1, as OpenSSL writes it, is not of the form that tokens have.
    let asn1 = [&[0x30, 0x44, 0x02, 0x20][..], &[1; 32], &[0x02, 0x20], &[1; 32]].concat();
    assert_eq!(refusal(&token(A3_HEAD, &url_encode(&asn1)), EC_PUBLIC, ES), refused("signature"));
}

#[test]
fn what_is_no_token_is_refused() {
    let list = url_encode(b"[1]");
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b".to_owned(),
        "Bearer x.y.z".to_owned(),
        format!("{}.x", token(A1_HEAD, A1_SIGNATURE)),
        format!(" {}", token(A1_HEAD, A1_SIGNATURE)),
        format!("{list}.{CONTENT}.{A1_SIGNATURE}"),
        format!("{}.{CONTENT}.{A1_SIGNATURE}", "\u{0}"),
        // Extensions that must be understood.
        token(&url_encode(b"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}"), A1_SIGNATURE),
    ] {
        assert_eq!(refusal(&text, a1_secret(), ANY), refused("malformed"), "{text}");
    }
    // Signed, but no map of claims.
    let message = format!("{A1_HEAD}.{list}");
    let signature = SigningKey::read(&a1_secret()).unwrap().sign(message.as_bytes()).unwrap();
    let signed = format!("{message}.{}", url_encode(&signature));
    assert_eq!(refusal(&signed, a1_secret(), HS), refused("malformed"));
    assert_eq!(verify_at("x", &().into(), HS, THEN).map_err(|_| ()).err(), Some(()));
}

#[test]
fn times_are_checked() {
    let hs = token(A1_HEAD, A1_SIGNATURE);
    let at = |token: &str, seconds: u64, leeway: i64| {
        let options = format!("#{{ algorithms: \"HS256\", leeway_seconds: {leeway} }}");
        let now = Duration::from_secs(seconds);
        reason(verify_at(token, &a1_secret(), &options, now)).map(|_| ())
    };
    assert_eq!(at(&hs, 1_300_819_379, 0), Ok(()));
    assert_eq!(at(&hs, 1_300_819_380, 0), Err("expired".to_owned()));
    assert_eq!(at(&hs, 1_300_819_389, 10), Ok(()));
    assert_eq!(at(&hs, 1_300_819_390, 10), Err("expired".to_owned()));
    assert_eq!(at(&hs, 0, -1), Err("argument".to_owned()));
    let early = sign("#{ nbf: 1000.5 }", a1_secret(), "#{}").unwrap();
    assert_eq!(at(&early, 1000, 0), Err("not_yet_valid".to_owned()));
    assert_eq!(at(&early, 1000, 1), Ok(()));
    assert_eq!(at(&early, 1001, 0), Ok(()));
    for odd in ["#{ exp: \"9999999999\" }", "#{ exp: () }", "#{ nbf: true }"] {
        let odd = sign(odd, a1_secret(), "#{}").unwrap();
        assert_eq!(at(&odd, 1000, 0), Err("claims".to_owned()));
    }
}

#[test]
fn issuer_audience_and_required_claims_are_checked() {
    let check = |claims: &str, options: &str| {
        let token = sign(claims, "a secret", "#{}").unwrap();
        let options = format!("#{{ algorithms: [\"HS256\"], {options} }}");
        verify(&token, "a secret", &options).map(|_| ())
    };
    let wrong = |reason: &str| Err(reason.to_owned());
    assert_eq!(check("#{ iss: \"a\" }", "issuer: \"a\""), Ok(()));
    assert_eq!(check("#{ iss: \"a\" }", "issuer: [\"b\", \"a\"]"), Ok(()));
    assert_eq!(check("#{ iss: \"a\" }", "issuer: \"A\""), wrong("issuer"));
    assert_eq!(check("#{ iss: [\"a\"] }", "issuer: \"a\""), wrong("issuer"));
    assert_eq!(check("#{}", "issuer: \"a\""), wrong("issuer"));
    assert_eq!(check("#{ iss: \"a\" }", "issuer: []"), wrong("issuer"));
    assert_eq!(check("#{ aud: \"a\" }", "audience: \"a\""), Ok(()));
    assert_eq!(check("#{ aud: [\"b\", \"a\"] }", "audience: [\"a\", \"c\"]"), Ok(()));
    assert_eq!(check("#{ aud: [\"b\", 1] }", "audience: \"a\""), wrong("audience"));
    assert_eq!(check("#{}", "audience: \"a\""), wrong("audience"));
    assert_eq!(check("#{ aud: \"a\" }", ""), wrong("audience"));
    assert_eq!(check("#{ sub: \"a\", exp: 4102444800 }", "require: [\"sub\", \"exp\"]"), Ok(()));
    assert_eq!(check("#{ sub: () }", "require: \"sub\""), wrong("claims"));
    assert_eq!(check("#{}", "isuer: \"a\""), wrong("argument"));
}

#[test]
fn keys_that_are_not_for_this_are_refused() {
    let rs = token(A2_HEAD, A2_SIGNATURE);
    for key in [
        "",
        RSA_PRIVATE,
        EC_PRIVATE,
        key!("ec-sec1.pem"),
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
    ] {
        assert_eq!(refusal(&rs, key, ANY), refused("key"), "{key}");
    }
    for key in ["", RSA_PUBLIC, EC_PUBLIC, key!("ec-sec1.pem")] {
        assert_eq!(sign("#{}", key, "#{}"), Err("key".to_owned()), "{key}");
    }
    assert_eq!(sign("#{}", RSA_PRIVATE, "#{ algorithm: \"HS256\" }"), Err("key".to_owned()));
    assert_eq!(sign("#{}", "a secret", "#{ algorithm: \"none\" }"), Err("argument".to_owned()));
    assert_eq!(
        sign("#{}", "a secret", "#{ header: #{ alg: \"none\" } }"),
        Err("argument".to_owned())
    );
    assert_eq!(sign("#{}", Dynamic::UNIT, "#{}"), Err("argument".to_owned()));
    assert_eq!(sign("#{ f: blob(1) }", "a secret", "#{}"), Err("claims".to_owned()));
}

/// Every text that is cut or changed somewhere is refused, and none of them makes it panic.
#[test]
fn damaged_keys_are_refused() {
    for pem in [RSA_PUBLIC, EC_PUBLIC, RSA_PRIVATE, EC_PRIVATE] {
        let whole = der(pem);
        for end in 0..whole.len() {
            let _ = SigningKey::read(&Dynamic::from_blob(whole[..end].to_vec()));
            assert!(super::der::read(&whole[..end]).is_none());
        }
        for at in 0..whole.len().min(64) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _ = SigningKey::read(&Dynamic::from_blob(changed.clone()));
            if let Ok(key) =
                VerifyingKey::read(&Dynamic::from_blob(changed), None, Algorithm::Rs256)
            {
                assert!(!key.verify(b"message", &[0; 256]));
            }
        }
    }
}

#[test]
fn a_key_set_is_selected_from_by_kid() {
    let set = |keys: &[Dynamic]| {
        let mut set = Map::new();
        set.insert("keys".into(), keys.to_vec().into());
        Dynamic::from_map(set)
    };
    let rsa = |id: &str, more: (&str, &str)| {
        jwk(&[("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB"), ("kid", id), more])
    };
    let other = jwk(&[("kty", "EC"), ("crv", "P-521"), ("x", "AA"), ("y", "AA"), ("kid", "other")]);
    let signed =
        |header: &str| sign("#{}", RSA_PRIVATE, &format!("#{{ header: {header} }}")).unwrap();
    let (first, second) = (rsa("first", ("use", "sig")), rsa("second", ("alg", "RS256")));
    let keys = set(&[other, first.clone(), second.clone()]);
    assert!(verify(&signed("#{ kid: \"first\" }"), keys.clone(), RS).is_ok());
    assert!(verify(&signed("#{ kid: \"second\" }"), keys.clone(), RS).is_ok());
    assert!(verify(&signed("#{}"), set(std::slice::from_ref(&first)), RS).is_ok());
    for (token, key) in [
        (signed("#{ kid: \"third\" }"), keys.clone()),
        (signed("#{ kid: \"other\" }"), keys.clone()),
        (signed("#{}"), keys),
        (signed("#{}"), set(&[])),
        (signed("#{ kid: \"x\" }"), set(&[rsa("x", ("use", "enc"))])),
        (signed("#{ kid: \"x\" }"), set(&[rsa("x", ("alg", "PS256"))])),
        (signed("#{}"), jwk(&[("keys", "x")])),
        (signed("#{}"), jwk(&[("kty", "RSA"), ("n", "=")])),
        (signed("#{}"), jwk(&[("kty", "OKP")])),
        (signed("#{}"), jwk(&[])),
        (signed("#{}"), jwk(&[("kty", "EC"), ("crv", "P-256"), ("x", "AA"), ("y", "AA")])),
    ] {
        assert_eq!(refusal(&token, key, ANY), refused("key"));
    }
}
