//! Those who are not at the head: they read pages of history, each in turn, until they are.

use std::sync::Arc;

use super::{Now, Shard, deliver, push_one, write_frame};
use crate::{
    cursor::Offset,
    gap,
    history::Read,
    pass::ROOT,
    pull::{End, Frame},
    readers::{Page, Want},
    sink::Gone,
    subscriber::{GapNotice, Partial, Standing, State, Subscriber},
    told,
};

/// Where the live stream moves on faster than the portion for catching up lets anyone follow, the portion grows, so
/// often at the most: beyond it the live ones would wait too long.
const HURRY: usize = 64;

/// Bytes that are handed out with the work of holding a selector against a topic.
const BYTES_A_UNIT: usize = 512;

/// Lists that a page is kept with for the next turn: beyond it they are made anew.
const LISTS: usize = 1 << 16;

/// Some of history, from memory or from the past.
#[derive(Debug)]
pub(super) struct Loaded {
    from: Offset,
    next: Offset,
    /// `None`: it is from memory, and everything is in it.
    page: Option<Arc<Page>>,
}

impl Loaded {
    /// Whether it is what the subscriber needs next.
    fn serves(&self, subscriber: &Subscriber) -> bool {
        match &self.page {
            Some(page) => page.serves(subscriber.next, subscriber.topics()),
            None => (self.from..self.next).contains(&subscriber.next),
        }
    }
}

impl Shard {
    /// Hands out pages of history, in turn, until this turn's portion of work is done. Those at the same place share a
    /// page.
    pub(crate) fn catch_up(&mut self, now: Now) {
        let portion = self.portions.catch_up;
        // Twice as fast as the stream moves on, or who is behind would stay behind.
        let follow = 2 * std::mem::take(&mut self.passed) as usize * self.behind.len();
        let mut left = follow.clamp(portion, portion.saturating_mul(HURRY));
        // Those in a row who can do nothing before the next pass: when it is all of them, the turn is over.
        let mut idle = 0;
        while left > 0 && idle < self.behind.len() {
            let Some(key) = self.behind.pop_front() else { break };
            left -= 1;
            let Some(subscriber) = self.subscribers.get_mut(key as usize) else { continue };
            if subscriber.state != State::CatchingUp {
                continue;
            }
            if let GapNotice::EventAfter(from) = &subscriber.gap {
                let from = from.clone();
                subscriber.gap = GapNotice::Event;
                let to = subscriber.next;
                if self.tell_gap(key, &from, to, now) {
                    self.behind.push_back(key);
                }
                continue;
            }
            if subscriber.standing == Standing::Unopened {
                let next = subscriber.next;
                if self.tell_position(key, next, now) {
                    self.behind.push_back(key);
                }
                continue;
            }
            if subscriber.next > self.position {
                // It came while the shard was behind; after the next pass it is not ahead any more.
                self.behind.push_back(key);
                idle += 1;
                continue;
            }
            idle = 0;
            if subscriber.next == self.position {
                let next = subscriber.next;
                if subscriber.standing == Standing::Current {
                    self.go_live(key, now);
                } else if self.tell_position(key, next, now) {
                    self.behind.push_back(key);
                }
                continue;
            }
            if self.load(key, now) {
                left = left.saturating_sub(self.hand_page(key, portion, now));
            }
        }
        self.put_away();
    }

    /// Sees to it that `replay` holds what the subscriber is to get next; answers whether it does.
    fn load(&mut self, key: u32, now: Now) -> bool {
        let Self { subscribers, orders, loaded, replay, portions, .. } = self;
        let subscriber = &mut subscribers[key as usize];
        let is_current = |page: &Page| orders.as_ref().is_some_and(|o| o.is_current(page));
        let own = subscriber.page.take();
        if let Some(loaded) = loaded
            && loaded.serves(subscriber)
            && loaded.page.as_deref().is_none_or(is_current)
        {
            return true;
        }
        *loaded = None;
        replay.clear();
        if let Some(page) = own.filter(|page| is_current(page)) {
            return self.load_page(key, page, now);
        }
        let from = subscriber.next;
        let (items, bytes) = (portions.page_items, portions.page_bytes);
        let read = self.history.read(from, self.position, items, bytes, now.wall, &mut replay.records);
        if !matches!(read, Read::Upto(_)) && subscriber.is_lagging(self.slow_reader) {
            self.close(key, End::Lagged);
            return false;
        }
        match read {
            Read::Upto(next) => {
                *loaded = Some(Loaded { from, next, page: None });
                true
            }
            Read::Before(held) => self.order(key, held, now),
            Read::Lost(to) => {
                self.meet_gap(key, from, to, now);
                false
            }
        }
    }

