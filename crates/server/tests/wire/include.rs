//! What a stream tells beside the updates, to those who ask: cursors, topics, selectors.

use crate::harness::{Hub, grant};

/// The event's line of this name.
fn field<'a>(event: &'a str, name: &str) -> Vec<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    event.lines().filter_map(value).collect()
}

/// It is a block of an id and the cursor that the id says, and nothing else; answers the id.
#[track_caller]
fn position(block: &str) -> String {
    let id = field(block, "id")[0];
    assert_eq!(block, format!("id: {id}\ncursor: {}\n\n", &id[1..]));
    id.to_owned()
}

#[test]
fn who_asks_for_cursors_knows_where_it_is_before_the_first_event() {
    let hub = Hub::start();
    hub.publish("topic=b&data=old");
    let mut stream = hub.subscribe("?topic=a&include=cursor");
    // Where it begins, and that there is nothing to replay.
    let opening = position(&stream.event());
    assert_eq!(position(&stream.event()), opening);
    drop(stream);
    let missed = hub.publish("topic=a&data=missed&id=mine");
    assert_eq!(missed, "mine");
    let cursor = opening.replace('#', "%23");
    let mut again = hub.subscribe(&format!("?topic=a&include=cursor&lastEventID={cursor}"));
    assert_eq!(position(&again.event()), opening);
    let event = again.event();
    assert_eq!((field(&event, "id"), field(&event, "data")), (vec!["mine"], vec!["missed"]));
    // Replay has ended: at the event's own cursor, which its id does not say.
    let after = position(&again.event());
    assert_eq!(field(&event, "cursor"), [&after[1..]]);
    let live = hub.publish("topic=a&data=live");
    let event = again.event();
    assert_eq!((field(&event, "id"), field(&event, "cursor")), (vec![live.as_str()], vec![&live[1..]]));
}

#[test]
fn a_heartbeat_says_where_the_stream_is_once_it_has_advanced() {
    let hub = Hub::with(&["--heartbeat", "200ms"]);
    let mut stream = hub.subscribe("?topic=a&include=cursor");
    assert_eq!(stream.head.header("headwater-heartbeat"), Some("1"));
    let opening = position(&stream.event());
    position(&stream.event());
    assert_eq!(stream.event(), ":\n", "it has not advanced");
    let elsewhere = hub.publish("topic=b&data=x");
    let block = loop {
        let event = stream.event();
        if event != ":\n" {
            break event;
        }
    };
    assert_eq!(position(&block), elsewhere);
    assert_ne!(opening, elsewhere);
    assert_eq!(stream.event(), ":\n", "and is told once");
}

#[test]
fn a_hub_without_heartbeats_says_so() {
    let hub = Hub::with(&["--heartbeat", "0"]);
    assert_eq!(hub.subscribe("?topic=a").head.header("headwater-heartbeat"), Some("0"));
}

#[test]
fn who_asks_for_topics_is_told_its_own_and_by_what_they_match() {
    let hub = Hub::start();
    let mut stream = hub.subscribe("?topic=news/%7Bid%7D&topic=news/1&topic=x&include=topic,selector");
    hub.publish("topic=news/1&topic=secret/of/others&topic=news/2&data=y");
    let event = stream.event();
    assert_eq!(field(&event, "topic"), ["news/1", "news/2"]);
    assert_eq!(field(&event, "selector"), ["news/{id}", "news/1"]);
    let names: Vec<_> = event.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["id", "topic", "topic", "selector", "selector", "data", ""]);

    let authorization = format!("Authorization: Bearer {}", grant(&[], &["mine"]));
    let mut private = hub.subscribe_with("?topic=*&include=topic", &[&authorization]);
    hub.publish("topic=mine&topic=yours&private=on&data=z");
    assert_eq!(field(&private.event(), "topic"), ["mine"], "the other one is not granted");
}

#[test]
fn who_asks_for_nothing_gets_what_the_protocol_has() {
    let hub = Hub::start();
    let mut plain = hub.subscribe("?topic=a");
    let mut told = hub.subscribe("?topic=a&include=cursor,topic");
    position(&told.event());
    position(&told.event());
    let id = hub.publish("topic=a&data=x&type=t");
    assert_eq!(plain.event(), format!("event: t\nid: {id}\ndata: x\n\n"));
    assert_eq!(told.event(), format!("event: t\nid: {id}\ncursor: {}\ntopic: a\ndata: x\n\n", &id[1..]));
}
