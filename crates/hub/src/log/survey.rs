//! Reading all of a segment, to know what in it is whole: at a start, for a lost index, and for `verify`.

use std::{io, ops::Range};

use super::{
    format::{self, RECORD_HEAD, SEGMENT_HEAD},
    hash::Hasher,
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
}

impl Survey {
    /// Gives those that are missing at the end places, too, in a segment that ends here and before this offset.
    pub(crate) fn fill_up(&mut self, next: Offset, end: u64) {
        let missing = self.index.first() + u64::from(self.index.count())..next;
        if !missing.is_empty() && fill(&mut self.index, self.end, end, missing.clone()) {
            self.holes.push(missing);
        }
    }
}

/// Which part of what cannot be read was ever durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// The segment was still written to when its writer ended: what was written last may not all have been synced.
    MayBeTorn,
    /// Another one follows it: all of it was durable before that was begun.
    Whole,
}

/// Reads the segment that begins with `first`.
pub(crate) fn survey(
    file: &dyn DiskFile,
    first: Offset,
    len: u64,
    hasher: &Hasher,
    tail: Tail,
) -> io::Result<Survey> {
    let mut index = Growing::new(first);
    let mut holes = Vec::new();
    let mut end = SEGMENT_HEAD as u64;
    // Records of a submission that is not complete yet.
    let mut open: Vec<(u64, Record)> = Vec::new();
    let mut next = first;
    let mut scanner = Scanner::new(file, end, len, AHEAD).expecting(next);
    let mut hashes = Vec::new();
    loop {
        match scanner.next()? {
            Scanned::End => break,
            Scanned::Record { at, head, bytes } => {
                let after = at + head.size;
                // A record that is whole and no update: some other program's. To be skipped like one that is not whole.
                let Some(record) = format::decode(&head, bytes) else {
                    keep(&mut index, &mut open, &mut hashes, hasher);
                    fill(&mut index, at, after, next..next + 1);
                    holes.push(next..next + 1);
                    (next, end) = (next + 1, after);
                    continue;
                };
                let complete = record.flags & crate::record::CONTINUED == 0;
                open.push((at, record));
                next += 1;
                if complete {
                    keep(&mut index, &mut open, &mut hashes, hasher);
                    end = after;
                }
            }
            Scanned::Bad { at } => {
                let Some((place, offset, durable)) = resume(file, at, len, next, tail)? else { break };
                // It is there, and was written after what is missing had been made durable.
                debug_assert!(tail == Tail::Whole || durable > next);
                keep(&mut index, &mut open, &mut hashes, hasher);
                if !fill(&mut index, at, place, next..offset) {
                    break;
                }
                holes.push(next..offset);
                next = offset;
                scanner.go_to(place, Some(next));
            }
        }
    }
    Ok(Survey { torn: is_written(file, end, len)?, index, end, holes })
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

/// Indexes the records of what is now known to be a whole submission, or is damage that must not hide them.
fn keep(index: &mut Growing, open: &mut Vec<(u64, Record)>, hashes: &mut Vec<u64>, hasher: &Hasher) {
    for (at, record) in open.drain(..) {
        push(index, at, &record, hashes, hasher);
    }
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

/// Looks behind something bad for a record that says that what was there had been durable: its place, its offset, and
/// the offset before which all had been.
pub(crate) fn resume(
    file: &dyn DiskFile,
    bad: u64,
    len: u64,
    next: Offset,
    tail: Tail,
) -> io::Result<Option<(u64, Offset, Offset)>> {
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
            if !plausible || (tail == Tail::MayBeTorn && head.durable() <= next) {
                continue;
            }
            let mut record = vec![0; head.size as usize];
            file.read_exact_at(&mut record, at)?;
            if format::check(&record).is_some() {
                return Ok(Some((at, head.offset, head.durable())));
            }
        }
        // The last few bytes may be the beginning of a record's head.
        start += (size - RECORD_HEAD + 1) as u64;
    }
    Ok(None)
}
