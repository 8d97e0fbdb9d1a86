//! A purged topic: served no more from the answer on, and gone from the disk soon after.

use super::*;
use crate::disk::sim::{Fault, Operation};

const SECRET: &str = "what-someone-wants-forgotten";

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

/// Updates of three segments, some of which bear the secret.
fn secrets(disk: SimDisk, settings: Settings) -> Bench {
    let bench = Bench::on(disk, settings);
    for topics in [&["a"][..], &["me"], &["a", "me"], &["a"], &["me", "a"], &["me"], &["a"], &["b"]] {
        let data = if topics.contains(&"me") { SECRET } else { "x" };
        bench.publish([Submission::new([update(topics, data)])]).unwrap();
    }
    bench
}

fn holds_secret(disk: &SimDisk) -> bool {
    let secret = SECRET.as_bytes();
    disk.files().values().any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
}

const LEFT: &str = "1:x 4:x 7:x 8:x";

#[test]
fn it_is_served_no_more_and_then_overwritten() {
    let mut bench = secrets(SimDisk::new(1), settings(3));
    bench.log().purge(&topic("me")).unwrap();
    bench.publish([Submission::new([update(&["me"], "new")])]).unwrap();
    for round in 0..4 {
        assert_eq!(bench.all(), format!("{LEFT} 9:new"), "round {round}");
        assert_eq!(bench.of(&["me"]), "9:new");
        assert_eq!(bench.of(&["a"]), "1:x 4:x 7:x");
        assert_eq!(holds_secret(&bench.disk), round < 2);
        assert_eq!(bench.resolve(&Bench::id(1, 3)), Found::At(3));
        match round {
            1 => bench.log().do_chores().unwrap(),
            _ => bench.restart(),
        }
    }
    assert_eq!(bench.log().state().manifest.purges, []);
    assert!(!bench.disk.files().contains_key("purging"));
}

#[test]
fn it_takes_ids_and_keys_along() {
    let mut bench = Bench::new(settings(100));
    let personal =
        |id, topic: &str| Update { topics: vec![Topic::new(topic).unwrap()], ..with_id(id, SECRET) };
    bench
        .publish([Submission::new([personal("x", "me")]), Submission::new([personal("only", "me")])])
        .unwrap();
    let keyed = Submission::new([update(&["t"], "a"), update(&["me"], SECRET), update(&["t"], "b")]);
    bench.publish([keyed.with_key(key("k", 1)), Submission::new([personal("x", "t")])]).unwrap();
    bench.log().purge(&topic("me")).unwrap();
    bench.log().do_chores().unwrap();
    for _ in 0..2 {
        // Who has seen the first "x" has not seen what came before the second.
        assert_eq!(bench.resolve("x"), Found::Lost);
        assert_eq!(bench.resolve("only"), Found::Lost);
        let kept = bench.log().find_key(&key("k", 1).name, bench.now).unwrap().unwrap();
        let ids: Vec<_> = kept.ids.iter().map(EventId::as_str).collect();
        assert_eq!(ids, [3, 4, 5].map(|offset| Bench::id(1, offset)), "what is left of it holds the key");
        bench.restart();
    }
}

/// The power goes at each operation of a purge, in turn.
#[test]
fn a_crash_in_the_middle_leaves_no_record_that_is_half_of_each() {
    for policy in [SyncPolicy::Commit, SyncPolicy::Every(Duration::from_secs(1))] {
        let settings = Settings { sync: policy, ..settings(3) };
        let mut ended = false;
        for operations in 0..500 {
            for seed in 0..4 {
                let mut bench = secrets(SimDisk::new(seed), settings.clone());
                // Not a matter of the purge.
                bench.log().sync().unwrap();
                let _ = bench.log().do_chores();
                bench.disk.cut_power_after(operations);
                let purged = bench.log().purge(&topic("me"));
                ended = bench.log().do_chores().is_ok();
                bench.fall(bench.disk.crash());
                bench.open().unwrap_or_else(|e| panic!("{operations} operations, seed {seed}: {e:?}"));
                let all = bench.all();
                assert!(all == LEFT || purged.is_err() && all.len() > LEFT.len(), "{all}");
                bench.log().purge(&topic("me")).unwrap();
                bench.log().do_chores().unwrap();
                assert_eq!(bench.all(), LEFT);
                assert!(!holds_secret(&bench.disk), "{operations} operations, seed {seed}");
            }
            if ended {
                break;
            }
        }
        assert!(ended, "that many operations it has not");
    }
}

/// Any one operation of it fails; then the chore is done again, and nothing of it is seen in between.
#[test]
fn a_failure_in_the_middle_is_made_good() {
    let mut failed = 1;
    for operations in 0.. {
        let mut bench = secrets(SimDisk::new(operations), settings(3));
        bench.log().do_chores().unwrap();
        bench.disk.fail(None, operations, Fault::Failing);
        let purged = bench.log().purge(&topic("me"));
        failed = usize::from(purged.is_err() || bench.log().do_chores().is_err());
        bench.disk.heal();
        if purged.is_ok() {
            assert_eq!(bench.all(), LEFT, "operation {operations} fails");
        }
        bench.log().purge(&topic("me")).unwrap();
        bench.log().do_chores().unwrap();
        assert_eq!(bench.all(), LEFT);
        bench.say("y");
        // What a failed sync has not written is not on the disk, whatever the cache says.
        bench.fall(bench.disk.crash());
        assert!(!holds_secret(&bench.disk), "operation {operations} fails");
        bench.open().unwrap();
        assert_eq!(bench.all(), format!("{LEFT} 9:y"), "operation {operations} fails");
        if failed == 0 {
            break;
        }
    }
    assert_eq!(failed, 0);
}

#[test]
fn of_what_is_not_synced_yet_it_leaves_no_ruins() {
    for seed in 0..200 {
        let settings = Settings { sync: SyncPolicy::Every(Duration::from_secs(1)), ..settings(100) };
        let mut bench = secrets(SimDisk::new(seed), settings);
        bench.log().purge(&topic("me")).unwrap();
        bench.disk.fail(Operation::Sync, seed % 4, Fault::Failing);
        let _ = bench.log().do_chores();
        bench.fall(bench.disk.crash());
        bench.open().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        let all = bench.all();
        assert!(LEFT.starts_with(&all), "seed {seed}: {all}");
    }
}

/// What was purged last may be gone after a power cut, and its offsets go to others.
#[test]
fn what_is_published_after_it_stays() {
    let mut shorter = 0;
    for seed in 0..50 {
        let settings = Settings { sync: SyncPolicy::Every(Duration::from_secs(1)), ..settings(100) };
        let mut bench = secrets(SimDisk::new(seed), settings);
        bench.log().purge(&topic("a")).unwrap();
        bench.fall(bench.disk.crash());
        bench.open().unwrap();
        let next = bench.log().next();
        shorter += u32::from(next < 9);
        bench.publish([Submission::new([update(&["a"], "new")])]).unwrap();
        assert_eq!(bench.of(&["a"]), format!("{next}:new"));
        bench.log().do_chores().unwrap();
        assert_eq!(bench.of(&["a"]), format!("{next}:new"));
    }
    assert!(shorter > 10, "{shorter}");
}
