//! A shard's thread: waits, takes what has come, and lets the shard do it.

use std::{io, sync::Arc, time::Duration};

use mio::{Events, Interest, Poll, Registry, Token};

use crate::{
    clock::Clock,
    inbox::{Command, Inbox},
    pull::End,
    shard::{Now, Shard},
    sink::Sink,
    subscriber::Subscriber,
    timer::{TICK, tick},
};

/// The waker's token; no subscriber's key comes near it.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Sockets that one wait reports at the most; the next wait reports the rest.
const EVENTS: usize = 1024;

/// The time of a turn.
pub(crate) fn now(clock: &dyn Clock) -> Now {
    Now { tick: tick(clock.elapsed()), wall: clock.wall() }
}

/// A shard, with what its thread needs to wait.
pub(crate) struct Worker {
    pub(crate) shard: Shard,
    pub(crate) poll: Poll,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The least time between two passes over what is new.
    pub(crate) linger: Duration,
}

impl Worker {
    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut commands = Vec::new();
        let mut draining = false;
        let mut drained: Vec<oneshot::Sender<()>> = Vec::new();
        let mut last_pass: Option<Duration> = None;
        loop {
            self.wait(&mut events, self.lingers(last_pass));
            let now = now(&*self.clock);
            self.inbox.take(&mut commands);
            for command in commands.drain(..) {
                match command {
                    Command::Attach(subscriber) => self.attach(*subscriber, draining, now),
                    Command::Ready(slot) => self.shard.ready(&slot, now),
                    Command::Leave(slot) => self.shard.leave(&slot),
                    Command::Page { want, page } => self.shard.arrived(&want, &page),
                    // Between two turns nothing is half handed out.
                    Command::Fence { done } => drop(done.send(())),
                    Command::Drain { over, done } => {
                        // What has been acknowledged by now still goes out.
                        self.shard.pass_all(now);
                        self.shard.drain(over, now);
                        draining = true;
                        drained.push(done);
                    }
                    Command::Stop => {
                        self.shard.pass_all(now);
                        return self.shard.close_all(End::Drained);
                    }
                }
            }
            for event in events.iter().filter(|e| e.token() != WAKER) {
                let key = event.token().0;
                if event.is_readable() || event.is_error() || event.is_read_closed() {
                    self.shard.readable(key);
                }
                if event.is_writable() {
                    self.shard.writable(key, now);
                }
            }
            if self.shard.has_news()
                && (self.lingers(last_pass).is_none() || self.shard.has_readers() || draining)
            {
                self.shard.pass(now);
                last_pass = Some(self.clock.elapsed());
                // Where others want the processor they get it now, and more updates are there on the next look: that
                // is cheaper than to fall asleep and be woken for each. Where nobody does this is nothing.
                std::thread::yield_now();
            }
            self.shard.catch_up(now);
            // Last: a stream that is to end has been given what there is.
            self.shard.tick(now);
            if self.shard.is_empty() {
                for done in drained.drain(..) {
                    // Who drains may have given up waiting.
                    let _ = done.send(());
                }
            }
        }
    }

    /// How long the shard still lets updates gather.
    fn lingers(&self, last_pass: Option<Duration>) -> Option<Duration> {
        let until = last_pass? + self.linger;
        until.checked_sub(self.clock.elapsed()).filter(|left| !left.is_zero())
    }

    /// Waits for sockets, commands or updates, no longer than there is nothing to do.
    fn wait(&mut self, events: &mut Events, lingering: Option<Duration>) {
        match lingering {
            None => self.inbox.fall_asleep(),
            Some(_) => self.inbox.doze(),
        }
        let news = lingering.is_none() && self.shard.has_news();
        let timeout = if news || self.shard.has_readers() || !self.inbox.is_empty() {
            self.inbox.wake_up();
            Some(Duration::ZERO)
        } else {
            let alarm = self.shard.next_alarm().map(|at| (TICK * at).saturating_sub(self.clock.elapsed()));
            [alarm, lingering].into_iter().flatten().min()
        };
        if let Err(error) = self.poll.poll(events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "a shard could not wait for its sockets");
        }
        self.inbox.wake_up();
    }

    fn attach(&mut self, mut subscriber: Subscriber, draining: bool, now: Now) {
        if let Sink::Plain { stream, .. } = &mut subscriber.sink
            && let Err(error) = register(self.poll.registry(), stream, self.shard.next_key())
        {
            tracing::error!(%error, "a connection could not be watched and was closed");
            return;
        }
        if draining {
            subscriber.sink.finish(End::Drained);
            return;
        }
        self.shard.attach(subscriber, now);
    }
}

fn register(registry: &Registry, stream: &mut mio::net::TcpStream, key: usize) -> io::Result<()> {
    registry.register(stream, Token(key), Interest::READABLE | Interest::WRITABLE)
}
