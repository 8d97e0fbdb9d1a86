use std::{
    thread,
    time::{Instant, UNIX_EPOCH},
};

use mio::{Poll, Token, Waker};

use super::{fake::FakePast, *};
use crate::{
    SystemClock, Topic, Update,
    cursor::{Epoch, Offset},
    record::Draft,
};

fn past(page: u64, topics: &[&str]) -> Arc<FakePast> {
    let past = FakePast::new(page);
    past.append(topics.iter().zip(1..).map(|(topic, offset)| {
        let draft = Draft::new(Update::new(Topic::new(topic).unwrap(), "x"));
        Arc::new(draft.seal(Epoch::from_bits(0), offset, UNIX_EPOCH).0)
    }));
    Arc::new(past)
}

/// A shard's inbox, without the shard.
struct Desk {
    inbox: Arc<Inbox>,
    _poll: Poll,
}

impl Desk {
    fn new() -> Self {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        Self { inbox: Arc::new(Inbox::new(waker)), _poll: poll }
    }

    fn pages(&self) -> Vec<(Want, Arc<Page>)> {
        let mut commands = vec![];
        self.inbox.take(&mut commands);
        let page = |command| match command {
            Command::Page { want, page } => (want, page),
            other => panic!("nobody sends {other:?}"),
        };
        commands.into_iter().map(page).collect()
    }

    /// Which wants were answered, and with which offsets.
    fn answers(&self) -> Vec<(Offset, Vec<Offset>)> {
        self.pages().into_iter().map(|(want, page)| (want.from, offsets(&page))).collect()
    }
}

fn offsets(page: &Page) -> Vec<Offset> {
    page.records.iter().map(|r| r.offset).collect()
}

fn all(from: Offset) -> Want {
    Want { from, topics: None }
}

fn of(from: Offset, topics: &[&str]) -> Want {
    Want { from, topics: Some(topics.iter().map(|t| Topic::new(t).unwrap()).collect()) }
}

/// Reads all that is asked for.
fn work(readers: &Readers, tick: Tick) {
    while let Some(job) = readers.begin() {
        let fetched = readers.past.fetch(&job.want, UNIX_EPOCH);
        readers.end(job, fetched, tick);
    }
}

#[test]
fn one_read_is_for_all_who_want_the_page() {
    let past = past(4, &["t"; 10]);
    let readers = Readers::new(past.clone());
    let (a, b) = (Desk::new(), Desk::new());
    for desk in [&a, &b] {
        assert!(readers.ask(&all(1), 0, &desk.inbox, 0).is_none());
    }
    let job = readers.begin().unwrap();
    let fetched = past.fetch(&job.want, UNIX_EPOCH);
    // These two come while it is read.
    let c = Desk::new();
    assert!(readers.ask(&all(1), 0, &c.inbox, 0).is_none());
    assert!(readers.ask(&all(2), 0, &c.inbox, 0).is_none());
    readers.end(job, fetched, 0);
    assert_eq!((a.answers(), b.answers()), (vec![(1, vec![1, 2, 3])], vec![(1, vec![1, 2, 3])]));
    assert_eq!(c.answers(), [(1, vec![1, 2, 3]), (2, vec![1, 2, 3])]);
    assert!(readers.begin().is_none());
    assert_eq!(past.take_wants(), [all(1)]);
}

#[test]
fn who_comes_a_moment_later_finds_the_page() {
    let past = past(4, &["t"; 10]);
    let readers = Readers::new(past.clone());
    let desk = Desk::new();
    let find = |want: &Want, tick| readers.ask(want, 0, &desk.inbox, tick).map(|page| offsets(&page));
    assert_eq!(find(&all(1), 0), None);
    work(&readers, 0);
    assert_eq!(find(&all(1), 0), Some(vec![1, 2, 3]));
    assert_eq!(find(&all(3), 20), Some(vec![1, 2, 3]), "in its middle");
    assert_eq!(find(&of(1, &["t"]), 0), None, "it speaks of more");
    assert_eq!(find(&all(4), 0), None, "it ends before");
    assert_eq!(find(&all(2), 21), None, "it has become old");
    work(&readers, 21);
    past.retain(3);
    assert_eq!(find(&all(2), 21), None, "that is not retained any more");
    assert_eq!(find(&all(3), 21), Some(vec![2, 3]));
}

