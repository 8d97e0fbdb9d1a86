//! A history that is full stays as large as it is, whatever passes through it.

use std::time::{Duration, Instant};

use super::{
    Case, Figure, Plan, Round,
    feed::{feed, filler},
    hub::Hub,
    mebibytes,
    site::disk_use,
};
use crate::{Failure, server::Installed, verdict::Bound};

const DISK: [&str; 3] =
    ["disk, from 1 to 2 million", "disk, from 10 to 11 million", "disk, from 19 to 20 million"];
const MEMORY: [&str; 3] = [
    "memory (RSS), from 1 to 2 million",
    "memory (RSS), from 10 to 11 million",
    "memory (RSS), from 19 to 20 million",
];
/// Where they begin, in millions; each is one long.
const WINDOWS: [u64; 3] = [1, 10, 19];
/// What is flat: segments come and go whole, and an allocator has its moods.
const FLAT: f64 = 1.1;
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn case() -> Case {
    let flat = |names: [&'static str; 3]| {
        let [first, second, third] = names;
        [
            Figure::told(first, "MiB"),
            Figure::median(second, "MiB", Bound::MostOf(FLAT, first)),
            Figure::median(third, "MiB", Bound::MostOf(FLAT, first)),
        ]
    };
    Case {
        name: "flat",
        title: "20 million updates, 100,000 retained, the most within each million",
        figures: flat(DISK).into_iter().chain(flat(MEMORY)).collect(),
        run,
    }
}

/// One round: it is long enough to show what grows.
fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let million = plan.scaled(1_000_000);
    let hub = Hub::start(installed, &["--retain-count", &plan.scaled(100_000).to_string()])?;
    let mut disk = [0; 3];
    let mut memory = [0; 3];
    let mut looked = Instant::now();
    feed(&hub.target()?, 0..20 * million, &filler, |answered| {
        let passing = WINDOWS.iter().position(|&begin| answered / million == begin);
        let Some(window) = passing.filter(|_| looked.elapsed() > LOOK) else { return Ok(()) };
        looked = Instant::now();
        disk[window] = disk[window].max(disk_use(&hub.history())?);
        memory[window] = memory[window].max(hub.memory()?.now);
        Ok(())
    })?;
    let mut round = Round::default();
    for window in 0..WINDOWS.len() {
        round.set(DISK[window], mebibytes(disk[window]));
        round.set(MEMORY[window], mebibytes(memory[window]));
    }
    Ok(vec![round])
}
