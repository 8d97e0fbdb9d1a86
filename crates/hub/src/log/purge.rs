//! Forgetting topics: served no more at once, overwritten by a chore.

use std::{collections::HashSet, io, sync::Arc};

use super::{Log, Segment, index::Position, lookup::read_at, manifest::Purge, redo};
use crate::{Topic, record::Record};

/// Records that are being overwritten. Until that is done any of them may be half of each.
#[derive(Debug, Clone)]
pub(super) struct Overwriting {
    segment: Arc<Segment>,
    places: Arc<[Position]>,
}

/// Records that are overwritten before publishers, who wait for the same segment, have their turn.
const AT_ONCE: usize = 256;

impl Purge {
    /// Whether this one is to be forgotten.
    pub(super) fn dooms(&self, record: &Record) -> bool {
        record.offset < self.before && record.topics().any(|topic| topic == self.topic.as_str())
    }
}

impl Log {
    /// Forgets the updates that bear this topic: from now on they are not read any more, and a chore overwrites them.
    pub(crate) fn purge(&self, topic: &Topic) -> io::Result<()> {
        let earlier = {
            let mut state = self.state_mut();
            let purge = Purge { topic: topic.clone(), before: state.next };
            let purges = &mut state.manifest.purges;
            let earlier: Vec<_> = purges.extract_if(.., |purge| purge.topic == *topic).collect();
            purges.push(purge);
            earlier
        };
        if let Err(error) = self.store_manifest() {
            let purges = &mut self.state_mut().manifest.purges;
            purges.retain(|purge| purge.topic != *topic);
            purges.extend(earlier);
            return Err(error);
        }
        self.bell.ring();
        Ok(())
    }

    /// Whether the record at this place is none any more, or soon will be none.
    pub(super) fn is_being_overwritten(&self, segment: &Segment, place: Position) -> bool {
        let state = self.state();
        let here = state.overwriting.as_ref().filter(|o| o.segment.first == segment.first);
        here.is_some_and(|o| o.places.contains(&place))
    }

    /// Overwrites what was purged.
    pub(super) fn overwrite_purged(&self) -> io::Result<()> {
        let begun = self.state().overwriting.clone();
        if let Some(begun) = begun {
            if self.state().segments[0].first <= begun.segment.first {
                self.overwrite(&begun)?;
            } else {
                self.end_overwriting()?;
            }
        }
        let purges = self.state().manifest.purges.clone();
        if !purges.is_empty() {
            // What is noted must be there after a crash, or something else would be overwritten in its place.
            let mut writer = self.writer();
            self.mend(&mut writer)?;
            if writer.unsynced.is_some() {
                writer.sync(&self.active())?;
            }
        }
        let mut done = Ok(());
        for purge in &purges {
            // One that fails must not keep the others from being forgotten; but what has been begun is noted in one place.
            if self.state().overwriting.is_some() {
                break;
            }
            done = done.and(self.overwrite_all_of(purge));
        }
        done
    }

    fn overwrite_all_of(&self, purge: &Purge) -> io::Result<()> {
        let segments: Vec<_> = self.state().segments.iter().cloned().collect();
        let hash = self.hasher.topic(purge.topic.as_str());
        for segment in &segments {
            let mut places = Vec::new();
            segment.find(hash, 0, &self.hasher, &mut places)?;
            let (doomed, ids) = self.doomed(segment, &places, purge)?;
            if doomed.is_empty() {
                continue;
            }
            self.forget_ids(ids, &segments);
            self.write_down()?;
            self.begin_overwriting(segment, doomed)?;
        }
        self.state_mut().manifest.purges.retain(|p| p != purge);
        self.store_manifest()
    }

    /// Which of the records at these places are to be overwritten, and the hashes of their ids if they chose them.
    fn doomed(
        &self,
        segment: &Segment,
        places: &[Position],
        purge: &Purge,
    ) -> io::Result<(Vec<Position>, HashSet<u64>)> {
        let (mut doomed, mut ids) = (Vec::new(), HashSet::new());
        for &place in places {
            if let Some(record) = read_at(segment, place)?.filter(|record| purge.dooms(record)) {
                doomed.push(place);
                ids.extend(record.has_chosen_id().then(|| self.hasher.id(record.id())));
            }
        }
        Ok((doomed, ids))
    }

    fn begin_overwriting(&self, segment: &Arc<Segment>, places: Vec<Position>) -> io::Result<()> {
        redo::note(&*self.disk, segment.first, &places)?;
        let begun = Overwriting { segment: segment.clone(), places: places.into() };
        self.state_mut().overwriting = Some(begun.clone());
        self.overwrite(&begun)
    }

    /// Overwrites, for the first time or once more: after a failure nobody knows what the disk has.
    fn overwrite(&self, begun: &Overwriting) -> io::Result<()> {
        let segment = &begun.segment;
        for places in begun.places.chunks(AT_ONCE) {
            // Of a sync that fails only one caller is told. While the segment is written, it must be the writer.
            let mut writer = Some(self.writer()).filter(|_| Arc::ptr_eq(segment, &self.active()));
            write(segment, places)?;
            match &mut writer {
                Some(writer) => writer.sync(segment)?,
                None => segment.file.sync()?,
            }
        }
        self.end_overwriting()
    }

    fn end_overwriting(&self) -> io::Result<()> {
        redo::clear(&*self.disk)?;
        self.state_mut().overwriting = None;
        Ok(())
    }

    /// What a failed sync has left of records that are being overwritten is of no use to anybody.
    pub(super) fn overwrite_again(&self, segment: &Segment) -> io::Result<()> {
        let begun = self.state().overwriting.clone();
        match begun.filter(|begun| begun.segment.first == segment.first) {
            Some(begun) => write(segment, &begun.places),
            None => Ok(()),
        }
    }
}

fn write(segment: &Segment, places: &[Position]) -> io::Result<()> {
    places.iter().try_for_each(|&place| redo::overwrite(&*segment.file, segment.head.checksum(), place))
}
