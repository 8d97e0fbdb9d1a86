//! The history on disk: a log in segments, each with an index of its own.
//!
//! The sequencer alone appends: a batch is one write and one sync, and only then is it seen by anybody. Readers use the
//! files beside it, each record proven by its checksum. What is neither (sealing, unlinking, overwriting) are chores,
//! done by a thread of their own. What a record looks like on disk says `format`.

pub(crate) mod checksum;
mod chores;
mod fetch;
mod files;
mod filter;
pub(crate) mod format;
pub(crate) mod hash;
pub(crate) mod head;
pub(crate) mod index;
pub(crate) mod lookup;
pub(crate) mod manifest;
mod open;
mod purge;
pub(crate) mod redo;
mod retain;
pub(crate) mod scan;
pub(crate) mod segment;
#[cfg(test)]
mod steps;
pub(crate) mod survey;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod version_1;

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use self::{
    chores::Bell,
    fetch::Unread,
    files::Files,
    hash::Hasher,
    head::{LogId, SEGMENT_HEAD, SegmentHead},
    index::Growing,
    manifest::Manifest,
    purge::Overwriting,
    segment::{Index, Segment},
    survey::{Tail, survey},
};
use crate::{
    Retention, SyncPolicy,
    cursor::{Cursor, Epoch, Offset},
    disk::Disk,
    options::RetainRule,
    record::Shared,
};

pub(crate) use self::{
    fetch::is_over,
    open::{Fresh, OpenError},
};

/// What is asked of a log.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) retention: Retention,
    pub(crate) rules: Vec<RetainRule>,
    pub(crate) sync: SyncPolicy,
    /// A segment that is longer than this is written to no more.
    pub(crate) segment_bytes: u64,
    /// The same in records.
    pub(crate) segment_count: u64,
    /// Zeros that are written behind the updates from time to time, so that the next commits need not make the file
    /// longer.
    pub(crate) ahead: usize,
}

/// Retention is a whole number of segments, give or take one: enough of them that the one too much is little.
const SEGMENTS: u64 = 64;
/// The index of the segment that is written is in memory: at 200 bytes an update some 15 MiB for the largest.
const LONGEST_SEGMENT: u64 = 64 << 20;
const SHORTEST_SEGMENT: u64 = 256 << 10;
/// The same in updates.
const FEWEST: u64 = 1024;

impl Settings {
    pub(crate) fn new(retention: Retention, rules: Vec<RetainRule>, sync: SyncPolicy) -> Self {
        let bytes = retention.bytes as u64;
        Self {
            segment_bytes: (bytes / SEGMENTS).clamp(SHORTEST_SEGMENT, LONGEST_SEGMENT),
            segment_count: (retention.count / (SEGMENTS / 4)).max(FEWEST),
            ahead: AHEAD,
            retention,
            rules,
            sync,
        }
    }
}

/// The retained updates, on disk.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    files: Arc<Files>,
    id: LogId,
    hasher: Hasher,
    settings: Settings,
    /// Held for the copying of some pointers, never across I/O.
    state: RwLock<State>,
    /// Held across I/O by the sequencer, whose one work that is, and by the chore that writes to the same files.
    writer: Mutex<Writer>,
    /// One manifest is written at a time.
    storing: Mutex<()>,
    bell: Bell,
    /// Bytes that have been appended since it was last looked where retention by bytes begins.
    unweighed: AtomicU64,
    unread: Unread,
}

/// What readers must know.
#[derive(Debug)]
struct State {
    /// Oldest first; never empty. The last one is written to.
    segments: VecDeque<Arc<Segment>>,
    next: Offset,
    /// What lies before is past retention.
    floor: Offset,
    manifest: Manifest,
    /// Something is lost that is past retention by now, and may have borne ids that others bear, too: those that are
    /// before this.
    ids_unsure_before: Offset,
    /// The manifest says more than the file.
    unwritten: bool,
    overwriting: Option<Overwriting>,
}

