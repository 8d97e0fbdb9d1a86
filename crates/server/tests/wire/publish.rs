//! A publish request, whichever form it has: what it needs, how it may come, and what is wrong with it.

use std::io::Write as _;

use crate::harness::{FORM, Hub, JSON, NDJSON, PATH, bearer, chunk, grant, post, request};

#[test]
fn the_content_type_names_one_of_three_forms() {
    let hub = Hub::start();
    for bad in ["text/plain", "multipart/form-data; boundary=x", "application/jsonx", "", ";"] {
        let answer = hub.ask(post(&format!("Content-Type: {bad}"), "topic=a"));
        let detail = answer.problem(415, "Unsupported media type");
        for accepted in ["application/x-www-form-urlencoded", "application/json", "application/x-ndjson"] {
            assert!(detail.contains(accepted) && answer.header("accept").unwrap().contains(accepted));
        }
    }
    hub.ask(request("POST", "", &[&bearer()], "topic=a")).problem(415, "Unsupported media type");
    let gzip = format!("{FORM}\r\nContent-Encoding: gzip");
    let detail = hub.ask(post(&gzip, "topic=a")).problem(415, "Unsupported content encoding");
    assert!(detail.contains("Content-Encoding"), "{detail}");
    assert_eq!(hub.ask(post(&format!("{FORM}\r\nContent-Encoding: identity"), "topic=a")).status, 200);
    for good in ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded"] {
        assert_eq!(hub.ask(post(&format!("Content-Type: {good}"), "topic=a")).status, 200);
    }
}

#[test]
fn every_topic_must_be_granted_or_nothing_is_published() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=*");
    let books = format!("Authorization: Bearer {}", grant(&["/books/{id}", "news"], &["*"]));
    let publish = |form, body: &str| hub.ask(request("POST", "", &[&books, form], body));
    assert_eq!(publish(FORM, "topic=/books/1&topic=news&data=allowed").status, 200);
    for (form, body) in [
        (FORM, "topic=/books/1&topic=other&data=no"),
        (FORM, "topic=other&topic=/books/1&data=no"),
        (JSON, r#"{"topic": ["news", "other"], "data": "no"}"#),
        (JSON, r#"[{"topic": "news", "data": "no"}, {"topic": "other", "data": "no"}]"#),
    ] {
        let detail = publish(form, body).problem(403, "Not granted");
        assert!(detail.contains("\"other\""), "{detail}");
    }
    let lines = "{\"topic\": \"other\", \"data\": \"no\"}\n{\"topic\": \"news\", \"data\": \"line\"}\n";
    let answer = publish(NDJSON, lines);
    let (first, second) = answer.text().split_once('\n').unwrap();
    assert!(first.contains("Not granted") && first.contains("\"line\":1") && second.contains("\"id\""));
    assert_eq!((stream.data(), stream.data()), ("allowed".into(), "line".into()));

    let nothing = format!("Authorization: Bearer {}", grant(&[], &["*"]));
    hub.ask(request("POST", "", &[&nothing, FORM], "topic=a")).problem(403, "Not granted");
}

#[test]
fn topics_in_the_query_do_not_count() {
    let hub = Hub::start();
    hub.ask(request("POST", "?topic=a", &[&bearer(), FORM], "data=x")).problem(400, "No topic");
    let mut stream = hub.subscribe("?topic=a");
    assert_eq!(hub.ask(request("POST", "?topic=a", &[&bearer(), FORM], "topic=b&data=b")).status, 200);
    hub.publish("topic=a&data=a");
    assert_eq!(stream.data(), "a");
}

#[test]
fn another_method_is_told_which_there_are() {
    let hub = Hub::start();
    for method in ["PUT", "PATCH", "QUERY", "TRACE", "PROPFIND", "get", "delete"] {
        let answer = hub.ask(request(method, "?topic=a", &[], ""));
        let detail = answer.problem(405, "Method not allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, DELETE, OPTIONS"));
        assert!(detail.contains("GET, HEAD, POST, DELETE, OPTIONS") && detail.contains(method), "{detail}");
    }
    let answer = hub.ask(request("OPTIONS", "", &[], ""));
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, POST, DELETE, OPTIONS")));
}

#[test]
fn a_body_may_come_in_chunks_of_any_size() {
    let hub = Hub::start();
    let mut client = hub.connect();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: hub\r\n{}\r\n{FORM}\r\n", bearer());
    client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    for piece in ["to", "pic=a&da", "t", "a=xyz", "&id=1"] {
        client.send(chunk(piece));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.answer().id(), "1");
    let mut stream = hub.subscribe("?topic=a&lastEventID=earliest");
    assert_eq!(stream.event(), "id: 1\ndata: xyz\n\n");
}

