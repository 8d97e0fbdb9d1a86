//! One publisher that waits for each answer, beside a loop that only appends as many bytes and syncs.

use std::time::Instant;

use headwater::bench::Stamp;

use super::{Case, Figure, Plan, RUN, Round, feed::fill, hub::Hub, post::Post, site::Floor};
use crate::{
    Failure,
    server::Installed,
    verdict::{Bound, quantile},
};

const FLOOR: &str = "floor";
const MEDIAN: &str = "latency p50";
const SLOW: &str = "latency p99";
const FLOOR_SLOW: &str = "floor p99";

const TOPIC: &str = "bench/single";
const SIZE: usize = 200;
/// As many of one, then as many of the other, so that both meet the disk in the same mood.
const TURN: u64 = 50;

pub(super) fn case() -> Case {
    Case {
        name: "single",
        title: "one connection, one durable 200-byte update after the other; floor: append and fdatasync alone",
        figures: vec![
            Figure::told(FLOOR, "µs"),
            Figure::median(MEDIAN, "µs", Bound::MostAbove(120.0, FLOOR)),
            Figure::told(FLOOR_SLOW, "µs"),
            Figure::told(SLOW, "µs"),
        ],
        run,
    }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let hub = Hub::start(installed, &["--retain-count", "100000", "--retain-bytes", "64MiB"])?;
    let target = hub.target()?;
    fill(&target, plan.scaled(250_000))?;
    let mut post = Post::connect(&target)?;
    let mut floor = Floor::create(hub.beside(), record())?;
    let mut sequence = 0;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..plan.scaled(2_000) / TURN {
            for _ in 0..TURN {
                bare.push(floor.append()?);
            }
            for _ in 0..TURN {
                let stamp = Stamp { run: RUN, lane: 0, sequence, nanos: 0 };
                sequence += 1;
                let began = Instant::now();
                post.publish(TOPIC, &stamp, SIZE)?;
                ours.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        let mut round = Round::default();
        round.set(FLOOR, quantile(&mut bare, 0.5));
        round.set(FLOOR_SLOW, quantile(&mut bare, 0.99));
        round.set(MEDIAN, quantile(&mut ours, 0.5));
        round.set(SLOW, quantile(&mut ours, 0.99));
        rounds.push(round);
    }
    Ok(rounds)
}

/// Bytes of the log that an update of this case takes, by the log's format.
fn record() -> usize {
    let event = "id: #abcdefghijkl-250000\ndata: \n\n".len() + SIZE;
    let (head, topics) = (36, 4);
    head + event + topics + 4 + TOPIC.len()
}
