//! A thread of subscribers. It shares the machine with the server under test, so it does as little as it can:
//! one read a wake-up into one buffer, a scan for stamps, a number compared.

use std::{
    io::{self, Read, Write},
    mem,
    net::SocketAddr,
    sync::atomic::{
        AtomicU64,
        Ordering::{Relaxed, Release},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    answer::{Body, Head, reason},
    chunked::Malformed,
    lanes::Lanes,
    ledger::{Entry, Ledger},
    shared::{Progress, Shared},
    stamp::{Scanner, Stamp},
};

/// Connects without an answer yet: below every server's accept queue, or SYNs are dropped and come back after
/// a second.
const CONNECTING: usize = 128;
/// A read this short or shorter than asked for has emptied the socket.
const BUFFER: usize = 256 * 1024;
/// How often the reader looks whether it is to stop, or its time to connect is over.
const LOOK: Duration = Duration::from_millis(50);
/// Longer waits are counted as this.
const LATENCY_MAX: u64 = 600_000_000_000;

/// One subscriber to be.
#[derive(Debug)]
pub(super) struct Plan {
    pub topic: usize,
    pub slots: usize,
    /// Connects, and from then on reads nothing.
    pub stalled: bool,
    pub request: Vec<u8>,
}

struct Subscriber {
    stream: Option<TcpStream>,
    topic: u32,
    first_slot: u32,
    stalled: bool,
    state: State,
}

enum State {
    /// The request is written when the socket first can take it.
    Connecting(Vec<u8>),
    Head(Box<Head>),
    Streaming(Body, Scanner),
}

/// What the events so far amount to; kept apart from the subscribers so that both can be borrowed.
struct Tally<'a> {
    shared: &'a Shared,
    ledger: Ledger,
    latency: Histogram<u64>,
    /// Latency is taken of every event for which this mask is clear.
    sample: u32,
    /// Topic and slot of each lane.
    lanes: Vec<(u32, u32)>,
    measure_from: u64,
    received: u64,
    duplicated: u64,
    out_of_order: u64,
    misdirected: u64,
    last: u64,
}

