//! `DELETE`: what a topic held is gone, from memory, from the disk and from every answer.

use crate::harness::{Answer, Data, FORM, Hub, Stream, bearer, grant, request, until};

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
fn what_was_purged_is_not_served_from_the_answer_on() {
    let data = Data::new();
    for hub in [Hub::start(), data.start()] {
        let ids = fill(&hub);
        let others =
            [(1, "2"), (4, "5"), (5, "6")].map(|(n, data)| format!("id: {}\ndata: {data}\n\n", ids[n]));
        assert_eq!(replay(&hub, "*", "earliest").len(), 6);
        assert_eq!(purge(&hub, &["/users/7"]), 3);
        assert_eq!(replay(&hub, "*", "earliest"), others);
        assert_eq!(replay(&hub, "/users/7", "earliest"), [""; 0]);
        // A place is still a place, also that of an update which is gone.
        assert_eq!(replay(&hub, "*", &ids[0]), others);
        assert_eq!(replay(&hub, "*", &ids[1]), others[1..]);
        // There is nothing left to purge, and the topic is as good as new.
        assert_eq!(purge(&hub, &["/users/7"]), 0);
        let id = hub.publish("topic=/users/7&data=again");
        assert_eq!(replay(&hub, "/users/7", "earliest"), [format!("id: {id}\ndata: again\n\n")]);
    }
}

#[test]
fn it_stays_gone_whatever_happens_to_the_process() {
    for end in [Hub::stop as fn(Hub), Hub::kill] {
        let data = Data::new();
        let hub = data.start();
        fill(&hub);
        let before = replay(&hub, "/users/8", "earliest");
        assert_eq!(purge(&hub, &["/users/7"]), 3);
        end(hub);
        let hub = data.start();
        assert_eq!(replay(&hub, "/users/7", "earliest"), [""; 0]);
        // The update of both topics was the other one's too.
        let after: Vec<_> = before.into_iter().filter(|event| !event.contains("psst")).collect();
        assert_eq!(replay(&hub, "/users/8", "earliest"), after);
        hub.stop();
    }
}

#[test]
fn no_byte_of_it_stays_on_the_disk() {
    let data = Data::new();
    let hub = data.start_with(&["--retain-bytes", "4MiB"]);
    let filler = "x".repeat(10_000);
    // Over several files, of which all but the last are sealed.
    for n in 0..200 {
        let topic = if n % 50 == 0 { "/people/jane" } else { "/people/joe" };
        hub.publish(&format!("topic={topic}&data=of-{topic}-{n}-{filler}&id=urn:{topic}:{n}"));
    }
    let traces = ["of-/people/jane", "urn:/people/jane", "/people/jane"];
    for trace in traces {
        assert!(data.files_with(trace).len() > 1, "{trace}");
    }
    assert_eq!(purge(&hub, &["/people/jane"]), 4);
    for trace in traces {
        until("it is overwritten", || data.files_with(trace).is_empty().then_some(()));
    }
    // Nor does it come back when all of it is read again.
    hub.stop();
    let hub = data.start();
    for trace in traces {
        assert_eq!(data.files_with(trace), [""; 0]);
    }
    assert_eq!(replay(&hub, "*", "earliest").len(), 196);
    hub.stop();
}

#[test]
fn who_is_connected_and_behind_does_not_get_it_either() {
    let data = Data::new();
    let hub = data.start_with(&["--write-timeout", "1h"]);
    let mut slow = hub.subscribe_narrow("?topic=*");
    // More than the kernel takes for a reader that does not read.
    let filler = "x".repeat(1_000_000);
    for n in 0..10 {
        hub.publish(&format!("topic=public&data={n}-{filler}"));
    }
    hub.publish("topic=/users/7&data=psst");
    assert_eq!(purge(&hub, &["/users/7"]), 1);
    hub.publish("topic=public&data=last");
    for n in 0..10 {
        assert!(slow.data().starts_with(&format!("{n}-")));
    }
    assert_eq!(slow.data(), "last");
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
