//! Beside a log that is written to.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use super::*;

/// Runs something while updates are published; afterwards what it made is looked at.
fn beside_a_writer(with_retention: bool, act: impl Fn(&Path, &AtomicU64) + Sync) {
    let folder = folder();
    let path = folder.path().join("history");
    let settings = Settings {
        retention: Retention { count: if with_retention { 200 } else { 1 << 30 }, bytes: 1 << 30, age: None },
        segment_count: if with_retention { 20 } else { 500 },
        ..settings()
    };
    let disk = Directory::open_or_create(&path).unwrap();
    let fresh = Fresh { id: [7; 16], hash: [8; 16], epoch: Epoch::from_bits(1) };
    let log = Log::open(Arc::new(disk), settings, &fresh).unwrap();
    publish(&log, 1..101);
    let (published, over) = (AtomicU64::new(100), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            // Without retention what is read takes longer and longer.
            while !over.load(Ordering::Relaxed) && (with_retention || log.next() < 5000) {
                let next = log.next();
                publish(&log, next..next + 2);
                published.store(next + 1, Ordering::Release);
                log.retain(at(next));
                log.do_chores().unwrap();
            }
        });
        let acting = scope.spawn(|| act(&path, &published));
        let done = acting.join();
        over.store(true, Ordering::Relaxed);
        done.unwrap();
    });
}

/// As many as are there, without a hole.
fn assert_consecutive(offsets: &[u64]) {
    assert!(offsets.is_sorted_by(|a, b| a + 1 == *b), "{offsets:?}");
}

#[test]
fn what_was_published_before_is_exported_whole() {
    beside_a_writer(false, |path, published| {
        for _ in 0..3 {
            let least = published.load(Ordering::Acquire);
            let (offsets, missing) = exported(path);
            assert_consecutive(&offsets);
            assert_eq!((missing, offsets[0]), (vec![], 1));
            assert!(offsets.len() as u64 >= least, "{} of {least}", offsets.len());
        }
    });
}

#[test]
fn retention_takes_the_oldest_away_and_nothing_else() {
    beside_a_writer(true, |path, published| {
        for _ in 0..3 {
            let least = published.load(Ordering::Acquire);
            let (offsets, missing) = exported(path);
            assert_consecutive(&offsets);
            assert_eq!(missing, []);
            assert!(*offsets.last().unwrap() >= least);
            let verified = verify(path, &mut go_on).unwrap();
            assert!(verified.in_use);
            assert_eq!(verified.damage, []);
            assert_eq!(verified.whole.len(), 1);
            assert!(verified.whole[0].end > least);
            let told = info(path, 3, &mut go_on).unwrap();
            assert!(told.next > least && told.first >= offsets[0]);
        }
    });
}

#[test]
fn a_backup_is_whole_and_opens() {
    let rounds = AtomicU64::new(0);
    beside_a_writer(true, |path, published| {
        for _ in 0..3 {
            let round = rounds.fetch_add(1, Ordering::Relaxed);
            let copy = path.with_file_name(format!("copy-{round}"));
            let least = published.load(Ordering::Acquire);
            let made = backup(path, &copy, &mut go_on).unwrap();
            assert!(made.next > least && made.copied >= 1);
            let verified = verify(&copy, &mut go_on).unwrap();
            assert_eq!((&verified.damage, &verified.torn), (&vec![], &None));
            assert_eq!(verified.whole, [made.first..made.next]);
            let (offsets, missing) = exported(&copy);
            assert_eq!((offsets, missing), ((made.first..made.next).collect(), vec![]));

            // It goes on by itself, in an epoch of its own.
            let log = open(&copy, 100 + round).unwrap();
            assert_eq!((log.next(), log.epoch()), (made.next, Epoch::from_bits(100 + round)));
            publish(&log, made.next..made.next + 30);
            log.do_chores().unwrap();
            end(log);
            assert_eq!(verify(&copy, &mut go_on).unwrap().damage, []);
            fs::remove_dir_all(&copy).unwrap();
        }
    });
}

#[test]
fn a_backup_shares_what_is_sealed() {
    let (folder, path) = history(35);
    let copy = folder.path().join("copy");
    let made = backup(&path, &copy, &mut go_on).unwrap();
    assert_eq!((made.linked, made.copied, made.first, made.next), (3, 1, 1, 36));
    assert!(matches!(backup(&path, &copy, &mut go_on), Err(UpkeepError::NotEmpty { .. })));
    assert!(copy.join("manifest").exists(), "what was there is left alone");

    // What is purged in one is overwritten in both, but for the newest segment.
    let log = open(&path, 2).unwrap();
    log.purge(&topic("/fours")).unwrap();
    log.do_chores().unwrap();
    end(log);
    let left: Vec<u64> = (1..36u64).filter(|offset| *offset > 30 || !offset.is_multiple_of(4)).collect();
    assert_eq!(exported(&copy), (left, vec![]));
    assert_eq!(verify(&copy, &mut go_on).unwrap().damage, []);
}

#[test]
fn a_purge_that_is_under_way_is_carried_out_in_the_backup_as_well() {
    let (folder, path) = history(35);
    let copy = folder.path().join("copy");
    let log = open(&path, 2).unwrap();
    log.purge(&topic("/fours")).unwrap();
    backup(&path, &copy, &mut go_on).unwrap();
    let left: Vec<u64> = (1..36u64).filter(|offset| !offset.is_multiple_of(4)).collect();
    assert_eq!(exported(&copy), (left, vec![]));
    let of_copy = open(&copy, 3).unwrap();
    of_copy.do_chores().unwrap();
    assert!(info(&copy, 1, &mut go_on).unwrap().pending_purges.is_empty());
}

#[test]
fn an_end_that_is_missing_is_not_backed_up_in_silence() {
    let (folder, path) = history(35);
    let copy = folder.path().join("copy");
    fs::remove_file(path.join(Segment::name(31))).unwrap();
    let error = backup(&path, &copy, &mut go_on).unwrap_err();
    assert!(matches!(error, UpkeepError::Start(StartError::Damaged { .. })), "{error}");
    assert!(!copy.exists());
}
