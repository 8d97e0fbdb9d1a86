//! What the pages ask of the hub beside its protocol: what a site's own backend would do for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
    request::Parts,
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    Demo,
    answers::{Answer, Question},
    guard,
    token::{LIFETIME, User},
};
use crate::{
    app::method_not_allowed,
    body::{field::HUB_PATH, refuse_encoded},
    problem::Problem,
};

/// The longest question, each character of it written as two escapes, fits in.
const MAX_BODY: usize = 8 << 10;

/// So little comes at once, or not at all.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// One of the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Config,
    Token,
    Ticker,
    Answers,
}

/// What was asked for, and what is still to be done once that has been said.
type Answered = (Response<Full<Bytes>>, Option<Answer>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerRequest {
    question: String,
}

impl Endpoint {
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/demo/config.json" => Self::Config,
            "/demo/token" => Self::Token,
            "/demo/ticker" => Self::Ticker,
            "/demo/answers" => Self::Answers,
            _ => return None,
        })
    }

    /// Whether it may be asked for like this: by reading it, or by one of the hub's own pages.
    fn check(self, parts: &Parts) -> Result<(), Problem> {
        let is_read = self == Self::Config;
        let methods: &[Method] = if is_read { &[Method::GET, Method::HEAD] } else { &[Method::POST] };
        if !methods.contains(&parts.method) {
            let allowed = if is_read { "GET, HEAD" } else { "POST" };
            return Err(method_not_allowed(parts, HeaderValue::from_static(allowed)));
        }
        guard::check_host(parts)?;
        // Who reads from elsewhere does not get to see the answer: it has none of the headers that would allow it.
        if is_read { Ok(()) } else { guard::check_origin(parts) }
    }

    /// Answers a request.
    pub(super) async fn answer<B>(self, demo: &Demo, parts: &Parts, body: B) -> Result<Answered, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.check(parts)?;
        match self {
            Self::Config => {
                let config = json!({ "hub": HUB_PATH, "token": demo.publisher_token });
                Ok((json_response(StatusCode::OK, &config), None))
            }
            Self::Token => {
                let TokenRequest { user } = read(parts, body, r#"{"user":"alice"}"#).await?;
                let user = User::new(user)?;
                let token = token(demo, &user, SystemTime::now())?;
                Ok((json_response(StatusCode::OK, &token), None))
            }
            Self::Answers => {
                let AnswerRequest { question } =
                    read(parts, body, r#"{"question":"What happens on a cut?"}"#).await?;
                let answer = demo.begin_answer(&Question::new(question)?).ok_or_else(too_many_answers)?;
                let told = json!({ "id": answer.id, "topic": answer.topic.as_str() });
                Ok((json_response(StatusCode::CREATED, &told), Some(answer)))
            }
            Self::Ticker => {
                demo.wish.renew();
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok((response, None))
            }
        }
    }
}

fn token(demo: &Demo, user: &User, now: SystemTime) -> Result<Value, Problem> {
    // A claim's time is in whole seconds: what is told is what the hub will go by.
    let seconds = (now + LIFETIME).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expires = UNIX_EPOCH + Duration::from_secs(seconds);
    let token = user.token(&demo.key, expires).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "No token",
            format!("The hub's own key did not sign ({error}). Start `headwater dev` again."),
        )
    })?;
    Ok(json!({ "token": token, "user": user.name(), "expires": seconds * 1_000 }))
}

fn too_many_answers() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Too many answers",
        "As many answers as may be are being written already. Each takes some ten seconds: ask again in a few.",
    )
    .with_header(RETRY_AFTER, HeaderValue::from_static("3"))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Reads a small JSON body. `example` is what one looks like.
async fn read<T, B>(parts: &Parts, body: B, example: &str) -> Result<T, Problem>
where
    T: DeserializeOwned,
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let media_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    // A form of another site's page cannot have this type without asking before.
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type",
            format!("Send JSON such as {example}, with `Content-Type: application/json`."),
        )
        .with_header(ACCEPT, HeaderValue::from_static("application/json")));
    }
    refuse_encoded(parts.headers.get(CONTENT_ENCODING))?;
    let bytes = match timeout(BODY_WAIT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Body too large",
                format!("The body may have {MAX_BODY} bytes here. Send JSON such as {example}."),
            )
            .with_header(CONNECTION, HeaderValue::from_static("close")));
        }
        Ok(Err(_)) => {
            return Err(Problem::bad_request(
                "Incomplete body",
                "The body ended before it was whole. Send it again.",
            ));
        }
        Err(_) => {
            return Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "Body too slow",
                format!("The body was not whole after {} s. Send it again.", BODY_WAIT.as_secs()),
            )
            .with_header(CONNECTION, HeaderValue::from_static("close")));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        // It may quote a member's name, of any length.
        Problem::bad_request("Bad JSON", format!("{:.200}. Send JSON such as {example}.", error.to_string()))
            .at(error.line() as u64, error.column() as u64)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream;
    use http::Request;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::time::Instant;

    use super::*;

    type Piece = Result<Frame<Bytes>, io::Error>;

    fn parts() -> Parts {
        let request = Request::post("/demo/token").header(CONTENT_TYPE, "application/json; charset=utf-8");
        request.body(()).expect("a request").into_parts().0
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_long() {
        let start = Instant::now();
        let never = StreamBody::new(stream::pending::<Piece>());
        let refused = read::<TokenRequest, _>(&parts(), never, "{}").await.err().expect("a problem");
        assert_eq!((refused.status().as_u16(), refused.title()), (408, "Body too slow"));
        assert_eq!(start.elapsed(), BODY_WAIT);
    }

    #[tokio::test]
    async fn a_body_that_ends_in_the_middle_is_no_body() {
        let pieces: Vec<Piece> = vec![
            Ok(Frame::data(Bytes::from_static(br#"{"user":"alice"}"#))),
            Err(io::ErrorKind::UnexpectedEof.into()),
        ];
        let cut = StreamBody::new(stream::iter(pieces));
        let refused = read::<TokenRequest, _>(&parts(), cut, "{}").await.err().expect("a problem");
        assert_eq!((refused.status().as_u16(), refused.title()), (400, "Incomplete body"));
    }
}