#[test]
fn the_next_page_is_read_before_it_is_asked_for() {
    let past = past(4, &["t"; 20]);
    let readers = Readers::with_limits(past.clone(), 5000, 5000);
    let desk = Desk::new();
    let ask = |from, held| readers.ask(&all(from), held, &desk.inbox, 0).is_some();
    assert!(!ask(1, 4));
    work(&readers, 0);
    assert_eq!(past.take_wants(), [all(1)], "from 4 on it is in memory");
    assert!(ask(1, 20));
    work(&readers, 0);
    assert_eq!(past.take_wants(), [all(4)], "and not the one after it");
    assert!(ask(4, 20));
    // What someone waits for comes first.
    assert!(!ask(16, 20));
    assert_eq!(readers.begin().unwrap().want, all(16));
    let job = readers.begin().unwrap();
    assert_eq!(job.want, all(8));
    // It is asked for while it is read.
    assert!(!ask(8, 20));
    desk.pages();
    readers.end(job, past.fetch(&all(8), UNIX_EPOCH), 0);
    assert_eq!(desk.answers(), [(8, vec![8, 9, 10, 11])]);
    // Now 12 would be next, and after a purge nobody needs it any more.
    let job = readers.begin().unwrap();
    readers.forget();
    readers.end(job, past.fetch(&all(12), UNIX_EPOCH), 0);
    assert!(readers.begin().is_none());
}

#[test]
fn nothing_is_read_ahead_at_the_cost_of_what_someone_waits_for() {
    let past = past(4, &["t"; 20]);
    let readers = Readers::with_limits(past, 1, usize::MAX);
    let desk = Desk::new();
    let ask = |from| readers.ask(&all(from), 20, &desk.inbox, 0).is_some();
    assert!(!ask(1));
    work(&readers, 0);
    assert_eq!(desk.answers(), [(1, vec![1, 2, 3])]);
    assert!(readers.begin().is_none(), "there is no room");
    assert!(!ask(4));
    work(&readers, 0);
    assert_eq!(desk.answers(), [(4, vec![4, 5, 6, 7])]);
}

#[test]
fn what_nobody_waits_for_is_not_read() {
    let past = past(4, &["t"; 10]);
    let readers = Readers::new(past.clone());
    let (a, b) = (Desk::new(), Desk::new());
    for (from, desk) in [(1, &a), (1, &b), (5, &a)] {
        assert!(readers.ask(&all(from), 0, &desk.inbox, 0).is_none());
    }
    readers.cancel(&all(1), &a.inbox);
    readers.cancel(&all(5), &a.inbox);
    readers.cancel(&all(9), &a.inbox);
    assert_eq!(readers.desk().queue, [all(1)]);
    work(&readers, 0);
    assert_eq!((a.answers(), b.answers()), (vec![], vec![(1, vec![1, 2, 3])]));
    assert_eq!(past.take_wants(), [all(1)]);
    // One that is being read is answered to nobody, and kept for who comes then.
    assert!(readers.ask(&all(5), 0, &a.inbox, 0).is_none());
    let job = readers.begin().unwrap();
    readers.cancel(&all(5), &a.inbox);
    readers.end(job, past.fetch(&all(5), UNIX_EPOCH), 0);
    assert_eq!(a.answers(), []);
    assert!(readers.ask(&all(5), 0, &a.inbox, 0).is_some());
    assert!(readers.desk().askers.is_empty());
}

