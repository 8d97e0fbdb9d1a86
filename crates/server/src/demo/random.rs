//! Chance that one seed repeats: what the feeds make up is the same in each test.

use std::time::{SystemTime, UNIX_EPOCH};

/// `SplitMix64`: small, and good enough for prices and headlines. Nothing here is a secret.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another one each time.
    pub(super) fn of_this_run() -> Self {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        Self::new(getrandom::u64().unwrap_or_else(|_| now()))
    }

    /// One that goes its own way from here on.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// One of 0, 1, … `n` - 1. `n` is never so large that the remainder's bias could be seen.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// From -1 to 1.
    pub(super) fn swing(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_a_fork_goes_its_own_way() {
        let draw = |mut random: Random| (0..8).map(|_| random.next()).collect::<Vec<_>>();
        assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
        assert_ne!(draw(Random::new(7)), draw(Random::new(8)));
        assert_ne!(draw(Random::new(7)), draw(Random::new(7).fork()));
    }

    #[test]
    fn swings_go_both_ways_and_stay_within_one() {
        let mut random = Random::new(1);
        let swings: Vec<_> = (0..1_000).map(|_| random.swing()).collect();
        assert!(swings.iter().all(|swing| (-1.0..=1.0).contains(swing)));
        assert!(swings.iter().any(|swing| *swing < -0.9) && swings.iter().any(|swing| *swing > 0.9));
    }
}
