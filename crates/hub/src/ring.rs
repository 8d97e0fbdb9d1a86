//! The updates that the hub holds in memory, in order. A plain value: time comes in, locks are the owner's.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use crate::{cursor::Offset, record::Shared};

/// Shards read behind the sequencer, whatever is retained for replay: a burst of this many updates must not overrun
/// them. At 100 bytes an update it is some 20 MiB, and only while a burst fills it.
const WINDOW_COUNT: u64 = 65_536;
/// The same for large updates: the largest body that the server admits fits several times.
const WINDOW_BYTES: usize = 32 << 20;

/// How long an update is held for those who come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most so many updates.
    pub count: u64,
    /// At most so many bytes of memory.
    pub bytes: usize,
    /// At most so long; `None` is without end.
    pub age: Option<Duration>,
}

impl Default for Retention {
    /// 100,000 updates and 64 MiB: what a memory of its own costs a small machine without harm.
    fn default() -> Self {
        Self { count: 100_000, bytes: 64 << 20, age: None }
    }
}

/// Consecutive updates. Those from `floor` on are retained for replay; the ones before it are only there for
/// subscribers that are connected and a little behind.
#[derive(Debug)]
pub(crate) struct Ring {
    records: VecDeque<Shared>,
    /// Of the first record, or the next to be given where there is none.
    first: Offset,
    floor: Offset,
    bytes: usize,
    retained_bytes: usize,
    retention: Retention,
}

impl Ring {
    pub(crate) fn new(retention: Retention) -> Self {
        Self { records: VecDeque::new(), first: 1, floor: 1, bytes: 0, retained_bytes: 0, retention }
    }

    /// The offset that the next update gets.
    pub(crate) fn next(&self) -> Offset {
        self.first + self.records.len() as u64
    }

    pub(crate) fn get(&self, offset: Offset) -> Option<&Shared> {
        self.records.get(usize::try_from(offset.checked_sub(self.first)?).ok()?)
    }

    /// The first update that is held for a subscriber that is connected.
    pub(crate) fn earliest_held(&self, now: SystemTime) -> Offset {
        self.first.max(self.aged(now))
    }

    /// The first update that is held for one that comes back.
    pub(crate) fn earliest_retained(&self, now: SystemTime) -> Offset {
        self.floor.max(self.aged(now))
    }

    /// The first update that is not too old. Times in the ring never decrease (the sequencer sees to it).
    fn aged(&self, now: SystemTime) -> Offset {
        match self.retention.age {
            None => self.first,
            Some(age) => self.first + self.records.partition_point(|r| expired(r, age, now)) as u64,
        }
    }

    /// When the oldest update will be too old.
    pub(crate) fn next_expiry(&self) -> Option<SystemTime> {
        self.records.front().and_then(|r| r.at.checked_add(self.retention.age?))
    }

    pub(crate) fn push(&mut self, record: Shared) {
        assert_eq!(record.offset, self.next(), "offsets follow one another");
        let weight = record.weight();
        self.bytes += weight;
        self.retained_bytes += weight;
        self.records.push_back(record);
    }

    /// Forgets what is past retention, and tells of each update that can no longer be resumed from.
    pub(crate) fn trim(&mut self, now: SystemTime, mut forgotten: impl FnMut(&Shared)) {
        let retention = &self.retention;
        let next = self.next();
        while self.floor < next {
            let record = &self.records[(self.floor - self.first) as usize];
            let kept = next - self.floor <= retention.count
                && self.retained_bytes <= retention.bytes
                && !retention.age.is_some_and(|age| expired(record, age, now));
            if kept {
                break;
            }
            forgotten(record);
            self.retained_bytes -= record.weight();
            self.floor += 1;
        }
        while self.first < self.floor {
            let record = &self.records[0];
            let kept = self.records.len() as u64 <= WINDOW_COUNT
                && self.bytes <= WINDOW_BYTES
                && !retention.age.is_some_and(|age| expired(record, age, now));
            // The newest stays whatever it weighs: it has not been handed to anyone yet.
            if kept || self.records.len() == 1 && retention.age.is_none() {
                break;
            }
            self.bytes -= record.weight();
            self.records.pop_front();
            self.first += 1;
        }
    }

