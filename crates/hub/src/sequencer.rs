//! The one place where updates get their order.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use headwater_sse::EventId;

use crate::{
    Purged,
    cursor::Offset,
    history::History,
    submission::{IdempotencyKey, PublishError, Receipt, Submission},
};

/// What a key stands for, while history holds it.
#[derive(Debug)]
struct Kept {
    fingerprint: u128,
    ids: Arc<[EventId]>,
}

/// Gives updates their order: decides keys, appends to history in one commit. A plain value; who
/// works it is `intake`'s business.
#[derive(Debug)]
pub(crate) struct Sequencer {
    history: Arc<History>,
    keys: HashMap<Box<[u8]>, Kept>,
    /// The keys by the last of their offsets, to be forgotten with them.
    expiry: VecDeque<(Offset, Box<[u8]>)>,
    latest: SystemTime,
}

impl Sequencer {
    pub(crate) fn new(history: Arc<History>) -> Self {
        Self { history, keys: HashMap::new(), expiry: VecDeque::new(), latest: SystemTime::UNIX_EPOCH }
    }

    /// How long nothing can become too old; `None`: never does anything.
    pub(crate) fn nothing_expires_for(&self, now: SystemTime) -> Option<Duration> {
        self.history.nothing_expires_for(now)
    }

    /// The offset that the next update will get.
    #[cfg(test)]
    pub(crate) fn next(&self) -> Offset {
        self.history.next()
    }

    /// Commits what has piled up. The answers are the caller's to send, once all shards have been woken.
    pub(crate) fn commit(
        &mut self,
        submissions: impl IntoIterator<Item = Submission>,
        now: SystemTime,
    ) -> Vec<Result<Receipt, PublishError>> {
        // Times in history never decrease, or an old update behind a young one would outlive its age.
        self.latest = self.latest.max(now);
        let mut next = self.history.next();
        let mut batch = Vec::new();
        let answers = submissions
            .into_iter()
            .map(|Submission { drafts, key }| {
                if let Some(known) = key.as_ref().and_then(|key| self.known(key)) {
                    return known;
                }
                let mut ids = Vec::with_capacity(drafts.len());
                for draft in drafts {
                    let (record, id) = draft.seal(self.history.epoch, next, self.latest);
                    batch.push(Arc::new(record));
                    ids.push(id);
                    next += 1;
                }
                let ids: Arc<[EventId]> = ids.into();
                // Nothing published can be published twice; and a key without an update would never be forgotten.
                if let Some(IdempotencyKey { name, fingerprint }) = key.filter(|_| !ids.is_empty()) {
                    self.keys.insert(name.clone(), Kept { fingerprint, ids: ids.clone() });
                    self.expiry.push_back((next - 1, name));
                }
                Ok(Receipt { ids, repeated: false })
            })
            .collect();
        let floor = self.history.append(batch, self.latest);
        while self.expiry.front().is_some_and(|(last, _)| *last < floor) {
            let (_, name) = self.expiry.pop_front().expect("there is a front");
            self.keys.remove(&name);
        }
        answers
    }

    /// Forgets the updates that bear this topic.
    pub(crate) fn purge(&mut self, topic: &str) -> Result<Purged, PublishError> {
        Ok(Purged { updates: self.history.purge(topic) })
    }

