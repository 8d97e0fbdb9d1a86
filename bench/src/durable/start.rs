//! How long a hub takes to be ready on a history that is there, after a clean stop and after a kill.

use std::{thread, time::Duration};

use super::{
    Case, Figure, Plan, Round,
    feed::{feed, filler},
    hub::Hub,
    mebibytes,
    site::disk_use,
};
use crate::{Failure, server::Installed, verdict::Bound};

const CLEAN: &str = "ready after a clean stop";
const KILLED: &str = "ready after SIGKILL";
const MEMORY: &str = "memory (RSS), the peak";
const DISK: &str = "the history on the disk";

const HISTORY: u64 = 1 << 30;
/// A filler's record, a little less.
const RECORD: u64 = 180;
/// Published before each kill, so that there is something to look at.
const BEFORE_KILL: u64 = 50_000;
/// What is put off happens now, before memory is read.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) fn case() -> Case {
    Case {
        name: "start",
        title: "starting on a history of 1 GiB",
        figures: vec![
            Figure::most(CLEAN, "s", Bound::Most(1.0)),
            Figure::most(KILLED, "s", Bound::Most(3.0)),
            Figure::most(MEMORY, "MiB", Bound::Most(64.0)),
            Figure::told(DISK, "MiB"),
        ],
        run,
    }
}

fn run(installed: &Installed, plan: Plan) -> Result<Vec<Round>, Failure> {
    let history = plan.scaled(HISTORY);
    let mut hub =
        Hub::start(installed, &["--retain-count", "1000000000", "--retain-bytes", &history.to_string()])?;
    // Beyond what is retained.
    let mut next = history / RECORD;
    feed(&hub.target()?, 0..next, &filler, |_| Ok(()))?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let mut round = Round::default();
        hub.stop()?;
        round.set(DISK, mebibytes(disk_use(&hub.history())?));
        round.set(CLEAN, hub.restart()?.as_secs_f64());
        thread::sleep(SETTLE);
        let clean = hub.memory()?.peak;
        feed(&hub.target()?, next..next + BEFORE_KILL, &filler, |_| Ok(()))?;
        next += BEFORE_KILL;
        hub.kill()?;
        round.set(KILLED, hub.restart()?.as_secs_f64());
        thread::sleep(SETTLE);
        round.set(MEMORY, mebibytes(clean.max(hub.memory()?.peak)));
        rounds.push(round);
    }
    Ok(rounds)
}
