//! How long to wait before trying again: exponential, with jitter, never nothing.

use std::time::Duration;

/// No reconnection comes sooner, whatever `retry` says: `retry: 0` must not become a busy loop.
pub(crate) const FLOOR: Duration = Duration::from_millis(100);
/// Doubling stops here: a hub that is back is found within half a minute.
pub(crate) const CEILING: Duration = Duration::from_secs(30);
/// No `retry` and no `Retry-After` makes the client wait longer: it would look dead.
pub(crate) const LONGEST: Duration = Duration::from_hours(1);

/// For limits that a user may set to "never": a deadline must be a time that the clock can hold.
pub(crate) const FOREVER: Duration = Duration::from_hours(24 * 365);

/// The wait after so many failures in a row, before this one.
///
/// `base` is the reconnection time, `at_least` a `Retry-After`, `luck` a number in `0.0..1.0`. The standard
/// allows to wait longer than the reconnection time and never shorter, so jitter only adds: up to half, that
/// those who were cut together do not come back together.
pub(crate) fn delay(base: Duration, failures: u32, at_least: Duration, luck: f64) -> Duration {
    let base = base.clamp(FLOOR, LONGEST);
    let doubled = base.saturating_mul(1 << failures.min(16)).min(CEILING.max(base));
    let wait = doubled.max(at_least.min(LONGEST));
    wait + (wait / 2).min(CEILING).mul_f64(luck.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn doubles_from_the_reconnection_time_to_the_ceiling() {
        let waits: Vec<_> = (0..7).map(|n| delay(ms(1000), n, ms(0), 0.0).as_millis()).collect();
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    }

    #[test]
    fn table() {
        for (base, failures, at_least, luck, want) in [
            (ms(0), 0, ms(0), 0.0, ms(100)),          // retry: 0 is not a busy loop
            (ms(0), 3, ms(0), 0.0, ms(800)),          // nor does it stay at the floor
            (ms(60_000), 9, ms(0), 0.0, ms(60_000)),  // a server that asks for more than the ceiling gets it
            (ms(1000), 0, ms(5000), 0.0, ms(5000)),   // Retry-After lengthens
            (ms(1000), 4, ms(5000), 0.0, ms(16_000)), // and never shortens
            (ms(1000), 0, ms(0), 0.5, ms(1250)),      // jitter only adds
            (Duration::MAX, u32::MAX, ms(0), 0.0, LONGEST),
            (ms(0), 0, Duration::MAX, 0.0, LONGEST),
        ] {
            assert_eq!(
                delay(base, failures, at_least, luck),
                want,
                "{base:?} {failures} {at_least:?} {luck}"
            );
        }
    }
}
