//! The first bytes of a segment: of which version it is, of which log, and where in that it begins.

use std::io;

use super::checksum::Checksum;
use crate::{cursor::Offset, disk::DiskFile};

/// The version of the segments that this program begins. It reads the ones before as well, and goes on with the last
/// segment as it was begun: each has records of one kind alone.
pub(crate) const VERSION: u32 = 2;

/// Of these the checksums are without the log's id.
const PLAIN: u32 = 1;

/// A log's own random name: segments of another one are not taken for its own.
pub(crate) type LogId = [u8; 16];

const MAGIC: &[u8; 8] = b"headwtr\n";

/// Bytes before the first record.
pub(crate) const SEGMENT_HEAD: usize = 64;

/// What they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) version: u32,
    pub(crate) id: LogId,
    pub(crate) first: Offset,
}

/// What is wrong with the first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHead {
    Newer(u32),
    Damaged,
}

impl SegmentHead {
    /// Of a segment that begins now.
    pub(crate) fn new(id: LogId, first: Offset) -> Self {
        Self { version: VERSION, id, first }
    }

    /// The same of the first version.
    pub(crate) fn plain(self) -> Self {
        Self { version: PLAIN, ..self }
    }

    /// How the segment's records are proven.
    pub(crate) fn checksum(&self) -> Checksum {
        if self.version == PLAIN { Checksum::PLAIN } else { Checksum::with(&self.id) }
    }

    pub(crate) fn to_bytes(self) -> [u8; SEGMENT_HEAD] {
        let mut bytes = [0; SEGMENT_HEAD];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.id);
        bytes[32..40].copy_from_slice(&self.first.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; SEGMENT_HEAD]) -> Result<Self, BadHead> {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        if bytes[..8] != *MAGIC || crc32fast::hash(&bytes[..60]) != number(60) {
            return Err(BadHead::Damaged);
        }
        let version = number(8);
        match version {
            PLAIN..=VERSION => {}
            0 => return Err(BadHead::Damaged),
            newer => return Err(BadHead::Newer(newer)),
        }
        let id = bytes[16..32].try_into().expect("16 bytes");
        let first = u64::from_le_bytes(bytes[32..40].try_into().expect("eight bytes"));
        Ok(Self { version, id, first })
    }

    /// Reads it from a file, which may be shorter.
    pub(crate) fn read(file: &dyn DiskFile) -> io::Result<Result<Self, BadHead>> {
        let mut bytes = [0; SEGMENT_HEAD];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(if read < SEGMENT_HEAD { Err(BadHead::Damaged) } else { Self::from_bytes(&bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_says_what_it_is() {
        let head = SegmentHead::new([3; 16], 77);
        let mut bytes = head.to_bytes();
        assert_eq!(SegmentHead::from_bytes(&bytes), Ok(head));
        assert_eq!(SegmentHead::from_bytes(&head.plain().to_bytes()), Ok(head.plain()));
        bytes[33] ^= 1;
        assert_eq!(SegmentHead::from_bytes(&bytes), Err(BadHead::Damaged));
        let of_version = |version| SegmentHead::from_bytes(&SegmentHead { version, ..head }.to_bytes());
        assert_eq!(of_version(3), Err(BadHead::Newer(3)));
        assert_eq!(of_version(0), Err(BadHead::Damaged));
    }

    #[test]
    fn only_the_first_version_has_sums_that_anybody_can_make() {
        let head = SegmentHead::new([3; 16], 77);
        assert_eq!(head.plain().checksum(), Checksum::PLAIN);
        assert_ne!(head.checksum(), Checksum::PLAIN);
        assert_ne!(head.checksum(), SegmentHead { id: [4; 16], ..head }.checksum());
    }
}
