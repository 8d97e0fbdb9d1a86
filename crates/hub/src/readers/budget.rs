//! How much memory pages of the past may take, wherever they are.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Debug, Default)]
struct State {
    used: usize,
    closed: bool,
}

/// Counts the bytes of all pages until the last who holds one lets go of it.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
    freed: Condvar,
    limit: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), freed: Condvar::new(), limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code that holds this lock panics")
    }

    pub(super) fn used(&self) -> usize {
        self.state().used
    }

    /// Waits until there is room for a page; how large it will be is known only once it has been read, so the limit
    /// may be passed by one page for each thread. `evict` frees what nobody needs, and answers whether there was any.
    ///
    /// The wait ends: a page is held only by who is about to hand it out.
    pub(super) fn wait_for_room(&self, mut evict: impl FnMut() -> bool) {
        while !self.has_room() && evict() {}
        let full = |state: &mut State| state.used >= self.limit && !state.closed;
        drop(self.freed.wait_while(self.state(), full).expect("no code that holds this lock panics"));
    }

    pub(super) fn has_room(&self) -> bool {
        self.used() < self.limit
    }

    /// Nobody waits any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    pub(super) bytes: usize,
}

impl Share {
    pub(super) fn of(budget: &Arc<Budget>, bytes: usize) -> Self {
        budget.state().used += bytes;
        Self { budget: budget.clone(), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.state().used -= self.bytes;
        self.budget.freed.notify_all();
    }
}
