//! A set of places in a text, moved forward many at once.
//!
//! A place lies between two bytes: place 0 is before the first byte, place `n` after the last of `n`. A set of them is
//! a bit each, so that one machine word moves 64 places. This is the arithmetic of Cameron's "Parabix" matchers.

/// A word's worth of places.
const BITS: usize = u64::BITS as usize;

/// So many words need no allocation: topics below 256 bytes, which is nearly all of them.
const NEAR: usize = 4;

/// A set of places in one text.
#[derive(Clone)]
pub(crate) struct Places {
    near: [u64; NEAR],
    far: Vec<u64>,
    len: usize,
}

impl Places {
    /// The empty set of places in a text of so many bytes.
    pub(crate) fn in_text_of(bytes: usize) -> Self {
        let len = bytes / BITS + 1;
        Self { near: [0; NEAR], far: if len > NEAR { vec![0; len] } else { Vec::new() }, len }
    }

    /// How many words one pass over the set touches.
    #[cfg(test)]
    pub(crate) fn width(&self) -> usize {
        self.len
    }

    fn words(&self) -> &[u64] {
        if self.len > NEAR { &self.far } else { &self.near[..self.len] }
    }

    fn words_mut(&mut self) -> &mut [u64] {
        if self.len > NEAR { &mut self.far } else { &mut self.near[..self.len] }
    }

    pub(crate) fn insert(&mut self, place: usize) {
        self.words_mut()[place / BITS] |= 1 << (place % BITS);
    }

    /// Adds the place before each byte that fits.
    pub(crate) fn insert_where(&mut self, text: &[u8], fits: impl Fn(u8) -> bool) {
        for (word, bytes) in self.words_mut().iter_mut().zip(text.chunks(BITS)) {
            for (i, &byte) in bytes.iter().enumerate() {
                *word |= u64::from(fits(byte)) << i;
            }
        }
    }

    pub(crate) fn contains(&self, place: usize) -> bool {
        self.words()[place / BITS] >> (place % BITS) & 1 == 1
    }

    pub(crate) fn clear(&mut self) {
        self.words_mut().fill(0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words().iter().all(|&w| w == 0)
    }

    /// The place, if there is exactly one.
    pub(crate) fn single(&self) -> Option<usize> {
        let mut set = self.words().iter().enumerate().filter(|&(_, &w)| w != 0);
        match (set.next(), set.next()) {
            (Some((i, w)), None) if w.is_power_of_two() => Some(i * BITS + w.trailing_zeros() as usize),
            _ => None,
        }
    }

    pub(crate) fn union(&mut self, other: &Self) {
        for (a, b) in self.words_mut().iter_mut().zip(other.words()) {
            *a |= b;
        }
    }

    /// Each place before a byte of `mask` moves behind that byte; the others are gone.
    pub(crate) fn step(&mut self, mask: &Self) {
        let mut carry = 0;
        for (s, m) in self.words_mut().iter_mut().zip(mask.words()) {
            let kept = *s & m;
            *s = kept << 1 | carry;
            carry = kept >> (BITS - 1);
        }
    }

    /// From each place, every place that is reached over bytes of `mask` alone, itself too, is added.
    ///
    /// One addition does it: a run of ones in `mask`, with a one added where a place lies in it, carries through to
    /// the run's end, and the bits that it flips are those on the way.
    pub(crate) fn flood(&mut self, mask: &Self) {
        let mut carry = false;
        for (s, &m) in self.words_mut().iter_mut().zip(mask.words()) {
            let (sum, over) = (*s & m).overflowing_add(m);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            carry = over | over_again;
            *s |= sum ^ m;
        }
    }

    /// Takes away the two places inside each `%XX`, whose first bytes are in `triples`.
    pub(crate) fn leave_triples(&mut self, triples: &Self) {
        let mut before = 0;
        for (s, &t) in self.words_mut().iter_mut().zip(triples.words()) {
            let inside = t << 1 | t << 2 | before;
            before = t >> (BITS - 1) | t >> (BITS - 2);
            *s &= !inside;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A text's length, a set of places in it and a mask over its bytes.
    fn case() -> impl Strategy<Value = (usize, BTreeSet<usize>, BTreeSet<usize>)> {
        (1_usize..400).prop_flat_map(|n| {
            let places = proptest::collection::btree_set(0..=n, 0..6);
            let mask = proptest::collection::vec(proptest::bool::weighted(0.9), n)
                .prop_map(|bytes| bytes.iter().enumerate().filter_map(|(i, &b)| b.then_some(i)).collect());
            (Just(n), places, mask)
        })
    }

    fn set(n: usize, of: &BTreeSet<usize>) -> Places {
        let mut places = Places::in_text_of(n);
        for &place in of {
            places.insert(place);
        }
        places
    }

    fn list(n: usize, of: &Places) -> BTreeSet<usize> {
        (0..=n).filter(|&p| of.contains(p)).collect()
    }

    proptest! {
        #[test]
        fn flood_is_a_walk((n, from, mask) in case()) {
            let mut expected = from.clone();
            for &start in &from {
                let mut p = start;
                while mask.contains(&p) {
                    p += 1;
                    expected.insert(p);
                }
            }
            let mut places = set(n, &from);
            places.flood(&set(n, &mask));
            prop_assert_eq!(list(n, &places), expected);
        }

        #[test]
        fn step_is_one_byte((n, from, mask) in case()) {
            let mut places = set(n, &from);
            places.step(&set(n, &mask));
            prop_assert_eq!(list(n, &places), from.intersection(&mask).map(|p| p + 1).collect::<BTreeSet<_>>());
        }

        #[test]
        fn triples_are_left((n, from, starts) in case()) {
            let starts: BTreeSet<_> = starts.into_iter().filter(|s| s % 7 == 0 && s + 3 <= n).collect();
            let mut places = set(n, &from);
            places.leave_triples(&set(n, &starts));
            let inside: BTreeSet<_> = starts.iter().flat_map(|s| [s + 1, s + 2]).collect();
            prop_assert_eq!(list(n, &places), from.difference(&inside).copied().collect::<BTreeSet<_>>());
        }

        #[test]
        fn single_is_the_only_one((n, from, _) in case()) {
            let only = if from.len() == 1 { from.first().copied() } else { None };
            prop_assert_eq!(set(n, &from).single(), only);
            prop_assert_eq!(set(n, &from).is_empty(), from.is_empty());
        }
    }
}
