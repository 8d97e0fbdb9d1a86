//! The rules of the protocol's section on authorization, with real keys and a clock of our own.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use headwater_hub::{Selector, Topic};
use http::{
    HeaderValue, StatusCode,
    header::{AUTHORIZATION, COOKIE, ORIGIN, WWW_AUTHENTICATE},
};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{key::sign, *};
use crate::{config::Secret, problem::Problem};

const SECRET: &[u8] = b"test-only-secret-of-32-bytes-min";
const OTHER_SECRET: &[u8] = b"test-only-another-secret-of-32-b";

/// A key pair in PEM, for tests only.
macro_rules! pair {
    ($name:literal) => {
        (
            include_bytes!(concat!("fixtures/test-only-", $name, ".private.pem")).as_slice(),
            include_bytes!(concat!("fixtures/test-only-", $name, ".public.pem")).as_slice(),
        )
    };
}

const RSA: (&[u8], &[u8]) = pair!("rsa");
const P256: (&[u8], &[u8]) = pair!("p256");
const P384: (&[u8], &[u8]) = pair!("p384");
const ED: (&[u8], &[u8]) = pair!("ed25519");
const RSA_PKCS1: &[u8] = include_bytes!("fixtures/test-only-rsa-pkcs1.public.pem");
const RSA_1024: &[u8] = include_bytes!("fixtures/test-only-rsa-1024.public.pem");

/// Each algorithm with a key to sign and one to verify with.
const ALL: [(Algorithm, &[u8], &[u8]); 12] = [
    (Algorithm::HS256, SECRET, SECRET),
    (Algorithm::HS384, SECRET, SECRET),
    (Algorithm::HS512, SECRET, SECRET),
    (Algorithm::RS256, RSA.0, RSA.1),
    (Algorithm::RS384, RSA.0, RSA.1),
    (Algorithm::RS512, RSA.0, RSA_PKCS1),
    (Algorithm::PS256, RSA.0, RSA.1),
    (Algorithm::PS384, RSA.0, RSA.1),
    (Algorithm::PS512, RSA.0, RSA.1),
    (Algorithm::ES256, P256.0, P256.1),
    (Algorithm::ES384, P384.0, P384.1),
    (Algorithm::EdDSA, ED.0, ED.1),
];

fn key(algorithm: Algorithm, key: &[u8]) -> Key {
    Key { algorithm, secret: Secret::new(key) }
}

/// One key for both, no anonymous subscribers, no publishes with cookies.
fn of_key(algorithm: Algorithm, bytes: &[u8]) -> Auth {
    Auth {
        publisher: key(algorithm, bytes),
        subscriber: key(algorithm, bytes),
        anonymous: false,
        cookie_name: "mercureAuthorization".into(),
        publish_origins: Vec::new(),
    }
}

fn config() -> Auth {
    of_key(Algorithm::HS256, SECRET)
}

fn auth(config: &Auth) -> Authenticator {
    Authenticator::new(config, 32 << 10).expect("a configuration without fault")
}

fn at(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

/// When the tests take place: 2033-05-18T03:33:20Z.
const NOW: f64 = 2_000_000_000.0;

fn token(claims: &Value) -> String {
    sign(Algorithm::HS256, SECRET, claims).expect("a good key")
}

fn bearer(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(
        AUTHORIZATION,
        HeaderValue::try_from(format!("Bearer {token}")).expect("a value"),
    )])
}

fn publish(auth: &Authenticator, token: &str) -> Result<Arc<Access>, AuthError> {
    auth.publisher(&bearer(token), None, at(NOW))
}

fn claimed(claims: &Value) -> Result<Arc<Access>, AuthError> {
    publish(&auth(&config()), &token(claims))
}

fn texts(list: &[Selector]) -> Vec<&str> {
    list.iter().map(Selector::as_str).collect()
}

/// A token of any parts, signed with the secret.
fn raw(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a good key");
    format!("{message}.{signature}")
}

