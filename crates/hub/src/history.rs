//! What is held of the past, and where a cursor lies in it. `memory`: the ring itself. With a log: the ring is a window,
//! and what lies before it is the readers' to fetch.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use headwater_sse::EventId;

use crate::{
    RetainRule, Retention, Topic,
    cursor::{Cursor, Epoch, Offset},
    log::{Log, is_over},
    readers::Past,
    record::Shared,
    ring::{Ring, Window},
    sequencer::Kept,
};

/// What a look into memory comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// It was looked up to here: the next read goes on there.
    Upto(Offset),
    /// Memory begins here only, and the past is the readers' to fetch.
    Before(Offset),
    /// What lies before this is lost.
    Lost(Offset),
}

/// Where a subscriber's cursor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing is missing after this offset.
    At(Offset),
    /// The id was never given here, or what followed it is no longer held.
    Lost,
}

#[derive(Debug)]
struct Inner {
    ring: Ring,
    /// Publisher-chosen ids.
    ids: HashMap<Box<str>, Bearers>,
}

/// The updates that bear one chosen id.
#[derive(Debug, Default)]
struct Bearers {
    /// Those that are retained, in order. The first one counts.
    offsets: VecDeque<Offset>,
    /// There was one before them. Who comes with the id may have seen that one, so that no place among those that are
    /// left is known to be theirs.
    forgotten: bool,
}

/// The retained updates. Appended to by the sequencer alone; read by all. The lock is held for the copying of some
/// pointers, never across I/O.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) epoch: Epoch,
    inner: RwLock<Inner>,
    /// What lies before the ring; `None`: nothing does.
    past: Option<Arc<dyn Past>>,
    /// The past, where it is a log: what is published goes there first.
    log: Option<Arc<Log>>,
    /// That the log cannot be searched has been told.
    failing: AtomicBool,
    /// Shorter limits for some topics.
    rules: Vec<RetainRule>,
    /// The ring's `next`, for those who only ask whether there is more. Of one order with the shards' saying that they
    /// fall asleep (`SeqCst` on both sides), or an update and a falling asleep could miss each other.
    next: AtomicU64,
}

impl History {
    pub(crate) fn memory(epoch: Epoch, retention: Retention, window: Window) -> Self {
        let inner = Inner { ring: Ring::new(1, retention, window), ids: HashMap::new() };
        Self {
            epoch,
            inner: RwLock::new(inner),
            past: None,
            log: None,
            failing: AtomicBool::new(false),
            rules: Vec::new(),
            next: AtomicU64::new(1),
        }
    }

    /// Of memory's only the window; the past has all that comes before `next`, and is given what comes after it by
    /// others. What is older than `age` is not read from memory either.
    pub(crate) fn window(
        epoch: Epoch,
        next: Offset,
        age: Option<Duration>,
        window: Window,
        past: Arc<dyn Past>,
    ) -> Self {
        let retention = Retention { count: 0, bytes: 0, age };
        let inner = Inner { ring: Ring::new(next, retention, window), ids: HashMap::new() };
        Self {
            epoch,
            inner: RwLock::new(inner),
            past: Some(past),
            log: None,
            failing: AtomicBool::new(false),
            rules: Vec::new(),
            next: AtomicU64::new(next),
        }
    }

    /// A log, and a window of it in memory.
    pub(crate) fn logged(log: Arc<Log>, age: Option<Duration>, window: Window) -> Self {
        let history = Self::window(log.epoch(), log.next(), age, window, log.clone());
        Self { log: Some(log), ..history }
    }

    /// With shorter limits for some topics.
    pub(crate) fn with_rules(self, rules: Vec<RetainRule>) -> Self {
        Self { rules, ..self }
    }

    /// What lies before the ring.
    pub(crate) fn past(&self) -> Option<&Arc<dyn Past>> {
        self.past.as_ref()
    }

    fn inner(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().expect("no code that holds this lock panics")
    }

    /// The offset that the next update will get.
    pub(crate) fn next(&self) -> Offset {
        self.next.load(Ordering::SeqCst)
    }

