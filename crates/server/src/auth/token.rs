//! From a token's text to what it allows.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use headwater_hub::Selector;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    access::Access,
    error::{AuthError, Role},
    key::Verifier,
};

/// How far the issuer's clock may be ahead of ours or behind. Hosts that keep time at all are within a second of it; ten
/// cover one that just booted, and let no revoked token live on noticeably. A stream ends at `exp` itself, and
/// none begins after it.
pub(super) const LEEWAY: Duration = Duration::from_secs(10);

/// The last second of the year 9999, after which a time has no RFC 3339 form. An `exp` beyond it is as good as none.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

/// A token whose signature was right. When it is good is checked at each use.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) access: Arc<Access>,
    expires: Option<SystemTime>,
    not_before: Option<SystemTime>,
}

impl Verified {
    /// Whether it is good now.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), AuthError> {
        if let Some(at) = self.expires.filter(|&at| now >= at + LEEWAY) {
            return Err(AuthError::Expired { at });
        }
        match self.not_before.filter(|&at| now + LEEWAY < at) {
            Some(at) => Err(AuthError::NotYet { at }),
            None => Ok(()),
        }
    }
}

/// The members of the header that matter. `typ` and all others are accepted whatever they are.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood to take the token rightly (RFC 7515, section 4.1.11). We know none.
    crit: Option<Value>,
}

/// The claims that matter. `aud`, `iss` and all others are accepted whatever they are.
#[derive(Deserialize)]
struct Claims {
    exp: Option<Value>,
    nbf: Option<Value>,
    #[serde(rename = "https://mercure.rocks/")]
    namespaced: Option<Value>,
    mercure: Option<Value>,
}

/// Verifies a JSON Web Signature in compact form (RFC 7515, section 7.1) and reads its claims.
pub(super) fn verify(token: &str, verifier: &Verifier, role: Role) -> Result<Verified, AuthError> {
    let (message, signature) = token.rsplit_once('.').ok_or(AuthError::Malformed(NOT_COMPACT))?;
    let (header, claims) = message.split_once('.').ok_or(AuthError::Malformed(NOT_COMPACT))?;

    let header: Header = part(header, "its header is not base64url of a JSON object with `alg`")?;
    let expected = verifier.algorithm();
    // The token must not choose how it is checked: `none`, or HMAC with the public key as the secret.
    if header.alg != format!("{expected:?}") {
        let found = header.alg.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        return Err(AuthError::Algorithm { expected, found });
    }
    if header.crit.is_some() {
        return Err(AuthError::Malformed("its header asks for extensions (`crit`), and the hub knows none"));
    }
    if !verifier.verify(message, signature) {
        return Err(AuthError::Signature { role });
    }

    let claims: Claims = part(claims, "its claims are not base64url of a JSON object")?;
    let expires = match &claims.exp {
        None => None,
        Some(exp) => time(exp).map_err(|()| AuthError::Malformed("`exp` must be a number of seconds"))?,
    };
    let not_before = match &claims.nbf {
        None => None,
        Some(nbf) => {
            match time(nbf).map_err(|()| AuthError::Malformed("`nbf` must be a number of seconds"))? {
                None => return Err(AuthError::Malformed("`nbf` is after the year 9999")),
                at => at,
            }
        }
    };
    let (publish, subscribe, payload) = grant(claims.namespaced.or(claims.mercure))?;
    let access = Arc::new(Access::new(publish, subscribe, payload, expires));
    Ok(Verified { access, expires, not_before })
}

const NOT_COMPACT: &str = "it is not three parts with dots between; send the token as it was issued";

fn part<T: DeserializeOwned>(encoded: &str, otherwise: &'static str) -> Result<T, AuthError> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| AuthError::Malformed(otherwise))?;
    serde_json::from_slice(&json).map_err(|_| AuthError::Malformed(otherwise))
}

/// Seconds since 1970, maybe fractional (RFC 7519, section 2). `None`: after the year 9999.
fn time(seconds: &Value) -> Result<Option<SystemTime>, ()> {
    let seconds = seconds.as_f64().ok_or(())?;
    if seconds > LAST_SECOND as f64 {
        return Ok(None);
    }
    // What is before 1970 is long over, however long.
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(Some(SystemTime::UNIX_EPOCH + since))
}

type Grant = (Vec<Selector>, Vec<Selector>, Option<Value>);

fn grant(claim: Option<Value>) -> Result<Grant, AuthError> {
    let mut claim = match claim {
        None => return Ok(Grant::default()),
        Some(Value::Object(claim)) => claim,
        Some(_) => return Err(AuthError::Malformed("its `mercure` claim must be an object")),
    };
    let publish = selectors(claim.get("publish"))
        .map_err(|()| AuthError::Malformed("`publish` in its `mercure` claim must be an array of strings"))?;
    let subscribe = selectors(claim.get("subscribe")).map_err(|()| {
        AuthError::Malformed("`subscribe` in its `mercure` claim must be an array of strings")
    })?;
    Ok((publish, subscribe, claim.remove("payload").filter(|payload| !payload.is_null())))
}

fn selectors(list: Option<&Value>) -> Result<Vec<Selector>, ()> {
    match list {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.iter().map(|item| item.as_str().map(Selector::new).ok_or(())).collect()
        }
        Some(_) => Err(()),
    }
}
