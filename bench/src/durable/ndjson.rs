//! Lines of JSON on one connection, each with an id of its own, over many topics: both indexes have all to do.

use headwater::bench::Stamp;

use super::{
    Case, Figure, Plan, RUN, Round,
    feed::{self, feed},
    hub::Hub,
    mebibytes,
};
use crate::{Failure, server::Installed, verdict::Bound};

const RATE: &str = "updates/s";
const COMMIT: &str = "worst commit: the longest wait for an answer";
const MEMORY: &str = "memory (RSS), the peak";

const TOPICS: u64 = 10_000;

pub(super) fn case() -> Case {
    Case {
        name: "ndjson",
        title: "NDJSON on one connection, 10,000 topics, an id each, 1,000,000 retained",
        figures: vec![
            Figure::median(RATE, "", Bound::Least(250_000.0)),
            Figure::most(COMMIT, "ms", Bound::Most(100.0)),
            Figure::most(MEMORY, "MiB", Bound::Most(128.0)),
        ],
        run,
    }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let retained = plan.scaled(1_000_000);
    let hub = Hub::start(installed, &["--retain-count", &retained.to_string(), "--retain-bytes", "1GiB"])?;
    let target = hub.target()?;
    let mut next = retained * 6 / 5;
    feed(&target, 0..next, &line, |_| Ok(()))?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let count = plan.scaled(2_000_000);
        let fed = feed(&target, next..next + count, &line, |_| Ok(()))?;
        next += count;
        let mut round = Round::default();
        round.set(RATE, count as f64 / fed.took.as_secs_f64());
        round.set(COMMIT, fed.silence.as_secs_f64() * 1e3);
        round.set(MEMORY, mebibytes(hub.memory()?.peak));
        rounds.push(round);
    }
    Ok(rounds)
}

fn line(number: u64, out: &mut Vec<u8>) {
    let stamp = Stamp { run: RUN, lane: 0, sequence: number as u32, nanos: 0 };
    let topic = format!("https://example.com/sensors/{}", number % TOPICS);
    feed::update(&topic, Some(&format!("urn:reading:{number:012}")), &stamp, 100, out);
}
