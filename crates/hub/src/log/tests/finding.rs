//! Cursors, chosen ids and keys.

use super::*;

fn id_of(found: Found) -> Option<Offset> {
    match found {
        Found::At(offset) => Some(offset),
        Found::Lost => None,
    }
}

#[test]
fn a_generated_id_is_good_as_far_as_its_epoch_reached() {
    let mut bench = Bench::new(settings(3));
    bench.say("a b c d");
    let at = |bench: &Bench, epoch, offset| id_of(bench.resolve(&Bench::id(epoch, offset)));
    assert_eq!([0, 1, 4, 5].map(|o| at(&bench, 1, o)), [Some(0), Some(1), Some(4), None]);
    assert_eq!(at(&bench, 2, 1), None, "an epoch that never was");

    bench.restart();
    bench.say("e");
    assert_eq!([4, 5, 6].map(|o| at(&bench, 1, o)), [Some(4), Some(5), None], "a clean stop: the same epoch");

    bench.fall(bench.disk.kill());
    bench.open().unwrap();
    bench.say("f");
    assert_eq!([5, 6].map(|o| at(&bench, 1, o)), [Some(5), None]);
    assert_eq!([5, 6, 7].map(|o| at(&bench, 3, o)), [Some(5), Some(6), None]);
    assert_eq!(bench.log().cursor(5).to_string(), Bench::id(1, 5));
    assert_eq!(bench.log().cursor(6).to_string(), Bench::id(3, 6));
}

#[test]
fn a_chosen_id_means_its_first_update_as_long_as_that_is_held() {
    let mut bench = Bench::new(Settings { retention: retention(4), ..settings(2) });
    for id in ["x", "y", "x", "z"] {
        bench.publish([Submission::new([with_id(id, id)])]).unwrap();
    }
    let at = |bench: &Bench, id| id_of(bench.resolve(id));
    assert_eq!(
        ["x", "y", "z", "t", "never", ""].map(|id| at(&bench, id)),
        [Some(1), Some(2), Some(4), None, None, None]
    );
    bench.say("e");
    assert_eq!(at(&bench, "x"), Some(1), "2 is held, so nothing is missing");
    bench.say("f");
    assert_eq!(["x", "y"].map(|id| at(&bench, id)), [None, Some(2)]);
    // The segment of the first bearer is gone; the third update is none to go on from with "x".
    for _ in 0..2 {
        bench.log().do_chores().unwrap();
        assert_eq!(bench.files(".log"), [3, 5]);
        assert_eq!(["x", "y", "z"].map(|id| at(&bench, id)), [None, None, Some(4)]);
        bench.restart();
    }
    assert_eq!(bench.log().state().manifest.forgotten.len(), 1);
    // When nothing bears it any more, it can be used again.
    bench.say("g h i j");
    bench.log().do_chores().unwrap();
    bench.say("k l");
    bench.log().do_chores().unwrap();
    assert_eq!(bench.log().state().manifest.forgotten, []);
    bench.publish([Submission::new([with_id("x", "x")])]).unwrap();
    assert_eq!(at(&bench, "x"), Some(13));
}

/// Should a power cut bring back the second of three segments, but not the first, the one in the third must not seem to
/// be the first.
#[test]
fn an_id_is_not_forgotten_to_be_forgotten_before_its_bearer_is_surely_gone() {
    for seed in 0..50 {
        let mut bench = Bench::on(SimDisk::new(seed), Settings { retention: retention(2), ..settings(2) });
        for ids in [["x", "a"], ["b", "x"], ["c", "d"]] {
            bench.publish([Submission::new(ids.map(|id| with_id(id, id)))]).unwrap();
        }
        bench.log().do_chores().unwrap();
        bench.fall(bench.disk.crash());
        bench.open().unwrap();
        assert_eq!(bench.resolve("x"), Found::Lost, "seed {seed}: {:?}", bench.files(".log"));
    }
}

#[test]
fn a_key_is_found_with_the_ids_of_its_whole_submission() {
    let mut bench = Bench::new(Settings { retention: retention(6), ..settings(2) });
    let three = [update(&["t"], "1"), with_id("mine", "2"), update(&["t"], "3")];
    bench.publish([Submission::new(three).with_key(key("k", 7))]).unwrap();
    bench.say("a b");
    let find = |bench: &Bench, name| {
        let kept = bench.log().find_key(&key(name, 0).name, bench.now).unwrap()?;
        Some((
            kept.fingerprint,
            kept.ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>(),
            kept.last,
        ))
    };
    for _ in 0..3 {
        let ids = vec![Bench::id(1, 1), "mine".into(), Bench::id(1, 3)];
        assert_eq!(find(&bench, "k"), Some((7, ids, 3)));
        assert_eq!(find(&bench, "l"), None);
        bench.log().do_chores().unwrap();
        bench.restart();
    }
    bench.say("c d e");
    assert!(find(&bench, "k").is_some(), "the last one of it is retained");
    bench.say("f");
    assert_eq!(find(&bench, "k"), None);
    // The same key again is another one.
    bench.publish([words("g").with_key(key("k", 8))]).unwrap();
    assert_eq!(find(&bench, "k").unwrap().0, 8);
    bench.fall(bench.disk.crash());
    bench.open().unwrap();
    assert_eq!(find(&bench, "k").unwrap().0, 8);
}

#[test]
fn what_bears_a_topic_is_counted() {
    let mut bench = Bench::new(Settings { retention: retention(5), ..settings(2) });
    for topics in [&["a"][..], &["a", "b"], &["b"], &["b", "a"], &["a"], &["c"]] {
        bench.publish([Submission::new([update(topics, "x")])]).unwrap();
    }
    let count = |bench: &Bench| ["a", "b", "c", "d"].map(|t| bench.log().count(t, bench.now).unwrap());
    assert_eq!(count(&bench), [3, 3, 1, 0]);
    bench.restart();
    assert_eq!(count(&bench), [3, 3, 1, 0]);
}

pub(super) fn retention(count: u64) -> Retention {
    Retention { count, bytes: 1 << 30, age: None }
}
