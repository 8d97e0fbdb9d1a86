//! The ledger: what each subscriber has received of each of its lanes.

use std::{collections::HashMap, ops::Range};

/// Gaps remembered for one slot. More means that the stream is torn, and an event that fills a forgotten gap
/// is then told as a duplicate instead of as out of order.
const GAPS: usize = 256;

/// What the next event of a slot turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// New, at its place or after a gap.
    New,
    /// New, but later ones came before it.
    OutOfOrder,
    /// Seen before.
    Duplicate,
}

/// One number a slot while all is well; gaps stand apart, because there should be none.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: Vec<u32>,
    gaps: HashMap<u32, Vec<Range<u32>>>,
}

impl Ledger {
    /// Adds `slots` slots; answers the first one's index.
    pub(super) fn open(&mut self, slots: usize) -> u32 {
        let first = self.next.len() as u32;
        self.next.resize(self.next.len() + slots, 0);
        first
    }

    /// Enters an event.
    #[inline]
    pub(super) fn enter(&mut self, slot: u32, sequence: u32) -> Entry {
        let next = &mut self.next[slot as usize];
        if sequence == *next {
            *next = sequence.saturating_add(1);
            return Entry::New;
        }
        self.unexpected(slot, sequence)
    }

    #[cold]
    fn unexpected(&mut self, slot: u32, sequence: u32) -> Entry {
        let next = &mut self.next[slot as usize];
        let gaps = self.gaps.entry(slot).or_default();
        if sequence > *next {
            if gaps.len() == GAPS {
                gaps.remove(0);
            }
            gaps.push(*next..sequence);
            *next = sequence.saturating_add(1);
            return Entry::New;
        }
        let Some(at) = gaps.iter().position(|gap| gap.contains(&sequence)) else {
            return Entry::Duplicate;
        };
        let gap = gaps.swap_remove(at);
        gaps.extend([gap.start..sequence, sequence + 1..gap.end].into_iter().filter(|rest| !rest.is_empty()));
        Entry::OutOfOrder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Entry::{Duplicate, New, OutOfOrder};

    fn check(sequences: &[u32], expected: &[Entry]) {
        let mut ledger = Ledger::default();
        ledger.open(1);
        let slot = ledger.open(2) + 1;
        let entries: Vec<Entry> = sequences.iter().map(|&sequence| ledger.enter(slot, sequence)).collect();
        assert_eq!(entries, expected, "{sequences:?}");
        assert_eq!(ledger.enter(0, 0), New, "slots are apart");
    }

    #[test]
    fn tells_new_late_and_doubled_apart() {
        check(&[0, 1, 2], &[New, New, New]);
        check(&[0, 0, 1, 0], &[New, Duplicate, New, Duplicate]);
        check(&[0, 2, 1, 3], &[New, New, OutOfOrder, New]);
        check(&[5, 2, 2, 0, 4, 6], &[New, OutOfOrder, Duplicate, OutOfOrder, OutOfOrder, New]);
        check(&[3, 0, 1, 2, 1], &[New, OutOfOrder, OutOfOrder, OutOfOrder, Duplicate]);
    }

    #[test]
    fn a_torn_stream_is_bounded() {
        let mut ledger = Ledger::default();
        ledger.open(1);
        for i in 0..10_000 {
            assert_eq!(ledger.enter(0, i * 2 + 1), New);
        }
        assert!(ledger.gaps[&0].len() <= GAPS);
    }
}
