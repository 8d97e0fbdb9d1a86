//! What is past retention is not served from that moment on, and its segments go.

use super::{finding::retention, *};
use crate::disk::sim::{Fault, Operation};

#[test]
fn by_count() {
    let mut bench = Bench::new(Settings { retention: retention(5), ..settings(3) });
    bench.say("a b c d e f g h i j");
    assert_eq!(bench.all(), "!1-5 6:f 7:g 8:h 9:i 10:j");
    assert_eq!(bench.files(".log"), [1, 4, 7, 10]);
    bench.log().do_chores().unwrap();
    assert_eq!((bench.files(".log"), bench.files(".idx")), (vec![4, 7, 10], vec![4, 7]));
    bench.restart();
    assert_eq!(bench.all(), "!1-5 6:f 7:g 8:h 9:i 10:j");
}

#[test]
fn by_bytes_which_are_those_of_the_files() {
    let mut bench = Bench::new(settings(3));
    bench.say("a b c d e f g h");
    let (_, place) = bench.place(1);
    let record = place.len();
    bench.settings.retention.bytes = record * 4;
    bench.restart();
    assert_eq!(bench.all(), "!1-4 5:e 6:f 7:g 8:h");
    bench.settings.retention.bytes = record * 4 - 1;
    bench.restart();
    assert_eq!(bench.all(), "!1-5 6:f 7:g 8:h");
    bench.settings.retention.bytes = 0;
    bench.restart();
    assert_eq!(bench.all(), "!1-8");
}

#[test]
fn by_age_also_where_nothing_is_published_any_more() {
    let age = Some(Duration::from_secs(100));
    let mut bench = Bench::new(Settings { retention: Retention { age, ..retention(1000) }, ..settings(3) });
    for word in ["a", "b", "c", "d", "e"] {
        bench.say(word);
        bench.later(1);
    }
    let all = "1:a 2:b 3:c 4:d 5:e";
    bench.later(94);
    assert_eq!(bench.all(), all);
    bench.later(1);
    assert_eq!(bench.all(), "!1-1 2:b 3:c 4:d 5:e", "from that moment on");
    assert_eq!(bench.resolve(&Bench::id(1, 0)), Found::Lost);
    assert_eq!(bench.log().nothing_expires_for(bench.now), Some(Duration::ZERO));
    bench.log().retain(bench.now);
    assert_eq!(bench.log().nothing_expires_for(bench.now), Some(Duration::from_secs(1)));
    bench.later(2);
    bench.log().retain(bench.now);
    bench.log().do_chores().unwrap();
    assert_eq!((bench.all(), bench.files(".log")), ("!1-3 4:d 5:e".into(), vec![4]));

    bench.later(1000);
    bench.log().retain(bench.now);
    bench.log().roll_if_over();
    bench.log().do_chores().unwrap();
    assert_eq!((bench.all(), bench.files(".log")), ("!1-5".into(), vec![6]));
    bench.log().roll_if_over();
    assert_eq!(bench.files(".log"), [6], "an empty one stays");
    bench.restart();
    bench.say("f");
    assert_eq!(bench.all(), "!1-5 6:f", "offsets go on");
}

#[test]
fn a_segment_does_not_outlive_its_updates_by_much() {
    let age = Some(Duration::from_secs(160));
    let mut bench =
        Bench::new(Settings { retention: Retention { age, ..retention(1000) }, ..settings(1000) });
    for _ in 0..40 {
        bench.say("x");
        bench.later(2);
    }
    assert_eq!(bench.files(".log"), [1, 7, 13, 19, 25, 31, 37], "a sixteenth of the age each");
}

/// As the time of a record is proven before it is believed, one flipped bit does not make others too old.
#[test]
fn damage_makes_nothing_older() {
    let age = Some(Duration::from_secs(1000));
    let mut bench = Bench::new(Settings { retention: Retention { age, ..retention(1000) }, ..settings(100) });
    bench.say("a b c d e f");
    let (name, place) = bench.place(3);
    for byte in 16..24 {
        for bit in 0..8 {
            let bit = (place.start + byte) as u64 * 8 + bit;
            bench.disk.flip_bit(&name, bit);
            assert_eq!(bench.log().earliest(bench.now), 1);
            bench.disk.flip_bit(&name, bit);
        }
    }
    // The first one is not whole: what can be said is said by the others.
    let (name, place) = bench.place(1);
    bench.disk.flip_bit(&name, place.start as u64 * 8 + 8 * 22);
    assert_eq!(bench.read(2, None), "2:b 3:c 4:d 5:e 6:f");
    bench.later(1000);
    assert_eq!(bench.log().earliest(bench.now), 7);
}

#[test]
fn what_was_lost_and_is_past_retention_is_not_remembered() {
    let mut bench = Bench::new(Settings { retention: retention(4), ..settings(2) });
    bench.say("a b c d e");
    bench.damage_record(2);
    assert_eq!(bench.read(2, None), "!2-2 3:c 4:d 5:e");
    bench.log().lose(1..2);
    bench.log().do_chores().unwrap();
    assert_eq!(bench.log().state().manifest.damaged.first(), Some(&(2..3)));
    bench.publish([Submission::new([with_id("x", "f")])]).unwrap();
    bench.say("g h");
    bench.log().do_chores().unwrap();
    assert_eq!(bench.files(".log"), [5, 7]);
    // Nor does it keep the hub from starting; but who bore "x" first is known only when all that was there then is gone.
    for _ in 0..2 {
        assert_eq!(bench.log().state().manifest.damaged, []);
        assert_eq!(bench.resolve("x"), Found::Lost);
        bench.restart();
    }
    bench.publish([Submission::new([with_id("y", "i")])]).unwrap();
    assert_eq!(bench.resolve("y"), Found::At(9));
    bench.say("j k l m");
    bench.log().do_chores().unwrap();
    assert_eq!((bench.files(".log"), bench.resolve("y")), (vec![9, 11, 13], Found::At(9)));
    assert_eq!(bench.log().state().manifest.lost, []);
    bench.restart();
    assert_eq!(bench.resolve("y"), Found::At(9));
}

/// Without room nothing is written, and the log makes room all the same.
#[test]
fn a_full_disk_does_not_keep_what_is_past_retention() {
    let mut bench = Bench::new(Settings { retention: retention(3), ..settings(2) });
    bench.say("a b c d e f g");
    bench.disk.set_room(Some(0));
    let _ = bench.log().do_chores();
    assert_eq!(bench.files(".log"), [5, 7]);
    bench.disk.set_room(None);
    bench.restart();
    assert_eq!(bench.all(), "!1-4 5:e 6:f 7:g");
}

#[test]
fn a_segment_that_cannot_be_removed_is_removed_later() {
    for operation in [Operation::Remove, Operation::Rename, Operation::Sync, Operation::Create] {
        let mut bench = Bench::new(Settings { retention: retention(3), ..settings(2) });
        for ids in [["x", "a"], ["x", "b"], ["x", "c"], ["x", "d"]] {
            bench.publish([Submission::new(ids.map(|id| with_id(id, id)))]).unwrap();
        }
        bench.disk.fail_at_random(operation, Fault::Failing, 1);
        bench.log().do_chores().unwrap_err();
        assert_eq!(bench.all(), "!1-5 6:c 7:x 8:d", "{operation:?}");
        bench.disk.heal();
        bench.log().do_chores().unwrap();
        assert_eq!(bench.files(".log"), [5, 7], "{operation:?}");
        assert_eq!(bench.resolve("x"), Found::Lost);
        bench.restart();
    }
}
