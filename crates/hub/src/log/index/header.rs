//! The head of an index file, and where the parts behind it begin.

use crate::cursor::Offset;

pub(super) const LEN: usize = 96;
const MAGIC: &[u8; 8] = b"headwidx";
const VERSION: u32 = 1;

/// With more the fan-out alone would be longer than any index.
const MOST_BITS: u32 = 31;

/// A hash and where its postings begin.
pub(super) const ENTRY: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) records: u32,
    pub(super) log_id: [u8; 16],
    pub(super) first: Offset,
    /// The length of the segment's file.
    pub(super) end: u64,
    pub(super) first_time: u64,
    pub(super) last_time: u64,
    pub(super) hashes: u32,
    pub(super) postings: u32,
    /// So many of a hash's highest bits are the number of its bucket.
    pub(super) bits: u32,
    pub(super) ids: u32,
    pub(super) keys: u32,
    /// The checksum of all that follows.
    pub(super) body: u32,
}

impl Header {
    pub(super) fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(12, &self.records.to_le_bytes());
        put(16, &self.log_id);
        put(32, &self.first.to_le_bytes());
        put(40, &self.end.to_le_bytes());
        put(48, &self.first_time.to_le_bytes());
        put(56, &self.last_time.to_le_bytes());
        put(64, &self.hashes.to_le_bytes());
        put(68, &self.postings.to_le_bytes());
        put(72, &self.bits.to_le_bytes());
        put(76, &self.ids.to_le_bytes());
        put(80, &self.keys.to_le_bytes());
        put(88, &self.body.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..LEN - 4]);
        bytes[LEN - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None`: these bytes are no such header.
    pub(super) fn from_bytes(bytes: &[u8; LEN]) -> Option<Self> {
        let header = Self {
            records: u32_at(bytes, 12),
            log_id: bytes[16..32].try_into().expect("it is 16 bytes"),
            first: u64_at(bytes, 32),
            end: u64_at(bytes, 40),
            first_time: u64_at(bytes, 48),
            last_time: u64_at(bytes, 56),
            hashes: u32_at(bytes, 64),
            postings: u32_at(bytes, 68),
            bits: u32_at(bytes, 72),
            ids: u32_at(bytes, 76),
            keys: u32_at(bytes, 80),
            body: u32_at(bytes, 88),
        };
        // Magic, version, zero and checksum are all in what would be written.
        (header.bits <= MOST_BITS && header.to_bytes() == *bytes).then_some(header)
    }

    pub(super) fn fan_out_at(&self) -> u64 {
        LEN as u64 + 4 * u64::from(self.records)
    }

    /// Where the i-th hash stands.
    pub(super) fn hash_at(&self, i: u32) -> u64 {
        self.fan_out_at() + 4 * ((1 << self.bits) + 1) + ENTRY as u64 * u64::from(i)
    }

    /// Where the i-th posting stands.
    pub(super) fn posting_at(&self, i: u32) -> u64 {
        self.hash_at(self.hashes) + 4 * u64::from(i)
    }

    /// The length of the whole file.
    pub(super) fn file_len(&self) -> u64 {
        self.posting_at(self.postings)
    }
}

/// One or two hashes a bucket.
pub(super) fn bits_for(hashes: usize) -> u32 {
    hashes.max(1).ilog2().min(MOST_BITS)
}

/// In which bucket a hash is.
pub(super) fn bucket(hash: u64, bits: u32) -> u64 {
    // Two steps: of no bits it would be one by 64, which is none.
    (hash >> 1) >> (63 - bits)
}

/// The number at this place of a buffer that is long enough.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("it is 4 bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("it is 8 bytes"))
}
