//! What the lines since the last blank one have set.

use crate::{text, work};

/// The buffers of the standard's "interpreting an event stream" (9.2.6).
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// From `start` on: the value of each `data` field, and an LF after each. Not decoded yet.
    data: Vec<u8>,
    /// Where the data begins: a line that was taken over still has its field's name before.
    start: usize,
    event_type: String,
    id: String,
    has_id: bool,
}

impl Block {
    pub(crate) fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    /// The length of the data, the LF after its last line included.
    pub(crate) fn data_len(&self) -> usize {
        self.data.len() - self.start
    }

    /// The data to dispatch: without its last LF.
    pub(crate) fn data(&self) -> &[u8] {
        self.data.get(self.start..self.data.len().saturating_sub(1)).unwrap_or_default()
    }

    pub(crate) fn push_data(&mut self, value: &[u8]) {
        work::append(&mut self.data, value);
        work::append(&mut self.data, b"\n");
    }

    /// Takes the first data line over with its buffer: `swap` puts the line into the (empty) one it is given,
    /// and its value begins at `start`.
    pub(crate) fn take_data(&mut self, start: usize, swap: impl FnOnce(&mut Vec<u8>)) {
        swap(&mut self.data);
        self.start = start;
        work::append(&mut self.data, b"\n");
    }

    pub(crate) fn event_type(&self) -> &str {
        if self.event_type.is_empty() { "message" } else { &self.event_type }
    }

    pub(crate) fn set_type(&mut self, value: &[u8]) {
        text::decode_into(value, &mut self.event_type);
    }

    pub(crate) fn set_id(&mut self, value: &[u8]) {
        text::decode_into(value, &mut self.id);
        self.has_id = true;
    }

    /// The block has ended: its id, if it had one, is the last event id now.
    pub(crate) fn commit_id(&mut self, last: &mut String) {
        if self.has_id {
            self.has_id = false;
            std::mem::swap(&mut self.id, last);
        }
    }

    /// A new block. The buffers keep their memory.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.start = 0;
        self.event_type.clear();
        self.has_id = false;
    }
}
