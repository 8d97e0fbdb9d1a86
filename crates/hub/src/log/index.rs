//! Where the records of a segment are, and which of them bear a topic, a chosen id or a key.

mod growing;

pub(crate) use growing::Growing;

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
