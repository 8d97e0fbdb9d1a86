//! A history on disk, and readers who need more of it than is in memory.

use std::{net::Shutdown, thread, time::Duration};

use headwater_hub::{End, HistoryPlace, Options, Selector, Since, SlowReader, Submission, Subscribe};
use tempfile::TempDir;

use crate::{site::Site, to, update};

/// More than memory holds for those who are connected, at a kilobyte each.
const MANY: usize = 60_000;

/// Much less, and much more than the kernel takes for one who does not read.
const BATCH: usize = 2_000;

fn options(dir: &TempDir) -> Options {
    let mut options = Options::default();
    options.history = HistoryPlace::Directory(dir.path().to_owned());
    options.retention.count = 1_000_000;
    options.retention.bytes = 1 << 30;
    options.heartbeat = None;
    options.write_timeout = Duration::from_mins(10);
    options
}

fn publish(site: &Site, from: usize, to: usize) {
    let padding = "x".repeat(1000);
    for first in (from..to).step_by(BATCH) {
        let batch = (first..to.min(first + BATCH)).map(|i| update("t", format!("{i} {padding}")));
        let _ = site.publish(Submission::new(batch)).wait().expect("the disk takes it");
    }
}

#[track_caller]
fn assert_is(event: &crate::site::Event, i: usize) {
    assert!(event.data.starts_with(&format!("{i} ")), "{i}: {:.20}", event.data);
}

#[test]
fn a_reader_that_is_lapped_loses_nothing() {
    let dir = tempfile::tempdir().expect("there is room");
    let site = Site::open(options(&dir));
    let mut stuck = site.connect(to("t"));
    publish(&site, 0, MANY);
    thread::scope(|scope| {
        let reader = scope.spawn(|| stuck.events(MANY + BATCH));
        // Publishing goes on while it catches up.
        publish(&site, MANY, MANY + BATCH);
        for (i, event) in reader.join().expect("it reads to the end").iter().enumerate() {
            assert_is(event, i);
        }
    });
    // And now it is live.
    publish(&site, MANY + BATCH, MANY + BATCH + 1);
    assert_is(&stuck.events(1)[0], MANY + BATCH);
}

#[test]
fn a_reader_that_is_lapped_is_closed_where_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("there is room");
    let mut options = options(&dir);
    options.slow_reader = SlowReader::Close;
    let site = Site::open(options);
    // Of an embedder's stream the hub holds 64 frames.
    let mut stream = site.attach_stream(site.subscribe(to("t")).expect("there is room"));
    publish(&site, 0, 1);
    let first = stream.next_blocking().expect("it is live");
    publish(&site, 1, MANY);
    let mut taken = 1;
    while stream.next_blocking().is_some() {
        taken += 1;
    }
    assert_eq!(stream.end(), Some(End::Lagged));
    assert!(taken < MANY, "{taken} were taken");
    // It comes back for the rest.
    let since = Since::Id(first.id().expect("an update has one").to_owned());
    let mut again = site.connect(to("t").since(since));
    for (event, i) in again.events(MANY - 1).iter().zip(1..) {
        assert_is(event, i);
    }
}

#[test]
fn after_a_restart_all_replay_at_once_what_is_on_disk() {
    const UPDATES: usize = 5_000;
    let dir = tempfile::tempdir().expect("there is room");
    let site = Site::open(options(&dir));
    let ids = (0..UPDATES / 100).flat_map(|round| {
        let batch = (0..100).map(|i| update(&format!("t/{}", i % 10), (round * 100 + i).to_string()));
        let receipt = site.publish(Submission::new(batch)).wait().expect("the disk takes it");
        receipt.ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
    });
    let ids: Vec<_> = ids.collect();
    drop(site);
    let site = Site::open(options(&dir));
    thread::scope(|scope| {
        for who in 0..100 {
            let (site, ids) = (&site, &ids);
            scope.spawn(move || {
                // A third of all starts in the middle; every other one wants one topic or two.
                let start = if who % 3 == 0 { who * 20 } else { 0 };
                let topics: Vec<_> = match who % 4 {
                    0 | 2 => (0..10).collect(),
                    1 => vec![who / 4 % 10],
                    _ => vec![1, 7],
                };
                let selectors: Vec<_> = match topics.len() {
                    10 => vec![Selector::new("t/{i}")],
                    _ => topics.iter().map(|t| Selector::new(format!("t/{t}"))).collect(),
                };
                let since = if start == 0 { Since::Earliest } else { Since::Id(ids[start - 1].clone()) };
                let mut peer = site.connect(Subscribe::to(selectors).since(since));
                let expected: Vec<_> = (start..UPDATES).filter(|i| topics.contains(&(i % 10))).collect();
                for (event, i) in peer.events(expected.len()).iter().zip(expected) {
                    assert_eq!((&event.data, &event.id), (&i.to_string(), &ids[i]));
                }
                peer.socket.shutdown(Shutdown::Both).expect("it is open");
            });
        }
    });
    site.until_subscribers(0);
}