    /// Asks for the page of the past that the subscriber needs; answers whether it is there at once.
    fn order(&mut self, key: u32, held: Offset, now: Now) -> bool {
        let subscriber = &mut self.subscribers[key as usize];
        let orders = self.orders.as_mut().expect("a history with a past has someone who reads it");
        if let Some(page) = orders.place(key, subscriber.want(), held, now.tick) {
            return self.load_page(key, page, now);
        }
        subscriber.state = State::Waiting;
        false
    }

    /// Takes a page of the past for the subscriber, which may find that what it needs is lost.
    fn load_page(&mut self, key: u32, page: Arc<Page>, now: Now) -> bool {
        let from = self.subscribers[key as usize].next;
        if page.is_unread() && page.first <= from {
            // It keeps its cursor, and comes back with it; the time until then is the disk's to recover.
            self.close(key, End::Unreadable);
            return false;
        }
        if page.first > from {
            // Memory may hold more than is retained.
            let to = page.first.min(self.history.earliest_held(now.wall));
            self.meet_gap(key, from, to, now);
            return false;
        }
        self.replay.records.extend_from_slice(&page.records);
        self.loaded = Some(Loaded { from: page.first, next: page.next, page: Some(page) });
        true
    }

    /// A page that was asked for has come: those who wait for it have their turn.
    pub(crate) fn arrived(&mut self, want: &Want, page: &Arc<Page>) {
        let Some(orders) = &mut self.orders else { return };
        for key in orders.arrived(want) {
            let subscriber = &mut self.subscribers[key as usize];
            subscriber.state = State::CatchingUp;
            subscriber.page = Some(page.clone());
            self.behind.push_back(key);
        }
    }

    /// The subscriber waits for its page no more.
    pub(super) fn withdraw(&mut self, key: u32) {
        if let Some(orders) = &mut self.orders {
            orders.withdraw(key, &self.subscribers[key as usize].want());
        }
    }

    /// Lets go of what `replay` holds, unless it is a page of the past that whoever is first in the next turn needs:
    /// what memory holds is history's to keep or to drop.
    fn put_away(&mut self) {
        let first = self.behind.front().and_then(|&key| self.subscribers.get(key as usize));
        let is_needed = |l: &Loaded| {
            l.page.is_some() && first.is_some_and(|s| s.state == State::CatchingUp && l.serves(s))
        };
        if !self.loaded.as_ref().is_some_and(is_needed) || self.replay.lists() > LISTS {
            self.loaded = None;
            self.replay.clear();
        }
    }

    /// Hands what is loaded to a subscriber that needs it: all of it from its cursor on, or what a portion of work is
    /// enough for. Answers how much work that was.
    fn hand_page(&mut self, key: u32, portion: usize, now: Now) -> usize {
        let subscriber = &mut self.subscribers[key as usize];
        let loaded = self.loaded.as_ref().expect("it has just been loaded");
        let selectors = subscriber.filter.weight();
        // A page of the past may reach further than the shard has come: then it waits for the shard.
        let (mut node, mut next, mut work) = (ROOT, loaded.next, 0);
        let start = self.replay.records.partition_point(|r| r.offset < subscriber.next);
        for i in start..self.replay.records.len() {
            let record = &self.replay.records[i];
            if work >= portion {
                next = record.offset;
                break;
            }
            work += record.topics().len() * selectors;
            if subscriber.filter.admits(record) {
                work += record.weight() / BYTES_A_UNIT;
                node = if subscriber.include.is_nothing() {
                    self.replay.add(node, i)
                } else {
                    let cursor = self.history.cursor(record.offset);
                    let lines = subscriber.include.lines(&subscriber.filter, record, cursor);
                    self.replay.add_told(node, i, lines)
                };
            }
        }
        subscriber.next = next;
        subscriber.page = loaded.page.clone().filter(|page| next < page.next);
        match deliver(subscriber, &mut self.replay, node, now.tick) {
            Ok(None) => self.behind.push_back(key),
            Ok(Some(resume)) => self.block(key, resume, now),
            Err(Gone) => self.close(key, End::Peer),
        }
        work
    }

