//! For tests: segments of version 1, which nothing begins any more, and a record that anybody can make for one.

use std::time::{Duration, UNIX_EPOCH};

use super::{
    checksum::Checksum,
    format,
    head::{SEGMENT_HEAD, SegmentHead},
    segment::Segment,
};
use crate::{
    cursor::Offset,
    disk::sim::SimDisk,
    record::{CHOSEN_ID, PRIVATE, Record},
};

/// The same segment as version 1 would have written it. All of its records must be whole.
pub(crate) fn segment(bytes: &[u8]) -> Vec<u8> {
    let head = bytes.first_chunk().expect("a segment");
    let head = SegmentHead::from_bytes(head).expect("it is whole");
    let mut plain = bytes.to_vec();
    plain[..SEGMENT_HEAD].copy_from_slice(&head.plain().to_bytes());
    let mut at = SEGMENT_HEAD;
    // Behind the last record are zeros, or nothing.
    while let Some(&length) = plain[at..].first_chunk().filter(|length| **length != [0; 4]) {
        let end = at + 8 + u32::from_le_bytes(length) as usize;
        let sum = Checksum::PLAIN.of([&length, &plain[at + 8..end]]);
        plain[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
    plain
}

/// Makes each segment of a disk that nobody uses one of version 1.
pub(crate) fn convert(disk: &SimDisk) {
    for (name, bytes) in disk.files().iter().filter(|(name, _)| Segment::first_of(name, ".log").is_some()) {
        let file = disk.directory().open(name).expect("it is there");
        file.write_at(&segment(bytes), 0).expect("the disk works");
        file.sync().expect("the disk works");
    }
}

/// The topic of [`forged`] updates.
pub(crate) const SECRET: &str = "/secret";

/// Data that, as it stands in a stream and in a segment, is a whole record itself: of a private update at this offset.
pub(crate) fn forged(offset: Offset) -> String {
    let topics = [&1_u32.to_le_bytes()[..], &(SECRET.len() as u32).to_le_bytes(), SECRET.as_bytes()].concat();
    // No byte of it is more than 127.
    let at = UNIX_EPOCH + Duration::from_micros(0x0001_0101_0101_0101);
    let tries = (0..100_000).filter_map(|n| {
        let event = format!("id: x\ndata: forged {n}");
        let record = Record::from_parts(offset, at, PRIVATE | CHOSEN_ID, event.as_bytes(), &topics)?;
        let mut bytes = Vec::new();
        format::encode(&record, offset, Checksum::PLAIN, &mut bytes);
        // Each line of the data is a field of its own.
        let data = String::from_utf8(bytes).ok()?.replace("\ndata: ", "\n");
        (data.matches(['\n', '\r']).count() == 1).then_some(data)
    });
    tries.take(1).collect()
}
