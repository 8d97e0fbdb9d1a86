//! `POST /.well-known/mercure`: from a request to updates that have their places.

mod ndjson;
mod once;

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use headwater_hub::{IdempotencyKey, PublishError, Receipt, Submission, Update};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::{Duration, timeout};

pub(crate) use ndjson::Throttle;

use crate::{
    app::App,
    auth::Access,
    body::{BodyKind, form, json, json::Updates, refuse_encoded},
    problem::Problem,
    response::{Body, whole},
};

/// A body of which nothing comes for so long is given up: its connection costs a descriptor.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// Answers a publish request. A body that is refused is dropped unread; the connection sees to it that the client
/// can read why.
pub(crate) async fn publish(
    app: &Arc<App>,
    parts: &Parts,
    body: Incoming,
    now: SystemTime,
) -> Response<Body> {
    let request = match Request::check(app, parts, now) {
        Ok(request) => request,
        Err(problem) => return whole(problem.into_response()),
    };
    if request.kind == BodyKind::NdJson {
        return ndjson::publish(app.clone(), parts, request, body);
    }
    whole(publish_whole(app, parts, &request, body).await.unwrap_or_else(Problem::into_response))
}

/// A request that may publish something; what, its body will say.
struct Request {
    access: Arc<Access>,
    kind: BodyKind,
    key: Option<String>,
}

impl Request {
    fn check(app: &App, parts: &Parts, now: SystemTime) -> Result<Self, Problem> {
        let access = app.auth.publisher(&parts.headers, parts.uri.query(), now)?;
        let kind = BodyKind::from_content_type(parts.headers.get(CONTENT_TYPE))?;
        refuse_encoded(parts.headers.get(CONTENT_ENCODING))?;
        Ok(Self { access, kind, key: once::key(&parts.headers)? })
    }

    /// The grant allows all topics of the update, or the problem names one that it does not.
    fn allow(&self, update: &Update) -> Result<(), Problem> {
        self.access.may_publish(&update.topics).map_err(Problem::from)
    }

    /// The hub's key for what is published as `part` of the request.
    fn idempotency_key(&self, part: Option<u64>, updates: &[Update]) -> Option<IdempotencyKey> {
        Some(once::idempotency_key(self.key.as_deref()?, part, &self.access.identity, updates))
    }
}

async fn publish_whole(
    app: &App,
    parts: &Parts,
    request: &Request,
    body: Incoming,
) -> Result<Response<Full<Bytes>>, Problem> {
    let body = read(parts, body, app.limits.body).await?;
    let limits = app.limits.of_bodies();
    let (updates, one) = match request.kind {
        BodyKind::Form => (vec![form::parse(&body, &limits)?], true),
        _ => match json::parse(&body, &limits)? {
            Updates::One(update) => (vec![update], true),
            Updates::Many(updates) => (updates, false),
        },
    };
    for update in &updates {
        request.allow(update)?;
    }
    let key = request.idempotency_key(None, &updates);
    let mut submission = Submission::new(updates);
    if let Some(key) = key {
        submission = submission.with_key(key);
    }
    let receipt = app.hub.publish(submission).await.map_err(problem)?;
    Ok(receipt_response(request.kind, one, &receipt))
}

fn receipt_response(kind: BodyKind, one: bool, receipt: &Receipt) -> Response<Full<Bytes>> {
    let (content_type, body) = if kind == BodyKind::Form {
        ("text/plain; charset=utf-8", receipt.ids[0].to_string())
    } else {
        let ids: Vec<_> = receipt.ids.iter().map(|id| serde_json::json!({ "id": id.as_str() })).collect();
        ("application/json", if one { ids[0].to_string() } else { serde_json::Value::from(ids).to_string() })
    };
    let mut response = Response::new(Full::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The disk does not take what is to be kept.
pub(crate) fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "History unavailable",
        "The disk that holds the hub's history is full or failing, so this was not done, or it is not certain that it \
         was. Try again in some seconds, with the same `Idempotency-Key` if there was one; the hub's operator finds \
         more in its log.",
    )
    // A disk does not recover within a moment.
    .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}

