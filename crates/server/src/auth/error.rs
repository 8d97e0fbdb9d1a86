//! Why a request is not authorised.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use headwater_hub::Topic;
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use jsonwebtoken::Algorithm;

use crate::problem::Problem;

/// Why a request is not authorised. Its text is fit to show: it holds nothing of a token but its times and its
/// algorithm's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    /// There is no token, and one is needed.
    #[error("{} needs a token: send it as `Authorization: Bearer …`, in the cookie `{cookie}`, or in the query as `authorization`", .role.needs())]
    Missing { role: Role, cookie: String },
    /// There is a place for a token, and none in it that can be taken.
    #[error("{place}: {what}")]
    Unusable { place: Source, what: Unusable },
    #[error(
        "the token has {bytes} bytes, {max} are allowed: shorten its lists of selectors, for example with templates"
    )]
    TooLong { bytes: usize, max: usize },
    /// It is no JSON Web Signature in compact form, or what it holds cannot be understood.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    #[error("wrong algorithm: the token says {found}, the hub expects {expected:?}: sign with that")]
    Algorithm { expected: Algorithm, found: String },
    #[error("bad signature: the token was signed with another key than the hub's {} key", .role.name())]
    Signature { role: Role },
    #[error("expired at {}: get a new token", time(*.at))]
    Expired { at: SystemTime },
    #[error("not yet valid: it will be at {}; if that is now, set the clocks right", time(*.at))]
    NotYet { at: SystemTime },
    /// The token is good, and its `publish` list does not have the topic.
    #[error(
        "the token does not allow to publish to \"{}\": add that topic, or a selector that matches it, to \
         `mercure.publish` in the token's claims",
        shown(.topic.as_str())
    )]
    MayNotPublish { topic: Topic },
    /// A cookie came from a page that must not publish: any site could make its visitors publish otherwise.
    #[error(
        "a publish with a cookie must come from a page on the list of publish origins, and {}: add the origin with \
         --publish-origin, or send the token as `Authorization: Bearer …`",
        .origin.as_ref().map_or("the request has neither Origin nor Referer".into(), |o| format!("\"{o}\" is not on it"))
    )]
    ForeignOrigin { origin: Option<String> },
}

/// As much of a topic as an answer should repeat: it may have megabytes.
fn shown(topic: &str) -> String {
    match topic.char_indices().nth(200) {
        None => topic.to_owned(),
        Some((end, _)) => format!("{}…", &topic[..end]),
    }
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Publisher,
    Subscriber,
}

impl Role {
    fn needs(self) -> &'static str {
        match self {
            Self::Publisher => "publishing",
            Self::Subscriber => "subscribing",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscriber => "subscriber",
        }
    }
}

/// Where a token was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Header,
    Query,
    Cookie,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the Authorization header",
            Self::Query => "the query parameter `authorization`",
            Self::Cookie => "the authorization cookie",
        })
    }
}

/// Why there is no token in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is of another scheme than Bearer; send `Bearer` and the token")]
    Scheme,
    #[error("it holds no token; send one, or leave it out")]
    Empty,
    #[error("it is there more than once; send it once")]
    Doubled,
    #[error("it holds characters that no token has")]
    Characters,
}

impl AuthError {
    /// 401: another token may help. 403: this request may not be made with it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::MayNotPublish { .. } | Self::ForeignOrigin { .. } => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "No token",
            Self::MayNotPublish { .. } => "Not granted",
            Self::ForeignOrigin { .. } => "Foreign origin",
            _ => "Bad token",
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let text = error.to_string();
        let mut detail = text.clone();
        if let Some(first) = detail.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let problem = Self::new(error.status(), error.title(), detail + ".");
        match error {
            AuthError::MayNotPublish { .. } | AuthError::ForeignOrigin { .. } => problem,
            // Who sent no token is told no error (RFC 6750, section 3.1).
            AuthError::Missing { .. } => {
                problem.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            _ => problem.with_header(WWW_AUTHENTICATE, challenge(&text)),
        }
    }
}

/// RFC 6750, section 3: printable ASCII without the quote and the backslash.
fn challenge(description: &str) -> HeaderValue {
    let description: String = description
        .chars()
        .map(|c| match c {
            '"' | '\\' | '`' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect();
    HeaderValue::try_from(format!("Bearer error=\"invalid_token\", error_description=\"{description}\""))
        .unwrap_or(HeaderValue::from_static("Bearer error=\"invalid_token\""))
}

/// As RFC 3339, to the second. (A year past 9999 has no such form; no token gets one, see `token::time`.)
fn time(at: SystemTime) -> humantime::Rfc3339Timestamp {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(super::token::LAST_SECOND);
    humantime::format_rfc3339_seconds(at.clamp(SystemTime::UNIX_EPOCH, last))
}