    /// Appends to `into` the updates from `from` on and before `until`: at most `max_items`, and no more once
    /// `max_bytes` are reached. Answers how far it got.
    pub(crate) fn read(
        &self,
        from: Offset,
        until: Offset,
        max_items: usize,
        max_bytes: usize,
        into: &mut Vec<Shared>,
    ) -> Offset {
        let start = (from.max(self.first) - self.first) as usize;
        let end = (until.min(self.next()).max(self.first) - self.first) as usize;
        let mut bytes = 0;
        let before = into.len();
        if start < end {
            for record in self.records.range(start..end).take(max_items) {
                if bytes >= max_bytes {
                    break;
                }
                bytes += record.weight();
                into.push(record.clone());
            }
        }
        from.max(self.first) + (into.len() - before) as u64
    }
}

fn expired(record: &Shared, age: Duration, now: SystemTime) -> bool {
    record.at.checked_add(age).is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::UNIX_EPOCH};

    use super::*;
    use crate::{Topic, Update, cursor::Epoch, record::Draft};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn fill(ring: &mut Ring, n: u64, now: SystemTime) {
        for _ in 0..n {
            let draft = Draft::new(Update::new(Topic::new("t").unwrap(), "x"));
            ring.push(Arc::new(draft.seal(Epoch::from_bits(0), ring.next(), now)));
        }
        ring.trim(now, |_| {});
    }

    fn retention(count: u64) -> Retention {
        Retention { count, bytes: usize::MAX, age: None }
    }

    #[test]
    fn retention_by_count_moves_the_floor_and_keeps_the_window() {
        let mut ring = Ring::new(retention(10));
        fill(&mut ring, 25, at(0));
        assert_eq!((ring.earliest_held(at(0)), ring.earliest_retained(at(0)), ring.next()), (1, 16, 26));
        fill(&mut ring, WINDOW_COUNT, at(0));
        assert_eq!(ring.earliest_held(at(0)), 26);
    }

    #[test]
    fn retention_by_bytes_counts_what_an_update_weighs() {
        let mut ring = Ring::new(retention(1000));
        fill(&mut ring, 1, at(0));
        let weight = ring.bytes;
        let mut ring = Ring::new(Retention { bytes: weight * 3, ..retention(1000) });
        fill(&mut ring, 10, at(0));
        assert_eq!(ring.earliest_retained(at(0)), 8);
    }

    #[test]
    fn what_is_too_old_is_gone_from_that_moment_on_and_freed_at_the_next_trim() {
        let mut ring = Ring::new(Retention { age: Some(Duration::from_secs(10)), ..retention(1000) });
        fill(&mut ring, 2, at(0));
        fill(&mut ring, 3, at(5));
        assert_eq!(ring.earliest_held(at(9)), 1);
        assert_eq!((ring.earliest_held(at(10)), ring.earliest_retained(at(10))), (3, 3));
        assert_eq!(ring.next_expiry(), Some(at(10)));
        let mut forgotten = vec![];
        ring.trim(at(10), |r| forgotten.push(r.offset));
        assert_eq!(forgotten, [1, 2]);
        assert_eq!(ring.records.len(), 3);
        ring.trim(at(15), |_| {});
        assert_eq!((ring.records.len(), ring.bytes, ring.retained_bytes, ring.next()), (0, 0, 0, 6));
        assert_eq!(ring.next_expiry(), None);
    }

    #[test]
    fn nothing_retained_still_leaves_the_window_for_delivery() {
        let mut ring = Ring::new(retention(0));
        fill(&mut ring, 5, at(0));
        assert_eq!((ring.earliest_held(at(0)), ring.earliest_retained(at(0))), (1, 6));
    }

    #[test]
    fn a_page_is_bounded_by_count_bytes_and_end() {
        let mut ring = Ring::new(retention(100));
        fill(&mut ring, 10, at(0));
        let read = |from, until, items, bytes| {
            let mut page = vec![];
            let next = ring.read(from, until, items, bytes, &mut page);
            (page.iter().map(|r| r.offset).collect::<Vec<_>>(), next)
        };
        assert_eq!(read(3, 6, 100, usize::MAX), (vec![3, 4, 5], 6));
        assert_eq!(read(3, 100, 2, usize::MAX), (vec![3, 4], 5));
        assert_eq!(read(9, 100, 100, usize::MAX), (vec![9, 10], 11));
        assert_eq!(read(1, 100, 100, 1), (vec![1], 2), "at least one, or nobody would get on");
        assert_eq!(read(11, 100, 100, usize::MAX), (vec![], 11));
        assert_eq!(read(12, 100, 100, usize::MAX), (vec![], 12), "a cursor ahead of the head waits");
    }
}
