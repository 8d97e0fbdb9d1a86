//! Which pages may publish with a cookie.

use http::{
    HeaderMap, HeaderValue,
    header::{ORIGIN, REFERER},
};
use url::Url;

use super::error::AuthError;
use crate::config::Origin;

/// Whether a publish with a cookie comes from a page that may: a browser sends the cookie along whatever page makes the
/// request, so that the page's origin must be on the list, or any site could publish as its visitor (CSRF).
///
/// `Origin` counts if it is there, else `Referer`, cut to its origin. `null`, the origin of sandboxed and local pages, is
/// nobody's in particular and never on the list.
pub(crate) fn check(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), AuthError> {
    let origin = match only(headers, ORIGIN)? {
        Some(origin) => Some(shown(origin)),
        None => only(headers, REFERER)?.map(|referer| {
            let url = referer.to_str().ok().and_then(|text| Url::parse(text).ok());
            url.and_then(|url| of_url(&url)).unwrap_or_else(|| shown(referer))
        }),
    };
    match origin {
        Some(origin) if allowed.iter().any(|allowed| allowed.as_str() == origin) => Ok(()),
        origin => Err(AuthError::ForeignOrigin { origin }),
    }
}

/// The header's value, if it is there once.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&HeaderValue>, AuthError> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(first), Some(second)) => {
            Err(AuthError::ForeignOrigin { origin: Some(format!("{}, {}", shown(first), shown(second))) })
        }
        (value, _) => Ok(value),
    }
}

/// For an answer: not longer than an origin is.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(300).collect()
}

/// `scheme://host[:port]`, the port only if it is not the scheme's own: as browsers send it (RFC 6454, section 6.2).
fn of_url(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lines(lines: &[(&'static str, &str)]) -> Result<(), AuthError> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::try_from(*value).expect("a value"));
        }
        check(
            &headers,
            &["https://a.example", "http://localhost:5173"].map(|o| Origin::parse(o).expect("an origin")),
        )
    }

    #[test]
    fn the_origin_must_be_on_the_list() {
        for lines in [
            [("origin", "https://a.example")].as_slice(),
            &[("origin", "http://localhost:5173")],
            &[("origin", "https://a.example"), ("referer", "https://b.example/")],
            &[("referer", "https://a.example/page?q#f")],
            &[("referer", "https://a.example:443/")],
            &[("referer", "https://A.example")],
            &[("referer", "http://localhost:5173/x")],
        ] {
            assert_eq!(check_lines(lines), Ok(()), "{lines:?}");
        }
        for lines in [
            [("origin", "https://b.example")].as_slice(),
            &[("origin", "https://a.example.b.example")],
            &[("origin", "http://a.example")],
            &[("origin", "https://a.example:8443")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "null"), ("referer", "https://a.example/")],
            &[("origin", "https://b.example"), ("referer", "https://a.example/")],
            &[("origin", "https://a.example"), ("origin", "https://a.example")],
            &[("referer", "https://b.example/https://a.example")],
            &[("referer", "https://a.example@b.example/")],
            &[("referer", "a.example")],
            &[("referer", "data:text/html,https://a.example")],
        ] {
            let refused = check_lines(lines);
            assert!(
                matches!(refused, Err(AuthError::ForeignOrigin { origin: Some(_) })),
                "{lines:?}: {refused:?}"
            );
        }
        assert_eq!(check_lines(&[]), Err(AuthError::ForeignOrigin { origin: None }));
    }
}