#[test]
fn who_asks_before_sending_is_told_to_go_on() {
    let hub = Hub::start();
    let mut client = hub.connect();
    let expect = |authorization: &str, length: usize| {
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{authorization}\r\n{FORM}\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    client.send(expect(&bearer(), 12));
    assert_eq!(client.head().status, 100);
    client.send("topic=a&id=1");
    assert_eq!(client.answer().id(), "1");

    // Who would be refused is refused before.
    client.send(expect("Authorization: Bearer SECRET", 12));
    assert_eq!(client.answer().status, 401);
    let mut client = hub.connect();
    client.send(expect(&bearer(), 100 << 20));
    client.answer().problem(413, "Body too large");
    client.is_closed_unanswered();
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let hub = Hub::with(&["--limit-body", "100KiB"]);
    let head = |length: &str| {
        format!("POST {PATH} HTTP/1.1\r\nHost: hub\r\n{}\r\n{FORM}\r\n{length}\r\n\r\n", bearer())
    };
    for form in [FORM, JSON] {
        let mut client = hub.connect();
        client.send(head("Content-Length: 102401").replace(FORM, form));
        let detail = client.answer().problem(413, "Body too large");
        assert!(detail.contains("102400") && detail.contains("--limit-body") && detail.contains("ndjson"));
    }

    let mut client = hub.connect();
    client.send(head("Transfer-Encoding: chunked"));
    for _ in 0..11 {
        client.send(chunk(&"x".repeat(10_000)));
    }
    client.answer().problem(413, "Body too large");

    // The largest that fits.
    let mut client = hub.connect();
    client.send(head("Content-Length: 102400") + "topic=a&data=" + &"x".repeat(102_400 - 13));
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_refusal_reaches_also_who_is_still_sending() {
    let hub = Hub::with(&["--limit-body", "100KiB"]);
    let large = "x".repeat(4 << 20);
    let unauthorized = request("POST", "", &[FORM], &large);
    let elsewhere = post(FORM, &large).replacen(PATH, "/elsewhere", 1);
    let requests = [
        (post(FORM, &large), 413),
        (unauthorized, 401),
        (elsewhere, 404),
        (request("PUT", "", &[FORM], &large), 405),
    ];
    for (request, status) in requests {
        let mut client = hub.connect();
        // All of it is sent before the answer is looked at, as simple clients do.
        client.send(request);
        assert_eq!(client.answer().status, status);
    }
}

#[test]
fn a_body_that_breaks_off_publishes_nothing() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let mut client = hub.connect();
    client.send(post(FORM, "topic=a&data=half").strip_suffix("half").unwrap());
    client.half_close();
    client.answer().problem(400, "Incomplete body");
    let mut client = hub.connect();
    client.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{}\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ntopic=a\r\nnonsense\r\n",
        bearer()
    ));
    client.answer().problem(400, "Incomplete body");
    let mut client = hub.connect();
    client.send(post(FORM, "topic=a&data=half").strip_suffix("half").unwrap());
    client.reset();
    hub.publish("topic=a&data=whole");
    assert_eq!(stream.data(), "whole");
}

#[test]
fn pipelined_publishes_are_answered_in_their_order() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let mut client = hub.connect();
    let all: String = (0..50).map(|n| post(FORM, &format!("topic=a&id={n}"))).collect();
    let mut writer = client.writer();
    let sending = std::thread::spawn(move || writer.write_all(all.as_bytes()).unwrap());
    for n in 0..50 {
        assert_eq!(client.answer().id(), n.to_string());
        assert_eq!(stream.event(), format!("id: {n}\ndata: \n\n"));
    }
    sending.join().unwrap();
}

#[test]
fn a_client_of_http_1_0_may_publish() {
    let hub = Hub::start();
    let mut client = hub.connect();
    let request = post(FORM, "topic=a&id=1").replace("HTTP/1.1", "HTTP/1.0");
    let answer = client.ask(request);
    assert_eq!((answer.version.as_str(), answer.id().as_str()), ("HTTP/1.0", "1"));
    client.is_closed_unanswered();
}

#[test]
fn who_says_that_nothing_more_will_come_is_still_answered() {
    let hub = Hub::start();
    for _ in 0..20 {
        let mut client = hub.connect();
        client.send(post(FORM, "topic=a&id=1"));
        client.half_close();
        assert_eq!(client.answer().id(), "1");
        client.is_closed_unanswered();
    }
}
