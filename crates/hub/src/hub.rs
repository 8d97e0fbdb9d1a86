//! The hub: its threads, and the handle to it.

use std::{
    io,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use mio::{Poll, Waker};
use socket2::{SockRef, TcpKeepalive};

use crate::{
    Admitted, Clock, FrameStream, Framing, HistoryPlace, Limits, Options, Pending, PublishError, StartError,
    Submission, Subscribe, SubscribeError, Topic, UnknownCursor,
    disk::Directory,
    filter::Filter,
    history::History,
    inbox::{Command, Inbox},
    intake::{Intake, ShardHandle},
    log::{Fresh, Log, OpenError, Settings},
    pull::{Feed, Slot},
    readers::{self, Readers},
    ring::Window,
    sequencer::Sequencer,
    shard::{Orders, Portions, Rules, Shard},
    sink::Sink,
    subscribe::Start,
    subscriber::{Counts, Seat, Subscriber},
    worker::{self, WAKER, Worker},
};

/// Unsent bytes that the kernel keeps for a socket: with this a reader that never reads holds some 150 KB of kernel
/// memory, and without it 4 MB; a fast one is refilled before it runs dry. (`headwater-bench --row stalled`)
const UNSENT: u32 = 32 << 10;

/// Clocks are set by some seconds all the time.
const CLOCK_SLACK: Duration = Duration::from_mins(1);

/// Between two probes of a stream that is idle and has no heartbeats.
const PROBE: Duration = Duration::from_secs(5);

/// Opens what was retained, or begins anew.
fn open_history(options: &Options) -> Result<(Arc<History>, Option<Arc<Log>>), StartError> {
    let Options { retention, retain_rules, .. } = options;
    let window = Window::default();
    let (history, log) = match &options.history {
        HistoryPlace::Memory => (History::memory(options.epoch, retention.clone(), window), None),
        HistoryPlace::Directory(path) => {
            let settings = Settings::new(retention.clone(), retain_rules.clone(), options.sync);
            let disk = Directory::open_or_create(path)
                .map_err(|error| OpenError::Disk { what: "opening the directory".into(), error })
                .and_then(|directory| {
                    Log::open(Arc::new(directory), settings, &Fresh::random(options.epoch))
                });
            let log = Arc::new(disk.map_err(|error| StartError::of_history(path, error))?);
            let floor = log.retain(options.clock.wall());
            if let Ok(ahead) = log.last_time().duration_since(options.clock.wall())
                && ahead > CLOCK_SLACK
            {
                tracing::warn!(
                    ?ahead,
                    "the last update was stored in the future: the clock was wrong then, or is now. Until it gets there, \
                     updates have that time, and retention by age waits"
                );
            }
            let updates = log.next() - floor;
            tracing::info!(path = %path.display(), updates, epoch = %log.epoch(), "history opened");
            (History::logged(log.clone(), retention.age, window), Some(log))
        }
    };
    Ok((Arc::new(history.with_rules(retain_rules.clone())), log))
}

/// What was purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// How many updates bore the topic.
    pub updates: u64,
}

/// The engine in one process: takes updates, gives them their order, and hands them to all who subscribed.
///
/// Dropping it ends all streams and its threads: what a slow reader has not taken by then it does not get. To let them
/// catch up, [`drain`](Self::drain) it first. Share it in an [`Arc`].
pub struct Hub {
    history: Arc<History>,
    intake: Arc<Intake<dyn Clock>>,
    counts: Arc<Counts>,
    closed: AtomicBool,
    limits: Limits,
    unknown_cursor: UnknownCursor,
    user_timeout: Duration,
    heartbeat: Option<Duration>,
    /// Of a history that is not all in memory.
    readers: Option<Arc<Readers>>,
    /// The same, where it is on disk.
    log: Option<Arc<Log>>,
    clock: Arc<dyn Clock>,
    threads: Vec<JoinHandle<()>>,
}