const HS256: &str = r#"{"alg":"HS256"}"#;

#[test]
fn every_algorithm_verifies_its_own_tokens_and_no_others() {
    let claims = json!({ "mercure": { "publish": ["*"] } });
    for (algorithm, _, public) in ALL {
        let auth = auth(&of_key(algorithm, public));
        for (other, private, _) in ALL {
            let token = sign(other, private, &claims).expect("a good key");
            let result = publish(&auth, &token);
            if algorithm == other {
                assert_eq!(texts(&result.expect("its own token").publish), ["*"], "{algorithm:?}");
                let (message, signature) = token.rsplit_once('.').expect("three parts");
                let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
                let error = publish(&auth, &forged).expect_err("a forged signature");
                assert_eq!(error, AuthError::Signature { role: Role::Publisher }, "{algorithm:?}");
            } else {
                let found = format!("{other:?}");
                assert_eq!(
                    result.expect_err("another's"),
                    AuthError::Algorithm { expected: algorithm, found }
                );
            }
        }
    }
}

#[test]
fn the_token_does_not_choose_how_it_is_checked() {
    let claims = r#"{"mercure":{"publish":["*"]}}"#;
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims));
    let expected = Algorithm::HS256;
    assert_eq!(
        publish(&auth(&config()), &none).expect_err("none"),
        AuthError::Algorithm { expected, found: "none".into() }
    );

    // The classic confusion: HMAC with the public key as the secret.
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HS256), URL_SAFE_NO_PAD.encode(claims));
    let secret = jsonwebtoken::EncodingKey::from_secret(RSA.1);
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).expect("signed");
    let rsa = auth(&of_key(Algorithm::RS256, RSA.1));
    assert!(matches!(publish(&rsa, &format!("{message}.{signature}")), Err(AuthError::Algorithm { .. })));

    let critical = raw(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, claims);
    assert!(matches!(publish(&auth(&config()), &critical), Err(AuthError::Malformed(_))));
    // A name made to be shown is cut, and shows nothing but letters.
    let long = raw(&format!(r#"{{"alg":"<b>\"{}"}}"#, "x".repeat(500)), claims);
    let found = "bxxxxxxxxxxx".to_owned();
    assert_eq!(publish(&auth(&config()), &long).expect_err("long"), AuthError::Algorithm { expected, found });
}

#[test]
fn publisher_and_subscriber_keys_are_apart() {
    let mut config = config();
    config.subscriber = key(Algorithm::HS256, OTHER_SECRET);
    let auth = auth(&config);
    let claims = json!({ "mercure": { "publish": ["*"], "subscribe": ["*"] } });
    let publishers = token(&claims);
    let subscribers = sign(Algorithm::HS256, OTHER_SECRET, &claims).expect("a good key");
    let subscribe = |token: &str| auth.subscriber(&bearer(token), None, at(NOW));

    // Twice, because what one key verified must not be known to the other.
    for _ in 0..2 {
        assert!(publish(&auth, &publishers).is_ok());
        assert!(subscribe(&subscribers).is_ok());
        assert_eq!(
            publish(&auth, &subscribers).expect_err("wrong"),
            AuthError::Signature { role: Role::Publisher }
        );
        assert_eq!(
            subscribe(&publishers).expect_err("wrong"),
            AuthError::Signature { role: Role::Subscriber }
        );
    }
}

#[test]
fn the_claim_gives_selectors_and_a_payload() {
    let access = claimed(&json!({
        "mercure": { "publish": ["a", "/b/{c}"], "subscribe": ["*"], "payload": { "user": [1, null] }, "unknown": 1 },
        "aud": ["x"], "iss": 3, "sub": null,
    }));
    let access = access.expect("good");
    assert_eq!(texts(&access.publish), ["a", "/b/{c}"]);
    assert_eq!(texts(&access.subscribe), ["*"]);
    assert_eq!(access.payload, Some(json!({ "user": [1, null] })));
    assert_eq!(access.expires, None);

    let both =
        claimed(&json!({ "https://mercure.rocks/": { "publish": ["a"] }, "mercure": { "publish": ["b"] } }));
    assert_eq!(texts(&both.expect("good").publish), ["a"]);

    for nothing in [
        json!({}),
        json!({ "mercure": null }),
        json!({ "mercure": {} }),
        json!({ "mercure": { "publish": null, "subscribe": null, "payload": null } }),
        json!({ "mercure": { "publish": [], "subscribe": [] } }),
    ] {
        let access = claimed(&nothing).expect("a token of nothing is good");
        assert!(
            access.publish.is_empty() && access.subscribe.is_empty() && access.payload.is_none(),
            "{nothing}"
        );
        let topic = Topic::new("a").expect("a topic");
        assert_eq!(access.may_publish([&topic]), Err(AuthError::MayNotPublish { topic: topic.clone() }));
    }
    for payload in [json!("text"), json!(0), json!(false), json!([])] {
        let access = claimed(&json!({ "mercure": { "payload": payload } })).expect("any JSON is good");
        assert_eq!(access.payload, Some(payload));
    }
}

#[test]
fn a_claim_of_another_shape_is_malformed() {
    for claims in [
        json!({ "mercure": { "publish": "*" } }),
        json!({ "mercure": { "subscribe": "*" } }),
        json!({ "mercure": { "publish": [1] } }),
        json!({ "mercure": { "subscribe": ["a", null] } }),
        json!({ "mercure": { "subscribe": {} } }),
        json!({ "mercure": "*" }),
        json!({ "mercure": ["*"] }),
        json!({ "https://mercure.rocks/": true, "mercure": {} }),
        json!({ "exp": "2000000100" }),
        json!({ "nbf": [] }),
        json!({ "nbf": 1e300 }),
        json!([]),
        json!("text"),
    ] {
        let error = claimed(&claims).expect_err("malformed");
        assert!(matches!(error, AuthError::Malformed(_)), "{claims}: {error}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let good = token(&json!({}));
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (header, claims) = message.split_once('.').expect("three parts");
    let auth = auth(&config());
    for text in [
        "x",
        "a.b",
        "..",
        "a.b.c",
        "a.b.c.d",
        &format!("{header}.{claims}"),
        &format!("{header}=.{claims}.{signature}"),
        &format!("x{good}"),
        &raw("{}", "{}"),
        &raw("[]", "{}"),
        &raw(r#"{"alg":1}"#, "{}"),
        &raw(HS256, "{"),
        &raw(HS256, ""),
        &raw(HS256, "{} {}"),
    ] {
        let error = publish(&auth, text).expect_err(text);
        assert!(matches!(error, AuthError::Malformed(_)), "{text}: {error}");
    }
    for text in [
        &format!("{message}."),
        &format!("{message}.!"),
        &format!("{message}.{signature}="),
        &format!("{header}.{claims}x.{signature}"),
        &format!("{header}.{claims}.{claims}.{signature}"),
    ] {
        assert_eq!(
            publish(&auth, text).expect_err(text),
            AuthError::Signature { role: Role::Publisher },
            "{text}"
        );
    }
    for header in [r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"typ":5,"kid":[],"alg":"HS256"}"#] {
        assert!(publish(&auth, &raw(header, "{}")).is_ok(), "{header}: what is not used is accepted");
    }
}

#[test]
fn times_are_enforced_with_leeway_also_for_known_tokens() {
    let auth = auth(&config());
    let leeway = token::LEEWAY.as_secs_f64();
    let check = |token: &str, when: f64| auth.publisher(&bearer(token), None, at(when)).map(drop);

    for exp in [NOW, NOW + 0.5] {
        let token = token(&json!({ "exp": exp }));
        assert_eq!(check(&token, exp - 100.0), Ok(()));
        assert_eq!(check(&token, exp + leeway - 0.01), Ok(()));
        assert_eq!(check(&token, exp + leeway), Err(AuthError::Expired { at: at(exp) }));
        assert_eq!(check(&token, exp - 100.0), Ok(()), "it is the time that counts, not the order of uses");
        let access = auth.publisher(&bearer(&token), None, at(exp - 1.0)).expect("good");
        assert_eq!(access.expires, Some(at(exp)), "a stream ends at exp itself");
        let subscribe = |when| auth.subscriber(&bearer(&token), None, at(when)).map(drop);
        assert_eq!(subscribe(exp - 0.01), Ok(()));
        assert_eq!(subscribe(exp), Err(AuthError::Expired { at: at(exp) }), "and none begins after it");
    }
    for nbf in [NOW, NOW + 0.5] {
        let token = token(&json!({ "nbf": nbf }));
        assert_eq!(check(&token, nbf), Ok(()));
        assert_eq!(check(&token, nbf - leeway), Ok(()));
        assert_eq!(check(&token, nbf - leeway - 0.01), Err(AuthError::NotYet { at: at(nbf) }));
    }
    for exp in [json!(-1), json!(-1e300), json!(0)] {
        let expired = Err(AuthError::Expired { at: at(0.0) });
        assert_eq!(check(&token(&json!({ "exp": exp })), NOW), expired, "{exp}");
    }
    for (exp, expires) in [(json!(null), None), (json!(1e300), None), (json!(4e9), Some(at(4e9)))] {
        let access = claimed(&json!({ "exp": exp })).expect("good");
        assert_eq!(access.expires, expires, "{exp}");
    }
}

#[test]
fn a_token_is_verified_once() {
    let auth = auth(&config());
    let token = token(&json!({ "mercure": { "publish": ["a"] } }));
    let (first, second) = (publish(&auth, &token).expect("good"), publish(&auth, &token).expect("good"));
    assert!(Arc::ptr_eq(&first, &second));
    // The hash of all of the token: with its beginning alone, a forged signature would be taken for known.
    assert!(publish(&auth, &token[..token.len() - 1]).is_err());
}

#[test]
fn tokens_are_limited_before_they_are_read() {
    let token = token(&json!({ "mercure": { "publish": ["a".repeat(100)] } }));
    let with = |max| publish(&Authenticator::new(&config(), max).expect("good keys"), &token);
    assert!(with(token.len()).is_ok());
    let max = token.len() - 1;
    assert_eq!(with(max).expect_err("too long"), AuthError::TooLong { bytes: token.len(), max });
}

#[test]
fn without_a_token_one_may_subscribe_if_anybody_may() {
    let mut config = config();
    let none = HeaderMap::new();
    let missing = |role| AuthError::Missing { role, cookie: "mercureAuthorization".into() };
    for anonymous in [false, true] {
        config.anonymous = anonymous;
        let auth = auth(&config);
        let subscriber = auth.subscriber(&none, Some("topic=a"), at(NOW));
        if anonymous {
            assert!(subscriber.expect("anybody").is_none());
        } else {
            assert_eq!(subscriber.expect_err("nobody"), missing(Role::Subscriber));
        }
        assert_eq!(auth.publisher(&none, None, at(NOW)).expect_err("nobody"), missing(Role::Publisher));
        // But never by accident.
        let expired = token(&json!({ "exp": 1 }));
        for (headers, query) in [
            (bearer("x"), None),
            (bearer(""), None),
            (bearer(&expired), None),
            (none.clone(), Some("authorization=x")),
            (none.clone(), Some("authorization=")),
            (HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("mercureAuthorization=x"))]), None),
        ] {
            let error = auth.subscriber(&headers, query, at(NOW)).expect_err("a bad token");
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[test]
fn a_cookie_publishes_only_from_a_listed_origin() {
    let mut config = config();
    config.cookie_name = "mine".into();
    config.publish_origins = vec![Origin::parse("https://a.example").expect("an origin")];
    let auth = auth(&config);
    let token = token(&json!({ "mercure": { "publish": ["*"] } }));
    let cookie = (COOKIE, HeaderValue::try_from(format!("mine={token}")).expect("a value"));
    let from = |origin| (ORIGIN, HeaderValue::from_static(origin));
    let publish = |headers: &[_], query| auth.publisher(&headers.iter().cloned().collect(), query, at(NOW));

    assert!(publish(&[cookie.clone(), from("https://a.example")], None).is_ok());
    for headers in [&[cookie.clone()][..], &[cookie.clone(), from("https://b.example")]] {
        let error = publish(headers, None).expect_err("foreign");
        assert!(matches!(error, AuthError::ForeignOrigin { .. }));
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
    }
    // A page cannot make its visitor's browser send these, so they need no origin; nor does a subscription.
    let query = format!("authorization={token}");
    assert!(publish(&[from("https://b.example")], Some(&query)).is_ok());
    let (name, value) = (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).expect("a value"));
    assert!(publish(&[(name, value), cookie.clone(), from("https://b.example")], None).is_ok());
    assert!(auth.subscriber(&HeaderMap::from_iter([cookie]), None, at(NOW)).expect("good").is_some());
}

#[test]
fn both_keys_faults_are_told() {
    let mut config = of_key(Algorithm::HS256, b"short");
    config.subscriber = key(Algorithm::HS512, RSA.1);
    let errors = Authenticator::new(&config, 32 << 10).expect_err("faulty");
    assert_eq!(
        errors,
        [
            ConfigError::new("--publisher-key", KeyError::Weak { bytes: 5 }.to_string()),
            ConfigError::new("--subscriber-key", KeyError::PemForHmac(Algorithm::HS512).to_string()),
        ]
    );
}

#[test]
fn keys_must_fit_their_algorithm() {
    let certificate = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let broken = b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n";
    for (algorithm, key, error) in [
        (Algorithm::HS256, &SECRET[..31], KeyError::Weak { bytes: 31 }),
        (Algorithm::HS384, b"", KeyError::Weak { bytes: 0 }),
        (Algorithm::HS256, ED.1, KeyError::PemForHmac(Algorithm::HS256)),
        (Algorithm::RS256, SECRET, KeyError::NotPem(Algorithm::RS256)),
        (Algorithm::PS512, SECRET, KeyError::NotPem(Algorithm::PS512)),
        (Algorithm::ES256, SECRET, KeyError::NotPem(Algorithm::ES256)),
        (Algorithm::EdDSA, SECRET, KeyError::NotPem(Algorithm::EdDSA)),
        (Algorithm::RS256, RSA.0, KeyError::Private),
        (Algorithm::ES256, P256.0, KeyError::Private),
        (Algorithm::EdDSA, ED.0, KeyError::Private),
        (Algorithm::RS256, certificate, KeyError::Certificate),
        (Algorithm::RS256, broken, KeyError::Unfit(Algorithm::RS256)),
        (Algorithm::RS256, P256.1, KeyError::Unfit(Algorithm::RS256)),
        (Algorithm::ES256, RSA.1, KeyError::Unfit(Algorithm::ES256)),
        (Algorithm::ES256, P384.1, KeyError::Unfit(Algorithm::ES256)),
        (Algorithm::ES384, P256.1, KeyError::Unfit(Algorithm::ES384)),
        (Algorithm::EdDSA, P256.1, KeyError::Unfit(Algorithm::EdDSA)),
        (Algorithm::PS256, RSA_1024, KeyError::SmallRsa),
    ] {
        assert_eq!(Verifier::new(algorithm, key).expect_err("unfit"), error);
    }
    assert_eq!(sign(Algorithm::HS256, b"short", &json!({})), Err(KeyError::Weak { bytes: 5 }));
    assert_eq!(sign(Algorithm::ES256, SECRET, &json!({})), Err(KeyError::CannotSign(Algorithm::ES256)));
    assert_eq!(sign(Algorithm::ES256, RSA.0, &json!({})), Err(KeyError::CannotSign(Algorithm::ES256)));
    assert_eq!(sign(Algorithm::RS256, RSA.1, &json!({})), Err(KeyError::CannotSign(Algorithm::RS256)));
}

#[test]
fn the_identity_outlives_the_token() {
    let of = |claims| claimed(&claims).expect("good").identity;
    let grant = json!({ "publish": ["a"] });
    let first = of(json!({ "mercure": grant, "exp": NOW + 60.0, "jti": 1 }));
    assert_eq!(first, of(json!({ "mercure": grant, "exp": NOW + 120.0, "jti": 2 })));
    assert_ne!(first, of(json!({ "mercure": { "publish": ["b"] } })));
}

#[track_caller]
fn answer(error: AuthError, status: StatusCode, title: &str, detail: &str, challenge: Option<&str>) {
    let problem = Problem::from(error);
    assert_eq!((problem.status(), problem.title()), (status, title));
    assert!(problem.detail().contains(detail), "{}", problem.detail());
    let response = problem.into_response();
    let found = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().expect("ASCII"));
    assert_eq!(found, challenge);
}

#[test]
fn answers_say_why_and_what_to_do() {
    let (unauthorized, forbidden) = (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN);
    let missing = AuthError::Missing { role: Role::Publisher, cookie: "c".into() };
    answer(missing, unauthorized, "No token", "Authorization: Bearer", Some("Bearer"));
    answer(
        AuthError::Expired { at: at(NOW) },
        unauthorized,
        "Bad token",
        "Expired at 2033-05-18T03:33:20Z",
        Some(
            r#"Bearer error="invalid_token", error_description="expired at 2033-05-18T03:33:20Z: get a new token""#,
        ),
    );
    answer(
        AuthError::Algorithm { expected: Algorithm::ES256, found: "HS256".into() },
        unauthorized,
        "Bad token",
        "the hub expects ES256",
        Some(
            r#"Bearer error="invalid_token", error_description="wrong algorithm: the token says HS256, the hub expects ES256: sign with that""#,
        ),
    );
    let malformed = AuthError::Unusable { place: Source::Header, what: error::Unusable::Scheme };
    answer(
        malformed,
        unauthorized,
        "Bad token",
        "send `Bearer`",
        Some(
            r#"Bearer error="invalid_token", error_description="the Authorization header: it is of another scheme than Bearer; send 'Bearer' and the token""#,
        ),
    );
    let topic = Topic::new("https://example.com/ü").expect("a topic");
    answer(AuthError::MayNotPublish { topic }, forbidden, "Not granted", "\"https://example.com/ü\"", None);
    answer(AuthError::ForeignOrigin { origin: None }, forbidden, "Foreign origin", "--publish-origin", None);
}

#[test]
fn nothing_shows_a_key_or_a_token() {
    let claims = json!({ "mercure": { "publish": ["*"] } });
    let token = token(&claims);
    let (header, signature) = (&token[..10], &token[token.len() - 10..]);
    let auth = auth(&config());
    let access = publish(&auth, &token).expect("good");
    let shown = format!("{:?} {:?} {auth:?} {access:?}", config().publisher, auth.publisher.verifier);
    for secret in ["test-only-secret", header, signature] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Errors neither, whatever part of the token is at fault.
    for text in [format!("{token}x"), format!("x{token}"), token.replace('.', ""), raw(HS256, &token)] {
        let error = publish(&auth, &text).expect_err("bad");
        let shown = format!("{error} {error:?} {:?}", Problem::from(error.clone()));
        assert!(!shown.contains(header) && !shown.contains(signature), "{shown}");
    }
}
