//! Where a redirect leads, and whether the caller's credentials may go there.

use http::{HeaderMap, StatusCode, header::LOCATION};
use reqwest::Url;

/// Fetch's own limit (Fetch standard, 4.4): more is a loop.
pub(crate) const MAX_HOPS: usize = 20;

/// The next URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    /// The same scheme, host and port. If not, nothing that the caller gave goes along: whether `X-Api-Key`
    /// is a secret cannot be known, and a `Referer` would tell the query, where a token may stand. (reqwest's
    /// own redirects send both, which is why they are off.)
    pub(crate) same_origin: bool,
}

/// `Ok(None)`: the answer is no redirect.
pub(crate) fn hop(from: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Option<Hop>, &'static str> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = headers.get(LOCATION).ok_or("it redirects without a Location header")?;
    let location =
        str::from_utf8(location.as_bytes()).map_err(|_| "it redirects to a Location that is not UTF-8")?;
    let url = from.join(location).map_err(|_| "it redirects to a Location that is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it redirects to a URL that is neither http nor https");
    }
    Ok(Some(Hop { same_origin: url.origin() == from.origin(), url }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(from: &str, status: u16, location: Option<&str>) -> Result<Option<(String, bool)>, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert(LOCATION, location.parse().unwrap());
        }
        hop(&from.parse().unwrap(), StatusCode::from_u16(status).unwrap(), &headers)
            .map(|hop| hop.map(|hop| (hop.url.into(), hop.same_origin)))
    }

    #[test]
    fn targets_and_origins() {
        const HERE: &str = "http://a.test:3000/x/y?topic=t";
        for (location, want, same_origin) in [
            ("z", "http://a.test:3000/x/z", true),
            ("/z?topic=u", "http://a.test:3000/z?topic=u", true),
            ("?topic=u", "http://a.test:3000/x/y?topic=u", true),
            ("//b.test/z", "http://b.test/z", false),
            ("http://a.test/z", "http://a.test/z", false), // another port
            ("https://a.test:3000/z", "https://a.test:3000/z", false), // another scheme
            ("http://A.TEST:3000/z", "http://a.test:3000/z", true),
            ("http://sub.a.test:3000/z", "http://sub.a.test:3000/z", false),
        ] {
            for status in [301, 302, 303, 307, 308] {
                assert_eq!(
                    from(HERE, status, Some(location)),
                    Ok(Some((want.to_owned(), same_origin))),
                    "{location}"
                );
            }
        }
        assert!(from("https://a.test/", 302, Some("https://a.test:443/")).unwrap().unwrap().1);
    }

    #[test]
    fn what_is_no_redirect_and_what_is_a_bad_one() {
        for status in [200, 204, 300, 304, 305, 404] {
            assert_eq!(from("http://a.test/", status, Some("/z")), Ok(None));
        }
        assert!(from("http://a.test/", 302, None).is_err());
        assert!(from("http://a.test/", 302, Some("http://[")).is_err());
        assert!(from("http://a.test/", 302, Some("file:///etc/passwd")).is_err());
    }
}
