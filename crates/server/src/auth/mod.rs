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
use jsonwebtoken::Algorithm;
use url::Url;

use cache::Cache;
use credentials::Credentials;
use error::Source;
use token::Verified;

pub(crate) use access::Access;
pub(crate) use error::{AuthError, Role};
pub(crate) use key::sign;
pub(crate) use key::{KeyError, Verifier};

/// How requests are authorised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthConfig {
    pub(crate) publisher: KeyConfig,
    /// `None`: the publisher's.
    pub(crate) subscriber: Option<KeyConfig>,
    /// Whether who has no token may subscribe, to public updates.
    pub(crate) anonymous: bool,
    pub(crate) cookie_name: String,
    /// Whose pages may publish with a cookie: `scheme://host[:port]` each.
    pub(crate) publish_origins: Vec<String>,
    /// The bytes that a token may have.
    pub(crate) max_token: usize,
}

impl AuthConfig {
    /// The cookie's name in the Mercure protocol.
    pub(crate) const COOKIE: &str = "mercureAuthorization";

    /// 32 KiB: with a grant of many selectors a token is large, and every request is parsed with it.
    pub(crate) const MAX_TOKEN: usize = 32 << 10;

    /// One key for both, no anonymous subscribers, no publishes with cookies.
    pub(crate) fn new(publisher: KeyConfig) -> Self {
        Self {
            publisher,
            subscriber: None,
            anonymous: false,
            cookie_name: Self::COOKIE.into(),
            publish_origins: Vec::new(),
            max_token: Self::MAX_TOKEN,
        }
    }
}

/// A key and the one algorithm that it is for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyConfig {
    pub(crate) algorithm: Algorithm,
    /// A secret for HS256, HS384 and HS512, else a public key in PEM.
    pub(crate) key: Vec<u8>,
}

/// The key itself is never shown.
impl fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyConfig").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What is wrong with an [`AuthConfig`], and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("publisher key: {0}")]
    PublisherKey(KeyError),
    #[error("subscriber key: {0}")]
    SubscriberKey(KeyError),
    #[error("cookie name \"{0}\": use letters, digits, `-` and `_`")]
    CookieName(String),
    #[error(
        "publish origin \"{0}\": write scheme, host and port as browsers send them, such as https://example.com"
    )]
    Origin(String),
}

/// Verifies tokens and says what they allow.
pub(crate) struct Authenticator {
    publisher: Arc<Keyhole>,
    /// The very same as the publisher's if they have one key.
    subscriber: Arc<Keyhole>,
    anonymous: bool,
    cookie_name: String,
    publish_origins: Vec<String>,
    max_token: usize,
}

/// A key, and the tokens that fitted it lately.
struct Keyhole {
    verifier: Verifier,
    known: Mutex<Cache<Verified>>,
}

impl Authenticator {
    /// Takes a configuration without fault, else tells all its faults.
    pub(crate) fn new(config: AuthConfig) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut keyhole = |key: &KeyConfig, error: fn(KeyError) -> ConfigError| match Verifier::new(
            key.algorithm,
            &key.key,
        ) {
            Ok(verifier) => Some(Arc::new(Keyhole { verifier, known: Mutex::default() })),
            Err(wrong) => {
                errors.push(error(wrong));
                None
            }
        };
        let publisher = keyhole(&config.publisher, ConfigError::PublisherKey);
        let subscriber = match config.subscriber.as_ref().filter(|&key| *key != config.publisher) {
            None => publisher.clone(),
            Some(key) => keyhole(key, ConfigError::SubscriberKey),
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if config.cookie_name.is_empty() || !config.cookie_name.bytes().all(fits) {
            errors.push(ConfigError::CookieName(config.cookie_name.clone()));
        }
        for text in &config.publish_origins {
            if Url::parse(text).ok().and_then(|url| origin::of_url(&url)).as_ref() != Some(text) {
                errors.push(ConfigError::Origin(text.clone()));
            }
        }
        match (publisher, subscriber) {
            (Some(publisher), Some(subscriber)) if errors.is_empty() => Ok(Self {
                publisher,
                subscriber,
                anonymous: config.anonymous,
                cookie_name: config.cookie_name,
                publish_origins: config.publish_origins,
                max_token: config.max_token,
            }),
            _ => Err(errors),
        }
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
            Some(credentials) => self.verify(&self.subscriber, &credentials, role, now).map(Some),
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
