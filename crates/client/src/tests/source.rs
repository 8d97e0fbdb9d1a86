//! Streams that break, and what becomes of them.

use std::time::Duration;

use headwater_sse::Limits;
use tokio::join;

use super::{
    server::{STREAM, Server, response},
    still::Still,
};
use crate::{Error, Event, Gap, Item, Open, Source, SourceBuilder};

const SECOND: Duration = Duration::from_secs(1);

struct Test {
    server: Server,
    clock: Still,
    source: Source,
}

impl Test {
    async fn hub(settings: impl FnOnce(SourceBuilder) -> SourceBuilder) -> Self {
        let (server, clock) = (Server::start().await, Still::new());
        let source = settings(Source::hub(&server.url("")).topic("t")).build_with(clock.outside()).unwrap();
        Self { server, clock, source }
    }

    async fn next(&mut self) -> Item {
        self.source.next().await.expect("an item").expect("no final error")
    }

    async fn event(&mut self) -> Event {
        match self.next().await {
            Item::Event(event) => event,
            item => panic!("{item:?}"),
        }
    }

    async fn reconnecting(&mut self) -> (Error, Duration) {
        match self.next().await {
            Item::Reconnecting { error, delay } => (error, delay),
            item => panic!("{item:?}"),
        }
    }

    /// The final error; nothing comes after it.
    async fn end(&mut self) -> Error {
        let error = self.source.next().await.expect("an item").expect_err("a final error");
        assert!(self.source.next().await.is_none());
        error
    }
}

#[tokio::test]
async fn resumes_after_the_last_whole_event() {
    let mut test = Test::hub(|source| source.bearer_token("secret").topic("/{a}&b")).await;
    let serve = async {
        let mut first = test.server.accept().await;
        first.send(STREAM).await;
        // The cut falls into the second event, whose id must not count.
        first.send("id: é1\ndata: one\n\nid: 2\ndata: tw").await;
        first.hang_up().await;
        first
    };
    let (first, item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(Open { asked, last_event_id: None }))) if asked.is_empty()));
    assert_eq!(first.target, "/.well-known/mercure?topic=t&topic=%2F%7Ba%7D%26b&include=gap");
    assert_eq!(first.header("accept").unwrap(), "text/event-stream");
    assert_eq!(first.header("cache-control").unwrap(), "no-store");
    assert_eq!(first.header("authorization").unwrap(), "Bearer secret");
    assert_eq!(first.header("last-event-id"), None);

    let event = test.event().await;
    assert_eq!((&*event.last_event_id, &*event.event_type, &*event.data), ("é1", "message", "one"));
    let (error, delay) = test.reconnecting().await;
    assert!(matches!(error, Error::Closed), "{error}");
    assert_eq!(delay, SECOND);

    test.clock.advance(delay);
    let serve = async {
        let mut second = test.server.accept().await;
        second.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nlast-event-id: é1\r\n\r\n").await;
        second.send("data: two\n\n").await;
        second
    };
    let (second, item) = join!(serve, test.source.next());
    let Some(Ok(Item::Open(open))) = item else { panic!("{item:?}") };
    assert_eq!((&*open.asked, open.last_event_id.as_deref(), open.is_gap()), ("é1", Some("é1"), false));
    assert_eq!(second.header("last-event-id").unwrap(), "é1");
    assert_eq!(second.header("authorization").unwrap(), "Bearer secret");
    // An event without an id has the last one.
    let event = test.event().await;
    assert_eq!((&*event.last_event_id, &*event.data), ("é1", "two"));
}

