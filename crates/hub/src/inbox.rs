//! How others speak to a shard's thread.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use mio::Waker;

use crate::{
    pull::Slot,
    readers::{Page, Want},
    subscriber::Subscriber,
};

/// What a shard is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take over a subscriber.
    Attach(Box<Subscriber>),
    /// A pull sink has room again.
    Ready(Arc<Slot>),
    /// A pull sink's reader is gone.
    Leave(Arc<Slot>),
    /// Hand out a page that was asked for.
    Page { want: Want, page: Arc<Page> },
    /// Say that all that was begun before has been done.
    Fence { done: oneshot::Sender<()> },
    /// End all streams, spread over this time, and say when they have ended.
    Drain { over: Duration, done: oneshot::Sender<()> },
    /// End the thread.
    Stop,
}

/// The commands for a shard, and the bell that wakes it. Bounded by the subscribers there may be: each has at most
/// one attachment, one readiness, one page and one leave under way.
#[derive(Debug)]
pub(crate) struct Inbox {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
    /// Whether the shard waits, and what for.
    sleep: AtomicU8,
}

/// It does not wait: it will look for itself.
const AWAKE: u8 = 0;
/// It waits for a moment, to let updates gather: commands ring.
const DOZING: u8 = 1;
/// It waits until something comes: whoever brings something must ring.
const ASLEEP: u8 = 2;

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { commands: Mutex::default(), waker, sleep: AtomicU8::new(AWAKE) }
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.lock().expect("no code that holds this lock panics").push(command);
        if self.sleep.swap(AWAKE, Ordering::SeqCst) != AWAKE {
            self.wake();
        }
    }

    /// There are updates: wakes the shard, unless it is awake or will be in a moment.
    pub(crate) fn ring(&self) {
        if self.sleep.compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::error!(%error, "a shard could not be woken");
        }
    }

    /// The shard says that it will wait. It must then look once more for what came in before this; so it is with the
    /// commands' lock and the history's `next`: whoever brings something either sees this, or is seen.
    pub(crate) fn fall_asleep(&self) {
        self.sleep.store(ASLEEP, Ordering::SeqCst);
    }

    /// The same, but updates do not ring: the shard will look for them in a moment.
    pub(crate) fn doze(&self) {
        self.sleep.store(DOZING, Ordering::SeqCst);
    }

    pub(crate) fn wake_up(&self) {
        self.sleep.store(AWAKE, Ordering::SeqCst);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.lock().expect("no code that holds this lock panics").is_empty()
    }

    /// Takes all commands; `into` must be empty, and its memory is reused.
    pub(crate) fn take(&self, into: &mut Vec<Command>) {
        std::mem::swap(&mut *self.commands.lock().expect("no code that holds this lock panics"), into);
    }
}
