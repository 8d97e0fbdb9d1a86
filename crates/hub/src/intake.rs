//! Where publishers hand in, and who works the sequencer.
//!
//! Only one at a time does, but it need not be always the same: a commit to memory takes a microsecond, and a thread of
//! its own would cost each publisher two switches. So whoever hands in works, unless someone does already, who then
//! takes this along. What is left after a fair share is a thread's, as is what must be done with time alone. A commit to
//! a disk is all the thread's: publishers are tasks, and must not be held up by it.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    Topic,
    clock::Clock,
    inbox::Inbox,
    sequencer::Sequencer,
    submission::{PublishError, Receipt, Submission},
};

/// A submission on its way, and where its answer is to go.
#[derive(Debug)]
struct Waiting {
    submission: Submission,
    answer: oneshot::Sender<Result<Receipt, PublishError>>,
}

/// What waits for the sequencer.
#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    bytes: usize,
    /// The thread is asked to go on with what waits.
    handed_on: bool,
    closed: bool,
}

/// Commits that one publisher works for others, at most: then it wants its own answer.
const FAIR_SHARE: usize = 8;

/// Retention by age frees memory this often at the most; what is too old is not served in any case.
const EXPIRY_PAUSE: Duration = Duration::from_millis(250);

/// A shard, from outside.
#[derive(Debug)]
pub(crate) struct ShardHandle {
    pub(crate) inbox: Arc<Inbox>,
    /// The shard's subscribers.
    pub(crate) load: Arc<AtomicUsize>,
}

impl ShardHandle {
    /// Tells of updates. A shard without subscribers is left asleep; attaching the first one wakes it.
    fn ring(&self) {
        if self.load.load(Ordering::SeqCst) > 0 {
            self.inbox.ring();
        }
    }
}

/// Takes submissions, bounded in bytes: a publisher is refused, never made to wait.
#[derive(Debug)]
pub(crate) struct Intake<C: ?Sized> {
    queue: Mutex<Queue>,
    handed_on: Condvar,
    limit: usize,
    sequencer: Mutex<Sequencer>,
    shards: Box<[ShardHandle]>,
    clock: Arc<C>,
    /// Commits wait for a disk.
    waits: bool,
    /// How often what was written is to be synced, where that is not each commit's business.
    sync_every: Option<Duration>,
}

impl<C: Clock + ?Sized> Intake<C> {
    pub(crate) fn new(limit: usize, sequencer: Sequencer, shards: Box<[ShardHandle]>, clock: Arc<C>) -> Self {
        Self {
            waits: sequencer.waits(),
            sync_every: sequencer.sync_every(),
            queue: Mutex::default(),
            handed_on: Condvar::new(),
            limit,
            sequencer: Mutex::new(sequencer),
            shards,
            clock,
        }
    }

    pub(crate) fn shards(&self) -> &[ShardHandle] {
        &self.shards
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no code that holds this lock panics")
    }

    /// Takes on a submission, and works until it is answered or someone else does.
    pub(crate) fn submit(
        &self,
        submission: Submission,
        answer: oneshot::Sender<Result<Receipt, PublishError>>,
    ) {
        let waiting = Waiting { submission, answer };
        match self.push(waiting) {
            Ok(first) if self.waits => {
                if first {
                    self.handed_on.notify_one();
                }
            }
            Ok(_) => self.work(),
            // Nobody waits for the answer any more: nothing to tell.
            Err((waiting, refusal)) => drop(waiting.answer.send(Err(refusal))),
        }
    }

    /// Answers whether it is the first that waits.
    fn push(&self, waiting: Waiting) -> Result<bool, (Waiting, PublishError)> {
        let weight = waiting.submission.weight();
        let mut queue = self.queue();
        if queue.closed {
            return Err((waiting, PublishError::Closed));
        }
        // One that is larger than the limit is taken when it is alone.
        if queue.bytes > 0 && queue.bytes + weight > self.limit {
            return Err((waiting, PublishError::Overloaded));
        }
        queue.bytes += weight;
        queue.waiting.push(waiting);
        Ok(queue.waiting.len() == 1)
    }

