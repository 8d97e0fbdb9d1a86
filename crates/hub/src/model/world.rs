//! The engine without its threads, moved on step by step, and the reference beside it.

mod past;
mod watch;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    task::{self, Poll},
    time::{Duration, SystemTime},
};

use headwater_sse::{EventId, EventType, Retry};
use mio::{Token, Waker};

use self::past::Behind;
use super::{
    Ask, Config, From, Step, Transport, Update as Asked,
    reader::{Reader, Wrong},
    reference::{Answer, Published, Reference, SELECTORS, Submitted, TOPICS, Wants, generated},
};
use crate::{
    End, FrameStream, Framing, IdempotencyKey, PublishError, Selector, Since, Submission, Topic,
    UnknownCursor, Update,
    cursor::Epoch,
    filter::Filter,
    history::History,
    inbox::{Command, Inbox},
    pipe::Pipe,
    pull::{Feed, Slot},
    record::Draft,
    ring::{Retention, Window},
    sequencer::Sequencer,
    shard::{Now, Orders, Portions, Rules, Shard},
    sink::Sink,
    subscribe::Start,
    subscriber::{Counts, GapNotice, Seat, Subscriber},
    timer::{TICK, Tick},
};

/// Many times what any case needs: beyond it the engine turns without end.
const TURNS: usize = 20_000;

enum Far {
    Pipe { pipe: Pipe, key: usize },
    Pull { stream: Option<FrameStream>, last_read: Tick, ended: bool },
}

struct Connection {
    ask: Ask,
    reader: Reader,
    far: Far,
    expires: Option<Tick>,
    attached: Tick,
    /// Whether it was full when last looked at, and since when.
    full: bool,
    full_at: Tick,
    /// When it was last seen to be full no longer.
    writable_at: Tick,
    open: bool,
}

/// One who has been admitted, and has not been handed over yet.
struct Admitted {
    subscriber: Subscriber,
    connection: Connection,
    slot: Option<Arc<Slot>>,
}

pub(super) struct World {
    config: Config,
    history: Arc<History>,
    sequencer: Sequencer,
    shard: Shard,
    reference: Reference,
    counts: Arc<Counts>,
    grants: Vec<Arc<[Selector]>>,
    inbox: Arc<Inbox>,
    /// What lies before the ring, if something does.
    behind: Option<Behind>,
    // The waker in the inbox rings at this.
    _poll: mio::Poll,
    pending: Vec<(Submission, Submitted)>,
    admitted: VecDeque<Admitted>,
    connections: Vec<Connection>,
    serial: usize,
    tick: Tick,
    drained_by: Option<Tick>,
}

impl World {
    pub(super) fn new(config: &Config) -> Self {
        let retention = Retention {
            count: config.bounds.count,
            bytes: config.bounds.bytes,
            age: config.bounds.age.map(|ticks| TICK * ticks),
        };
        let window = Window { count: config.bounds.window_count, bytes: config.bounds.window_bytes };
        let epoch = Epoch::from_bits(5);
        let behind = config.past.map(Behind::new);
        let history = Arc::new(match &behind {
            None => History::memory(epoch, retention, window),
            Some(behind) => History::window(epoch, 1, retention.age, window, behind.past.clone()),
        });
        let rules = Rules {
            heartbeat: config.heartbeat.map(|ticks| TICK * ticks),
            write_timeout: TICK * config.write_timeout,
            slow_reader: config.slow_reader,
            portions: Portions {
                pass_items: config.pass_items,
                pass_bytes: config.pass_bytes,
                page_items: config.page_items,
                page_bytes: config.page_bytes,
                lists: config.lists,
                catch_up: config.catch_up,
            },
        };
        let poll = mio::Poll::new().expect("a test may open a descriptor");
        let waker = Waker::new(poll.registry(), Token(0)).expect("a test may open a descriptor");
        let inbox = Arc::new(Inbox::new(waker));
        let orders = behind.as_ref().map(|b| Orders::new(b.readers.clone(), inbox.clone()));
        let grant = |selectors: &[usize]| selectors.iter().map(|&s| Selector::new(SELECTORS[s].0)).collect();
        let mut world = Self {
            sequencer: Sequencer::new(history.clone()),
            shard: Shard::new(history.clone(), orders, &rules, now_at(0)),
            history,
            reference: Reference::new(config.bounds.clone()),
            counts: Arc::default(),
            grants: GRANTS.iter().map(|g| grant(g)).collect(),
            inbox,
            behind,
            _poll: poll,
            pending: Vec::new(),
            admitted: VecDeque::new(),
            connections: Vec::new(),
            serial: 0,
            tick: 0,
            drained_by: None,
            config: config.clone(),
        };
        world.shard.tick(world.now());
        world
    }

