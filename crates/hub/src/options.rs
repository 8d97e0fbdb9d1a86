//! How a hub is to run.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use crate::{Clock, Epoch, Retention, Selector, SystemClock, UnknownCursor};

/// Where the retained updates are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryPlace {
    /// In memory: they are gone with the hub.
    #[default]
    Memory,
    /// In a log in this directory, which is made if it is not there. An update that a publisher was told is published
    /// survives the process and, with [`SyncPolicy::Commit`], the machine.
    Directory(PathBuf),
}

/// When what was published is forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Before its publisher is answered, and before anybody gets it.
    #[default]
    Commit,
    /// So often. A machine that fails may lose what was published in this time, though it was acknowledged; the next
    /// start begins a new epoch, so that subscribers that had seen it are told.
    Every(Duration),
}

/// What becomes of a subscriber that is slower than the updates, once it is behind all that is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowReader {
    /// It goes on from history as soon as it can be written again.
    #[default]
    CatchUp,
    /// Its stream is ended; it may come back with its last event id.
    Close,
}

/// A shorter limit for some topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainRule {
    /// Updates of which a topic matches this.
    pub selector: Selector,
    /// They are replayed no more once they are older than this. That such an update is missing is no gap.
    pub age: Duration,
}

/// What bounds a hub, each with an error of its own when it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Subscribers at once. The default is without bound; the server derives it from the descriptors it may open.
    pub subscribers: usize,
    /// Selectors of one subscriber. The default, 1,000, is what Mercure hubs admit.
    pub selectors: usize,
    /// Bytes of one selector. The default, 16 KiB, fits any URL that servers accept.
    pub selector_bytes: usize,
    /// Bytes of all selectors in the hub. The default, 256 MiB, keeps strangers from filling the memory.
    pub all_selector_bytes: usize,
    /// Bytes that may wait for the sequencer. The default, 64 MiB, fits the largest requests several times.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscribers: usize::MAX,
            selectors: 1_000,
            selector_bytes: 16 << 10,
            all_selector_bytes: 256 << 20,
            queue_bytes: 64 << 20,
        }
    }
}

/// How a hub is to run. All have defaults.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Threads that own subscribers; by default one a core.
    pub shards: usize,
    /// Where updates are held for those who come back.
    pub history: HistoryPlace,
    /// When what was published is forced to the disk.
    pub sync: SyncPolicy,
    /// What is held for those who come back.
    pub retention: Retention,
    /// Shorter limits for some topics; the first rule that matches counts.
    pub retain_rules: Vec<RetainRule>,
    /// What becomes of those who are behind all that is in memory.
    pub slow_reader: SlowReader,
    /// What to do for cursors that are not known.
    pub unknown_cursor: UnknownCursor,
    /// A comment is sent on a stream that has been silent for so long; `None` sends none. 15 s by default, below the
    /// idle timeout of common proxies.
    pub heartbeat: Option<Duration>,
    /// A stream whose reader takes nothing for so long is closed. 30 s by default.
    pub write_timeout: Duration,
    /// The least time between two passes over new updates: more go out in one write, and each waits up to so long.
    /// 0 by default.
    pub linger: Duration,
    /// What bounds it.
    pub limits: Limits,
    /// The numbering's name, should a new one begin: it must be new at each start. Random by default.
    pub epoch: Epoch,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: thread::available_parallelism().map_or(1, usize::from),
            history: HistoryPlace::default(),
            sync: SyncPolicy::default(),
            retention: Retention::default(),
            retain_rules: Vec::new(),
            slow_reader: SlowReader::default(),
            unknown_cursor: UnknownCursor::default(),
            heartbeat: Some(Duration::from_secs(15)),
            write_timeout: Duration::from_secs(30),
            linger: Duration::ZERO,
            limits: Limits::default(),
            epoch: Epoch::random(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}
