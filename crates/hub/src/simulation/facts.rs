//! What was published, said as plainly as can be: what is there, and what may be.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use headwater_sse::EventId;

use super::Wrong;
use crate::{
    IdempotencyKey, Retention, Submission, Topic, Update,
    cursor::{Cursor, Epoch, Offset},
    record::Record,
};

pub(super) const TOPICS: &[&str] = &["a", "b", "c/1", "c/2", "s/1"];

/// Selectors, and the topics that each matches.
pub(super) const SELECTORS: &[(&str, &[usize])] =
    &[("*", &[0, 1, 2, 3, 4]), ("a", &[0]), ("b", &[1]), ("c/1", &[2]), ("c/{x}", &[2, 3]), ("s/1", &[4])];

/// The topic of which a rule may have it that its updates live shorter.
pub(super) const SHORT: usize = 4;
pub(super) const SHORT_LIFE: Duration = Duration::from_secs(20);

const KEY_SCOPE: &[u8] = b"scope";

pub(super) fn key((name, fingerprint): (u8, u8)) -> IdempotencyKey {
    IdempotencyKey::new(KEY_SCOPE, &name.to_string(), fingerprint.into())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purged {
    No,
    /// The purge was refused: it may have been done all the same.
    Perhaps,
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Surely,
    /// It would be no wonder if it were gone, and that were told.
    Perhaps,
    /// It was told that it is gone.
    Lost,
}

/// An update, as it must arrive.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) serial: u64,
    pub(super) topics: Vec<usize>,
    pub(super) private: bool,
    pub(super) chosen: bool,
    pub(super) id: String,
    pub(super) filler: usize,
    pub(super) at: SystemTime,
    /// Of the submission that ends with it: the key, and how many updates there are.
    pub(super) key: Option<((u8, u8), usize)>,
    /// No update that was there bore its id before.
    pub(super) fresh: bool,
    /// The first update of its submission.
    pub(super) start: Offset,
    /// What lies before was durable when it was written.
    pub(super) durable: Offset,
    pub(super) purged: Purged,
    pub(super) held: Held,
}

impl Fact {
    pub(super) fn doubt(&mut self) {
        if self.held == Held::Surely {
            self.held = Held::Perhaps;
        }
    }

