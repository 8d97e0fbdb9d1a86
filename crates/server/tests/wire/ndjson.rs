//! `application/x-ndjson`: a stream of updates, answered line by line.

use std::{io::Write as _, thread, time::Duration};

use serde_json::{Value, json};

use crate::harness::{
    Client, Hub, NDJSON, PATH, Witness, bearer, chunk, grant, post, request, seconds_from_now, token,
};

fn line(id: &str) -> String {
    format!("{{\"topic\":\"a\",\"data\":\"x\",\"id\":\"{id}\"}}\n")
}

fn lines_of(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A request whose body is sent as it is made.
fn open(hub: &Hub, headers: &[&str]) -> Client {
    open_on(hub.connect(), headers)
}

fn open_on(mut client: Client, headers: &[&str]) -> Client {
    let headers = headers.join("\r\n");
    client.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{NDJSON}\r\n{headers}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    client
}

fn text(client: &mut Client) -> String {
    String::from_utf8(client.chunk().expect("the answer goes on")).expect("UTF-8")
}

#[test]
fn each_line_is_answered_while_the_next_ones_are_yet_to_come() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let mut client = open(&hub, &[&bearer()]);
    let head = client.head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    for n in 0..3 {
        let line = line(&n.to_string());
        let (start, end) = line.split_at(9);
        client.send(chunk(start));
        client.send(chunk(end));
        assert_eq!(text(&mut client), format!("{{\"id\":\"{n}\"}}\n"));
        assert_eq!(stream.event(), format!("id: {n}\ndata: x\n\n"));
    }
    // The last line may do without its line feed.
    client.send(chunk(line("last").trim_end()));
    client.send("0\r\n\r\n");
    assert_eq!(text(&mut client), "{\"id\":\"last\"}\n");
    assert_eq!(client.chunk(), None);
    // And the connection is as good as before.
    assert_eq!(client.ask(post(NDJSON, &line("next"))).text(), "{\"id\":\"next\"}\n");
}

#[test]
fn a_wrong_line_is_answered_as_such_and_harms_no_other() {
    let hub = Hub::with(&["--limit-line", "1KiB", "--limit-topics", "2"]);
    let mut stream = hub.subscribe("?topic=a");
    let own = "{\"topic\":\"/.well-known/mercure/subscriptions/x\",\"data\":1}\n";
    let long = format!("{{\"topic\":\"a\",\"data\":\"{}\"}}\n", "x".repeat(10_000));
    let body = [
        &line("1"),
        "not JSON\n",
        "\r\n",
        "[]\n",
        &long,
        own,
        "{\"topic\":\"a\",\"data\":1,\"id\":\"#\"}\n",
        "{\"topic\":[\"a\",\"b\",\"c\"],\"data\":1}\n",
        "\n",
        &line("2"),
    ];
    let answer = hub.ask(post(NDJSON, &body.concat()));
    assert_eq!(answer.status, 200);
    let told: Vec<_> = lines_of(answer.text())
        .iter()
        .map(|line| {
            if let Some(id) = line["id"].as_str() {
                return (id.to_owned(), 0, 0);
            }
            let error = &line["error"];
            assert!(error["detail"].as_str().unwrap().ends_with('.') && error.get("status").is_none());
            let number = |name| error[name].as_u64().unwrap();
            (error["title"].as_str().unwrap().to_owned(), number("line"), number("column"))
        })
        .collect();
    let expected = [
        ("1", 0, 0),
        ("Malformed JSON", 2, 2),
        ("Bad update", 4, 1),
        ("Line too large", 5, 1025),
        ("The hub's own topic", 6, 10),
        ("Bad id", 7, 28),
        ("Too many topics", 8, 19),
        ("2", 0, 0),
    ];
    assert_eq!(told, expected.map(|(text, line, column)| (text.to_owned(), line, column)));
    assert_eq!((stream.event(), stream.event()), ("id: 1\ndata: x\n\n".into(), "id: 2\ndata: x\n\n".into()));
}