    /// A connected subscriber finds that what it was to read next is gone.
    fn meet_gap(&mut self, key: u32, from: Offset, to: Offset, now: Now) {
        let subscriber = &mut self.subscribers[key as usize];
        if matches!(subscriber.gap, GapNotice::End) {
            if to > subscriber.told_until {
                return self.close(key, End::Gap);
            }
            subscriber.next = to;
            self.behind.push_back(key);
            return;
        }
        let last = self.history.cursor(from - 1).to_string();
        if self.tell_gap(key, &last, to, now) {
            self.behind.push_back(key);
        }
    }

    /// Writes the event that tells of a gap; answers whether the subscriber can go on at once.
    fn tell_gap(&mut self, key: u32, from: &str, to: Offset, now: Now) -> bool {
        let event = gap::event(from, self.history.cursor(to - 1), self.history.cursor(to));
        match self.tell(key, Frame::gap(&event), to, now) {
            Telling::Done => return true,
            Telling::Full => self.subscribers[key as usize].gap = GapNotice::EventAfter(from.into()),
            Telling::Begun | Telling::Closed => {}
        }
        false
    }

    /// Writes the block that says where the stream stands; answers whether the subscriber can go on at once.
    pub(super) fn tell_position(&mut self, key: u32, next: Offset, now: Now) -> bool {
        let cursor = self.history.cursor(next - 1);
        let standing = self.subscribers[key as usize].standing;
        // A heartbeat on the way must not say that the replay has ended.
        let on_the_way = standing == Standing::Replaying && next < self.position;
        let frame = if on_the_way {
            Frame::progress(&told::progress(cursor))
        } else {
            Frame::position(&told::position(cursor))
        };
        let telling = self.tell(key, frame, next, now);
        if matches!(telling, Telling::Done | Telling::Begun) {
            let subscriber = &mut self.subscribers[key as usize];
            subscriber.told = next;
            subscriber.standing = match standing {
                Standing::Unopened => Standing::Replaying,
                Standing::Replaying if on_the_way => Standing::Replaying,
                Standing::Replaying | Standing::Current => Standing::Current,
            };
        }
        matches!(telling, Telling::Done)
    }

    /// Writes a frame that is no update to a subscriber whose next update this is.
    fn tell(&mut self, key: u32, frame: Frame, next: Offset, now: Now) -> Telling {
        let subscriber = &mut self.subscribers[key as usize];
        if subscriber.state != State::Live {
            subscriber.next = next;
        }
        let Some(framing) = subscriber.sink.framing() else {
            if push_one(subscriber, frame, now.tick) {
                return Telling::Done;
            }
            // It takes it later, as the first frame of the rest.
            self.block(key, next, now);
            return Telling::Full;
        };
        let bytes = framing.wrap(frame.bytes());
        match write_frame(subscriber, &bytes, now.tick) {
            Ok(written) if written == bytes.len() => Telling::Done,
            Ok(written) => {
                subscriber.partial = Some(Box::new(Partial::own(bytes, written)));
                self.block(key, next, now);
                Telling::Begun
            }
            Err(Gone) => {
                self.close(key, End::Peer);
                Telling::Closed
            }
        }
    }
}

/// What became of a frame.
enum Telling {
    Done,
    /// The rest of it goes out when there is room; the subscriber is blocked.
    Begun,
    /// There was no room for it; the subscriber is blocked.
    Full,
    Closed,
}
