//! Overwriting records in place, so that a crash in the middle leaves none that is half of each.
//!
//! Which ones is noted first, in a file of its own: the segment's first offset, the records' places in it, and a
//! checksum, all as little-endian numbers. As long as that file is there the overwriting is done again at each start;
//! that a record has been overwritten already makes no difference, as what stays of it is the same in both.

use std::{io, sync::Arc};

use super::{
    checksum::Checksum,
    format::{self, Head, RECORD_HEAD},
    head::SegmentHead,
    index::Position,
};
use crate::{
    cursor::Offset,
    disk::{Disk, DiskFile},
};

pub(crate) const NAME: &str = "purging";

/// Notes durably which records of a segment are going to be overwritten.
pub(crate) fn note(disk: &dyn Disk, segment: Offset, places: &[Position]) -> io::Result<()> {
    clear(disk)?;
    let mut bytes = segment.to_le_bytes().to_vec();
    bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    let crc = crc32fast::hash(&bytes);
    bytes.extend(crc.to_le_bytes());
    let file = disk.create(NAME)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    disk.sync()
}

/// It is done.
pub(crate) fn clear(disk: &dyn Disk) -> io::Result<()> {
    match disk.remove(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Durable before anything else is written: a note that came back would have other records overwritten.
        Ok(()) => disk.sync(),
        error => error,
    }
}

/// Finishes what was noted and not cleared.
pub(crate) fn redo(disk: &dyn Disk, segments: &[(SegmentHead, Arc<dyn DiskFile>)]) -> io::Result<()> {
    let file = match disk.open(NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    if let Some((first, places)) = parse(&bytes)
        && let Some((head, segment)) = segments.iter().find(|(head, _)| head.first == first)
    {
        for place in places {
            overwrite(&**segment, head.checksum(), place)?;
        }
        segment.sync()?;
    }
    clear(disk)
}

/// A note that is not whole was not durable: nothing was overwritten yet.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Offset, impl Iterator<Item = Position>)> {
    let (body, crc) = bytes.split_last_chunk()?;
    let (first, places) = body.split_first_chunk()?;
    let whole = crc32fast::hash(body) == u32::from_le_bytes(*crc);
    let places = places.as_chunks().0.iter().map(|place| u32::from_le_bytes(*place));
    whole.then(|| (u64::from_le_bytes(*first), places))
}

/// Leaves of the record at this place nothing but its place.
pub(crate) fn overwrite(file: &dyn DiskFile, checksum: Checksum, place: Position) -> io::Result<()> {
    let left = file.len()?.saturating_sub(place.into());
    let mut head = [0; RECORD_HEAD];
    if left < RECORD_HEAD as u64 {
        return Ok(());
    }
    file.read_exact_at(&mut head, place.into())?;
    let size = Head::read(&head).size;
    // No overwriting touches the length: this one is damaged, which a start tells.
    if !(RECORD_HEAD as u64..=left).contains(&size) {
        return Ok(());
    }
    let mut bytes = vec![0; size as usize];
    file.read_exact_at(&mut bytes, place.into())?;
    format::purge(&mut bytes, checksum);
    file.write_at(&bytes, place.into())
}