/// What the one who appends must know.
#[derive(Debug, Default)]
struct Writer {
    buffer: Vec<u8>,
    doubt: Doubt,
    /// What has been written and not synced begins here.
    unsynced: Option<Offset>,
    /// A new segment was begun and is perhaps half there: what comes next must stand in it, and not before it.
    rolling: bool,
    /// That the disk fails has been told.
    failing: bool,
}

/// What is not known of the last segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Doubt {
    #[default]
    None,
    /// Something may stand behind its end.
    Tail,
    /// A sync has failed: what was written since the one before may be on the disk or not, whatever later calls say.
    Synced,
}

impl Writer {
    /// Says once that the disk fails, and once that it works again.
    fn tell<T>(&mut self, done: &io::Result<T>) {
        if let Err(error) = done {
            if !std::mem::replace(&mut self.failing, true) {
                let advice = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "free some space on the disk, or lower --retain-bytes"
                    }
                    io::ErrorKind::ReadOnlyFilesystem => "mount the disk for writing",
                    io::ErrorKind::NotFound => "the directory was removed while the hub ran: restart it",
                    _ => "check the disk",
                };
                tracing::error!(
                    %error,
                    "updates cannot be stored: publishes are refused until they can be again; {advice}"
                );
            }
        } else if std::mem::take(&mut self.failing) {
            tracing::info!("updates can be stored again");
        }
    }

    /// Writes the buffer at `start`, and zeros behind it from time to time: a sync of a file that keeps its length is
    /// spared the file system's journal, which costs as much again as the data. (`headwater-bench --row durable`)
    fn write(&mut self, segment: &Segment, start: u64, ahead: usize) -> io::Result<()> {
        let len = self.buffer.len();
        let ahead = if start + len as u64 > segment.room() && len <= SMALL_COMMIT { ahead } else { 0 };
        self.buffer.resize(len + ahead, 0);
        let mut done = segment.file.write_at(&self.buffer, start);
        if ahead > 0 && done.is_err() {
            // What there is room for on a disk that is almost full is for the updates.
            segment.file.set_len(start)?;
            segment.set_room(start);
            self.buffer.truncate(len);
            done = segment.file.write_at(&self.buffer, start);
        }
        segment.set_room(segment.room().max(start + self.buffer.len() as u64));
        done
    }

    fn sync(&mut self, segment: &Segment) -> io::Result<()> {
        let done = segment.file.sync();
        if done.is_err() {
            self.doubt = Doubt::Synced;
        } else {
            self.unsynced = None;
        }
        done
    }
}

/// See [`Settings::ahead`].
const AHEAD: usize = 512 << 10;

/// A commit of more than this makes the file longer itself: beside it the journal costs little, and the zeros much.
const SMALL_COMMIT: usize = 64 << 10;

/// The buffer is kept from commit to commit up to this size.
const KEPT_BUFFER: usize = 4 << 20;

