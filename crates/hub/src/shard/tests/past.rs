//! What a shard does with those who need what is not in memory.

use mio::{Poll, Token, Waker};

use super::*;
use crate::{
    history::Read,
    inbox::{Command, Inbox},
    readers::{Past, Readers, Want, fake::FakePast},
};

/// A shard whose memory holds the newest batch only, and what lies before it.
struct Bench {
    sequencer: Sequencer,
    shard: Shard,
    history: Arc<History>,
    past: Arc<FakePast>,
    readers: Arc<Readers>,
    inbox: Arc<Inbox>,
    _poll: Poll,
    now: Now,
}

impl Bench {
    fn new(slow_reader: SlowReader) -> Self {
        Self::with(slow_reader, Portions::default())
    }

    fn with(slow_reader: SlowReader, portions: Portions) -> Self {
        let past = Arc::new(FakePast::new(16));
        let window = Window { count: 0, bytes: 0 };
        let history = Arc::new(History::window(Epoch::from_bits(0), 1, None, window, past.clone()));
        let readers = Arc::new(Readers::new(past.clone()));
        let poll = Poll::new().unwrap();
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap()));
        let rules = Rules {
            heartbeat: Some(Duration::from_secs(1)),
            write_timeout: Duration::from_secs(30),
            slow_reader,
            portions,
        };
        let orders = Orders::new(readers.clone(), inbox.clone());
        let mut shard = Shard::new(history.clone(), Some(orders), &rules, NOW);
        shard.tick(NOW);
        Self {
            sequencer: Sequencer::new(history.clone()),
            shard,
            history,
            past,
            readers,
            inbox,
            _poll: poll,
            now: NOW,
        }
    }

    /// Publishes one batch.
    fn publish(&mut self, topics: &[&str]) {
        let before = self.history.next();
        let updates = topics.iter().map(|t| Update::new(Topic::new(t).unwrap(), "x"));
        self.sequencer.commit([Submission::new(updates)], self.now.wall);
        let mut batch = vec![];
        let all = self.history.read(before, Offset::MAX, usize::MAX, usize::MAX, self.now.wall, &mut batch);
        assert_eq!(all, Read::Upto(self.history.next()));
        self.past.append(batch);
    }

    fn attach(&mut self, selector: &str, next: Offset, gap: GapNotice) -> Pipe {
        self.attach_with(selector, next, gap, crate::told::Include::default())
    }

    fn attach_with(
        &mut self,
        selector: &str,
        next: Offset,
        gap: GapNotice,
        include: crate::told::Include,
    ) -> Pipe {
        let pipe = Pipe::default();
        pipe.add_room(usize::MAX);
        let filter = Filter { selectors: [Selector::new(selector)].into(), grant: None };
        let counts = Arc::<Counts>::default();
        counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { counts, selector_bytes: 0, shard: None };
        let sink = Sink::Pipe(pipe.clone(), Framing::Bare);
        self.shard.attach(Subscriber::new(sink, filter, next, gap, include, None, seat), self.now);
        pipe
    }

    fn turn(&mut self) {
        self.commands();
        self.shard.pass(self.now);
        self.shard.catch_up(self.now);
        self.shard.tick(self.now);
    }

    fn commands(&mut self) {
        let mut commands = vec![];
        self.inbox.take(&mut commands);
        for command in commands {
            match command {
                Command::Page { want, page } => self.shard.arrived(&want, &page),
                other => panic!("nobody sends {other:?}"),
            }
        }
    }

    /// Reads what is asked for.
    fn read(&mut self) {
        while self.read_one() {}
    }

    fn read_one(&mut self) -> bool {
        let Some(job) = self.readers.begin() else { return false };
        let fetched = self.past.fetch(&job.want, self.now.wall);
        self.readers.end(job, fetched, self.now.tick);
        true
    }

    /// Until nobody has anything to do.
    fn settle(&mut self) {
        self.turn();
        self.read();
        while !self.inbox.is_empty() || self.shard.has_readers() || self.shard.has_news() {
            self.turn();
            self.read();
        }
    }

    fn wait(&mut self, ticks: Tick) {
        self.now.tick += ticks;
        self.shard.tick(self.now);
    }
}

