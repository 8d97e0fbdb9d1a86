//! Whose pages may ask: those that this hub serves itself.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};

use crate::problem::Problem;

/// What a browser says of the page that makes a request; no script can change it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what was asked under a name that may be anyone's.
pub(super) fn check_host(parts: &Parts) -> Result<(), Problem> {
    if host(parts).is_some_and(is_no_domain) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "Not under this name",
        "The tokens and feeds of `headwater dev` are given out under an IP address or localhost only, as any site could \
         let its own name point here. Open the page under one of these, or use `headwater serve` with a key of yours.",
    ))
}

/// Refuses what another site's page asks for: it could not read the answer, but what it asked for would be done.
/// Programs that are no browsers say nothing of where they come from, and may.
pub(super) fn check_origin(parts: &Parts) -> Result<(), Problem> {
    let own_site = |site: &HeaderValue| site == "same-origin" || site == "none";
    let own_origin = |origin: &HeaderValue| names(origin, host(parts).unwrap_or_default());
    let all = |name: HeaderName, own: &dyn Fn(&HeaderValue) -> bool| all_are(&parts.headers, &name, own);
    if all(SEC_FETCH_SITE, &own_site) && all(ORIGIN, &own_origin) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "Not from another site",
        "Only the pages that `headwater dev` serves itself may ask for this. Open them at its own address, or ask from a \
         program that is no browser.",
    ))
}

fn all_are(headers: &HeaderMap, name: &HeaderName, own: &dyn Fn(&HeaderValue) -> bool) -> bool {
    headers.get_all(name).iter().all(own)
}

/// The host that was asked, with its port.
fn host(parts: &Parts) -> Option<&str> {
    parts.uri.authority().map(Authority::as_str).or_else(|| parts.headers.get(HOST)?.to_str().ok())
}

/// Whether an `Origin` is this host's. Its scheme does not count: what speaks TLS may stand before the hub.
fn names(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Whether a host, with or without its port, is an IP address or `localhost`. A domain may be anyone's, who could point
/// it here for a moment (DNS rebinding) to have their page read what this one does.
fn is_no_domain(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host();
    host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_domain_is_told_from_an_address() {
        for own in ["localhost", "LocalHost:3000", "127.0.0.1:3000", "192.168.1.7", "[::1]:3000", "[::1]"] {
            assert!(is_no_domain(own), "{own}");
        }
        for other in
            ["example.com", "example.com:3000", "127.0.0.1.example.com", "localhost.example.com", "", "a b"]
        {
            assert!(!is_no_domain(other), "{other}");
        }
    }

    #[test]
    fn the_host_of_the_target_counts_before_the_header() {
        for (target, header, own) in [
            ("/", Some("localhost:3000"), true),
            ("/", Some("rebound.example"), false),
            ("/", None, false),
            ("http://rebound.example/", Some("localhost"), false),
            ("http://[::1]:3000/", Some("rebound.example"), true),
        ] {
            let mut request = Request::get(target);
            if let Some(host) = header {
                request = request.header(HOST, host);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(check_host(&parts).is_ok(), own, "{target} {header:?}");
        }
    }

    #[test]
    fn only_its_own_pages_and_programs_that_are_no_browsers_may() {
        for (lines, may) in [
            (&[][..], true),
            (&[("origin", "http://localhost:3000")], true),
            (&[("origin", "https://LOCALHOST:3000")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("origin", "http://localhost:3001")], false),
            (&[("origin", "http://localhost")], false),
            (&[("origin", "http://localhost:3000.evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "http://localhost:3000"), ("origin", "http://evil.example")], false),
            // Another port is the same site, and another origin.
            (&[("sec-fetch-site", "same-site"), ("origin", "http://localhost:3000")], false),
            (&[("sec-fetch-site", "cross-site")], false),
        ] {
            let mut request = Request::post("/demo/ticker").header(HOST, "localhost:3000");
            for (name, value) in lines {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(check_origin(&parts).is_ok(), may, "{lines:?}");
        }
    }
}