/// See the module.
pub(super) struct Reader<'a> {
    poll: Poll,
    subscribers: Vec<Subscriber>,
    tally: Tally<'a>,
    index: usize,
    address: SocketAddr,
    connecting: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        index: usize,
        address: SocketAddr,
        lanes: Lanes,
        sample: u32,
    ) -> io::Result<Self> {
        let latency = Histogram::new_with_bounds(1_000, LATENCY_MAX, 3).map_err(io::Error::other)?;
        Ok(Self {
            poll: Poll::new()?,
            subscribers: Vec::new(),
            tally: Tally {
                shared,
                ledger: Ledger::default(),
                latency,
                sample,
                lanes: (0..lanes.count())
                    .map(|lane| (lanes.topic(lane) as u32, lanes.slot(lane) as u32))
                    .collect(),
                measure_from: u64::MAX,
                received: 0,
                duplicated: 0,
                out_of_order: 0,
                misdirected: 0,
                last: 0,
            },
            index,
            address,
            connecting: 0,
        })
    }

    /// Connects what `plans` say, then reads until told to stop; answers the latencies. What is not connected
    /// at `deadline` has failed.
    pub(super) fn run(
        mut self,
        mut plans: impl Iterator<Item = Plan>,
        deadline: u64,
    ) -> io::Result<Histogram<u64>> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; BUFFER];
        let shared = self.tally.shared;
        let mut more = true;
        while !shared.stop.load(Relaxed) {
            while more && self.connecting < CONNECTING {
                match plans.next() {
                    Some(plan) => self.connect(plan),
                    None => more = false,
                }
            }
            if self.connecting > 0 && shared.clock.now() > deadline {
                self.give_up_connecting(plans.by_ref().count());
                more = false;
            }
            match self.poll.poll(&mut events, Some(LOOK)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            self.tally.measure_from = shared.measure_from.load(Relaxed);
            for event in &events {
                self.ready(event.token(), &mut buffer);
            }
            self.tally.publish(self.index);
        }
        Ok(self.tally.latency)
    }

    fn connect(&mut self, plan: Plan) {
        let first_slot = self.tally.ledger.open(plan.slots);
        let token = Token(self.subscribers.len());
        let connected = TcpStream::connect(self.address).and_then(|mut stream| {
            let interests = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, token, interests)?;
            Ok(stream)
        });
        let stream = match connected {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.fail(&format!("cannot connect to {}: {error}", self.address));
                None
            }
        };
        self.connecting += usize::from(stream.is_some());
        self.subscribers.push(Subscriber {
            stream,
            topic: plan.topic as u32,
            first_slot,
            stalled: plan.stalled,
            state: State::Connecting(plan.request),
        });
    }

    fn fail(&self, reason: &str) {
        self.progress().failed.fetch_add(1, Relaxed);
        self.tally.shared.trouble(|| reason.to_owned());
    }

    fn progress(&self) -> &'a Progress {
        &self.tally.shared.readers[self.index]
    }

    fn give_up_connecting(&mut self, unplanned: usize) {
        for subscriber in &mut self.subscribers {
            if !matches!(subscriber.state, State::Streaming(..)) {
                subscriber.stream = None;
            }
        }
        let failed = mem::take(&mut self.connecting) + unplanned;
        self.progress().failed.fetch_add(failed as u64, Relaxed);
        self.tally.shared.trouble(|| "no answer to the subscribe request in time".into());
    }

    /// Serves one wake-up of one subscriber.
    #[inline]
    fn ready(&mut self, token: Token, buffer: &mut [u8]) {
        let Some(subscriber) = self.subscribers.get_mut(token.0) else { return };
        if let (State::Connecting(request), Some(stream)) = (&subscriber.state, &mut subscriber.stream) {
            match stream.write(request) {
                Ok(written) if written == request.len() => {
                    subscriber.state = State::Head(Box::default());
                }
                Err(error) if is_pause(&error) => return,
                result => {
                    subscriber.stream = None;
                    self.connecting -= 1;
                    let reason = result.map_or_else(|error| error.to_string(), |_| "cut short".into());
                    return self.fail(&format!("cannot send to {}: {reason}", self.address));
                }
            }
        }
        loop {
            let Some(stream) = &mut self.subscribers[token.0].stream else { return };
            match stream.read(buffer) {
                Ok(0) => return self.closed(token, "the server closed the connection"),
                Ok(read) => {
                    if let Err(reason) = self.feed(token, &buffer[..read]) {
                        return self.closed(token, &reason);
                    }
                    // epoll(7): on a stream socket a short read means that there is nothing left, and what
                    // comes now is a new edge.
                    if read < buffer.len() {
                        return;
                    }
                }
                Err(error) if is_pause(&error) => return,
                Err(error) => return self.closed(token, &error.to_string()),
            }
        }
    }

    #[inline]
    fn feed(&mut self, token: Token, mut input: &[u8]) -> Result<(), String> {
        let subscriber = &mut self.subscribers[token.0];
        if let State::Head(head) = &mut subscriber.state {
            let Some((status, body)) = head.feed(&mut input).map_err(|error| error.to_string())? else {
                return Ok(());
            };
            if status != 200 {
                return Err(format!("the subscribe request was answered with {status}: {}", reason(input)));
            }
            subscriber.state = State::Streaming(body, Scanner::default());
            self.connecting -= 1;
            if subscriber.stalled {
                if let Some(stream) = &mut subscriber.stream {
                    self.poll.registry().deregister(stream).map_err(|error| error.to_string())?;
                }
            } else {
                self.tally.shared.audience[subscriber.topic as usize].fetch_add(1, Relaxed);
            }
            self.tally.shared.readers[self.index].connected.fetch_add(1, Relaxed);
        }
        if let State::Streaming(body, scanner) = &mut subscriber.state {
            // Those that never read are no part of the reckoning.
            if !subscriber.stalled {
                let who = Who {
                    number: token.0 as u32,
                    topic: subscriber.topic,
                    first_slot: subscriber.first_slot,
                };
                self.tally.feed(who, body, scanner, input).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    #[cold]
    fn closed(&mut self, token: Token, reason: &str) {
        let subscriber = &mut self.subscribers[token.0];
        subscriber.stream = None;
        if matches!(subscriber.state, State::Streaming(..)) {
            self.progress().closed.fetch_add(1, Relaxed);
            self.tally.shared.trouble(|| format!("a stream ended: {reason}"));
        } else {
            self.connecting -= 1;
            self.fail(reason);
        }
    }
}

/// Whose events are being entered.
#[derive(Clone, Copy)]
struct Who {
    number: u32,
    topic: u32,
    first_slot: u32,
}

impl Tally<'_> {
    #[inline]
    fn feed(
        &mut self,
        who: Who,
        body: &mut Body,
        scanner: &mut Scanner,
        mut input: &[u8],
    ) -> Result<(), Malformed> {
        let now = self.shared.clock.now();
        while let Some(data) = body.next(&mut input)? {
            scanner.feed(data, &mut |stamp| self.enter(who, stamp, now));
        }
        Ok(())
    }

    #[inline]
    fn enter(&mut self, who: Who, stamp: Stamp, now: u64) {
        if stamp.run != self.shared.run {
            return;
        }
        let Some(&(topic, slot)) = self.lanes.get(usize::from(stamp.lane)) else { return };
        if topic != who.topic {
            self.misdirected += 1;
            return;
        }
        match self.ledger.enter(who.first_slot + slot, stamp.sequence) {
            Entry::New => self.received += 1,
            Entry::OutOfOrder => {
                self.received += 1;
                self.out_of_order += 1;
            }
            Entry::Duplicate => self.duplicated += 1,
        }
        self.last = now;
        if stamp.sequence.wrapping_add(who.number) & self.sample == 0 && stamp.nanos >= self.measure_from {
            self.latency.saturating_record(now.saturating_sub(stamp.nanos));
        }
    }

    fn publish(&self, index: usize) {
        let progress = &self.shared.readers[index];
        let store = |counter: &AtomicU64, value| counter.store(value, Relaxed);
        store(&progress.last, self.last);
        store(&progress.duplicated, self.duplicated);
        store(&progress.out_of_order, self.out_of_order);
        store(&progress.misdirected, self.misdirected);
        // Last, and released: who sees this number sees the time of its last event too.
        progress.received.store(self.received, Release);
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}