    /// Takes on a batch, in order, and forgets what is past retention. Answers the first offset that can still be
    /// resumed from.
    ///
    /// With a log it is made durable first, and seen by nobody before; after an error nothing has been taken on.
    pub(crate) fn append(&self, batch: Vec<Shared>, now: SystemTime) -> io::Result<Offset> {
        let stored = self.log.as_ref().map_or(Ok(()), |log| log.append(&batch));
        // What is past retention goes all the same: it is what makes room on a disk that is full.
        let batch = if stored.is_ok() { batch } else { Vec::new() };
        let mut inner = self.inner.write().expect("no code that holds this lock panics");
        let Inner { ring, ids } = &mut *inner;
        for record in batch.iter().filter(|_| self.log.is_none()) {
            if record.has_chosen_id() {
                ids.entry(record.id().into()).or_default().offsets.push_back(record.offset);
            }
        }
        ring.extend(batch);
        ring.trim(now, |record| {
            if record.has_chosen_id()
                && let Some(bearers) = ids.get_mut(record.id())
            {
                bearers.offsets.pop_front();
                bearers.forgotten = true;
                if bearers.offsets.is_empty() {
                    ids.remove(record.id());
                }
            }
        });
        self.next.store(ring.next(), Ordering::SeqCst);
        let retained = ring.earliest_retained(now);
        drop(inner);
        let retained = self.log.as_ref().map_or(retained, |log| {
            let retained = log.retain(now);
            log.roll_if_over();
            retained
        });
        stored.map(|()| retained)
    }

    /// The time of the last update: whatever the clock says, the next one is no older.
    pub(crate) fn last_time(&self) -> SystemTime {
        self.log.as_ref().map_or(SystemTime::UNIX_EPOCH, |log| log.last_time())
    }

    /// Whether it finds keys itself, as a log does, and its commits wait for a disk.
    pub(crate) fn finds_keys(&self) -> bool {
        self.log.is_some()
    }

    /// The submission under this key, as far as that is history's to know.
    pub(crate) fn find_key(&self, name: &[u8], now: SystemTime) -> io::Result<Option<Kept>> {
        let found = self.log.as_ref().map_or(Ok(None), |log| log.find_key(name, now));
        self.tell("an idempotency key could not be looked up, so its publish was refused", &found);
        found
    }

    /// How often what was written is to be synced, where that is not each commit's business.
    pub(crate) fn sync_every(&self) -> Option<Duration> {
        self.log.as_ref()?.sync_every()
    }

    pub(crate) fn sync(&self) {
        if let Some(log) = &self.log {
            // It has told its own log of it, and tries again.
            let _ = log.sync();
        }
    }

    /// Says once that stored updates cannot be looked up, until they can be again.
    fn tell<T>(&self, what: &str, done: &io::Result<T>) {
        let failing = done.is_err();
        if self.failing.load(Ordering::Relaxed) != failing {
            self.failing.store(failing, Ordering::Relaxed);
            if let Err(error) = done {
                tracing::error!(%error, "{what}; check the disk, and `headwater history verify`");
            } else {
                tracing::info!("stored updates can be looked up again");
            }
        }
    }

    /// How many retained updates bear this topic.
    pub(crate) fn count(&self, topic: &Topic, now: SystemTime) -> io::Result<u64> {
        let topic = topic.as_str();
        match &self.log {
            Some(log) => {
                let count = log.count(topic, now);
                self.tell(
                    "a topic that is to be purged could not be looked up, so it was not purged",
                    &count,
                );
                count
            }
            None => Ok(self.inner().ring.count(topic, now)),
        }
    }

    /// Forgets the updates that bear this topic.
    pub(crate) fn purge(&self, topic: &Topic) -> io::Result<()> {
        if let Some(log) = &self.log {
            log.purge(topic)?;
        }
        let mut inner = self.inner.write().expect("no code that holds this lock panics");
        let Inner { ring, ids } = &mut *inner;
        ring.purge(topic.as_str(), |record| {
            if record.has_chosen_id()
                && let Some(bearers) = ids.get_mut(record.id())
            {
                bearers.offsets.retain(|&offset| offset != record.offset);
                bearers.forgotten = true;
                if bearers.offsets.is_empty() {
                    ids.remove(record.id());
                }
            }
        });
        Ok(())
    }

