//! How a hub starts to listen, and how it ends.

use std::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use crate::harness::{Client, FORM, Hub, NDJSON, PATH, Stream, bearer, chunk, get, post, until};

#[test]
fn it_listens_wherever_it_is_told_to() {
    let hub = Hub::with(&["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--listen", "127.0.0.2:0"]);
    let mut all: Vec<_> = hub
        .addresses()
        .iter()
        .map(|address| {
            let mut client = Client::connect(*address);
            client.send(get("?topic=a"));
            Stream::open(client)
        })
        .collect();
    hub.publish("topic=a&data=1");
    for stream in &mut all {
        assert_eq!(stream.data(), "1");
    }
}

#[test]
fn both_families_may_have_the_same_port() {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    let hub = Hub::with(&["--listen", &format!("[::]:{port}")]);
    assert_eq!(hub.address().port(), port);
}

#[test]
fn on_a_signal_streams_end_one_after_the_other_in_good_order() {
    for signal in ["TERM", "INT"] {
        let mut hub = Hub::with(&["--drain", "800ms", "--shards", "2"]);
        let streams: Vec<_> = (0..8).map(|_| hub.subscribe("?topic=a")).collect();
        let mut bare = hub.connect();
        bare.send("GET /.well-known/mercure?topic=a HTTP/1.0\r\n\r\n");
        bare.take_until("\r\n\r\n:\n");
        hub.publish("topic=a&data=last");
        let start = Instant::now();
        hub.signal(signal);
        let ends = std::thread::scope(|scope| {
            let threads: Vec<_> = streams
                .into_iter()
                .map(|mut stream| {
                    scope.spawn(move || {
                        assert_eq!(stream.data(), "last");
                        stream.ended();
                        start.elapsed()
                    })
                })
                .collect();
            let mut ends: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            ends.sort();
            ends
        });
        assert!(bare.rest().0.ends_with(b"data: last\n\n"));
        // Spread, and not all at once: the first well before the last.
        assert!(ends[7] >= ends[0] + Duration::from_millis(400), "{ends:?}");
        assert!(ends[0] < Duration::from_millis(500) && ends[7] >= Duration::from_millis(550), "{ends:?}");
        assert_eq!(hub.ended().code(), Some(0));
        assert_eq!(hub.count_in_log("stopped"), 1);
    }
}

#[test]
fn one_stream_alone_does_not_hold_it_up() {
    let mut hub = Hub::with(&["--drain", "1h"]);
    let stream = hub.subscribe("?topic=a");
    hub.signal("TERM");
    assert_eq!(hub.ended().code(), Some(0));
    drop(stream);
}

#[test]
fn what_was_asked_before_the_signal_is_answered_and_nobody_new_is_let_in() {
    // Of two streams the first ends at once, the second half-way: after 2 s.
    let mut hub = Hub::with(&["--drain", "4s", "--shards", "1"]);
    let first = hub.subscribe("?topic=a");
    let mut stream = hub.subscribe("?topic=a");
    // A publish whose body is slow, one whose head is, and a subscriber's.
    let mut slow = hub.connect();
    let request = post(FORM, "topic=a&data=slow");
    let (start, end) = request.split_at(request.len() - 4);
    slow.send(start);
    let mut slower = hub.connect();
    let late = post(FORM, "topic=a&data=late");
    let (late_start, late_end) = late.split_at(30);
    slower.send(late_start);
    let mut subscriber = hub.connect();
    let subscribe = get("?topic=a");
    let (subscribe_start, subscribe_end) = subscribe.split_at(20);
    subscriber.send(subscribe_start);
    let mut probe = hub.connect();
    probe.send("GET /readyz HT");
    // These have been read, as the answers to what came after show.
    let mut idle = hub.connect();
    assert_eq!(idle.ask(post(FORM, "topic=b")).status, 200);

    hub.signal("TERM");
    hub.wait_for_log("draining");
    idle.is_closed_unanswered();
    until("nobody listens", || TcpStream::connect(hub.address()).err());

    subscriber.send(subscribe_end);
    subscriber.is_closed_unanswered();
    probe.send("TP/1.1\r\nHost: hub\r\n\r\n");
    let answer = probe.answer();
    assert_eq!((answer.status, answer.text()), (503, "draining\n"));
    slow.send(end);
    assert_eq!(slow.answer().status, 200);
    slow.is_closed_unanswered();
    slower.send(late_end);
    assert_eq!(slower.answer().status, 200);
    assert_eq!((stream.data(), stream.data()), ("slow".into(), "late".into()));
    drop(first);
    stream.ended();
    assert_eq!(hub.ended().code(), Some(0));
    assert_eq!(hub.count_in_log("cut off"), 0);
}

