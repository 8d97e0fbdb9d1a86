//! The pages that were read last: those who replay the same follow one another closely.

use std::{collections::VecDeque, sync::Arc};

use super::{Page, Want};
use crate::timer::Tick;

/// Each look goes through all of them.
const PAGES: usize = 256;

/// A page is handed out again for a second: one that has waited for its socket finds its page again, and what a rule of
/// its own makes too old for replay is not replayed for long.
const FRESH: Tick = 20;

/// The pages that were used last, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Cache {
    /// The one that was used last stands last.
    pages: VecDeque<Arc<Page>>,
    bytes: usize,
    limit: usize,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { pages: VecDeque::new(), bytes: 0, limit }
    }

    pub(super) fn find(&mut self, want: &Want, now: Tick) -> Option<Arc<Page>> {
        let fits = |p: &Arc<Page>| p.serves(want.from, want.topics.as_ref()) && now <= p.at + FRESH;
        let at = self.pages.iter().rposition(fits)?;
        let page = self.pages.remove(at)?;
        self.pages.push_back(page.clone());
        Some(page)
    }

    pub(super) fn insert(&mut self, page: Arc<Page>) {
        self.bytes += page.bytes();
        self.pages.push_back(page);
        while self.bytes > self.limit || self.pages.len() > PAGES {
            self.evict();
        }
    }

    /// Lets go of the page that has not been used for longest; answers whether there was one.
    pub(super) fn evict(&mut self) -> bool {
        let page = self.pages.pop_front();
        self.bytes -= page.as_ref().map_or(0, |p| p.bytes());
        page.is_some()
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.bytes = 0;
    }
}
