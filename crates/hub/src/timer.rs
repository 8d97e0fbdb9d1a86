//! A timer wheel: very many deadlines, each cheap to set, none exact to more than a tick.

use std::time::Duration;

/// The grain of all deadlines. A heartbeat or an expiry that is a twentieth of a second late harms nobody.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// One turn of the wheel is 51 s: most deadlines (heartbeats) are met within one.
const SLOTS: usize = 1024;

/// A moment, in ticks since the hub's start. Enough for six years.
pub(crate) type Tick = u32;

/// The tick that a moment falls in.
pub(crate) fn tick(elapsed: Duration) -> Tick {
    (elapsed.as_millis() / TICK.as_millis()) as Tick
}

/// The ticks that a span takes: at least one, or a deadline would be due at once, again and again.
pub(crate) fn ticks(span: Duration) -> Tick {
    span.as_millis().div_ceil(TICK.as_millis()).clamp(1, u128::from(Tick::MAX / 2)) as Tick
}

/// Whose deadlines come when. An entry cannot be taken back: who is woken looks whether it is due, and sets the next.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<(Tick, u32)>>,
    /// All before this tick have been handed out.
    now: Tick,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(now: Tick) -> Self {
        Self { slots: vec![Vec::new(); SLOTS], now, len: 0 }
    }

    /// Sets an alarm for `who`. One in the past rings at the next advance.
    pub(crate) fn set(&mut self, at: Tick, who: u32) {
        let at = at.max(self.now);
        self.slots[at as usize % SLOTS].push((at, who));
        self.len += 1;
    }

    /// Moves on to `now` and collects whose alarms have rung since, up to and including it.
    pub(crate) fn advance(&mut self, now: Tick, rung: &mut Vec<(Tick, u32)>) {
        if now < self.now {
            return;
        }
        let turns = (now - self.now).min(SLOTS as Tick - 1);
        for slot in (now - turns..=now).map(|t| t as usize % SLOTS) {
            let before = rung.len();
            let entries = &mut self.slots[slot];
            let mut i = 0;
            while i < entries.len() {
                if entries[i].0 <= now {
                    rung.push(entries.swap_remove(i));
                } else {
                    i += 1;
                }
            }
            self.len -= rung.len() - before;
        }
        self.now = now + 1;
    }

    /// The next tick at which something may ring, looking no further than one turn. `None` where nothing is set.
    pub(crate) fn next(&self) -> Option<Tick> {
        if self.len == 0 {
            return None;
        }
        let ahead = (0..SLOTS).find(|&i| !self.slots[(self.now as usize + i) % SLOTS].is_empty());
        ahead.map(|i| self.now + i as Tick)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_alarm_rings_once_and_not_before_its_time(
            alarms in proptest::collection::vec((0u32..5000, 0u32..3000), 1..60),
        ) {
            // Each alarm is set after a wait, for some time ahead; a plain list is the reference.
            let mut wheel = Wheel::new(0);
            let mut pending: Vec<(Tick, u32)> = vec![];
            let mut now = 0;
            for (who, &(ahead, wait)) in alarms.iter().enumerate() {
                wheel.set(now + 1 + ahead, who as u32);
                pending.push((now + 1 + ahead, who as u32));
                let earliest = pending.iter().map(|p| p.0).min().unwrap();
                let next = wheel.next().unwrap();
                prop_assert!(next <= earliest, "next {} is past {}", next, earliest);
                now += wait;
                let mut rung = vec![];
                wheel.advance(now, &mut rung);
                rung.sort_unstable();
                let (mut due, rest): (Vec<_>, Vec<_>) = pending.into_iter().partition(|p| p.0 <= now);
                due.sort_unstable();
                prop_assert_eq!(rung, due);
                pending = rest;
                prop_assert_eq!(wheel.len, pending.len());
            }
        }
    }

    #[test]
    fn a_deadline_in_the_past_rings_at_the_next_advance() {
        let mut wheel = Wheel::new(100);
        wheel.set(3, 7);
        let mut rung = vec![];
        wheel.advance(100, &mut rung);
        assert_eq!(rung, [(100, 7)]);
        assert_eq!(wheel.next(), None);
    }
}