impl Log {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no code that holds this lock panics")
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("no code that holds this lock panics")
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().expect("no code that holds this lock panics")
    }

    /// The offset that the next update will get.
    pub(crate) fn next(&self) -> Offset {
        self.state().next
    }

    /// The epoch of the updates that are published now.
    pub(crate) fn epoch(&self) -> Epoch {
        self.state().manifest.epochs.current()
    }

    /// The cursor of the update at this offset.
    pub(crate) fn cursor(&self, offset: Offset) -> Cursor {
        Cursor { epoch: self.state().manifest.epochs.of(offset), offset }
    }

    /// The time of the last update: whatever the clock says, the next one is no older.
    pub(crate) fn last_time(&self) -> SystemTime {
        let last = self.state().segments.iter().rev().map(|s| s.last_time()).find(|&at| at > 0);
        format::time(last.unwrap_or_default())
    }

    fn active(&self) -> Arc<Segment> {
        self.state().segments.back().expect("there is always one").clone()
    }

    /// Makes a batch durable, in order. After an error none of it is there, and the next try may succeed.
    pub(crate) fn append(&self, batch: &[Shared]) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer();
        let done = self.try_append(&mut writer, batch);
        writer.buffer.clear();
        writer.buffer.shrink_to(KEPT_BUFFER);
        writer.tell(&done);
        done
    }

    fn try_append(&self, writer: &mut Writer, batch: &[Shared]) -> io::Result<()> {
        self.mend(writer)?;
        // If this batch begins a segment, more is durable by then: what it says of it stays true.
        let durable = writer.unsynced.unwrap_or(batch[0].offset);
        let len = batch.iter().map(|record| format::size(record) as u64).sum();
        let mut segment = self.active();
        if writer.rolling || self.is_full(&segment, len, batch[0].at) {
            segment = self.roll(writer, batch[0].offset)?;
        }
        if !segment.file.is_linked()? {
            return Err(io::ErrorKind::NotFound.into());
        }
        let start = segment.end();
        if start + len > u32::MAX.into() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a batch of more than 4 GiB"));
        }
        let checksum = segment.head.checksum();
        let mut ends = Vec::with_capacity(batch.len());
        for record in batch {
            format::encode(record, durable, checksum, &mut writer.buffer);
            ends.push(writer.buffer.len() as u64);
        }
        writer.doubt = Doubt::Tail;
        writer.write(&segment, start, self.settings.ahead)?;
        writer.unsynced = Some(durable);
        if self.settings.sync == SyncPolicy::Commit {
            writer.sync(&segment)?;
        }
        let Index::Growing(index) = segment.index() else {
            unreachable!("the last segment is never sealed");
        };
        let mut hashes = Vec::new();
        let mut index = index.write().expect("no code that holds this lock panics");
        for (record, end) in batch.iter().zip(std::iter::once(0).chain(ends)) {
            survey::push(&mut index, start + end, record, &mut hashes, &self.hasher);
        }
        drop(index);
        segment.set_end(start + len);
        self.unweighed.fetch_add(len, Ordering::Relaxed);
        self.state_mut().next += batch.len() as u64;
        writer.doubt = Doubt::None;
        Ok(())
    }

    /// Where not each commit is synced: makes durable what has been written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut writer = self.writer();
        if writer.unsynced.is_none() && writer.doubt == Doubt::None {
            return Ok(());
        }
        // After a sync that failed another one would say nothing.
        let done = self.mend(&mut writer).and_then(|()| match writer.unsynced {
            None => Ok(()),
            Some(_) => writer.sync(&self.active()),
        });
        writer.tell(&done);
        done
    }

    /// How often what was written is to be synced, where that is not each commit's business.
    pub(crate) fn sync_every(&self) -> Option<Duration> {
        match self.settings.sync {
            SyncPolicy::Commit => None,
            SyncPolicy::Every(pause) => Some(pause),
        }
    }

    fn is_full(&self, segment: &Segment, more: u64, now: SystemTime) -> bool {
        let settings = &self.settings;
        let count = segment.count();
        if count == 0 {
            return false;
        }
        // Where updates are few and short-lived, a segment must not outlive them by much.
        let old = settings.retention.age.is_some_and(|age| {
            let span = format::micros(now).saturating_sub(segment.first_time());
            u128::from(span) > age.as_micros() / u128::from(SEGMENTS / 4)
        });
        segment.end() + more > settings.segment_bytes || count >= settings.segment_count || old
    }

    /// Begins a new segment.
    fn roll(&self, writer: &mut Writer, first: Offset) -> io::Result<Arc<Segment>> {
        if writer.unsynced.is_some() {
            writer.sync(&self.active())?;
        }
        writer.rolling = true;
        let segment = create_segment(&*self.disk, SegmentHead::new(self.id, first))?;
        writer.rolling = false;
        self.state_mut().segments.push_back(segment.clone());
        self.bell.ring();
        Ok(segment)
    }

    /// Before anything is written after a failure: the last segment ends where the last good commit did.
    ///
    /// A failed write leaves bytes behind the end; the next commit, if it were shorter, would have them behind it, where
    /// a recovery might take them for records. So they are cut off.
    ///
    /// After a failed sync more is in doubt. Linux drops the pages that it could not write, or keeps them and calls them
    /// clean, so a later sync that succeeds says nothing of them. What is relied on is this alone: what an earlier
    /// successful sync covered is on the disk, except for the last block of it, which the failed write shared; and what
    /// is read after the cached pages have been dropped is what the disk has. So all of the segment is read again, what
    /// was acknowledged and is not whole is reported as lost, and nothing is ever appended to that file again.
    fn mend(&self, writer: &mut Writer) -> io::Result<()> {
        if writer.doubt == Doubt::None {
            return Ok(());
        }
        let segment = self.active();
        // Of an empty one whose replacement failed half way not even the file may be there.
        if !(writer.rolling && segment.first == self.next()) {
            let suspect = writer.doubt == Doubt::Synced;
            if !segment.file.is_linked()? {
                return Err(io::ErrorKind::NotFound.into());
            }
            segment.file.set_len(segment.end())?;
            segment.set_room(segment.end());
            // At once: should the machine fail after the next commit, what was cut off must not lie behind that.
            writer.sync(&segment)?;
            if !suspect {
                writer.doubt = Doubt::None;
                return Ok(());
            }
            writer.doubt = Doubt::Synced;
            self.read_again(&segment)?;
        }
        if segment.first < self.next() {
            self.roll(writer, self.next())?;
        } else {
            self.replace(writer, &segment)?;
        }
        self.store_manifest()?;
        writer.doubt = Doubt::None;
        Ok(())
    }

    /// Finds out what the disk has of a segment, and what is lost.
    fn read_again(&self, segment: &Segment) -> io::Result<()> {
        segment.file.forget_cached()?;
        self.overwrite_again(segment)?;
        let len = segment.file.len()?.min(segment.end());
        let survey = survey(&*segment.file, segment.head, len, &self.hasher, Tail::Whole)?;
        let next = self.next();
        let mut lost = survey.holes;
        let whole = survey.index.first() + u64::from(survey.index.count());
        lost.extend((whole < next).then_some(whole..next));
        for range in lost {
            tracing::error!(
                from = range.start,
                until = range.end,
                "a failed sync has lost updates that had been acknowledged; subscribers are told of a gap"
            );
            self.lose(range);
        }
        segment.set_end(survey.end);
        segment.set_index(Index::growing(survey.index));
        Ok(())
    }

    /// Puts a new file in the place of the last segment, which holds nothing.
    fn replace(&self, writer: &mut Writer, empty: &Segment) -> io::Result<()> {
        writer.rolling = true;
        let segment = create_segment(&*self.disk, SegmentHead::new(self.id, empty.first))?;
        writer.rolling = false;
        let mut state = self.state_mut();
        state.segments.pop_back();
        state.segments.push_back(segment);
        Ok(())
    }

    /// From now on subscribers are told that these updates are gone.
    fn lose(&self, range: Range<Offset>) {
        self.state_mut().manifest.add_lost(range);
    }

    /// Where the last loss that is known ends, of those that lie behind `offset`, at least in part.
    pub(crate) fn last_loss(&self, offset: Offset) -> Option<Offset> {
        self.state().losses().map(|lost| lost.end).filter(|&end| end > offset).max()
    }

    /// The first update from `offset` on that is not known to be lost.
    pub(crate) fn after_loss(&self, offset: Offset) -> Offset {
        self.state().after_loss(offset)
    }

    /// Writes down what is known of the log as a whole.
    fn store_manifest(&self) -> io::Result<()> {
        let _one = self.storing.lock().expect("no code that holds this lock panics");
        let manifest = {
            let mut state = self.state_mut();
            state.unwritten = false;
            state.manifest.clone()
        };
        let stored = manifest.store(&*self.disk);
        self.state_mut().unwritten |= stored.is_err();
        stored
    }

    /// The same, unless it is written down already.
    fn write_down(&self) -> io::Result<()> {
        let unwritten = self.state().unwritten;
        if unwritten { self.store_manifest() } else { Ok(()) }
    }

    /// Ends the log in good order: the next start need not wonder what was lost.
    pub(crate) fn close(&self) {
        // Let go of the writer first: the sync takes it too.
        let mended = self.mend(&mut self.writer()).and_then(|()| self.active().give_back_room());
        let ended = mended.and_then(|()| self.sync()).and_then(|()| {
            let mut state = self.state_mut();
            state.manifest.clean = Some(state.next);
            drop(state);
            self.store_manifest()
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "the history could not be closed in good order; the next start will begin a new epoch");
        }
    }
}

