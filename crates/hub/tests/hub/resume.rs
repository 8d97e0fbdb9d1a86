//! Who is cut off and comes back with the last id gets all, once, in order.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use headwater_hub::{GAP_EVENT_TYPE, Options, Retention, Since};

use crate::{site::Site, to, until, update};

/// A small generator, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

#[test]
fn nothing_is_lost_doubled_or_reordered_over_many_reconnections() {
    const PUBLISHERS: usize = 3;
    const EACH: usize = 4_000;
    const READERS: usize = 6;
    let mut options = Options::default();
    options.retention = Retention { count: 1_000_000, bytes: 1 << 30, age: None };
    let site = Site::open(options);
    thread::scope(|scope| {
        let site = &site;
        let mut readers = Vec::new();
        for seed in 0..READERS {
            // Each has its own place from the start; the first event may come long after.
            let first = site.connect(to("even").since(Since::Earliest));
            readers.push(scope.spawn(move || read_with_cuts(site, first, seed as u64)));
        }
        for publisher in 0..PUBLISHERS {
            scope.spawn(move || {
                let mut dice = Dice(publisher as u64 + 100);
                for i in 0..EACH {
                    let data = format!("{publisher} {i} {}", "x".repeat(dice.roll(2_000)));
                    let topic = if i % 2 == 0 { "even" } else { "odd" };
                    let _ = site.publish(update(topic, data)).wait().expect("the hub is open");
                }
            });
        }
        for reader in readers {
            let (data, cuts) = reader.join().expect("it reads to the end");
            assert!(cuts > 20, "only {cuts} cuts");
            assert_eq!(data.len(), PUBLISHERS * EACH / 2);
            let mut next = [0; PUBLISHERS];
            for data in data {
                let mut words = data.split(' ');
                let publisher: usize = words.next().and_then(|w| w.parse().ok()).expect("a number");
                assert_eq!(words.next(), Some(&*next[publisher].to_string()), "of publisher {publisher}");
                next[publisher] += 2;
            }
        }
    });
    site.until_subscribers(0);
}

fn read_with_cuts(site: &Site, mut peer: crate::site::Peer, seed: u64) -> (Vec<String>, usize) {
    let mut dice = Dice(seed);
    let mut data = Vec::new();
    let mut cuts = 0;
    let mut last = String::new();
    while data.len() < 3 * 4_000 / 2 {
        let at_most = 1 + dice.roll(20_000);
        for event in peer.read(at_most) {
            data.push(event.data);
            last = event.id;
        }
        if dice.roll(10) == 0 {
            cuts += 1;
            let since = if last.is_empty() { Since::Earliest } else { Since::Id(last.clone()) };
            peer = site.connect(to("even").since(since));
            if !last.is_empty() {
                assert_eq!(peer.told.as_deref(), Some(&*last), "history holds all");
            }
        }
    }
    (data, cuts)
}

#[test]
fn who_comes_back_too_late_is_told() {
    let mut options = Options::default();
    options.retention.count = 10;
    let site = Site::open(options);
    let first = site.publish(update("t", "0")).wait().expect("the hub is open").ids[0].to_string();
    for i in 1..=30 {
        let _ = site.publish(update("t", i.to_string())).wait().expect("the hub is open");
    }
    let mut told = site.connect(to("t").since(Since::Id(first.clone())));
    assert_eq!(told.told.as_deref(), Some("earliest"));
    assert_eq!(told.next(), "21");
    let mut told = site.connect(to("t").since(Since::Id(first.clone())).with_gap_events());
    let gap = told.events(1).remove(0);
    assert_eq!(gap.name, GAP_EVENT_TYPE);
    assert!(gap.data.starts_with(&format!("{{\"from\":\"{first}\"")), "{}", gap.data);
    assert_eq!(told.next(), "21");
}

#[test]
fn a_slow_reader_that_history_overtakes_is_told_or_closed_never_left_in_doubt() {
    let mut options = Options::default();
    options.retention = Retention { count: 100, bytes: 1 << 20, age: None };
    let site = Site::open(options);
    let mut silent = site.connect(to("t"));
    let mut asking = site.connect(to("t").with_gap_events());
    let done = AtomicBool::new(false);
    // More than the kernel's buffers and the window for delivery hold.
    let padding = "x".repeat(100_000);
    let mut published = 0;
    for _ in 0..1_000 {
        let _ = site.publish(update("t", format!("{published} {padding}"))).wait().expect("the hub is open");
        published += 1;
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            let (events, end) = silent.rest();
            assert_eq!(end, crate::site::Ending::Good, "between two events, with the last chunk");
            let numbers: Vec<_> = events.iter().map(|e| number(&e.data)).collect();
            assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "up to the gap all is there");
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            let mut next = 0;
            let mut gaps = 0;
            while next < published {
                let event = asking.events(1).remove(0);
                if event.name == GAP_EVENT_TYPE {
                    gaps += 1;
                    let (_, to) = event.data.split_once("\"to\":\"").expect("a gap has an end");
                    let (_, to) = to.split_once('-').expect("a generated id");
                    next = to.trim_end_matches("\"}").parse::<usize>().expect("an offset") - 1;
                } else {
                    assert_eq!(number(&event.data), next, "nothing is missing outside of the gaps");
                    next += 1;
                }
            }
            assert!(gaps >= 1);
        });
    });
    until("the silent one has ended", || done.load(Ordering::SeqCst));
}

fn number(data: &str) -> usize {
    data.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}
