//! A subscriber, over all its connections: what has arrived, and what may arrive next.

use super::{
    Wrong,
    facts::{Facts, Held, Purged, SELECTORS, serial},
};
use crate::{
    Selector,
    cursor::{Cursor, Offset},
    filter::Filter,
    pipe::Pipe,
};

#[derive(Debug)]
pub(super) struct Client {
    selectors: Vec<usize>,
    grant: Option<usize>,
    pub(super) gap_events: bool,
    /// While it is connected: the pipe, and the shard's key for it.
    pub(super) pipe: Option<(Pipe, usize)>,
    /// The beginning of an event.
    buffer: Vec<u8>,
    /// That event was begun before something was purged.
    begun: bool,
    /// All up to here has arrived in this connection, is not wanted, or has been told to be lost.
    pub(super) seen: Offset,
    /// The last event id, and the place that it stands for.
    pub(super) cursor: Option<(String, Offset)>,
    /// Whether that id is generated and of an update that is still there: then it must lead back to its place.
    exact: bool,
    /// The first event must tell of a gap that ends before this.
    pub(super) told_first: Option<Offset>,
    /// The answer has told that something before this is lost.
    pub(super) told_until: Offset,
}

impl Client {
    pub(super) fn new(selectors: Vec<usize>, grant: Option<usize>, gap_events: bool) -> Self {
        Self {
            selectors,
            grant,
            gap_events,
            pipe: None,
            buffer: Vec::new(),
            begun: false,
            seen: 0,
            cursor: None,
            exact: false,
            told_first: None,
            told_until: 0,
        }
    }

    pub(super) fn filter(&self) -> Filter {
        let selector = |&s: &usize| Selector::new(SELECTORS[s].0);
        Filter {
            selectors: self.selectors.iter().map(selector).collect(),
            grant: self.grant.map(|grant| [selector(&grant)].into()),
        }
    }

    fn wants(&self, facts: &Facts, offset: Offset) -> bool {
        let fact = facts.get(offset);
        let matches = |s: usize| fact.bears(SELECTORS[s].1);
        self.selectors.iter().any(|&s| matches(s)) && (!fact.private || self.grant.is_some_and(matches))
    }

    /// The connection is gone.
    pub(super) fn disconnect(&mut self) {
        self.pipe = None;
        self.buffer.clear();
        self.told_first = None;
    }

    /// Something is purged: an event of which a part has arrived may still be completed.
    pub(super) fn purge(&mut self) {
        self.begun = !self.buffer.is_empty();
    }

    /// The updates from `next` on are gone, and others may come in their places.
    pub(super) fn forget_from(&mut self, next: Offset) {
        if let Some((_, place)) = &mut self.cursor
            && *place >= next
        {
            *place = next - 1;
            self.exact = false;
        }
    }