fn wants(bench: &Bench) -> Vec<(Offset, bool)> {
    bench.past.take_wants().into_iter().map(|Want { from, topics }| (from, topics.is_some())).collect()
}

#[test]
fn all_who_start_at_the_same_place_read_each_page_once_and_cost_nothing_while_they_wait() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    for _ in 0..4 {
        bench.publish(&["t"; 10]);
    }
    let pipes: Vec<_> = (0..50).map(|_| bench.attach("*", 1, GapNotice::End)).collect();
    bench.turn();
    assert!(!bench.shard.has_readers(), "all wait");
    bench.settle();
    for pipe in &pipes {
        assert_eq!(events(pipe), 40);
    }
    // From 31 on it is in memory; the pages end at multiples of 16.
    assert_eq!(wants(&bench), [(1, false), (16, false)]);
    // Now all are live.
    bench.publish(&["t"]);
    bench.shard.pass(bench.now);
    assert!(pipes.iter().all(|pipe| events(pipe) == 1));
}

#[test]
fn exact_topics_are_looked_up_and_others_are_looked_for() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    for _ in 0..10 {
        bench.publish(&["a", "b", "a", "a"]);
    }
    let exact = bench.attach("b", 1, GapNotice::End);
    bench.settle();
    assert_eq!((events(&exact), wants(&bench)), (10, vec![(1, true)]));
    let template = bench.attach("{+x}", 1, GapNotice::End);
    bench.settle();
    assert_eq!((events(&template), wants(&bench).len()), (40, 3));
}

#[test]
fn one_that_waits_for_a_page_gets_heartbeats() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    bench.publish(&["t"]);
    bench.publish(&["t"]);
    let pipe = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    bench.wait(19);
    assert_eq!(pipe.take_written(), b"");
    bench.wait(1);
    assert_eq!(pipe.take_written(), b":\n");
    bench.wait(20);
    assert_eq!(pipe.take_written(), b":\n");
    bench.settle();
    assert_eq!(events(&pipe), 2);
}

#[test]
fn a_heartbeat_within_a_replay_tells_how_far_it_is_and_not_that_it_has_ended() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    for _ in 0..4 {
        bench.publish(&["t"; 10]);
    }
    let include = crate::told::Include { cursor: true, ..Default::default() };
    let pipe = bench.attach_with("{x}/none", 1, GapNotice::End, include);
    let written = || String::from_utf8(pipe.take_written()).unwrap();
    bench.turn();
    let opening = written();
    assert!(opening.contains("\ncursor: "), "{opening:?}");
    assert!(bench.read_one());
    bench.turn();
    assert_eq!(written(), "");
    bench.wait(20);
    let beat = written();
    assert!(beat.starts_with("id: #") && beat.ends_with("\n\n") && !beat.contains("cursor"), "{beat:?}");
    bench.settle();
    let end = written();
    assert!(end.ends_with("-40\n\n") && end.contains("\ncursor: "), "{end:?}");
}

#[test]
fn one_that_is_gone_or_cannot_be_written_waits_for_no_page() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    bench.publish(&["t"]);
    bench.publish(&["t"]);
    let gone = bench.attach("*", 1, GapNotice::End);
    let full = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    gone.break_off();
    bench.shard.readable(0);
    assert!(gone.is_closed());
    // It takes half a heartbeat.
    full.leave_room(1);
    bench.wait(20);
    assert!(full.is_full());
    assert!(bench.readers.begin().is_none(), "nobody waits");
    full.add_room(1 << 20);
    bench.shard.writable(1, bench.now);
    bench.settle();
    let written = full.take_written();
    assert!(written.starts_with(b":\nid: "), "{}", String::from_utf8_lossy(&written));
    assert_eq!(written.windows(2).filter(|w| w == b"\n\n").count(), 2);
}