#[test]
fn who_does_not_read_while_sending_may_ask_for_a_summary() {
    let hub = Hub::start();
    let body = format!("{}nonsense\n{}", line("1"), line("2"));
    let answer = hub.ask(request("POST", "", &[&bearer(), NDJSON, "Prefer: return=minimal"], &body));
    assert_eq!(answer.header("preference-applied"), Some("return=minimal"));
    let summary = lines_of(answer.text());
    assert_eq!(summary.len(), 1);
    assert_eq!((&summary[0]["published"], &summary[0]["failed"]), (&json!(2), &json!(1)));
    let errors = summary[0]["errors"].as_array().unwrap();
    assert_eq!(
        (errors.len(), &errors[0]["line"], &errors[0]["title"]),
        (1, &json!(2), &json!("Malformed JSON"))
    );

    // However much is wrong, it stays one that can be read.
    let answer =
        hub.ask(request("POST", "", &[&bearer(), NDJSON, "Prefer: return=minimal"], &"x\n".repeat(5000)));
    let summary = &lines_of(answer.text())[0];
    assert_eq!((&summary["failed"], summary["errors"].as_array().unwrap().len()), (&json!(5000), 100));
}

#[test]
fn an_empty_stream_has_an_empty_answer() {
    let hub = Hub::start();
    for body in ["", "\n", "\r\n  \n"] {
        let answer = hub.ask(post(NDJSON, body));
        assert_eq!((answer.status, answer.text()), (200, ""));
    }
}

#[test]
fn what_was_whole_is_published_also_when_the_publisher_breaks_off() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let mut client = open(&hub, &[&bearer()]);
    client.send(chunk(&line("1")));
    assert_eq!(client.head().status, 200);
    assert_eq!(text(&mut client), "{\"id\":\"1\"}\n");
    client.send(chunk("{\"topic\":\"a\",\"data\":\"half"));
    client.reset();
    hub.publish("topic=a&id=2");
    assert!(stream.event().starts_with("id: 1\n") && stream.event().starts_with("id: 2\n"));
}

#[test]
fn many_lines_come_out_in_their_order() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let body: String = (0..5000).map(|n| line(&n.to_string())).collect();
    let mut client = hub.connect();
    let mut writer = client.writer();
    let sending = thread::spawn(move || writer.write_all(post(NDJSON, &body).as_bytes()).unwrap());
    let answer = client.answer();
    sending.join().unwrap();
    let expected: Vec<_> = (0..5000).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect();
    assert_eq!(answer.text(), expected.concat());
    for n in 0..5000 {
        assert!(stream.event().starts_with(&format!("id: {n}\n")));
    }
}

#[test]
fn publishers_that_never_read_hold_up_no_other() {
    let hub = Hub::with(&["--limit-queue", "64KiB", "--limit-line", "64KiB", "--limit-body", "64KiB"]);
    let mut witness = Witness::new(&hub);
    let body = chunk(&"{\"topic\":\"a\",\"data\":1}\nx\n".repeat(500));
    let stuck: Vec<_> = (0..4)
        .map(|_| {
            let mut client = open_on(Client::connect_narrow(hub.address()), &[&bearer()]);
            // Until neither its answers nor its lines find room any more.
            client.writer().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            while client.try_send(&body).is_ok() {}
            client
        })
        .collect();
    witness.check();
    let answer = hub.ask(post(NDJSON, &line("1")));
    assert_eq!(answer.text(), "{\"id\":\"1\"}\n");
    drop(stuck);
    witness.check();
}

#[test]
fn a_token_that_expires_on_the_way_is_told_on_the_line() {
    let hub = Hub::start();
    let expires = seconds_from_now(1.2);
    let brief = token(&json!({ "exp": expires, "mercure": { "publish": ["*"] } }));
    let mut client = open(&hub, &[&format!("Authorization: Bearer {brief}")]);
    client.send(chunk(&line("1")));
    assert_eq!(client.head().status, 200);
    assert_eq!(text(&mut client), "{\"id\":\"1\"}\n");
    // A stream that was opened with a token of the same end shows that it has come.
    let also = token(&json!({ "exp": expires, "mercure": { "subscribe": ["*"] } }));
    hub.subscribe_with("?topic=b", &[&format!("Authorization: Bearer {also}")]).ended();
    // Of the first line after it, not even the end has come.
    client.send(chunk(line("2").trim_end()));
    let error = &lines_of(&text(&mut client))[0]["error"];
    assert_eq!((&error["title"], &error["line"]), (&json!("Token expired"), &json!(2)));
    assert_eq!(client.chunk(), None);
}

#[test]
fn it_needs_a_token_like_any_publish() {
    let hub = Hub::start();
    hub.ask(request("POST", "", &[NDJSON], &line("1"))).problem(401, "No token");
    let none = format!("Authorization: Bearer {}", grant(&[], &[]));
    let answer = hub.ask(request("POST", "", &[&none, NDJSON], &line("1")));
    assert_eq!(lines_of(answer.text())[0]["error"]["title"], "Not granted");
}