    /// Takes what has arrived. `reads_fail`: gaps may be told where there are none.
    pub(super) fn receive(&mut self, facts: &Facts, reads_fail: bool) -> Result<usize, Wrong> {
        let Some((pipe, _)) = &self.pipe else { return Ok(0) };
        let closed = pipe.is_closed();
        self.buffer.extend(pipe.take_written());
        let mut events = 0;
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let event = String::from_utf8(event).map_err(|e| format!("no UTF-8: {e}"))?;
            self.event(&event, facts, reads_fail).map_err(|e| format!("{e}, in {event:?}"))?;
            events += 1;
        }
        if closed {
            self.disconnect();
        }
        Ok(events)
    }

    fn event(&mut self, event: &str, facts: &Facts, reads_fail: bool) -> Result<(), Wrong> {
        if let Some(gap) = event.strip_prefix("event: headwater:gap\nid: ") {
            let (id, data) = gap.split_once('\n').ok_or("a gap of one line")?;
            let to = data.rsplit_once("\"to\":\"").and_then(|(_, to)| to.split_once('"')).ok_or("no end")?.0;
            let to = Cursor::parse(to).ok_or("its end is no cursor")?.offset;
            if Cursor::parse(id).is_none_or(|before| before.offset + 1 != to) {
                return Err("a gap's id is not just before its end".into());
            }
            if let Some(first) = self.told_first.take() {
                if first != to {
                    return Err(format!("the gap should end before {first}"));
                }
            } else {
                self.miss(to, facts, reads_fail)?;
            }
            (self.seen, self.cursor, self.exact) = (to - 1, Some((id.to_owned(), to - 1)), true);
            return Ok(());
        }
        if self.told_first.is_some() {
            return Err("the gap should be told first".into());
        }
        let number = serial(event).ok_or("no serial number")?;
        let offset = facts.find(number).ok_or("nobody has published it, or it was never there")?;
        let fact = facts.get(offset);
        if event != fact.event() {
            return Err(format!("it should be {:?}", fact.event()));
        }
        if offset <= self.seen {
            return Err(format!("{offset} comes after {}", self.seen));
        }
        if !self.wants(facts, offset) {
            return Err(format!("it is not wanted, or not allowed: {fact:?}"));
        }
        if fact.purged == Purged::Yes && !std::mem::take(&mut self.begun) {
            return Err("it was purged".into());
        }
        if let Some(skipped) = self.missing(offset, facts).next() {
            return Err(format!("{skipped} was left out: {:?}", facts.get(skipped)));
        }
        (self.seen, self.cursor, self.exact) = (offset, Some((fact.id.clone(), offset)), !fact.chosen);
        Ok(())
    }

    /// What it should have got before `until`.
    fn missing<'a>(&'a self, until: Offset, facts: &'a Facts) -> impl Iterator<Item = Offset> + 'a {
        let told = |offset| offset < self.told_until && facts.may_be_missed(offset);
        let wanted =
            move |&offset: &Offset| self.wants(facts, offset) && !facts.is_optional(offset) && !told(offset);
        (self.seen + 1..until.min(facts.next())).filter(wanted)
    }

    /// It is told that all before `to` is lost.
    fn miss(&self, to: Offset, facts: &Facts, reads_fail: bool) -> Result<(), Wrong> {
        if to <= self.seen + 1 || to > facts.next() {
            return Err(format!("a gap from {} to {to}", self.seen));
        }
        let there = self.missing(to, facts).find(|&offset| !facts.may_be_missed(offset));
        match there.filter(|_| !reads_fail) {
            Some(offset) => Err(format!("{offset} is not lost: {:?}", facts.get(offset))),
            None => Ok(()),
        }
    }

    /// It has come back with its cursor, and goes on behind this offset.
    pub(super) fn resumes_at(&mut self, offset: Offset, facts: &Facts) -> Result<(), Wrong> {
        let (cursor, place) = self.cursor.as_ref().expect("it has one");
        let right = match Cursor::parse(cursor) {
            Some(_) => offset == *place || !self.exact && offset < *place,
            None => facts.stands_for(cursor, *place, offset),
        };
        if !right {
            return Err(format!("{cursor:?} leads to {offset}, and not to {place}"));
        }
        self.seen = offset;
        Ok(())
    }

    /// It has come back with its cursor, and what follows that is lost: it goes on from here.
    pub(super) fn resumes_behind_a_loss(&mut self, from: Offset, facts: &Facts) -> Result<(), Wrong> {
        let is_lost = |&offset: &Offset| facts.get(offset).held != Held::Surely;
        let lost = (1..from).rev().take_while(is_lost).count() as u64;
        let (cursor, place) = self.cursor.as_ref().expect("it has one");
        let before = from - 1 - lost..=from - 1;
        let right = match Cursor::parse(cursor) {
            Some(_) => before.contains(place) || !self.exact && place >= before.start(),
            None => before.clone().any(|offset| offset > 0 && facts.stands_for(cursor, *place, offset)),
        };
        if !right {
            return Err(format!(
                "{cursor:?}, which was {place}, leads behind a loss that begins with {}",
                before.start() + 1
            ));
        }
        self.seen = from - 1;
        Ok(())
    }

    /// It has come back with its cursor, and that leads nowhere: it goes on from the first update that is held.
    pub(super) fn is_told_of_a_loss(
        &mut self,
        from: Offset,
        facts: &Facts,
        earliest: Offset,
        reads_fail: bool,
    ) -> Result<(), Wrong> {
        let (cursor, place) = self.cursor.as_ref().expect("it has one");
        let sure = self.exact || facts.is_found(cursor, *place);
        // The last one that was forgotten is found if its id says where it was.
        if sure && place + u64::from(self.exact) >= earliest && !reads_fail {
            return Err(format!("{cursor:?} should lead to {place}"));
        }
        if from != earliest {
            return Err(format!("it goes on at {from} and not at {earliest}"));
        }
        self.seen = from - 1;
        Ok(())
    }

    /// Nothing is on its way any more: it must have everything.
    pub(super) fn is_complete(&self, facts: &Facts) -> Result<(), Wrong> {
        match self.missing(facts.next(), facts).next() {
            Some(offset) if self.pipe.is_some() => {
                Err(format!("it never got {offset}: {:?}\n{self:?}", facts.get(offset)))
            }
            _ => Ok(()),
        }
    }
}
