//! What proves a record.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::head::LogId;

/// How the records of a segment are summed up.
///
/// A publisher chooses most bytes of a record, and can choose some that are a whole one themselves. Behind damage records
/// are searched for byte by byte, and those must not be taken for an update, of whatever topic. So the sum depends on the
/// log's id, which no publisher is told: one that is guessed is right once in four billion times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    key: Option<LogId>,
}

impl Checksum {
    /// The CRC-32 of the record alone, as version 1 has it.
    pub(crate) const PLAIN: Self = Self { key: None };

    /// The same, hashed with a key. A CRC that only began with the key would not do: it is linear, and of a record that
    /// holds the sum of another one the key can cancel out.
    pub(crate) fn with(id: &LogId) -> Self {
        Self { key: Some(*id) }
    }

    pub(crate) fn of(self, parts: [&[u8]; 2]) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        for part in parts {
            crc.update(part);
        }
        let crc = crc.finalize();
        self.key.map_or(crc, |key| {
            let mut hasher = SipHasher13::new_with_key(&key);
            hasher.write(&crc.to_le_bytes());
            hasher.finish() as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These stand in files: another version, another machine and another program must come to the same.
    #[test]
    fn sums_stay_what_they_are() {
        let parts: [&[u8]; 2] = [b"1234", b"56789"];
        assert_eq!(Checksum::PLAIN.of(parts), 0xcbf4_3926);
        assert_eq!(Checksum::with(b"0123456789abcdef").of(parts), 0xa45d_a2d5);
        assert_ne!(Checksum::with(&[7; 16]).of(parts), Checksum::with(&[8; 16]).of(parts));
    }
}
