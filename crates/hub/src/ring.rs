//! The updates that the hub holds in memory, in order. A plain value: time comes in, locks are the owner's.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    cursor::Offset,
    record::{Record, Shared},
};

/// What is held for delivery, whatever is retained for replay: shards read behind the sequencer, and a burst must not
/// overrun them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) count: u64,
    pub(crate) bytes: usize,
}

impl Default for Window {
    /// At 100 bytes an update some 20 MiB, and only while a burst fills it; of the largest bodies that the server
    /// admits several fit.
    fn default() -> Self {
        Self { count: 65_536, bytes: 32 << 20 }
    }
}

/// How long an update is held for those who come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most so many updates.
    pub count: u64,
    /// At most so many bytes: of memory, or of updates on the disk. There a segment, the indexes and some room for what
    /// comes next are beside them.
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
    /// The first one of the newest batch.
    newest: Offset,
    bytes: usize,
    retained_bytes: usize,
    retention: Retention,
    window: Window,
}

impl Ring {
    /// An empty one, whose first update will have this offset.
    pub(crate) fn new(first: Offset, retention: Retention, window: Window) -> Self {
        Self {
            records: VecDeque::new(),
            first,
            floor: first,
            newest: first,
            bytes: 0,
            retained_bytes: 0,
            retention,
            window,
        }
    }

    /// The offset that the next update gets.
    pub(crate) fn next(&self) -> Offset {
        self.first + self.records.len() as u64
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

    /// How long nothing can become too old; `None`: never does anything.
    pub(crate) fn nothing_expires_for(&self, now: SystemTime) -> Option<Duration> {
        let age = self.retention.age?;
        let end = self.records.front().and_then(|r| r.at.checked_add(age));
        // An update that comes later is too old later.
        Some(end.map_or(age, |end| end.duration_since(now).unwrap_or_default()))
    }

    /// Takes on updates that belong together, in order.
    pub(crate) fn extend(&mut self, batch: impl IntoIterator<Item = Shared>) {
        let before = self.next();
        for record in batch {
            self.push(record);
        }
        if self.next() > before {
            self.newest = before;
        }
    }

    fn push(&mut self, record: Shared) {
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
            let expired = retention.age.is_some_and(|age| expired(record, age, now));
            let fits = self.records.len() as u64 <= self.window.count && self.bytes <= self.window.bytes;
            // The newest batch stays whatever it weighs: nobody has had it yet, and it was in memory before, too.
            if !expired && (fits || self.first >= self.newest) {
                break;
            }
            self.bytes -= record.weight();
            self.records.pop_front();
            self.first += 1;
        }
    }

    /// How many retained updates bear this topic.
    pub(crate) fn count(&self, topic: &str, now: SystemTime) -> u64 {
        let from = (self.earliest_retained(now) - self.first) as usize;
        let bears = |record: &&Shared| record.topics().any(|t| t == topic);
        self.records.range(from..).filter(bears).count() as u64
    }

    /// Puts nothing in the place of each update that bears this topic, and tells of each.
    pub(crate) fn purge(&mut self, topic: &str, mut purged: impl FnMut(&Shared)) {
        for record in &mut self.records {
            if !record.topics().any(|t| t == topic) {
                continue;
            }
            let nothing = Record::purged(record.offset, record.at);
            let less = record.weight().saturating_sub(nothing.weight());
            self.bytes -= less;
            if record.offset >= self.floor {
                self.retained_bytes -= less;
            }
            purged(record);
            *record = Arc::new(nothing);
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
            ring.extend([Arc::new(draft.seal(Epoch::from_bits(0), ring.next(), now).0)]);
        }
        ring.trim(now, |_| {});
    }

    fn holding(retention: Retention) -> Ring {
        Ring::new(1, retention, Window::default())
    }

    fn retention(count: u64) -> Retention {
        Retention { count, bytes: usize::MAX, age: None }
    }

    #[test]
    fn retention_by_count_moves_the_floor_and_keeps_the_window() {
        let mut ring = holding(retention(10));
        fill(&mut ring, 25, at(0));
        assert_eq!((ring.earliest_held(at(0)), ring.earliest_retained(at(0)), ring.next()), (1, 16, 26));
        fill(&mut ring, Window::default().count, at(0));
        assert_eq!(ring.earliest_held(at(0)), 26);
    }

    #[test]
    fn retention_by_bytes_counts_what_an_update_weighs() {
        let mut ring = holding(retention(1000));
        fill(&mut ring, 1, at(0));
        let weight = ring.bytes;
        let mut ring = holding(Retention { bytes: weight * 3, ..retention(1000) });
        fill(&mut ring, 10, at(0));
        assert_eq!(ring.earliest_retained(at(0)), 8);
    }

    #[test]
    fn what_is_too_old_is_gone_from_that_moment_on_and_freed_at_the_next_trim() {
        let mut ring = holding(Retention { age: Some(Duration::from_secs(10)), ..retention(1000) });
        fill(&mut ring, 2, at(0));
        fill(&mut ring, 3, at(5));
        assert_eq!(ring.earliest_held(at(9)), 1);
        assert_eq!((ring.earliest_held(at(10)), ring.earliest_retained(at(10))), (3, 3));
        assert_eq!(ring.nothing_expires_for(at(7)), Some(Duration::from_secs(3)));
        assert_eq!(ring.nothing_expires_for(at(12)), Some(Duration::ZERO));
        let mut forgotten = vec![];
        ring.trim(at(10), |r| forgotten.push(r.offset));
        assert_eq!(forgotten, [1, 2]);
        assert_eq!(ring.records.len(), 3);
        ring.trim(at(15), |_| {});
        assert_eq!((ring.records.len(), ring.bytes, ring.retained_bytes, ring.next()), (0, 0, 0, 6));
        assert_eq!(ring.nothing_expires_for(at(20)), Some(Duration::from_secs(10)), "of what may come");
        assert_eq!(Ring::new(1, retention(1), Window::default()).nothing_expires_for(at(20)), None);
    }

    #[test]
    fn nothing_retained_still_leaves_the_window_for_delivery() {
        let mut ring = holding(retention(0));
        fill(&mut ring, 5, at(0));
        assert_eq!((ring.earliest_held(at(0)), ring.earliest_retained(at(0))), (1, 6));
    }

    #[test]
    fn the_newest_batch_stays_until_the_next_however_large() {
        let mut ring = Ring::new(1, retention(0), Window { count: 2, bytes: usize::MAX });
        let batch = |from: Offset, n| {
            (from..from + n).map(|offset| {
                let draft = Draft::new(Update::new(Topic::new("t").unwrap(), "x"));
                Arc::new(draft.seal(Epoch::from_bits(0), offset, at(0)).0)
            })
        };
        ring.extend(batch(1, 10));
        ring.trim(at(0), |_| {});
        assert_eq!(ring.earliest_held(at(0)), 1);
        ring.extend([]);
        ring.trim(at(0), |_| {});
        assert_eq!(ring.earliest_held(at(0)), 1, "nothing is no batch");
        ring.extend(batch(11, 1));
        ring.trim(at(0), |_| {});
        assert_eq!(ring.earliest_held(at(0)), 10);
    }

    #[test]
    fn a_page_is_bounded_by_count_bytes_and_end() {
        let mut ring = holding(retention(100));
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
