//! What comes in from outside: time and chance. Tests bring their own.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime},
};

/// A sleep that somebody else's clock ends.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The clock and the dice.
pub(crate) trait Outside: Send + Sync {
    fn now(&self) -> Instant;
    /// The time of day, for `Retry-After` dates.
    fn wall(&self) -> SystemTime;
    fn sleep_until(&self, deadline: Instant) -> Sleep;
    fn random(&self) -> u128;

    fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now() + time)
    }

    /// Somewhere from 0 up to, but not including, 1.
    fn luck(&self) -> f64 {
        f64::from(self.random() as u32) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The machine's clock and the system's random numbers.
pub(crate) struct Machine;

impl Outside for Machine {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        // A machine without random numbers cannot make a TLS connection either. Here they only spread load
        // and tell publishes apart: the time and the process do that too.
        if getrandom::fill(&mut bytes).is_err() {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            return since.as_nanos() ^ (u128::from(std::process::id()) << 96);
        }
        u128::from_ne_bytes(bytes)
    }
}
