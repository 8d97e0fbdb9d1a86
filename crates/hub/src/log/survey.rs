//! Reading all of a segment, to know what in it is whole: at a start, for a lost index, and for `verify`.

use std::{io, ops::Range};

use super::{
    checksum::Checksum,
    format::{self, RECORD_HEAD},
    hash::Hasher,
    head::{SEGMENT_HEAD, SegmentHead},
    index::{Growing, Hashes},
    scan::{Scanned, Scanner},
};
use crate::{cursor::Offset, disk::DiskFile, record::Record};

/// Bytes that are read at a time.
const AHEAD: usize = 256 << 10;

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Of all records up to `end`. One that is not whole has a place in which none will be found.
    pub(crate) index: Growing,
    /// Where the last whole submission ends.
    pub(crate) end: u64,
    /// Updates that are not whole, and before which or behind which others are.
    pub(crate) holes: Vec<Range<Offset>>,
    /// Whether something other than zeros stands behind `end`.
    pub(crate) torn: bool,
    /// What lies before was durable once, whole or not.
    pub(crate) proven: Offset,
}

/// A record, and where it begins and ends.
struct Read {
    at: u64,
    after: u64,
    record: Record,
}

impl Survey {
    /// The offset behind the last record.
    fn next(&self) -> Offset {
        self.index.first() + u64::from(self.index.count())
    }

    /// Indexes records that are there to stay.
    fn keep(&mut self, records: impl Iterator<Item = Read>, hashes: &mut Vec<u64>, hasher: &Hasher) {
        for Read { at, after, record } in records {
            push(&mut self.index, at, &record, hashes, hasher);
            self.end = after;
        }
    }

    /// Gives those that are missing at the end places, too, in a segment that ends here and before this offset.
    pub(crate) fn fill_up(&mut self, next: Offset, end: u64) {
        let missing = self.next()..next;
        if !missing.is_empty() && fill(&mut self.index, self.end, end, missing.clone()) {
            self.holes.push(missing);
        }
    }
}

/// Which part of what cannot be read was ever durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// The segment was still written to when its writer ended: what was written last may not all have been synced. All
    /// before this offset was.
    MayBeTorn(Offset),
    /// Another one follows it: all of it was durable before that was begun.
    Whole,
}

impl Tail {
    /// What lies before was durable.
    pub(crate) fn proven(self) -> Offset {
        match self {
            Self::MayBeTorn(durable) => durable,
            Self::Whole => Offset::MAX,
        }
    }
}

/// Reads the segment that begins so.
pub(crate) fn survey(
    file: &dyn DiskFile,
    head: SegmentHead,
    len: u64,
    hasher: &Hasher,
    tail: Tail,
) -> io::Result<Survey> {
    let (first, checksum) = (head.first, head.checksum());
    let mut found = Survey {
        index: Growing::new(first),
        end: SEGMENT_HEAD as u64,
        holes: Vec::new(),
        torn: false,
        proven: tail.proven(),
    };
    // Records of a submission that is not complete yet.
    let mut open: Vec<Read> = Vec::new();
    let mut next = first;
    let mut scanner = Scanner::new(file, checksum, found.end, len, AHEAD).expecting(next);
    let mut hashes = Vec::new();
    loop {
        match scanner.next()? {
            Scanned::End => break,
            Scanned::Record { at, head, bytes } => {
                let after = at + head.size;
                // A record that is whole and no update: some other program's. To be skipped like one that is not whole.
                let Some(record) = format::decode(&head, bytes) else {
                    found.keep(open.drain(..), &mut hashes, hasher);
                    fill(&mut found.index, at, after, next..next + 1);
                    found.holes.push(next..next + 1);
                    (next, found.end) = (next + 1, after);
                    continue;
                };
                let complete = record.flags & crate::record::CONTINUED == 0;
                open.push(Read { at, after, record });
                next += 1;
                if complete {
                    found.keep(open.drain(..), &mut hashes, hasher);
                }
            }
            Scanned::Bad { at } => {
                let ahead = look_ahead(file, checksum, at, len, next, found.proven)?;
                found.proven = found.proven.max(ahead.proven);
                // If some of what is missing before it had never been durable, it is a part of a torn end itself.
                let Some((place, offset)) = ahead.first.filter(|&(_, offset)| offset <= found.proven) else {
                    break;
                };
                found.keep(open.drain(..), &mut hashes, hasher);
                if !fill(&mut found.index, at, place, next..offset) {
                    break;
                }
                found.holes.push(next..offset);
                next = offset;
                scanner.go_to(place, Some(next));
            }
        }
    }
    // That the rest of their submission is damaged is no reason to lose these.
    let proven = found.proven;
    found.keep(open.into_iter().take_while(|read| read.record.offset < proven), &mut hashes, hasher);
    if tail == Tail::Whole {
        found.proven = found.next();
    }
    found.torn = is_written(file, found.end, len)?;
    Ok(found)
}

