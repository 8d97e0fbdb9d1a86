//! Who may publish and subscribe: tokens, and what they allow (the Mercure protocol, Authorization).
//!
//! A token is a JSON Web Signature with a claim `mercure` (or `https://mercure.rocks/`) of selectors. It comes in the
//! `Authorization` header, else in the query, else in a cookie; the first that is there counts, and if it is not good the
//! request is refused, never anonymous. Tokens that were verified lately are known by their hash, since a signature takes
//! longer to verify than an update to publish.

mod access;
mod cache;
mod credentials;
mod error;
mod grant;
mod key;
mod origin;
#[cfg(test)]
mod tests;
mod token;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;

use cache::Cache;
use credentials::Credentials;
use error::Source;
use token::Verified;

use crate::config::{Auth, ConfigError, Key, Origin};

pub(crate) use access::Access;
pub(crate) use error::{AuthError, Role};
pub(crate) use grant::Grant;
pub(crate) use key::{KeyError, Verifier};

/// Verifies tokens and says what they allow.
pub(crate) struct Authenticator {
    publisher: Arc<Keyhole>,
    /// The very same as the publisher's if they have one key.
    subscriber: Arc<Keyhole>,
    anonymous: bool,
    cookie_name: String,
    publish_origins: Vec<Origin>,
    max_token: usize,
}

/// A key, and the tokens that fitted it lately.
struct Keyhole {
    verifier: Verifier,
    known: Mutex<Cache<Verified>>,
}

impl Authenticator {
    /// Takes tokens of up to `max_token` bytes. The errors are of keys; where they come from a configuration that was
    /// loaded, they have been told there.
    pub(crate) fn new(config: &Auth, max_token: usize) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut keyhole = |key: &Key, place: &str| match Verifier::new(key.algorithm, key.secret.expose()) {
            Ok(verifier) => Some(Arc::new(Keyhole { verifier, known: Mutex::default() })),
            Err(wrong) => {
                errors.push(ConfigError::new(place, wrong.to_string()));
                None
            }
        };
        let publisher = keyhole(&config.publisher, "--publisher-key");
        let one_key = config.subscriber == config.publisher;
        let subscriber =
            if one_key { publisher.clone() } else { keyhole(&config.subscriber, "--subscriber-key") };
        let (Some(publisher), Some(subscriber)) = (publisher, subscriber) else { return Err(errors) };
        Ok(Self {
            publisher,
            subscriber,
            anonymous: config.anonymous,
            cookie_name: config.cookie_name.clone(),
            publish_origins: config.publish_origins.clone(),
            max_token,
        })
    }

    /// What who sends this request may publish; [`Access::may_publish`] answers for an update's topics. A token from a
    /// cookie also needs a page on the list of publish origins.
    pub(crate) fn publisher(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: SystemTime,
    ) -> Result<Arc<Access>, AuthError> {
        let role = Role::Publisher;
        let Some(credentials) = credentials::find(headers, query, &self.cookie_name)? else {
            return Err(AuthError::Missing { role, cookie: self.cookie_name.clone() });
        };
        if credentials.source == Source::Cookie {
            origin::check(headers, &self.publish_origins)?;
        }
        self.verify(&self.publisher, &credentials, role, now)
    }

    /// What who sends this request may subscribe to, beside public updates. `None`: it has no token, and need not.
    pub(crate) fn subscriber(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        now: SystemTime,
    ) -> Result<Option<Arc<Access>>, AuthError> {
        let role = Role::Subscriber;
        match credentials::find(headers, query, &self.cookie_name)? {
            Some(credentials) => {
                let access = self.verify(&self.subscriber, &credentials, role, now)?;
                match access.expires.filter(|&at| at <= now) {
                    // No leeway: the stream would end at once, and its client would come back until that is over.
                    Some(at) => Err(AuthError::Expired { at }),
                    None => Ok(Some(access)),
                }
            }
            None if self.anonymous => Ok(None),
            None => Err(AuthError::Missing { role, cookie: self.cookie_name.clone() }),
        }
    }

    fn verify(
        &self,
        keyhole: &Keyhole,
        credentials: &Credentials<'_>,
        role: Role,
        now: SystemTime,
    ) -> Result<Arc<Access>, AuthError> {
        let token = &*credentials.token;
        if token.len() > self.max_token {
            return Err(AuthError::TooLong { bytes: token.len(), max: self.max_token });
        }
        let hash = digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        // Nothing panics with the lock held that would leave the cache half changed.
        let known = || keyhole.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&hash);
        let verified = if let Some(verified) = found {
            verified
        } else {
            let verified = Arc::new(token::verify(token, &keyhole.verifier, role)?);
            known().insert(hash, token.len(), Arc::clone(&verified));
            verified
        };
        verified.check(now)?;
        Ok(Arc::clone(&verified.access))
    }
}

/// Neither keys nor tokens are shown.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("anonymous", &self.anonymous).finish_non_exhaustive()
    }
}
