//! The answers to a stream of updates, a line each.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use reqwest::Response;
use serde::Deserialize;

use crate::{
    Error,
    error::from_network,
    lines::{Lines, TooLong},
    refusal::media_type,
};

const NDJSON: &str = "application/x-ndjson";

/// The hub's answers, in the order of the lines; made by
/// [`Publisher::publish_lines`](crate::Publisher::publish_lines).
///
/// Each is the id of the update that was published, or the error of that line alone; an [`Error`] ends it. It is
/// [`Error::Closed`] where the hub ended them before all lines were sent, as it does when it is stopped.
#[must_use = "nothing is sent until the answers are polled"]
pub struct LineAnswers {
    phase: Phase,
    lines: Lines,
    /// The whole body has been sent.
    sent: Arc<AtomicBool>,
}

/// A body that says when it is over.
pub(crate) struct Told<S> {
    pub(crate) body: Pin<Box<S>>,
    pub(crate) over: Arc<AtomicBool>,
}

impl<S: Stream> Stream for Told<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let piece = ready!(self.body.as_mut().poll_next(cx));
        if piece.is_none() {
            self.over.store(true, Ordering::Release);
        }
        Poll::Ready(piece)
    }
}

type Request = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

enum Phase {
    Sending(Request),
    Reading(Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>),
    /// All that the hub says has been read.
    Read,
    Ended,
}

/// Why a line was not published. The others are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LineError {
    /// What kind of problem it is.
    pub title: String,
    /// What happened and what to do about it.
    pub detail: String,
    /// The line of the body, from 1.
    pub line: Option<u64>,
    /// The column in that line, from 1.
    pub column: Option<u64>,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if let Some(column) = self.column {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        match (self.title.as_str(), self.detail.as_str()) {
            ("", "") => f.write_str("the hub does not say why"),
            ("", text) | (text, "") => f.write_str(text),
            (title, detail) => write!(f, "{title}: {detail}"),
        }
    }
}

impl std::error::Error for LineError {}

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    error: Option<LineError>,
}

impl LineAnswers {
    /// The request whose body says in `sent` that it is over.
    pub(crate) fn new(request: Request, sent: Arc<AtomicBool>) -> Self {
        Self { phase: Phase::Sending(request), lines: Lines::default(), sent }
    }

    /// The next answer; `None` when all have come. Nothing is lost if the future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Result<Result<String, LineError>, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Result<String, LineError>>, Error>> {
        loop {
            match &mut self.phase {
                Phase::Sending(request) => {
                    let response = ready!(request.as_mut().poll(cx))?;
                    let found = media_type(response.headers());
                    if found.as_deref() != Some(NDJSON) {
                        return Poll::Ready(Err(Error::ContentType { expected: NDJSON, found }));
                    }
                    self.phase = Phase::Reading(Box::pin(response.bytes_stream()));
                }
                Phase::Reading(body) => {
                    while let Some(line) = self.lines.next() {
                        if !line.trim_ascii().is_empty() {
                            return Poll::Ready(parse(line).map(Some));
                        }
                    }
                    if let Some(bytes) = ready!(body.as_mut().poll_next(cx)) {
                        self.lines
                            .push(&bytes.map_err(from_network)?)
                            .map_err(|TooLong| Error::Answer("a line of it is too long"))?;
                    } else {
                        self.phase = Phase::Read;
                        let rest = self.lines.rest();
                        if !rest.trim_ascii().is_empty() {
                            return Poll::Ready(parse(rest).map(Some));
                        }
                    }
                }
                Phase::Read if self.sent.load(Ordering::Acquire) => return Poll::Ready(Ok(None)),
                Phase::Read => return Poll::Ready(Err(Error::Closed)),
                Phase::Ended => return Poll::Ready(Ok(None)),
            }
        }
    }
}

fn parse(line: &[u8]) -> Result<Result<String, LineError>, Error> {
    match serde_json::from_slice(line) {
        Ok(Answer { id: Some(id), error: None }) => Ok(Ok(id)),
        Ok(Answer { id: None, error: Some(error) }) => Ok(Err(error)),
        _ => Err(Error::Answer("a line of it is neither an id nor an error")),
    }
}

impl Stream for LineAnswers {
    type Item = Result<Result<String, LineError>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = ready!(this.poll(cx)).transpose();
        if !matches!(item, Some(Ok(_))) {
            this.phase = Phase::Ended;
        }
        Poll::Ready(item)
    }
}

impl fmt::Debug for LineAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineAnswers").finish_non_exhaustive()
    }
}
