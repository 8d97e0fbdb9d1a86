//! The index of the segment that is being written, in memory.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    iter,
};

use super::{Hashes, Position};
use crate::cursor::Offset;

/// The records that bear one hash are a chain from the newest back: most lookups want the newest few. The newest is in
/// the map itself, so that what is borne once (a chosen id, a key) needs no link.
#[derive(Debug)]
pub(crate) struct Growing {
    first: Offset,
    positions: Vec<Position>,
    newest: HashMap<u64, Link, BuildHasherDefault<AsItIs>>,
    older: Vec<Link>,
    ids: u32,
    keys: u32,
    first_time: u64,
    last_time: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    position: Position,
    /// The next older one's place in `older`, or `NONE`.
    before: u32,
}

/// A segment is shorter than its positions can count, and a link costs it several bytes: there are never so many.
const NONE: u32 = u32::MAX;

impl Growing {
    /// Of a segment whose first record has this offset.
    pub(crate) fn new(first: Offset) -> Self {
        Self {
            first,
            positions: Vec::new(),
            newest: HashMap::default(),
            older: Vec::new(),
            ids: 0,
            keys: 0,
            first_time: 0,
            last_time: 0,
        }
    }

    /// Takes on the record that follows the last one; `at` is its time in microseconds since 1970.
    pub(crate) fn push(&mut self, position: Position, at: u64, hashes: Hashes<'_>) {
        assert!(self.positions.last().is_none_or(|&last| last < position), "records follow one another");
        if self.positions.is_empty() {
            self.first_time = at;
        }
        self.last_time = at;
        self.positions.push(position);
        self.ids += u32::from(hashes.id.is_some());
        self.keys += u32::from(hashes.key.is_some());
        for &hash in hashes.topics.iter().chain(&hashes.id).chain(&hashes.key) {
            self.link(hash, position);
        }
    }

    fn link(&mut self, hash: u64, position: Position) {
        match self.newest.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(Link { position, before: NONE });
            }
            Entry::Occupied(mut newest) => {
                let newest = newest.get_mut();
                // A record that bears a hash twice is found once.
                if newest.position != position {
                    let before = self.older.len() as u32;
                    self.older.push(*newest);
                    *newest = Link { position, before };
                }
            }
        }
    }

    /// The offset of the first record, or of the one that will be the first.
    pub(crate) fn first(&self) -> Offset {
        self.first
    }

    /// How many records there are.
    pub(crate) fn count(&self) -> u32 {
        self.positions.len() as u32
    }

    /// How many records have an id that the publisher chose.
    pub(crate) fn ids(&self) -> u32 {
        self.ids
    }

    /// How many records have an idempotency key.
    pub(crate) fn keys(&self) -> u32 {
        self.keys
    }

    /// The time of the first record, in microseconds since 1970; 0 where there is none.
    pub(crate) fn first_time(&self) -> u64 {
        self.first_time
    }

    /// The time of the last record.
    pub(crate) fn last_time(&self) -> u64 {
        self.last_time
    }

    /// Where the record with this offset begins.
    pub(crate) fn position(&self, offset: Offset) -> Option<Position> {
        let i = offset.checked_sub(self.first)?;
        self.positions.get(usize::try_from(i).ok()?).copied()
    }

    /// Where each record begins.
    pub(super) fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Appends the positions of the records with this hash that begin at `from` or later, in order.
    pub(crate) fn find(&self, hash: u64, from: Position, into: &mut Vec<Position>) {
        let Some(&newest) = self.newest.get(&hash) else { return };
        let before = into.len();
        into.extend(self.chain(newest).take_while(|&position| position >= from));
        into[before..].reverse();
    }

    /// The positions of a chain, from the newest back.
    pub(super) fn chain(&self, newest: Link) -> impl Iterator<Item = Position> {
        let older = |link: &Link| self.older.get(link.before as usize).copied();
        iter::successors(Some(newest), older).map(|link| link.position)
    }

    /// All hashes in order, each with the number of its records.
    pub(crate) fn hashes(&self) -> Vec<(u64, u32)> {
        self.sorted().into_iter().map(|(hash, newest)| (hash, self.chain(newest).count() as u32)).collect()
    }

    /// All chains, in the order of their hashes.
    pub(super) fn sorted(&self) -> Vec<(u64, Link)> {
        let mut chains: Vec<_> = self.newest.iter().map(|(&hash, &newest)| (hash, newest)).collect();
        chains.sort_unstable_by_key(|&(hash, _)| hash);
        chains
    }

    /// How many hashes there are, each with how many records, added up.
    pub(super) fn postings(&self) -> u32 {
        (self.newest.len() + self.older.len()) as u32
    }
}

