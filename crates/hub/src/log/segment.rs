//! One file of the log, and its index.

use std::{
    cmp::Ordering,
    collections::HashSet,
    io,
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{self, AtomicU64},
    },
    vec,
};

use super::{
    files::Files,
    filter::Filter,
    hash::Hasher,
    head::SegmentHead,
    index::{Growing, Position, Sealed, SortedHashes},
    scan::Scanner,
    survey::{Tail, survey},
};
use crate::{
    cursor::Offset,
    disk::{Disk, DiskFile},
};

/// Consecutive records in one file.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) head: SegmentHead,
    /// As the head says.
    pub(crate) first: Offset,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the last record ends. What stands behind it is not (or not yet) part of the log.
    end: AtomicU64,
    /// How long the file is, as far as its writer made it.
    room: AtomicU64,
    index: RwLock<Index>,
    /// Of a sealed one, once a chore has made it.
    filter: OnceLock<Filter>,
    /// Records that were not whole when the index was made anew, and stand in it under nothing.
    damage: Mutex<Vec<Range<Offset>>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Index {
    /// In memory: of the segment that is written, and of one that is not sealed yet.
    Growing(Arc<RwLock<Growing>>),
    /// In a file of its own.
    Sealed(Arc<Sealed>),
}

impl Index {
    pub(crate) fn growing(index: Growing) -> Self {
        Self::Growing(Arc::new(RwLock::new(index)))
    }
}

/// The hashes of an index, in order.
enum Sorted<'a> {
    Growing(vec::IntoIter<(u64, u32)>),
    Sealed(SortedHashes<'a>),
}

impl<'a> Sorted<'a> {
    fn of(index: &'a Index) -> Self {
        match index {
            Index::Growing(index) => {
                let hashes = index.read().expect("no code that holds this lock panics").hashes();
                Self::Growing(hashes.into_iter())
            }
            Index::Sealed(index) => Self::Sealed(index.hashes()),
        }
    }
}

impl Iterator for Sorted<'_> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Growing(hashes) => hashes.next().map(|(hash, _)| Ok(hash)),
            Self::Sealed(hashes) => hashes.next().map(|entry| entry.map(|(hash, _)| hash)),
        }
    }
}

/// Reads an index wherever it is.
macro_rules! read {
    ($self:expr, $index:ident => $memory:expr, $sealed:ident => $disk:expr) => {
        match $self.index() {
            Index::Growing(index) => {
                let $index = index.read().expect("no code that holds this lock panics");
                Ok($memory)
            }
            Index::Sealed($sealed) => $disk,
        }
    };
}

impl Segment {
    pub(crate) fn new(head: SegmentHead, file: Arc<dyn DiskFile>, end: u64, index: Index) -> Self {
        Self {
            head,
            first: head.first,
            file,
            end: AtomicU64::new(end),
            room: AtomicU64::new(end),
            index: RwLock::new(index),
            filter: OnceLock::new(),
            damage: Mutex::default(),
        }
    }

    pub(crate) fn name(first: Offset) -> String {
        format!("{first:020}.log")
    }

    pub(crate) fn index_name(first: Offset) -> String {
        format!("{first:020}.idx")
    }

    /// The first offset of a segment whose file, or whose index's, has this name.
    pub(crate) fn first_of(name: &str, extension: &str) -> Option<Offset> {
        let digits = name.strip_suffix(extension)?;
        (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
    }

    pub(crate) fn index(&self) -> Index {
        self.index.read().expect("no code that holds this lock panics").clone()
    }

    pub(crate) fn set_index(&self, index: Index) {
        *self.index.write().expect("no code that holds this lock panics") = index;
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(atomic::Ordering::Acquire)
    }

    pub(crate) fn set_end(&self, end: u64) {
        self.end.store(end, atomic::Ordering::Release);
    }

    pub(crate) fn room(&self) -> u64 {
        self.room.load(atomic::Ordering::Relaxed)
    }

    pub(crate) fn set_room(&self, room: u64) {
        self.room.store(room, atomic::Ordering::Relaxed);
    }

    /// Reads its records from a place on, so many bytes at a time.
    pub(crate) fn scan(&self, at: u64, ahead: usize) -> Scanner<'_> {
        Scanner::new(&*self.file, self.head.checksum(), at, self.end(), ahead)
    }

