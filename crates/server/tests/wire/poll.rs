//! Long poll: the same subscription, answered with JSON.

use serde_json::{Value, json};

use crate::harness::{Hub, NDJSON, grant, post, request};

const JSON_ONLY: &str = "Accept: application/json";

fn asking(query: &str, headers: &[&str]) -> String {
    request("GET", query, headers, "")
}

fn poll(hub: &Hub, query: &str) -> Value {
    let answer = hub.ask(asking(query, &[JSON_ONLY]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

fn escaped(id: &Value) -> String {
    form_urlencoded::byte_serialize(id.as_str().expect("an id").as_bytes()).collect()
}

#[test]
fn what_came_after_the_cursor_is_there_at_once_and_nothing_is_empty() {
    let hub = Hub::start();
    let empty = poll(&hub, "?topic=a&timeout=0");
    assert_eq!((&empty["updates"], &empty["more"]), (&json!([]), &json!(false)));
    let first = hub.publish("topic=a&topic=other&data=one%0Atwo&type=tick&retry=7");
    hub.publish("topic=b&data=elsewhere");
    hub.publish("topic=a&data=2&id=mine");
    let page = poll(&hub, &format!("?topic=a&timeout=0&lastEventID={}", escaped(&empty["lastEventID"])));
    let second = page["updates"][1]["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(
        page["updates"],
        json!([
            {"id": first, "cursor": &first[1..], "type": "tick", "retry": 7, "data": "one\ntwo", "topics": ["a"]},
            {"id": "mine", "cursor": second, "data": "2", "topics": ["a"]},
        ])
    );
    assert_eq!(page["lastEventID"], format!("#{second}"));
    let rest = poll(&hub, &format!("?topic=a&timeout=0&lastEventID={}", escaped(&page["lastEventID"])));
    assert_eq!(rest, json!({"lastEventID": page["lastEventID"], "more": false, "updates": []}));
}

#[test]
fn an_answer_is_held_back_until_there_is_something() {
    let hub = Hub::start();
    let cursor = escaped(&poll(&hub, "?topic=a&timeout=0")["lastEventID"]);
    let mut client = hub.connect();
    client.send(asking(&format!("?topic=a&lastEventID={cursor}"), &[JSON_ONLY]));
    let id = hub.publish("topic=a&data=x");
    assert_eq!(client.answer().json()["updates"][0]["id"], id);
}

#[test]
fn a_long_history_comes_in_pages_and_none_is_left_out() {
    let hub = Hub::start();
    let lines: Vec<_> = (0..2_500).map(|i| format!("{{\"topic\":\"a\",\"data\":\"{i}\"}}\n")).collect();
    assert_eq!(hub.ask(post(NDJSON, &lines.concat())).status, 200);
    let (mut cursor, mut seen, mut pages) = ("earliest".to_owned(), 0, 0);
    loop {
        let page = poll(&hub, &format!("?topic=a&timeout=0&lastEventID={cursor}"));
        pages += 1;
        for update in page["updates"].as_array().expect("a list") {
            assert_eq!(update["data"], seen.to_string());
            seen += 1;
        }
        cursor = escaped(&page["lastEventID"]);
        if page["more"] == false {
            break;
        }
    }
    assert_eq!((seen, pages), (2_500, 3));
}

#[test]
fn a_gap_is_told_and_private_updates_are_for_those_who_may_see_them() {
    let hub = Hub::with(&["--retain-count", "2"]);
    let first = hub.publish("topic=a&data=1");
    for data in 2..5 {
        hub.publish(&format!("topic=a&data={data}"));
    }
    hub.publish("topic=a&private=on&data=secret");
    let lost = poll(&hub, &format!("?topic=a&timeout=0&lastEventID={}", first.replace('#', "%23")));
    assert_eq!(lost["gap"]["from"], first);
    assert_eq!(lost["updates"].as_array().map(Vec::len), Some(1), "{lost}");
    let authorization = format!("Authorization: Bearer {}", grant(&[], &["a"]));
    let query = "?topic=a&timeout=0&lastEventID=earliest";
    let granted = hub.ask(asking(query, &[JSON_ONLY, &authorization])).json();
    assert_eq!(granted["updates"][1]["data"], "secret");
}

#[test]
fn who_accepts_a_stream_gets_one_and_errors_are_those_of_a_stream() {
    let hub = Hub::start();
    for accept in ["text/event-stream", "application/json, text/plain, */*"] {
        drop(hub.subscribe_with("?topic=a", &[&format!("Accept: {accept}")]));
    }
    hub.ask(asking("?topic=a&timeout=soon", &[JSON_ONLY])).problem(400, "Bad timeout");
    hub.ask(asking("?timeout=0", &[JSON_ONLY])).problem(400, "No topic");
    let closed = Hub::with(&["--anonymous=false"]);
    assert_eq!(closed.ask(asking("?topic=a", &[JSON_ONLY])).status, 401);
}