impl State {
    /// Updates from `before` on are past retention, up to the first segment. What was lost among them is remembered for as
    /// long as there are updates that were there then.
    fn drop_losses(&mut self, before: Offset) {
        let (first, next) = (self.segments[0].first, self.next);
        let damaged = &mut self.manifest.damaged;
        let damaged: Vec<_> = damaged.extract_if(.., |range| range.end <= first).collect();
        for range in damaged {
            self.manifest.add_lost(range);
        }
        let lost = &mut self.manifest.lost;
        if lost.iter().any(|range| (before + 1..=first).contains(&range.end)) {
            self.ids_unsure_before = next;
        }
        if self.ids_unsure_before <= first {
            lost.retain(|range| range.end > first);
        }
    }

    /// Whether something that is lost may have borne the id that the update at this offset bears.
    fn may_have_lost_its_id(&self, offset: Offset) -> bool {
        let first = self.segments[0].first;
        offset < self.ids_unsure_before || self.losses().any(|lost| lost.end > first && lost.start < offset)
    }

    fn losses(&self) -> impl Iterator<Item = &Range<Offset>> {
        self.manifest.lost.iter().chain(&self.manifest.damaged)
    }

    fn after_loss(&self, mut offset: Offset) -> Offset {
        while let Some(lost) = self.losses().find(|lost| lost.contains(&offset)) {
            offset = lost.end;
        }
        offset
    }

