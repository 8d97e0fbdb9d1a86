//! Where the records of a segment are, and which of them bear a topic, a chosen id or a key.
//!
//! The index of the segment that is being written is in memory ([`Growing`]). When the segment is sealed it becomes a
//! file beside it ([`Sealed`]), which can always be made again from the segment. It only says where to look: hashes may
//! collide, so what is found has to be compared.
//!
//! # The file
//!
//! Five parts follow one another without a space. All numbers are little endian.
//!
//! | part | bytes | holds |
//! |---|---|---|
//! | header | 96 | see below |
//! | positions | 4 × n | of each record, in order: where it begins in the segment's file |
//! | fan-out | 4 × (2ᵇ + 1) | the i-th number is how many hashes there are whose highest b bits are less than i |
//! | hashes | 12 × h | u64 hash and u32: at which posting its records begin. In ascending order, none twice |
//! | postings | 4 × p | the positions of the records that bear a hash, ascending; hash after hash, in their order |
//!
//! Each topic, chosen id and key of a record is hashed as [`Hasher`](super::hash::Hasher) says; the three kinds share
//! one table. The records of a hash end where those of the next one begin, those of the last one with the postings. To
//! look one up: the numbers i and i + 1 of the fan-out, i being the hash's highest b bits, say which hashes to read
//! (one or two, as this program chooses b); the one that is equal says which postings to read.
//!
//! | at | header |
//! |---|---|
//! | 0 | `headwidx` |
//! | 8 | u32 version, 1 |
//! | 12 | u32 n, the number of records |
//! | 16 | 16 bytes, the log's id |
//! | 32 | u64 offset of the first record |
//! | 40 | u64 length of the segment's file |
//! | 48 | u64 time of the first record, in microseconds since 1970; 0 if there is none |
//! | 56 | u64 time of the last record |
//! | 64 | u32 h, the number of hashes |
//! | 68 | u32 p, the number of postings |
//! | 72 | u32 b, the bits of the fan-out: 0 to 31 |
//! | 76 | u32 number of records with a chosen id |
//! | 80 | u32 number of records with a key |
//! | 84 | u32 zero |
//! | 88 | u32 CRC-32 of all that follows the header |
//! | 92 | u32 CRC-32 of the header's bytes before this |

mod growing;
mod header;
mod seal;
mod sealed;
#[cfg(test)]
mod tests;

pub(crate) use growing::Growing;
pub(crate) use sealed::{Sealed, SortedHashes};

/// Where in its segment's file a record begins.
pub(crate) type Position = u32;

/// What one record is found by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashes<'a> {
    pub(crate) topics: &'a [u64],
    /// Only an id that the publisher chose: one that was generated says where its update is.
    pub(crate) id: Option<u64>,
    pub(crate) key: Option<u64>,
}