    pub(crate) fn count(&self) -> u64 {
        match self.index() {
            Index::Growing(index) => {
                index.read().expect("no code that holds this lock panics").count().into()
            }
            Index::Sealed(index) => index.count().into(),
        }
    }

    /// The offset behind the last record.
    pub(crate) fn next(&self) -> Offset {
        self.first + self.count()
    }

    /// The time of the first record, in microseconds since 1970; 0 where there is none.
    pub(crate) fn first_time(&self) -> u64 {
        match self.index() {
            Index::Growing(index) => index.read().expect("no code that holds this lock panics").first_time(),
            Index::Sealed(index) => index.first_time(),
        }
    }

    /// The time of the last record, in microseconds since 1970; 0 where there is none.
    pub(crate) fn last_time(&self) -> u64 {
        match self.index() {
            Index::Growing(index) => index.read().expect("no code that holds this lock panics").last_time(),
            Index::Sealed(index) => index.last_time(),
        }
    }

    /// Whether any of its records can be found by a chosen id.
    pub(crate) fn has_ids(&self) -> bool {
        match self.index() {
            Index::Growing(index) => index.read().expect("no code that holds this lock panics").ids() > 0,
            Index::Sealed(index) => index.ids() > 0,
        }
    }

    /// Whether any of its records can be found by a key.
    pub(crate) fn has_keys(&self) -> bool {
        match self.index() {
            Index::Growing(index) => index.read().expect("no code that holds this lock panics").keys() > 0,
            Index::Sealed(index) => index.keys() > 0,
        }
    }

    /// Where the record with this offset begins; for the one behind the last, the end.
    pub(crate) fn position(&self, offset: Offset, hasher: &Hasher) -> io::Result<Option<u64>> {
        self.mended(hasher, || {
            let position = read!(self, index => index.position(offset), sealed => sealed.position(offset))?;
            Ok(position.map(u64::from))
        })
    }

    /// Appends the places of the records with this hash that begin at `from` or later, in order.
    pub(crate) fn find(
        &self,
        hash: u64,
        from: u64,
        hasher: &Hasher,
        into: &mut Vec<Position>,
    ) -> io::Result<()> {
        let Ok(from) = Position::try_from(from) else { return Ok(()) };
        if self.surely_lacks(hash) {
            return Ok(());
        }
        let before = into.len();
        self.mended(hasher, || {
            into.truncate(before);
            read!(self, index => index.find(hash, from, into), sealed => sealed.find(hash, from, into))
        })
    }

    /// The first of these places: so many at the most.
    pub(crate) fn find_first(
        &self,
        hash: u64,
        from: u64,
        most: usize,
        hasher: &Hasher,
        into: &mut Vec<Position>,
    ) -> io::Result<()> {
        let Ok(from) = Position::try_from(from) else { return Ok(()) };
        if self.surely_lacks(hash) {
            return Ok(());
        }
        let before = into.len();
        self.mended(hasher, || {
            into.truncate(before);
            read!(self, index => {
                index.find(hash, from, into);
                into.truncate(before.saturating_add(most));
            }, sealed => sealed.find_first(hash, from, most, into))
        })
    }

    /// What has been found not to be whole since this was last asked. No lookup finds it any more, so it is to be asked
    /// after each.
    pub(crate) fn take_damage(&self) -> Vec<Range<Offset>> {
        std::mem::take(&mut *self.damage.lock().expect("no code that holds this lock panics"))
    }

