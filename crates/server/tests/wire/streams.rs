//! What goes over an open stream, and when it ends.

use serde_json::json;

use crate::harness::{Hub, JSON, NDJSON, post, request, seconds_from_now, token, until};

#[test]
fn fields_come_in_their_order_and_each_line_of_data_is_its_own() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    for (form, event) in [
        ("id=1&type=t&retry=5&data=x", "event: t\nretry: 5\nid: 1\ndata: x\n\n"),
        ("data=x&id=2", "id: 2\ndata: x\n\n"),
        ("id=3&data=a%0Ab%0Dc%0D%0Ad", "id: 3\ndata: a\ndata: b\ndata: c\ndata: d\n\n"),
        ("id=4&data=%0A", "id: 4\ndata: \ndata: \n\n"),
        ("id=5&data=", "id: 5\ndata: \n\n"),
        ("id=6", "id: 6\ndata: \n\n"),
        ("id=7&data=+x%09:", "id: 7\ndata:  x\t:\n\n"),
        ("id=8&retry=0", "id: 8\ndata: \n\n"),
        ("id=9&retry=&type=", "id: 9\ndata: \n\n"),
        ("id=10&data=%E2%80%A8%C2%85gr%C3%BCn%00", "id: 10\ndata: \u{2028}\u{85}grün\0\n\n"),
        (
            "id=11&data=a%0A%0Aid:+forged%0A%0A",
            "id: 11\ndata: a\ndata: \ndata: id: forged\ndata: \ndata: \n\n",
        ),
    ] {
        hub.publish(&format!("topic=a&{form}"));
        assert_eq!(stream.event(), event);
    }
}

#[test]
fn an_update_larger_than_any_buffer_arrives_whole() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let data: String = (0..1_000_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let answer = hub.ask(post(JSON, &json!({ "topic": "a", "data": data, "id": "big" }).to_string()));
    assert_eq!(answer.json(), json!({ "id": "big" }));
    hub.publish("topic=a&id=next");
    assert_eq!(stream.event(), format!("id: big\ndata: {data}\n\n"));
    assert_eq!(stream.event(), "id: next\ndata: \n\n");
}

#[test]
fn a_silent_stream_has_a_heart_that_beats() {
    let hub = Hub::with(&["--heartbeat", "50ms"]);
    let mut stream = hub.subscribe("?topic=a");
    let mut bare = hub.connect();
    bare.send("GET /.well-known/mercure?topic=a HTTP/1.0\r\n\r\n");
    bare.head();
    for _ in 0..3 {
        assert_eq!(stream.event(), ":\n");
        bare.expect(":\n");
    }
}

#[test]
fn a_stream_ends_with_its_token() {
    let hub = Hub::start();
    let claims = |exp| json!({ "exp": exp, "mercure": { "subscribe": ["*"] } });
    let brief = token(&claims(seconds_from_now(1.5)));
    let long = token(&claims(seconds_from_now(3600.0)));
    let mut stays = hub.subscribe_with("?topic=a", &[&format!("Authorization: Bearer {long}")]);
    let mut ends = hub.subscribe_with("?topic=a", &[&format!("Authorization: Bearer {brief}")]);
    hub.publish("topic=a&private=on&data=1");
    assert_eq!((stays.data(), ends.data()), ("1".into(), "1".into()));
    ends.ended();
    // Who came back and was let in for the leeway's sake would be sent away again, and again.
    let mut again = hub.connect();
    again.send(request("HEAD", "?topic=a", &[&format!("Authorization: Bearer {brief}")], ""));
    assert_eq!(again.head().status, 401);
    hub.publish("topic=a&private=on&data=2");
    assert_eq!(stays.data(), "2");
}

#[test]
fn a_reader_that_takes_nothing_for_too_long_is_closed() {
    let hub = Hub::with(&["--write-timeout", "1s", "--limit-connections", "2"]);
    let _stalled = hub.subscribe_narrow("?topic=a");
    let data = "x".repeat(100_000);
    let lines: String = (0..100).map(|_| json!({ "topic": "a", "data": data }).to_string() + "\n").collect();
    assert_eq!(hub.ask(post(NDJSON, &lines)).status, 200);
    // There is room for one beside it, until it has gone.
    let _first = until("one finds room", || hub.try_subscribe("?topic=a"));
    let _second = until("the stalled one is gone", || hub.try_subscribe("?topic=a"));
}
