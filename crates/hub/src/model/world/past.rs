//! A past behind the ring: what is asked of it is read and answered at steps of its own.

use std::sync::Arc;

use super::World;
use crate::{
    cursor::Offset,
    history::Read,
    readers::{Fetched, Job, Past, Readers, fake::FakePast},
};

pub(super) struct Behind {
    pub(super) past: Arc<FakePast>,
    pub(super) readers: Arc<Readers>,
    /// What has been read and was not answered yet.
    pub(super) read: Vec<(Job, Fetched)>,
}

impl Behind {
    pub(super) fn new(page: u64) -> Self {
        let past = Arc::new(FakePast::new(page));
        Self { readers: Arc::new(Readers::new(past.clone())), past, read: Vec::new() }
    }
}

impl World {
    /// The past has what was committed before it is in memory, and retains what the reference does.
    pub(super) fn remember(&mut self, from: Offset) {
        let now = self.now();
        let Some(Behind { past, .. }) = &self.behind else { return };
        let mut batch = Vec::new();
        let next = self.history.next();
        let read = self.history.read(from, next, usize::MAX, usize::MAX, now.wall, &mut batch);
        assert_eq!(read, Read::Upto(next), "the newest batch is in memory");
        past.append(batch);
        self.retain();
    }

    pub(super) fn retain(&mut self) {
        if let Some(Behind { past, .. }) = &self.behind {
            past.retain(self.reference.retained(self.tick));
        }
    }

    /// Reads what has been asked for longest.
    pub(super) fn fetch(&mut self) {
        let now = self.now();
        let Some(Behind { past, readers, read }) = &mut self.behind else { return };
        if let Some(job) = readers.begin() {
            let fetched = past.fetch(&job.want, now.wall);
            read.push((job, fetched));
        }
    }

    /// Answers something that has been read.
    pub(super) fn answer(&mut self, nth: usize) {
        let now = self.now();
        let Some(Behind { readers, read, .. }) = &mut self.behind else { return };
        if !read.is_empty() {
            let (job, fetched) = read.swap_remove(nth % read.len());
            readers.end(job, fetched, now.tick);
        }
    }

    pub(super) fn forget(&mut self) {
        if let Some(Behind { readers, .. }) = &self.behind {
            readers.forget();
        }
    }

    /// Reads and answers what is asked for; answers whether there was something.
    pub(super) fn fetch_all(&mut self) -> bool {
        self.fetch();
        let some = self.behind.as_ref().is_some_and(|b| !b.read.is_empty());
        while self.behind.as_ref().is_some_and(|b| !b.read.is_empty()) {
            self.answer(0);
        }
        some
    }
}
