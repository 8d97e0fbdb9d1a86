//! The threads that read the past, so that no shard ever waits for the disk.
//!
//! A shard asks for a page and goes on with its work; the answer comes into its inbox. All who want the same page while
//! it is on its way get the one that is read, and so do those who come a moment later. What waits is bounded by the
//! subscribers, each of which waits for one page; what has been read by a budget of bytes.

mod budget;
mod cache;
#[cfg(test)]
pub(crate) mod fake;
mod page;
mod past;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::{budget::Budget, cache::Cache};
pub(crate) use self::{
    page::Page,
    past::{Fetched, PAGE_BYTES, PAGE_ITEMS, Past, Want},
};
use crate::{
    clock::Clock,
    cursor::Offset,
    inbox::{Command, Inbox},
    timer::{Tick, tick},
};

/// One waits for the disk while the other decodes; more would take the processor from the shards.
pub(crate) const THREADS: usize = 2;

/// Bytes of all pages, those that are kept included: a hundred of the usual size.
const BUDGET: usize = 32 << 20;

/// Bytes of the pages that are kept for those who come a moment later.
const KEPT: usize = 16 << 20;

/// Pages that are to be read before anyone asks for them: who reads one asks for the next, and finds it there. That is
/// a quarter more updates a second, for one reader and for hundreds.
const AHEAD: usize = 64;

/// After so long without work, what is kept is too old to be of use.
const IDLE: Duration = Duration::from_secs(2);

/// What is asked of the past by all shards, and what has been answered.
#[derive(Debug)]
pub(crate) struct Readers {
    past: Arc<dyn Past>,
    desk: Mutex<Desk>,
    /// There is something to read, or nothing any more.
    called: Condvar,
    budget: Arc<Budget>,
    /// Pages of an earlier one hold what must not be handed out any more.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Desk {
    /// What nobody reads yet, in the order in which it was asked for.
    queue: VecDeque<Want>,
    /// What someone is likely to ask for next: read when nothing else is.
    ahead: VecDeque<Want>,
    /// Who waits for what: all that is in the queues, and what is being read.
    askers: HashMap<Want, Vec<Arc<Inbox>>>,
    /// All from here on is in memory.
    held: Offset,
    cache: Cache,
    closed: bool,
}

/// A page that is to be read.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) want: Want,
    generation: u64,
}

impl Readers {
    pub(crate) fn new(past: Arc<dyn Past>) -> Self {
        Self::with_limits(past, BUDGET, KEPT)
    }