    fn now(&self) -> Now {
        now_at(self.tick)
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), Wrong> {
        match step {
            Step::Publish { updates, key } => self.publish(updates, *key),
            Step::Commit => self.commit()?,
            Step::Admit(ask) => self.admit(ask.clone())?,
            Step::Attach => self.attach(),
            Step::Room { who, bytes } => self.room(*who, *bytes),
            Step::Break { who } => self.break_off(*who),
            Step::Read { who, frames } => self.read(*who, *frames)?,
            Step::Reconnect { who } => self.reconnect(*who)?,
            Step::Spurious { key } => {
                // A full socket is not said to be writable, whatever else is said of it.
                let full = self
                    .connections
                    .iter()
                    .any(|c| matches!(&c.far, Far::Pipe { pipe, key: its } if its == key && pipe.is_full()));
                if !full {
                    self.shard.writable(*key, self.now());
                }
                self.shard.readable(*key);
            }
            Step::Commands => self.commands(),
            Step::Time { ticks } => {
                self.tick += ticks;
                self.retain();
                self.ring()?;
            }
            Step::Pass => self.shard.pass(self.now()),
            Step::CatchUp => self.shard.catch_up(self.now()),
            Step::Fetch => self.fetch(),
            Step::Answer { nth } => self.answer(*nth),
            Step::Forget => self.forget(),
            Step::Turn => self.turn(),
            Step::Settle => self.settle()?,
            Step::Drain { over } => {
                if self.drained_by.is_none() {
                    self.drained_by = Some(self.tick + over);
                    self.shard.drain(TICK * *over, self.now());
                }
            }
        }
        self.observe()
    }

    fn publish(&mut self, updates: &[Asked], key: Option<(u8, u8)>) {
        let mut plain = Vec::new();
        let mut real = Vec::new();
        for asked in updates {
            self.serial += 1;
            let mut topics: Vec<&'static str> = asked.topics.iter().map(|&t| TOPICS[t]).collect();
            let data = format!("n{}\n{}", self.serial, "x\n".repeat(asked.size) + "y");
            let mut update = Update::new(Topic::new(topics[0]).expect("a topic"), data.as_str());
            update.topics = topics.iter().map(|t| Topic::new(t).expect("a topic")).collect();
            update.private = asked.private;
            update.id = asked.id.map(|id| EventId::new(id).expect("an id"));
            update.event_type = asked.event_type.map(|t| EventType::new(t).expect("a type"));
            update.retry = asked.retry.map(Retry::from_millis);
            real.push(update);
            topics.dedup();
            plain.push(Published {
                topics,
                private: asked.private,
                id: asked.id.unwrap_or_default().to_owned(),
                event_type: asked.event_type.filter(|t| !t.is_empty()).unwrap_or("message"),
                retry: asked.retry.filter(|&r| r > 0),
                data,
                at: 0,
                weight: 0,
            });
        }
        let mut submission = Submission::new(real);
        // Keys are kept as long as memory holds the update; a past has its own rule.
        let key = key.filter(|_| self.behind.is_none());
        if let Some((name, fingerprint)) = key {
            submission =
                submission.with_key(IdempotencyKey::new(b"scope", &name.to_string(), fingerprint.into()));
        }
        for (plain, draft) in plain.iter_mut().zip(&submission.drafts) {
            plain.weight = Draft::weight(draft);
        }
        self.pending.push((submission, Submitted { updates: plain, key }));
    }

