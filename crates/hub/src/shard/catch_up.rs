//! Those who are not at the head: they read pages of history, each in turn, until they are.

use super::{Now, Shard, deliver, push_one, write_frame};
use crate::{
    cursor::{Cursor, Offset},
    gap,
    pass::ROOT,
    pull::{End, Frame},
    sink::Gone,
    subscriber::{GapNotice, Partial, State},
};

/// Where the live stream moves on faster than the portion for catching up lets anyone follow, the portion grows, so
/// often at the most: beyond it the live ones would wait too long.
const HURRY: usize = 16;

/// Bytes that are handed out with the work of holding a selector against a topic.
const BYTES_A_UNIT: usize = 512;

impl Shard {
    /// Hands out pages of history, in turn, until this turn's portion of work is done. Those at the same place share a
    /// page.
    pub(crate) fn catch_up(&mut self, now: Now) {
        let portion = self.portions.catch_up;
        // Twice as fast as the stream moves on, or who is behind would stay behind.
        let follow = 2 * std::mem::take(&mut self.passed) as usize * self.behind.len();
        let mut left = follow.clamp(portion, portion.saturating_mul(HURRY));
        let mut page: Option<(Offset, Offset)> = None;
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
            if subscriber.next > self.position {
                // It came while the shard was behind; after the next pass it is not ahead any more.
                self.behind.push_back(key);
                idle += 1;
                continue;
            }
            idle = 0;
            if subscriber.next == self.position {
                self.go_live(key, now);
                continue;
            }
            let from = subscriber.next;
            if page.is_none_or(|(start, _)| start != from) {
                self.replay.clear();
                let (items, bytes) = (self.portions.page_items, self.portions.page_bytes);
                let read =
                    self.history.read(from, self.position, items, bytes, now.wall, &mut self.replay.records);
                if read.earliest > from {
                    page = None;
                    self.meet_gap(key, from, read.earliest, now);
                    continue;
                }
                page = Some((from, read.next));
            }
            let (_, end) = page.expect("it has just been read");
            left = left.saturating_sub(self.hand_page(key, end, portion, now));
        }
        self.replay.clear();
    }

    /// Hands the page, which ends before `end`, to a subscriber that is at its beginning: all of it, or what a portion
    /// of work is enough for. Answers how much work that was.
    fn hand_page(&mut self, key: u32, end: Offset, portion: usize, now: Now) -> usize {
        let subscriber = &mut self.subscribers[key as usize];
        let selectors = subscriber.filter.weight();
        let (mut node, mut next, mut work) = (ROOT, end, 0);
        for i in 0..self.replay.records.len() {
            let record = &self.replay.records[i];
            if work >= portion {
                next = record.offset;
                break;
            }
            work += record.topics().len() * selectors;
            if subscriber.filter.admits(record) {
                work += record.weight() / BYTES_A_UNIT;
                node = self.replay.add(node, i);
            }
        }
        subscriber.next = next;
        match deliver(subscriber, &mut self.replay, node, now.tick) {
            Ok(None) => self.behind.push_back(key),
            Ok(Some(resume)) => self.block(key, resume, now),
            Err(Gone) => self.close(key, End::Peer),
        }
        work
    }

    /// A connected subscriber finds that what it was to read next is gone.
    fn meet_gap(&mut self, key: u32, from: Offset, to: Offset, now: Now) {
        if matches!(self.subscribers[key as usize].gap, GapNotice::End) {
            return self.close(key, End::Gap);
        }
        let last = Cursor { epoch: self.history.epoch, offset: from - 1 }.to_string();
        if self.tell_gap(key, &last, to, now) {
            self.behind.push_back(key);
        }
    }

    /// Writes the event that tells of a gap; answers whether the subscriber can go on at once.
    fn tell_gap(&mut self, key: u32, from: &str, to: Offset, now: Now) -> bool {
        let subscriber = &mut self.subscribers[key as usize];
        subscriber.next = to;
        let event = gap::event(self.history.epoch, from, to);
        let outcome = match subscriber.sink.framing() {
            Some(framing) => {
                let bytes = framing.wrap(&event);
                write_frame(subscriber, &bytes, now.tick)
                    .map(|written| (written < bytes.len()).then(|| Box::new(Partial::own(bytes, written))))
            }
            // A slot that is full takes it later, as the first frame of the rest.
            None if push_one(subscriber, Frame::gap(&event), now.tick) => Ok(None),
            None => {
                subscriber.gap = GapNotice::EventAfter(from.into());
                self.block(key, to, now);
                return false;
            }
        };
        match outcome {
            Ok(None) => return true,
            Ok(Some(partial)) => {
                subscriber.partial = Some(partial);
                self.block(key, to, now);
            }
            Err(Gone) => self.close(key, End::Peer),
        }
        false
    }
}
