//! The disk fails while the log runs: nothing is acknowledged that is not there, and it goes on when the disk does.

use super::*;
use crate::disk::sim::{Fault, Operation};

fn every_second(segment_count: u64) -> Settings {
    Settings { sync: SyncPolicy::Every(Duration::from_secs(1)), ..settings(segment_count) }
}

/// Each operation of an append that rolls fails, once: the batch is refused and nothing of it is seen, and the next one
/// is taken and survives a power cut.
#[test]
fn what_was_refused_is_not_there_and_the_next_is() {
    for fault in [Fault::Failing, Fault::Full, Fault::ReadOnly] {
        for operations in 0..100 {
            for seed in 0..4 {
                let mut bench = Bench::on(SimDisk::new(seed), settings(2));
                bench.say("a b");
                bench.disk.fail(None, operations, fault);
                let refused = bench.publish([words("c c c"), words("c")]).is_err();
                if !refused {
                    bench.disk.heal();
                }
                let before = if refused { "1:a 2:b" } else { "1:a 2:b 3:c 4:c 5:c 6:c" };
                assert_eq!(bench.all(), before);
                assert_eq!(bench.of(&["t"]), before);
                bench.say("d e f");
                let after = bench.all();
                assert_eq!(after.matches(':').count(), before.matches(':').count() + 3);
                for disk in [bench.disk.crash(), bench.disk.kill()] {
                    let mut bench =
                        Bench { disk, log: None, settings: settings(2), now: bench.now, starts: 9 };
                    bench.open().unwrap_or_else(|e| panic!("{fault:?}, {operations}, {seed}: {e:?}"));
                    assert_eq!(bench.all(), after, "{fault:?}, {operations}, {seed}");
                }
                bench.restart();
                assert_eq!(bench.all(), after);
                if !refused {
                    return assert!(operations > 4);
                }
            }
        }
    }
}

/// A large batch would have begun a new segment, which failed half way; a small one would still fit into the old one.
#[test]
fn a_segment_that_was_begun_is_the_next_one_written() {
    for operations in 0..20 {
        let mut bench = Bench::new(Settings { segment_bytes: 400, ..settings(100) });
        bench.say("a b");
        bench.disk.fail(None, operations, Fault::Failing);
        let large = Submission::new([update(&["t"], &"x".repeat(300))]);
        if bench.publish([large]).is_ok() {
            return assert!(operations > 4);
        }
        bench.say("c");
        bench.fall(bench.disk.crash());
        bench.open().unwrap_or_else(|error| panic!("{operations}: {error:?}"));
        assert_eq!(bench.all(), "1:a 2:b 3:c");
    }
    panic!("it never succeeds");
}

#[test]
fn who_retries_after_a_failed_write_publishes_once() {
    let mut bench = Bench::new(settings(100));
    bench.disk.fail(Operation::Sync, 0, Fault::Failing);
    let keyed = || words("a b").with_key(key("k", 1));
    bench.publish([keyed()]).unwrap_err();
    let found = |bench: &Bench| bench.log().find_key(&key("k", 1).name, bench.now).unwrap().is_some();
    assert!(!found(&bench));
    bench.publish([keyed()]).unwrap();
    assert!(found(&bench));
    assert_eq!(bench.all(), "1:a 2:b");
    bench.restart();
    assert!(found(&bench));
}

#[test]
fn when_there_is_room_again_it_goes_on() {
    let mut bench = Bench::new(settings(3));
    bench.say("a b");
    bench.disk.set_room(Some(bench.disk.files().values().map(|b| b.len() as u64).sum::<u64>() + 20));
    for _ in 0..3 {
        bench.publish([words("c")]).unwrap_err();
        assert_eq!(bench.all(), "1:a 2:b");
    }
    bench.disk.set_room(None);
    bench.say("d e f");
    assert_eq!(bench.all(), "1:a 2:b 3:d 4:e 5:f");
    bench.restart();
    assert_eq!(bench.all(), "1:a 2:b 3:d 4:e 5:f");
    bench.disk.set_read_only(true);
    bench.publish([words("g")]).unwrap_err();
    bench.disk.set_read_only(false);
    bench.say("h");
    bench.fall(bench.disk.crash());
    bench.open().unwrap();
    assert_eq!(bench.all(), "1:a 2:b 3:d 4:e 5:f 6:h");
}

