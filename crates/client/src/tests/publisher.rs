//! Publishes that get lost, and what becomes of them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use tokio::{join, sync::mpsc};

use super::{
    server::{Server, response},
    still::Still,
};
use crate::{Error, LineError, Publisher, PublisherBuilder, Update};

fn update() -> Update {
    Update::new("t").data("x")
}

fn published(id: &str) -> String {
    response("200 OK", "content-type: text/plain; charset=utf-8\r\n", id)
}

struct Test {
    server: Server,
    clock: Still,
    publisher: Publisher,
}

impl Test {
    async fn new(settings: impl FnOnce(PublisherBuilder) -> PublisherBuilder) -> Self {
        let (server, clock) = (Server::start().await, Still::new());
        let publisher = settings(Publisher::hub(&server.url(""))).build_with(clock.outside()).unwrap();
        Self { server, clock, publisher }
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn publishes_a_form_with_a_key_of_its_own() {
    let test = Test::new(|publisher| publisher.bearer_token("secret").header("x-trace", "1")).await;
    let serve = async {
        let mut exchange = test.server.accept().await;
        let body = exchange.read_body().await;
        exchange.send(&published("#1-2")).await;
        (exchange, body)
    };
    let update = update();
    let ((first, body), id) = join!(serve, test.publisher.publish(&update));
    assert_eq!(id.unwrap(), "#1-2");
    assert_eq!(body, "topic=t&data=x");
    assert_eq!(first.target, "/.well-known/mercure");
    assert_eq!(first.header("authorization").unwrap(), "Bearer secret");
    assert_eq!(first.header("x-trace").unwrap(), "1");
    assert_eq!(first.header("content-type").unwrap(), "application/x-www-form-urlencoded");
    let key = first.header("idempotency-key").unwrap();
    assert_eq!((key.len(), key.starts_with('"'), key.ends_with('"')), (34, true, true), "{key}");

    let (second, id) = join!(test.server.answer(published("#1-3")), test.publisher.publish(&update));
    assert_eq!(id.unwrap(), "#1-3");
    assert_ne!(second.header("idempotency-key").unwrap(), key);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_with_the_same_key() {
    let test = Test::new(|publisher| publisher).await;
    let serve = async {
        let first = test.server.answer("").await; // taken, and then no answer
        test.clock.pass(ms(200)).await;
        let second = test
            .server
            .answer("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n#1")
            .await;
        test.clock.pass(ms(400)).await;
        (first, second, test.server.answer(&published("#1-1")).await)
    };
    let update = update();
    let ((first, second, third), id) = join!(serve, test.publisher.publish(&update));
    assert_eq!(id.unwrap(), "#1-1");
    let key = first.header("idempotency-key").unwrap();
    assert_eq!(second.header("idempotency-key").unwrap(), key);
    assert_eq!(third.header("idempotency-key").unwrap(), key);
}

#[tokio::test]
async fn no_answer_is_a_lost_one() {
    let test = Test::new(|publisher| publisher.answer_within(ms(5000))).await;
    let serve = async {
        let mut first = test.server.accept().await;
        first.read_body().await;
        test.clock.pass(ms(5000)).await;
        test.clock.pass(ms(200)).await;
        let second = test.server.answer(&published("#1-1")).await;
        assert_eq!(first.header("idempotency-key"), second.header("idempotency-key"));
    };
    let update = update();
    let ((), id) = join!(serve, test.publisher.publish(&update));
    assert_eq!(id.unwrap(), "#1-1");
}

#[tokio::test]
async fn a_503_is_tried_again_when_it_says() {
    let busy = |after: u32| response("503 Service Unavailable", &format!("retry-after: {after}\r\n"), "");
    let test = Test::new(|publisher| publisher).await;
    let serve = async {
        test.server.answer(&busy(3)).await;
        test.clock.pass(ms(3000)).await;
        test.server.answer(&busy(0)).await;
        test.clock.pass(ms(400)).await;
        test.server.answer(&published("#1-1")).await;
    };
    let update = update();
    let ((), id) = join!(serve, test.publisher.publish(&update));
    assert_eq!(id.unwrap(), "#1-1");

    // Too long for a call that somebody waits for.
    let (_, error) = join!(test.server.answer(busy(61)), test.publisher.publish(&update));
    let Err(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    assert_eq!(refusal.retry_after, Some(ms(61_000)));
}

#[tokio::test]
async fn attempts_are_bounded() {
    let test = Test::new(|publisher| publisher.attempts(3)).await;
    let serve = async {
        test.server.answer("").await;
        test.clock.pass(ms(200)).await;
        test.server.answer("").await;
        test.clock.pass(ms(400)).await;
        test.server.answer(&response("502 Bad Gateway", "", "")).await;
    };
    let update = update();
    let ((), error) = join!(serve, test.publisher.publish(&update));
    assert!(matches!(error, Err(Error::Refused(refusal)) if refusal.status == 502));
}

#[tokio::test]
async fn a_refusal_is_final() {
    let test = Test::new(|publisher| publisher).await;
    let problem = "content-type: application/problem+json\r\n";
    for (answer, want) in [
        (
            response(
                "403 Forbidden",
                problem,
                r#"{"title":"Forbidden","detail":"the token does not grant t"}"#,
            ),
            "403 Forbidden: the token does not grant t",
        ),
        (response("401 Unauthorized", "", ""), "401 Unauthorized"),
        (response("500 Internal Server Error", "", ""), "500 Internal Server Error"),
        (
            response("307 Temporary Redirect", "location: http://elsewhere.test/\r\n", ""),
            "bad redirect: a publish does not follow redirects; use the URL that it leads to",
        ),
        (
            response("200 OK", "content-type: text/html\r\n", "<html>"),
            "the answer is text/html, not text/plain: is this the right URL?",
        ),
    ] {
        let update = update();
        let (_, result) = join!(test.server.answer(&answer), test.publisher.publish(&update));
        assert_eq!(result.unwrap_err().to_string(), want);
    }
}

/// A body whose lines the test sends one by one.
struct Lines(mpsc::Receiver<Bytes>);

impl Stream for Lines {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|line| line.map(Ok))
    }
}

const ANSWERS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn lines_are_answered_while_they_are_sent() {
    let test = Test::new(|publisher| publisher.bearer_token("secret")).await;
    let (lines, body) = mpsc::channel(1);
    let mut answers = test.publisher.publish_lines(Lines(body));
    let serve = async {
        let mut exchange = test.server.accept().await;
        assert_eq!(exchange.header("content-type").unwrap(), "application/x-ndjson");
        assert_eq!(exchange.header("authorization").unwrap(), "Bearer secret");
        assert_eq!(exchange.read_chunk().await, "one\n");
        exchange.send(ANSWERS).await;
        exchange.send("{\"id\":\"#1-1\"}\n").await;
        // The next line is sent only once that answer has been read: neither waits for the other's end.
        assert_eq!(exchange.read_chunk().await, "two\n");
        exchange.send("{\"error\":{\"title\":\"Bad Request\",\"detail\":\"no topic\",\"line\":2,").await;
        exchange.send("\"column\":7}}\n").await;
        assert_eq!(exchange.read_chunk().await, "three\n");
        assert_eq!(exchange.read_chunk().await, "");
        exchange.send("{\"id\":\"#1-2\"}").await; // the last line end may be missing
        exchange.hang_up().await;
    };
    let client = async {
        lines.send("one\n".into()).await.unwrap();
        assert_eq!(answers.next().await.unwrap().unwrap(), Ok("#1-1".to_owned()));
        lines.send("two\n".into()).await.unwrap();
        let error = answers.next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 7: Bad Request: no topic");
        let want = LineError {
            title: "Bad Request".into(),
            detail: "no topic".into(),
            line: Some(2),
            column: Some(7),
        };
        assert_eq!(error, want);
        lines.send("three\n".into()).await.unwrap();
        drop(lines);
        assert_eq!(answers.next().await.unwrap().unwrap(), Ok("#1-2".to_owned()));
        assert!(answers.next().await.is_none());
    };
    join!(serve, client);
}

#[tokio::test]
async fn lines_that_are_refused_or_cut_end_with_an_error() {
    let test = Test::new(|publisher| publisher).await;
    let problem = r#"{"title":"Unauthorized","detail":"no token"}"#;
    let refused = response("401 Unauthorized", "content-type: application/problem+json\r\n", problem);
    for (answer, want) in [
        (refused.as_str(), "401 Unauthorized: no token"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 9\r\n\r\n",
            "the connection broke",
        ),
        (
            &format!("{ANSWERS}what\n"),
            "the answer cannot be understood: a line of it is neither an id nor an error",
        ),
        (ANSWERS, "the server ended the stream"),
        (&published("#1-1"), "the answer is text/plain, not application/x-ndjson: is this the right URL?"),
    ] {
        // A body that never ends: the refusal has to come through before it does.
        let (lines, body) = mpsc::channel(1);
        let mut answers = test.publisher.publish_lines(Lines(body));
        lines.send("one\n".into()).await.unwrap();
        let serve = async {
            let mut exchange = test.server.accept().await;
            exchange.read_chunk().await;
            exchange.send(answer).await;
            exchange.hang_up().await;
            exchange
        };
        let (_exchange, error) = join!(serve, answers.next());
        let error = error.unwrap().unwrap_err();
        assert!(error.to_string().starts_with(want), "{error} is not {want}");
        assert!(answers.next().await.is_none());
    }
}
