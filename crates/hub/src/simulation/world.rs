//! The engine without its threads, on a disk that fails, and the plain facts beside it.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use headwater_sse::EventId;
use mio::{Poll, Token, Waker};

use super::{
    Config, Wrong,
    client::Client,
    facts::{Fact, Facts, Held, Purged, Read, SELECTORS, SHORT, SHORT_LIFE, Submitted, TOPICS, submission},
};
use crate::{
    Framing, PublishError, RetainRule, Selector, Since, Topic, UnknownCursor,
    cursor::{Epoch, Offset},
    disk::sim::{Random, SimDisk},
    history::{Found, History},
    inbox::{Command, Inbox},
    log::Log,
    pipe::Pipe,
    readers::{Fetched, Job, Past as _, Readers, Want},
    sequencer::Sequencer,
    shard::{Now, Orders, Portions, Rules, Shard},
    sink::Sink,
    subscribe::Start,
    subscriber::{Counts, GapNotice, Seat, Subscriber},
};

/// Many times what any program needs: beyond it the engine turns without end.
const TURNS: usize = 5_000;

/// A process: what is gone when it dies.
pub(super) struct Hub {
    pub(super) log: Arc<Log>,
    history: Arc<History>,
    sequencer: Sequencer,
    shard: Shard,
    readers: Arc<Readers>,
    /// What has been read and was not answered yet.
    read: Vec<(Job, Fetched)>,
    inbox: Arc<Inbox>,
    _poll: Poll,
    /// The time that the sequencer goes by.
    latest: SystemTime,
}

impl Hub {
    pub(super) fn new(log: Log, config: &Config, now: Now) -> Self {
        let log = Arc::new(log);
        log.retain(now.wall);
        let history = History::logged(log.clone(), config.retention.age, config.window.clone());
        let history = Arc::new(history.with_rules(rules(config)));
        let readers = Arc::new(Readers::new(log.clone()));
        let poll = Poll::new().expect("a poll");
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), Token(0)).expect("a waker")));
        let rules = Rules {
            heartbeat: None,
            write_timeout: Duration::from_secs(1 << 20),
            slow_reader: config.slow_reader,
            portions: Portions::default(),
        };
        let orders = Orders::new(readers.clone(), inbox.clone());
        Self {
            sequencer: Sequencer::new(history.clone()),
            shard: Shard::new(history.clone(), Some(orders), &rules, now),
            latest: history.last_time(),
            log,
            history,
            readers,
            read: Vec::new(),
            inbox,
            _poll: poll,
        }
    }

    fn commands(&mut self) {
        let mut commands = Vec::new();
        self.inbox.take(&mut commands);
        for command in commands {
            match command {
                Command::Page { want, page } => self.shard.arrived(&want, &page),
                other => unreachable!("nobody sends {other:?}"),
            }
        }
    }

    fn turn(&mut self, now: Now) {
        self.commands();
        if self.shard.has_news() {
            self.shard.pass(now);
        }
        self.shard.catch_up(now);
        self.shard.tick(now);
    }

    fn fetch(&mut self, now: Now) -> bool {
        let Some(job) = self.readers.begin() else { return false };
        let fetched = self.log.fetch(&job.want, now.wall);
        self.read.push((job, fetched));
        true
    }

    fn answer(&mut self, nth: usize, now: Now) -> bool {
        if self.read.is_empty() {
            return false;
        }
        let (job, fetched) = self.read.swap_remove(nth % self.read.len());
        self.readers.end(job, fetched, now.tick);
        true
    }

    fn is_busy(&self) -> bool {
        !self.inbox.is_empty() || self.shard.has_readers() || self.shard.has_news()
    }
}

pub(super) fn rules(config: &Config) -> Vec<RetainRule> {
    let rule = || RetainRule { selector: Selector::new(TOPICS[SHORT]), age: SHORT_LIFE };
    config.rules.then(rule).into_iter().collect()
}

/// What is wrong with the disk.
#[allow(clippy::struct_excessive_bools, reason = "each of them may be with any of the others")]
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Something that is written may fail.
    pub(super) writes: bool,
    /// Something that is read may fail, or what failed to be read is on its way.
    pub(super) reads: bool,
    /// What failed to be read again and again may be told to be lost until it has been repaired.
    pub(super) unread: bool,
    /// It is full, or read-only, and that outlives the process.
    pub(super) lasting: bool,
}

