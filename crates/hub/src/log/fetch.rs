//! Reading pages for those who catch up.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use super::{Log, Segment, State, format, index::Position, lookup::read_at, manifest::Purge, scan::Scanned};
use crate::{
    Topic,
    cursor::Offset,
    readers::{Fetched, PAGE_BYTES, PAGE_ITEMS, Past, Want},
    record::{Record, Shared},
};

/// Segments that one page of some topics looks through at the most, so that others have their turn.
const SEGMENTS_A_PAGE: usize = 256;

/// Records that lie closer together than this are read with one call.
const CLOSE: u64 = 4 << 10;

impl Past for Log {
    fn fetch(&self, want: &Want, now: SystemTime) -> Fetched {
        let from = want.from;
        let held = self.earliest(now).max(from);
        let held = self.after_loss(held);
        if held > from {
            return Fetched { next: from, earliest: held, records: Vec::new() };
        }
        let mut page = Page {
            log: self,
            now,
            purges: self.state().manifest.purges.clone(),
            next: from,
            bytes: 0,
            records: Vec::new(),
        };
        let read = match &want.topics {
            None => page.scan(want.end()),
            Some(topics) => page.search(topics),
        };
        let earliest = match read {
            // After an error what has been read so far is handed out; the next read meets the same again, as its first.
            _ if page.next > from => from,
            read => {
                // Retention may have taken it away in the meantime, or it has just been found damaged.
                let held = self.after_loss(self.earliest(now).max(from));
                match read {
                    Err(problem) if held == from => self.meet(&problem, from),
                    _ => held,
                }
            }
        };
        Fetched { next: page.next, earliest, records: page.records }
    }

    fn floor(&self) -> Offset {
        self.state().floor
    }
}

/// Reads in a row that fail at one place before what stands there is given up.
const TRIES: u32 = 8;

/// Where reading fails, and how often it has.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<(Offset, u32)>);

impl Unread {
    /// Counts one more failure; answers how many there were in a row.
    fn fails_at(&self, offset: Offset) -> u32 {
        let mut last = self.0.lock().expect("no code that holds this lock panics");
        *last = if last.0 == offset { (offset, last.1 + 1) } else { (offset, 1) };
        last.1
    }
}

