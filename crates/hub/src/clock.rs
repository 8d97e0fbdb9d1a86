//! Where time comes from.

use std::time::{Duration, Instant, SystemTime};

/// Where the hub takes the time from. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The time of day: for the age of updates and the expiry of tokens. May jump.
    fn wall(&self) -> SystemTime;

    /// The time since some fixed moment: for heartbeats and deadlines. Never jumps.
    fn elapsed(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
