//! `headwater bench`: a load generator that checks what it measures.
//!
//! Threads of subscribers (`reader`) and one thread of publishers (`publisher`) share a clock and counters
//! (`shared`). Every event carries a `stamp`: its lane, its place and the time it left. A subscriber's
//! `ledger` tells lost, doubled and disordered events from it, of every subscriber and every event; only
//! latency is sampled, where there is more than the clock is worth asking.

mod answer;
mod chunked;
mod lanes;
mod ledger;
mod publisher;
mod reader;
mod report;
mod request;
mod schedule;
mod shared;
mod stamp;

use std::{
    io,
    sync::{atomic::Ordering::Relaxed, mpsc},
    thread,
    time::Duration,
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use self::{
    lanes::Lanes,
    publisher::{Published, Publisher},
    reader::{Plan, Reader},
    request::Requests,
    shared::Shared,
};

pub use self::report::{Bursts, Latency, Report};
// For loads of another shape than this one's, which check what they measure by the same stamps.
pub use self::{
    answer::{Answer, Answers, BadAnswer, Body, Head},
    chunked::{Chunked, Malformed},
    stamp::{Scanner, Stamp},
};

/// Descriptors beside the connections: standard streams, epoll, the terminal.
const DESCRIPTORS: u64 = 32;
/// Ticks of progress.
const TICK: Duration = Duration::from_millis(100);
/// Above this many deliveries a second, latency is taken of every sixteenth.
const SAMPLED: f64 = 100_000.0;

/// What to bench. Everything is bounded; [`run`] refuses what is outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The hub's URL; plain HTTP. Subscribers ask here.
    pub url: String,
    /// What kind of server it is.
    pub style: Style,
    /// A JWT that may publish and subscribe.
    pub token: Option<String>,
    /// Subscribers do not show it.
    pub anonymous: bool,
    /// Connections that receive, spread over the topics.
    pub subscribers: usize,
    /// Connections beside them that subscribe and then read nothing.
    pub stalled: usize,
    /// How many topics there are.
    pub topics: usize,
    /// A topic's name; `{index}` stands for its number, `{sequence}` for the event's.
    pub topic: String,
    /// What subscribers ask for, if it is not the topic's name; `{index}` as above.
    pub selector: Option<String>,
    /// Events a second over all topics; `None`: as many as are answered.
    pub rate: Option<f64>,
    /// How long to publish.
    pub seconds: f64,
    /// How long to publish beforehand without counting it.
    pub warmup: f64,
    /// How many seconds the last deliveries may take after the last publish was answered.
    pub drain: f64,
    /// Events at once. Above 1, a burst begins when the one before has arrived everywhere.
    pub burst: u32,
    /// How a burst is sent.
    pub volley: Volley,
    /// Bytes of an event's data.
    pub size: usize,
    /// Connections that publish.
    pub publishers: usize,
    /// Threads that receive.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: String::new(),
            style: Style::Mercure,
            token: None,
            anonymous: false,
            subscribers: 1_000,
            stalled: 0,
            topics: 1,
            topic: "bench/{index}".into(),
            selector: None,
            rate: Some(10.0),
            seconds: 10.0,
            warmup: 0.0,
            drain: 10.0,
            burst: 1,
            volley: Volley::Singly,
            size: 100,
            publishers: 1,
            threads: 1,
        }
    }
}

/// What a server understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// The Mercure protocol, with NDJSON for batches.
    Mercure,
    /// Any other event stream: one stream of everything at the URL, bodies posted as they are.
    Plain {
        /// Where a body is one event.
        publish: String,
        /// Where each line of a body is one.
        batch: String,
    },
}

/// How the events of a burst travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Volley {
    /// Each in its own request, which waits for the answer to the one before.
    Singly,
    /// Each in its own request, all at once on one connection.
    Pipelined,
    /// All in one request.
    Batch,
}

/// Where a bench is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing has been opened.
    Start,
    /// All subscribers that will connect are connected; nothing has been published.
    Connected,
    /// The warm-up is over and delivered.
    Warm,
    /// All is published, and delivered as far as it was within the time allowed.
    Delivered,
}

/// Running totals.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// Open streams so far.
    pub connected: u64,
    /// Events received by all subscribers together, each counted once.
    pub received: u64,
    /// Seconds since the bench began.
    pub seconds: f64,
}

