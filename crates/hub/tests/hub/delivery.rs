//! Updates reach those they are for, whoever else does what.

use std::{sync::Arc, thread, time::Duration};

use headwater_hub::{Framing, Options, Retention, Since, Submission};

use crate::{
    site::{Ending, Site},
    to, update,
};

#[test]
fn readers_are_not_held_up_by_those_who_never_read() {
    const UPDATES: usize = 20_000;
    let site = Site::open(Options::default());
    let stuck: Vec<_> = (0..8).map(|_| site.connect(to("t"))).collect();
    let readers: Vec<_> = (0..4).map(|_| site.connect(to("t"))).collect();
    thread::scope(|scope| {
        for mut reader in readers {
            scope.spawn(move || {
                let events = reader.events(UPDATES);
                for (i, event) in events.iter().enumerate() {
                    assert!(event.data.starts_with(&format!("{i} ")), "{i}: {}", event.data);
                }
            });
        }
        // Much more than the kernel takes for one who does not read.
        let padding = "x".repeat(1000);
        for i in 0..UPDATES {
            site.publish(update("t", format!("{i} {padding}"))).wait().expect("a publisher waits for nobody");
        }
    });
    site.until_subscribers(8);
    drop(stuck);
    site.until_subscribers(0);
}

#[test]
fn one_large_batch_arrives_whole_whatever_is_retained() {
    const UPDATES: usize = 150_000;
    for count in [10, 1_000_000] {
        let mut options = Options::default();
        options.retention = Retention { count, ..Retention::default() };
        let site = Site::open(options);
        let mut peer = site.connect(to("t"));
        let receipt = thread::scope(|scope| {
            let reader = scope.spawn(|| peer.events(UPDATES));
            let batch = Submission::new((0..UPDATES).map(|i| update("t", i.to_string())));
            let receipt = site.publish(batch).wait().expect("the queue is empty");
            for (i, event) in reader.join().expect("it reads to the end").iter().enumerate() {
                assert_eq!((&*event.data, &*event.id), (&*i.to_string(), receipt.ids[i].as_str()));
            }
            receipt
        });
        assert_eq!(receipt.ids.len(), UPDATES);
    }
}

#[test]
fn thousands_of_subscribers_each_get_their_own_and_the_common_ones() {
    const SUBSCRIBERS: usize = 3_000;
    // Two descriptors each.
    let own = 2 * SUBSCRIBERS as u64 + 200;
    let limit = rlimit::increase_nofile_limit(own).expect("the limit can be asked for");
    assert!(limit >= own, "this needs {own} descriptors, and {limit} are allowed: raise `ulimit -n`");
    let site = Site::open(Options::default());
    let mut peers: Vec<_> = (0..SUBSCRIBERS)
        .map(|i| {
            let selectors = [format!("own/{i}"), "all".to_owned(), "{+x}ll".to_owned()];
            let selectors = selectors.iter().map(headwater_hub::Selector::new);
            site.connect(headwater_hub::Subscribe::to(selectors))
        })
        .collect();
    assert_eq!(site.subscribers(), SUBSCRIBERS);
    for round in 0..3 {
        let batch = (0..SUBSCRIBERS).map(|i| update(&format!("own/{i}"), format!("{round} for {i}")));
        let batch = batch.chain([update("all", format!("{round} for all"))]);
        let _ = site.publish(Submission::new(batch)).wait().expect("the hub is open");
    }
    for (i, peer) in peers.iter_mut().enumerate() {
        let data: Vec<_> = peer.events(6).into_iter().map(|e| e.data).collect();
        let expected: Vec<_> =
            (0..3).flat_map(|round| [format!("{round} for {i}"), format!("{round} for all")]).collect();
        assert_eq!(data, expected);
    }
    drop(peers);
    site.until_subscribers(0);
}

#[test]
fn publishers_at_once_are_each_heard_in_their_order() {
    let site = Site::open(Options::default());
    let mut peer = site.connect(to("*"));
    thread::scope(|scope| {
        for publisher in 0..4 {
            let site = &site;
            scope.spawn(move || {
                for i in 0..500 {
                    let data = format!("{publisher} {i}");
                    let _ = site.publish(update("t", data)).wait().expect("the hub is open");
                }
            });
        }
        let mut next = [0; 4];
        for event in peer.events(2000) {
            let (publisher, i) = event.data.split_once(' ').expect("two numbers");
            let publisher: usize = publisher.parse().expect("a number");
            assert_eq!(i, next[publisher].to_string());
            next[publisher] += 1;
        }
    });
}

#[test]
fn with_linger_each_update_still_comes_at_once_or_with_the_next() {
    let mut options = Options::default();
    options.linger = Duration::from_millis(5);
    options.heartbeat = None;
    let site = Site::open(options);
    let mut peer = site.connect(to("t"));
    // Each is published when the shard has just passed, and again when it has rested for long.
    for i in 0..200 {
        let _ = site.publish(update("t", i.to_string())).wait().expect("the hub is open");
        assert_eq!(peer.next(), i.to_string());
    }
    let late = site.connect(to("t").since(Since::Earliest)).events(200);
    assert_eq!(late[199].data, "199");
}

#[test]
fn without_chunks_the_stream_is_bare() {
    let site = Site::open(Options::default());
    let mut peer = site.connect_as(to("t"), Framing::Bare);
    let _ = site.publish(update("t", "a\nb")).wait().expect("the hub is open");
    assert_eq!(peer.next(), "a\nb");
    site.drain(Duration::ZERO);
    assert_eq!(peer.rest(), (vec![], Ending::Good));
}

#[test]
fn what_a_client_sends_is_dropped_and_bounded() {
    use std::io::Write;
    let site = Arc::new(Site::open(Options::default()));
    let mut peer = site.connect(to("t"));
    peer.socket.write_all(b"GET /again HTTP/1.1\r\n\r\n").expect("it can be sent");
    let _ = site.publish(update("t", "x")).wait().expect("the hub is open");
    assert_eq!(peer.next(), "x");
    assert_eq!(site.subscribers(), 1);
    // The connection may break while we still send.
    let _ = peer.socket.write_all(&vec![b'x'; 1 << 20]);
    site.until_subscribers(0);
}
