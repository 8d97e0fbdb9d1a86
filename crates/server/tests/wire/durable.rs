//! History on disk: what was acknowledged is there after a stop and after a crash, and who comes back misses nothing.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Data, FORM, Hub, JSON, NDJSON, Stream, bearer, grant, post, request, until};

type End = fn(Hub);

/// How a hub may end.
const ENDS: [(&str, End); 2] = [("stop", Hub::stop), ("kill", Hub::kill)];

fn since(hub: &Hub, id: &str) -> Stream {
    hub.subscribe_with("?topic=a", &[&format!("Last-Event-ID: {id}")])
}

/// Nothing else is sent before what is published now.
#[track_caller]
fn is_at_the_end(hub: &Hub, mut stream: Stream) {
    let id = hub.publish("topic=a&data=end");
    assert_eq!(stream.event(), format!("id: {id}\ndata: end\n\n"));
}

/// An id of the hub's making, in its two parts.
#[track_caller]
fn parts(id: &str) -> (&str, u64) {
    let (epoch, offset) = id.split_once('-').expect("the hub made it");
    (epoch, offset.parse().expect("an offset"))
}

#[test]
fn what_was_answered_is_replayed_as_before() {
    for (how, end) in ENDS {
        let data = Data::new();
        let hub = data.start();
        let first = hub.publish("topic=a&data=1");
        hub.publish("topic=elsewhere&topic=a&data=2&id=chosen");
        hub.publish("topic=a&data=3&id=hidden&private=on");
        let last = hub.publish("topic=a&data=4%0A4&type=t&retry=7");
        end(hub);

        let hub = data.start();
        let one = format!("id: {first}\ndata: 1\n\n");
        let two = "id: chosen\ndata: 2\n\n";
        let three = "id: hidden\ndata: 3\n\n";
        let four = format!("event: t\nretry: 7\nid: {last}\ndata: 4\ndata: 4\n\n");
        for (id, events) in [
            ("earliest", &[&one, two, &four][..]),
            (&first, &[two, &four]),
            ("chosen", &[&four]),
            ("hidden", &[&four]),
            (&last, &[]),
        ] {
            let mut stream = since(&hub, id);
            assert_eq!(stream.after(), Some(id), "{how}");
            for event in events {
                assert_eq!(stream.event(), **event, "{how}: since {id}");
            }
        }
        // A private one still is for those alone whose token admits it.
        let token = format!("Authorization: Bearer {}", grant(&[], &["a"]));
        let mut granted = hub.subscribe_with("?topic=*", &[&token, "Last-Event-ID: chosen"]);
        assert_eq!((granted.event().as_str(), granted.event()), (three, four));
    }
}

#[test]
fn the_numbering_goes_on_and_only_a_crash_begins_an_epoch() {
    let data = Data::new();
    let ends = [Hub::stop as End, Hub::stop, Hub::kill, Hub::stop];
    let ids = ends.map(|end| data.start().id_and_end("topic=a&data=x", end));
    for pair in ids.windows(2) {
        assert_eq!(parts(&pair[1]).1, parts(&pair[0]).1 + 1, "{ids:?}");
    }
    let epochs: Vec<_> = ids.iter().map(|id| parts(id).0).collect();
    assert!(epochs[0] == epochs[1] && epochs[1] == epochs[2] && epochs[2] != epochs[3], "{ids:?}");

    // Each of them resumes exactly where it says.
    let hub = data.start();
    for (n, id) in ids.iter().enumerate() {
        let mut stream = since(&hub, id);
        assert_eq!(stream.after(), Some(id.as_str()));
        for later in &ids[n + 1..] {
            assert!(stream.event().contains(&format!("id: {later}\n")));
        }
    }
    // The old epoch ended where it did: its name with a later offset was never given.
    let (old, new) = (parts(&ids[2]), parts(&ids[3]));
    let never = format!("{}-{}", old.0, new.1);
    assert_eq!(since(&hub, &never).after(), Some("earliest"));
}

#[test]
fn who_was_connected_comes_back_and_misses_nothing() {
    let data = Data::new();
    let mut sent = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for round in 0..4 {
        let hub = data.start();
        let cursor = seen.last().map_or("earliest", String::as_str);
        let mut stream = hub.subscribe(&format!("?topic=a&lastEventID={}", cursor.replace('#', "%23")));
        assert_eq!(stream.after(), Some(cursor));
        sent.extend((0..10).map(|n| hub.publish(&format!("topic=a&data={round}.{n}"))));
        // It sees some of them; the others come in the next round.
        while seen.len() < sent.len() - 3 {
            let event = stream.event();
            let id = event.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id");
            seen.push(id.to_owned());
        }
        ENDS[round % 2].1(hub);
    }
    assert_eq!(seen, sent[..seen.len()]);
    let hub = data.start();
    let mut stream = since(&hub, seen.last().unwrap());
    for id in &sent[seen.len()..] {
        assert!(stream.event().contains(&format!("id: {id}\n")));
    }
    is_at_the_end(&hub, stream);
}

