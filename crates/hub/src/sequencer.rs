//! The one place where updates get their order.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use headwater_sse::EventId;

use crate::{
    Topic,
    cursor::Offset,
    history::History,
    record::Shared,
    submission::{IdempotencyKey, PublishError, Receipt, Submission},
};

/// What a key stands for, while history holds it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) fingerprint: u128,
    pub(crate) ids: Arc<[EventId]>,
    /// The offset of its last update.
    pub(crate) last: Offset,
}

/// The keys that history holds, where that is memory. A log finds them itself.
#[derive(Debug, Default)]
struct Keys {
    kept: HashMap<Box<[u8]>, Kept>,
    /// By the last of their offsets, to be forgotten with them.
    expiry: VecDeque<(Offset, Box<[u8]>)>,
}

/// Gives updates their order: decides keys, appends to history in one commit. A plain value; who
/// works it is `intake`'s business.
#[derive(Debug)]
pub(crate) struct Sequencer {
    history: Arc<History>,
    keys: Keys,
    latest: SystemTime,
}

/// Bytes of one commit, about: more would only delay those who come after it.
const COMMIT_BYTES: usize = 16 << 20;

/// What is committed together.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Shared>,
    bytes: usize,
    /// The keys in it.
    keys: HashMap<Box<[u8]>, Kept>,
    /// The answers that hold only if it is stored.
    answers: Vec<usize>,
}

impl Sequencer {
    pub(crate) fn new(history: Arc<History>) -> Self {
        let latest = history.last_time();
        Self { history, keys: Keys::default(), latest }
    }

    /// How long nothing can become too old; `None`: never does anything.
    pub(crate) fn nothing_expires_for(&self, now: SystemTime) -> Option<Duration> {
        self.history.nothing_expires_for(now)
    }

    /// Whether a commit waits for a disk.
    pub(crate) fn waits(&self) -> bool {
        self.history.finds_keys()
    }

    pub(crate) fn sync_every(&self) -> Option<Duration> {
        self.history.sync_every()
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
        let mut answers = Vec::new();
        let mut batch = Batch::default();
        for submission in submissions {
            let answer = self.take(submission, &mut batch, answers.len());
            answers.push(answer);
            if batch.bytes >= COMMIT_BYTES {
                self.store(std::mem::take(&mut batch), &mut answers);
            }
        }
        // Also when it is empty: history forgets what is past retention.
        self.store(batch, &mut answers);
        answers
    }

    /// Adds a submission to the batch, unless it was published before.
    fn take(
        &self,
        submission: Submission,
        batch: &mut Batch,
        answer: usize,
    ) -> Result<Receipt, PublishError> {
        let Submission { drafts, key } = submission;
        if let Some(key) = &key {
            if let Some(kept) = batch.keys.get(&key.name) {
                batch.answers.push(answer);
                return kept.answer(key);
            }
            let known = match self.keys.kept.get(&key.name) {
                Some(kept) => Some(kept.answer(key)),
                None => match self.history.find_key(&key.name, self.latest) {
                    Ok(found) => found.map(|kept| kept.answer(key)),
                    // Whether it was published before is not known; to publish it again is not safe.
                    Err(_) => return Err(PublishError::Unavailable),
                },
            };
            if let Some(known) = known {
                return known;
            }
        }
        let mut next = self.history.next() + batch.records.len() as u64;
        let mut ids = Vec::with_capacity(drafts.len());
        for draft in drafts {
            batch.bytes += draft.weight();
            let (record, id) = draft.seal(self.history.epoch, next, self.latest);
            batch.records.push(Arc::new(record));
            ids.push(id);
            next += 1;
        }
        let ids: Arc<[EventId]> = ids.into();
        batch.answers.push(answer);
        // Nothing published can be published twice; and a key without an update would never be forgotten.
        if let Some(IdempotencyKey { name, fingerprint }) = key.filter(|_| !ids.is_empty()) {
            batch.keys.insert(name, Kept { fingerprint, ids: ids.clone(), last: next - 1 });
        }
        Ok(Receipt { ids, repeated: false })
    }

    fn store(&mut self, batch: Batch, answers: &mut [Result<Receipt, PublishError>]) {
        let Ok(floor) = self.history.append(batch.records, self.latest) else {
            for i in batch.answers {
                answers[i] = Err(PublishError::Unavailable);
            }
            return;
        };
        if self.history.finds_keys() {
            return;
        }
        let Keys { kept, expiry } = &mut self.keys;
        let mut new: Vec<_> = batch.keys.into_iter().collect();
        new.sort_unstable_by_key(|(_, kept)| kept.last);
        for (name, key) in new {
            expiry.push_back((key.last, name.clone()));
            kept.insert(name, key);
        }
        while expiry.front().is_some_and(|(last, _)| *last < floor) {
            let (_, name) = expiry.pop_front().expect("there is a front");
            kept.remove(&name);
        }
    }

    /// Forgets the updates that bear this topic.
    pub(crate) fn purge(&mut self, topic: &Topic) -> Result<(), PublishError> {
        self.history.purge(topic).map_err(|_| PublishError::Unavailable)
    }

    /// Makes durable what was written and not synced, where that is not each commit's business.
    pub(crate) fn sync(&mut self) {
        self.history.sync();
    }
}

impl Kept {
    fn answer(&self, key: &IdempotencyKey) -> Result<Receipt, PublishError> {
        if self.fingerprint == key.fingerprint {
            Ok(Receipt { ids: self.ids.clone(), repeated: true })
        } else {
            Err(PublishError::KeyReused)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Retention, Update, cursor::Epoch, ring::Window};

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
        assert_eq!((s.keys.kept.len(), s.keys.expiry.len()), (1, 1));
    }

    #[test]
    fn a_key_for_nothing_is_not_kept() {
        let mut s = sequencer(3);
        s.commit([submission(1), keyed(0, "a", "k", 1)], NOW);
        assert_eq!((s.keys.kept.len(), s.keys.expiry.len()), (0, 0));
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
        assert!(s.keys.kept.len() < 10, "{} keys are kept", s.keys.kept.len());
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
