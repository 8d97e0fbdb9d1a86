//! Memory that stands in for a socket in tests: takes as much as it is told to.

use std::{
    io,
    sync::{Arc, Mutex},
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    written: Vec<u8>,
    room: usize,
    broken: bool,
}

impl Pipe {
    pub(crate) fn with_room(room: usize) -> Self {
        let pipe = Self::default();
        pipe.set_room(room);
        pipe
    }

    pub(crate) fn set_room(&self, room: usize) {
        self.0.lock().unwrap().room = room;
    }

    pub(crate) fn break_off(&self) {
        self.0.lock().unwrap().broken = true;
    }

    /// All that has been written so far.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.0.lock().unwrap().written.clone()
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        if state.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let n = bytes.len().min(state.room);
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.room -= n;
        state.written.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
}
