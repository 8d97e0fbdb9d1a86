//! One segment, looked at as a whole: what in it is whole, and does its index say the same?

use std::{io, ops::Range, sync::Arc, thread, time::Duration};

use super::{
    UpkeepError,
    head::HeadIs,
    lenient::Lenient,
    place::{Found, Place},
    walk::Walk,
};
use crate::{
    cursor::Offset,
    disk::DiskFile as _,
    log::{
        format::{Head, RECORD_HEAD},
        hash::Hasher,
        head::{LogId, SegmentHead},
        index::{Growing, Position, Sealed},
        segment::Segment,
        survey::{Survey, Tail, survey},
    },
};

/// A hub that overwrites what was purged is done with it in less.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Examined {
    pub(super) first: Offset,
    pub(super) file: Arc<Lenient>,
    pub(super) len: u64,
    pub(super) head: SegmentHead,
    pub(super) head_is: HeadIs,
    pub(super) survey: Survey,
    pub(super) index: IndexIs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexIs {
    /// It says what the records say.
    Whole,
    Missing,
    Damaged,
}

impl Examined {
    /// The offset behind the last whole update.
    pub(super) fn next(&self) -> Offset {
        self.first + u64::from(self.survey.index.count())
    }
}

/// Reads a segment of the log with this id, as far as that is known; `None`: it is gone. Without a hasher the hashes of
/// its index cannot be compared.
pub(super) fn examine(
    place: &Place,
    segment: &Found,
    tail: Tail,
    id: Option<LogId>,
    hasher: Option<&Hasher>,
    in_use: bool,
) -> Result<Option<Examined>, UpkeepError> {
    let Some(file) = place.file(segment)? else { return Ok(None) };
    let first = segment.first;
    let failed = || place.failed(format!("reading {}", Segment::name(first)));
    let len = file.len().map_err(failed())?;
    let (head_is, head) = place.head(&file, first, id)?;
    // What a hasher of no log finds is looked at by nobody.
    let key = hasher.copied().unwrap_or(Hasher::new([0; 16]));
    let len = if in_use && tail != Tail::Whole {
        Walk::end(&file, head, len, tail).map_err(failed())?
    } else {
        len
    };
    let look = || survey(&*file, head, len, &key, tail).map_err(failed());
    let mut found = look()?;
    if in_use && !found.holes.is_empty() {
        thread::sleep(PAUSE);
        found = look()?;
    }
    let index = match index_is(place, first, &file, &found, hasher.is_some()) {
        Ok(index) => index,
        Err(error) if error.kind() == io::ErrorKind::NotFound => IndexIs::Missing,
        Err(_) => IndexIs::Damaged,
    };
    Ok(Some(Examined { first, file, len, head, head_is, survey: found, index }))
}

fn index_is(
    place: &Place,
    first: Offset,
    file: &Lenient,
    found: &Survey,
    compare_hashes: bool,
) -> io::Result<IndexIs> {
    let index = Sealed::open(place.disk.open(&Segment::index_name(first))?)?;
    index.check()?;
    let records = &found.index;
    let same = index.first() == first
        && index.end() == found.end
        && index.count() == records.count()
        && same_positions(&index, records)?
        && (!compare_hashes || finds_the_same(&index, records, file)?);
    Ok(if same { IndexIs::Whole } else { IndexIs::Damaged })
}

fn same_positions(index: &Sealed, records: &Growing) -> io::Result<bool> {
    const BLOCK: u64 = 4096;
    let end = records.first() + u64::from(records.count());
    let mut positions = Vec::new();
    for from in (records.first()..end).step_by(BLOCK as usize) {
        positions.clear();
        index.positions(from, BLOCK as usize, &mut positions)?;
        let until = end.min(from + BLOCK);
        if !(from..until).map(|offset| records.position(offset)).eq(positions.iter().copied().map(Some)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether each record is found by what it bears. The index may know more: what has been purged since it was made.
fn finds_the_same(index: &Sealed, records: &Growing, file: &Lenient) -> io::Result<bool> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut known = records.hashes().into_iter().peekable();
    for entry in index.hashes() {
        let (hash, _) = entry?;
        // One that comes before is not in the file.
        if known.peek().is_some_and(|&(next, _)| next < hash) {
            return Ok(false);
        }
        own.clear();
        others.clear();
        if known.next_if(|&(next, _)| next == hash).is_some() {
            records.find(hash, 0, &mut own);
        }
        index.find(hash, 0, &mut others)?;
        let mut rest = own.iter().peekable();
        for &place in &others {
            if rest.next_if(|p| **p == place).is_none() && !is_purged(file, place)? {
                return Ok(false);
            }
        }
        if rest.next().is_some() {
            return Ok(false);
        }
    }
    Ok(known.next().is_none())
}

/// Whether nothing is left of the record at this place.
fn is_purged(file: &Lenient, place: Position) -> io::Result<bool> {
    let mut head = [0; RECORD_HEAD];
    let read = file.read_at(&mut head, place.into())?;
    Ok(read == RECORD_HEAD && Head::read(&head).is_purged())
}

/// Adds a range to the last one, if it goes on from that.
pub(super) fn extend(ranges: &mut Vec<Range<Offset>>, range: Range<Offset>) {
    match ranges.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}