    fn known(&self, key: &IdempotencyKey) -> Option<Result<Receipt, PublishError>> {
        let kept = self.keys.get(&key.name)?;
        Some(if kept.fingerprint == key.fingerprint {
            Ok(Receipt { ids: kept.ids.clone(), repeated: true })
        } else {
            Err(PublishError::KeyReused)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Retention, Topic, Update, cursor::Epoch, ring::Window};

    const NOW: SystemTime = UNIX_EPOCH;

    fn sequencer(count: u64) -> Sequencer {
        let retention = Retention { count, ..Retention::default() };
        Sequencer::new(Arc::new(History::memory(Epoch::from_bits(0), retention, Window::default())))
    }

    fn submission(n: usize) -> Submission {
        Submission::new((0..n).map(|i| Update::new(Topic::new("t").unwrap(), i.to_string())))
    }

    fn keyed(n: usize, scope: &str, key: &str, fingerprint: u128) -> Submission {
        submission(n).with_key(IdempotencyKey::new(scope.as_bytes(), key, fingerprint))
    }

    fn ids(receipt: &Result<Receipt, PublishError>) -> Vec<&str> {
        receipt.as_ref().unwrap().ids.iter().map(EventId::as_str).collect()
    }

    #[test]
    fn updates_follow_one_another_across_submissions() {
        let mut s = sequencer(100);
        let receipts = s.commit([submission(2), submission(0), submission(1)], NOW);
        assert_eq!(ids(&receipts[0]), ["#000000000000-1", "#000000000000-2"]);
        assert_eq!(ids(&receipts[1]), [""; 0]);
        assert_eq!(ids(&receipts[2]), ["#000000000000-3"]);
    }

    #[test]
    fn a_key_publishes_once_also_within_one_batch() {
        let mut s = sequencer(100);
        let receipts = s.commit([keyed(2, "a", "k", 1), keyed(2, "a", "k", 1), keyed(1, "b", "k", 2)], NOW);
        assert_eq!(ids(&receipts[0]), ids(&receipts[1]));
        assert!(!receipts[0].as_ref().unwrap().repeated && receipts[1].as_ref().unwrap().repeated);
        assert_eq!(ids(&receipts[2]), ["#000000000000-3"], "another scope's key is another key");
        let receipts = s.commit([keyed(2, "a", "k", 7)], NOW);
        assert_eq!(receipts[0], Err(PublishError::KeyReused));
        assert_eq!(s.history.next(), 4);
    }

    #[test]
    fn a_key_is_forgotten_with_the_last_of_its_updates() {
        let mut s = sequencer(3);
        s.commit([keyed(2, "a", "k", 1)], NOW);
        s.commit([submission(2)], NOW);
        assert!(s.commit([keyed(2, "a", "k", 1)], NOW)[0].as_ref().unwrap().repeated);
        s.commit([submission(1)], NOW);
        assert!(!s.commit([keyed(2, "a", "k", 1)], NOW)[0].as_ref().unwrap().repeated);
        assert_eq!((s.keys.len(), s.expiry.len()), (1, 1));
    }

    #[test]
    fn a_key_for_nothing_is_not_kept() {
        let mut s = sequencer(3);
        s.commit([submission(1), keyed(0, "a", "k", 1)], NOW);
        assert_eq!((s.keys.len(), s.expiry.len()), (0, 0));
    }

    #[test]
    fn a_key_is_paid_for_out_of_the_history_that_holds_it() {
        let long = "k".repeat(10_000);
        let plain = submission(1).weight();
        assert!(keyed(1, "a", &long, 1).weight() >= plain + 2 * long.len());
        let retention = Retention { bytes: 100_000, ..Retention::default() };
        let mut s =
            Sequencer::new(Arc::new(History::memory(Epoch::from_bits(0), retention, Window::default())));
        for i in 0..100 {
            s.commit([keyed(1, &i.to_string(), &long, 1)], NOW);
        }
        assert!(s.keys.len() < 10, "{} keys are kept", s.keys.len());
    }

    #[test]
    fn a_clock_that_goes_back_does_not_make_history_younger() {
        let retention = Retention { age: Some(Duration::from_secs(10)), ..Retention::default() };
        let history = Arc::new(History::memory(Epoch::from_bits(0), retention, Window::default()));
        let mut s = Sequencer::new(history.clone());
        s.commit([submission(1)], NOW + Duration::from_secs(100));
        s.commit([submission(1)], NOW);
        assert_eq!(history.earliest(NOW + Duration::from_secs(109)), 1);
        assert_eq!(history.earliest(NOW + Duration::from_secs(110)), 3);
    }
}