pub(super) struct World {
    pub(super) config: Config,
    pub(super) random: Random,
    pub(super) disk: SimDisk,
    pub(super) hub: Option<Hub>,
    pub(super) facts: Facts,
    pub(super) clients: Vec<Client>,
    queue: Vec<Submitted>,
    pub(super) now: Now,
    serial: u64,
    pub(super) trouble: Trouble,
    /// A bit was flipped.
    pub(super) flipped: bool,
    /// What has happened, if that is wanted.
    pub(super) story: Option<String>,
    pub(super) counts: super::Counts,
}

impl World {
    pub(super) fn new(seed: u64, tell: bool) -> Self {
        let mut random = Random::new(seed);
        let config = Config::draw(&mut random);
        let now = Now { tick: 0, wall: UNIX_EPOCH + Duration::from_secs(1_000_000) };
        Self {
            disk: SimDisk::new(random.next()),
            facts: Facts::new(config.retention.clone(), config.rules, now.wall),
            random,
            hub: None,
            clients: Vec::new(),
            queue: Vec::new(),
            now,
            serial: 0,
            trouble: Trouble::default(),
            flipped: false,
            story: tell.then(|| format!("{config:?}\n")),
            config,
            counts: super::Counts::default(),
        }
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{}", what());
        }
    }

    pub(super) fn hub(&mut self) -> &mut Hub {
        self.hub.as_mut().expect("it is running")
    }

    /// Hands in one submission.
    pub(super) fn publish(&mut self) {
        let random = &mut self.random;
        let count = *random.pick(&[0, 1, 1, 1, 1, 2, 3, 7]);
        let key = random.one_in(3).then(|| (random.below(4) as u8, random.below(5) as u8 / 4));
        let mut facts: Vec<Fact> = Vec::new();
        for _ in 0..count {
            self.serial += 1;
            let mut topics = vec![random.below(TOPICS.len())];
            if random.one_in(3) {
                topics.push(random.below(TOPICS.len()));
            }
            let id = match random.below(6) {
                0 => Some((*random.pick(&["x", "y"])).to_owned()),
                1 => Some(format!("own-{}", self.serial)),
                _ => None,
            };
            if let Some(id) = &id {
                self.facts.submitted(id);
            }
            facts.push(Fact {
                serial: self.serial,
                topics,
                private: random.one_in(4),
                chosen: id.is_some(),
                id: id.unwrap_or_default(),
                filler: *random.pick(&[0, 0, 1, 20, 200, 900]),
                at: UNIX_EPOCH,
                key: None,
                fresh: false,
                start: 0,
                durable: 0,
                purged: Purged::No,
                held: Held::Surely,
            });
        }
        if let Some(last) = facts.last_mut() {
            last.key = key.map(|key| (key, count));
        }
        self.queue.push(facts);
    }

    pub(super) fn commit(&mut self) -> Result<(), Wrong> {
        let queue = std::mem::take(&mut self.queue);
        let wall = self.now.wall;
        let hub = self.hub.as_mut().expect("it is running");
        hub.latest = hub.latest.max(wall);
        let latest = hub.latest;
        let earliest = hub.log.earliest(latest);
        let receipts = hub.sequencer.commit(queue.iter().map(|facts| submission(facts)), wall);
        let epoch = hub.log.epoch();
        let durable = if self.config.is_synced() { self.facts.next() } else { self.facts.synced };
        self.tell(|| format!("commit {:?}: {receipts:?}", summary(&queue)));
        let refused = receipts.contains(&Err(PublishError::Unavailable));
        if refused && !self.trouble.writes && !self.trouble.reads {
            return Err(format!("refused though the disk is well: {receipts:?}"));
        }
        for (facts, receipt) in queue.into_iter().zip(receipts) {
            let key = facts.last().and_then(|fact| fact.key).map(|(key, _)| key);
            let holder = key.and_then(|(name, _)| self.facts.holder(name, earliest));
            let sure = holder.is_some_and(|(_, sure)| sure);
            let same = holder.map(|(last, _)| self.facts.get(last).key.map(|(key, _)| key) == key);
            match (receipt, same) {
                (Err(PublishError::Unavailable), _) => {
                    let mut facts = facts;
                    for fact in &mut facts {
                        fact.at = latest;
                    }
                    self.facts.limbo.push(facts);
                }
                (Err(PublishError::KeyReused), Some(same)) if !same || !sure => {}
                (Ok(receipt), Some(same)) if receipt.repeated && (same || !sure) => {
                    let (last, _) = holder.expect("there is one");
                    let ids: Vec<_> = receipt.ids.iter().map(|id| id.as_str().to_owned()).collect();
                    let expected = self.facts.ids_of(last);
                    let equal = |(id, expected): (&String, &Option<String>)| {
                        expected.as_ref().is_none_or(|expected| id == expected)
                    };
                    if sure && (ids.len() != expected.len() || !ids.iter().zip(&expected).all(equal)) {
                        return Err(format!("a repetition has the ids {ids:?} and not {expected:?}"));
                    }
                    self.counts.repeated += 1;
                }
                (Ok(receipt), _) if !receipt.repeated && !sure => {
                    let first = self.facts.next();
                    self.facts.add(facts, epoch, durable, Some(latest));
                    let given = (first..self.facts.next()).map(|o| self.facts.get(o).id.as_str());
                    if !receipt.ids.iter().map(EventId::as_str).eq(given) {
                        return Err(format!("wrong ids from {first} on: {:?}", receipt.ids));
                    }
                }
                (receipt, same) => {
                    return Err(format!(
                        "{receipt:?}, though its key's holder is {holder:?}, the same: {same:?}"
                    ));
                }
            }
        }
        self.doubt();
        self.facts.retain(latest);
        let next = self.facts.next();
        let hub = self.hub();
        let (history, log) = (hub.history.next(), hub.log.next());
        if (history, log) != (next, next) {
            return Err(format!(
                "the next update is {history} in memory, {log} on disk, and should be {next}"
            ));
        }
        self.floor_is_right(latest, !refused)
    }

    /// Nothing is given up too early, and what is past retention is.
    pub(super) fn floor_is_right(&mut self, now: SystemTime, retained: bool) -> Result<(), Wrong> {
        let earliest = self.hub().log.earliest(now);
        let facts = &self.facts;
        let lost = |from: Offset, until: Offset| (from..until).all(|o| facts.get(o).held != Held::Surely);
        if earliest > facts.floor && !lost(facts.floor, earliest) {
            return Err(format!("{earliest} is the first that is retained, and should be {}", facts.floor));
        }
        let too_many = facts.next().saturating_sub(self.config.retention.count);
        if retained && earliest < too_many {
            return Err(format!("from {earliest} on they are retained, which are too many"));
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        let done = self.hub().log.sync();
        self.tell(|| format!("sync: {done:?}"));
        if done.is_ok() {
            self.facts.synced = self.facts.next();
        }
    }

    pub(super) fn chores(&mut self) {
        let done = self.hub().log.do_chores();
        self.tell(|| format!("chores: {done:?}"));
    }

    /// Someone wants a topic forgotten.
    pub(super) fn purge(&mut self) -> Result<(), Wrong> {
        let topic = self.random.below(TOPICS.len());
        let wall = self.now.wall;
        let hub = self.hub.as_mut().expect("it is running");
        let name = Topic::new(TOPICS[topic]).expect("a topic");
        let counted = hub.history.count(&name, wall);
        let earliest = hub.log.earliest(wall);
        let done = counted.is_ok() && hub.sequencer.purge(&name).is_ok();
        if done {
            hub.readers.forget();
        } else if !self.trouble.writes && !self.trouble.reads {
            return Err("a purge was refused though the disk is well".into());
        }
        self.tell(|| format!("purge {topic}: {done}, {counted:?}"));
        if let Ok(counted) = counted {
            let of = |sure: bool| {
                let facts = &self.facts;
                (earliest..facts.next())
                    .map(|o| facts.get(o))
                    .filter(|f| f.bears(&[topic]) && f.purged != Purged::Yes && !f.is_lost())
                    .filter(|f| !sure || f.is_sure())
                    .count() as u64
            };
            // What is being overwritten is counted until it is.
            if counted < of(true) && !self.trouble.reads {
                return Err(format!("{counted} updates bear the topic, and should be {}", of(true)));
            }
        }
        for fact in self.facts.from(1).iter_mut().filter(|fact| fact.bears(&[topic])) {
            match fact.purged {
                Purged::Yes => {}
                _ if done => fact.purged = Purged::Yes,
                _ => fact.purged = Purged::Perhaps,
            }
        }
        if done {
            self.clients.iter_mut().for_each(Client::purge);
            self.counts.purges += 1;
        }
        Ok(())
    }

    /// A subscriber comes, or comes back.
    pub(super) fn connect(&mut self) -> Result<(), Wrong> {
        let random = &mut self.random;
        let who = random.below(4);
        if self.clients.len() <= who {
            let selectors = if random.coin() {
                vec![0]
            } else {
                (0..=random.below(2)).map(|_| random.below(SELECTORS.len())).collect()
            };
            let grant = random.coin().then(|| random.below(SELECTORS.len()));
            self.clients.push(Client::new(selectors, grant, !random.one_in(3)));
        }
        let who = who.min(self.clients.len() - 1);
        let room = if random.one_in(3) { random.below(600) } else { usize::MAX };
        let fresh = if random.coin() { Since::Now } else { Since::Earliest };
        let (now, reads_fail) = (self.now, self.trouble.reads || self.trouble.unread);
        let client = &mut self.clients[who];
        if let Some((pipe, _)) = &client.pipe {
            pipe.break_off();
        }
        client.disconnect();
        let since = client.cursor.clone().map_or(fresh, |(id, _)| Since::Id(id));
        let hub = self.hub.as_mut().expect("it is running");
        let start = Start::find(&hub.history, &since, UnknownCursor::Replay, client.gap_events, now.wall);
        let (next, after) = (start.next, start.after.as_deref());
        let earliest = hub.history.after_loss(hub.history.earliest(now.wall));
        match &since {
            Since::Id(id) if after == Some(id) => client.resumes_at(next - 1, &self.facts)?,
            Since::Id(_) if after == Some("earliest") => {
                client.is_told_of_a_loss(next, &self.facts, earliest, reads_fail)?;
            }
            Since::Id(_) => client.resumes_behind_a_loss(next, &self.facts)?,
            _ => client.seen = next - 1,
        }
        client.told_first = matches!(start.gap, GapNotice::EventAfter(_)).then_some(next);
        client.told_until = if client.gap_events { 0 } else { start.told_until };
        let pipe = Pipe::default();
        pipe.add_room(room);
        let key = hub.shard.next_key();
        let counts = Arc::<Counts>::default();
        counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { counts, selector_bytes: 0, shard: None };
        let sink = Sink::Pipe(pipe.clone(), Framing::Bare);
        let mut subscriber = Subscriber::new(
            sink,
            client.filter(),
            next,
            start.gap,
            crate::told::Include::default(),
            None,
            seat,
        );
        subscriber.told_until = start.told_until;
        client.pipe = Some((pipe, key));
        hub.shard.attach(subscriber, now);
        self.tell(|| format!("subscriber {who} comes with {since:?}, goes on at {next}"));
        Ok(())
    }

    /// One of the subscribers can be written again.
    pub(super) fn room(&mut self) {
        let bytes = if self.random.coin() { self.random.below(1000) } else { usize::MAX };
        let open: Vec<_> = self.clients.iter().filter_map(|client| client.pipe.as_ref()).collect();
        if open.is_empty() {
            return;
        }
        let (pipe, key) = &open[self.random.below(open.len())];
        pipe.add_room(bytes);
        self.hub.as_mut().expect("it is running").shard.writable(*key, self.now);
    }

    pub(super) fn turn(&mut self) {
        let now = self.now;
        self.hub().turn(now);
    }

    pub(super) fn fetch(&mut self) {
        let now = self.now;
        self.hub().fetch(now);
    }

    pub(super) fn answer(&mut self) {
        let (now, nth) = (self.now, self.random.below(8));
        self.hub().answer(nth, now);
    }

    /// Looks at what has arrived.
    pub(super) fn observe(&mut self) -> Result<(), Wrong> {
        for (who, client) in self.clients.iter_mut().enumerate() {
            let events = client.receive(&self.facts, self.trouble.reads || self.trouble.unread);
            self.counts.events += events.map_err(|e| format!("subscriber {who}: {e}\n{client:?}"))? as u64;
        }
        Ok(())
    }

    /// Until nobody has anything to do: then everybody who is connected has everything.
    pub(super) fn settle(&mut self) -> Result<(), Wrong> {
        let now = self.now;
        for (pipe, key) in self.clients.iter().filter_map(|client| client.pipe.as_ref()) {
            pipe.add_room(usize::MAX);
            self.hub.as_mut().expect("it is running").shard.writable(*key, now);
        }
        for _ in 0..TURNS {
            let hub = self.hub.as_mut().expect("it is running");
            hub.turn(now);
            let read = hub.fetch(now) | hub.answer(0, now);
            let busy = read || hub.is_busy();
            self.observe()?;
            if busy {
                continue;
            }
            if self.trouble.writes || self.trouble.reads {
                return Ok(());
            }
            return self.clients.iter().try_for_each(|client| client.is_complete(&self.facts));
        }
        Err("it does not come to rest".into())
    }

    /// Everything that a log has, or what it has of some topics, from `from` on and as of `now`.
    pub(super) fn read(
        log: &Log,
        mut from: Offset,
        topics: Option<&[usize]>,
        now: SystemTime,
    ) -> Result<Vec<(Offset, Read)>, Wrong> {
        let topics: Option<Arc<[Topic]>> =
            topics.map(|topics| topics.iter().map(|&t| Topic::new(TOPICS[t]).expect("a topic")).collect());
        let mut read = Vec::new();
        while from < log.next() {
            let fetched = log.fetch(&Want { from, topics: topics.clone() }, now);
            if fetched.earliest > from {
                read.push((from, Read::Gap(fetched.earliest)));
                from = fetched.earliest;
                continue;
            }
            if fetched.next <= from {
                return Err(format!("a read from {from} gets nowhere"));
            }
            read.extend(fetched.records.into_iter().map(|record| (record.offset, Read::Record(record))));
            from = fetched.next;
        }
        Ok(read)
    }

    /// Holds the log against the facts.
    pub(super) fn check(&mut self) -> Result<(), Wrong> {
        if self.trouble.reads || self.trouble.unread {
            return Ok(());
        }
        let wall = self.now.wall;
        let log = self.hub().log.clone();
        let from = log.earliest(wall);
        let topics = self.random.coin().then(|| {
            let mut topics = vec![self.random.below(TOPICS.len()), self.random.below(TOPICS.len())];
            topics.sort_unstable();
            topics.dedup();
            topics
        });
        let read = Self::read(&log, from, topics.as_deref(), wall)?;
        self.facts.compare(from, topics.as_deref(), wall, &read)?;
        self.resolve(&log)
    }

    /// Asks for the place of one update.
    fn resolve(&mut self, log: &Log) -> Result<(), Wrong> {
        if self.facts.next() == 1 {
            return Ok(());
        }
        let offset = 1 + self.random.below(self.facts.next() as usize - 1) as Offset;
        let wall = self.now.wall;
        let earliest = log.earliest(wall);
        let fact = self.facts.get(offset);
        let sure = !fact.chosen || self.facts.is_found(&fact.id, offset);
        let found = log.resolve(&fact.id, wall).map_err(|e| e.to_string())?;
        let right = match found {
            Found::At(at) if !fact.chosen => at == offset,
            Found::At(at) => self.facts.stands_for(&fact.id, offset, at),
            // The last one that was forgotten is found if its id says where it was.
            Found::Lost => offset + u64::from(!fact.chosen) < earliest || !sure,
        };
        if right { Ok(()) } else { Err(format!("{:?} of {offset} leads to {found:?}", fact.id)) }
    }

    pub(super) fn epoch(&mut self) -> Epoch {
        Epoch::from_bits(self.random.next())
    }
}

fn summary(queue: &[Submitted]) -> Vec<Vec<u64>> {
    queue.iter().map(|facts| facts.iter().map(|fact| fact.serial).collect()).collect()
}