    /// There is an end to doubt: it was found, or else it is told.
    pub(super) fn settle(&mut self) {
        if self.held == Held::Perhaps {
            self.held = Held::Surely;
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.held == Held::Lost
    }

    /// Whether it is there, and has not been purged.
    pub(super) fn is_sure(&self) -> bool {
        self.held == Held::Surely && self.purged == Purged::No
    }

    fn data(&self) -> String {
        format!("n{}\n{}", self.serial, "x".repeat(self.filler))
    }

    pub(super) fn update(&self) -> Update {
        let topics = self.topics.iter().map(|&t| Topic::new(TOPICS[t]).expect("a topic"));
        let mut update = Update::new(Topic::new("-").expect("a topic"), self.data());
        update.topics = topics.collect();
        update.private = self.private;
        update.id = self.chosen.then(|| EventId::new(self.id.as_str()).expect("an id"));
        update
    }

    pub(super) fn event(&self) -> String {
        format!("id: {}\ndata: {}\n\n", self.id, self.data().replace('\n', "\ndata: "))
    }

    pub(super) fn bears(&self, topics: &[usize]) -> bool {
        self.topics.iter().any(|topic| topics.contains(topic))
    }

    fn is_over(&self, rules: bool, now: SystemTime) -> bool {
        rules && self.topics.contains(&SHORT) && self.at + SHORT_LIFE <= now
    }

    /// Bytes of its record.
    fn size(&self) -> usize {
        let topics: usize = self.topics.iter().map(|&t| 4 + TOPICS[t].len()).sum();
        let key = self.key.map_or(0, |(name, _)| 4 + key(name).name.len() + 16 + 4);
        36 + self.event().len() + 4 + topics + key
    }

    /// Whether this is its record, to the last byte.
    fn is(&self, record: &Record) -> bool {
        record.bytes(crate::Framing::Bare) == self.event().as_bytes()
            && record.topics().eq(self.topics.iter().map(|&t| TOPICS[t]))
            && record.is_private() == self.private
            && record.has_chosen_id() == self.chosen
            && record.at == self.at
            && record.key().map(|k| (k.name.to_vec(), k.updates))
                == self.key.map(|(name, updates)| (key(name).name.to_vec(), updates as u32))
    }
}

/// The serial number in an event.
pub(super) fn serial(event: &str) -> Option<u64> {
    let (_, data) = event.split_once("\ndata: n")?;
    data.split_once('\n')?.0.parse().ok()
}

/// Updates that were submitted together.
pub(super) type Submitted = Vec<Fact>;

pub(super) fn submission(facts: &[Fact]) -> Submission {
    let submission = Submission::new(facts.iter().map(Fact::update));
    match facts.last().and_then(|fact| fact.key) {
        Some((name, _)) => submission.with_key(key(name)),
        None => submission,
    }
}

#[derive(Debug)]
pub(super) struct Facts {
    retention: Retention,
    pub(super) rules: bool,
    /// The update at offset 1 first.
    list: Vec<Fact>,
    /// What was refused: it may be found at the next start.
    pub(super) limbo: Vec<Submitted>,
    /// From here on everything is retained.
    pub(super) floor: Offset,
    /// The latest that the clock has shown.
    pub(super) latest: SystemTime,
    /// What lies before has been synced.
    pub(super) synced: Offset,
    /// How often each chosen id was submitted.
    ids: HashMap<String, usize>,
}

impl Facts {
    pub(super) fn new(retention: Retention, rules: bool, now: SystemTime) -> Self {
        Self {
            retention,
            rules,
            list: Vec::new(),
            limbo: Vec::new(),
            floor: 1,
            latest: now,
            synced: 1,
            ids: HashMap::new(),
        }
    }

    pub(super) fn next(&self) -> Offset {
        self.list.len() as Offset + 1
    }

    pub(super) fn get(&self, offset: Offset) -> &Fact {
        &self.list[offset as usize - 1]
    }

    pub(super) fn get_mut(&mut self, offset: Offset) -> &mut Fact {
        &mut self.list[offset as usize - 1]
    }

    pub(super) fn from(&mut self, offset: Offset) -> &mut [Fact] {
        let at = (offset as usize - 1).min(self.list.len());
        &mut self.list[at..]
    }

    pub(super) fn find(&self, serial: u64) -> Option<Offset> {
        self.list.iter().position(|fact| fact.serial == serial).map(|i| i as Offset + 1)
    }

    pub(super) fn submitted(&mut self, id: &str) {
        *self.ids.entry(id.to_owned()).or_default() += 1;
    }

    /// Whether who has this id from the update at `place` may be taken to have it from the one at `found`: the first one
    /// that bears it, or one that was published when nobody remembered the first.
    pub(super) fn stands_for(&self, id: &str, place: Offset, found: Offset) -> bool {
        let fact = self.get(found);
        fact.id == id && (found <= place || fact.chosen && fact.fresh)
    }

    /// Whether this id leads to this update for sure: nothing else ever bore it, and nothing that is lost can have.
    pub(super) fn is_found(&self, id: &str, place: Offset) -> bool {
        self.ids.get(id) == Some(&1)
            && (1..self.next()).contains(&place)
            && self.get(place).id == id
            && self.get(place).purged == Purged::No
            && (1..=place).all(|offset| self.get(offset).held == Held::Surely)
    }

    /// It has its place.
    pub(super) fn add(&mut self, facts: Submitted, epoch: Epoch, durable: Offset, at: Option<SystemTime>) {
        let start = self.next();
        for mut fact in facts {
            if !fact.chosen {
                fact.id = Cursor { epoch, offset: self.next() }.to_string();
            }
            let bears = |earlier: &Fact| earlier.id == fact.id && earlier.is_sure();
            fact.fresh = !(self.floor..self.next()).any(|offset| bears(self.get(offset)));
            (fact.start, fact.durable, fact.at) = (start, durable, at.unwrap_or(fact.at));
            self.list.push(fact);
        }
    }

