//! The pages of the past that a shard's subscribers wait for.

use std::{collections::HashMap, sync::Arc};

use crate::{
    cursor::Offset,
    inbox::Inbox,
    readers::{Page, Readers, Want},
    timer::Tick,
};

/// Who waits for which page. The shard asks for each once.
#[derive(Debug)]
pub(crate) struct Orders {
    readers: Arc<Readers>,
    /// Where the answers come in.
    inbox: Arc<Inbox>,
    /// Exactly those whose state says that they wait.
    waiting: HashMap<Want, Vec<u32>>,
}

impl Orders {
    pub(crate) fn new(readers: Arc<Readers>, inbox: Arc<Inbox>) -> Self {
        Self { readers, inbox, waiting: HashMap::new() }
    }

    /// Answers the page, or puts the subscriber down for it. From `held` on all is in memory.
    pub(super) fn place(&mut self, key: u32, want: Want, held: Offset, now: Tick) -> Option<Arc<Page>> {
        if let Some(keys) = self.waiting.get_mut(&want) {
            keys.push(key);
            return None;
        }
        let page = self.readers.ask(&want, held, &self.inbox, now);
        if page.is_none() {
            self.waiting.insert(want, vec![key]);
        }
        page
    }

    /// The subscriber waits no more.
    pub(super) fn withdraw(&mut self, key: u32, want: &Want) {
        let Some(keys) = self.waiting.get_mut(want) else { return };
        keys.retain(|&k| k != key);
        if keys.is_empty() {
            self.waiting.remove(want);
            self.readers.cancel(want, &self.inbox);
        }
    }

    /// The page has come: those who have waited for it, in turn.
    pub(super) fn arrived(&mut self, want: &Want) -> Vec<u32> {
        self.waiting.remove(want).unwrap_or_default()
    }

    /// Whether the page may still be handed out.
    pub(super) fn is_current(&self, page: &Page) -> bool {
        self.readers.is_current(page)
    }
}