/// Whether there is anything but zeros, which the writer puts there to have room.
fn is_written(file: &dyn DiskFile, from: u64, until: u64) -> io::Result<bool> {
    let mut window = vec![0; AHEAD];
    let mut at = from;
    while at < until {
        let size = window.len().min((until - at) as usize);
        file.read_exact_at(&mut window[..size], at)?;
        if window[..size].iter().any(|&b| b != 0) {
            return Ok(true);
        }
        at += size as u64;
    }
    Ok(false)
}

/// Indexes a record.
pub(crate) fn push(index: &mut Growing, at: u64, record: &Record, hashes: &mut Vec<u64>, hasher: &Hasher) {
    hashes.clear();
    hashes.extend(record.topics().map(|topic| hasher.topic(topic)));
    let found_by = Hashes {
        topics: hashes,
        id: record.has_chosen_id().then(|| hasher.id(record.id())),
        key: record.key().map(|key| hasher.key(key.name)),
    };
    index.push(at as u32, format::micros(record.at), found_by);
}

/// Gives records that are not whole places in the bytes where they were; answers whether there are enough.
fn fill(index: &mut Growing, from: u64, until: u64, missing: Range<Offset>) -> bool {
    if until - from < missing.end - missing.start {
        return false;
    }
    let at = index.last_time();
    for i in 0..missing.end - missing.start {
        index.push((from + i) as u32, at, Hashes::default());
    }
    true
}

/// What stands behind something bad.
pub(crate) struct Ahead {
    /// The first whole record: its place, and its offset.
    pub(crate) first: Option<(u64, Offset)>,
    /// What the records say of the offset before which all was durable.
    pub(crate) proven: Offset,
}

/// Looks behind something bad, which should be the record `next`, for records that are whole. Not further than to one
/// that all before it is known to have been durable.
pub(crate) fn look_ahead(
    file: &dyn DiskFile,
    checksum: Checksum,
    bad: u64,
    len: u64,
    next: Offset,
    proven: Offset,
) -> io::Result<Ahead> {
    let mut ahead = Ahead { first: None, proven };
    let mut window = vec![0; AHEAD];
    let mut start = bad + 1;
    while start + RECORD_HEAD as u64 <= len {
        let size = window.len().min((len - start) as usize);
        file.read_exact_at(&mut window[..size], start)?;
        for i in 0..=size - RECORD_HEAD {
            let head = format::Head::read(window[i..].first_chunk().expect("so much is left"));
            let at = start + i as u64;
            let plausible = head.size >= RECORD_HEAD as u64
                && head.size <= len - at
                && head.offset > next
                && head.offset - next <= (at - bad)
                && head.durable() <= head.offset;
            if !plausible {
                continue;
            }
            let mut record = vec![0; head.size as usize];
            file.read_exact_at(&mut record, at)?;
            if format::check(&record, checksum).is_some() {
                let (_, offset) = *ahead.first.get_or_insert((at, head.offset));
                ahead.proven = ahead.proven.max(head.durable());
                if offset <= ahead.proven {
                    return Ok(ahead);
                }
            }
        }
        // The last few bytes may be the beginning of a record's head.
        start += (size - RECORD_HEAD + 1) as u64;
    }
    Ok(ahead)
}

/// Whether any record is whole in the segment that begins so.
pub(crate) fn holds_any(file: &dyn DiskFile, head: SegmentHead, len: u64) -> io::Result<bool> {
    let (at, checksum) = (SEGMENT_HEAD as u64, head.checksum());
    let mut scanner = Scanner::new(file, checksum, at, len, 0).expecting(head.first);
    Ok(matches!(scanner.next()?, Scanned::Record { .. })
        || look_ahead(file, checksum, at, len, head.first, Offset::MAX)?.first.is_some())
}
