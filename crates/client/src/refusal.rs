//! An answer with a status that says no.

use std::{fmt, time::Duration};

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;

/// As much of a refusal's body as is read: a problem is a few hundred bytes.
pub(crate) const MAX_BODY: usize = 16 * 1024;
/// As much of a body that is no problem as is shown: the first words of a proxy's page.
const MAX_TEXT: usize = 200;

/// Why a server said no: the status and, if it speaks `application/problem+json` (RFC 9457) as Headwater does,
/// the problem's title and detail.
///
/// As text: `401 Unauthorized: the token expired 3 minutes ago`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is; else the status' usual name. May be empty.
    pub title: String,
    /// What happened and what to do about it; else the first words of the body. May be empty.
    pub detail: String,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        let problem: Option<Problem> = if media_type(headers)
            .is_some_and(|t| t == "application/problem+json" || t == "application/json")
        {
            serde_json::from_slice(body).ok()
        } else {
            None
        };
        let html = media_type(headers).is_some_and(|t| t == "text/html");
        let Problem { title, detail } = problem.unwrap_or_else(|| Problem {
            title: String::new(),
            detail: if html { String::new() } else { first_words(&String::from_utf8_lossy(body)) },
        });
        let title =
            if title.is_empty() { status.canonical_reason().unwrap_or_default().to_owned() } else { title };
        Self { status: status.as_u16(), title: one_line(&title), detail: one_line(&detail), retry_after }
    }

    /// 429 and 5xx: the request was fine, the moment was not.
    pub fn is_temporary(&self) -> bool {
        self.status == 429 || self.status >= 500
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.title.is_empty() {
            write!(f, " {}", self.title)?;
        }
        if !self.detail.is_empty() && self.detail != self.title {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// The media type without parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn first_words(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Without control characters: the text may be printed on a terminal.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, content_type: &str, body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Refusal::new(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), None).to_string()
    }

    #[test]
    fn shows_what_the_server_says() {
        for (status, content_type, body, want) in [
            (
                401,
                "application/problem+json",
                r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"the token expired"}"#,
                "401 Unauthorized: the token expired",
            ),
            (
                403,
                "Application/Problem+JSON; charset=utf-8",
                r#"{"title":"No","detail":"a\u001b[2Jb"}"#,
                "403 No: a [2Jb",
            ),
            (401, "text/plain; charset=utf-8", "Unauthorized\n", "401 Unauthorized"),
            (
                400,
                "text/plain",
                "\n Missing \"topic\" parameter\nmore",
                "400 Bad Request: Missing \"topic\" parameter",
            ),
            (502, "text/html", "<html><h1>Bad gateway</h1>", "502 Bad Gateway"),
            (599, "application/problem+json", "{broken", "599: {broken"),
            (500, "application/problem+json", "{}", "500 Internal Server Error"),
        ] {
            assert_eq!(refusal(status, content_type, body), want);
        }
        assert_eq!(
            refusal(500, "text/plain", &"é".repeat(500)).chars().filter(|c| *c == 'é').count(),
            MAX_TEXT
        );
    }
}
