//! `Last-Event-ID`: where a stream starts, and what the answer says of it.

use serde_json::{Value, json};

use crate::harness::{Hub, NDJSON, Stream, post};

fn escaped(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

fn since(hub: &Hub, id: &str) -> Stream {
    hub.subscribe_with("?topic=a", &[&format!("Last-Event-ID: {id}")])
}

/// What is sent next are these, in this order.
#[track_caller]
fn next(stream: &mut Stream, data: &[&str]) {
    for data in data {
        assert_eq!(stream.data(), *data);
    }
}

#[test]
fn without_a_cursor_a_stream_starts_now_and_says_nothing() {
    let hub = Hub::start();
    hub.publish("topic=a&data=old");
    for query in ["?topic=a", "?topic=a&lastEventID=", "?topic=a&lastEventId=&lastEventID="] {
        let mut stream = hub.subscribe(query);
        assert_eq!(stream.after(), None, "{query}");
        hub.publish("topic=a&data=new");
        next(&mut stream, &["new"]);
    }
    let mut stream = since(&hub, "");
    assert_eq!(stream.after(), None);
    hub.publish("topic=a&data=new");
    next(&mut stream, &["new"]);
}

#[test]
fn a_known_id_is_echoed_and_what_followed_it_is_sent() {
    let hub = Hub::start();
    let generated = hub.publish("topic=a&data=1");
    hub.publish("topic=b&data=2&id=urn:elsewhere");
    hub.publish("topic=a&data=3&id=chosen");
    hub.publish("topic=a&data=4&private=on&id=private");
    let last = hub.publish("topic=a&data=5&id=gr%C3%BCn");
    assert_eq!(last, "grün");

    for (id, sent) in [
        (generated.as_str(), &["3", "5"][..]),
        // Also one of another topic, or one that this subscriber may not see.
        ("urn:elsewhere", &["3", "5"]),
        ("chosen", &["5"]),
        ("private", &["5"]),
    ] {
        let mut stream = since(&hub, id);
        assert_eq!(stream.after(), Some(id));
        next(&mut stream, sent);
    }
    // And one that nothing follows.
    let mut stream = since(&hub, "grün");
    assert_eq!(stream.after(), Some("grün"));
    hub.publish("topic=a&data=live");
    next(&mut stream, &["live"]);
}

#[test]
fn an_id_that_is_used_again_means_its_first() {
    let hub = Hub::start();
    for data in ["1", "2", "3"] {
        assert_eq!(hub.publish(&format!("topic=a&id=same&data={data}")), "same");
    }
    let mut stream = since(&hub, "same");
    assert_eq!(stream.after(), Some("same"));
    next(&mut stream, &["2", "3"]);
}

#[test]
fn earliest_replays_all() {
    let hub = Hub::start();
    let mut empty = since(&hub, "earliest");
    assert_eq!(empty.after(), Some("earliest"));
    hub.publish("topic=a&data=1");
    hub.publish("topic=a&data=2");
    next(&mut empty, &["1", "2"]);
    let mut stream = hub.subscribe("?topic=a&lastEventID=earliest");
    assert_eq!(stream.after(), Some("earliest"));
    next(&mut stream, &["1", "2"]);
}

#[test]
fn an_unknown_id_replays_all_and_the_answer_tells() {
    let hub = Hub::start();
    let known = hub.publish("topic=a&data=1");
    let (epoch, _) = known.split_once('-').unwrap();
    hub.publish("topic=a&data=2");
    for id in ["never", "Earliest", "#", &format!("{epoch}-3"), &format!("{epoch}-01"), "#000000000000-1"] {
        let mut stream = since(&hub, id);
        assert_eq!(stream.after(), Some("earliest"), "{id}");
        next(&mut stream, &["1", "2"]);
    }
}

#[test]
fn an_id_that_is_no_longer_held_replays_what_is() {
    let hub = Hub::with(&["--retain-count", "2"]);
    let forgotten = hub.publish("topic=a&data=1");
    let ids: Vec<_> = ["2", "3", "4"].iter().map(|n| hub.publish(&format!("topic=a&data={n}"))).collect();
    let mut stream = since(&hub, &forgotten);
    assert_eq!(stream.after(), Some("earliest"));
    next(&mut stream, &["3", "4"]);
    // Of the one that was forgotten last, nothing after it is missing.
    let mut stream = since(&hub, &ids[0]);
    assert_eq!(stream.after(), Some(&*ids[0]));
    next(&mut stream, &["3", "4"]);
}

#[test]
fn an_unknown_id_may_start_now_instead() {
    let hub = Hub::with(&["--unknown-cursor", "live"]);
    assert_eq!(since(&hub, "never").after(), Some("earliest"));
    let id = hub.publish("topic=a&data=1");
    let mut stream = since(&hub, "never");
    assert_eq!(stream.after(), Some(&*id));
    hub.publish("topic=a&data=2");
    next(&mut stream, &["2"]);
    // Known ones are as ever.
    next(&mut since(&hub, &id), &["2"]);
}

#[test]
fn the_header_counts_before_the_query_and_its_old_names_before_the_protocols() {
    let hub = Hub::start();
    for n in 1..=3 {
        hub.publish(&format!("topic=a&id={n}"));
    }
    for (query, header, after) in [
        ("lastEventID=1", Some("2"), "2"),
        ("lastEventID=1", Some(""), "1"),
        ("lastEventID=1&lastEventId=2", None, "2"),
        ("last_event_id=2&lastEventID=1", None, "2"),
        ("lastEventID=1&Last-Event-ID=2", None, "2"),
        ("lastEventId=1&lastEventID=2&lastEventId=3", None, "3"),
        ("lastEventID=1&lastEventID=2", None, "2"),
        ("lasteventid=1&lastEventID=2", None, "2"),
    ] {
        let header = header.map(|id| format!("Last-Event-ID: {id}"));
        let headers: Vec<_> = header.iter().map(String::as_str).collect();
        let stream = hub.subscribe_with(&format!("?topic=a&{query}"), &headers);
        assert_eq!(stream.after(), Some(after), "{query} {header:?}");
    }
}

#[test]
fn replay_goes_over_into_the_live_stream_without_a_seam() {
    let hub = Hub::start();
    let mut sent = Vec::new();
    let lines: Vec<_> = (0..2000).map(|n| format!("{{\"topic\":\"a\",\"data\":{n}}}\n")).collect();
    let answer = hub.ask(post(NDJSON, &lines.concat()));
    for line in answer.text().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        sent.push(line["id"].as_str().unwrap().to_owned());
    }
    let mut stream = since(&hub, &sent[9]);
    for n in 2000..2100 {
        sent.push(hub.publish(&format!("topic=a&data={n}")));
    }
    for (n, id) in sent.iter().enumerate().skip(10) {
        assert_eq!(stream.event(), format!("id: {id}\ndata: {n}\n\n"));
    }
}

