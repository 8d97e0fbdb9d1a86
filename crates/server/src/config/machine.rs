//! What the machine offers, looked up once.

use std::{num::NonZeroUsize, thread};

/// Descriptors that are not a subscriber's: the listeners, each shard's and worker's poll, logs, and one in reserve.
pub(crate) const RESERVED_DESCRIPTORS: u64 = 64;

/// What some defaults depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// That this process may use.
    pub(crate) cores: NonZeroUsize,
    /// The hard limit: the soft one is raised to it at the start.
    pub(crate) descriptors: u64,
}

impl Machine {
    /// This one, as this process sees it.
    pub(crate) fn this() -> Self {
        Self {
            cores: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            // 1,024 is what Linux gives where nobody has changed it.
            descriptors: rlimit::Resource::NOFILE.get_hard().unwrap_or(1024),
        }
    }
}
