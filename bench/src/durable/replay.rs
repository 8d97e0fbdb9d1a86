//! One subscriber that comes back for everything.

use std::time::Instant;

use headwater::bench::Stamp;

use super::{
    Case, Figure, Plan, RUN, Round,
    crowd::Crowd,
    feed::{self, feed},
    hub::Hub,
};
use crate::{Failure, server::Installed, verdict::Bound};

const ALL: &str = "events/s to the last one, all topics";
const ONE: &str = "events/s to the last one, by the topic";

const TOPIC: &str = "bench/replay";

pub(super) fn case() -> Case {
    Case {
        name: "replay",
        title: "one subscriber replays 1,000,000 updates of 100 bytes",
        figures: vec![
            Figure::median(ALL, "", Bound::Least(1_000_000.0)),
            Figure::median(ONE, "", Bound::Least(1_000_000.0)),
        ],
        run,
    }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let retained = plan.scaled(1_000_000);
    let published = retained * 6 / 5;
    let hub = Hub::start(installed, &["--retain-count", &retained.to_string(), "--retain-bytes", "1GiB"])?;
    let target = hub.target()?;
    feed(&target, 0..published, &line, |_| Ok(()))?;
    let first = (published - retained) as u32;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let mut round = Round::default();
        for (figure, topic) in [(ALL, "*"), (ONE, TOPIC)] {
            let mut subscriber = Crowd::connect(target.address, 1, RUN, first)?;
            let began = Instant::now();
            subscriber.ask(&format!("topic={topic}&lastEventID=earliest"))?;
            if let Some(last) = subscriber.follow(published as u32, &mut |_| {})? {
                round.set(figure, subscriber.deliveries() as f64 / (last - began).as_secs_f64());
            }
            round.fault(subscriber.faults(topic));
        }
        rounds.push(round);
    }
    Ok(rounds)
}

fn line(number: u64, out: &mut Vec<u8>) {
    let stamp = Stamp { run: RUN, lane: 0, sequence: number as u32, nanos: 0 };
    feed::update(TOPIC, None, &stamp, 100, out);
}
