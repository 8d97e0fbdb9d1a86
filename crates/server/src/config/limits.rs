//! How much of everything there may be. The defaults and the reasons stand in the table of settings.

use std::time::Duration;

/// The bounds that a configuration sets. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connections: u64,
    pub(crate) head: usize,
    pub(crate) head_wait: Duration,
    pub(crate) token: usize,
    pub(crate) body: usize,
    pub(crate) line: usize,
    pub(crate) updates: usize,
    pub(crate) topics: usize,
    pub(crate) selectors: usize,
    pub(crate) selector_length: usize,
    pub(crate) selector_bytes: usize,
    pub(crate) queue: usize,
}

impl Limits {
    /// What of them the bodies need.
    pub(crate) fn of_bodies(&self) -> crate::body::Limits {
        crate::body::Limits { topics: self.topics, updates: self.updates }
    }

    /// Finds limits that contradict each other: each pair as the names of the settings, the lesser first, and why.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        [
            (self.token < self.head, "limit-token", "limit-head", "a token comes in a head"),
            (
                self.body <= self.queue,
                "limit-body",
                "limit-queue",
                "no body of that size could ever be queued",
            ),
            (
                self.line <= self.queue,
                "limit-line",
                "limit-queue",
                "no line of that size could ever be queued",
            ),
            (
                self.selector_length <= self.selector_bytes,
                "limit-selector-length",
                "limit-selector-bytes",
                "no selector of that length could ever be held",
            ),
        ]
        .into_iter()
        .filter_map(|(holds, less, more, why)| (!holds).then_some((less, more, why)))
        .collect()
    }
}

/// More than this is never assumed without being asked for: some containers have a descriptor limit of a billion.
pub(super) const MAX_ASSUMED_CONNECTIONS: u64 = 1_000_000;
