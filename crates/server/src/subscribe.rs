//! `GET /.well-known/mercure`: from a request to a subscriber.

mod poll;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use bytes::Bytes;
use headwater_hub::{Admitted, Framing, Selector, Since, Subscribe, SubscribeError};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};

use crate::{
    app::{App, Unanswered},
    handover::Handover,
    problem::Problem,
    response::{Body, whole},
};

pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// In how many seconds at the latest something comes on a stream: a client may take more for a dead connection. 0: it may
/// be silent for ever, which a client would not think of a hub that says nothing.
pub(crate) const HEARTBEAT: HeaderName = HeaderName::from_static("headwater-heartbeat");

/// The names under which clients send the cursor in the query, by precedence. Polyfills keep the URL that they were
/// given and append their own name, so the protocol's name, which the URL had first, comes last.
const CURSOR_NAMES: [&str; 4] = ["lastEventId", "last_event_id", "Last-Event-ID", "lastEventID"];

/// The cursor that stands for the start of what is retained.
const EARLIEST: &str = "earliest";

/// What the query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query<'a> {
    topics: Vec<Cow<'a, str>>,
    /// In the order of [`CURSOR_NAMES`].
    cursors: [Option<Cow<'a, str>>; 4],
    include: Include,
    /// Of a long poll, as it was written.
    timeout: Option<Cow<'a, str>>,
}

/// What is to be told beside the updates.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four things, each of which may be asked for or not")]
struct Include {
    gap: bool,
    cursor: bool,
    topic: bool,
    selector: bool,
}

impl Include {
    /// Adds what a parameter lists. What is not known is for other hubs.
    fn add(&mut self, list: &str) {
        for part in list.split(',') {
            match part.trim() {
                "gap" => self.gap = true,
                "cursor" => self.cursor = true,
                "topic" => self.topic = true,
                "selector" => self.selector = true,
                _ => {}
            }
        }
    }
}

impl<'a> Query<'a> {
    fn parse(query: Option<&'a str>) -> Self {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name == "topic" {
                parsed.topics.push(value);
            } else if name == "include" {
                parsed.include.add(&value);
            } else if name == "timeout" {
                parsed.timeout = Some(value);
            } else if let Some(i) = CURSOR_NAMES.iter().position(|&cursor| cursor == name) {
                parsed.cursors[i] = Some(value);
            }
        }
        parsed
    }

    /// The header counts before the query, and what is empty not at all.
    fn since(&self, headers: &HeaderMap) -> Since {
        let header = headers.get(LAST_EVENT_ID).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let given = header.iter().chain(self.cursors.iter().flatten()).find(|cursor| !cursor.is_empty());
        match given.map(|cursor| &**cursor) {
            None => Since::Now,
            Some(EARLIEST) => Since::Earliest,
            Some(id) => Since::Id(id.to_owned()),
        }
    }
}

/// Answers a subscribe request. `Err` closes the connection without an answer: a browser's `EventSource` tries again
/// after that, but after an error status never again.
pub(crate) async fn subscribe(
    app: &Arc<App>,
    parts: &Parts,
    handover: &Arc<Handover>,
    now: SystemTime,
) -> Result<Response<Body>, Unanswered> {
    let answered = if parts.method == Method::GET && poll::is_asked(&parts.headers) {
        poll::answer(app, parts, now).await
    } else {
        let query = Query::parse(parts.uri.query());
        admit(app, parts, &query, now).await.map(|subscriber| open(app, parts, subscriber, handover))
    };
    match answered {
        Ok(response) => Ok(response),
        Err(Refusal::Problem(problem)) => Ok(whole(problem.into_response())),
        Err(Refusal::Unanswered) => Err(Unanswered),
    }
}

enum Refusal {
    Problem(Problem),
    Unanswered,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::NoSelector => no_topic().into(),
            SubscribeError::TooManySelectors { given, max } => Problem::bad_request(
                "Too many selectors",
                format!(
                    "The request has {given} `topic` parameters, and {max} are allowed. Use a template such as \
                     `/books/{{id}}` for many topics, or several connections."
                ),
            )
            .into(),
            SubscribeError::SelectorTooLong { bytes, max } => Problem::bad_request(
                "Selector too long",
                format!("A `topic` parameter has {bytes} bytes, and {max} are allowed. Use shorter topics."),
            )
            .into(),
            // Full, draining, and whatever the hub may refuse later: the client is to come back.
            _ => Self::Unanswered,
        }
    }
}

fn no_topic() -> Problem {
    Problem::bad_request(
        "No topic",
        "Say what to subscribe to: add at least one `topic` parameter to the URL, such as `?topic=hello`, or \
         `?topic=*` for all.",
    )
}