    fn with_limits(past: Arc<dyn Past>, budget: usize, kept: usize) -> Self {
        let desk = Desk {
            queue: VecDeque::new(),
            ahead: VecDeque::new(),
            askers: HashMap::new(),
            cache: Cache::new(kept),
            held: 0,
            closed: false,
        };
        Self {
            past,
            desk: Mutex::new(desk),
            called: Condvar::new(),
            budget: Arc::new(Budget::new(budget)),
            generation: AtomicU64::new(0),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no code that holds this lock panics")
    }

    /// Asks for a page. It is answered at once if it is there; else it comes into the inbox, unless it is
    /// [cancelled](Self::cancel) before. From `held` on all is in memory.
    pub(crate) fn ask(&self, want: &Want, held: Offset, inbox: &Arc<Inbox>, now: Tick) -> Option<Arc<Page>> {
        let retained = want.from >= self.past.floor();
        let mut desk = self.desk();
        desk.held = desk.held.max(held);
        let found = if retained { desk.cache.find(want, now) } else { None };
        let new = match &found {
            Some(page) => desk.foresee(page, now),
            None => desk.put_down(want, inbox),
        };
        drop(desk);
        if new {
            self.called.notify_one();
        }
        found
    }

    /// Nobody behind this inbox waits for the page any more. One that is on its way may still come.
    pub(crate) fn cancel(&self, want: &Want, inbox: &Arc<Inbox>) {
        let mut desk = self.desk();
        let Some(askers) = desk.askers.get_mut(want) else { return };
        askers.retain(|a| !Arc::ptr_eq(a, inbox));
        if askers.is_empty()
            && let Some(place) = desk.queue.iter().position(|w| w == want)
        {
            desk.queue.remove(place);
            desk.askers.remove(want);
        }
    }

    /// What has been read so far must not be handed out any more: something of it was purged, and the past has it no
    /// longer.
    pub(crate) fn forget(&self) {
        let mut desk = self.desk();
        self.generation.fetch_add(1, Ordering::SeqCst);
        desk.cache.clear();
    }

    /// Whether the page may still be handed out.
    pub(crate) fn is_current(&self, page: &Page) -> bool {
        page.generation == self.generation.load(Ordering::SeqCst)
    }

    /// Reads what is asked for, until the pool is closed.
    pub(crate) fn run(&self, clock: &dyn Clock) {
        while let Some(job) = self.wait() {
            self.budget.wait_for_room(|| self.desk().cache.evict());
            let fetched = self.past.fetch(&job.want, clock.wall());
            self.answer(job, fetched, tick(clock.elapsed()));
        }
    }

    fn wait(&self) -> Option<Job> {
        let mut desk = self.desk();
        loop {
            if desk.closed {
                return None;
            }
            if let Some(job) = self.take(&mut desk) {
                return Some(job);
            }
            let (woken, timeout) =
                self.called.wait_timeout(desk, IDLE).expect("no code that holds this lock panics");
            desk = woken;
            if timeout.timed_out() {
                desk.cache.clear();
            }
        }
    }

    /// Takes what has waited for longest.
    fn take(&self, desk: &mut Desk) -> Option<Job> {
        let mut want = desk.queue.pop_front();
        if want.is_none() {
            want = desk.ahead.pop_front();
            // Not at the cost of what someone waits for.
            if let Some(unasked) = want.take_if(|_| !self.budget.has_room()) {
                desk.askers.remove(&unasked);
            }
        }
        Some(Job { want: want?, generation: self.generation.load(Ordering::SeqCst) })
    }

    /// Hands what was read to all who wait for it.
    fn answer(&self, job: Job, fetched: Fetched, now: Tick) {
        let Job { want, generation } = job;
        let page = Arc::new(Page::new(&want, fetched, generation, now, &self.budget));
        let mut desk = self.desk();
        if !self.is_current(&page) {
            if desk.askers.get(&want).is_some_and(Vec::is_empty) {
                desk.askers.remove(&want);
            } else {
                desk.queue.push_front(want);
            }
            drop(desk);
            return self.called.notify_one();
        }
        let mut answers = vec![];
        answers.extend(desk.askers.remove(&want).map(|askers| (want, askers)));
        // Those who start in the middle of it need no page of their own.
        let Desk { queue, askers, cache, .. } = &mut *desk;
        queue.retain(|other| {
            let served = page.serves(other.from, other.topics.as_ref());
            if served {
                answers.extend(askers.remove_entry(other));
            }
            !served
        });
        if page.is_unread() {
            // Who comes later may have better luck.
            drop(desk);
            return send(answers, &page);
        }
        cache.insert(page.clone());
        if answers.iter().any(|(_, askers)| !askers.is_empty()) {
            // This thread itself looks for more to do in a moment.
            desk.foresee(&page, now);
        }
        drop(desk);
        send(answers, &page);
    }

    /// Ends the threads. What is still asked for is not answered.
    pub(crate) fn close(&self) {
        self.desk().closed = true;
        self.called.notify_all();
        self.budget.close();
    }
}

/// Sends the page to all who wait for it, under what they asked for.
fn send(answers: Vec<(Want, Vec<Arc<Inbox>>)>, page: &Arc<Page>) {
    for (want, askers) in answers {
        for inbox in askers {
            inbox.send(Command::Page { want: want.clone(), page: page.clone() });
        }
    }
}

impl Desk {
    /// Puts down who waits for a page; answers whether that is new to the queue.
    fn put_down(&mut self, want: &Want, inbox: &Arc<Inbox>) -> bool {
        let Self { queue, ahead, askers, .. } = self;
        if let Some(askers) = askers.get_mut(want) {
            askers.push(inbox.clone());
            let Some(place) = ahead.iter().position(|w| w == want) else { return false };
            ahead.remove(place);
        } else {
            askers.insert(want.clone(), vec![inbox.clone()]);
        }
        queue.push_back(want.clone());
        true
    }

    /// Who has been given this page is likely to ask for the next one; answers whether that is to be read.
    fn foresee(&mut self, page: &Page, now: Tick) -> bool {
        let want = Want { from: page.next, topics: page.topics.clone() };
        let new = page.next < self.held
            && self.ahead.len() < AHEAD
            && !self.askers.contains_key(&want)
            && self.cache.find(&want, now).is_none();
        if new {
            self.askers.insert(want.clone(), vec![]);
            self.ahead.push_back(want);
        }
        new
    }
}

/// For tests that have no threads: the steps of [`Readers::run`], one by one.
#[cfg(test)]
impl Readers {
    pub(crate) fn begin(&self) -> Option<Job> {
        self.take(&mut self.desk())
    }

    /// Bytes of all pages.
    pub(crate) fn used(&self) -> usize {
        self.budget.used()
    }

    pub(crate) fn end(&self, job: Job, fetched: Fetched, now: Tick) {
        self.answer(job, fetched, now);
    }
}
