//! What cannot be read any more, and who is told of it.

use super::*;
use crate::{
    Since, UnknownCursor,
    disk::sim::{Fault, Operation},
    history::History,
    ring::Window,
    subscribe::Start,
    subscriber::GapNotice,
};

/// Nothing is lost because one read fails. Who reads gets nowhere, and may come again.
#[test]
fn a_read_that_fails_is_no_loss() {
    let bench = Bench::new(settings(3));
    bench.say("a b c d e");
    bench.disk.fail_at_random(Operation::Read, Fault::Failing, 1);
    for _ in 0..3 {
        assert_eq!(bench.all(), "?1");
        assert_eq!(bench.read(4, Some(&["t"])), "?4");
    }
    bench.disk.heal();
    assert_eq!(bench.all(), "1:a 2:b 3:c 4:d 5:e");
}

/// But a disk that never reads must not keep anybody from what comes after.
#[test]
fn what_can_never_be_read_is_told_as_lost_in_the_end() {
    let bench = Bench::new(settings(3));
    bench.say("a b c d e");
    bench.disk.fail_at_random(Operation::Read, Fault::Failing, 1);
    let tries = (0..20).take_while(|_| bench.read(2, None) == "?2").count();
    assert!((3..20).contains(&tries), "{tries}");
    bench.disk.heal();
    assert_eq!(bench.all(), "1:a !2-3 4:d 5:e");
}

fn starts(bench: &mut Bench, since: &Since, gap_events: bool) -> Start {
    let log = Arc::new(bench.log.take().unwrap());
    let history = History::logged(log, None, Window::default());
    let start = Start::find(&history, since, UnknownCursor::Replay, gap_events, bench.now);
    drop(history);
    bench.open().unwrap();
    start
}

/// One who is told by the answer alone would be closed at the loss each time it came back, if the answer did not tell.
#[test]
fn the_answer_tells_of_a_loss_further_on() {
    let mut bench = Bench::new(settings(5));
    bench.say("a b c d e f g h");
    bench.log().lose(4..6);
    let at = |start: &Start| (start.next, start.told_until, start.after.as_deref().map(str::to_owned));
    let since = |offset| Since::Id(Bench::id(1, offset));
    bench.log().store_manifest().unwrap();

    assert_eq!(at(&starts(&mut bench, &since(1), false)), (2, 6, Some(Bench::id(1, 5))));
    // Inside the stream it is told where it is.
    assert_eq!(at(&starts(&mut bench, &since(1), true)), (2, 6, Some(Bench::id(1, 1))));
    // At the place itself.
    let start = starts(&mut bench, &since(3), false);
    assert_eq!(at(&start), (6, 6, Some(Bench::id(1, 5))));
    let start = starts(&mut bench, &since(3), true);
    assert_eq!(at(&start), (6, 6, Some(Bench::id(1, 5))));
    assert!(matches!(&start.gap, GapNotice::EventAfter(from) if **from == *Bench::id(1, 3)), "{start:?}");
    // Behind it there is nothing to tell.
    assert_eq!(at(&starts(&mut bench, &since(6), false)), (7, 7, Some(Bench::id(1, 6))));
    assert_eq!(at(&starts(&mut bench, &Since::Earliest, false)), (1, 6, Some("earliest".into())));
    assert_eq!(starts(&mut bench, &Since::Now, false).after, None);
}
