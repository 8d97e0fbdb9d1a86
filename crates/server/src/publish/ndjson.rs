//! A stream of updates: committed in batches as they come, and answered line by line, in their order.
//!
//! One task reads, checks and hands over; another waits for the receipts and answers. Between them a few batches are
//! under way. A publisher that does not read its answers is read from no further, so nothing piles up here.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use headwater_hub::{Pending, PublishError, Submission, Update};
use headwater_sse::EventId;
use http::{
    HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};

use super::{Request, problem};
use crate::{
    app::App,
    body::ndjson::{Line, Lines},
    problem::Problem,
    response::Body,
};

/// Lines of one commit: what comes in one read is mostly less.
const BATCH_LINES: usize = 1024;
/// Bytes of one commit, or a small part of the queue if that is less: a few batches must not fill it.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_PART: usize = 16;
/// Batches under way for one request: one is committed, one is answered, one is read, and one to spare.
const BATCHES: usize = 4;
/// Of the lines that failed, a summary names so many.
const SUMMARY_ERRORS: usize = 100;

/// All streams together may have half of the sequencer's queue: they wait for room instead of being refused, and
/// single publishes find room beside them.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    room: Arc<Semaphore>,
    all: u32,
    /// Bytes of one commit.
    batch: usize,
}

impl Throttle {
    pub(crate) fn new(queue_bytes: usize) -> Self {
        let all = u32::try_from(queue_bytes / 2).unwrap_or(u32::MAX).max(1);
        let batch = (queue_bytes / BATCH_PART).min(BATCH_BYTES);
        Self { room: Arc::new(Semaphore::new(all as usize)), all, batch }
    }

    async fn take(&self, bytes: usize) -> OwnedSemaphorePermit {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.all);
        self.room.clone().acquire_many_owned(bytes).await.expect("it is never closed")
    }
}

/// A batch that is under way: what is known of each line, and what will be of those that were handed over.
struct Batch {
    lines: Vec<Outcome>,
    published: JoinHandle<Vec<Published>>,
}

type Published = Result<EventId, PublishError>;

/// Waits until the sequencer has taken all of a batch; each answer is for so many of its lines. The room in the queue
/// is given back then, not when the answer has been written: who does not read holds up nobody else.
async fn published(pending: Vec<(Pending, usize)>, room: OwnedSemaphorePermit) -> Vec<Published> {
    let mut published = Vec::new();
    for (pending, lines) in pending {
        match pending.await {
            Ok(receipt) => published.extend(receipt.ids.iter().cloned().map(Ok)),
            Err(error) => published.resize(published.len() + lines, Err(error)),
        }
    }
    drop(room);
    published
}

enum Outcome {
    Submitted { line: u64 },
    Failed(Problem),
}

pub(super) fn publish(app: Arc<App>, parts: &Parts, request: Request, body: Incoming) -> Response<Body> {
    let minimal = parts.headers.get_all(PREFER).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case("return=minimal"))
    });
    let (batches, answered) = mpsc::channel(BATCHES);
    let (pieces, answer) = mpsc::channel(BATCHES);
    let patience = app.limits.head_wait.max(super::BODY_WAIT);
    tokio::spawn(read(app, request, body, batches));
    tokio::spawn(async move {
        let mut writer = Writer { pieces, patience, minimal, published: 0, failed: 0, errors: Vec::new() };
        writer.run(answered).await;
    });

    let mut response = Response::new(Body::Pieces(answer));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    if minimal {
        headers.insert(
            HeaderName::from_static("preference-applied"),
            HeaderValue::from_static("return=minimal"),
        );
    }
    response
}

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Reads lines and hands them over, until the body ends, the publisher is gone, or the hub drains.
async fn read(app: Arc<App>, request: Request, mut body: Incoming, batches: mpsc::Sender<Batch>) {
    let mut lines = Lines::new(app.limits.line, app.limits.of_bodies());
    let mut gathered = Gathered::default();
    let mut drain = app.drain.clone();
    loop {
        let frame = tokio::select! {
            biased;
            _ = drain.wait_for(|draining| *draining) => {
                // Who is not told takes the end of the answers for the end of its lines.
                let number = lines.number();
                let over = lines.finish().is_none() && matches!(body.frame().now_or_never(), Some(None));
                gathered.extend((!over).then(|| Line { number, result: Err(stopping()) }));
                break;
            }
            frame = body.frame() => frame,
        };
        let Some(frame) = frame else {
            gathered.extend(lines.finish());
            break;
        };
        // A body that breaks off: what was whole has been published, and there is nobody to tell.
        let Ok(frame) = frame else { break };
        let Some(mut input) = frame.data_ref().map(|data| &data[..]) else { continue };
        if request.access.expires.is_some_and(|at| at <= SystemTime::now()) {
            let line = lines.next(&mut input).or_else(|| lines.finish());
            gathered.extend(line.map(|line| refuse(&line, expired())));
            break;
        }
        while let Some(line) = lines.next(&mut input) {
            gathered.extend([line]);
            let full = gathered.lines.len() >= BATCH_LINES || gathered.weight >= app.ndjson.batch;
            if full && !gathered.submit(&app, &request, &batches).await {
                return;
            }
        }
        if !gathered.submit(&app, &request, &batches).await {
            return;
        }
    }
    gathered.submit(&app, &request, &batches).await;
}

fn expired() -> Problem {
    Problem::new(
        http::StatusCode::UNAUTHORIZED,
        "Token expired",
        "The token expired while the stream went on: this line and those after it were not published. Send them \
         again with a new token.",
    )
}

fn stopping() -> Problem {
    Problem::new(
        http::StatusCode::SERVICE_UNAVAILABLE,
        "Shutting down",
        "The hub is being stopped: this line and those after it were not published. Send them again in a moment.",
    )
}