/// The hashes are keyed and spread well already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes of 64 bits are looked up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(index: &Growing, hash: u64, from: Position) -> Vec<Position> {
        let mut into = vec![7];
        index.find(hash, from, &mut into);
        assert_eq!(into.remove(0), 7, "what was found comes after what was there");
        into
    }

    fn three() -> Growing {
        let mut index = Growing::new(10);
        index.push(64, 1_000, Hashes { topics: &[1, 2], ..Hashes::default() });
        index.push(100, 1_001, Hashes { topics: &[1], id: Some(3), key: Some(4) });
        index.push(200, 1_001, Hashes { topics: &[2, 1], id: Some(3), key: None });
        index
    }

    #[test]
    fn a_hash_is_found_in_order_and_from_a_position_on() {
        let index = three();
        assert_eq!(found(&index, 1, 0), [64, 100, 200]);
        assert_eq!(found(&index, 1, 65), [100, 200]);
        assert_eq!(found(&index, 1, 100), [100, 200]);
        assert_eq!(found(&index, 1, 201), []);
        assert_eq!(found(&index, 2, 0), [64, 200]);
        assert_eq!(found(&index, 3, 0), [100, 200]);
        assert_eq!(found(&index, 4, 0), [100]);
        assert_eq!(found(&index, 5, 0), []);
        assert_eq!(index.hashes(), [(1, 3), (2, 2), (3, 2), (4, 1)]);
    }

    #[test]
    fn records_are_counted_and_placed() {
        let index = three();
        assert_eq!((index.first(), index.count(), index.ids(), index.keys()), (10, 3, 2, 1));
        assert_eq!((index.first_time(), index.last_time()), (1_000, 1_001));
        assert_eq!(
            [9, 10, 12, 13, u64::MAX].map(|o| index.position(o)),
            [None, Some(64), Some(200), None, None]
        );
        let none = Growing::new(1);
        assert_eq!((none.count(), none.first_time(), none.position(1)), (0, 0, None));
    }

    #[test]
    fn a_record_with_a_hash_twice_is_found_once() {
        let mut index = Growing::new(1);
        index.push(64, 0, Hashes { topics: &[1, 2, 1], ..Hashes::default() });
        index.push(99, 0, Hashes { topics: &[1, 1], ..Hashes::default() });
        assert_eq!(found(&index, 1, 0), [64, 99]);
        assert_eq!(index.postings(), 3);
    }

    /// Half of the hashes are of topics that are used again and again, half of ids that are used once; then all of
    /// them once, which is the worst.
    #[test]
    fn it_is_small() {
        for (topics, most) in [(10_000, 4_000_000), (100_000, 5_000_000)] {
            let mut index = Growing::new(1);
            for i in 0..100_000 {
                let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let topic = spread(u64::from(i % topics));
                index.push(
                    i,
                    0,
                    Hashes { topics: &[topic], id: Some(spread(1 << 40 | u64::from(i))), key: None },
                );
            }
            let link = size_of::<Link>();
            // A byte beside each place, and an eighth of the places stays free.
            let table = (index.newest.capacity() * 8 / 7).next_power_of_two() * (8 + link + 1);
            let bytes = index.positions.capacity() * 4 + index.older.capacity() * link + table;
            assert!(bytes < most, "{bytes} bytes with {topics} topics");
        }
    }
}
