//! Finding single updates: by a cursor, by an id that a publisher chose, by an idempotency key.

use std::{io, sync::Arc, time::SystemTime};

use headwater_sse::EventId;

use super::{Log, Segment, format, format::RECORD_HEAD, index::Position, scan::Scanned};
use crate::{
    cursor::{Cursor, Offset},
    history::Found,
    record::Record,
    sequencer::Kept,
};

impl Log {
    /// Where the update with this id lies, or lay.
    pub(crate) fn resolve(&self, id: &str, now: SystemTime) -> io::Result<Found> {
        let at = match Cursor::parse(id) {
            Some(cursor) => {
                let state = self.state();
                state.manifest.epochs.admits(cursor, state.next).then_some(cursor.offset)
            }
            // One that begins like a generated id and is none was never given, neither by this hub nor by a publisher.
            None if id.starts_with('#') => None,
            None => self.first_with_id(id)?,
        };
        let earliest = self.earliest(now);
        Ok(match at {
            // The last one forgotten is as good a start as the first one held: nothing lies between.
            Some(offset) if offset + 1 >= earliest => Found::At(offset),
            _ => Found::Lost,
        })
    }

    /// The first update that bears this chosen id, if no earlier one can have borne it.
    fn first_with_id(&self, id: &str) -> io::Result<Option<Offset>> {
        let hash = self.hasher.id(id);
        let segments: Vec<_> = {
            let state = self.state();
            if state.manifest.forgotten.binary_search(&hash).is_ok() {
                return Ok(None);
            }
            state.segments.iter().cloned().collect()
        };
        for segment in segments.iter().filter(|s| s.has_ids()) {
            for record in self.candidates(segment, hash)? {
                if record.has_chosen_id() && record.id() == id {
                    let sure = !self.state().may_have_lost_its_id(record.offset);
                    return Ok(sure.then_some(record.offset));
                }
            }
        }
        Ok(None)
    }

    /// The submission under this key, while the last of its updates is retained.
    pub(crate) fn find_key(&self, name: &[u8], now: SystemTime) -> io::Result<Option<Kept>> {
        let hash = self.hasher.key(name);
        let earliest = self.earliest(now);
        let segments: Vec<_> = self.state().segments.iter().rev().cloned().collect();
        for segment in segments.iter().filter(|s| s.has_keys() && s.next() > earliest) {
            for record in self.candidates(segment, hash)?.iter().rev() {
                let Some(key) = record.key().filter(|key| key.name == name) else { continue };
                if record.offset < earliest {
                    return Ok(None);
                }
                let first = (record.offset + 1).saturating_sub(key.updates.into());
                let ids = self.ids(segment, first, record.offset)?;
                return Ok(Some(Kept { fingerprint: key.fingerprint, ids, last: record.offset }));
            }
        }
        Ok(None)
    }

    /// The records of a segment that the index names for a hash: what is looked for is among them, if it is there.
    fn candidates(&self, segment: &Arc<Segment>, hash: u64) -> io::Result<Vec<Record>> {
        let read = || {
            let mut places = Vec::new();
            segment.find(hash, 0, &self.hasher, &mut places)?;
            self.find_damage(segment);
            let mut records = Vec::new();
            for place in places {
                match read_at(segment, place)? {
                    Some(record) => records.push(record),
                    None if self.is_known_lost(segment) || self.is_being_overwritten(segment, place) => {}
                    // It may be the one. To say that there is none would have a retry published twice.
                    None => {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "a stored update is damaged"));
                    }
                }
            }
            Ok(records)
        };
        match read() {
            // Retention has taken the segment away in the meantime.
            Err(_) if !self.state().segments.iter().any(|s| s.first == segment.first) => Ok(Vec::new()),
            read => read,
        }
    }

    /// Whether some of the segment's updates are lost, and subscribers told so.
    fn is_known_lost(&self, segment: &Segment) -> bool {
        let next = segment.next();
        self.state().losses().any(|lost| lost.start < next && lost.end > segment.first)
    }

    /// How many retained updates bear this topic.
    pub(crate) fn count(&self, topic: &str, now: SystemTime) -> io::Result<u64> {
        let hash = self.hasher.topic(topic);
        let earliest = self.earliest(now);
        let segments: Vec<_> = self.state().segments.iter().cloned().collect();
        let mut count = 0;
        let mut places = Vec::new();
        for segment in segments.iter().filter(|s| s.next() > earliest) {
            places.clear();
            segment.find(hash, 0, &self.hasher, &mut places)?;
            for &place in &places {
                let record = read_at(segment, place)?;
                let bears = |r: &Record| r.offset >= earliest && r.topics().any(|t| t == topic);
                count += u64::from(record.as_ref().is_some_and(bears));
            }
        }
        Ok(count)
    }

    /// The ids of consecutive updates. A submission never spans two segments.
    fn ids(&self, segment: &Segment, first: Offset, last: Offset) -> io::Result<Arc<[EventId]>> {
        let start = segment.position(first, &self.hasher)?.ok_or(io::ErrorKind::NotFound)?;
        let mut scanner = segment.scan(start, 16 << 10).expecting(first);
        let mut ids = Vec::new();
        for offset in first..=last {
            let id = if let Scanned::Record { head, bytes, .. } = scanner.next()? {
                format::decode(&head, bytes)
                    .filter(|record| !record.id().is_empty() || record.has_chosen_id())
                    .and_then(|record| EventId::new(record.id()).ok())
            } else {
                let next = segment.position(offset + 1, &self.hasher)?.unwrap_or(segment.end());
                scanner.go_to(next, Some(offset + 1));
                None
            };
            // One that was purged, or is damaged, had an id too: this one resumes at the same place.
            ids.push(id.unwrap_or_else(|| self.cursor(offset).id()));
        }
        Ok(ids.into())
    }
}

/// The record at this place; `None` if none is whole there.
pub(crate) fn read_at(segment: &Segment, place: Position) -> io::Result<Option<Record>> {
    const GUESS: usize = 1024;
    let left = segment.end().saturating_sub(place.into());
    if left < RECORD_HEAD as u64 {
        return Ok(None);
    }
    let mut scanner = segment.scan(place.into(), GUESS);
    Ok(match scanner.next()? {
        Scanned::Record { head, bytes, .. } => format::decode(&head, bytes),
        _ => None,
    })
}
