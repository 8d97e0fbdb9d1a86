//! `DELETE`: what a topic held is gone.

use crate::harness::{Answer, FORM, Hub, Stream, bearer, grant, request};

fn delete(hub: &Hub, query: &str, headers: &[&str]) -> Answer {
    hub.ask(request("DELETE", query, headers, ""))
}

/// Purges these topics; answers how many updates are gone.
#[track_caller]
fn purge(hub: &Hub, topics: &[&str]) -> u64 {
    let topics: Vec<_> = topics
        .iter()
        .map(|topic| {
            format!("topic={}", form_urlencoded::byte_serialize(topic.as_bytes()).collect::<String>())
        })
        .collect();
    let answer = delete(hub, &format!("?{}", topics.join("&")), &[&bearer()]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()["purged"].as_u64().expect("a count")
}

/// All that is replayed, private ones too, up to now.
#[track_caller]
fn replay(hub: &Hub, topic: &str, since: &str) -> Vec<String> {
    let end = hub.publish("topic=the-end&data=end");
    let token = format!("Authorization: Bearer {}", grant(&[], &["*"]));
    let query = format!("?topic=the-end&topic={topic}");
    let mut stream: Stream = hub.subscribe_with(&query, &[&token, &format!("Last-Event-ID: {since}")]);
    let last = format!("id: {end}\ndata: end\n\n");
    std::iter::repeat_with(|| stream.event())
        .take_while(|event| *event != last)
        .filter(|event| !event.ends_with("data: end\n\n"))
        .collect()
}

/// Two topics, an update of both, and one that only looks alike.
fn fill(hub: &Hub) -> Vec<String> {
    [
        "topic=/users/7&data=psst-1",
        "topic=/users/8&data=2",
        "topic=/users/7&data=psst-3&private=on&id=chosen-psst",
        "topic=/users/8&topic=/users/7&data=psst-4",
        "topic=/users/77&data=5",
        "topic=/users/8&data=6&private=on&id=six",
    ]
    .map(|form| hub.publish(form))
    .into()
}

#[test]
fn several_topics_are_purged_at_once_and_each_is_exact() {
    let hub = Hub::start();
    fill(&hub);
    hub.publish("topic=*&data=star");
    for nothing in ["/users/{id}", "/users", "/users/7/", "/Users/7"] {
        assert_eq!(purge(&hub, &[nothing]), 0, "{nothing}");
    }
    assert_eq!(purge(&hub, &["*"]), 1, "an asterisk is a topic like any other");
    // One update has both topics, and counts once.
    assert_eq!(purge(&hub, &["/users/7", "/users/8"]), 5);
    assert_eq!(replay(&hub, "*", "earliest").len(), 1);
}

#[test]
fn it_takes_a_publish_grant_for_every_topic() {
    let hub = Hub::with(&["--publish-origin", "https://app.example"]);
    fill(&hub);
    let token = |publish: &[&str]| format!("Authorization: Bearer {}", grant(publish, &["*"]));
    let cookie = format!("Cookie: mercureAuthorization={}", grant(&["*"], &[]));
    let (seven, eight) = ("?topic=/users/7", "?topic=/users/7&topic=/users/8");
    delete(&hub, seven, &[]).problem(401, "No token");
    delete(&hub, seven, &["Authorization: Bearer SECRET"]).problem(401, "Bad token");
    delete(&hub, seven, &[&token(&[])]).problem(403, "Not granted");
    delete(&hub, seven, &[&token(&["/users/8"])]).problem(403, "Not granted");
    // All or nothing.
    let detail = delete(&hub, eight, &[&token(&["/users/7"])]).problem(403, "Not granted");
    assert!(detail.contains("/users/8"), "{detail}");
    // Any page could have its visitors do it.
    delete(&hub, seven, &[&cookie]).problem(403, "Foreign origin");
    delete(&hub, seven, &[&cookie, "Origin: https://evil.example"]).problem(403, "Foreign origin");
    assert_eq!(replay(&hub, "*", "earliest").len(), 6, "nothing is gone yet");

    let answer = delete(&hub, seven, &[&cookie, "Origin: https://app.example"]);
    assert_eq!((answer.status, answer.text()), (200, r#"{"purged":3}"#));
    let answer = delete(&hub, eight, &[&token(&["/users/{id}"])]);
    assert_eq!((answer.status, answer.text()), (200, r#"{"purged":2}"#));
}

#[test]
fn what_to_purge_is_in_the_query() {
    let hub = Hub::with(&["--limit-topics", "2", "--cors-origin", "https://app.example"]);
    fill(&hub);
    for query in ["", "?", "?topics=/users/7", "?lastEventID=/users/7"] {
        delete(&hub, query, &[&bearer()]).problem(400, "No topic");
    }
    for query in ["?topic=", "?topic=/users/7&topic=", "?topic=a%00"] {
        delete(&hub, query, &[&bearer()]).problem(400, "Bad topic");
    }
    delete(&hub, "?topic=a&topic=b&topic=c", &[&bearer()]).problem(400, "Too many topics");
    // Not in a body, which some proxies drop.
    hub.ask(request("DELETE", "", &[&bearer(), FORM], "topic=/users/7")).problem(400, "No topic");
    assert_eq!(replay(&hub, "*", "earliest").len(), 6);
    let answer = delete(&hub, "?topic=/users/7", &[&bearer(), "Origin: https://app.example"]);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
}
