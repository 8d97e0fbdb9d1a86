//! What proves a record.

use super::head::LogId;

/// How the records of a segment are summed up.
///
/// A publisher chooses most bytes of a record, and can choose some that are a whole one themselves. Behind damage records
/// are searched for byte by byte, and those must not be taken for an update, of whatever topic. So the sum begins with
/// the log's id, which no publisher is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    /// That of all that comes before a record's own bytes.
    initial: u32,
}

impl Checksum {
    /// Of the record alone, as version 1 has it.
    pub(crate) const PLAIN: Self = Self { initial: 0 };

    /// Of the log's id and the record.
    pub(crate) fn with(id: &LogId) -> Self {
        Self { initial: crc32fast::hash(id) }
    }

    pub(crate) fn of(self, parts: [&[u8]; 2]) -> u32 {
        let mut crc = crc32fast::Hasher::new_with_initial(self.initial);
        for part in parts {
            crc.update(part);
        }
        crc.finalize()
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
        let id: LogId = *b"0123456789abcdef";
        assert_eq!(Checksum::with(&id).of(parts), crc32fast::hash(b"0123456789abcdef123456789"));
        assert_ne!(Checksum::with(&[7; 16]).of(parts), Checksum::with(&[8; 16]).of(parts));
    }
}
