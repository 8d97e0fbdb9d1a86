//! The embedder's stream of frames.

use std::{thread, time::Duration};

use headwater_hub::{End, Hub, Options, Since, Submission};

use crate::{hand_clock::HandClock, to, until, update};

#[test]
fn a_slow_reader_catches_up() {
    const UPDATES: usize = 10_000;
    let hub = Hub::start(Options::default()).expect("a hub starts");
    let mut frames = hub.attach_stream(hub.subscribe(to("t")).expect("there is room"));
    thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..UPDATES / 10 {
                let batch = Submission::new((0..10).map(|n| update("t", (i * 10 + n).to_string())));
                let _ = hub.publish(batch).wait().expect("the hub is open");
            }
        });
        for i in 0..UPDATES {
            let frame = frames.next_blocking().expect("the stream goes on");
            let text = str::from_utf8(frame.bytes()).expect("text");
            assert!(text.ends_with(&format!("\ndata: {i}\n\n")), "{i}: {text}");
            if i % 500 == 0 {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn a_drained_hub_hands_out_all_that_was_acknowledged() {
    const UPDATES: usize = 2_000;
    let hub = Hub::start(Options::default()).expect("a hub starts");
    let mut frames = hub.attach_stream(hub.subscribe(to("t")).expect("there is room"));
    for i in 0..UPDATES {
        let _ = hub.publish(update("t", i.to_string())).wait().expect("the hub is open");
    }
    let reader = thread::spawn(move || {
        let mut taken = 0;
        while let Some(frame) = frames.next_blocking() {
            taken += usize::from(frame.id().is_some());
        }
        (taken, frames.end())
    });
    hub.drain(Duration::from_mins(1));
    drop(hub);
    assert_eq!(reader.join().expect("it does not panic"), (UPDATES, Some(End::Drained)));
}

#[test]
fn dropping_a_stream_unsubscribes() {
    let hub = Hub::start(Options::default()).expect("a hub starts");
    let streams: Vec<_> = (0..5_000)
        .map(|i| {
            let since = if i % 2 == 0 { Since::Now } else { Since::Earliest };
            hub.attach_stream(hub.subscribe(to("t").since(since)).expect("there is room"))
        })
        .collect();
    assert_eq!(hub.subscribers(), 5_000);
    drop(streams);
    until("all are freed", || hub.subscribers() == 0);
}

#[test]
fn a_reader_slower_than_the_write_timeout_is_kept_as_long_as_it_reads() {
    let clock = HandClock::new();
    let mut options = Options::default();
    options.clock = clock.clone();
    options.heartbeat = None;
    let hub = Hub::start(options).expect("a hub starts");
    let mut frames = hub.attach_stream(hub.subscribe(to("t")).expect("there is room"));
    let _ = hub
        .publish(Submission::new((0..500).map(|i| update("t", i.to_string()))))
        .wait()
        .expect("the hub is open");
    // A frame in ten seconds: it takes five minutes until the slot is half empty.
    for _ in 0..60 {
        assert!(frames.next_blocking().is_some());
        clock.advance(Duration::from_secs(10), &hub);
    }
    assert_eq!(frames.end(), None);
    until("it has stopped reading, and is closed", || {
        clock.advance(Duration::from_secs(10), &hub);
        frames.end() == Some(End::Stalled)
    });
}
