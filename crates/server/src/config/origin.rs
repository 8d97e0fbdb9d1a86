//! A web origin, as browsers send it.

use std::fmt;

use http::HeaderValue;
use url::Url;

/// `scheme://host[:port]` in the one spelling that browsers send (RFC 6454, 6.2): lower case, international names in
/// their ASCII form, without a default port. So a request's header can be compared byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin(HeaderValue);

impl Origin {
    /// Reads one from a configuration. The error says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "null" {
            return Err(
                "`null` is the origin of every sandboxed frame and local file, so anybody's. Leave it out \
                        and serve the page from an address of its own."
                    .into(),
            );
        }
        if text == "*" {
            return Err("`*` would let any page act as its visitors. List each origin.".into());
        }
        let example =
            "Write scheme, host and port alone, such as https://example.com or http://localhost:5173.";
        let url =
            Url::parse(text).map_err(|error| format!("\"{text}\" is no origin ({error}). {example}"))?;
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(format!("\"{text}\" has no host. {example}"));
        };
        let mut origin = format!("{}://{}", url.scheme(), host.to_ascii_lowercase());
        if let Some(port) = url.port() {
            origin = format!("{origin}:{port}");
        }
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(format!("\"{text}\" has more than an origin. Write {origin}."));
        }
        if host.contains('*') {
            return Err(format!("\"{text}\" has a wildcard, which no browser sends. List each origin."));
        }
        match HeaderValue::from_str(&origin) {
            Ok(value) => Ok(Self(value)),
            Err(_) => Err(format!("\"{text}\" cannot stand in a header. {example}")),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spelled_as_browsers_do() {
        for (text, origin) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM/", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(Origin::parse(text).as_ref().map(Origin::as_str), Ok(origin));
        }
    }

    #[test]
    fn what_is_more_or_less_is_refused_with_what_to_write() {
        for (text, advice) in [
            ("https://example.com/app", "Write https://example.com."),
            ("https://me:pw@example.com", "Write https://example.com."),
            ("https://example.com?x", "Write https://example.com."),
            ("example.com", "no origin"),
            ("localhost:3000", "no host"),
            ("file:///home", "no host"),
            ("https://*.example.com", "List each"),
            ("null", "Leave it out"),
            ("*", "List each"),
            ("", "no origin"),
        ] {
            let error = Origin::parse(text).expect_err(text);
            assert!(error.contains(advice), "{text}: {error}");
        }
    }
}
