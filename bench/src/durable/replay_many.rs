//! Many who come back at once after a restart, while others are served live.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use headwater::bench::Stamp;

use super::{
    Case, Figure, Plan, RUN, Round,
    crowd::Crowd,
    feed::{self, Target, feed, fill},
    hub::Hub,
    kibibytes,
    post::Post,
};
use crate::{
    Failure,
    server::Installed,
    verdict::{Bound, quantile},
};

const RATE: &str = "deliveries/s to the last one";
const LIVE: &str = "latency p99 of those that are live";
const MEMORY: &str = "memory (RSS) a subscriber, the peak's growth";

const SUBSCRIBERS: usize = 500;
const UPDATES: u32 = 5_000;
const TOPIC: &str = "bench/missed";

const LIVE_TOPIC: &str = "bench/live";
const LIVE_SUBSCRIBERS: usize = 10;
const LIVE_PACE: Duration = Duration::from_millis(10);
/// Published before the others come back: connections and caches are warm.
const LIVE_BEFORE: u32 = 50;

pub(super) fn case() -> Case {
    Case {
        name: "replay-many",
        title: "500 subscribers replay the same 5,000 updates at once after a restart, 100 updates/s to 10 others",
        figures: vec![
            Figure::median(RATE, "", Bound::Least(1_000_000.0)),
            Figure::median(LIVE, "ms", Bound::Most(50.0)),
            Figure::most(MEMORY, "KiB", Bound::Most(64.0)),
        ],
        run,
    }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let mut hub = Hub::start(installed, &["--retain-count", "100000", "--retain-bytes", "64MiB"])?;
    fill(&hub.target()?, plan.scaled(250_000))?;
    feed(&hub.target()?, 0..u64::from(UPDATES), &line, |_| Ok(()))?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        hub.stop()?;
        hub.restart()?;
        rounds.push(round(&hub)?);
    }
    Ok(rounds)
}

fn round(hub: &Hub<'_>) -> Result<Round, Failure> {
    let target = hub.target()?;
    let mut live = Crowd::connect(target.address, LIVE_SUBSCRIBERS, RUN, 0)?;
    live.ask(&format!("topic={LIVE_TOPIC}"))?;
    live.open()?;
    hub.forget_peak()?;
    let before = hub.memory()?.now;
    let mut crowd = Crowd::connect(target.address, SUBSCRIBERS, RUN, 0)?;

    let clock = Instant::now();
    let published = AtomicU32::new(0);
    let over = AtomicBool::new(false);
    let mut round = Round::default();
    thread::scope(|scope| -> Result<(), Failure> {
        let publisher = scope.spawn(|| publish(&target, clock, &published, &over));
        let reader = scope.spawn(|| -> Result<_, Failure> {
            let mut seen = Vec::new();
            let mut each = |stamp: Stamp| seen.push((stamp.nanos, clock.elapsed().as_nanos() as u64));
            while !over.load(Relaxed) {
                live.turn(Duration::from_millis(20), &mut each)?;
            }
            Ok((live, seen))
        });
        let replayed = await_warm(&published, &publisher).and_then(|()| {
            let began = Instant::now();
            crowd.ask(&format!("topic={TOPIC}&lastEventID=earliest"))?;
            Ok((began, crowd.follow(UPDATES, &mut |_| {})?))
        });
        // Also after an error: the others must end.
        over.store(true, Relaxed);
        let sent = publisher.join().map_err(|_| "the publisher panicked")?;
        let (mut live, mut seen) = reader.join().map_err(|_| "the live reader panicked")??;
        let ((began, ended), sent) = (replayed?, sent?);
        live.follow(sent, &mut |stamp| seen.push((stamp.nanos, clock.elapsed().as_nanos() as u64)))?;
        round.fault(crowd.faults("those that replay"));
        round.fault(live.faults("those that are live"));
        round.set(MEMORY, kibibytes(hub.memory()?.peak.saturating_sub(before)) / SUBSCRIBERS as f64);
        let Some(ended) = ended else { return Ok(()) };
        round.set(RATE, crowd.deliveries() as f64 / (ended - began).as_secs_f64());
        let during = (began - clock).as_nanos() as u64..=(ended - clock).as_nanos() as u64;
        let mut waits: Vec<f64> = seen
            .into_iter()
            .filter(|(due, _)| during.contains(due))
            .map(|(due, came)| came.saturating_sub(due) as f64 / 1e6)
            .collect();
        round.set(LIVE, quantile(&mut waits, 0.99));
        Ok(())
    })?;
    Ok(round)
}

/// Waits until the live ones are served; not for ever, should the publisher fail.
fn await_warm<T>(published: &AtomicU32, publisher: &thread::ScopedJoinHandle<'_, T>) -> Result<(), Failure> {
    while published.load(Relaxed) < LIVE_BEFORE {
        if publisher.is_finished() {
            return Err("nothing is published to the live ones".into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Publishes at the pace until it is over; answers how many. An update that is late is stamped with when it was due.
fn publish(
    target: &Target,
    clock: Instant,
    published: &AtomicU32,
    over: &AtomicBool,
) -> Result<u32, Failure> {
    let mut post = Post::connect(target)?;
    let mut sequence = 0;
    while !over.load(Relaxed) {
        let due = LIVE_PACE * sequence;
        thread::sleep(due.saturating_sub(clock.elapsed()));
        let stamp = Stamp { run: RUN, lane: 0, sequence, nanos: due.as_nanos() as u64 };
        post.publish(LIVE_TOPIC, &stamp, 100)?;
        sequence += 1;
        published.store(sequence, Relaxed);
    }
    Ok(sequence)
}

fn line(number: u64, out: &mut Vec<u8>) {
    let stamp = Stamp { run: RUN, lane: 0, sequence: number as u32, nanos: 0 };
    feed::update(TOPIC, None, &stamp, 100, out);
}
