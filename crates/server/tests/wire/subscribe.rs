//! A subscribe request: what it may ask for, and the answer's first bytes.

use crate::harness::{FORM, Hub, Stream, get, post, request};

/// The answer's head up to how its body comes: all of it, but for that and the date.
const HEAD: &str = "HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream\r\n\
    cache-control: no-cache, no-store, private, no-transform\r\n\
    x-accel-buffering: no\r\nheadwater-heartbeat: 3600\r\n";

#[test]
fn a_stream_opens_with_its_head_and_a_comment() {
    let hub = Hub::start();
    // Also for those who say that they want something else.
    for accept in ["text/event-stream", "*/*", "text/html", "nonsense"] {
        let mut client = hub.connect();
        client.send(request("GET", "?topic=a", &[&format!("Accept: {accept}")], ""));
        client.expect(HEAD);
        client.expect("transfer-encoding: chunked\r\ndate: ");
        client.take_until(" GMT\r\n");
        client.expect("\r\n2\r\n:\n\r\n");
    }
}

#[test]
fn head_has_the_same_headers_and_leaves_the_connection_as_it_was() {
    let hub = Hub::start();
    let id = hub.publish("topic=a&data=1");
    let mut client = hub.connect();
    client.send(request("HEAD", "?topic=a", &[], ""));
    client.expect(HEAD);
    client.expect("date: ");
    client.take_until(" GMT\r\n");
    client.expect("\r\n");
    let escaped = id.replace('#', "%23");
    client.send(request("HEAD", &format!("?topic=a&lastEventID={escaped}"), &[], ""));
    assert_eq!(client.head().header("last-event-id"), Some(&*id));
    client.send(request("HEAD", "", &[], ""));
    assert_eq!(client.head().status, 400);
    client.send("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n");
    assert_eq!(client.answer().text(), "ok\n");
}

#[test]
fn without_a_topic_there_is_nothing_to_subscribe_to() {
    let hub = Hub::start();
    for query in ["", "?", "?topics=a", "?Topic=a", "?lastEventID=x"] {
        let detail = hub.ask(get(query)).problem(400, "No topic");
        assert!(detail.contains("?topic="), "{detail}");
    }
}

#[test]
fn unknown_parameters_are_ignored() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?debug=1&topic=a&include=weather&%FF=%00&=&");
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}

#[test]
fn selectors_match_as_the_protocol_says() {
    let hub = Hub::start();
    for (selectors, topic, matches) in [
        (&["a"][..], "a", true),
        (&["a"], "A", false),
        (&["a"], "ab", false),
        (&["a", "a"], "a", true),
        (&["b", "a", "*"], "a", true),
        (&["*"], "anything at all", true),
        (&["https://example.com/books/{id}"], "https://example.com/books/1", true),
        (&["https://example.com/books/{id}"], "https://example.com/books/1/2", false),
        (&["https://example.com/books/{+path}"], "https://example.com/books/1/2", true),
        (&["https://example.com/books{?q,r}"], "https://example.com/books?r=1&q=2", true),
        // No template: a name like any other.
        (&["a{"], "a{", true),
        (&["a{"], "a", false),
    ] {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let query: Vec<_> = selectors.iter().map(|s| format!("topic={}", encode(s))).collect();
        let mut stream = hub.subscribe(&format!("?topic=end&{}", query.join("&")));
        hub.publish(&format!("topic={}&data=it", encode(topic)));
        hub.publish("topic=end&data=end");
        // However many of its selectors match, it comes once.
        let expected: &[_] = if matches { &["it", "end"] } else { &["end"] };
        for data in expected {
            assert_eq!(stream.data(), *data, "{selectors:?} {topic}");
        }
    }
}

#[test]
fn an_alternate_topic_reaches_its_subscribers_once() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=b&topic=c");
    hub.publish("topic=a&topic=b&topic=c&data=1");
    hub.publish("topic=a&data=2");
    hub.publish("topic=c&data=3");
    assert_eq!((stream.data(), stream.data()), ("1".into(), "3".into()));
}

#[test]
fn a_client_of_http_1_0_gets_the_stream_bare() {
    let hub = Hub::start();
    for headers in ["", "Connection: keep-alive\r\n"] {
        let mut client = hub.connect();
        client.send(format!("GET /.well-known/mercure?topic=a HTTP/1.0\r\nHost: hub\r\n{headers}\r\n"));
        let head = client.head();
        assert_eq!((head.version.as_str(), head.status), ("HTTP/1.0", 200));
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(head.header("content-length"), None);
        client.expect(":\n");
        let id = hub.publish("topic=a&data=1");
        client.expect(&format!("id: {id}\ndata: 1\n\n"));
    }
}

#[test]
fn who_asks_for_one_request_a_connection_gets_a_stream_all_the_same() {
    let hub = Hub::start();
    let mut stream = hub.subscribe_with("?topic=a", &["Connection: close"]);
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}

#[test]
fn a_stream_may_follow_other_requests_on_its_connection() {
    let hub = Hub::start();
    let mut client = hub.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(post(FORM, "topic=b")).status, 200);
    }
    client.send(get("?topic=a"));
    let mut stream = Stream::open(client);
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}