#[test]
fn what_was_read_before_a_purge_is_worthless() {
    let past = past(4, &["t"; 10]);
    let readers = Readers::new(past.clone());
    let desk = Desk::new();
    assert!(readers.ask(&all(1), 0, &desk.inbox, 0).is_none());
    work(&readers, 0);
    let (_, kept) = desk.pages().pop().unwrap();
    assert!(readers.ask(&all(4), 0, &desk.inbox, 0).is_none());
    let job = readers.begin().unwrap();
    let fetched = past.fetch(&job.want, UNIX_EPOCH);
    assert!(readers.is_current(&kept));
    readers.forget();
    assert!(!readers.is_current(&kept));
    readers.end(job, fetched, 0);
    assert_eq!(desk.answers(), [], "it was read too early");
    work(&readers, 0);
    assert_eq!(desk.answers(), [(4, vec![4, 5, 6, 7])]);
    assert!(readers.ask(&all(1), 0, &desk.inbox, 0).is_none(), "the page is not kept");
}

#[test]
fn a_page_counts_until_the_last_who_holds_it_lets_go() {
    let past = past(4, &["t"; 10]);
    let readers = Readers::with_limits(past, 1, usize::MAX);
    let desk = Desk::new();
    assert!(readers.ask(&all(1), 0, &desk.inbox, 0).is_none());
    assert!(readers.budget.has_room(), "one may always be out");
    work(&readers, 0);
    let held = desk.pages();
    assert_eq!(readers.budget.used(), held[0].1.bytes());
    assert!(readers.desk().cache.evict());
    assert!(!readers.budget.has_room() && !readers.desk().cache.evict());
    drop(held);
    assert_eq!(readers.budget.used(), 0);
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_goes_in_the_order_of_use() {
    let past = past(2, &["t"; 20]);
    let desk = Desk::new();
    let kept = |readers: &Readers, from| readers.ask(&all(from), 0, &desk.inbox, 0).is_some();
    let pages = |kept_bytes, wanted: &[Offset]| {
        let readers = Readers::with_limits(past.clone(), usize::MAX, kept_bytes);
        for &from in wanted {
            kept(&readers, from);
            work(&readers, 0);
        }
        desk.pages();
        readers
    };
    let one = pages(usize::MAX, &[2]).budget.used();
    let three = pages(3 * one, &[2, 4, 6, 2, 8]);
    assert_eq!(three.budget.used(), 3 * one);
    assert!(kept(&three, 2) && kept(&three, 6) && kept(&three, 8) && !kept(&three, 4));
}

#[test]
fn threads_go_on_as_pages_are_let_go_of_and_end_when_they_are_told() {
    const PAGES: u64 = 200;
    let past = past(4, &["t"; 4 * PAGES as usize]);
    // With room for one page, and a cache that would keep them all.
    let readers = Readers::with_limits(past, 1, usize::MAX);
    let clock = SystemClock::default();
    let desk = Desk::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| readers.run(&clock))).collect();
        let mut held = vec![];
        for from in (0..PAGES).map(|page| 4 * page) {
            assert!(readers.ask(&all(from.max(1)), 0, &desk.inbox, 0).is_none());
            held.clear();
            let start = Instant::now();
            while held.is_empty() {
                assert!(start.elapsed() < Duration::from_mins(1), "{from} does not come");
                thread::yield_now();
                held = desk.pages();
            }
            assert_eq!(held[0].1.first, from.max(1));
            assert_eq!(readers.budget.used(), held[0].1.bytes());
        }
        // There is no room for this one, and there will be none.
        assert!(readers.ask(&of(1, &["t"]), 0, &desk.inbox, 0).is_none());
        readers.close();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_page_of_everything_ends_where_others_begin() {
    assert_eq!(all(1).end(), PAGE_ITEMS);
    assert_eq!(all(PAGE_ITEMS - 1).end(), PAGE_ITEMS);
    assert_eq!(all(PAGE_ITEMS).end(), 2 * PAGE_ITEMS);
    assert_eq!(all(Offset::MAX).end(), Offset::MAX);
    assert_eq!(of(1, &["t"]).end(), Offset::MAX);
}
