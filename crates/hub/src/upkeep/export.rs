//! All retained updates, one after the other.

use std::{collections::VecDeque, ops::Range, path::Path, time::SystemTime};

use headwater_sse::{Decoder, EventId, EventType, Item, Limits};

use super::{
    Progress, UpkeepError,
    place::{Found, Place},
    walk::{Step, Walk},
};
use crate::{
    Topic, Update,
    cursor::Offset,
    framing::Framing,
    log::{manifest::Manifest, survey::Tail},
    record::Record,
};

/// An update, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retained {
    /// Its offset.
    pub offset: u64,
    /// When it was published.
    pub at: SystemTime,
    /// As it was published, but that line breaks in its data are LF. It has an id only if the publisher chose one.
    pub update: Update,
}

/// Reads all retained updates in their order. The directory may be in use: what was published before this was opened is
/// read, unless retention drops it meanwhile; of what is published later, nothing or some.
///
/// What was purged is left out, and so is what subscribers are told of as a gap. For other updates that are not whole
/// there is one [`UpkeepError::NotWhole`], after which it goes on. Any other error ends it.
///
/// How long updates are retained is an option of the hub, not known here: what is past that and not yet removed from
/// the disk is among them.
#[derive(Debug)]
pub struct Export {
    place: Place,
    /// The segments that were there at the beginning and have not been read, oldest first.
    segments: VecDeque<Found>,
    in_use: bool,
    manifest: Manifest,
    decoder: Decoder,
    walk: Option<Walk>,
    /// Bytes of the segments that have been read, and of all.
    done: u64,
    total: u64,
    /// Where the open segment is to end: the next one's beginning, or the clean end.
    until: Option<Offset>,
    failed: bool,
}

impl Export {
    /// Opens a directory, and locks nothing.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, UpkeepError> {
        let place = Place::open(path.as_ref())?;
        let in_use = place.is_in_use()?;
        // First of all: a clean end that is older than what is read would hide what is missing, not make it up.
        let manifest = place.manifest()?;
        let segments = place.segments()?;
        Ok(Self {
            total: segments.iter().map(|segment| segment.len).sum(),
            place,
            segments,
            in_use,
            manifest,
            decoder: Decoder::with_limits(Limits { line: usize::MAX, event: usize::MAX, id: usize::MAX }),
            walk: None,
            done: 0,
            until: None,
            failed: false,
        })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let here = self.walk.as_ref().map_or(0, Walk::place);
        Progress { done: (self.done + here).min(self.total), total: self.total }
    }

    fn advance(&mut self) -> Result<Option<Retained>, UpkeepError> {
        loop {
            let Some(walk) = &mut self.walk else {
                if self.next_segment()? {
                    continue;
                }
                return Ok(None);
            };
            let step = walk.next().map_err(self.place.failed("reading a segment"))?;
            match step {
                Some(Step::Record(record)) => {
                    if let Some(retained) = self.take(&record)? {
                        return Ok(Some(retained));
                    }
                }
                Some(Step::Hole(range)) => self.miss(range)?,
                None => {
                    let end = walk.next_offset();
                    self.done += walk.place();
                    self.walk = None;
                    if let Some(until) = self.until.filter(|&until| until > end) {
                        self.miss(end..until)?;
                    }
                }
            }
        }
    }

    fn next_segment(&mut self) -> Result<bool, UpkeepError> {
        while let Some(found) = self.segments.pop_front() {
            // Retention was faster by far.
            let Some(file) = self.place.file(&found)? else { continue };
            let last = self.segments.is_empty();
            if self.in_use {
                // Purges come while this reads, and what they name must not be read any more.
                self.manifest = self.place.manifest()?;
            }
            let tail = if last && self.manifest.clean.is_none() {
                Tail::MayBeTorn(self.manifest.least_next())
            } else {
                Tail::Whole
            };
            self.until =
                if last { self.manifest.clean } else { self.segments.front().map(|segment| segment.first) };
            let (_, head) = self.place.head(&file, found.first, Some(self.manifest.id))?;
            self.walk = Some(Walk::new(file, head, found.len, tail, self.in_use));
            return Ok(true);
        }
        Ok(false)
    }

    /// An error, unless subscribers are told of it.
    fn miss(&self, range: Range<Offset>) -> Result<(), UpkeepError> {
        if self.manifest.is_lost(&range) {
            return Ok(());
        }
        Err(UpkeepError::NotWhole { from: range.start, until: range.end })
    }

    fn take(&mut self, record: &Record) -> Result<Option<Retained>, UpkeepError> {
        let offset = record.offset;
        let is_purged = record.topics().len() == 0
            || self.manifest.purges.iter().any(|purge| {
                offset < purge.before && record.topics().any(|topic| topic == purge.topic.as_str())
            });
        if is_purged || self.manifest.is_lost(&(offset..offset + 1)) {
            return Ok(None);
        }
        match decode(&mut self.decoder, record) {
            Some(update) => Ok(Some(Retained { offset, at: record.at, update })),
            None => Err(UpkeepError::NotWhole { from: offset, until: offset + 1 }),
        }
    }
}

impl Iterator for Export {
    type Item = Result<Retained, UpkeepError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.advance().transpose()?;
        self.failed = matches!(&next, Err(error) if !matches!(error, UpkeepError::NotWhole { .. }));
        Some(next)
    }
}

/// The update that was published. `None`: the record is whole, and no hub writes such a one.
fn decode(decoder: &mut Decoder, record: &Record) -> Option<Update> {
    let mut topics = record.topics().map(|topic| Topic::new(topic).ok());
    let mut update = Update::new(topics.next()??, String::new());
    for topic in topics {
        update.topics.push(topic?);
    }
    update.private = record.is_private();
    let mut event = record.bytes(Framing::Bare);
    // Only a line of its own says that the type is the publisher's: to receivers no type is a `message` as well.
    let typed = event.starts_with(b"event: ");
    decoder.reset();
    while let Some(item) = decoder.next(&mut event).ok()? {
        match item {
            Item::Retry(retry) => update.retry = Some(retry),
            Item::Event(event) => {
                update.event_type = if typed { Some(EventType::new(event.event_type).ok()?) } else { None };
                event.data.clone_into(&mut update.data);
            }
            _ => {}
        }
    }
    update.id = if record.has_chosen_id() { Some(EventId::new(record.id()).ok()?) } else { None };
    Some(update)
}
