//! What the machine offers, looked up once.

use std::{num::NonZeroUsize, thread};

use headwater_hub::HistoryPlace;

/// Descriptors that are not a subscriber's: the listeners, each shard's and worker's poll, logs, and one in reserve.
const OF_THE_PROCESS: u64 = 64;
/// Files that the hub keeps open in history's directory, at most.
const OF_HISTORY: u64 = 256;

/// The descriptors that connections must leave.
pub(super) fn reserved_descriptors(history: &HistoryPlace) -> u64 {
    match history {
        HistoryPlace::Directory(_) => OF_THE_PROCESS + OF_HISTORY,
        _ => OF_THE_PROCESS,
    }
}

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
