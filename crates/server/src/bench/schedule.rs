//! When volleys are due. A volley is a burst, or a single event where there are no bursts.

/// Due times by arithmetic from the start, so that a late volley delays none after it.
#[derive(Debug)]
pub(super) struct Schedule {
    start: u64,
    end: u64,
    /// Volleys a second; `None`: as fast as the answers come.
    pace: Option<f64>,
    issued: u64,
}

impl Schedule {
    /// `rate` in volleys a second, or `None` for as many as go; times in nanoseconds.
    pub(super) fn new(start: u64, seconds: f64, rate: Option<f64>) -> Self {
        let end = start + (seconds * 1e9) as u64;
        Self { start, end, pace: rate, issued: 0 }
    }

    /// When the next volley is due; `None`: there is no more. Where the pace is free, the end counts.
    pub(super) fn next(&self) -> Option<u64> {
        let at = match self.pace {
            None => self.start,
            Some(pace) if pace <= 0.0 => return None,
            Some(pace) => self.start + (self.issued as f64 * 1e9 / pace) as u64,
        };
        (at < self.end).then_some(at)
    }

    /// Takes the next volley if it is due at `now`. Past the end nothing is, unless its time lay before.
    pub(super) fn take(&mut self, now: u64) -> bool {
        let due = self.next().is_some_and(|at| at <= now) && (self.pace.is_some() || now < self.end);
        self.issued += u64::from(due);
        due
    }

    /// Whether no volley will come any more.
    pub(super) fn exhausted(&self, now: u64) -> bool {
        self.next().is_none() || (self.pace.is_none() && now >= self.end)
    }

    /// Drops the volleys whose time has passed: after a burst that took longer than its turn.
    pub(super) fn skip_to(&mut self, now: u64) {
        if let Some(pace) = self.pace {
            let passed = now.saturating_sub(self.start) as f64 * pace / 1e9;
            self.issued = self.issued.max(passed.ceil() as u64);
        }
    }

    /// Whether volleys have their times, instead of following the answers.
    pub(super) fn paced(&self) -> bool {
        self.pace.is_some()
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn taken_by(schedule: &mut Schedule, now: u64) -> usize {
        std::iter::from_fn(|| schedule.take(now).then_some(())).take(10_000).count()
    }

    #[test]
    fn a_pace_is_kept_however_late_one_looks() {
        let mut schedule = Schedule::new(5, 2.0, Some(500.0));
        assert_eq!(taken_by(&mut schedule, 5), 1);
        assert_eq!(schedule.next(), Some(5 + SECOND / 500));
        assert_eq!(taken_by(&mut schedule, 5 + SECOND), 500);
        assert!(!schedule.exhausted(5 + SECOND));
        assert_eq!(taken_by(&mut schedule, 5 + 100 * SECOND), 499);
        assert!(schedule.exhausted(5 + 100 * SECOND));
    }

    #[test]
    fn a_free_pace_is_always_due_until_its_end() {
        let mut schedule = Schedule::new(0, 1.0, None);
        assert_eq!(taken_by(&mut schedule, 0), 10_000);
        assert_eq!(taken_by(&mut schedule, SECOND - 1), 10_000);
        assert!(schedule.exhausted(SECOND));
        assert_eq!(taken_by(&mut schedule, SECOND), 0);
    }

    #[test]
    fn a_pace_of_nothing_sends_nothing() {
        let mut schedule = Schedule::new(0, 1.0, Some(0.0));
        assert!(schedule.exhausted(0));
        assert_eq!(taken_by(&mut schedule, SECOND), 0);
    }

    #[test]
    fn a_burst_that_took_too_long_is_not_made_up_for() {
        let mut schedule = Schedule::new(0, 10.0, Some(1.0));
        assert!(schedule.take(0));
        schedule.skip_to(3 * SECOND + 1);
        assert_eq!(schedule.next(), Some(4 * SECOND));
    }
}
