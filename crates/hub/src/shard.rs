//! Some of the subscribers, and all that is done for them. A plain value, driven by its thread (`worker`) or a test.

mod catch_up;
mod orders;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use slab::Slab;

use self::catch_up::Loaded;
pub(crate) use self::orders::Orders;
use crate::{
    SlowReader,
    cursor::{Cursor, Offset},
    history::{History, Read},
    index::Index,
    pass::{Node, Pass, ROOT},
    pull::{End, Frame, Slot},
    record::Record,
    sink::{Gone, Sink},
    subscriber::{GapNotice, Partial, Standing, State, Subscriber},
    timer::{Tick, Wheel, ticks},
};

/// How much is done at a time before something else has its turn.
#[derive(Clone, Debug)]
pub(crate) struct Portions {
    /// Updates that one pass takes at the most: beyond it, subscribers are written before more is gathered.
    pub(crate) pass_items: usize,
    /// The same in bytes: what one subscriber can be behind its list in the kernel's buffer is less.
    pub(crate) pass_bytes: usize,
    /// One page of history: one reader must not hold up the live ones for long.
    pub(crate) page_items: usize,
    /// The same in bytes: about what a socket's buffer takes at once.
    pub(crate) page_bytes: usize,
    /// Lists that a pass makes at the most, 20 MiB of them: where each subscriber gets a list of its own, it takes fewer
    /// updates.
    pub(crate) lists: usize,
    /// Work that is done for those who catch up between two looks at the live stream. A unit is a selector held against
    /// a topic, or 512 bytes handed out: some tens of nanoseconds.
    pub(crate) catch_up: usize,
}

impl Default for Portions {
    fn default() -> Self {
        Self {
            pass_items: 1024,
            pass_bytes: 1 << 20,
            page_items: 256,
            page_bytes: 256 << 10,
            lists: 1 << 20,
            catch_up: 1 << 13,
        }
    }
}

/// Frames up to this size are copied for who is inside of one, larger ones are shared.
const SMALL_FRAME: usize = 1 << 10;

/// A grant's end is a time of day, and that may jump: it is looked at this often.
const CLOCK_CHECK: Duration = Duration::from_mins(1);

/// What holds for all subscribers of a shard.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// `None`: no heartbeats.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) write_timeout: Duration,
    pub(crate) slow_reader: SlowReader,
    pub(crate) portions: Portions,
}

/// The time of a turn, taken once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) tick: Tick,
    pub(crate) wall: SystemTime,
}

/// Some of the subscribers: their sinks, their index, their timers.
#[derive(Debug)]
pub(crate) struct Shard {
    history: Arc<History>,
    /// Where pages of the past come from, if history has one.
    orders: Option<Orders>,
    subscribers: Slab<Subscriber>,
    index: Index,
    wheel: Wheel,
    /// The next update to be handed to the live subscribers.
    position: Offset,
    /// Updates that the last pass handed out.
    passed: u64,
    /// Who is catching up, in turn. May name some who are no longer: each is looked at.
    behind: VecDeque<u32>,
    live: Pass,
    replay: Pass,
    /// What `replay` holds.
    loaded: Option<Loaded>,
    touched: Vec<u32>,
    rung: Vec<(Tick, u32)>,
    heartbeat: Option<Tick>,
    write_timeout: Tick,
    slow_reader: SlowReader,
    portions: Portions,
    /// Streams that are inside of a frame get until then to end it.
    drained_by: Option<Tick>,
}

impl Shard {
    /// `orders` are for a history that has a past.
    pub(crate) fn new(history: Arc<History>, orders: Option<Orders>, rules: &Rules, now: Now) -> Self {
        let position = history.next();
        Self {
            history,
            orders,
            subscribers: Slab::new(),
            index: Index::default(),
            wheel: Wheel::new(now.tick),
            position,
            passed: 0,
            behind: VecDeque::new(),
            live: Pass::default(),
            replay: Pass::default(),
            loaded: None,
            touched: Vec::new(),
            rung: Vec::new(),
            heartbeat: rules.heartbeat.map(ticks),
            write_timeout: ticks(rules.write_timeout),
            slow_reader: rules.slow_reader,
            portions: rules.portions.clone(),
            drained_by: None,
        }
    }

