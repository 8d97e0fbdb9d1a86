//! Pages of what was appended.

use super::*;
use crate::{
    Framing, Selector,
    readers::{PAGE_BYTES, PAGE_ITEMS},
};

#[test]
fn what_is_appended_is_read_whole_and_in_order_across_segments_and_starts() {
    let mut bench = Bench::new(settings(3));
    let mut sent: Vec<Shared> = Vec::new();
    for i in 0..10 {
        let mut private = update(&["a", "b/é"], &format!("{i}\nsecond line"));
        private.private = true;
        let log = bench.log();
        let drafts =
            Submission::new([private, with_id("x", ""), update(&["c"], "plain")]).with_key(key("k", i));
        let sealed =
            drafts.drafts.into_iter().zip(log.next()..).map(|(d, o)| d.seal(log.epoch(), o, bench.now).0);
        let batch: Vec<_> = sealed.map(Arc::new).collect();
        log.append(&batch).unwrap();
        sent.extend(batch);
    }
    assert_eq!(bench.files(".log"), (0..10).map(|i| 1 + 3 * i).collect::<Vec<_>>(), "a batch is never split");
    for round in 0..3 {
        let mut read = Vec::new();
        let mut from = 1;
        while from < 31 {
            let fetched = bench.log().fetch(&Want { from, topics: None }, bench.now);
            assert_eq!(fetched.earliest, from);
            (from, read) = (fetched.next, [read, fetched.records].concat());
        }
        assert_eq!(read.len(), sent.len());
        for (read, sent) in read.iter().zip(&sent) {
            for framing in [Framing::Bare, Framing::Chunked] {
                assert_eq!(read.bytes(framing), sent.bytes(framing));
            }
            assert_eq!((read.rest(), read.offset, read.at), (sent.rest(), sent.offset, sent.at));
            assert_eq!((read.is_private(), read.flags), (sent.is_private(), sent.flags));
        }
        match round {
            0 => bench.log().do_chores().unwrap(),
            _ => bench.restart(),
        }
    }
}

#[test]
fn an_update_is_found_by_each_of_its_topics_and_once_by_several() {
    let bench = Bench::new(settings(3));
    for topics in [&["a"][..], &["b"], &["a", "b"], &["c", "a"], &["b", "a", "b"], &["c"], &["a"]] {
        bench.publish([Submission::new([update(topics, &topics.concat())])]).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(bench.of(&["a"]), "1:a 3:ab 4:ca 5:bab 7:a");
        assert_eq!(bench.of(&["a", "b"]), "1:a 2:b 3:ab 4:ca 5:bab 7:a");
        assert_eq!(bench.of(&["c"]), "4:ca 6:c");
        assert_eq!(bench.of(&["d"]), "");
        assert_eq!(bench.read(4, Some(&["b", "c"])), "4:ca 5:bab 6:c");
        bench.log().do_chores().unwrap();
    }
}

#[test]
fn pages_are_bounded_and_leave_nothing_out() {
    let bench = Bench::new(settings(1 << 20));
    // One topic is much denser than the other: what is found of it ends long before.
    let batch = |n: u64| (0..n).map(|i| update(&[if i % 40 == 0 { "rare" } else { "often" }], ""));
    bench.publish([Submission::new(batch(3 * PAGE_ITEMS))]).unwrap();
    let fetch = |from, topics: Option<&[&str]>| {
        let topics = topics.map(|t| t.iter().map(|t| Topic::new(t).unwrap()).collect());
        let fetched = bench.log().fetch(&Want { from, topics }, bench.now);
        (fetched.next, fetched.records.iter().map(|r| r.offset).collect::<Vec<_>>())
    };
    assert_eq!(fetch(1, None), (PAGE_ITEMS, (1..PAGE_ITEMS).collect()));
    assert_eq!(fetch(1000, None), (PAGE_ITEMS, (1000..PAGE_ITEMS).collect()));
    assert_eq!(fetch(PAGE_ITEMS, None).0, 2 * PAGE_ITEMS);
    let (next, first) = fetch(1, Some(&["often", "rare"]));
    assert_eq!((next, &first), (PAGE_ITEMS + 1, &(1..=PAGE_ITEMS).collect()));
    let (next, first) = fetch(1, Some(&["often"]));
    assert_eq!((next, first.len() as u64), (*first.last().unwrap() + 1, PAGE_ITEMS));
    let (next, rare) = fetch(1, Some(&["rare"]));
    assert_eq!((next, rare), (3 * PAGE_ITEMS + 1, (0..=76).map(|i| 1 + 40 * i).collect()));
    assert_eq!(bench.of(&["often", "rare"]).split(' ').count() as u64, 3 * PAGE_ITEMS);

    let bench = Bench::new(settings(1 << 20));
    let large = "x".repeat(PAGE_BYTES / 3);
    bench.publish([Submission::new((0..7).map(|_| update(&["t"], &large)))]).unwrap();
    for topics in [None, Some([Topic::new("t").unwrap()].into())] {
        let fetched = bench.log().fetch(&Want { from: 1, topics }, bench.now);
        assert_eq!((fetched.records.len(), fetched.next), (3, 4));
    }
}

#[test]
fn a_rule_takes_updates_out_and_leaves_no_gap() {
    let age = Duration::from_secs(10);
    let rules = vec![RetainRule { selector: Selector::new("short/{x}"), age }];
    let mut bench = Bench::new(Settings { rules, ..settings(3) });
    for topics in [&["short/1"][..], &["long"], &["long", "short/2"], &["long"]] {
        bench.publish([Submission::new([update(topics, "x")])]).unwrap();
    }
    bench.later(9);
    assert_eq!(bench.all(), "1:x 2:x 3:x 4:x");
    bench.later(1);
    assert_eq!(bench.all(), "2:x 4:x");
    assert_eq!(bench.of(&["long", "short/1"]), "2:x 4:x");
}
