//! One exact topic among many: it is to cost what it holds, however long the log is.

use std::time::Instant;

use headwater::bench::Stamp;

use super::{
    Case, Figure, Plan, RUN, Round,
    crowd::Crowd,
    feed::{self, Target, feed, filler},
    hub::Hub,
};
use crate::{
    Failure,
    server::Installed,
    verdict::{Bound, quantile},
};

const SHORT: &str = "first event, log of 1,000,000";
const LONG: &str = "first event, log of 10,000,000";

/// What is read off each log.
struct Names {
    first: &'static str,
    whole: &'static str,
    late: &'static str,
    fresh: &'static str,
}

const NAMES: [Names; 2] = [
    Names {
        first: SHORT,
        whole: "all 100, log of 1,000,000",
        late: "first event of a topic at the end, log of 1,000,000",
        fresh: "first event, first request after a start, log of 1,000,000",
    },
    Names {
        first: LONG,
        whole: "all 100, log of 10,000,000",
        late: "first event of a topic at the end, log of 10,000,000",
        fresh: "first event, first request after a start, log of 10,000,000",
    },
];

/// Topics of which each is spread over the whole log, and such as are the last of it. Each is asked for once after a
/// start: what has been read for one does not help the next.
const SPREAD: &str = "bench/spread";
const LATE: &str = "bench/late";
const TOPICS: u64 = 20;
/// Updates of each.
const HELD: u64 = 100;

pub(super) fn case() -> Case {
    let told = |names: &[&'static str]| names.iter().map(|name| Figure::told(name, "ms")).collect::<Vec<_>>();
    let mut figures = vec![
        Figure::median(SHORT, "ms", Bound::Most(5.0)),
        Figure::median(LONG, "ms", Bound::MostOf(1.5, SHORT)),
    ];
    for names in &NAMES {
        figures.extend(told(&[names.whole, names.late, names.fresh]));
    }
    Case { name: "topic", title: "one exact topic of 100 updates, all over a log", figures, run }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let mut rounds: Vec<Round> = (0..plan.rounds).map(|_| Round::default()).collect();
    for (names, length) in NAMES.iter().zip([1_000_000, 10_000_000].map(|length| plan.scaled(length))) {
        let retained = (2 * length).to_string();
        let mut hub = Hub::start(installed, &["--retain-count", &retained, "--retain-bytes", "16GiB"])?;
        feed(&hub.target()?, 0..length, &|number, out| line(number, length, out), |_| Ok(()))?;
        for round in &mut rounds {
            // Nothing of the log is in the hub's memory then. The kernel may still have it.
            hub.stop()?;
            hub.restart()?;
            measure(&hub.target()?, names, round)?;
        }
    }
    Ok(rounds)
}

fn measure(target: &Target, names: &Names, round: &mut Round) -> Result<(), Failure> {
    let (mut first, mut whole, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..TOPICS {
        let Some((began, ended)) = ask(target, &format!("{SPREAD}/{index}"), round)? else { return Ok(()) };
        if index == 0 {
            round.set(names.fresh, began);
        }
        first.push(began);
        whole.push(ended);
        late.extend(ask(target, &format!("{LATE}/{index}"), round)?.map(|(first, _)| first));
    }
    for (name, values) in [(names.first, &mut first), (names.whole, &mut whole), (names.late, &mut late)] {
        round.set(name, quantile(values, 0.5));
    }
    Ok(())
}

/// Milliseconds from the request to the first event and to the last; `None`: they did not all come.
fn ask(target: &Target, topic: &str, round: &mut Round) -> Result<Option<(f64, f64)>, Failure> {
    let mut subscriber = Crowd::connect(target.address, 1, RUN, 0)?;
    let mut first = None;
    let began = Instant::now();
    subscriber.ask(&format!("topic={topic}&lastEventID=earliest"))?;
    let last = subscriber.follow(HELD as u32, &mut |_| {
        first.get_or_insert_with(Instant::now);
    })?;
    round.fault(subscriber.faults(topic));
    let millis = |at: Instant| (at - began).as_secs_f64() * 1e3;
    Ok(first.zip(last).map(|(first, last)| (millis(first), millis(last))))
}

/// After every so many an update of each topic, and at the end those of the late ones, in turn.
fn line(number: u64, length: u64, out: &mut Vec<u8>) {
    let late = length - TOPICS * HELD;
    let apart = late / HELD;
    let (topic, sequence) = if number >= late {
        (format!("{LATE}/{}", (number - late) % TOPICS), (number - late) / TOPICS)
    } else if number % apart < TOPICS && number / apart < HELD {
        (format!("{SPREAD}/{}", number % apart), number / apart)
    } else {
        return filler(number, out);
    };
    feed::update(&topic, None, &Stamp { run: RUN, lane: 0, sequence: sequence as u32, nanos: 0 }, 100, out);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_log_holds_all_of_each_topic() {
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for number in 0..100_000 {
            let mut text = Vec::new();
            line(number, 100_000, &mut text);
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            *seen.entry(value["topic"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for index in 0..TOPICS {
            assert_eq!(seen[&format!("{SPREAD}/{index}")], HELD);
            assert_eq!(seen[&format!("{LATE}/{index}")], HELD);
        }
    }
}
