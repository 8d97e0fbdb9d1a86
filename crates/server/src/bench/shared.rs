//! What the threads of a bench tell each other: counters with one writer each, read at leisure.

use std::{
    sync::{
        OnceLock,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed},
        },
    },
    time::Instant,
};

/// Nanoseconds since the bench began: the clock of every stamp.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// How far one reader thread is. Only that thread writes it.
#[derive(Debug, Default)]
#[repr(align(128))] // two cache lines: readers must not slow each other down
pub(super) struct Progress {
    pub connected: AtomicU64,
    pub failed: AtomicU64,
    pub closed: AtomicU64,
    pub received: AtomicU64,
    pub duplicated: AtomicU64,
    pub out_of_order: AtomicU64,
    /// Events of a topic that the subscriber has not asked for.
    pub misdirected: AtomicU64,
    /// When the last event came.
    pub last: AtomicU64,
}

/// One bench's threads share this.
#[derive(Debug)]
pub(super) struct Shared {
    pub clock: Clock,
    /// Marks this bench's events.
    pub run: u16,
    pub readers: Vec<Progress>,
    /// Connected subscribers of each topic, those that never read not counted.
    pub audience: Vec<AtomicU32>,
    /// Latency counts for events stamped from here on.
    pub measure_from: AtomicU64,
    /// Readers end.
    pub stop: AtomicBool,
    /// The first thing that went wrong, in words.
    pub trouble: OnceLock<String>,
}

/// The sum over all readers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub connected: u64,
    pub failed: u64,
    pub closed: u64,
    pub received: u64,
    pub duplicated: u64,
    pub out_of_order: u64,
    pub misdirected: u64,
    pub last: u64,
}

impl Shared {
    pub(super) fn new(run: u16, readers: usize, topics: usize) -> Self {
        Self {
            clock: Clock::start(),
            run,
            readers: (0..readers).map(|_| Progress::default()).collect(),
            audience: (0..topics).map(|_| AtomicU32::new(0)).collect(),
            measure_from: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            trouble: OnceLock::new(),
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.readers.iter().fold(Totals::default(), |sum, reader| Totals {
            connected: sum.connected + reader.connected.load(Relaxed),
            failed: sum.failed + reader.failed.load(Relaxed),
            closed: sum.closed + reader.closed.load(Relaxed),
            received: sum.received + reader.received.load(Acquire),
            duplicated: sum.duplicated + reader.duplicated.load(Relaxed),
            out_of_order: sum.out_of_order + reader.out_of_order.load(Relaxed),
            misdirected: sum.misdirected + reader.misdirected.load(Relaxed),
            last: sum.last.max(reader.last.load(Relaxed)),
        })
    }

    /// Remembers the first trouble only: what follows it is mostly the same again.
    pub(super) fn trouble(&self, what: impl FnOnce() -> String) {
        self.trouble.get_or_init(what);
    }
}