/// Where not each commit is synced, a failed sync may lose what was acknowledged: that is told, and lasts.
#[test]
fn what_a_failed_sync_has_lost_is_told() {
    let mut lost = 0;
    for seed in 0..100 {
        let mut bench = Bench::on(SimDisk::new(seed), every_second(100));
        bench.say("a b");
        bench.log().sync().unwrap();
        let data = "x".repeat(700);
        for _ in 0..5 {
            bench.publish([Submission::new([update(&["t"], &data)])]).unwrap();
        }
        bench.disk.fail(Operation::Sync, 0, Fault::Failing);
        bench.log().sync().unwrap_err();
        bench.say("y");
        bench.log().sync().unwrap();
        let all = bench.all().replace(&data, "x");
        assert!(all.starts_with("1:a 2:b ") && all.ends_with(" 8:y"), "{all}");
        lost += u32::from(all.contains('!'));
        for disk in [bench.disk.crash(), bench.disk.kill()] {
            let mut bench = Bench { disk, log: None, settings: every_second(100), now: bench.now, starts: 9 };
            bench.open().unwrap_or_else(|error| panic!("{seed}: {error:?}"));
            assert_eq!(bench.all().replace(&data, "x"), all, "seed {seed}");
        }
        bench.restart();
        assert_eq!(bench.all().replace(&data, "x"), all, "seed {seed}");
        assert_eq!(bench.log().epoch(), Epoch::from_bits(1), "each loss is told, so cursors stay good");
    }
    assert!((10..95).contains(&lost), "{lost} of 100 lose something");
}

/// The retention of what is old goes on while the disk fails, and must not begin a segment twice.
#[test]
fn a_roll_after_a_failed_sync_is_one_roll() {
    let age = Some(Duration::from_secs(10));
    let mut settings = settings(100);
    settings.retention.age = age;
    let mut bench = Bench::new(settings);
    bench.say("a b");
    bench.disk.fail(Operation::Sync, 0, Fault::Failing);
    bench.publish([words("c")]).unwrap_err();
    bench.later(11);
    bench.log().retain(bench.now);
    bench.log().roll_if_over();
    bench.log().do_chores().unwrap();
    assert_eq!(bench.files(".log"), [3]);
    bench.say("d");
    assert_eq!(bench.all(), "!1-2 3:d");
    bench.fall(bench.disk.crash());
    bench.open().unwrap();
    assert_eq!(bench.all(), "!1-2 3:d");
}

/// A batch whose sync failed is whole in memory and not on the disk. A process that starts now must not believe it.
#[test]
fn what_is_only_cached_is_no_history() {
    let mut kept = 0;
    for seed in 0..40 {
        for fails in [false, true] {
            let mut bench = Bench::on(SimDisk::new(seed), every_second(100));
            bench.say("a b");
            if fails {
                bench.disk.fail(Operation::Sync, 0, Fault::Failing);
                bench.log().sync().unwrap_err();
            }
            bench.fall(bench.disk.kill());
            bench.open().unwrap();
            let all = bench.all();
            kept += usize::from(all == "1:a 2:b");
            // What it serves is there for good.
            bench.fall(bench.disk.crash());
            bench.open().unwrap_or_else(|error| panic!("{seed}: {error:?}"));
            assert_eq!(bench.all(), all, "seed {seed}");
            bench.say("c");
        }
    }
    assert!(kept >= 40, "after a death alone all is there");
}

#[test]
fn a_directory_that_is_gone_is_told() {
    let mut bench = Bench::new(settings(2));
    bench.say("a b c");
    bench.disk.remove_directory();
    for _ in 0..3 {
        let error = bench.publish([words("d")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
    assert_eq!(bench.all(), "1:a 2:b 3:c", "what is open can still be read");
    bench.stop();
}