/// What the hub's refusal means to the publisher.
fn problem(error: PublishError) -> Problem {
    let retry_after = HeaderValue::from_static("1");
    match error {
        PublishError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Idempotency key reused",
            "This `Idempotency-Key` came before with another body, and nothing was published now. Use a new key for \
             each publish, and the same one only to repeat it.",
        ),
        PublishError::Overloaded => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Overloaded",
            "More waits to be published than the hub admits, and nothing was published now. Try again in a second.",
        )
        .with_header(RETRY_AFTER, retry_after),
        PublishError::Unavailable => unavailable(),
        _ => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Shutting down",
            "The hub is being stopped, and nothing was published. Try again in a moment.",
        )
        .with_header(RETRY_AFTER, retry_after),
    }
}

fn too_large(max: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "Body too large",
        format!(
            "A body may have {max} bytes. Send less at once, or send application/x-ndjson, whose body may be of any \
             length; the hub's operator can raise `--limit-body`."
        ),
    )
    // The rest of it will not be read.
    .with_header(CONNECTION, HeaderValue::from_static("close"))
}

/// Reads a body of at most `max` bytes.
async fn read<B>(parts: &Parts, mut body: B, max: usize) -> Result<Vec<u8>, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    // What a client announces is only believed as far as it costs nothing.
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(64 << 10));
    loop {
        match timeout(BODY_WAIT, body.frame()).await {
            Ok(None) => return Ok(bytes),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                if bytes.len() + data.len() > max {
                    return Err(too_large(max));
                }
                bytes.extend_from_slice(data);
            }
            Ok(Some(Err(_))) => {
                return Err(Problem::bad_request(
                    "Incomplete body",
                    "The body ended before it was whole, and nothing was published. Send it again.",
                ));
            }
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "Body too slow",
                    format!(
                        "Nothing of the body came for {} s, and nothing was published. Send it again.",
                        BODY_WAIT.as_secs()
                    ),
                )
                .with_header(CONNECTION, HeaderValue::from_static("close")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll, ready},
    };

    use http::Request;
    use http_body::Frame;
    use tokio::time::{Instant, Sleep, sleep};

    use super::*;

    /// A body whose pieces, of one byte, each come after so many seconds.
    struct Slow {
        seconds: Vec<u64>,
        next: Pin<Box<Sleep>>,
    }

    impl Slow {
        fn new(seconds: &[u64]) -> Self {
            Self { seconds: seconds.to_vec(), next: Box::pin(sleep(Duration::from_secs(seconds[0]))) }
        }
    }

    impl http_body::Body for Slow {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.seconds.is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.next.as_mut().poll(context));
            self.seconds.remove(0);
            let next = Duration::from_secs(self.seconds.first().copied().unwrap_or_default());
            self.next = Box::pin(sleep(next));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[test]
    fn who_finds_the_hub_busy_closing_or_without_a_disk_is_told_when_to_come_again() {
        for (error, title, seconds) in [
            (PublishError::Overloaded, "Overloaded", "1"),
            (PublishError::Closed, "Shutting down", "1"),
            (PublishError::Unavailable, "History unavailable", "5"),
        ] {
            let problem = problem(error);
            assert_eq!((problem.status().as_u16(), problem.title()), (503, title));
            assert_eq!(problem.into_response().headers()[RETRY_AFTER], seconds);
        }
        let response = problem(PublishError::KeyReused).into_response();
        assert_eq!((response.status().as_u16(), response.headers().get(RETRY_AFTER)), (422, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_as_long_as_it_comes() {
        let (parts, ()) = Request::new(()).into_parts();
        let start = Instant::now();
        assert_eq!(read(&parts, Slow::new(&[29; 10]), 10).await.unwrap(), b"xxxxxxxxxx");
        assert_eq!(start.elapsed().as_secs(), 290);
        assert_eq!(read(&parts, Slow::new(&[29; 11]), 10).await.unwrap_err().status(), 413);

        let start = Instant::now();
        let problem = read(&parts, Slow::new(&[1, 31, 1]), 10).await.unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.title()), (408, "Body too slow"));
        assert_eq!(start.elapsed().as_secs(), 31);
    }
}