/// Why a page ends before its end.
#[derive(Debug)]
enum Problem {
    /// This update is not whole.
    Damaged(Offset),
    /// The disk does not read.
    Disk(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl Log {
    /// Nothing can be read at `from`. Answers where reading can go on.
    fn meet(&self, problem: &Problem, from: Offset) -> Offset {
        match *problem {
            Problem::Damaged(offset) => {
                self.damaged(offset..offset + 1);
                offset + 1
            }
            Problem::Disk(ref error) => {
                let lasts = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof);
                if !lasts && self.unread.fails_at(from) < TRIES {
                    // It may pass. Nothing is said to be lost: whoever asks is sent away with its cursor, and comes back.
                    tracing::warn!(%error, from, "stored updates could not be read; their subscribers come again");
                    return from;
                }
                let mut state = self.state_mut();
                let end = state.segment_of(from).map_or(from + 1, |segment| segment.next());
                let until = state.next_loss(from, end.min(state.next)).max(from + 1);
                state.manifest.add_damaged(from..until);
                state.unwritten = true;
                drop(state);
                self.bell.ring();
                tracing::error!(
                    %error, from, until,
                    "stored updates cannot be read; subscribers are told of a gap. Check the disk, then stop the hub and run \
                     `headwater history repair`"
                );
                until
            }
        }
    }

    /// Whether a lookup has found that some of a segment is damaged. From then on readers are told.
    pub(super) fn find_damage(&self, segment: &Segment) -> bool {
        let mut damage = segment.take_damage();
        damage.retain(|range| !self.state().manifest.is_lost(range));
        for range in &damage {
            self.damaged(range.clone());
        }
        !damage.is_empty()
    }

    fn damaged(&self, range: Range<Offset>) {
        tracing::error!(
            from = range.start,
            until = range.end,
            "stored updates are damaged; subscribers are told of a gap. Stop the hub when it suits you, and run \
             `headwater history repair`"
        );
        let mut state = self.state_mut();
        state.manifest.add_damaged(range);
        state.unwritten = true;
        drop(state);
        self.bell.ring();
    }

    /// Whether a rule has it that the update is replayed no more.
    fn is_over(&self, record: &Record, now: SystemTime) -> bool {
        is_over(&self.settings.rules, record, now)
    }
}

/// Whether one of the rules, the first that matches, has it that the update is replayed no more.
pub(crate) fn is_over(rules: &[crate::RetainRule], record: &Record, now: SystemTime) -> bool {
    let matching = rules.iter().find(|rule| record.topics().any(|topic| rule.selector.matches(topic)));
    let end = matching.and_then(|rule| record.at.checked_add(rule.age));
    end.is_some_and(|end| end <= now)
}

/// A page that is being filled.
struct Page<'a> {
    log: &'a Log,
    now: SystemTime,
    purges: Vec<Purge>,
    next: Offset,
    bytes: usize,
    records: Vec<Shared>,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES || self.records.len() as u64 >= PAGE_ITEMS
    }

    /// The segment that holds the next update, and how far it can be read without meeting a loss.
    fn segment(&self) -> Option<(Arc<Segment>, Offset)> {
        let state: &State = &self.log.state();
        let segment = state.segment_of(self.next)?.clone();
        let until = state.next_loss(self.next, segment.next().min(state.next));
        Some((segment, until))
    }

    /// Reads everything, before `end` and within one segment.
    fn scan(&mut self, end: Offset) -> Result<(), Problem> {
        let Some((segment, until)) = self.segment() else { return Ok(()) };
        let until = until.min(end);
        let Some(place) = segment.position(self.next, &self.log.hasher)? else { return Ok(()) };
        let mut scanner = segment.scan(place, PAGE_BYTES).expecting(self.next);
        while self.next < until && !self.is_full() {
            if let Scanned::Record { head, bytes, .. } = scanner.next()? {
                self.take(format::decode(&head, bytes).ok_or(Problem::Damaged(self.next))?);
                self.next += 1;
                continue;
            }
            // It may have been overwritten at this moment, by a purge.
            let place = scanner.place() as Position;
            let again = read_at(&segment, place)?.filter(|record| record.offset == self.next);
            match again {
                Some(record) => self.take(record),
                None if self.log.is_being_overwritten(&segment, place) => {}
                None => return Err(Problem::Damaged(self.next)),
            }
            self.next += 1;
            let place = segment.position(self.next, &self.log.hasher)?.unwrap_or(segment.end());
            scanner.go_to(place, Some(self.next));
        }
        Ok(())
    }

    /// Reads what bears one of these topics.
    fn search(&mut self, topics: &[Topic]) -> Result<(), Problem> {
        let hasher = &self.log.hasher;
        let hashes: Vec<u64> = topics.iter().map(|topic| hasher.topic(topic.as_str())).collect();
        let mut places = Vec::new();
        for _ in 0..SEGMENTS_A_PAGE {
            let Some((segment, until)) = self.segment() else { return Ok(()) };
            if until <= self.next || self.is_full() {
                return Ok(());
            }
            let from = segment.position(self.next, hasher)?.unwrap_or(segment.end());
            let before = segment.position(until, hasher)?.unwrap_or(segment.end());
            // More than a page takes are not looked up, nor is anything behind what was left out.
            let most = PAGE_ITEMS as usize + 1 - self.records.len();
            places.clear();
            let mut complete = before;
            for &hash in &hashes {
                let found = places.len();
                segment.find_first(hash, from, most, hasher, &mut places)?;
                if places.len() - found == most {
                    complete = complete.min(u64::from(*places.last().expect("there are many")));
                }
            }
            if self.log.find_damage(&segment) {
                continue;
            }
            places.sort_unstable();
            places.dedup();
            places.retain(|&place| u64::from(place) < complete);
            if !self.gather(&segment, topics, &places)? {
                return Ok(());
            }
            if complete < before {
                continue;
            }
            self.next = until;
        }
        Ok(())
    }

    /// Reads the records at these places; answers whether there was room for all.
    fn gather(&mut self, segment: &Segment, topics: &[Topic], places: &[Position]) -> Result<bool, Problem> {
        let span = places.last().zip(places.first()).map_or(0, |(last, first)| u64::from(last - first));
        let ahead = if span / (places.len().max(1) as u64) < CLOSE { PAGE_BYTES / 4 } else { 1024 };
        let mut scanner = segment.scan(0, ahead);
        for &place in places {
            if self.is_full() {
                return Ok(false);
            }
            scanner.go_to(place.into(), None);
            let record = match scanner.next()? {
                Scanned::Record { head, bytes, .. } => format::decode(&head, bytes),
                _ => read_at(segment, place)?,
            };
            let Some(record) = record else {
                let offset = self.offset_at(segment, place)?;
                if self.log.is_being_overwritten(segment, place) {
                    self.next = offset + 1;
                    continue;
                }
                return Err(Problem::Damaged(offset));
            };
            self.next = record.offset + 1;
            if record.topics().any(|t| topics.iter().any(|topic| topic.as_str() == t)) {
                self.take(record);
            }
        }
        Ok(true)
    }

    /// Which update should stand at this place.
    fn offset_at(&self, segment: &Segment, place: Position) -> io::Result<Offset> {
        let hasher = &self.log.hasher;
        super::retain::first_that(segment.first, segment.next(), |offset| {
            Ok(segment.position(offset, hasher)?.is_some_and(|p| p >= place.into()))
        })
    }

    fn take(&mut self, record: Record) {
        let purged = self.purges.iter().any(|purge| purge.dooms(&record));
        if purged || record.topics().len() == 0 || self.log.is_over(&record, self.now) {
            return;
        }
        self.bytes += record.weight();
        self.records.push(Arc::new(record));
    }
}
