//! `Idempotency-Key`: a publish that is sent again counts once.

use crate::harness::{Answer, FORM, Hub, JSON, NDJSON, bearer, grant, request};

/// Publishes under this key.
fn keyed(hub: &Hub, key: &str, form: &str, body: &str) -> Answer {
    hub.ask(request("POST", "", &[&bearer(), form, &format!("Idempotency-Key: {key}")], body))
}

const LINES: &str = "{\"topic\":\"a\",\"data\":\"1\"}\n{\"topic\":\"a\",\"data\":\"2\"}\n";

#[test]
fn a_repeated_request_is_answered_as_the_first_one_was() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=*");
    for (form, body, updates) in [
        (FORM, "topic=a&data=x", 1),
        (JSON, r#"{"topic": "a", "data": "x"}"#, 1),
        (JSON, r#"[{"topic": "a", "data": "x"}, {"topic": "b", "data": "y"}]"#, 2),
        (NDJSON, LINES, 2),
    ] {
        let key = format!("key of {}", body.len());
        let first = keyed(&hub, &key, form, body);
        assert_eq!(first.status, 200, "{}", first.text());
        assert_eq!(keyed(&hub, &key, form, body).text(), first.text());
        for _ in 0..updates {
            stream.event();
        }
        hub.publish("topic=end&data=end");
        assert_eq!(stream.data(), "end", "nothing came twice: {body}");
    }
}

#[test]
fn the_same_key_with_another_body_is_refused() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    assert_eq!(keyed(&hub, "k", FORM, "topic=a&data=1").status, 200);
    for (form, body) in [
        (FORM, "topic=a&data=2"),
        (FORM, "topic=a&data=1&private=on"),
        (JSON, r#"{"topic": "a", "data": "2"}"#),
    ] {
        let detail = keyed(&hub, "k", form, body).problem(422, "Idempotency key reused");
        assert!(detail.contains("new key"), "{detail}");
    }
    assert_eq!(keyed(&hub, "k2", FORM, "topic=a&data=2").status, 200);
    assert_eq!((stream.data(), stream.data()), ("1".into(), "2".into()));
}

#[test]
fn lines_that_were_published_before_are_not_again() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let first = keyed(&hub, "k", NDJSON, LINES);
    // The answer was lost, and the publisher has more to send by now; one line it has changed.
    let more = format!("{LINES}{{\"topic\":\"a\",\"data\":\"3\"}}\n");
    let again = keyed(&hub, "k", NDJSON, &more);
    assert!(again.text().starts_with(first.text()) && again.text().lines().count() == 3, "{}", again.text());
    let changed = more.replace("\"2\"", "\"two\"");
    let answer = keyed(&hub, "k", NDJSON, &changed);
    let lines: Vec<_> = answer.text().lines().collect();
    assert!(lines[1].contains("Idempotency key reused") && lines[1].contains("\"line\":2"), "{lines:?}");
    assert!(again.text().contains(lines[0]) && again.text().contains(lines[2]), "{lines:?}");
    assert_eq!((stream.data(), stream.data(), stream.data()), ("1".into(), "2".into(), "3".into()));
    hub.publish("topic=a&data=end");
    assert_eq!(stream.data(), "end");
}

#[test]
fn a_key_is_its_publishers_own() {
    let hub = Hub::start();
    let publish = |publish: &[&str]| {
        let token = format!("Authorization: Bearer {}", grant(publish, &[]));
        hub.ask(request("POST", "", &[&token, FORM, "Idempotency-Key: k"], "topic=a&data=1")).id()
    };
    let first = publish(&["a"]);
    assert_ne!(publish(&["a", "b"]), first);
    assert_eq!(publish(&["a"]), first);
}

#[test]
fn a_key_must_be_one_short_line() {
    let hub = Hub::start();
    let long = "x".repeat(256);
    for key in ["", "é", &long, "a\r\nIdempotency-Key: b"] {
        keyed(&hub, key, FORM, "topic=a").problem(400, "Bad idempotency key");
    }
}
