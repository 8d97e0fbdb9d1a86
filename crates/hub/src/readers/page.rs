//! A page of the past, shared by all who want it.

use std::sync::Arc;

use super::{
    Fetched, Want,
    budget::{Budget, Share},
};
use crate::{Topic, cursor::Offset, record::Shared, timer::Tick};

/// Some updates of the past, in order.
#[derive(Debug)]
pub(crate) struct Page {
    /// The first offset that it speaks of. What was asked for before it is lost.
    pub(crate) first: Offset,
    /// Where the next page goes on.
    pub(crate) next: Offset,
    /// Only updates that bear one of these are in it; `None`: all are.
    pub(crate) topics: Option<Arc<[Topic]>>,
    pub(crate) records: Vec<Shared>,
    pub(super) generation: u64,
    /// When it was read.
    pub(super) at: Tick,
    share: Share,
}

impl Page {
    pub(super) fn new(
        want: &Want,
        fetched: Fetched,
        generation: u64,
        at: Tick,
        budget: &Arc<Budget>,
    ) -> Self {
        let Fetched { next, earliest, records } = fetched;
        let bytes =
            records.iter().map(|r| r.weight() + size_of::<Shared>()).sum::<usize>() + size_of::<Self>();
        Self {
            first: want.from.max(earliest),
            next,
            topics: want.topics.clone(),
            records,
            generation,
            at,
            share: Share::of(budget, bytes),
        }
    }

    /// Whether the disk did not give it: it gets nowhere, and says of nothing that it is lost.
    pub(crate) fn is_unread(&self) -> bool {
        self.next <= self.first && self.records.is_empty()
    }

    /// What it takes of the budget.
    pub(super) fn bytes(&self) -> usize {
        self.share.bytes
    }

    /// Whether it has what is wanted, or its beginning.
    pub(crate) fn serves(&self, from: Offset, topics: Option<&Arc<[Topic]>>) -> bool {
        (self.first..self.next).contains(&from) && self.topics.as_ref() == topics
    }
}
