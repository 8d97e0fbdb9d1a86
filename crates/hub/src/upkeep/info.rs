//! What a history is, at a glance.

use std::{ops::Range, path::Path, sync::Arc, time::SystemTime};

use super::{
    UpkeepError, Watch,
    place::{Found, Place},
    step,
    top_topics::top_topics,
    walk::Walk,
};
use crate::{
    Epoch, Topic,
    log::{
        format,
        hash::Hasher,
        head::LogId,
        index::Sealed,
        manifest::VERSION,
        segment::{Index, Segment},
        survey::{Tail, survey},
    },
};

/// What [`info`] tells. Offsets in ranges: from the first one to the one before the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version of the format: the highest that one of its files has.
    pub version: u32,
    /// The history's own random name, in each of its files.
    pub id: [u8; 16],
    /// The epochs, oldest first, each with the first offset that is its own.
    pub epochs: Vec<(Epoch, u64)>,
    /// The offset of the oldest update on the disk.
    pub first: u64,
    /// The offset that the next update gets.
    pub next: u64,
    /// When the oldest one was published, if there is one.
    pub first_time: Option<SystemTime>,
    /// When the newest one was.
    pub last_time: Option<SystemTime>,
    /// Bytes of the updates.
    pub bytes: u64,
    /// Bytes of their indexes.
    pub index_bytes: u64,
    /// Files of updates.
    pub segments: usize,
    /// Whether a hub has it.
    pub in_use: bool,
    /// Whether the last hub ended in good order. `false` while one is running.
    pub clean: bool,
    /// What subscribers are told of as gaps.
    pub gaps: Vec<Range<u64>>,
    /// What a hub found damaged while it ran: the next one does not start before a [`repair`](super::repair).
    pub damaged: Vec<Range<u64>>,
    /// What is not read any more, and is yet to be overwritten.
    pub pending_purges: Vec<PendingPurge>,
    /// The topics that most updates bear, canonical or alternate, most first.
    pub topics: Vec<TopicCount>,
}

/// A topic whose updates are to be overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingPurge {
    /// The topic.
    pub topic: Topic,
    /// Updates from here on were published after the purge, and stay.
    pub before: u64,
}

/// A topic, and how often it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicCount {
    /// The topic.
    pub topic: String,
    /// How many updates bear it.
    pub updates: u64,
}

impl Info {
    /// How many updates there are between the first and the next, less those in gaps.
    pub fn updates(&self) -> u64 {
        let within = |gap: &Range<u64>| gap.end.min(self.next).saturating_sub(gap.start.max(self.first));
        (self.next - self.first).saturating_sub(self.gaps.iter().map(within).sum())
    }
}

/// Looks at a directory, and names as many of its topics. Mostly it reads the indexes, and so is quick; writes nothing,
/// and may be used while a hub has the directory.
pub fn info(path: impl AsRef<Path>, topics: usize, watch: Watch<'_>) -> Result<Info, UpkeepError> {
    let place = Place::open(path.as_ref())?;
    let in_use = place.is_in_use()?;
    let manifest = place.manifest()?;
    let hasher = Hasher::new(manifest.hash);
    let found = place.segments()?;
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    let mut index_bytes = 0;
    for (i, one) in found.iter().enumerate() {
        step(watch, i as u64, found.len() as u64)?;
        let last = i + 1 == found.len();
        let tail = if last { Tail::MayBeTorn(manifest.least_next()) } else { Tail::Whole };
        match segment(&place, one, tail, manifest.id, &hasher)? {
            Some((segment, bytes)) => {
                index_bytes += bytes;
                segments.push(Arc::new(segment));
            }
            // Retention was faster: what comes before is gone as well.
            None => segments.clear(),
        }
    }
    let topics = top_topics(&segments, &hasher, &manifest.purges, topics)
        .map_err(place.failed("reading the indexes"))?;
    step(watch, 1, 1)?;
    let first = segments.first().map_or(manifest.epochs.list()[0].1, |segment| segment.first);
    let next =
        segments.last().map_or(first, |segment| segment.next()).max(manifest.clean.unwrap_or_default());
    let time = |micros: u64| (micros > 0).then(|| format::time(micros));
    Ok(Info {
        version: segments.iter().map(|segment| segment.head.version).fold(VERSION, u32::max),
        id: manifest.id,
        epochs: manifest.epochs.list().to_vec(),
        first,
        next,
        first_time: segments.iter().find_map(|segment| time(segment.first_time())),
        last_time: segments.iter().rev().find_map(|segment| time(segment.last_time())),
        bytes: segments.iter().map(|segment| segment.end()).sum(),
        index_bytes,
        segments: segments.len(),
        in_use,
        clean: manifest.clean.is_some(),
        gaps: manifest.lost,
        damaged: manifest.damaged,
        pending_purges: manifest
            .purges
            .into_iter()
            .map(|purge| PendingPurge { topic: purge.topic, before: purge.before })
            .collect(),
        topics,
    })
}

/// A segment with its index, read or made; and how long the file of the index is. `None`: it is gone.
fn segment(
    place: &Place,
    found: &Found,
    tail: Tail,
    id: LogId,
    hasher: &Hasher,
) -> Result<Option<(Segment, u64)>, UpkeepError> {
    let Some(file) = place.file(found)? else { return Ok(None) };
    let first = found.first;
    let failed = || place.failed(format!("reading {}", Segment::name(first)));
    let (_, head) = place.head(&file, first, Some(id))?;
    let index = place.disk.open(&Segment::index_name(first)).ok().filter(|_| tail == Tail::Whole);
    let bytes = index.as_ref().and_then(|index| index.len().ok()).unwrap_or_default();
    let sealed = index.and_then(|index| Sealed::open(index).ok()).filter(|index| index.check().is_ok());
    let (end, index) = if let Some(index) = sealed {
        (index.end(), Index::Sealed(Arc::new(index)))
    } else {
        let len = match tail {
            Tail::Whole => found.len,
            Tail::MayBeTorn(_) => Walk::end(&file, head, found.len, tail).map_err(failed())?,
        };
        let survey = survey(&*file, head, len, hasher, tail).map_err(failed())?;
        (survey.end, Index::growing(survey.index))
    };
    Ok(Some((Segment::new(head, file, end, index), bytes)))
}