#[tokio::test]
async fn a_body_that_breaks_off_reconnects() {
    let mut test = Test::hub(|source| source.last_event_id("earliest")).await;
    let serve = async {
        let mut exchange = test.server.accept().await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        exchange.send(head).await;
        exchange.send("8\r\ndata: 1\n\r\n3\r\n\n:").await; // breaks off inside a chunk
        exchange.hang_up().await;
        exchange
    };
    let (exchange, item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!(exchange.header("last-event-id").unwrap(), "earliest");
    assert_eq!(test.event().await.data, "1");
    let (error, _) = test.reconnecting().await;
    assert!(matches!(error, Error::Network(_)), "{error}");
}

#[tokio::test]
async fn a_204_ends_it() {
    let mut test = Test::hub(|source| source).await;
    let (_, item) = join!(test.server.answer("HTTP/1.1 204 No Content\r\n\r\n"), test.source.next());
    assert!(item.is_none(), "{item:?}");
    assert!(test.source.next().await.is_none());
}

#[tokio::test]
async fn a_401_ends_it_with_the_reason() {
    let mut test = Test::hub(|source| source.bearer_token("secret")).await;
    let body = r#"{"title":"Unauthorized","status":401,"detail":"the token expired; get a new one"}"#;
    let answer = response("401 Unauthorized", "content-type: application/problem+json\r\n", body);
    let (_, error) =
        join!(test.server.answer(&answer), async { test.source.next().await.unwrap().unwrap_err() });
    assert_eq!(error.to_string(), "401 Unauthorized: the token expired; get a new one");
    assert!(matches!(error, Error::Refused(refusal) if refusal.status == 401));
    assert!(test.source.next().await.is_none());
}

#[tokio::test]
async fn another_media_type_ends_it() {
    let mut test = Test::hub(|source| source).await;
    let answer = response("200 OK", "content-type: text/html\r\n", "<html>");
    let (_, item) = join!(test.server.answer(&answer), test.source.next());
    let Some(Err(Error::ContentType { found, .. })) = item else { panic!("{item:?}") };
    assert_eq!(found.as_deref(), Some("text/html"));
    assert!(test.source.next().await.is_none());
}

#[tokio::test]
async fn a_503_is_tried_again_when_it_says() {
    let busy = response("503 Service Unavailable", "retry-after: 7\r\ncontent-type: text/plain\r\n", "busy");
    let mut test = Test::hub(|source| source).await;
    let (_, item) = join!(test.server.answer(&busy), test.source.next());
    let Some(Ok(Item::Reconnecting { error, delay })) = item else { panic!("{item:?}") };
    assert_eq!(error.to_string(), "503 Service Unavailable: busy");
    assert_eq!(delay, 7 * SECOND);

    test.clock.advance(delay);
    let (_, item) = join!(test.server.answer(STREAM), test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");

    let mut strict = Test::hub(SourceBuilder::strict).await;
    let (_, item) = join!(strict.server.answer(&busy), strict.source.next());
    assert!(matches!(item, Some(Err(Error::Refused(_)))), "{item:?}");
    assert!(strict.source.next().await.is_none());
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let elsewhere = Server::start().await;
    let settings =
        |source: SourceBuilder| source.bearer_token("secret").header("X-Api-Key", "k").last_event_id("9");
    let mut test = Test::hub(settings).await;
    let serve = async {
        let away = format!("location: {}\r\n", elsewhere.url("/there?topic=u"));
        let relative =
            test.server.answer(&response("307 Temporary Redirect", "location: ../b?x=1\r\n", "")).await;
        let same = test.server.answer(&response("303 See Other", &away, "")).await;
        let back = format!("location: {}\r\n", test.server.url("/back"));
        let other = elsewhere.answer(&response("301 Moved Permanently", &back, "")).await;
        let back = test.server.answer(STREAM).await;
        [relative, same, other, back]
    };
    let ([relative, same, other, back], item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!([&*same.target, &*other.target, &*back.target], ["/b?x=1", "/there?topic=u", "/back"]);
    for (exchange, trusted) in [(relative, true), (same, true), (other, false), (back, false)] {
        assert_eq!(exchange.header("authorization").is_some(), trusted, "{}", exchange.target);
        assert_eq!(exchange.header("x-api-key").is_some(), trusted, "{}", exchange.target);
        assert_eq!(exchange.header("last-event-id").as_deref(), Some("9"));
        assert_eq!(exchange.header("accept").as_deref(), Some("text/event-stream"));
        assert_eq!(exchange.header("referer"), None);
    }
}

#[tokio::test]
async fn a_redirect_loop_ends_it() {
    let mut test = Test::hub(|source| source).await;
    let serve = async {
        for _ in 0..=crate::redirect::MAX_HOPS {
            test.server.answer(&response("302 Found", "location: /again\r\n", "")).await;
        }
    };
    let ((), item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Err(Error::Redirect(_)))), "{item:?}");
}

#[tokio::test]
async fn retry_sets_the_wait_and_zero_is_no_busy_loop() {
    let mut test = Test::hub(|source| source).await;
    for (fields, want) in
        [("retry: 2500\n", 2500), ("retry: 0\n", 100), ("", 100), ("retry: +9\nretry: 300\n", 300)]
    {
        let answer = format!("{STREAM}{fields}data: x\n\n");
        let (_, item) = join!(test.server.answer(&answer), test.source.next());
        assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
        test.event().await;
        let (_, delay) = test.reconnecting().await;
        assert_eq!(delay, Duration::from_millis(want));
        test.clock.advance(delay);
    }
}

#[tokio::test]
async fn silence_reconnects_and_a_heartbeat_is_no_silence() {
    let mut test = Test::hub(|source| source.silence(60 * SECOND)).await;
    let serve = async {
        let mut exchange = test.server.accept().await;
        exchange.send(STREAM).await;
        exchange
    };
    let (mut exchange, item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");

    test.clock.advance(59 * SECOND);
    exchange.send(":\ndata: x\n\n").await;
    test.event().await;
    test.clock.advance(59 * SECOND); // 118 s since it opened, 59 s since it was heard
    exchange.send("data: y\n\n").await;
    assert_eq!(test.event().await.data, "y");

    test.clock.advance(60 * SECOND);
    let (error, delay) = test.reconnecting().await;
    assert!(matches!(error, Error::Silence(_)), "{error}");
    assert_eq!(delay, SECOND);
    exchange.closed().await; // the dead connection is not kept
}

#[tokio::test]
async fn no_answer_is_a_failed_attempt() {
    let mut test = Test::hub(|source| source.answer_within(5 * SECOND)).await;
    let clock = test.clock.clone();
    let serve = async {
        let exchange = test.server.accept().await;
        clock.pass(5 * SECOND).await;
        exchange
    };
    let (_exchange, item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Reconnecting { error: Error::Timeout(_), .. }))), "{item:?}");
}

