//! The hub as it is: its threads, real sockets on the loopback interface, real readers. Where time matters, the test
//! owns the clock; where something must come about, the test waits for it and not for a while.

mod catch_up;
mod delivery;
mod endings;
mod frames;
mod hand_clock;
mod rest;
mod resume;
mod site;

use std::time::{Duration, Instant};

use headwater_hub::{Selector, Subscribe, Topic, Update};

/// More than anything here takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until it holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::yield_now();
    }
}

fn update(topic: &str, data: impl Into<String>) -> Update {
    Update::new(Topic::new(topic).expect("a topic"), data)
}

fn to(selector: &str) -> Subscribe {
    Subscribe::to([Selector::new(selector)])
}