    /// The key that the next subscriber will have: what its socket is registered under.
    pub(crate) fn next_key(&self) -> usize {
        self.subscribers.vacant_key()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Whether the sequencer has put something behind the shard's position.
    pub(crate) fn has_news(&self) -> bool {
        self.history.next() > self.position
    }

    /// Whether someone is catching up, and not waiting for a page.
    pub(crate) fn has_readers(&self) -> bool {
        !self.behind.is_empty()
    }

    /// When the next alarm may ring.
    pub(crate) fn next_alarm(&self) -> Option<Tick> {
        self.wheel.next()
    }

    /// Takes over a subscriber.
    pub(crate) fn attach(&mut self, mut subscriber: Subscriber, now: Now) {
        subscriber.written = now.tick;
        if self.subscribers.is_empty() {
            // Nobody was rung for what has come since the last one left.
            self.position = self.history.next();
        }
        let key = self.subscribers.vacant_key() as u32;
        if let Sink::Pull(slot) = &subscriber.sink {
            slot.set_key(key);
        }
        let told = !matches!(subscriber.gap, GapNotice::EventAfter(_));
        let at_head = subscriber.next == self.position && told && subscriber.standing == Standing::Current;
        self.subscribers.insert(subscriber);
        if at_head {
            self.go_live(key, now);
        } else {
            self.behind.push_back(key);
        }
        self.arm(key, now);
    }

    /// The sink of this subscriber may have something to read.
    pub(crate) fn readable(&mut self, key: usize) {
        if let Some(subscriber) = self.subscribers.get_mut(key)
            && subscriber.sink.discard_input().is_err()
        {
            self.close(key as u32, End::Peer);
        }
    }

    /// The sink of this subscriber may have room.
    pub(crate) fn writable(&mut self, key: usize, now: Now) {
        let Some(subscriber) = self.subscribers.get_mut(key) else { return };
        if subscriber.state != State::Blocked {
            return;
        }
        if let Some(partial) = &mut subscriber.partial {
            let framing =
                subscriber.sink.framing().expect("only sinks that take bytes are inside of a frame");
            let rest = partial.rest(framing);
            let left = rest.len();
            match subscriber.sink.write(rest) {
                Ok(written) => {
                    if written > 0 {
                        subscriber.written = now.tick;
                    }
                    if written < left {
                        partial.advance(written);
                        return;
                    }
                    subscriber.partial = None;
                }
                Err(Gone) => return self.close(key as u32, End::Peer),
            }
        }
        subscriber.state = State::CatchingUp;
        self.behind.push_back(key as u32);
        self.arm(key as u32, now);
    }

    /// The reader of a pull sink has made room.
    pub(crate) fn ready(&mut self, slot: &Arc<Slot>, now: Now) {
        if self.holds(slot) {
            self.writable(slot.key() as usize, now);
        }
    }

    /// The reader of a pull sink is gone.
    pub(crate) fn leave(&mut self, slot: &Arc<Slot>) {
        if self.holds(slot) {
            self.close(slot.key(), End::Peer);
        }
    }

    fn holds(&self, slot: &Arc<Slot>) -> bool {
        let subscriber = self.subscribers.get(slot.key() as usize);
        subscriber.is_some_and(|s| matches!(&s.sink, Sink::Pull(own) if own.is_of(slot)))
    }

    /// Hands on all that there is by now.
    pub(crate) fn pass_all(&mut self, now: Now) {
        let head = self.history.next();
        while self.position < head {
            self.pass(now);
        }
    }

    /// Hands what is new to the live subscribers, each written once.
    pub(crate) fn pass(&mut self, now: Now) {
        let head = self.history.next();
        if self.subscribers.is_empty() {
            self.position = head;
        }
        if head == self.position {
            return;
        }
        let Self { history, live, index, subscribers, touched, portions, .. } = self;
        live.clear();
        let (items, bytes) = (portions.pass_items, portions.pass_bytes);
        let mut next = match history.read(self.position, head, items, bytes, now.wall, &mut live.records) {
            Read::Upto(next) => next,
            Read::Before(earliest) => return self.overrun(earliest),
            Read::Lost(earliest) => {
                tracing::warn!(
                    lost = earliest - self.position,
                    "updates came faster than they could be sent and history holds too few; raise --retain-count and --retain-bytes"
                );
                return self.overrun(earliest);
            }
        };
        for i in 0..live.records.len() {
            let record = live.records[i].clone();
            if live.lists() >= portions.lists {
                next = record.offset;
                break;
            }
            let mut last_grant = None;
            for topic in record.topics() {
                index.each(topic, |key| {
                    let subscriber = &mut subscribers[key as usize];
                    if std::mem::replace(&mut subscriber.seen, record.offset) == record.offset
                        || !may_see(subscriber, &record, &mut last_grant)
                    {
                        return;
                    }
                    if subscriber.node == ROOT {
                        touched.push(key);
                    }
                    subscriber.node = if subscriber.include.is_nothing() {
                        live.add(subscriber.node, i)
                    } else {
                        let cursor = Cursor { epoch: history.epoch, offset: record.offset };
                        let lines = subscriber.include.lines(&subscriber.filter, &record, cursor);
                        live.add_told(subscriber.node, i, lines)
                    };
                });
            }
        }
        self.passed = next - self.position;
        self.position = next;
        let mut touched = std::mem::take(&mut self.touched);
        for key in touched.drain(..) {
            let subscriber = &mut self.subscribers[key as usize];
            let node = std::mem::replace(&mut subscriber.node, ROOT);
            match deliver(subscriber, &mut self.live, node, now.tick) {
                Ok(None) => {}
                Ok(Some(resume)) => self.block(key, resume, now),
                Err(Gone) => self.close(key, End::Peer),
            }
        }
        self.touched = touched;
        // What the pass held is history's to keep or to drop.
        self.live.clear();
    }

    /// The ring has gone past the shard: its live subscribers go on from where the shard stood, or are told.
    fn overrun(&mut self, earliest: Offset) {
        let live: Vec<u32> = self
            .subscribers
            .iter()
            .filter(|(_, s)| s.state == State::Live)
            .map(|(key, _)| key as u32)
            .collect();
        for key in live {
            self.unindex(key);
            let subscriber = &mut self.subscribers[key as usize];
            subscriber.state = State::CatchingUp;
            subscriber.next = self.position;
            self.behind.push_back(key);
        }
        self.position = earliest;
    }

    fn go_live(&mut self, key: u32, now: Now) {
        let subscriber = &mut self.subscribers[key as usize];
        subscriber.state = State::Live;
        subscriber.has_been_live = true;
        subscriber.page = None;
        // The index hands out updates from here on; an offset that was seen before this is none of them.
        subscriber.seen = 0;
        subscriber.places = self.index.insert(key, &mut subscriber.filter.selectors);
        self.arm(key, now);
    }

    fn block(&mut self, key: u32, next: Offset, now: Now) {
        self.let_go(key);
        let subscriber = &mut self.subscribers[key as usize];
        subscriber.state = State::Blocked;
        subscriber.next = next;
        // It may be long before it can be written again.
        subscriber.page = None;
        // The write timeout counts from here, not from the last write of a stream that was idle.
        subscriber.written = now.tick;
        self.arm(key, now);
    }

    fn unindex(&mut self, key: u32) {
        let Self { index, subscribers, .. } = self;
        let mut places = std::mem::take(&mut subscribers[key as usize].places);
        index.remove(key, &mut places, |other, place, new| subscribers[other as usize].places[place] = new);
    }

    /// The subscriber is no longer live, and waits for no page.
    fn let_go(&mut self, key: u32) {
        match self.subscribers[key as usize].state {
            State::Live => self.unindex(key),
            State::Waiting => self.withdraw(key),
            State::Blocked | State::CatchingUp => {}
        }
    }

    fn close(&mut self, key: u32, end: End) {
        self.let_go(key);
        let subscriber = self.subscribers.remove(key as usize);
        if let Sink::Pull(slot) = &subscriber.sink {
            // Its reader may still take what is in the slot, however it ended.
            slot.end(end);
        } else if !subscriber.is_inside_of_a_frame() && !matches!(end, End::Peer) {
            subscriber.sink.finish(end);
        }
    }

    /// Ends all streams at once.
    pub(crate) fn close_all(&mut self, end: End) {
        let keys: Vec<u32> = self.subscribers.iter().map(|(key, _)| key as u32).collect();
        for key in keys {
            self.close(key, end);
        }
    }

    /// Sees to it that the subscriber's next deadline rings.
    fn arm(&mut self, key: u32, now: Now) {
        let (heartbeat, write_timeout) = (self.heartbeat, self.write_timeout);
        let Some(subscriber) = self.subscribers.get_mut(key as usize) else { return };
        let waited = match subscriber.state {
            State::Live | State::CatchingUp | State::Waiting => heartbeat,
            State::Blocked => Some(write_timeout),
        };
        let due = waited.map(|w| subscriber.written.saturating_add(w));
        let expiry = subscriber.expires.map(|at| {
            let left = at.duration_since(now.wall).unwrap_or_default();
            now.tick.saturating_add(ticks(left.min(CLOCK_CHECK)))
        });
        let end = self.drained_by.filter(|_| subscriber.state != State::Live);
        let leave = subscriber.leave.map(|at| end.map_or(at, |end| at.max(end)));
        let due = [due, expiry, leave].into_iter().flatten().min();
        if let Some(due) = due
            && due < subscriber.alarm
        {
            subscriber.alarm = due;
            self.wheel.set(due, key);
        }
    }

    /// Rings the alarms that are due: heartbeats, expired grants, stalled writes, drained streams.
    pub(crate) fn tick(&mut self, now: Now) {
        let mut rung = std::mem::take(&mut self.rung);
        self.wheel.advance(now.tick, &mut rung);
        for (at, key) in rung.drain(..) {
            let Some(subscriber) = self.subscribers.get_mut(key as usize) else { continue };
            // An alarm that has been overtaken by an earlier one, or was another's.
            if subscriber.alarm > at {
                continue;
            }
            subscriber.alarm = Tick::MAX;
            self.look_at(key, now);
            self.arm(key, now);
        }
        self.rung = rung;
    }

    fn look_at(&mut self, key: u32, now: Now) {
        let subscriber = &mut self.subscribers[key as usize];
        if subscriber.expires.is_some_and(|at| at <= now.wall) {
            return self.close(key, End::Expired);
        }
        if subscriber.leave.is_some_and(|at| at <= now.tick) {
            // One that is behind gets until the drain's end for what it has not taken yet, and is not cut off inside of
            // a frame before that.
            if subscriber.state == State::Live || self.drained_by.is_none_or(|end| end <= now.tick) {
                return self.close(key, End::Drained);
            }
        }
        match subscriber.state {
            State::Blocked if now.tick.saturating_sub(subscriber.written) >= self.write_timeout => {
                // A socket tells of room; a slot does when it is half empty, which a slow reader takes its time for.
                if let Sink::Pull(slot) = &subscriber.sink
                    && slot.has_moved()
                {
                    subscriber.written = now.tick;
                    return;
                }
                self.close(key, End::Stalled);
            }
            State::Blocked => {}
            State::Live | State::CatchingUp | State::Waiting => {
                if self.heartbeat.is_some_and(|h| now.tick.saturating_sub(subscriber.written) >= h) {
                    self.beat(key, now);
                }
            }
        }
    }

    fn beat(&mut self, key: u32, now: Now) {
        let subscriber = &mut self.subscribers[key as usize];
        let next = if subscriber.state == State::Live { self.position } else { subscriber.next };
        if subscriber.include.cursor && subscriber.told != next {
            self.tell_position(key, next, now);
            return;
        }
        let Some(framing) = subscriber.sink.framing() else {
            // A full slot means that its reader has enough to do; it needs no sign of life.
            push_one(subscriber, Frame::HEARTBEAT, now.tick);
            subscriber.written = now.tick;
            return;
        };
        let bytes = framing.heartbeat();
        match write_frame(subscriber, bytes, now.tick) {
            Ok(written) if written == bytes.len() => {}
            Ok(written) => {
                if written > 0 {
                    subscriber.partial = Some(Box::new(Partial::fixed(bytes, written)));
                }
                self.block(key, next, now);
            }
            Err(Gone) => self.close(key, End::Peer),
        }
    }

    /// Ends all streams, evenly spread over this time.
    pub(crate) fn drain(&mut self, over: Duration, now: Now) {
        let over = over.as_millis() as u64;
        let span = if over == 0 { 0 } else { u64::from(ticks(Duration::from_millis(over))) };
        self.drained_by = Some(now.tick + span as Tick);
        let n = self.subscribers.len() as u64;
        let keys: Vec<u32> = self.subscribers.iter().map(|(key, _)| key as u32).collect();
        // The first goes at once: a hub with few subscribers is not held up by them.
        for (key, i) in keys.into_iter().zip(0..) {
            self.subscribers[key as usize].leave = Some(now.tick + (span * i / n) as Tick);
            self.arm(key, now);
        }
    }
}

/// Whether the subscriber's grant allows the update. One grant after the other is often the same one.
fn may_see(
    subscriber: &Subscriber,
    record: &Record,
    last: &mut Option<(*const crate::Selector, bool)>,
) -> bool {
    if !record.is_private() {
        return true;
    }
    let Some(grant) = &subscriber.filter.grant else { return false };
    match *last {
        Some((known, allowed)) if known == grant.as_ptr() => allowed,
        _ => {
            let allowed = subscriber.filter.may_see(record);
            *last = Some((grant.as_ptr(), allowed));
            allowed
        }
    }
}

/// Hands the list at `node` to the sink. If it did not take all: from where on it must read again.
fn deliver(
    subscriber: &mut Subscriber,
    pass: &mut Pass,
    node: Node,
    tick: Tick,
) -> Result<Option<Offset>, Gone> {
    let Some(last) = pass.last(node) else { return Ok(None) };
    // Should it not be sent now, it is told again.
    subscriber.told = last.offset + 1;
    let Some(framing) = subscriber.sink.framing() else {
        let Sink::Pull(slot) = &subscriber.sink else { unreachable!("all others take bytes") };
        let mut frames = pass.list(node).map(Frame::update).peekable();
        slot.push(&mut frames);
        subscriber.written = tick;
        return Ok(frames.peek().and_then(Frame::offset));
    };
    let bytes = pass.bytes(node, framing);
    let len = bytes.len();
    let written = write_frame(subscriber, bytes, tick)?;
    if written == len {
        return Ok(None);
    }
    let (sent, at) = pass.locate(node, framing, written).expect("less than all was written");
    if at == 0 {
        return Ok(Some(sent.offset()));
    }
    let next = sent.offset() + 1;
    let frame = sent.bytes(framing);
    // A small one is copied: a record that is held alone holds the memory around it, which the ring has given back.
    let partial =
        if frame.len() <= SMALL_FRAME { Partial::own(frame.into(), at) } else { Partial::update(sent, at) };
    subscriber.partial = Some(Box::new(partial));
    Ok(Some(next))
}

fn write_frame(subscriber: &mut Subscriber, bytes: &[u8], tick: Tick) -> Result<usize, Gone> {
    let written = subscriber.sink.write(bytes)?;
    if written > 0 {
        subscriber.written = tick;
    }
    Ok(written)
}

/// Puts one frame into a pull sink; answers whether it had room.
fn push_one(subscriber: &mut Subscriber, frame: Frame, tick: Tick) -> bool {
    let Sink::Pull(slot) = &subscriber.sink else { unreachable!("all others take bytes") };
    let mut frames = std::iter::once(frame).peekable();
    slot.push(&mut frames);
    subscriber.written = tick;
    frames.peek().is_none()
}