#[tokio::test]
async fn an_unreachable_hub_is_tried_again() {
    let Test { server, clock, source } = Test::hub(|source| source).await;
    let address = server.url("").replace("http://", "");
    drop(server);
    let mut source = source;
    for want in [1, 2, 4] {
        let item = source.next().await;
        let Some(Ok(Item::Reconnecting { error, delay })) = item else { panic!("{item:?}") };
        assert!(matches!(error, Error::Network(_)), "{error}");
        assert!(error.to_string().starts_with("cannot connect: Connection refused"), "{error}");
        assert!(!error.to_string().contains(&address), "a URL may hold a token");
        assert_eq!(delay, want * SECOND);
        clock.advance(delay);
    }
}

#[tokio::test]
async fn a_gap_is_told_once() {
    let answer = |body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nlast-event-id: earliest\r\n\r\n{body}")
    };
    for (body, want) in [
        // Only the answer's header tells: hubs that do not know `include=gap`.
        ("data: x\n\n", Gap { from: Some("1".into()), to: None }),
        // The stream tells too.
        (
            "event: headwater:gap\ndata: {\"from\":\"1\",\"to\":\"5\"}\n\ndata: x\n\n",
            Gap { from: Some("1".into()), to: Some("5".into()) },
        ),
        ("event: headwater:gap\ndata: what\n\ndata: x\n\n", Gap::default()),
    ] {
        let mut test = Test::hub(|source| source.last_event_id("1")).await;
        let (_, item) = join!(test.server.answer(answer(body)), test.source.next());
        assert!(matches!(item, Some(Ok(Item::Open(open))) if open.is_gap()));
        match test.next().await {
            Item::Gap(gap) => assert_eq!(gap, want),
            item => panic!("{item:?}"),
        }
        assert_eq!(test.event().await.data, "x");
        test.reconnecting().await;
    }
}