impl Hub {
    /// Opens the history and starts the threads. What may fail is in [`StartError`].
    pub fn start(options: Options) -> Result<Self, StartError> {
        let (history, log) = open_history(&options)?;
        let Options { clock, limits, .. } = options;
        let rules = Rules {
            heartbeat: options.heartbeat,
            write_timeout: options.write_timeout,
            slow_reader: options.slow_reader,
            portions: Portions::default(),
        };
        let readers = history.past().map(|past| Arc::new(Readers::new(past.clone())));
        let (mut shards, mut workers) = (Vec::new(), Vec::new());
        for _ in 0..options.shards.max(1) {
            let poll = Poll::new()?;
            let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), WAKER)?));
            let orders = readers.as_ref().map(|readers| Orders::new(readers.clone(), inbox.clone()));
            let shard = Shard::new(history.clone(), orders, &rules, worker::now(&*clock));
            shards.push(ShardHandle { inbox: inbox.clone(), load: Arc::default() });
            workers.push(Worker { shard, poll, inbox, clock: clock.clone(), linger: options.linger });
        }
        let sequencer = Sequencer::new(history.clone());
        let intake = Intake::new(limits.queue_bytes, sequencer, shards.into(), clock.clone());
        let mut hub = Self {
            history,
            intake: Arc::new(intake),
            counts: Arc::default(),
            closed: AtomicBool::new(false),
            limits,
            unknown_cursor: options.unknown_cursor,
            user_timeout: options.write_timeout,
            heartbeat: options.heartbeat,
            readers,
            log,
            clock,
            threads: Vec::new(),
        };
        // What has been started ends with `hub`, should the next one fail to start.
        for (i, worker) in workers.into_iter().enumerate() {
            hub.threads.push(thread::Builder::new().name(format!("shard-{i}")).spawn(move || worker.run())?);
        }
        if let Some(readers) = &hub.readers {
            for i in 0..readers::THREADS {
                let (readers, clock) = (readers.clone(), hub.clock.clone());
                let thread = thread::Builder::new().name(format!("reader-{i}"));
                hub.threads.push(thread.spawn(move || readers.run(&*clock))?);
            }
        }
        if let Some(log) = hub.log.clone() {
            hub.threads.push(thread::Builder::new().name("log-keeper".into()).spawn(move || log.keep())?);
        }
        let intake = hub.intake.clone();
        hub.threads.push(thread::Builder::new().name("sequencer".into()).spawn(move || intake.run())?);
        Ok(hub)
    }

    /// Publishes. The answer comes once the updates have their places in history; they are on their way then.
    ///
    /// Never waits: neither for a subscriber, nor for room. What the answer may say is in
    /// [`PublishError`](crate::PublishError).
    pub fn publish(&self, submission: impl Into<Submission>) -> Pending {
        let (answer, pending) = oneshot::channel();
        self.intake.submit(submission.into(), answer);
        Pending(pending)
    }

    /// Admits a subscriber and finds its place in the stream. What is published from now on it will get.
    pub fn subscribe(&self, request: Subscribe) -> Result<Admitted, SubscribeError> {
        let Subscribe { selectors, grant, since, gap_events, include, expires } = request;
        if self.closed.load(Ordering::Acquire) {
            return Err(SubscribeError::Closed);
        }
        let limits = &self.limits;
        let (given, max) = (selectors.len(), limits.selectors);
        if given == 0 {
            return Err(SubscribeError::NoSelector);
        }
        if given > max {
            return Err(SubscribeError::TooManySelectors { given, max });
        }
        let lengths = || selectors.iter().map(|s| s.as_str().len());
        if let Some(bytes) = lengths().find(|&l| l > limits.selector_bytes) {
            return Err(SubscribeError::SelectorTooLong { bytes, max: limits.selector_bytes });
        }
        let seat = self.seat(lengths().sum())?;
        let start = Start::find(&self.history, &since, self.unknown_cursor, gap_events, self.clock.wall());
        Ok(Admitted { filter: Filter { selectors: selectors.into(), grant }, start, include, expires, seat })
    }

    fn seat(&self, selector_bytes: usize) -> Result<Seat, SubscribeError> {
        let counts = self.counts.clone();
        // Taken first and looked at then: of two that come at once for the last seat, not both get it.
        let subscribers = counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let bytes = counts.selector_bytes.fetch_add(selector_bytes, Ordering::Relaxed);
        let seat = Seat { counts, selector_bytes, shard: None };
        let fits = subscribers < self.limits.subscribers
            && bytes.saturating_add(selector_bytes) <= self.limits.all_selector_bytes;
        if fits { Ok(seat) } else { Err(SubscribeError::Full) }
    }

    /// Hands a connection over to a shard, which writes the stream and reads nothing more from it. The response's
    /// head must have been sent, and [`prepare`](Self::prepare) called for it or its listener.
    pub fn attach_socket(&self, subscriber: Admitted, socket: TcpStream, framing: Framing) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let stream = mio::net::TcpStream::from_std(socket);
        self.attach(subscriber, Sink::Plain { stream, framing, discarded: 0 });
        Ok(())
    }

    /// Hands the subscriber's frames to the caller.
    pub fn attach_stream(&self, subscriber: Admitted) -> FrameStream {
        let slot = Arc::<Slot>::default();
        let inbox = self.attach(subscriber, Sink::Pull(Feed::new(slot.clone())));
        FrameStream::new(slot, inbox)
    }

    fn attach(&self, subscriber: Admitted, sink: Sink) -> Arc<Inbox> {
        let Admitted { filter, start, include, expires, mut seat } = subscriber;
        let shard = self
            .intake
            .shards()
            .iter()
            .min_by_key(|s| s.load.load(Ordering::Relaxed))
            .expect("there is at least one");
        shard.load.fetch_add(1, Ordering::SeqCst);
        seat.shard = Some(shard.load.clone());
        let mut subscriber = Subscriber::new(sink, filter, start.next, start.gap, include, expires, seat);
        subscriber.told_until = start.told_until;
        shard.inbox.send(Command::Attach(Box::new(subscriber)));
        shard.inbox.clone()
    }

    /// Sets a socket's options: no delay, little unsent data in the kernel, and a peer that does not acknowledge for
    /// the write timeout is gone. On Linux a listener hands them down to the sockets that it accepts.
    pub fn prepare<'a>(&self, socket: impl Into<SockRef<'a>>) -> io::Result<()> {
        let socket = socket.into();
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_notsent_lowat(UNSENT)?;
            socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        }
        if self.heartbeat.is_none() {
            // Without heartbeats nothing is sent on an idle stream that a dead peer would fail to acknowledge. The
            // kernel's own first probe comes after two hours.
            socket
                .set_tcp_keepalive(&TcpKeepalive::new().with_time(self.user_timeout).with_interval(PROBE))?;
        }
        Ok(())
    }

    /// Forgets all updates that bear this topic, canonical or alternate, and were published before: from the answer on
    /// nobody begins to be sent one any more. (Who is in the middle of one gets its end, and a [`FrameStream`] hands out
    /// the few frames that it holds.) What a log holds of them on the disk is overwritten soon after.
    ///
    /// Who held one's id as its cursor is told of a gap, if the id was the publisher's own. Blocks the thread for the
    /// time of a commit.
    pub fn purge(&self, topic: &Topic) -> Result<Purged, PublishError> {
        let updates = self.history.count(topic, self.clock.wall()).map_err(|_| PublishError::Unavailable)?;
        self.intake.purge(topic)?;
        if let Some(readers) = &self.readers {
            readers.forget();
        }
        // What a shard was about to write when this began is written now, and nothing more.
        self.ask_shards(|done| Command::Fence { done });
        Ok(Purged { updates })
    }

    /// Has each shard do something, and waits until all have.
    fn ask_shards(&self, command: impl Fn(oneshot::Sender<()>) -> Command) {
        let ask = |shard: &ShardHandle| {
            let (done, pending) = oneshot::channel();
            shard.inbox.send(command(done));
            pending
        };
        let pending: Vec<_> = self.intake.shards().iter().map(ask).collect();
        for shard in pending {
            // A shard that is gone has no streams left.
            let _ = shard.recv();
        }
    }

    /// How many subscribers there are.
    pub fn subscribers(&self) -> usize {
        self.counts.subscribers.load(Ordering::Relaxed)
    }

    /// Ends all streams at a frame's boundary, evenly spread over this time, and admits no new ones. A stream that is
    /// behind has until the end of it to catch up. Publishing goes on. Blocks the thread until all have ended.
    pub fn drain(&self, over: Duration) {
        self.closed.store(true, Ordering::Release);
        self.ask_shards(|done| Command::Drain { over, done });
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.intake.close();
        for shard in self.intake.shards() {
            shard.inbox.send(Command::Stop);
        }
        if let Some(readers) = &self.readers {
            readers.close();
        }
        if let Some(log) = &self.log {
            log.end_chores();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("one of the hub's threads had panicked");
            }
        }
        if let Some(log) = &self.log {
            log.close();
        }
    }
}
