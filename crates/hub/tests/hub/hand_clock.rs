//! A clock that a test moves by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use headwater_hub::{Clock, Hub};

use crate::update;

/// The topic of the updates that ring the shards.
pub(crate) const HANDS: &str = "the hands move";

#[derive(Debug, Default)]
pub(crate) struct HandClock {
    millis: AtomicU64,
}

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Moves the clock. A shard that waits on the machine's clock is rung by an update.
    pub(crate) fn advance(&self, by: Duration, hub: &Hub) {
        self.millis.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
        hub.publish(update(HANDS, "")).wait().expect("the hub is open");
    }
}

/// Lets all time pass when it is dropped, so that a test that fails does not leave a thread waiting for the hands.
pub(crate) struct RunsOut<'a>(pub(crate) &'a HandClock, pub(crate) &'a Hub);

impl Drop for RunsOut<'_> {
    fn drop(&mut self) {
        self.0.millis.fetch_add(1_000_000_000, Ordering::SeqCst);
        let _ = self.1.publish(update(HANDS, ""));
    }
}

impl Clock for HandClock {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
