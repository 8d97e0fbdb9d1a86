//! Private updates: who is granted one of its topics, and subscribed to one, gets it.

use crate::harness::{Hub, Stream, grant, request, token};
use serde_json::json;

fn subscribe(hub: &Hub, topics: &[&str], granted: &[&str], since: &str) -> Stream {
    let query: Vec<_> = topics.iter().map(|t| format!("topic={t}")).collect();
    let authorization = format!("Authorization: Bearer {}", grant(&[], granted));
    let since = format!("Last-Event-ID: {since}");
    hub.subscribe_with(&format!("?topic=end&{}", query.join("&")), &[&authorization, &since])
}

#[test]
fn both_the_grant_and_a_selector_must_match_one_of_the_topics() {
    let hub = Hub::start();
    let cases: [(&[&str], &[&str], bool); 10] = [
        (&["canonical"], &["canonical"], true),
        (&["canonical"], &["alternate"], true),
        (&["alternate"], &["canonical"], true),
        (&["alternate"], &["alternate"], true),
        (&["*"], &["canonical"], true),
        (&["canonical"], &["*"], true),
        (&["canonical"], &["{x}"], true),
        (&["canonical"], &["other"], false),
        (&["canonical"], &[], false),
        (&["other"], &["*"], false),
    ];
    let live: Vec<_> =
        cases.iter().map(|(topics, granted, _)| subscribe(&hub, topics, granted, "")).collect();
    let mut anonymous = hub.subscribe("?topic=end&topic=*");
    hub.publish("topic=canonical&topic=alternate&private=on&data=private");
    hub.publish("topic=end&data=end");
    assert_eq!(anonymous.data(), "end");
    let expected = |sees: bool| if sees { ["private", "end"].to_vec() } else { vec!["end"] };
    for (mut stream, (topics, granted, sees)) in live.into_iter().zip(cases) {
        for data in expected(sees) {
            assert_eq!(stream.data(), data, "live: {topics:?} {granted:?}");
        }
        let mut replay = subscribe(&hub, topics, granted, "earliest");
        for data in expected(sees) {
            assert_eq!(replay.data(), data, "replay: {topics:?} {granted:?}");
        }
    }
    let mut replay = hub.subscribe("?topic=*&lastEventID=earliest");
    assert_eq!(replay.data(), "end");
}

#[test]
fn public_updates_need_no_grant() {
    let hub = Hub::start();
    let mut stream = subscribe(&hub, &["a"], &["other"], "");
    hub.publish("topic=a&data=public");
    assert_eq!(stream.data(), "public");
}

#[test]
fn a_token_without_our_claim_subscribes_to_what_is_public() {
    let hub = Hub::with(&["--anonymous=false"]);
    for claims in
        [json!({}), json!({"mercure": {}}), json!({"mercure": {"subscribe": null}}), json!({"sub": "me"})]
    {
        let authorization = format!("Authorization: Bearer {}", token(&claims));
        let mut stream = hub.subscribe_with("?topic=a", &[&authorization]);
        hub.publish("topic=a&private=on&data=private");
        hub.publish("topic=a&data=public");
        assert_eq!(stream.data(), "public", "{claims}");
    }
}

#[test]
fn the_claim_with_the_protocols_name_counts_before_the_short_one() {
    let hub = Hub::start();
    let claims = json!({"mercure": {"subscribe": ["a"]}, "https://mercure.rocks/": {"subscribe": ["b"]}});
    let authorization = format!("Authorization: Bearer {}", token(&claims));
    let mut stream = hub.subscribe_with("?topic=a&topic=b", &[&authorization]);
    hub.publish("topic=a&private=on&data=a");
    hub.publish("topic=b&private=on&data=b");
    assert_eq!(stream.data(), "b");
    let bad = json!({"mercure": {"subscribe": "*"}});
    let authorization = format!("Authorization: Bearer {}", token(&bad));
    hub.ask(request("GET", "?topic=a", &[&authorization], "")).problem(401, "Bad token");
}