#[test]
fn who_is_lapped_goes_on_from_the_past_or_is_closed_as_the_rule_says() {
    for (rule, expected) in [(SlowReader::CatchUp, 22), (SlowReader::Close, 1)] {
        let mut bench = Bench::new(rule);
        let pipe = bench.attach("*", 1, GapNotice::End);
        bench.turn();
        bench.publish(&["t"]);
        bench.turn();
        // The shard looks only after the second batch, when memory holds that alone.
        bench.publish(&["t"; 20]);
        bench.publish(&["t"]);
        // One who comes back is not slow.
        let late = bench.attach("*", 1, GapNotice::End);
        bench.settle();
        assert_eq!((events(&pipe), events(&late)), (expected, 22));
        assert_eq!(pipe.end(), (rule == SlowReader::Close).then_some(End::Lagged));
        assert!(!late.is_closed());
    }
}

#[test]
fn a_page_of_before_a_purge_is_not_handed_out() {
    let mut bench = Bench::new(SlowReader::CatchUp);
    bench.publish(&["t"; 4]);
    bench.publish(&["t"]);
    let pipe = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    bench.read();
    assert!(!bench.inbox.is_empty(), "it is on its way");
    bench.readers.forget();
    bench.turn();
    assert_eq!(pipe.take_written(), b"");
    bench.settle();
    assert_eq!((events(&pipe), wants(&bench).len()), (5, 2));
}

#[test]
fn nor_is_the_rest_of_one_that_was_begun_before() {
    let mut bench = Bench::with(SlowReader::CatchUp, Portions { catch_up: 3, ..Portions::default() });
    bench.publish(&["t"; 10]);
    bench.publish(&["t"]);
    let pipe = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    bench.read();
    bench.turn();
    let begun = events(&pipe);
    assert!((1..10).contains(&begun), "{begun}");
    bench.readers.forget();
    bench.settle();
    assert_eq!(begun + events(&pipe), 11);
    assert_eq!(wants(&bench), [(1, false), (begun as Offset + 1, false)]);
}

#[test]
fn who_is_blocked_or_live_holds_no_page() {
    let mut bench = Bench::with(SlowReader::CatchUp, Portions { catch_up: 3, ..Portions::default() });
    bench.publish(&["t"; 10]);
    bench.publish(&["t"]);
    let blocked = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    blocked.leave_room(60);
    bench.read();
    bench.turn();
    assert!(blocked.is_full());
    // Readers keep it themselves, until now.
    assert!(bench.readers.used() > 0);
    bench.readers.forget();
    assert_eq!(bench.readers.used(), 0);
    // This one goes live in the middle of a page: the shard has not come to its end.
    let live = bench.attach("*", 1, GapNotice::End);
    bench.turn();
    bench.read();
    bench.commands();
    bench.shard.position = 7;
    for _ in 0..3 {
        bench.shard.catch_up(bench.now);
    }
    assert_eq!((events(&live), bench.shard.subscribers[1].state), (6, State::Live));
    bench.readers.forget();
    assert_eq!(bench.readers.used(), 0);
}

#[test]
fn what_is_lost_is_told_wherever_it_is_found() {
    for (gap, end) in [(GapNotice::Event, None), (GapNotice::End, Some(End::Gap))] {
        let told = matches!(gap, GapNotice::Event);
        let mut bench = Bench::new(SlowReader::CatchUp);
        for _ in 0..3 {
            bench.publish(&["t"; 20]);
        }
        let pipe = bench.attach("*", 1, gap);
        bench.turn();
        bench.read_one();
        bench.turn();
        assert_eq!(events(&pipe), 15, "the first page");
        bench.past.retain(31);
        bench.settle();
        let text = String::from_utf8(pipe.take_written()).unwrap();
        let gap = "event: headwater:gap\nid: #000000000000-30\n\
            data: {\"from\":\"#000000000000-15\",\"to\":\"#000000000000-31\"}\n\nid: #000000000000-31\n";
        assert_eq!((pipe.end(), text.contains(gap)), (end, told), "{text}");
        assert_eq!(text.matches("data: x\n").count(), if told { 30 } else { 0 });
    }
}
