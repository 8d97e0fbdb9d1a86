//! What lies before the ring, and how one asks for it.

use std::{fmt, sync::Arc, time::SystemTime};

use crate::{Topic, cursor::Offset, record::Shared};

/// A page of everything ends before the next multiple of this: wherever readers start, they soon read the same pages.
/// A page of some topics has at most so many records.
pub(crate) const PAGE_ITEMS: u64 = 1024;

/// Any page ends once it has so many bytes, about what a socket takes at once.
pub(crate) const PAGE_BYTES: usize = 256 << 10;

/// The updates that are retained but not in memory.
pub(crate) trait Past: Send + Sync + fmt::Debug {
    /// Reads a page, up to [`Want::end`], [`PAGE_ITEMS`] or [`PAGE_BYTES`]. Blocks on the disk: only reader threads call
    /// it. Looks beyond `from`, or says that something is lost.
    fn fetch(&self, want: &Want, now: SystemTime) -> Fetched;

    /// The first update that is retained, as was last found out. Shards ask: it never waits for the disk.
    fn floor(&self) -> Offset;
}

/// What is wanted of the past.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Want {
    pub(crate) from: Offset,
    /// Only updates that bear one of these, in ascending order; `None`: everything.
    pub(crate) topics: Option<Arc<[Topic]>>,
}

impl Want {
    /// The offset before which the page ends, however little it has by then.
    pub(crate) fn end(&self) -> Offset {
        match self.topics {
            None => (self.from / PAGE_ITEMS + 1).saturating_mul(PAGE_ITEMS),
            Some(_) => Offset::MAX,
        }
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// How far it looked: where the next read goes on.
    pub(crate) next: Offset,
    /// The first update that is held, as far as this read can tell. One beyond `from`: what lies between is lost.
    pub(crate) earliest: Offset,
    pub(crate) records: Vec<Shared>,
}