    /// How long nothing can become too old; `None`: never does anything.
    pub(crate) fn nothing_expires_for(&self, now: SystemTime) -> Option<Duration> {
        match &self.log {
            Some(log) => log.nothing_expires_for(now),
            None => self.inner().ring.nothing_expires_for(now),
        }
    }

    /// Appends to `into` what is held in memory from `from` on and before `until`; nothing where `from` itself is not.
    pub(crate) fn read(
        &self,
        from: Offset,
        until: Offset,
        max_items: usize,
        max_bytes: usize,
        now: SystemTime,
        into: &mut Vec<Shared>,
    ) -> Read {
        let inner = self.inner();
        let earliest = inner.ring.earliest_held(now);
        match self.past {
            _ if from >= earliest => {
                let before = into.len();
                let upto = inner.ring.read(from, until, max_items, max_bytes, into);
                drop(inner);
                self.drop_what_is_over(into, before, now);
                Read::Upto(upto)
            }
            Some(_) => Read::Before(earliest),
            None => Read::Lost(earliest),
        }
    }

    /// The first update that is in memory.
    pub(crate) fn earliest_held(&self, now: SystemTime) -> Offset {
        self.inner().ring.earliest_held(now)
    }

    /// The first update that one who comes back can get.
    pub(crate) fn earliest(&self, now: SystemTime) -> Offset {
        match &self.log {
            Some(log) => log.earliest(now),
            None => self.inner().ring.earliest_retained(now),
        }
    }

    /// Where the update with this id lies, or lay. One that is not generated is looked for on the disk, if there is one.
    pub(crate) fn resolve(&self, id: &str, now: SystemTime) -> Found {
        if let Some(log) = &self.log {
            return log.resolve(id, now).unwrap_or_else(|error| {
                tracing::error!(%error, "a stored id could not be looked up; its subscriber is told of a gap");
                Found::Lost
            });
        }
        let inner = self.inner();
        let earliest = inner.ring.earliest_retained(now);
        let at = match Cursor::parse(id) {
            Some(c) => (c.epoch == self.epoch && c.offset < inner.ring.next()).then_some(c.offset),
            None => inner.ids.get(id).filter(|b| !b.forgotten).and_then(|b| b.offsets.front().copied()),
        };
        match at {
            // The last one forgotten is as good a start as the first one held: nothing lies between.
            Some(offset) if offset + 1 >= earliest => Found::At(offset),
            _ => Found::Lost,
        }
    }

    /// The offset that the next update will get, and an id to resume there with, unless it is the first one.
    ///
    /// A generated id, also where the last update has one of its publisher's: that may stand for an earlier update,
    /// may be a private one's, and is forgotten with it.
    pub(crate) fn head(&self) -> (Offset, Option<EventId>) {
        let next = self.next();
        (next, (next > 1).then(|| Cursor { epoch: self.epoch, offset: next - 1 }.id()))
    }

    /// Takes out what one of the rules has no longer replayed.
    fn drop_what_is_over(&self, records: &mut Vec<Shared>, from: usize, now: SystemTime) {
        let Some(shortest) = self.rules.iter().map(|rule| rule.age).min() else { return };
        // Times never decrease: if the first is young enough for every rule, so are all.
        let old = |record: &Shared| record.at.checked_add(shortest).is_some_and(|end| end <= now);
        if records.get(from).is_some_and(old) {
            let mut i = 0;
            records.retain(|record| {
                i += 1;
                i <= from || !is_over(&self.rules, record, now)
            });
        }
    }

    /// The first update from `offset` on that is not known to be lost, though it should be retained.
    pub(crate) fn after_loss(&self, offset: Offset) -> Offset {
        self.log.as_ref().map_or(offset, |log| log.after_loss(offset))
    }

    /// Where the last loss that is known ends, of those that lie behind `offset`, at least in part.
    pub(crate) fn last_loss(&self, offset: Offset) -> Option<Offset> {
        self.log.as_ref().and_then(|log| log.last_loss(offset))
    }

