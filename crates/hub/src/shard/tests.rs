mod past;
mod sockets;

use std::{sync::atomic::Ordering, time::UNIX_EPOCH};

use super::*;
use crate::{
    Framing, Retention, Selector, SlowReader, Submission, Topic, Update,
    cursor::Epoch,
    filter::Filter,
    pipe::Pipe,
    ring::Window,
    sequencer::Sequencer,
    subscriber::{Counts, Seat},
};

const NOW: Now = Now { tick: 0, wall: UNIX_EPOCH };

struct Bench {
    sequencer: Sequencer,
    shard: Shard,
    history: Arc<History>,
}

impl Bench {
    fn new(portions: Portions) -> Self {
        let history = Arc::new(History::memory(Epoch::from_bits(0), Retention::default(), Window::default()));
        let rules = Rules {
            heartbeat: None,
            write_timeout: Duration::from_secs(30),
            slow_reader: SlowReader::CatchUp,
            portions,
        };
        Self {
            sequencer: Sequencer::new(history.clone()),
            shard: Shard::new(history.clone(), None, &rules, NOW),
            history,
        }
    }

    fn publish(&mut self, topics: impl IntoIterator<Item = String>) {
        let updates = topics.into_iter().map(|t| Update::new(Topic::new(t).unwrap(), "x"));
        self.sequencer.commit([Submission::new(updates)], NOW.wall);
    }

    fn attach(&mut self, selectors: &[&str], next: Offset) -> Pipe {
        let pipe = Pipe::default();
        pipe.add_room(usize::MAX);
        let filter = Filter { selectors: selectors.iter().map(|s| Selector::new(*s)).collect(), grant: None };
        let counts = Arc::<Counts>::default();
        counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { counts, selector_bytes: 0, shard: None };
        let sink = Sink::Pipe(pipe.clone(), Framing::Bare);
        self.shard.attach(
            Subscriber::new(sink, filter, next, GapNotice::End, crate::told::Include::default(), None, seat),
            NOW,
        );
        pipe
    }
}

fn events(pipe: &Pipe) -> usize {
    pipe.take_written().windows(2).filter(|w| w == b"\n\n").count()
}

#[test]
fn who_is_behind_gets_there_also_while_the_stream_moves_on() {
    let mut bench = Bench::new(Portions::default());
    bench.attach(&["other"], 1);
    let first = bench.shard.portions.pass_items;
    bench.publish((0..20 * first).map(|_| "t".to_owned()));
    bench.shard.position = bench.history.next();
    let behind: Vec<_> = (0..100).map(|_| bench.attach(&["t"], 1)).collect();
    let mut turns = 0;
    while bench.shard.has_readers() {
        // As much comes as one pass takes.
        bench.publish((0..first).map(|_| "t".to_owned()));
        bench.shard.pass(NOW);
        bench.shard.catch_up(NOW);
        turns += 1;
        assert!(turns < 200, "they never get there");
    }
    let all = bench.history.next() as usize - 1;
    for pipe in behind {
        assert_eq!(events(&pipe), all);
    }
}

#[test]
fn a_turn_is_short_however_many_selectors_catch_up() {
    let portions = Portions { catch_up: 1000, ..Portions::default() };
    let mut bench = Bench::new(portions);
    bench.attach(&["other"], 1);
    bench.publish((0..1000).map(|i| format!("t/{i}")));
    bench.shard.pass(NOW);
    // A hundred selectors each: ten updates are a portion of work.
    let texts: Vec<_> = (0..100).map(|i| format!("u{i}/{{x}}")).collect();
    let selectors: Vec<_> = texts.iter().map(String::as_str).collect();
    for _ in 0..20 {
        bench.attach(&selectors, 1);
    }
    // The live stream rests; while it moves on, a turn may take longer, but not without end.
    bench.shard.passed = 0;
    bench.shard.catch_up(NOW);
    let done: u64 = bench.shard.subscribers.iter().skip(1).map(|(_, s)| s.next - 1).sum();
    assert!((1..=11).contains(&done), "{done} updates were looked at");
}

#[test]
fn a_pass_in_which_each_gets_a_list_of_its_own_takes_fewer_updates() {
    let mut bench = Bench::new(Portions { lists: 50, ..Portions::default() });
    let pipes: Vec<_> = (0..20).map(|i| bench.attach(&["all", &format!("own/{i}")], 1)).collect();
    bench.publish((0..20).map(|i| format!("own/{i}")).chain((0..30).map(|_| "all".to_owned())));
    bench.shard.pass(NOW);
    assert!(bench.shard.passed < 50);
    while bench.shard.has_news() {
        bench.shard.pass(NOW);
    }
    for pipe in pipes {
        assert_eq!(events(&pipe), 31);
    }
}

#[test]
fn the_first_subscriber_after_a_pause_is_at_the_head() {
    let mut bench = Bench::new(Portions::default());
    bench.publish((0..10).map(|_| "t".to_owned()));
    let pipe = bench.attach(&["t"], bench.history.next());
    assert!(!bench.shard.has_news() && !bench.shard.has_readers());
    bench.publish(["t".to_owned()]);
    bench.shard.pass(NOW);
    assert_eq!(events(&pipe), 1);
}