/// Watches a bench.
pub trait Observer {
    /// A phase is reached. The bench goes on when this returns; its subscribers read meanwhile.
    fn phase(&mut self, phase: Phase, now: Snapshot);

    /// Called some times a second in between.
    fn tick(&mut self, phase: Phase, now: Snapshot);
}

/// Why a bench could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be used.
    #[error("cannot bench {url:?}: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token holds what cannot stand in a header.
    #[error(
        "the token holds a character that no JWT has; is it complete, and without quotes or line breaks?"
    )]
    Token,
    /// An option is out of bounds.
    #[error("{name} must be {bounds}")]
    Option {
        /// Which one.
        name: &'static str,
        /// What it may be.
        bounds: String,
    },
    /// More connections than this process may open.
    #[error(
        "{needed} descriptors are needed and {limit} are allowed: raise the limit (`ulimit -n`), or run several \
         of these at once, each with a part of the subscribers"
    )]
    Descriptors {
        /// Connections and a few more.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// No subscriber got a stream.
    #[error("no subscriber could connect: {reason}")]
    NoSubscriber {
        /// What happened to the first one.
        reason: String,
    },
    /// Too many publishes failed.
    #[error("gave up after {failed} failed publishes: {reason}")]
    Publish {
        /// How many.
        failed: u64,
        /// What happened to the first one.
        reason: String,
    },
    /// The operating system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        let within = |name, value: f64, least: f64, most: f64| {
            let bounds = format!("between {least} and {most}");
            if value >= least && value <= most { Ok(()) } else { Err(Error::Option { name, bounds }) }
        };
        within("subscribers", self.subscribers as f64, 0.0, 1e6)?;
        within("stalled subscribers", self.stalled as f64, 0.0, 1e6)?;
        within("topics", self.topics as f64, 1.0, 65_536.0)?;
        within("the rate", self.rate.unwrap_or(0.0), 0.0, 1e6)?;
        within("seconds", self.seconds, 0.0, 86_400.0)?;
        within("the warm-up's seconds", self.warmup, 0.0, 3_600.0)?;
        within("the drain's seconds", self.drain, 0.0, 3_600.0)?;
        within("a burst", f64::from(self.burst), 1.0, 100_000.0)?;
        within("an event's size", self.size as f64, stamp::LEN as f64, 1_048_576.0)?;
        within("publishers", self.publishers as f64, 1.0, 10_000.0)?;
        within("threads", self.threads as f64, 1.0, 64.0)?;
        if self.topics > 1 && !self.topic.contains("{index}") {
            let bounds = "another for each of several topics: write {index} in it".into();
            return Err(Error::Option { name: "the topic's name", bounds });
        }
        Ok(())
    }

    fn descriptors(&self) -> u64 {
        (self.subscribers + self.stalled + self.publishers) as u64 + DESCRIPTORS
    }

    /// A mask: latency is taken of the events for which it is clear.
    fn sample(&self) -> u32 {
        let receivers = self.subscribers as f64 / self.topics as f64;
        match self.rate {
            Some(rate) if self.burst == 1 && rate * receivers <= SAMPLED => 0,
            None if receivers <= 10.0 => 0,
            _ => 15,
        }
    }

    /// Time to connect: generous, and bounded.
    fn connect_nanos(&self) -> u64 {
        10_000_000_000 + (self.subscribers + self.stalled) as u64 * 3_000_000
    }
}

/// Connects, publishes, receives, and says how it went.
pub fn run(options: &Options, observer: &mut dyn Observer) -> Result<Report, Error> {
    options.check()?;
    let mut requests = Requests::new(options)?;
    let needed = options.descriptors();
    let limit = rlimit::increase_nofile_limit(needed.max(rlimit::Resource::NOFILE.get_soft()?))?;
    if limit < needed {
        return Err(Error::Descriptors { needed, limit });
    }
    let mut random = [0; 2];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let shared = Shared::new(u16::from_ne_bytes(random), options.threads, options.topics);
    observer.phase(Phase::Start, snapshot(&shared));

    let lanes = Lanes::new(options.topics, options.publishers);
    let deadline = shared.clock.now() + options.connect_nanos();
    let mut readers = Vec::new();
    for index in 0..options.threads {
        readers.push(Reader::new(&shared, index, requests.subscribe_address(), lanes, options.sample())?);
    }
    let plans: Vec<Vec<Plan>> = (0..options.threads)
        .map(|thread| plans(options, &requests, lanes).skip(thread).step_by(options.threads).collect())
        .collect();
    thread::scope(|scope| {
        let readers: Vec<_> = readers
            .into_iter()
            .zip(plans)
            .map(|(reader, plans)| scope.spawn(move || reader.run(plans.into_iter(), deadline)))
            .collect();
        let outcome = drive(options, &shared, &mut requests, observer);
        shared.stop.store(true, Relaxed);
        let mut latency = Histogram::new(3).map_err(io::Error::other)?;
        for reader in readers {
            let read = reader.join().map_err(|_| io::Error::other("a reader thread panicked"))??;
            latency.add(read).map_err(io::Error::other)?;
        }
        let (published, warm, drained) = outcome?;
        Ok(report::make(options, &shared, &warm, &published, &drained, &latency))
    })
}