    fn commit(&mut self) -> Result<(), Wrong> {
        let mut plain = Vec::new();
        let mut real = Vec::new();
        for (submission, submitted) in self.pending.drain(..) {
            real.push(submission);
            plain.push(submitted);
        }
        let before = self.history.next();
        let receipts = self.sequencer.commit(real, self.now().wall);
        let answers: Vec<_> = receipts
            .into_iter()
            .map(|receipt| match receipt {
                Ok(receipt) => Answer::Published {
                    ids: receipt.ids.iter().map(ToString::to_string).collect(),
                    repeated: receipt.repeated,
                },
                Err(PublishError::KeyReused) => Answer::KeyReused,
                Err(other) => panic!("the sequencer itself does not answer {other:?}"),
            })
            .collect();
        let expected = self.reference.commit(plain, self.tick);
        self.remember(before);
        same("answers", &answers, &expected)?;
        same("next", &self.history.next(), &self.reference.next())
    }

    fn admit(&mut self, ask: Ask) -> Result<(), Wrong> {
        if self.drained_by.is_some() {
            return Ok(());
        }
        let now = self.now();
        let unknown = if self.config.unknown_live { UnknownCursor::Live } else { UnknownCursor::Replay };
        let since = match &ask.from {
            From::Now => Since::Now,
            From::Earliest => Since::Earliest,
            From::Offset(offset) => Since::Id(generated(*offset)),
            From::Id(id) => Since::Id(id.clone()),
        };
        let reference = &self.reference;
        let (retained, next) = (reference.retained(self.tick), reference.next());
        let earliest = || Some("earliest".to_owned());
        let (begin, header, told) = match &since {
            Since::Now => (next, None, None),
            Since::Earliest => (retained, earliest(), None),
            Since::Id(id) => match reference.resolve(id, self.tick) {
                Some(offset) => (offset + 1, Some(id.clone()), None),
                None if self.config.unknown_live => {
                    let newest = if next > 1 { Some(generated(next - 1)) } else { earliest() };
                    (next, newest, Some(id.clone()))
                }
                None => (retained, earliest(), Some(id.clone())),
            },
        };
        let start = if self.behind.is_none() {
            Start::find(&self.history, &since, unknown, ask.gap_events, now.wall)
        } else {
            // Where an id lies is for the past to say.
            let gap = match &told {
                Some(id) if ask.gap_events => GapNotice::EventAfter(id.as_str().into()),
                _ if ask.gap_events => GapNotice::Event,
                _ => GapNotice::End,
            };
            Start { next: begin, gap, told_until: begin, after: header.as_deref().map(Into::into) }
        };
        same("Last-Event-ID", &start.after.as_deref(), &header.as_deref())?;

        let wants = Wants { selectors: ask.selectors.clone(), grant: ask.grant.map(|g| GRANTS[g].to_vec()) };
        let expires = ask.expires.map(|ticks| self.tick + ticks);
        let filter = Filter {
            selectors: ask.selectors.iter().map(|&s| Selector::new(SELECTORS[s].0)).collect(),
            grant: ask.grant.map(|g| self.grants[g].clone()),
        };
        let (sink, far, framing, slot) = match ask.transport {
            Transport::Pipe { chunked, room } => {
                let framing = if chunked { Framing::Chunked } else { Framing::Bare };
                let pipe = Pipe::default();
                pipe.add_room(room);
                let far = Far::Pipe { pipe: pipe.clone(), key: usize::MAX };
                (Sink::Pipe(pipe, framing), far, Some(framing), None)
            }
            Transport::Pull { room } => {
                let slot = Arc::new(Slot::with_room(room));
                let stream = FrameStream::new(slot.clone(), self.inbox.clone());
                let far = Far::Pull { stream: Some(stream), last_read: self.tick, ended: false };
                (Sink::Pull(Feed::new(slot.clone())), far, None, Some(slot))
            }
        };
        self.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { counts: self.counts.clone(), selector_bytes: 0, shard: None };
        let wall = expires.map(|at| now_at(at).wall);
        let reader = Reader::new(
            wants,
            ask.gap_events,
            begin,
            told.filter(|_| ask.gap_events),
            self.config.heartbeat,
            framing,
            self.tick,
        );
        self.admitted.push_back(Admitted {
            subscriber: Subscriber::new(sink, filter, start.next, start.gap, ask.include, wall, seat),
            connection: Connection {
                ask,
                reader,
                far,
                expires,
                attached: self.tick,
                full: false,
                full_at: 0,
                writable_at: 0,
                open: true,
            },
            slot,
        });
        Ok(())
    }

