//! Every way in which a stream ends: noticed, freed, and at a frame's boundary where that is possible.

use std::{net::Shutdown, thread, time::Duration};

use headwater_hub::{Clock, End, Framing, Hub, Options, SubscribeError};
use socket2::SockRef;

use crate::{
    hand_clock::{HANDS, HandClock, RunsOut},
    site::{Ending, Site},
    to, until, update,
};

fn by_hand() -> (Site, std::sync::Arc<HandClock>) {
    let clock = HandClock::new();
    let mut options = Options::default();
    options.clock = clock.clone();
    options.shards = 1;
    (Site::open(options), clock)
}

#[test]
fn a_peer_that_closes_is_freed_while_idle() {
    let site = Site::open(Options::default());
    let peers: Vec<_> = (0..20).map(|_| site.connect(to("t"))).collect();
    assert_eq!(site.subscribers(), 20);
    drop(peers);
    site.until_subscribers(0);
}

#[test]
fn a_peer_that_closed_before_it_was_attached_is_freed() {
    let site = Site::open(Options::default());
    let admitted = site.subscribe(to("t")).expect("there is room");
    let (client, server) = site.pair();
    drop(client);
    site.attach_socket(admitted, server, Framing::Chunked).expect("it is a socket still");
    site.until_subscribers(0);
}

#[test]
fn a_peer_that_resets_is_freed_while_idle() {
    let site = Site::open(Options::default());
    let peer = site.connect(to("t"));
    SockRef::from(&peer.socket).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
    drop(peer);
    site.until_subscribers(0);
}

#[test]
fn a_peer_that_resets_while_it_is_blocked_is_freed() {
    let site = Site::open(Options::default());
    let peer = site.connect(to("t"));
    for _ in 0..100 {
        let _ = site.publish(update("t", "x".repeat(100_000))).wait().expect("the hub is open");
    }
    assert_eq!(site.subscribers(), 1);
    SockRef::from(&peer.socket).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
    drop(peer);
    site.until_subscribers(0);
}