/// What the subscribers had received when a phase was over.
#[derive(Debug, Default)]
struct Drained {
    received: u64,
    /// When the last event of the phase came, on the bench's clock.
    last: u64,
    /// When the phase began.
    began: u64,
}

fn drive(
    options: &Options,
    shared: &Shared,
    requests: &mut Requests,
    observer: &mut dyn Observer,
) -> Result<(Published, Published, [Drained; 2]), Error> {
    let wanted = (options.subscribers + options.stalled) as u64;
    loop {
        let totals = shared.totals();
        if totals.connected + totals.failed >= wanted {
            break;
        }
        observer.tick(Phase::Start, snapshot(shared));
        thread::sleep(Duration::from_millis(10));
    }
    if wanted > 0 && shared.totals().connected == 0 {
        let reason = shared.trouble.get().cloned().unwrap_or_default();
        return Err(Error::NoSubscriber { reason });
    }
    shared.measure_from.store(u64::MAX, Relaxed);
    observer.phase(Phase::Connected, snapshot(shared));

    let mut publisher = Publisher::new(options, shared, requests)?;
    let mut warm = Published::default();
    let mut before = Drained::default();
    if options.warmup > 0.0 {
        (publisher, warm) =
            watched(publisher, options.warmup, options.rate, shared, Phase::Connected, observer)?;
        before = drain(options, shared, warm.expected, 0);
    }
    observer.phase(Phase::Warm, snapshot(shared));
    let began = shared.clock.now();
    shared.measure_from.store(began, Relaxed);
    let (_publisher, published) =
        watched(publisher, options.seconds, options.rate, shared, Phase::Warm, observer)?;
    let after = drain(options, shared, warm.expected + published.expected, began);
    observer.phase(Phase::Delivered, snapshot(shared));
    Ok((published, warm, [before, after]))
}

/// Runs the publisher in a thread of its own while the observer watches.
fn watched<'a>(
    mut publisher: Publisher<'a>,
    seconds: f64,
    rate: Option<f64>,
    shared: &Shared,
    phase: Phase,
    observer: &mut dyn Observer,
) -> Result<(Publisher<'a>, Published), Error> {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let published = publisher.run(seconds, rate);
            // The receiver waits until this comes.
            drop(sender.send((publisher, published)));
        });
        loop {
            match receiver.recv_timeout(TICK) {
                Ok((publisher, published)) => return Ok((publisher, published?)),
                Err(mpsc::RecvTimeoutError::Timeout) => observer.tick(phase, snapshot(shared)),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the publisher's thread panicked").into());
                }
            }
        }
    })
}

/// Waits until all that is expected has come, within the time allowed.
fn drain(options: &Options, shared: &Shared, expected: u64, began: u64) -> Drained {
    let deadline = shared.clock.now() + (options.drain * 1e9) as u64;
    loop {
        let totals = shared.totals();
        if totals.received >= expected || shared.clock.now() > deadline {
            return Drained { received: totals.received, last: totals.last, began };
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn plans(options: &Options, requests: &Requests, lanes: Lanes) -> impl Iterator<Item = Plan> {
    let (subscribers, topics) = (options.subscribers, options.topics);
    (0..subscribers + options.stalled).map(move |number| {
        let topic = number % topics;
        let slots = lanes.of_topic(topic);
        Plan { topic, slots, stalled: number >= subscribers, request: requests.subscribe(topic) }
    })
}

fn snapshot(shared: &Shared) -> Snapshot {
    let totals = shared.totals();
    Snapshot {
        connected: totals.connected,
        received: totals.received,
        seconds: shared.clock.now() as f64 / 1e9,
    }
}

#[cfg(test)]
mod tests;
