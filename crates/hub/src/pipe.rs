//! Memory that stands in for a socket in tests: takes as much as it is told to.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::pull::End;

#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    written: Vec<u8>,
    room: usize,
    /// It has taken less than it was given, and the writer waits for room.
    full: bool,
    broken: bool,
    end: Option<End>,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no code that holds this lock panics")
    }

    /// Takes so many bytes more.
    pub(crate) fn add_room(&self, bytes: usize) {
        let mut state = self.state();
        state.room = state.room.saturating_add(bytes);
        state.full &= state.room == 0;
    }

    /// Takes so many bytes more, and no more than those.
    pub(crate) fn leave_room(&self, bytes: usize) {
        self.state().room = bytes;
    }

    pub(crate) fn room(&self) -> usize {
        self.state().room
    }

    pub(crate) fn is_full(&self) -> bool {
        self.state().full
    }

    pub(crate) fn break_off(&self) {
        self.state().broken = true;
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state().broken
    }

    /// What has been written since this was last asked.
    pub(crate) fn take_written(&self) -> Vec<u8> {
        std::mem::take(&mut self.state().written)
    }

    pub(crate) fn finish(&self, end: End) {
        self.state().end = Some(end);
    }

    /// How it was ended, if that was in good order.
    pub(crate) fn end(&self) -> Option<End> {
        self.state().end
    }

    /// Whether the writer has let go of it.
    pub(crate) fn is_closed(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let n = bytes.len().min(state.room);
        state.full = n < bytes.len();
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= n;
        state.written.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
}