    fn surely_lacks(&self, hash: u64) -> bool {
        self.filter.get().is_some_and(|filter| !filter.may_hold(hash))
    }

    /// Makes the filter, unless it is there or takes more than `most` bytes; answers how many it takes.
    pub(crate) fn make_filter(&self, most: usize) -> io::Result<usize> {
        let Index::Sealed(index) = self.index() else { return Ok(0) };
        let bytes = Filter::bytes(index.distinct() as usize);
        if bytes <= most && self.filter.get().is_none() {
            let mut filter = Filter::with_room(index.distinct() as usize);
            for entry in index.hashes() {
                filter.insert(entry?.0);
            }
            // Only chores make one.
            let _ = self.filter.set(filter);
        }
        Ok(bytes)
    }

    /// Adds the hashes that both segments know. They are read in order, so this is quick however many there are.
    pub(crate) fn common_hashes(
        &self,
        other: &Self,
        hasher: &Hasher,
        into: &mut HashSet<u64>,
    ) -> io::Result<()> {
        for segment in [self, other] {
            segment.mended(hasher, || match segment.index() {
                Index::Growing(_) => Ok(()),
                Index::Sealed(index) => index.check(),
            })?;
        }
        let (own, others) = (self.index(), other.index());
        let (mut own, mut others) = (Sorted::of(&own).peekable(), Sorted::of(&others).peekable());
        while let (Some(a), Some(b)) = (own.peek(), others.peek()) {
            let (Ok(a), Ok(b)) = (a, b) else { return Err(io::ErrorKind::InvalidData.into()) };
            match a.cmp(b) {
                Ordering::Less => drop(own.next()),
                Ordering::Greater => drop(others.next()),
                Ordering::Equal => {
                    into.insert(*a);
                    own.next();
                }
            }
        }
        Ok(())
    }

    /// Cuts off the zeros behind the last record.
    pub(crate) fn give_back_room(&self) -> io::Result<()> {
        if self.room() > self.end() {
            self.file.set_len(self.end())?;
            self.set_room(self.end());
        }
        Ok(())
    }

    /// One that another follows, with its index in a file. Both are open only when they are used.
    pub(crate) fn sealed(head: SegmentHead, files: &Arc<Files>) -> io::Result<Self> {
        let index = Sealed::open(files.file(Self::index_name(head.first)))?;
        if (index.first(), index.log_id()) != (head.first, head.id) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the index is another segment's"));
        }
        let end = index.end();
        Ok(Self::new(head, files.file(Self::name(head.first)), end, Index::Sealed(Arc::new(index))))
    }

    /// Writes the index from memory into its file. Nothing may be appended to the segment any more.
    pub(crate) fn seal(&self, disk: &dyn Disk) -> io::Result<()> {
        let Index::Growing(index) = self.index() else { return Ok(()) };
        self.give_back_room()?;
        let bytes = index.read().expect("no code that holds this lock panics").seal(self.end(), self.head.id);
        let name = Self::index_name(self.first);
        let file = match disk.create(&name) {
            // Of an earlier try, or a damaged one. Not written over: a backup may be linked to it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&name)?;
                disk.create(&name)?
            }
            file => file?,
        };
        file.write_at(&bytes, 0)?;
        file.sync()
    }

    /// Does something with the index; if that turns out to be damaged, makes it anew from the records.
    fn mended<T>(&self, hasher: &Hasher, mut use_it: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        match use_it() {
            // Not there, or not whole.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                tracing::warn!(first = self.first, %error, "the index of a segment is made anew");
                let (next, end) = (self.next(), self.end());
                let mut survey = survey(&*self.file, self.head, end, hasher, Tail::Whole)?;
                survey.fill_up(next, end);
                self.damage.lock().expect("no code that holds this lock panics").extend(survey.holes);
                self.set_index(Index::growing(survey.index));
                use_it()
            }
            done => done,
        }
    }
}