#[test]
fn a_publish_that_is_sent_again_counts_once_across_restarts() {
    const LINES: &str = "{\"topic\":\"a\",\"data\":\"1\"}\n{\"topic\":\"a\",\"data\":\"2\"}\n";
    let cases = [
        (FORM, "topic=a&data=form"),
        (FORM, "topic=a&data=chosen&id=mine"),
        (JSON, r#"[{"topic": "a", "data": "x"}, {"topic": "b", "data": "y"}]"#),
        (NDJSON, LINES),
    ];
    let keyed = |hub: &Hub, key: usize, form: &str, body: &str| {
        let key = format!("Idempotency-Key: key {key}");
        hub.ask(request("POST", "", &[&bearer(), form, &key], body))
    };
    for (how, end) in ENDS {
        let data = Data::new();
        let hub = data.start();
        let answers: Vec<_> = cases
            .iter()
            .enumerate()
            .map(|(key, (form, body))| keyed(&hub, key, form, body).text().to_owned())
            .collect();
        end(hub);

        let hub = data.start();
        let last = hub.publish("topic=other");
        for (key, (form, body)) in cases.iter().enumerate() {
            let again = keyed(&hub, key, form, body);
            assert_eq!((again.status, again.text()), (200, answers[key].as_str()), "{how}: {body}");
        }
        // More lines under the same key: those that are new are published.
        let more = format!("{LINES}{{\"topic\":\"a\",\"data\":\"3\"}}\n");
        let again = keyed(&hub, 3, NDJSON, &more);
        assert!(again.text().starts_with(&answers[3]) && again.text().lines().count() == 3, "{how}");
        keyed(&hub, 0, FORM, "topic=a&data=another").problem(422, "Idempotency key reused");
        let mut stream = since(&hub, &last);
        assert_eq!(stream.data(), "3", "{how}: all others were there before");
        is_at_the_end(&hub, stream);
    }
}

#[test]
fn what_is_past_the_limits_is_gone_after_a_restart_too() {
    let data = Data::new();
    let hub = data.start_with(&["--retain-count", "2"]);
    let ids: Vec<_> = (1..=4).map(|n| hub.publish(&format!("topic=a&data={n}&id=c{n}"))).collect();
    let made = hub.publish("topic=a&data=5");
    let (epoch, offset) = parts(&made);
    let offset_id = |back: u64| format!("{epoch}-{}", offset - back);
    hub.stop();
    for _ in 0..2 {
        let hub = data.start_with(&["--retain-count", "2"]);
        for lost in [&ids[0], &ids[1], "never", &offset_id(3), &format!("{epoch}-{}", offset + 1)] {
            let mut stream = since(&hub, lost);
            assert_eq!(stream.after(), Some("earliest"), "{lost}");
            assert_eq!((stream.data(), stream.data()), ("4".into(), "5".into()));
        }
        let mut stream = since(&hub, &ids[3]);
        assert_eq!(stream.after(), Some("c4"));
        assert_eq!(stream.data(), "5");
        // Nothing is missing after the one that was dropped last.
        let id = offset_id(2);
        assert_eq!(since(&hub, &id).after(), Some(&*id));
        hub.stop();
    }
}

#[test]
fn a_gap_is_told_inside_the_stream_to_who_asks_after_a_restart() {
    for (how, end) in ENDS {
        let data = Data::new();
        let hub = data.start_with(&["--retain-count", "2"]);
        let first = hub.publish("topic=a&data=1");
        for n in 2..=4 {
            hub.publish(&format!("topic=a&data={n}"));
        }
        end(hub);
        let hub = data.start_with(&["--retain-count", "2"]);
        let (epoch, _) = parts(&first);
        for strange in [&first, "never"] {
            let id = strange.replace('#', "%23");
            let mut stream = hub.subscribe(&format!("?topic=a&include=gap&lastEventID={id}"));
            assert_eq!(stream.after(), Some("earliest"));
            let event = stream.event();
            let told = event.strip_prefix(&format!("event: headwater:gap\nid: {epoch}-2\ndata: "));
            let told: Value =
                serde_json::from_str(told.unwrap_or_else(|| panic!("{how}: {event:?}"))).unwrap();
            assert_eq!(told, json!({ "from": strange, "to": format!("{epoch}-3") }), "{how}");
            assert_eq!((stream.data(), stream.data()), ("3".into(), "4".into()));
        }
    }
}

#[test]
fn some_topics_are_forgotten_sooner_and_that_is_no_gap() {
    let data = Data::new();
    let config = data.folder().join("hub.toml");
    fs::write(&config, "[[retain]]\nselector = '/short/{x}'\nage = '200ms'\n").unwrap();
    let flags = ["--config", config.to_str().unwrap()];
    let hub = data.start_with(&flags);
    let before = hub.publish("topic=long&data=1");
    hub.publish("topic=/short/1&data=2");
    hub.publish("topic=long&data=3");
    let replay = |hub: &Hub| {
        let query = format!("?topic=*&include=gap&lastEventID={}", before.replace('#', "%23"));
        let mut stream = hub.subscribe(&query);
        assert_eq!(stream.after(), Some(&*before));
        stream.data()
    };
    until("the short one is forgotten", || (replay(&hub) == "3").then_some(()));
    hub.kill();
    assert_eq!(replay(&data.start_with(&flags)), "3");
}

#[test]
fn replay_goes_over_from_the_disk_into_the_live_stream_without_a_seam() {
    let data = Data::new();
    let lines: Vec<_> = (0..5000).map(|n| format!("{{\"topic\":\"a\",\"data\":{n}}}\n")).collect();
    let hub = data.start();
    hub.ask(post(NDJSON, &lines.concat()));
    hub.kill();
    let hub = data.start();
    let mut stream = since(&hub, "earliest");
    std::thread::scope(|scope| {
        scope.spawn(|| (5000..5200).for_each(|n| drop(hub.publish(&format!("topic=a&data={n}")))));
        for n in 0..5200 {
            assert_eq!(stream.data(), n.to_string());
        }
    });
}

/// Of a million bytes each: more than the hub keeps in memory for those who are a little behind.
const MORE_THAN_FITS: usize = 45;

#[test]
fn who_is_left_behind_by_memory_catches_up_from_the_disk_or_is_closed() {
    let data = "x".repeat(1_000_000);
    for policy in ["catch-up", "close"] {
        let place = Data::new();
        let hub = place.start_with(&["--write-timeout", "1h", "--slow-reader", policy]);
        let mut slow = hub.subscribe_narrow("?topic=a");
        for n in 1..=MORE_THAN_FITS {
            hub.publish(&format!("topic=a&id={n}&data={data}"));
        }
        let mut seen = 0;
        let mut take = |event: String| {
            seen += 1;
            assert!(event.starts_with(&format!("id: {seen}\n")), "{policy}: {}", event.len());
            seen
        };
        if policy == "close" {
            // All of it in order as far as it goes, and the rest from there.
            let mut last = 0;
            while let Some(chunk) = slow.client.chunk() {
                last = take(String::from_utf8(chunk).unwrap());
            }
            assert!(last < MORE_THAN_FITS);
            slow = since(&hub, &last.to_string());
            assert_eq!(slow.after(), Some(&*last.to_string()));
        }
        while take(slow.event()) < MORE_THAN_FITS {}
        is_at_the_end(&hub, slow);
    }
}

#[test]
fn with_a_lazy_disk_too_an_end_in_good_order_loses_nothing() {
    let data = Data::new();
    let flags = ["--sync", "1m"];
    let id = data.start_with(&flags).id_and_end("topic=a&data=1", Hub::stop);
    let hub = data.start_with(&flags);
    assert_eq!(since(&hub, "earliest").event(), format!("id: {id}\ndata: 1\n\n"));
    assert_eq!(parts(&hub.publish("topic=a")).0, parts(&id).0, "no epoch begins");
}

#[test]
fn memory_leaves_nothing_behind() {
    let data = Data::new();
    let start = || {
        let mut command = crate::harness::serve(&["--history", "memory"]);
        command.current_dir(data.folder());
        Hub::launch(command, 1)
    };
    let hub = start();
    let id = hub.publish("topic=a&data=1");
    hub.stop();
    assert_eq!(fs::read_dir(data.folder()).unwrap().count(), 0);
    let hub = start();
    assert_eq!(since(&hub, &id).after(), Some("earliest"));
    is_at_the_end(&hub, since(&hub, "earliest"));
}
