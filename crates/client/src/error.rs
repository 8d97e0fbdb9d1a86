//! What can go wrong, in the terms of what a caller does about it.

use std::{error::Error as _, time::Duration};

use crate::Refusal;

/// Why a stream ended or is being reconnected, or why a publish failed.
///
/// Its text never holds a token, nor a URL's query, where one may stand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be used; the text says why.
    #[error("the URL cannot be used: {0}")]
    Url(String),
    /// A header, token or cursor that HTTP cannot carry.
    #[error("{0} holds characters that an HTTP header cannot carry")]
    Header(String),
    /// The system's TLS set-up, mostly its certificates, cannot be used.
    #[error("TLS cannot be set up: {}", root_cause(.0))]
    Tls(#[source] reqwest::Error),
    /// The network, or something on the way: refused, reset, no such name, a bad certificate.
    #[error("{}", network(.0))]
    Network(#[source] reqwest::Error),
    /// No answer came within this time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The stream was open, and not a byte came for this long, not even a heartbeat.
    #[error("silence for {} s", .0.as_secs_f64())]
    Silence(Duration),
    /// The server ended the stream.
    #[error("the server ended the stream")]
    Closed,
    /// The server refused, and says why.
    #[error("{0}")]
    Refused(Refusal),
    /// Something answered, but not with what was asked for: the URL may be another page's.
    #[error("the answer is {}, not {expected}: is this the right URL?", .found.as_deref().unwrap_or("of no type"))]
    ContentType {
        /// The media type that was needed.
        expected: &'static str,
        /// The one that came.
        found: Option<String>,
    },
    /// A redirect that cannot be followed; the text says why.
    #[error("bad redirect: {0}")]
    Redirect(&'static str),
    /// The stream went past a limit of the decoder. The server would send the same again, so this is final.
    #[error("the stream cannot be decoded: {0}")]
    Decode(#[source] headwater_sse::DecodeError),
    /// The answer to a publish cannot be understood; the text says how.
    #[error("the answer cannot be understood: {0}")]
    Answer(&'static str),
}

impl Error {
    /// Whether the same request may succeed later.
    ///
    /// ```
    /// use headwater_client::Error;
    /// use std::time::Duration;
    /// assert!(Error::Timeout(Duration::from_secs(30)).is_retryable());
    /// assert!(!Error::Url("it has no host".into()).is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Network(_) | Self::Timeout(_) | Self::Silence(_) | Self::Closed => true,
            Self::Refused(refusal) => refusal.is_temporary(),
            _ => false,
        }
    }
}

/// reqwest's own text is its outermost layer ("error sending request"), and the one that helps is the innermost
/// ("Connection refused").
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn network(error: &reqwest::Error) -> String {
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    // A reqwest error without a source would print the whole of itself, whose text is generic but harmless:
    // the URL has been taken out where the error was made.
    if error.source().is_some() {
        format!("{what}: {}", root_cause(error))
    } else {
        format!("{what}: {error}")
    }
}

/// With the URL taken out: its query may hold a token.
pub(crate) fn from_network(error: reqwest::Error) -> Error {
    Error::Network(error.without_url())
}
