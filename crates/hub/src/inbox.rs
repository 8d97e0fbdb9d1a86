//! How others speak to a shard's thread.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mio::Waker;

use crate::{pull::Slot, subscriber::Subscriber};

/// What a shard is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take over a subscriber.
    Attach(Box<Subscriber>),
    /// A pull sink has room again.
    Ready(Arc<Slot>),
    /// A pull sink's reader is gone.
    Leave(Arc<Slot>),
    /// End all streams, spread over this time, and say when they have ended.
    Drain { over: Duration, done: oneshot::Sender<()> },
    /// End the thread.
    Stop,
}

/// The commands for a shard, and the bell that wakes it. Bounded by the subscribers there may be: each has at most
/// one attachment, one readiness and one leave under way.
#[derive(Debug)]
pub(crate) struct Inbox {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
    /// The shard is about to wait, or waits: whoever brings something must ring.
    asleep: AtomicBool,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { commands: Mutex::default(), waker, asleep: AtomicBool::new(false) }
    }

    pub(crate) fn send(&self, command: Command) {
        self.commands.lock().expect("no code that holds this lock panics").push(command);
        self.ring();
    }

    /// Wakes the shard unless it is awake.
    pub(crate) fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::error!(%error, "a shard could not be woken");
        }
    }

    /// The shard says that it will wait. It must then look once more for what came in before this.
    pub(crate) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.lock().expect("no code that holds this lock panics").is_empty()
    }

    /// Takes all commands; `into` must be empty, and its memory is reused.
    pub(crate) fn take(&self, into: &mut Vec<Command>) {
        std::mem::swap(&mut *self.commands.lock().expect("no code that holds this lock panics"), into);
    }
}
