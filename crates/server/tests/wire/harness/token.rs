//! Tokens that fit the hub's key.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::KEY;

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(KEY.as_bytes())).expect("it can be signed")
}

/// A token that may publish to, and subscribe to private updates of, what these selectors match.
pub(crate) fn grant(publish: &[&str], subscribe: &[&str]) -> String {
    token(&json!({ "mercure": { "publish": publish, "subscribe": subscribe } }))
}

/// A claim's time.
pub(crate) fn seconds_from_now(seconds: f64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    now.as_secs_f64() + seconds
}