    fn attach(&mut self) {
        let Some(Admitted { subscriber, mut connection, slot }) = self.admitted.pop_front() else { return };
        if self.drained_by.is_some() {
            subscriber.sink.finish(End::Drained);
        } else {
            if let Far::Pipe { key, .. } = &mut connection.far {
                *key = self.shard.next_key();
            }
            connection.attached = self.tick;
            connection.reader.heard = self.tick;
            self.shard.attach(subscriber, self.now());
        }
        drop(slot);
        self.connections.push(connection);
    }

    /// One of the connections that are open.
    fn who(&self, nth: usize) -> Option<usize> {
        let open: Vec<_> = (0..self.connections.len()).filter(|&i| self.connections[i].open).collect();
        (!open.is_empty()).then(|| open[nth % open.len()])
    }

    fn room(&mut self, who: usize, bytes: usize) {
        let now = self.now();
        if let Some(who) = self.who(who)
            && let Far::Pipe { pipe, key } = &self.connections[who].far
        {
            pipe.add_room(bytes);
            self.shard.writable(*key, now);
        }
    }

    fn break_off(&mut self, who: usize) {
        let Some(who) = self.who(who) else { return };
        match &mut self.connections[who].far {
            Far::Pipe { pipe, .. } => pipe.break_off(),
            // Its end is not seen by anyone; that its seat becomes free is.
            Far::Pull { stream, .. } => {
                *stream = None;
                self.connections[who].open = false;
            }
        }
    }

    fn read(&mut self, who: usize, frames: usize) -> Result<(), Wrong> {
        let Some(who) = self.who(who) else { return Ok(()) };
        self.take_frames(who, frames).map_err(|e| self.describe(who, &e))?;
        Ok(())
    }

    /// Reads up to so many frames; answers whether there was one.
    fn take_frames(&mut self, who: usize, frames: usize) -> Result<bool, Wrong> {
        let Connection { far, reader, open, .. } = &mut self.connections[who];
        let Far::Pull { stream: Some(stream), last_read, .. } = far else { return Ok(false) };
        let mut some = false;
        for _ in 0..frames {
            match stream.poll_next(&mut task::Context::from_waker(task::Waker::noop())) {
                Poll::Pending => break,
                Poll::Ready(Some(frame)) => {
                    *last_read = self.tick;
                    some = true;
                    reader.frame(frame.bytes(), &self.reference, self.tick)?;
                }
                Poll::Ready(None) => {
                    *open = false;
                    if stream.end() == Some(End::Gap) && reader.cursor >= self.reference.held(self.tick) {
                        return Err("ended by a gap where there is none".into());
                    }
                    break;
                }
            }
        }
        Ok(some)
    }

    /// The same subscriber comes again with the last id that it has seen, whether or not it has noticed its end.
    fn reconnect(&mut self, who: usize) -> Result<(), Wrong> {
        if self.connections.is_empty() {
            return Ok(());
        }
        let connection = &self.connections[who % self.connections.len()];
        let mut ask = connection.ask.clone();
        let last = connection.reader.last_event_id();
        if !last.is_empty() {
            ask.from = From::Id(last.to_owned());
        }
        self.admit(ask)
    }

    fn commands(&mut self) {
        let now = self.now();
        let mut commands = Vec::new();
        self.inbox.take(&mut commands);
        for command in commands {
            match command {
                Command::Ready(slot) => self.shard.ready(&slot, now),
                Command::Leave(slot) => self.shard.leave(&slot),
                Command::Page { want, page } => self.shard.arrived(&want, &page),
                other => unreachable!("nobody sends {other:?}"),
            }
        }
    }

    fn turn(&mut self) {
        let now = self.now();
        self.commands();
        self.shard.tick(now);
        if self.shard.has_news() {
            self.shard.pass(now);
        }
        self.shard.catch_up(now);
    }

    fn describe(&self, who: usize, what: &str) -> Wrong {
        let c = &self.connections[who];
        format!("connection {who} at tick {} ({:?}): {what}\n{:?}", self.tick, c.ask, c.reader)
    }
}

/// Grants, as places in [`SELECTORS`].
pub(super) const GRANTS: &[&[usize]] = &[&[], &[0], &[4], &[2, 1]];

fn now_at(tick: Tick) -> Now {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + TICK * tick;
    Now { tick, wall }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Result<(), Wrong> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is:?}, but should be {should:?}")) }
}
