//! Where clients wait for the hub: they learn that it is up, that it was killed, and that all is over.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::PATIENCE;

/// The hubs that have listened, counted from 1.
pub(crate) type Generation = u32;

pub(crate) struct Lobby {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    generation: Generation,
    up: bool,
    /// No more operations, and no subscriber leaves: what is there is read to its end.
    closing: bool,
    failed: bool,
    /// The subscribers whose streams are open in this generation.
    present: Vec<bool>,
}

impl Lobby {
    pub(crate) fn new(subscribers: usize) -> Self {
        let state = State {
            generation: 0,
            up: false,
            closing: false,
            failed: false,
            present: vec![false; subscribers],
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    /// Waits until it is so, or something has failed, or the time is over; answers whether it is so.
    fn wait(&self, patience: Duration, so: impl Fn(&State) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.state();
        loop {
            if state.failed {
                return false;
            }
            if so(&state) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A hub listens.
    pub(crate) fn open(&self) {
        self.change(|state| {
            state.generation += 1;
            state.up = true;
            state.present.fill(false);
        });
    }

    /// It is about to be killed, or was.
    pub(crate) fn shut(&self) {
        self.change(|state| state.up = false);
    }

    /// From now on the hub stays up.
    pub(crate) fn close(&self) {
        self.change(|state| state.closing = true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        let state = self.state();
        state.closing || state.failed
    }

    /// Waits for a hub, a later one than `dead`. `None`: it is in vain.
    pub(crate) fn enter(&self, dead: Option<Generation>) -> Option<Generation> {
        let alive = |state: &State| state.up && dead.is_none_or(|dead| state.generation > dead);
        self.wait(PATIENCE, alive).then(|| self.state().generation)
    }

    /// Waits until this hub is being killed, or never will be.
    pub(crate) fn wait_for_the_end_of(&self, generation: Generation) {
        self.wait(PATIENCE, |state| state.closing || !state.up || state.generation > generation);
    }

    /// The subscriber's stream is open.
    pub(crate) fn arrive(&self, subscriber: usize, generation: Generation) {
        self.change(|state| {
            if state.generation == generation {
                state.present[subscriber] = true;
            }
        });
    }

    /// Whether the subscriber may end its stream.
    pub(crate) fn leave(&self, subscriber: usize) -> bool {
        self.change(|state| {
            if !state.closing {
                state.present[subscriber] = false;
            }
            !state.closing
        })
    }

    /// Waits until all subscribers have their streams.
    pub(crate) fn wait_for_all(&self) -> bool {
        self.wait(PATIENCE, |state| state.present.iter().all(|present| *present))
    }

    /// Lets so much time pass, or less if something fails; answers whether nothing has.
    pub(crate) fn let_pass(&self, time: Duration) -> bool {
        self.wait(time, |_| false);
        !self.state().failed
    }

    /// Makes everybody stop.
    pub(crate) fn fail(&self) {
        self.change(|state| state.failed = true);
    }
}

/// Makes everybody stop when its holder panics.
pub(crate) struct Alarm<'a>(pub(crate) &'a Lobby);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}