#[test]
fn a_stream_of_lines_ends_with_the_answers_to_what_has_come() {
    let mut hub = Hub::with(&["--drain", "100ms"]);
    let mut client = hub.connect();
    client.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{NDJSON}\r\n{}\r\nTransfer-Encoding: chunked\r\n\r\n",
        bearer()
    ));
    client.send(chunk("{\"topic\":\"a\",\"data\":1,\"id\":\"1\"}\n"));
    assert_eq!(client.head().status, 200);
    assert_eq!(client.chunk().unwrap(), b"{\"id\":\"1\"}\n");
    // A line that has not begun, and half a line: neither will be published, and its publisher must know.
    let mut idle = hub.connect();
    idle.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{NDJSON}\r\n{}\r\nTransfer-Encoding: chunked\r\n\r\n",
        bearer()
    ));
    idle.send(chunk("{\"topic\":\"a\",\"data\":1,\"id\":\"2\"}\n\n"));
    assert_eq!(idle.head().status, 200);
    assert_eq!(idle.chunk().unwrap(), b"{\"id\":\"2\"}\n");
    client.send(chunk("{\"topic\":\"a\""));
    client.send(chunk("{\"topic\":\"a\",\"da"));
    hub.signal("TERM");
    hub.wait_for_log("draining");
    let told = String::from_utf8(client.chunk().unwrap()).unwrap();
    assert!(told.contains("\"line\":2") && told.contains("Shutting down"), "{told}");
    assert_eq!(client.chunk(), None);
    let told = String::from_utf8(idle.chunk().unwrap()).unwrap();
    assert!(told.contains("\"line\":3") && told.contains("Shutting down"), "{told}");
    assert_eq!(idle.chunk(), None);
    client.is_closed_unanswered();
    assert_eq!(hub.ended().code(), Some(0));
}

#[test]
fn connections_that_nobody_looks_at_do_not_hold_it_up() {
    let mut hub = Hub::with(&["--drain", "0"]);
    let mut idle = hub.connect();
    assert_eq!(idle.ask(post(FORM, "topic=a")).status, 200);
    let silent = hub.connect();
    hub.signal("TERM");
    assert_eq!(hub.ended().code(), Some(0));
    assert_eq!(hub.count_in_log("cut off"), 0);
    drop((idle, silent));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    // The first stream ends at once; the second one holds it up.
    let mut hub = Hub::with(&["--drain", "1h", "--shards", "1"]);
    let _streams = [hub.subscribe("?topic=a"), hub.subscribe("?topic=a")];
    hub.signal("TERM");
    hub.wait_for_log("draining");
    hub.signal("INT");
    assert_eq!(hub.ended().code(), Some(1));
}

#[test]
fn without_a_drain_it_ends_at_once_and_still_in_good_order() {
    let mut hub = Hub::with(&["--drain", "0"]);
    let streams: Vec<_> = (0..20).map(|_| hub.subscribe("?topic=a")).collect();
    hub.signal("TERM");
    for stream in streams {
        stream.ended();
    }
    assert_eq!(hub.ended().code(), Some(0));
}

#[test]
fn a_drain_ends_a_stream_between_events() {
    let mut hub = Hub::with(&["--drain", "1s"]);
    let mut stream = hub.subscribe("?topic=a");
    let data = "x".repeat(3_000_000);
    hub.publish(&format!("topic=a&id=big&data={data}"));
    hub.signal("TERM");
    hub.wait_for_log("draining");
    assert_eq!(stream.event(), format!("id: big\ndata: {data}\n\n"));
    stream.ended();
    assert_eq!(hub.ended().code(), Some(0));
}
