//! What a form or a JSON body may say, and how it is told that it may not.

use serde_json::{Value, json};

use crate::harness::{FORM, Hub, JSON, post};

#[test]
fn a_form_is_answered_with_the_id_alone() {
    let hub = Hub::start();
    let answer = hub.ask(post(FORM, "topic=a&data=x"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let (epoch, offset) = answer.text().split_once('-').unwrap();
    assert_eq!((epoch.len(), offset), (13, "1"), "no line feed behind it");
    assert_eq!(hub.publish("topic=a&id=urn:mine"), "urn:mine");
    assert_eq!(hub.publish("topic=a&topic=b&data=x&private&type=t&retry=5&unknown=field&id=").len(), 15);
}

#[test]
fn json_is_answered_in_its_own_shape() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a&topic=b");
    let json = |body: Value| hub.ask(post(JSON, &body.to_string()));
    let answer = json(json!({ "topic": "a", "data": "x", "id": "1" }));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), json!({ "id": "1" }));
    let two = json!([{ "topic": ["b", "c"], "data": {"n": [1, null]}, "id": "2" }, { "topic": "a", "data": 1.50, "id": "3", "type": "t", "retry": 7, "private": false }]);
    assert_eq!(json(two).json(), json!([{ "id": "2" }, { "id": "3" }]));
    assert_eq!(json(json!([])).json(), json!([]));
    assert_eq!(stream.event(), "id: 1\ndata: x\n\n");
    assert_eq!(stream.event(), "id: 2\ndata: {\"n\":[1,null]}\n\n");
    assert_eq!(stream.event(), "event: t\nretry: 7\nid: 3\ndata: 1.5\n\n");
}

#[test]
fn an_array_is_published_whole_or_not_at_all() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=a");
    let body = r#"[{"topic": "a", "data": "no"}, {"topic": "a"}]"#;
    hub.ask(post(JSON, body)).problem(400, "No data");
    hub.publish("topic=a&data=yes");
    assert_eq!(stream.data(), "yes");
}

#[test]
fn what_may_not_be_published_is_told_with_its_place() {
    let hub = Hub::start();
    let form = |body: &str| (FORM, body.to_owned());
    let json = |body: &str| (JSON, body.to_owned());
    for ((kind, body), status, title, place, told) in [
        (form(""), 400, "No topic", None, "topic"),
        (form("data=x"), 400, "No topic", None, "topic"),
        (form("topic="), 400, "Bad topic", Some((1, 7)), ""),
        (form("topic=a%00"), 400, "Bad topic", Some((1, 7)), ""),
        (form("topic=a%0A"), 400, "Bad topic", Some((1, 7)), ""),
        (form("topic=a&id=%23me"), 400, "Bad id", Some((1, 12)), "#"),
        (form("topic=a&id=earliest"), 400, "Bad id", Some((1, 12)), "earliest"),
        (form("topic=a&id=a%0Ab"), 400, "Bad id", Some((1, 12)), "control"),
        (form("topic=a&id=a%0Db"), 400, "Bad id", Some((1, 12)), "control"),
        (form("topic=a&id=a%00b"), 400, "Bad id", Some((1, 12)), "control"),
        (form("topic=a&type=a%0Ab"), 400, "Bad type", Some((1, 14)), ""),
        (form("topic=a&type=a%0Db"), 400, "Bad type", Some((1, 14)), ""),
        (form("topic=a&type=a%00b"), 400, "Bad type", Some((1, 14)), ""),
        (form("topic=a&type=headwater:gap"), 400, "Bad type", Some((1, 14)), "headwater:"),
        (form("topic=a&retry=soon"), 400, "Bad retry", Some((1, 15)), "digits"),
        (form("topic=a&retry=-1"), 400, "Bad retry", Some((1, 15)), "digits"),
        (form("topic=a&data=100%"), 400, "Malformed form", Some((1, 17)), "%25"),
        (form("topic=a&data=%FF"), 400, "Malformed form", Some((1, 14)), "UTF-8"),
        (
            form("topic=/.well-known/mercure/subscriptions/x"),
            403,
            "The hub's own topic",
            Some((1, 7)),
            "another topic",
        ),
        (
            form("topic=a&topic=https://hub.example/.well-known/mercure"),
            403,
            "The hub's own topic",
            Some((1, 15)),
            "",
        ),
        (json(""), 400, "Malformed JSON", Some((1, 1)), "object"),
        (json("{\n  \"topic\": a}"), 400, "Malformed JSON", Some((2, 12)), "object"),
        (json("{\"topic\": \"a\", \"data\": 1}}"), 400, "Malformed JSON", Some((1, 26)), ""),
        (json("\"topic\""), 400, "Bad update", Some((1, 7)), "object"),
        (json("{\"data\": 1}"), 400, "No topic", Some((1, 1)), "topic"),
        (json("{\"topic\": [], \"data\": 1}"), 400, "No topic", Some((1, 1)), "topic"),
        (json("{\"topic\": \"a\"}"), 400, "No data", Some((1, 1)), "data"),
        (json("{\"topic\": 1, \"data\": 1}"), 400, "Bad update", Some((1, 11)), "topic"),
        (
            json("{\"topic\": \"a\", \"data\": 1, \"private\": \"on\"}"),
            400,
            "Bad update",
            Some((1, 41)),
            "private",
        ),
        (json("{\"topic\": \"a\", \"data\": 1, \"dta\": 1}"), 400, "Bad update", Some((1, 31)), "dta"),
        (
            json("{\"topic\": \"a\", \"data\": 1, \"retry\": \"1\"}"),
            400,
            "Bad retry",
            Some((1, 36)),
            "digits",
        ),
        (
            json("[\n{\"topic\": \"a\", \"data\": 1},\n{\"topic\": \"a\", \"data\": 1, \"id\": \"#\"}]"),
            400,
            "Bad id",
            Some((3, 33)),
            "#",
        ),
    ] {
        let answer = hub.ask(post(kind, &body));
        let detail = answer.problem(status, title);
        assert!(detail.contains(told), "{body}: {detail}");
        let problem = answer.json();
        let found = problem["line"].as_u64().zip(problem["column"].as_u64());
        assert_eq!(found, place, "{body}");
    }
}

#[test]
fn how_much_one_request_may_hold_is_limited() {
    let hub = Hub::with(&["--limit-topics", "2", "--limit-updates", "2"]);
    let detail = hub.ask(post(FORM, "topic=a&topic=b&topic=c")).problem(400, "Too many topics");
    assert!(detail.contains("--limit-topics"));
    let update = json!({ "topic": "a", "data": 1 });
    let detail =
        hub.ask(post(JSON, &json!([update, update, update]).to_string())).problem(400, "Too many updates");
    assert!(detail.contains("--limit-updates"));
}
