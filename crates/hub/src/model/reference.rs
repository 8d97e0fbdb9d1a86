//! What is held of the past, said as plainly as can be: all that was ever published, and two marks in it.

use std::collections::HashSet;

use crate::{cursor::Offset, timer::Tick};

pub(super) const TOPICS: &[&str] = &["a", "b", "a/1", "a/2", "b/1"];

/// Selectors, each with the topics that it matches: written down, not computed.
pub(super) const SELECTORS: &[(&str, &[&str])] = &[
    ("*", TOPICS),
    ("a", &["a"]),
    ("b", &["b"]),
    ("a/1", &["a/1"]),
    ("a/{x}", &["a/1", "a/2"]),
    ("{x}", &["a", "b"]),
    ("{+x}", TOPICS),
    ("b{/x}", &["b", "b/1"]),
    ("elsewhere", &[]),
];

pub(super) const EPOCH_TEXT: &str = "000000000005";

pub(super) fn generated(offset: Offset) -> String {
    format!("#{EPOCH_TEXT}-{offset}")
}

/// An update as it must arrive.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) topics: Vec<&'static str>,
    pub(super) private: bool,
    pub(super) id: String,
    pub(super) event_type: &'static str,
    pub(super) retry: Option<u64>,
    pub(super) data: String,
    pub(super) at: Tick,
    pub(super) weight: usize,
}

/// What one may see and wants to see.
#[derive(Clone, Debug)]
pub(super) struct Wants {
    /// Places in [`SELECTORS`].
    pub(super) selectors: Vec<usize>,
    pub(super) grant: Option<Vec<usize>>,
}

impl Wants {
    pub(super) fn admits(&self, update: &Published) -> bool {
        let matches = |selectors: &[usize]| {
            update.topics.iter().any(|topic| selectors.iter().any(|&s| SELECTORS[s].1.contains(topic)))
        };
        matches(&self.selectors) && (!update.private || self.grant.as_deref().is_some_and(matches))
    }
}

/// Updates that were submitted together.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) updates: Vec<Published>,
    /// The idempotency key, and the fingerprint.
    pub(super) key: Option<(u8, u8)>,
}

#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) count: u64,
    pub(super) bytes: usize,
    pub(super) age: Option<Tick>,
    pub(super) window_count: u64,
    pub(super) window_bytes: usize,
}

#[derive(Debug)]
struct Key {
    name: u8,
    fingerprint: u8,
    ids: Vec<String>,
    last: Offset,
}

/// What the sequencer must answer.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Published { ids: Vec<String>, repeated: bool },
    KeyReused,
}

#[derive(Debug)]
pub(super) struct Reference {
    bounds: Bounds,
    /// The update at offset 1 first.
    pub(super) updates: Vec<Published>,
    keys: Vec<Key>,
    /// The first that is retained for those who come back, the first that is held for those who are there, and the
    /// first of the newest commit.
    floor: Offset,
    first: Offset,
    newest: Offset,
    /// The ids of which a first bearer has been forgotten and a later one has not.
    ambiguous: HashSet<String>,
}

impl Reference {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            updates: Vec::new(),
            keys: Vec::new(),
            floor: 1,
            first: 1,
            newest: 1,
            ambiguous: HashSet::new(),
        }
    }

    pub(super) fn next(&self) -> Offset {
        self.updates.len() as Offset + 1
    }

    pub(super) fn get(&self, offset: Offset) -> &Published {
        &self.updates[offset as usize - 1]
    }

    fn expired(&self, offset: Offset, now: Tick) -> bool {
        self.bounds.age.is_some_and(|age| self.get(offset).at + age <= now)
    }

    fn not_expired(&self, from: Offset, now: Tick) -> Offset {
        (from..self.next()).find(|&o| !self.expired(o, now)).unwrap_or(self.next())
    }

    /// The first update that is held for one who is connected.
    pub(super) fn held(&self, now: Tick) -> Offset {
        self.not_expired(self.first, now)
    }

    /// The first update that is held for one who comes back.
    pub(super) fn retained(&self, now: Tick) -> Offset {
        self.not_expired(self.floor, now)
    }

    pub(super) fn commit(&mut self, submissions: Vec<Submitted>, now: Tick) -> Vec<Answer> {
        let before = self.next();
        let mut answers = Vec::new();
        for Submitted { updates, key } in submissions {
            if let Some((name, fingerprint)) = key
                && let Some(known) = self.keys.iter().find(|k| k.name == name)
            {
                answers.push(if known.fingerprint == fingerprint {
                    Answer::Published { ids: known.ids.clone(), repeated: true }
                } else {
                    Answer::KeyReused
                });
                continue;
            }
            let mut ids = Vec::new();
            for mut update in updates {
                if update.id.is_empty() {
                    update.id = generated(self.next());
                }
                update.at = now;
                ids.push(update.id.clone());
                self.updates.push(update);
            }
            if let Some((name, fingerprint)) = key
                && !ids.is_empty()
            {
                self.keys.push(Key { name, fingerprint, ids: ids.clone(), last: self.next() - 1 });
            }
            answers.push(Answer::Published { ids, repeated: false });
        }
        if self.next() > before {
            self.newest = before;
        }
        self.forget(now);
        answers
    }

    fn forget(&mut self, now: Tick) {
        let bounds = self.bounds.clone();
        let next = self.next();
        let weight = |this: &Self, from: Offset| (from..next).map(|o| this.get(o).weight).sum::<usize>();
        let too_much = |this: &Self, from: Offset, count: u64, bytes: usize| {
            next - from > count || weight(this, from) > bytes || this.expired(from, now)
        };
        while self.floor < next && too_much(self, self.floor, bounds.count, bounds.bytes) {
            let id = self.get(self.floor).id.clone();
            self.floor += 1;
            if (self.floor..next).any(|o| self.get(o).id == id) {
                self.ambiguous.insert(id);
            } else {
                self.ambiguous.remove(&id);
            }
        }
        while self.first < self.floor
            && too_much(self, self.first, bounds.window_count, bounds.window_bytes)
            && (self.first < self.newest || self.expired(self.first, now))
        {
            self.first += 1;
        }
        let retained = self.retained(now);
        self.keys.retain(|k| k.last >= retained);
    }

    /// The offset after which one with this id goes on, if nothing is missing.
    pub(super) fn resolve(&self, id: &str, now: Tick) -> Option<Offset> {
        let retained = self.retained(now);
        let by_offset = (0..self.next()).find(|&o| generated(o) == id);
        let first = (self.floor..self.next()).find(|&o| self.get(o).id == id);
        let chosen = || first.filter(|_| !self.ambiguous.contains(id));
        by_offset.or_else(chosen).filter(|&o| o + 1 >= retained)
    }
}