#[tokio::test]
async fn other_urls_are_taken_as_they_are() {
    let (server, clock) = (Server::start().await, Still::new());
    let mut source = Source::url(&server.url("/?a=b%20c")).build_with(clock.outside()).unwrap();
    let answer = format!("{STREAM}event: headwater:gap\ndata: {{}}\n\n");
    let (exchange, item) = join!(server.answer(&answer), source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!(exchange.target, "/?a=b%20c");
    // Of a server that is no hub the type means nothing.
    assert!(matches!(source.next().await, Some(Ok(Item::Event(_)))));
}

#[tokio::test]
async fn an_id_that_no_header_can_carry_goes_by_the_query() {
    let mut test = Test::hub(|source| source.last_event_id("a\u{1}b ")).await;
    let (exchange, item) = join!(test.server.answer(STREAM), test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!(exchange.target, "/.well-known/mercure?topic=t&include=gap&lastEventID=a%01b+");
    assert_eq!(exchange.header("last-event-id"), None);
}

#[tokio::test]
async fn an_event_past_the_limits_ends_it() {
    let limits = Limits { line: 64, ..Limits::default() };
    let mut test = Test::hub(|source| source.limits(limits)).await;
    let answer = format!("{STREAM}data: {}", "x".repeat(100));
    let (_, item) = join!(test.server.answer(&answer), test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert!(matches!(test.end().await, Error::Decode(_)));
}

#[tokio::test]
async fn nothing_is_lost_when_next_is_dropped() {
    let mut test = Test::hub(|source| source).await;
    let serve = async {
        let mut exchange = test.server.accept().await;
        exchange.send(STREAM).await;
        exchange.send("data: 1\n\ndata: 2\n\n").await;
    };
    // Polled once, then dropped, as `select!` does when another branch is ready.
    tokio::select! { biased; item = test.source.next() => panic!("{item:?}"), () = async {} => {} }
    let ((), item) = join!(serve, test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!(test.event().await.data, "1");
    assert_eq!(test.event().await.data, "2");
    let () = test.open_again().await;
}

impl Test {
    /// One request was enough.
    async fn open_again(&mut self) {
        let (_, delay) = self.reconnecting().await;
        self.clock.advance(delay);
        let (exchange, open) = join!(self.server.answer(STREAM), self.source.next());
        assert!(matches!(open, Some(Ok(Item::Open(_)))), "{open:?}");
        assert_eq!(exchange.header("last-event-id"), None);
    }
}

#[tokio::test]
async fn patience_may_be_endless() {
    let settings = |source: SourceBuilder| {
        source.silence(Duration::MAX).answer_within(Duration::MAX).reconnection_time(Duration::MAX)
    };
    let mut test = Test::hub(settings).await;
    let (_, item) = join!(test.server.answer(STREAM), test.source.next());
    assert!(matches!(item, Some(Ok(Item::Open(_)))), "{item:?}");
    assert_eq!(test.reconnecting().await.1, Duration::from_hours(1));
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    for url in ["localhost:3000", "ftp://host", "http://", "http://[", ""] {
        assert!(matches!(Source::hub(url).build(), Err(Error::Url(_))), "{url}");
    }
    let source = || Source::hub("http://localhost");
    assert!(matches!(source().bearer_token("a\nb").build(), Err(Error::Header(_))));
    assert!(matches!(source().header("a b", "c").build(), Err(Error::Header(_))));
    assert!(matches!(source().last_event_id("a\r\nb").build(), Err(Error::Header(_))));
    assert!(!format!("{:?}", source().bearer_token("secret").header("k", "secret")).contains("secret"));
    assert!(!format!("{:?}", source().bearer_token("secret").build().unwrap()).contains("secret"));
}
