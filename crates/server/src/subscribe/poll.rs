//! Long poll: the same subscription, answered with JSON as soon as there is something, for networks in which a proxy
//! swallows streams.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt as _;
use headwater_hub::{Frame, FrameStream};
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY},
    request::Parts,
};
use http_body_util::Full;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::{Query, Refusal, admit, echo_cursor};
use crate::{
    app::App,
    problem::Problem,
    response::{Body, whole},
};

/// How long an empty answer is held back where the request does not say.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Proxies give up an answer after a minute, many of them.
const LONGEST: Duration = Duration::from_mins(5);
/// One answer is held whole: what is more comes with the next.
const PAGE_UPDATES: usize = 1_000;
const PAGE_BYTES: usize = 1 << 20;
/// Replay is not waited for any longer: what has come by then is answered.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the request wants JSON and no stream. Without an `Accept`, and with one that any of the usual libraries sends
/// by itself, it is a stream.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let mut json = false;
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let refused = parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
            if refused {
                continue;
            }
            let is = |name: &str| media.eq_ignore_ascii_case(name);
            if is("text/event-stream") || is("text/*") || is("*/*") {
                return false;
            }
            json |= is("application/json");
        }
    }
    json
}

/// The answer's body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    /// How far it was looked: what the next poll sends.
    #[serde(rename = "lastEventID")]
    last_event_id: String,
    /// There is more, at once.
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<serde_json::Value>,
    updates: Vec<Update>,
}

/// An update, as an event stream would have it in lines.
#[derive(Default, Serialize)]
struct Update {
    id: String,
    cursor: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
    data: String,
    topics: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    selectors: Vec<String>,
}

impl Update {
    /// Takes an event apart, which the hub has encoded: each line is a name, a colon, a space and a value.
    fn read(bytes: &[u8]) -> Self {
        let mut update = Self::default();
        let mut lines = Vec::new();
        for line in String::from_utf8_lossy(bytes).split('\n') {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "event" => update.event_type = Some(value.to_owned()),
                "retry" => update.retry = value.parse().ok(),
                "id" => value.clone_into(&mut update.id),
                "cursor" => value.clone_into(&mut update.cursor),
                "topic" => update.topics.push(value.to_owned()),
                "selector" => update.selectors.push(value.to_owned()),
                _ => lines.push(value.to_owned()),
            }
        }
        update.data = lines.join("\n");
        update
    }
}

pub(super) async fn answer(
    app: &Arc<App>,
    parts: &Parts,
    now: SystemTime,
) -> Result<Response<Body>, Refusal> {
    let mut query = Query::parse(parts.uri.query());
    let hold = hold(query.timeout.as_deref())?;
    // The answer itself is made of these.
    let include = &mut query.include;
    (include.gap, include.cursor, include.topic) = (true, true, true);
    let subscriber = admit(app, parts, &query, now).await?;
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, private, no-transform"));
    headers.append(VARY, HeaderValue::from_static("Accept"));
    echo_cursor(&subscriber, headers);
    let page = Gathering::default().run(app.hub.attach_stream(subscriber), hold).await;
    let body = serde_json::to_vec(&page).expect("strings and numbers are JSON");
    Ok(whole(response.map(|()| Full::from(body))))
}

fn hold(timeout: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = timeout else { return Ok(TIMEOUT) };
    let hold = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    hold.filter(|hold| *hold <= LONGEST).ok_or_else(|| {
        Problem::bad_request(
            "Bad timeout",
            format!(
                "`timeout` is how many seconds to wait for an update: a number from 0 to {}.",
                LONGEST.as_secs()
            ),
        )
    })
}

/// An answer that is being gathered.
#[derive(Default)]
struct Gathering {
    last_event_id: String,
    gap: Option<serde_json::Value>,
    updates: Vec<Update>,
    bytes: usize,
    /// Blocks that have told where the stream stands: the first at its beginning, the second when replay has ended.
    positions: usize,
}

impl Gathering {
    async fn run(mut self, mut stream: FrameStream, hold: Duration) -> Page {
        let begun = Instant::now();
        loop {
            if self.is_full() {
                return self.page(true);
            }
            let caught_up = self.positions > 1;
            let has_something = !self.updates.is_empty() || self.gap.is_some();
            let next = if caught_up && has_something {
                // What has come at once with it goes along.
                stream.next().now_or_never().flatten()
            } else {
                let until = begun + if caught_up { hold } else { hold.max(PATIENCE) };
                timeout_at(until, stream.next()).await.ok().flatten()
            };
            match next {
                Some(frame) => self.take(&frame),
                None => return self.page(false),
            }
        }
    }

    fn is_full(&self) -> bool {
        self.updates.len() >= PAGE_UPDATES || self.bytes >= PAGE_BYTES
    }

    fn take(&mut self, frame: &Frame) {
        if frame.is_heartbeat() {
            return;
        }
        let update = Update::read(frame.bytes());
        if frame.is_gap() {
            self.gap = serde_json::from_str(&update.data).ok();
            self.last_event_id = update.id;
        } else if frame.is_position() {
            self.positions += 1;
            self.last_event_id = update.id;
        } else if frame.is_progress() {
            self.last_event_id = update.id;
        } else {
            self.last_event_id = format!("#{}", update.cursor);
            self.bytes += frame.bytes().len();
            self.updates.push(update);
        }
    }

    fn page(self, more: bool) -> Page {
        let Self { last_event_id, gap, updates, .. } = self;
        Page { last_event_id, more, gap, updates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_those_who_ask_for_it_and_for_no_stream() {
        let asks = |accept: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            is_asked(&headers)
        };
        for json in [
            &["application/json"][..],
            &["Application/JSON; charset=utf-8"],
            &["text/html, application/json;q=0.9"],
            &["text/html", "application/json"],
            &["application/json, text/event-stream;q=0"],
        ] {
            assert!(asks(json), "{json:?}");
        }
        for stream in [
            &[][..],
            &["*/*"],
            &["text/event-stream"],
            &["application/json, text/plain, */*"],
            &["application/json, text/event-stream;q=0.1"],
            &["text/*, application/json"],
            &["application/json;q=0"],
            &["application/*"],
        ] {
            assert!(!asks(stream), "{stream:?}");
        }
    }

    #[test]
    fn an_event_is_taken_apart() {
        let update = Update::read(
            b"event: tick\nretry: 5\nid: a: b\ncursor: c-1\ntopic: x: y\ntopic: z\ndata: one\ndata: \ndata: id: no\n\n",
        );
        assert_eq!(
            serde_json::to_string(&update).unwrap(),
            r#"{"id":"a: b","cursor":"c-1","type":"tick","retry":5,"data":"one\n\nid: no","topics":["x: y","z"]}"#
        );
    }

    #[test]
    fn a_timeout_is_some_seconds() {
        assert_eq!(hold(None).unwrap(), TIMEOUT);
        assert_eq!(hold(Some("0")).unwrap(), Duration::ZERO);
        assert_eq!(hold(Some("1.5")).unwrap(), Duration::from_millis(1500));
        for wrong in ["", "-1", "x", "1e99", "301", "NaN"] {
            assert_eq!(hold(Some(wrong)).unwrap_err().status(), 400, "{wrong}");
        }
    }
}
