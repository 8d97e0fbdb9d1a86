//! What went wrong with a request, as `application/problem+json` (RFC 9457).

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use serde::Serialize;

/// An error as the client sees it: the status, a title that names the kind, and a detail that says what to do next.
///
/// The title of one kind never changes, so that programs may compare it; the detail is for people and may. Neither
/// ever quotes a token or a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Parts>);

/// Boxed, because every `Result` on the way of a request that goes well would have to make room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    status: StatusCode,
    title: Cow<'static, str>,
    detail: String,
    line: Option<u64>,
    column: Option<u64>,
    headers: HeaderMap,
}

/// The members, in the order in which a person wants to read them.
#[derive(Serialize)]
struct Members<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

impl Problem {
    /// A problem of the kind that `title` names.
    pub(crate) fn new(
        status: StatusCode,
        title: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            title: title.into(),
            detail: detail.into(),
            line: None,
            column: None,
            headers: HeaderMap::new(),
        }))
    }

    /// A 400: the client has to change its request.
    pub(crate) fn bad_request(title: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, detail)
    }

    /// Also says where in the body it is; both count from 1, the column in bytes.
    #[must_use]
    pub(crate) fn at(mut self, line: u64, column: u64) -> Self {
        self.0.line = Some(line);
        self.0.column = Some(column);
        self
    }

    /// Sends a header with it, such as `WWW-Authenticate`, `Allow` or `Retry-After`; a name may come more than once.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn title(&self) -> &str {
        &self.0.title
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The line and the column, if the place is known.
    pub(crate) fn place(&self) -> Option<(u64, u64)> {
        self.0.line.zip(self.0.column)
    }

    fn members(&self, kind: Option<&'static str>, status: Option<u16>) -> Vec<u8> {
        let Parts { title, detail, line, column, .. } = &*self.0;
        let members = Members { kind, title, status, detail, line: *line, column: *column };
        serde_json::to_vec(&members).expect("strings and numbers always serialize")
    }

    /// The line of an NDJSON answer that tells it: `{"error":{…}}`, without the line feed. The status is left out,
    /// because the answer's own status has been sent long before.
    pub(crate) fn to_ndjson(&self) -> Vec<u8> {
        let mut line = b"{\"error\":".to_vec();
        line.extend_from_slice(&self.members(None, None));
        line.push(b'}');
        line
    }

    /// The whole answer.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let body = self.members(Some("about:blank"), Some(self.0.status.as_u16()));
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        *headers = self.0.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // Caches may keep a 404, 405 or 414 that says nothing about it (RFC 9110, 15.1).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// For logs: `400 No topic: … (line 1, column 5)`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.title, self.0.detail)?;
        if let Some((line, column)) = self.place() {
            write!(f, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use http::header::ALLOW;
    use http_body_util::BodyExt as _;

    use super::*;

    fn body(problem: Problem) -> String {
        let bytes = futures_util::FutureExt::now_or_never(problem.into_response().into_body().collect());
        String::from_utf8(bytes.unwrap().unwrap().to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_members_are_those_of_the_rfc_and_the_place() {
        let problem = Problem::bad_request("No topic", "Add \"topic\".");
        assert_eq!(
            body(problem.clone()),
            r#"{"type":"about:blank","title":"No topic","status":400,"detail":"Add \"topic\"."}"#
        );
        assert_eq!(
            body(problem.at(2, 7)),
            r#"{"type":"about:blank","title":"No topic","status":400,"detail":"Add \"topic\".","line":2,"column":7}"#
        );
    }

    #[test]
    fn headers_go_with_it_and_nobody_may_cache_it() {
        let response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "Use GET.")
            .with_header(ALLOW, HeaderValue::from_static("GET"))
            .with_header(ALLOW, HeaderValue::from_static("POST"))
            .into_response();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers().get_all(ALLOW).iter().count(), 2);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn in_ndjson_it_is_one_line_whatever_it_quotes() {
        let line = Problem::bad_request("Bad id", "It is \"a\nb\".").at(3, 1).to_ndjson();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            r#"{"error":{"title":"Bad id","detail":"It is \"a\nb\".","line":3,"column":1}}"#
        );
    }

    #[test]
    fn in_a_log_it_names_its_place() {
        let problem = Problem::bad_request("Bad JSON", "Close the string.").at(1, 9);
        assert_eq!(problem.to_string(), "400 Bad JSON: Close the string. (line 1, column 9)");
    }
}
