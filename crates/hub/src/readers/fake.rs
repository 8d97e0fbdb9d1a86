//! A past in memory, for tests: as many updates as it is given, retained from a floor on that the test moves.

use std::{
    sync::{Mutex, MutexGuard},
    time::SystemTime,
};

use super::{Fetched, Past, Want};
use crate::{cursor::Offset, record::Shared};

#[derive(Debug)]
pub(crate) struct FakePast {
    state: Mutex<State>,
    /// Where pages of everything end, and how many records other pages have.
    page: u64,
}

#[derive(Debug)]
struct State {
    /// The update at offset 1 first.
    records: Vec<Shared>,
    earliest: Offset,
    wants: Vec<Want>,
}

impl FakePast {
    pub(crate) fn new(page: u64) -> Self {
        Self { state: Mutex::new(State { records: vec![], earliest: 1, wants: vec![] }), page }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    pub(crate) fn append(&self, records: impl IntoIterator<Item = Shared>) {
        self.state().records.extend(records);
    }

    /// From here on it is retained.
    pub(crate) fn retain(&self, earliest: Offset) {
        self.state().earliest = earliest;
    }

    /// What has been read since this was last asked.
    pub(crate) fn take_wants(&self) -> Vec<Want> {
        std::mem::take(&mut self.state().wants)
    }
}

impl Past for FakePast {
    fn fetch(&self, want: &Want, _: SystemTime) -> Fetched {
        let mut state = self.state();
        state.wants.push(want.clone());
        let earliest = state.earliest;
        let from = want.from.max(earliest);
        let end = state.records.len() as Offset + 1;
        let end = if want.topics.is_some() { end } else { end.min((from / self.page + 1) * self.page) };
        let mut fetched = Fetched { next: end.max(from), earliest, records: vec![] };
        for record in state.records.iter().take(end as usize - 1).skip(from as usize - 1) {
            if fetched.records.len() as u64 == self.page {
                fetched.next = record.offset;
                break;
            }
            let wanted =
                |topics: &[crate::Topic]| topics.iter().any(|t| record.topics().any(|r| r == t.as_str()));
            if want.topics.as_deref().is_none_or(wanted) {
                fetched.records.push(record.clone());
            }
        }
        fetched
    }

    fn floor(&self) -> Offset {
        self.state().earliest
    }
}
