//! Numbers from a seed (`SplitMix64`): what is published, who listens how, and when the hub is killed.

use std::ops::Range;

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of several who throw at the same time.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.within(0..n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.within(0..from.len() as u64) as usize]
    }

    /// So many characters, of one byte and of more, and some line breaks.
    pub(crate) fn text(&mut self, length: u64) -> String {
        const CHARACTERS: &[char] = &['a', 'e', 'k', '0', ' ', ':', '"', '\\', 'ü', '→', '🌊', '\n'];
        (0..length).map(|_| *self.pick(CHARACTERS)).collect()
    }
}
