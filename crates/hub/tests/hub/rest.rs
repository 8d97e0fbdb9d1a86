//! When there is nothing to do, nothing is done.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use headwater_hub::{Clock, Options, Submission, SystemClock};

use crate::{site::Site, to, update};

/// The machine's clock, with a count of those who look at it: a shard does at each turn.
#[derive(Debug, Default)]
struct Watched {
    clock: SystemClock,
    looked_at: AtomicUsize,
}

impl Clock for Watched {
    fn wall(&self) -> SystemTime {
        self.looked_at.fetch_add(1, Ordering::Relaxed);
        self.clock.wall()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

/// Subscribers in every state that may last: a shard that turned for any of them would turn all the time.
#[test]
fn shards_do_not_turn_for_those_who_wait() {
    for linger in [Duration::ZERO, Duration::from_millis(1)] {
        let clock = Arc::new(Watched::default());
        let mut options = Options::default();
        options.clock = clock.clone();
        options.linger = linger;
        let site = Site::open(options);
        let _idle = site.connect(to("elsewhere"));
        let _blocked = site.connect(to("t"));
        let _full = site.attach_stream(site.subscribe(to("t")).expect("there is room"));
        for _ in 0..50 {
            let batch = Submission::new((0..10).map(|_| update("t", "x".repeat(50_000))));
            let _ = site.publish(batch).wait().expect("the hub is open");
        }
        let mut peer = site.connect(to("ping"));
        let mut ping = |n: usize| {
            for i in 0..n {
                let _ = site.publish(update("ping", i.to_string())).wait().expect("the hub is open");
                assert_eq!(peer.next(), i.to_string());
            }
        };
        ping(100);
        let before = clock.looked_at.load(Ordering::Relaxed);
        ping(500);
        let turns = (clock.looked_at.load(Ordering::Relaxed) - before) / 500;
        assert!(turns < 30, "{turns} looks at the clock for each update");
    }
}