    pub(super) fn truncate(&mut self, next: Offset) {
        self.list.truncate(next as usize - 1);
        self.synced = self.synced.min(next);
    }

    /// Time has passed, or something was published: less is retained.
    pub(super) fn retain(&mut self, now: SystemTime) {
        self.latest = self.latest.max(now);
        let Retention { count, bytes, age } = self.retention;
        let next = self.next();
        let mut held = 0;
        let mut from = next;
        while from > self.floor {
            let fact = self.get(from - 1);
            held += fact.size();
            let old = age.is_some_and(|age| fact.at + age <= self.latest);
            if next - (from - 1) > count || held > bytes || old {
                break;
            }
            from -= 1;
        }
        self.floor = self.floor.max(from);
    }

    /// The submission that holds this key, and whether it is sure that it is found.
    pub(super) fn holder(&self, name: u8, earliest: Offset) -> Option<(Offset, bool)> {
        let holds = |fact: &Fact| fact.key.is_some_and(|((own, _), _)| own == name);
        let last = (earliest..self.next()).rev().find(|&o| holds(self.get(o)))?;
        let fact = self.get(last);
        Some((last, fact.is_sure()))
    }

    /// The ids of the submission that ends here, as far as they are sure.
    pub(super) fn ids_of(&self, last: Offset) -> Vec<Option<String>> {
        (self.get(last).start..=last)
            .map(|o| Some(self.get(o)).filter(|f| f.is_sure()).map(|f| f.id.clone()))
            .collect()
    }

    /// Whether nobody needs to get it any more, nor to be told.
    pub(super) fn is_optional(&self, offset: Offset) -> bool {
        let fact = self.get(offset);
        fact.purged != Purged::No || fact.is_over(self.rules, self.latest)
    }

    /// Whether it may be told that it is gone.
    pub(super) fn may_be_missed(&self, offset: Offset) -> bool {
        let fact = self.get(offset);
        offset < self.floor || fact.held != Held::Surely
    }

    /// Holds what was read of the log from `from` on against what should be there.
    pub(super) fn compare(
        &mut self,
        from: Offset,
        topics: Option<&[usize]>,
        now: SystemTime,
        read: &[(Offset, Read)],
    ) -> Result<(), Wrong> {
        let mut read = read.iter().peekable();
        let rules = self.rules;
        for offset in from..self.next() {
            let fact = self.get_mut(offset);
            let missing = match read.peek() {
                Some((first, Read::Gap(until))) if (*first..*until).contains(&offset) => {
                    if offset + 1 == *until {
                        read.next();
                    }
                    "told to be lost"
                }
                Some((at, Read::Record(record))) if *at == offset => {
                    if !fact.is(record) {
                        return Err(format!("a wrong byte in {offset}: {record:?} is not {fact:?}"));
                    }
                    if fact.purged == Purged::Yes || fact.is_over(rules, now) || fact.is_lost() {
                        return Err(format!("{offset} is served again: {fact:?}"));
                    }
                    read.next();
                    continue;
                }
                _ => "missing",
            };
            let wanted = topics.is_none_or(|topics| fact.bears(topics));
            if missing == "told to be lost" && (fact.held == Held::Perhaps || fact.purged != Purged::No) {
                fact.held = Held::Lost;
            }
            let may = !wanted
                || fact.purged != Purged::No
                || fact.is_over(rules, now)
                || fact.is_lost() && missing == "told to be lost";
            if !may {
                return Err(format!("{offset} is {missing}: {fact:?}"));
            }
        }
        match read.next() {
            Some((offset, what)) => Err(format!("nobody has published {offset}: {what:?}")),
            None => Ok(()),
        }
    }
}

/// What a read of the log has found at an offset.
#[derive(Debug)]
pub(super) enum Read {
    Record(crate::record::Shared),
    /// All before this is lost.
    Gap(Offset),
}