    /// Works while there is something and nobody else does, for a fair share of commits.
    fn work(&self) {
        for _ in 0..FAIR_SHARE {
            match self.sequencer.try_lock() {
                Ok(sequencer) => self.commit(sequencer),
                // Who works looks at the queue once more after it has let go, and takes what came by then.
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(_)) => unreachable!("no code that holds this lock panics"),
            }
            if self.queue().waiting.is_empty() {
                return;
            }
        }
        self.queue().handed_on = true;
        self.handed_on.notify_one();
    }

    /// Commits what waits, wakes the shards, and answers.
    fn commit(&self, mut sequencer: MutexGuard<'_, Sequencer>) {
        let waiting = {
            let mut queue = self.queue();
            queue.bytes = 0;
            std::mem::take(&mut queue.waiting)
        };
        let (submissions, answers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|w| (w.submission, w.answer)).unzip();
        let receipts = sequencer.commit(submissions, self.clock.wall());
        drop(sequencer);
        if !receipts.is_empty() {
            for shard in &self.shards {
                shard.ring();
            }
        }
        for (answer, receipt) in answers.into_iter().zip(receipts) {
            // A publisher that has gone does not hear it; its updates are published all the same.
            let _ = answer.send(receipt);
        }
    }

    /// Forgets the updates that bear this topic.
    pub(crate) fn purge(&self, topic: &Topic) -> Result<(), PublishError> {
        self.sequencer().purge(topic)
    }

    /// No more is taken on; what has been will be answered.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.handed_on.notify_one();
    }

    /// The thread: goes on with what is handed on to it, and lets go of what is too old, until the intake is closed.
    pub(crate) fn run(&self) {
        let mut synced = self.clock.elapsed();
        loop {
            let expiry = self.sequencer().nothing_expires_for(self.clock.wall());
            let pause = expiry.map(|pause| pause.max(EXPIRY_PAUSE));
            let closed = self.rest(pause.into_iter().chain(self.sync_every).min());
            if self.waits {
                // Where others want the processor they get it now, and more has come by then that one sync will do for.
                // Where nobody does this is nothing.
                std::thread::yield_now();
            }
            // Also when nothing waits: a commit forgets what is past retention.
            self.commit(self.sequencer());
            if self.sync_every.is_some_and(|pause| self.clock.elapsed() >= synced + pause) {
                self.sequencer().sync();
                synced = self.clock.elapsed();
            }
            if closed && self.queue().waiting.is_empty() {
                return;
            }
        }
    }

    fn sequencer(&self) -> MutexGuard<'_, Sequencer> {
        self.sequencer.lock().expect("no code that holds this lock panics")
    }

    /// Waits until something is handed on, or the time is up; answers whether the intake is closed.
    fn rest(&self, pause: Option<Duration>) -> bool {
        let mut queue = self.queue();
        // What came while the thread itself held the sequencer was left to it, and nobody will say so.
        if queue.waiting.is_empty() && !queue.handed_on && !queue.closed {
            queue = match pause {
                None => self.handed_on.wait(queue).expect("no code that holds this lock panics"),
                Some(pause) => {
                    self.handed_on.wait_timeout(queue, pause).expect("no code that holds this lock panics").0
                }
            };
        }
        queue.handed_on = false;
        queue.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Retention, SystemClock, Topic, Update, history::History, ring::Window};

    fn submission(n: usize) -> Submission {
        Submission::new((0..n).map(|i| Update::new(Topic::new("t").unwrap(), i.to_string())))
    }

    fn intake(limit: usize) -> Intake<SystemClock> {
        let history = History::memory(Epoch::from_bits(0), Retention::default(), Window::default());
        Intake::new(limit, Sequencer::new(Arc::new(history)), Box::default(), Arc::default())
    }

    fn submit(intake: &Intake<SystemClock>, n: usize) -> oneshot::Receiver<Result<Receipt, PublishError>> {
        let (answer, receiver) = oneshot::channel();
        intake.submit(submission(n), answer);
        receiver
    }

    #[test]
    fn who_hands_in_works_and_has_its_answer_at_once() {
        let intake = intake(usize::MAX);
        assert_eq!(submit(&intake, 2).try_recv().unwrap().unwrap().ids.len(), 2);
    }

    #[test]
    fn a_full_queue_refuses_and_takes_again_when_emptied() {
        let intake = intake(submission(1).weight() * 2);
        // Someone else works: what is handed in waits.
        let busy = intake.sequencer();
        let (a, b, c) = (submit(&intake, 1), submit(&intake, 1), submit(&intake, 1));
        assert_eq!(c.try_recv().unwrap(), Err(PublishError::Overloaded));
        assert!(a.try_recv().is_err() && b.try_recv().is_err());
        intake.commit(busy);
        assert!(a.try_recv().unwrap().is_ok() && b.try_recv().unwrap().is_ok());
        assert!(submit(&intake, 9).try_recv().unwrap().is_ok(), "one that is larger than the limit, alone");
        intake.close();
        assert_eq!(submit(&intake, 1).try_recv().unwrap(), Err(PublishError::Closed));
    }

    #[test]
    fn what_was_taken_on_before_the_end_is_answered() {
        let intake = intake(usize::MAX);
        let busy = intake.sequencer();
        let answer = submit(&intake, 1);
        drop(busy);
        intake.close();
        intake.run();
        assert!(answer.try_recv().unwrap().is_ok());
    }

    #[test]
    fn the_thread_looks_at_what_came_while_it_worked() {
        let intake = intake(usize::MAX);
        let busy = intake.sequencer();
        let answer = submit(&intake, 1);
        drop(busy);
        std::thread::scope(|scope| {
            scope.spawn(|| intake.run());
            let answer = answer.recv_timeout(Duration::from_secs(10));
            intake.close();
            assert!(answer.is_ok_and(|receipt| receipt.is_ok()), "it was forgotten");
        });
    }

    #[test]
    fn whoever_works_nobody_is_forgotten_and_all_is_in_order() {
        let intake = intake(usize::MAX);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| intake.run());
            let publishers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut last = 0;
                        for n in 1..500 {
                            let receipt = submit(&intake, n % 3).recv().unwrap().unwrap();
                            for id in &*receipt.ids {
                                let offset = id.as_str().rsplit_once('-').unwrap().1.parse::<u64>().unwrap();
                                assert!(offset > last);
                                last = offset;
                            }
                        }
                    })
                })
                .collect();
            for publisher in publishers {
                publisher.join().unwrap();
            }
            intake.close();
            thread.join().unwrap();
        });
        assert_eq!(intake.sequencer().next(), 1 + 8 * (1..500).map(|n| n % 3).sum::<u64>());
    }
}
