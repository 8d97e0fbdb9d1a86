//! What the pages ask of the hub beside its protocol: what a site's own backend would do for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
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
use crate::{app::method_not_allowed, body::field::HUB_PATH, body::refuse_encoded, problem::Problem};

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

    /// Answers a request.
    pub(super) async fn answer<B>(self, demo: &Demo, parts: &Parts, body: B) -> Result<Answered, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if self == Self::Config {
            if !reads {
                return Err(method_not_allowed(parts, HeaderValue::from_static("GET, HEAD")));
            }
            guard::check_host(parts)?;
            let config = json!({ "hub": HUB_PATH, "token": demo.publisher_token });
            return Ok((json_response(StatusCode::OK, &config), None));
        }
        if parts.method != Method::POST {
            return Err(method_not_allowed(parts, HeaderValue::from_static("POST")));
        }
        guard::check_host(parts)?;
        guard::check_origin(parts)?;
        match self {
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
            Self::Ticker | Self::Config => {
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
    const CLOSE: (HeaderName, HeaderValue) = (CONNECTION, HeaderValue::from_static("close"));

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
    refuse_encoded(parts.headers.get(http::header::CONTENT_ENCODING))?;
    let bytes = match timeout(BODY_WAIT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Body too large",
                format!("The body may have {MAX_BODY} bytes here. Send JSON such as {example}."),
            )
            .with_header(CLOSE.0, CLOSE.1));
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
            .with_header(CLOSE.0, CLOSE.1));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        // It may quote a member's name, of any length.
        Problem::bad_request("Bad JSON", format!("{:.200}. Send JSON such as {example}.", error.to_string()))
            .at(error.line() as u64, error.column() as u64)
    })
}