/// The line will not be published, whatever it holds.
fn refuse(line: &Line, problem: Problem) -> Line {
    Line { number: line.number, result: Err(problem) }
}

/// Lines that have come, and are not on their way yet.
#[derive(Default)]
struct Gathered {
    lines: Vec<Line>,
    /// About what they will take up in the queue.
    weight: usize,
}

impl Gathered {
    fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        for line in lines {
            self.weight += 256;
            if let Ok(update) = &line.result {
                let topics = update.topics.iter().map(|topic| topic.as_str().len() + 32);
                self.weight += update.data.len() + topics.sum::<usize>();
            }
            self.lines.push(line);
        }
    }

    /// Hands them to the hub; answers whether anyone still waits for the outcome.
    async fn submit(&mut self, app: &App, request: &Request, batches: &mpsc::Sender<Batch>) -> bool {
        if self.lines.is_empty() {
            return true;
        }
        let room = app.ndjson.take(std::mem::take(&mut self.weight)).await;
        let mut outcomes = Vec::with_capacity(self.lines.len());
        let mut updates: Vec<Update> = Vec::with_capacity(self.lines.len());
        let mut pending = Vec::new();
        for Line { number, result } in self.lines.drain(..) {
            match result.and_then(|update| request.allow(&update).map(|()| update)) {
                Err(problem) => outcomes.push(Outcome::Failed(place(problem, number))),
                Ok(update) => {
                    outcomes.push(Outcome::Submitted { line: number });
                    match request.idempotency_key(Some(number), std::slice::from_ref(&update)) {
                        // A key is for its line alone: the next one may have been published before, or not.
                        Some(key) => {
                            pending.push((app.hub.publish(Submission::from(update).with_key(key)), 1));
                        }
                        None => updates.push(update),
                    }
                }
            }
        }
        if !updates.is_empty() {
            let lines = updates.len();
            pending.push((app.hub.publish(Submission::new(updates)), lines));
        }
        let published = tokio::spawn(published(pending, room));
        batches.send(Batch { lines: outcomes, published }).await.is_ok()
    }
}

/// Answers, in order.
struct Writer {
    pieces: mpsc::Sender<Bytes>,
    /// A publisher that takes no answer for so long is given up.
    patience: std::time::Duration,
    minimal: bool,
    published: u64,
    failed: u64,
    errors: Vec<Box<serde_json::value::RawValue>>,
}

impl Writer {
    async fn run(&mut self, mut batches: mpsc::Receiver<Batch>) {
        while let Some(batch) = batches.recv().await {
            let text = self.answer(batch).await;
            if !text.is_empty() && !self.write(text).await {
                return;
            }
        }
        if self.minimal {
            let summary =
                json!({ "published": self.published, "failed": self.failed, "errors": self.errors });
            self.write(format!("{summary}\n").into_bytes()).await;
        }
    }

    async fn answer(&mut self, batch: Batch) -> Vec<u8> {
        // It fails only where the whole runtime ends.
        let mut published = batch.published.await.unwrap_or_default().into_iter();
        let mut text = Vec::new();
        for line in batch.lines {
            match line {
                Outcome::Failed(problem) => self.fail(&problem, &mut text),
                Outcome::Submitted { line } => match published.next().unwrap_or(Err(PublishError::Closed)) {
                    Ok(id) => self.succeed(&id, &mut text),
                    Err(error) => self.fail(&place(problem(error), line), &mut text),
                },
            }
        }
        text
    }

    fn succeed(&mut self, id: &EventId, text: &mut Vec<u8>) {
        self.published += 1;
        if !self.minimal {
            text.extend_from_slice(json!({ "id": id.as_str() }).to_string().as_bytes());
            text.push(b'\n');
        }
    }

    fn fail(&mut self, problem: &Problem, text: &mut Vec<u8>) {
        self.failed += 1;
        let line = problem.to_ndjson();
        if !self.minimal {
            text.extend_from_slice(&line);
            text.push(b'\n');
        } else if self.errors.len() < SUMMARY_ERRORS {
            let object: Result<ErrorLine, _> = serde_json::from_slice(&line);
            self.errors.extend(object.map(|line| line.error));
        }
    }

    async fn write(&self, text: Vec<u8>) -> bool {
        timeout(self.patience, self.pieces.send(text.into())).await.is_ok_and(|sent| sent.is_ok())
    }
}

#[derive(serde::Deserialize)]
struct ErrorLine {
    error: Box<serde_json::value::RawValue>,
}

/// Says on which line the problem is, unless it says so itself.
fn place(problem: Problem, line: u64) -> Problem {
    if problem.place().is_some() { problem } else { problem.at(line, 1) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_publisher_that_takes_no_answer_is_given_up() {
        let (pieces, mut answer) = mpsc::channel(1);
        let patience = Duration::from_secs(30);
        let mut writer =
            Writer { pieces, patience, minimal: false, published: 0, failed: 0, errors: Vec::new() };
        let (batches, answered) = mpsc::channel(BATCHES);
        let batch = || Batch {
            lines: vec![Outcome::Failed(place(expired(), 7))],
            published: tokio::spawn(std::future::ready(Vec::new())),
        };
        for _ in 0..3 {
            batches.send(batch()).await.unwrap();
        }
        let start = Instant::now();
        // The first one finds room, the second never does, and the third is not looked at.
        writer.run(answered).await;
        assert_eq!(start.elapsed(), patience);
        assert!(batches.send(batch()).await.is_err(), "the reader is told, and stops too");
        drop(writer);
        assert!(answer.recv().await.unwrap().starts_with(b"{\"error\":{\"title\":\"Token expired\""));
        assert_eq!(answer.recv().await, None);
    }
}
