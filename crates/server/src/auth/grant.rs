//! What a token is to allow, and the token that says so.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use super::{key, key::KeyError};
use crate::config::Key;

/// What a token allows, as its claims say it.
#[derive(Serialize)]
pub(crate) struct Grant<'a> {
    mercure: Claim<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
}

#[derive(Serialize)]
struct Claim<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    publish: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    subscribe: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

impl<'a> Grant<'a> {
    /// Selectors of topics that it may publish to, and of those whose private updates it may receive; without `expires` it
    /// is good for ever.
    pub(crate) fn new(
        publish: &'a [String],
        subscribe: &'a [String],
        payload: Option<Value>,
        expires: Option<SystemTime>,
    ) -> Self {
        let since_1970 =
            |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { mercure: Claim { publish, subscribe, payload }, exp: expires.map(since_1970) }
    }

    /// The token.
    pub(crate) fn sign(&self, key: &Key) -> Result<String, KeyError> {
        key::sign(key.algorithm, key.secret.expose(), self)
    }
}
