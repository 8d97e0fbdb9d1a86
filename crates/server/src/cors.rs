//! Cross-origin requests (the Fetch standard's CORS protocol): which pages may read what the hub answers.

use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

use crate::config::Origin;

const EXPOSED: HeaderValue = HeaderValue::from_static("Last-Event-ID, Link, Headwater-Heartbeat");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");
/// `Prefer`, because a browser does not read an answer while it sends: it asks NDJSON for a summary.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Cache-Control, Last-Event-ID, Content-Type, Idempotency-Key, Prefer",
);
/// Two hours: the longest that Chromium keeps a preflight's answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The pages that may read answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cors {
    /// Those of the hub's own origin alone.
    #[default]
    Off,
    /// Those of these origins, also with the user's cookies.
    Origins(Vec<Origin>),
    /// All, but without the user's cookies: any page could act as its visitor otherwise.
    Any,
}

impl Cors {
    /// Adds what the browser needs to show `response` to the page. A foreign page's request is answered all the same:
    /// its browser keeps the answer from it.
    pub(crate) fn decorate(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.allow(request, response) {
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// Answers a preflight, the browser's question before a page's request; `None` if this is not one. It carries no
    /// token, so it must be asked before anything is authorised.
    pub(crate) fn preflight<B: Default>(&self, method: &Method, request: &HeaderMap) -> Option<Response<B>> {
        let asks = request.contains_key(ORIGIN) && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if method != Method::OPTIONS || !asks {
            return None;
        }
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.allow(request, headers) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        Some(response)
    }

    /// Says who may read the answer; whether that is the page which asks.
    fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) -> bool {
        match self {
            Self::Off => false,
            Self::Any => {
                let asks = request.contains_key(ORIGIN);
                if asks {
                    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                }
                asks
            }
            Self::Origins(origins) => {
                // Also when this origin is not allowed, or there is none: a cache must not hand the answer to another.
                response.append(VARY, HeaderValue::from_static("Origin"));
                let mut sent = request.get_all(ORIGIN).iter();
                let (Some(origin), None) = (sent.next(), sent.next()) else { return false };
                let allowed = origins.iter().any(|allowed| allowed.as_header() == origin);
                if allowed {
                    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                    response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
                allowed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Cors {
        Cors::Origins(
            ["https://a.example", "http://localhost:5173"].map(|o| Origin::parse(o).unwrap()).into(),
        )
    }

    fn request(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    /// The headers as sorted lines.
    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    fn decorated(cors: &Cors, headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut response = HeaderMap::new();
        cors.decorate(&request(headers), &mut response);
        lines(&response)
    }

    #[test]
    fn a_listed_origin_may_read_with_credentials() {
        assert_eq!(
            decorated(&listed(), &[("origin", "http://localhost:5173")]),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-origin: http://localhost:5173",
                "access-control-expose-headers: Last-Event-ID, Link, Headwater-Heartbeat",
                "vary: Origin",
            ]
        );
    }

    #[test]
    fn any_other_origin_may_not_and_caches_know() {
        for headers in [
            &[("origin", "https://a.example.evil")][..],
            &[("origin", "https://A.example")],
            &[("origin", "https://a.example:8443")],
            &[("origin", "http://a.example")],
            &[("origin", "null")],
            &[("origin", "https://a.example"), ("origin", "https://evil.example")],
            &[],
        ] {
            assert_eq!(decorated(&listed(), headers), ["vary: Origin"], "{headers:?}");
        }
    }

    #[test]
    fn a_star_admits_all_without_credentials() {
        assert_eq!(
            decorated(&Cors::Any, &[("origin", "https://a.example")]),
            [
                "access-control-allow-origin: *",
                "access-control-expose-headers: Last-Event-ID, Link, Headwater-Heartbeat"
            ]
        );
        assert_eq!(decorated(&Cors::Any, &[]), [""; 0]);
    }

    #[test]
    fn switched_off_it_says_nothing() {
        assert_eq!(decorated(&Cors::Off, &[("origin", "https://a.example")]), [""; 0]);
    }

    #[test]
    fn another_vary_is_kept() {
        let mut response = request(&[("vary", "Accept")]);
        listed().decorate(&HeaderMap::new(), &mut response);
        assert_eq!(lines(&response), ["vary: Accept", "vary: Origin"]);
    }

    #[test]
    fn a_preflight_is_answered_and_may_be_kept() {
        let asks = request(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        let response = listed().preflight::<()>(&Method::OPTIONS, &asks).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(
            lines(response.headers()),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-headers: Authorization, Cache-Control, Last-Event-ID, Content-Type, \
                 Idempotency-Key, Prefer",
                "access-control-allow-methods: GET, HEAD, POST, DELETE",
                "access-control-allow-origin: https://a.example",
                "access-control-max-age: 7200",
                "vary: Origin",
            ]
        );
    }

    #[test]
    fn a_foreign_preflight_gets_an_answer_that_allows_nothing() {
        let asks = request(&[("origin", "https://evil.example"), ("access-control-request-method", "POST")]);
        let response = listed().preflight::<()>(&Method::OPTIONS, &asks).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(lines(response.headers()), ["vary: Origin"]);
    }

    #[test]
    fn what_is_no_preflight_is_left_to_others() {
        let asks = request(&[("origin", "https://a.example"), ("access-control-request-method", "POST")]);
        let bare = request(&[("origin", "https://a.example")]);
        assert!(listed().preflight::<()>(&Method::GET, &asks).is_none());
        assert!(listed().preflight::<()>(&Method::OPTIONS, &bare).is_none());
    }
}