/// The peer's kernel is made to drop all that comes in: no acknowledgement, no FIN, as when a cable is cut.
#[test]
#[cfg(target_os = "linux")]
fn a_peer_that_falls_silent_is_freed_with_heartbeats_and_without() {
    for heartbeat in [Some(Duration::from_millis(100)), None] {
        let mut options = Options::default();
        options.heartbeat = heartbeat;
        options.write_timeout = Duration::from_secs(1);
        let site = Site::open(options);
        let cut = site.connect(to("t"));
        let mut well = site.connect(to("t"));
        let _ = site.publish(update("t", "before")).wait().expect("the hub is open");
        assert_eq!(well.next(), "before");
        SockRef::from(&cut.socket)
            .attach_filter(&[socket2::SockFilter::new(0x06, 0, 0, 0)])
            .expect("Linux has filters");
        site.until_subscribers(1);
        let _ = site.publish(update("t", "after")).wait().expect("the hub is open");
        assert_eq!(well.next(), "after");
        drop(cut);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn accepted_sockets_have_what_the_listener_was_given() {
    for heartbeat in [Some(Duration::from_secs(1)), None] {
        let mut options = Options::default();
        options.heartbeat = heartbeat;
        let site = Site::open(options);
        let (_client, server) = site.pair();
        let socket = SockRef::from(&server);
        assert!(socket.tcp_nodelay().expect("an option"));
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(Duration::from_secs(30)));
        assert_eq!(socket.tcp_notsent_lowat().expect("an option"), 32 << 10);
        assert_eq!(socket.keepalive().expect("an option"), heartbeat.is_none());
    }
}

#[test]
fn a_stream_ends_when_its_grant_does() {
    let (site, clock) = by_hand();
    let mut peer = site.connect(to("t").until(clock.wall() + Duration::from_secs(10)));
    let mut other = site.connect(to("t"));
    let _ = site.publish(update("t", "x")).wait().expect("the hub is open");
    clock.advance(Duration::from_millis(9_900), &site);
    assert_eq!((peer.next(), other.next()), ("x".into(), "x".into()));
    assert_eq!(site.subscribers(), 2);
    clock.advance(Duration::from_millis(150), &site);
    assert_eq!(peer.rest(), (vec![], Ending::Good));
    site.until_subscribers(1);
    let _ = site.publish(update("t", "y")).wait().expect("the hub is open");
    assert_eq!(other.next(), "y");
}

#[test]
fn silence_is_broken_by_heartbeats_and_only_silence() {
    let (site, clock) = by_hand();
    let mut peer = site.connect(to("t"));
    for i in 0..10 {
        clock.advance(Duration::from_secs(14), &site);
        let _ = site.publish(update("t", i.to_string())).wait().expect("the hub is open");
        assert_eq!(peer.next(), i.to_string());
    }
    assert_eq!(peer.beats, 0);
    for i in 1..4 {
        clock.advance(Duration::from_secs(15), &site);
        while peer.beats < i {
            assert!(peer.read(100).is_empty());
        }
    }
}

#[test]
fn a_reader_that_takes_nothing_for_the_write_timeout_is_closed() {
    let (site, clock) = by_hand();
    let stuck = site.connect(to("t"));
    let mut slow = site.connect(to("t"));
    let mut idle = site.connect(to("elsewhere"));
    for i in 0..100 {
        let data = format!("{i} {}", "x".repeat(100_000));
        let _ = site.publish(update("t", data)).wait().expect("the hub is open");
    }
    // The one is blocked for good, the other takes a megabyte from time to time.
    for _ in 0..10 {
        clock.advance(Duration::from_secs(10), &site);
        assert_eq!(slow.events(10).len(), 10);
    }
    site.until_subscribers(2);
    let _ = site.publish(update("elsewhere", "y")).wait().expect("the hub is open");
    assert_eq!(idle.next(), "y");
    drop(stuck);
}

#[test]
fn a_drain_ends_streams_one_after_the_other() {
    const STREAMS: usize = 20;
    const STEP: Duration = Duration::from_millis(500);
    let (site, clock) = by_hand();
    let mut peers: Vec<_> = (0..STREAMS).map(|_| site.connect(to("t"))).collect();
    let _ = site.publish(update("t", "x")).wait().expect("the hub is open");
    for peer in &mut peers {
        assert_eq!(peer.next(), "x");
    }
    let late = site.subscribe(to("t")).expect("it does not drain yet");
    let ended = || STREAMS + 1 - site.subscribers();
    thread::scope(|scope| {
        let _end = RunsOut(&clock, &site);
        let start = clock.elapsed();
        scope.spawn(|| site.drain(STEP * STREAMS as u32));
        // When the shard hears of it is its own affair; from then on it is one stream a step.
        until("the first one ends", || {
            clock.advance(Duration::from_millis(50), &site);
            ended() > 0
        });
        for n in 1..STREAMS {
            // The first one ends at once, each of the others a step after the one before.
            let ended_by_now = ended() as u32;
            let passed = clock.elapsed().saturating_sub(start);
            assert!(STEP * (ended_by_now - 1) <= passed, "{ended_by_now} had ended after {passed:?}");
            clock.advance(STEP, &site);
            until("the next one ends", || ended() > n);
        }
    });
    for mut peer in peers {
        assert_eq!(peer.rest(), (vec![], Ending::Good));
    }
    assert_eq!(site.subscribe(to("t")).err(), Some(SubscribeError::Closed));
    // Who was admitted before and comes after is not left behind either.
    let (client, server) = site.pair();
    site.attach_socket(late, server, Framing::Chunked).expect("a socket can be attached");
    site.until_subscribers(0);
    drop(client);
    let _ = site.publish(update("t", "still")).wait().expect("publishing goes on");
}

#[test]
fn two_drains_both_return_when_all_have_ended() {
    let (site, clock) = by_hand();
    let _peers: Vec<_> = (0..4).map(|_| site.connect(to("t"))).collect();
    thread::scope(|scope| {
        let _end = RunsOut(&clock, &site);
        let slow = scope.spawn(|| site.drain(Duration::from_hours(1)));
        until("it drains", || site.subscribe(to("t")).is_err());
        let fast = scope.spawn(|| site.drain(Duration::ZERO));
        until("all have ended", || {
            clock.advance(Duration::from_millis(50), &site);
            site.subscribers() == 0
        });
        until("both return", || slow.is_finished() && fast.is_finished());
    });
}

#[test]
fn a_drain_gives_a_stream_that_is_inside_of_a_frame_its_time() {
    const LARGE: usize = 12 << 20;
    let (site, clock) = by_hand();
    // Its turn to leave comes first; half of the time is over when the second one has left.
    let mut slow = site.connect(to("t"));
    let _idle: Vec<_> = (0..2).map(|_| site.connect(to("elsewhere"))).collect();
    let mut hands = site.connect(to(HANDS));
    let _ = site.publish(update("t", "x".repeat(LARGE))).wait().expect("the hub is open");
    thread::scope(|scope| {
        let _end = RunsOut(&clock, &site);
        let draining = scope.spawn(|| site.drain(Duration::from_secs(20)));
        until("another one has left", || {
            clock.advance(Duration::from_millis(50), &site);
            // Not faster than the shard follows, or the write timeout comes first.
            let _ = hands.next();
            site.subscribers() < 4
        });
        let mut events = Vec::new();
        while events.is_empty() {
            assert_eq!(slow.end, None);
            events = slow.read(1 << 20);
        }
        assert_eq!(events[0].data.len(), LARGE);
        until("all have left", || {
            clock.advance(Duration::from_millis(50), &site);
            draining.is_finished()
        });
    });
    assert_eq!(slow.rest(), (vec![], Ending::Good));
}

#[test]
fn a_hub_that_is_dropped_ends_its_streams() {
    let site = Site::open(Options::default());
    let mut peer = site.connect(to("t"));
    let mut frames = site.attach_stream(site.subscribe(to("t")).expect("there is room"));
    let _ = site.publish(update("t", "last")).wait().expect("the hub is open");
    assert_eq!(peer.next(), "last");
    assert!(frames.next_blocking().is_some_and(|f| f.id().is_some()));
    drop(site);
    assert!(frames.next_blocking().is_none());
    assert_eq!(frames.end(), Some(End::Drained));
    assert_eq!(peer.rest(), (vec![], Ending::Good));
}

#[test]
fn a_peer_that_stops_sending_is_gone() {
    // Half-closing is how clients leave that are killed while a proxy keeps their connection.
    let site = Site::open(Options::default());
    let peer = site.connect(to("t"));
    peer.socket.shutdown(Shutdown::Write).expect("it is connected");
    site.until_subscribers(0);
}

#[test]
fn a_full_hub_admits_again_when_someone_leaves() {
    let mut options = Options::default();
    options.limits.subscribers = 2;
    let hub = Hub::start(options).expect("a hub starts");
    let one = hub.subscribe(to("t")).expect("there is room");
    let two = hub.attach_stream(hub.subscribe(to("t")).expect("there is room"));
    assert_eq!(hub.subscribe(to("t")).err(), Some(SubscribeError::Full));
    drop(one);
    let one = hub.subscribe(to("t")).expect("there is room");
    assert_eq!(hub.subscribe(to("t")).err(), Some(SubscribeError::Full));
    drop((one, two));
    until("there is room", || hub.subscribers() == 0);
}