    /// The first lost update from `from` on and before `until`.
    fn next_loss(&self, from: Offset, until: Offset) -> Offset {
        let starts = self.losses().map(|lost| lost.start);
        starts.filter(|&start| start >= from && start < until).min().unwrap_or(until)
    }

    /// The segment that holds this offset, if it is one of those that are there.
    fn segment_of(&self, offset: Offset) -> Option<&Arc<Segment>> {
        let after = self.segments.partition_point(|s| s.first <= offset);
        self.segments.get(after.checked_sub(1)?)
    }
}

/// Where the next segment is made before it takes its name: the name of one is never that of a half.
pub(crate) const NEXT: &str = "segment.new";

/// Makes a new segment, durably: in what follows only its content must be synced. It may take the place of one that is
/// there.
pub(crate) fn create_segment(disk: &dyn Disk, head: SegmentHead) -> io::Result<Arc<Segment>> {
    let file = match disk.create(NEXT) {
        // Of an earlier try that failed half way.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(NEXT)?;
            disk.create(NEXT)?
        }
        file => file?,
    };
    file.write_at(&head.to_bytes(), 0)?;
    file.sync()?;
    disk.rename(NEXT, &Segment::name(head.first))?;
    disk.sync()?;
    let index = Index::growing(Growing::new(head.first));
    Ok(Arc::new(Segment::new(head, file, SEGMENT_HEAD as u64, index)))
}