async fn admit(
    app: &Arc<App>,
    parts: &Parts,
    query: &Query<'_>,
    now: SystemTime,
) -> Result<Admitted, Refusal> {
    let access = app.auth.subscriber(&parts.headers, parts.uri.query(), now).map_err(Problem::from)?;
    let since = query.since(&parts.headers);
    let looked_up = is_looked_up(&since);
    let mut request = Subscribe::to(query.topics.iter().map(Selector::new)).since(since);
    let include = &query.include;
    if include.gap {
        request = request.with_gap_events();
    }
    if include.cursor {
        request = request.with_cursors();
    }
    if include.topic {
        request = request.with_topics();
    }
    if include.selector {
        request = request.with_selectors();
    }
    if let Some(access) = access {
        request = request.with_grant(access.subscribe.clone());
        if let Some(expires) = access.expires {
            request = request.until(expires);
        }
    }
    if !looked_up {
        return Ok(app.hub.subscribe(request)?);
    }
    let app = app.clone();
    let admitted = tokio::task::spawn_blocking(move || app.hub.subscribe(request)).await;
    // It fails only where the whole runtime ends.
    Ok(admitted.unwrap_or(Err(SubscribeError::Closed))?)
}

/// Whether the disk may have to be read to find the cursor: a publisher's own id says nothing of its place.
fn is_looked_up(since: &Since) -> bool {
    matches!(since, Since::Id(id) if !id.starts_with('#'))
}

fn open(app: &App, parts: &Parts, subscriber: Admitted, handover: &Arc<Handover>) -> Response<Body> {
    let mut response = Response::new(Body::Unsent);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, private, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    headers.insert(HEARTBEAT, app.heartbeat.clone());
    echo_cursor(&subscriber, headers);
    if parts.method == Method::GET {
        let framing = if parts.version >= Version::HTTP_11 { Framing::Chunked } else { Framing::Bare };
        handover.offer(subscriber, framing);
        let opening = Some(Bytes::from_static(headwater_sse::encode::COMMENT));
        *response.body_mut() = Body::Stream { opening, handover: handover.clone() };
    }
    response
}

/// Says where the stream begins, to those who said where they were.
fn echo_cursor(subscriber: &Admitted, headers: &mut HeaderMap) {
    // An id with control characters, which the protocol allows, fits no header; the stream itself is right all the
    // same, and its reader only misses the echo.
    if let Some(id) = subscriber.last_event_id()
        && let Ok(id) = HeaderValue::from_bytes(id.as_bytes())
    {
        headers.insert(LAST_EVENT_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(query: &'static str, header: Option<&'static str>) -> Since {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(LAST_EVENT_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Query::parse(Some(query)).since(&headers)
    }

    fn id(id: &str) -> Since {
        Since::Id(id.into())
    }

    #[test]
    fn the_cursor_is_taken_from_where_clients_put_it() {
        assert_eq!(since("topic=a", None), Since::Now);
        assert_eq!(since("topic=a&lastEventID=x", None), id("x"));
        assert_eq!(since("lastEventID=x", Some("h")), id("h"));
        assert_eq!(since("lastEventID=x", Some("")), id("x"));
        assert_eq!(since("lastEventID=", None), Since::Now);
        assert_eq!(since("lastEventID=earliest", None), Since::Earliest);
        assert_eq!(since("lastEventID=Earliest", None), id("Earliest"));
        assert_eq!(since("", Some("earliest")), Since::Earliest);
        // Polyfills append theirs to the URL that they were given.
        for name in ["lastEventId", "last_event_id", "Last-Event-ID"] {
            let query = format!("lastEventID=old&{name}=older&{name}=new").leak();
            assert_eq!(since(query, None), id("new"), "{name}");
        }
        assert_eq!(since("lastEventID=a&lastEventID=b", None), id("b"));
        assert_eq!(since("lastEventId=&lastEventID=b", None), id("b"));
        assert_eq!(since("lastEventID=%23e-1", None), id("#e-1"));
        assert_eq!(since("", Some("grün")), id("grün"));
    }

    #[test]
    fn only_a_publishers_own_id_is_looked_up() {
        for (cursor, looked_up) in [
            ("urn:news:2", true),
            ("1", true),
            ("#abcdefghjkmn-7", false),
            ("#", false),
            ("earliest", false),
            ("", false),
        ] {
            assert_eq!(is_looked_up(&since("", Some(cursor))), looked_up, "{cursor}");
        }
    }

    #[test]
    fn each_topic_parameter_is_one_selector_as_it_was_written() {
        let query = Query::parse(Some("topic=a&other=1&topic=%7Bx%7D&topic=a+b&topic=a&topic="));
        assert_eq!(query.topics, ["a", "{x}", "a b", "a", ""]);
        assert_eq!(query.include, Include::default());
        for text in ["include=gap", "include=x,gap", "include=x&include=gap"] {
            assert_eq!(
                Query::parse(Some(text)).include,
                Include { gap: true, ..Include::default() },
                "{text}"
            );
        }
        assert_eq!(Query::parse(Some("include=gaps")).include, Include::default());
        let all = Include { gap: true, cursor: true, topic: true, selector: true };
        assert_eq!(Query::parse(Some("include=cursor,+topic&include=selector,gap")).include, all);
    }
}
