//! Readers that stop reading until the ring has gone past them, and then go on.

use std::{
    thread,
    time::{Duration, Instant},
};

use headwater::bench::Stamp;

use super::{
    Case, Figure, Plan, RUN, Round,
    crowd::Crowd,
    feed::{self, feed},
    hub::Hub,
    kibibytes,
};
use crate::{Failure, probe, server::Installed, verdict::Bound};

const MEMORY: &str = "hub's memory (RSS) a stalled subscriber";
const SOCKETS: &str = "kernel's memory for TCP a stalled subscriber";
const RATE: &str = "deliveries/s while they catch up";

const TOPIC: &str = "bench/lapped";
/// More than the ring holds, also in a quick run.
const UPDATES: u64 = 100_000;
/// More than is retained.
const BEFORE: u64 = 300_000;
const SETTLE: Duration = Duration::from_millis(500);

pub(super) fn case() -> Case {
    Case {
        name: "lapped",
        title: "1,000 subscribers stalled for 100,000 updates of 100 bytes, then they read again",
        figures: vec![
            Figure::most(MEMORY, "KiB", Bound::Most(4.0)),
            Figure::most(SOCKETS, "KiB", Bound::Most(192.0)),
            Figure::told(RATE, ""),
        ],
        run,
    }
}

/// One round: a hundred million deliveries are enough.
fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let subscribers = plan.scaled(1_000) as usize;
    let hub = Hub::start(
        installed,
        &[
            "--retain-count",
            "200000",
            "--retain-bytes",
            "64MiB",
            "--write-timeout",
            "10m",
            "--slow-reader",
            "catch-up",
        ],
    )?;
    let target = hub.target()?;
    // The ring is full before anything is counted, and of updates as large as those that follow.
    feed(&target, 0..BEFORE, &line, |_| Ok(()))?;
    let mut round = Round::default();
    thread::sleep(SETTLE);
    let (memory, sockets) = (hub.memory()?.now, probe::sockets()?);
    let mut crowd = Crowd::connect(target.address, subscribers, RUN, BEFORE as u32)?;
    crowd.ask(&format!("topic={TOPIC}"))?;
    crowd.open()?;
    feed(&target, BEFORE..BEFORE + UPDATES, &line, |_| Ok(()))?;
    thread::sleep(SETTLE);
    let each = |grown: u64| kibibytes(grown) / subscribers as f64;
    round.set(MEMORY, each(hub.memory()?.now.saturating_sub(memory)));
    round.set(SOCKETS, each((probe::sockets()? - sockets).max(0) as u64));
    let (began, before) = (Instant::now(), crowd.deliveries());
    if let Some(last) = crowd.follow((BEFORE + UPDATES) as u32, &mut |_| {})? {
        round.set(RATE, (crowd.deliveries() - before) as f64 / (last - began).as_secs_f64());
    }
    round.fault(crowd.faults("those that were stalled"));
    Ok(vec![round])
}

fn line(number: u64, out: &mut Vec<u8>) {
    let stamp = Stamp { run: RUN, lane: 0, sequence: number as u32, nanos: 0 };
    feed::update(TOPIC, None, &stamp, 100, out);
}