#[test]
fn a_gap_is_told_inside_the_stream_to_who_asks() {
    let hub = Hub::start();
    let id = hub.publish("topic=a&data=1");
    let (epoch, _) = id.split_once('-').unwrap();
    let gap = |stream: &mut Stream, from: &str, to: u32| {
        let event = stream.event();
        let before = format!("event: headwater:gap\nid: {epoch}-{}\ndata: ", to - 1);
        let told = event.strip_prefix(&before).unwrap_or_else(|| panic!("{event:?}"));
        let told: Value = serde_json::from_str(told).unwrap();
        assert_eq!(told, json!({ "from": from, "to": format!("{epoch}-{to}") }));
    };
    for strange in ["never", "#000000000000-7", "\"\\\u{1}\n", "grün"] {
        let query = format!("?topic=a&include=gap&lastEventID={}", escaped(strange));
        let mut stream = hub.subscribe(&query);
        assert_eq!(stream.after(), Some("earliest"));
        gap(&mut stream, strange, 1);
        next(&mut stream, &["1"]);
    }
    // No gap, no event; and none for who did not ask.
    next(&mut hub.subscribe("?topic=a&include=gap&lastEventID=earliest"), &["1"]);
    next(&mut hub.subscribe("?topic=a&lastEventID=never"), &["1"]);

    let hub = Hub::with(&["--unknown-cursor", "live"]);
    let id = hub.publish("topic=a&data=1");
    let (epoch, _) = id.split_once('-').unwrap();
    let mut stream = hub.subscribe("?topic=a&include=gap&lastEventID=never");
    assert!(stream.event().contains(&format!("{{\"from\":\"never\",\"to\":\"{epoch}-2\"}}")));
}

/// Of a million bytes each: more than the hub keeps for those who are connected and a little behind.
const MORE_THAN_FITS: usize = 45;

#[test]
fn who_is_overtaken_by_retention_is_told_or_has_to_come_again() {
    let hub = Hub::with(&["--retain-count", "5", "--write-timeout", "1h"]);
    let mut told = hub.subscribe_narrow("?topic=a&include=gap");
    let mut cut = hub.subscribe_narrow("?topic=a");
    let data = "x".repeat(1_000_000);
    for n in 0..MORE_THAN_FITS {
        hub.publish(&format!("topic=a&id={n}&data={data}"));
    }
    let mut gaps = 0;
    loop {
        let event = told.event();
        gaps += usize::from(event.starts_with("event: headwater:gap\n"));
        if event.starts_with(&format!("id: {}\n", MORE_THAN_FITS - 1)) {
            break;
        }
    }
    assert_eq!(gaps, 1);

    let mut last = String::new();
    while let Some(chunk) = cut.client.chunk() {
        let event = String::from_utf8(chunk).unwrap();
        last = event.lines().next().unwrap().strip_prefix("id: ").expect("whole events only").to_owned();
    }
    let again = since(&hub, &last);
    assert_eq!(
        again.after(),
        Some("earliest"),
        "the next connection's answer tells that something is missing"
    );
}

#[test]
fn what_a_cursor_holds_is_never_written_into_the_head() {
    let hub = Hub::start();
    let stream = hub.subscribe("?topic=a&lastEventID=%0D%0AX-Injected:%201");
    assert_eq!((stream.after(), stream.head.header("x-injected")), (Some("earliest"), None));
}