    /// The cursor of the update at this offset.
    pub(crate) fn cursor(&self, offset: Offset) -> Cursor {
        match &self.log {
            Some(log) => log.cursor(offset),
            None => Cursor { epoch: self.epoch, offset },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SyncPolicy, Topic, Update,
        disk::sim::SimDisk,
        log::{Fresh, Settings},
        record::Draft,
    };

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn history(count: u64) -> History {
        History::memory(Epoch::from_bits(5), Retention { count, ..Retention::default() }, Window::default())
    }

    fn publish(history: &History, ids: &[Option<&str>]) {
        let batch = ids
            .iter()
            .zip(history.next()..)
            .map(|(id, offset)| {
                let mut update = Update::new(Topic::new("t").unwrap(), "x");
                update.id = id.map(|id| EventId::new(id).unwrap());
                Arc::new(Draft::new(update).seal(history.epoch, offset, NOW).0)
            })
            .collect();
        history.append(batch, NOW).expect("memory refuses nothing");
    }

    fn generated(bits: u64, offset: Offset) -> String {
        Cursor { epoch: Epoch::from_bits(bits), offset }.to_string()
    }

    #[test]
    fn what_is_too_old_goes_also_while_the_disk_is_full() {
        let (disk, age) = (SimDisk::new(1), Duration::from_secs(10));
        let retention = Retention { age: Some(age), ..Retention::default() };
        let fresh = Fresh { id: [7; 16], hash: [9; 16], epoch: Epoch::from_bits(5) };
        let settings = Settings::new(retention, Vec::new(), SyncPolicy::Commit);
        let log = Arc::new(Log::open(disk.directory(), settings, &fresh).unwrap());
        let h = History::logged(log.clone(), Some(age), Window::default());
        let (now, later) = (NOW + age * 10, NOW + age * 20);
        let record = |offset, at| {
            let update = Update::new(Topic::new("t").unwrap(), "x");
            vec![Arc::new(Draft::new(update).seal(h.epoch, offset, at).0)]
        };
        h.append(record(1, now), now).unwrap();
        disk.set_room(Some(0));
        assert!(h.append(record(2, later), later).is_err());
        // Also for one whose clock would still admit it.
        assert_eq!((log.earliest(now), h.next()), (2, 2));
    }

    #[test]
    fn a_generated_id_resolves_by_arithmetic() {
        let h = history(10);
        publish(&h, &[None; 30]);
        assert_eq!(h.resolve(&generated(5, 25), NOW), Found::At(25));
        assert_eq!(h.resolve(&generated(5, 30), NOW), Found::At(30));
        assert_eq!(h.resolve(&generated(5, 20), NOW), Found::At(20), "21 is held, so nothing is missing");
        assert_eq!(h.resolve(&generated(5, 19), NOW), Found::Lost);
        assert_eq!(h.resolve(&generated(5, 31), NOW), Found::Lost, "never given");
        assert_eq!(h.resolve(&generated(6, 25), NOW), Found::Lost, "of another epoch");
    }

    #[test]
    fn a_chosen_id_means_its_first_update_as_long_as_that_is_held() {
        let h = history(4);
        publish(&h, &[Some("a"), Some("b"), Some("a"), None]);
        assert_eq!(h.resolve("a", NOW), Found::At(1));
        publish(&h, &[None]);
        assert_eq!(h.resolve("a", NOW), Found::Lost, "who has seen the first one has not seen 2");
        assert_eq!(h.resolve("b", NOW), Found::At(2));
        publish(&h, &[None; 2]);
        assert_eq!(h.resolve("b", NOW), Found::Lost);
        assert_eq!(h.inner().ids.len(), 0);
        assert_eq!(h.resolve("never", NOW), Found::Lost);
        assert_eq!(h.resolve("", NOW), Found::Lost);
    }

    #[test]
    fn the_head_can_be_resumed_from() {
        let h = history(0);
        assert_eq!(h.head(), (1, None));
        publish(&h, &[Some("a"), Some("a")]);
        let (next, id) = h.head();
        assert_eq!((next, h.resolve(id.unwrap().as_str(), NOW)), (3, Found::At(2)));
    }
}
