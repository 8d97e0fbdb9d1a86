//! Histories in real directories, looked at, damaged and mended.

#![allow(clippy::single_range_in_vec_init, reason = "a list of ranges, of which there is one")]

mod damage;
mod live;
mod random;

use std::{
    fs,
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use headwater_sse::{EventId, EventType, Retry};
use tempfile::TempDir;

use super::*;
use crate::{
    Epoch, IdempotencyKey, Retention, Submission, SyncPolicy, Topic, Update,
    disk::Directory,
    log::{
        Fresh, Log, OpenError, Settings,
        segment::Segment,
        version_1::{self, SECRET, forged},
    },
};

/// In memory, if there is such a place: what is tried here is not the disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Updates of one segment.
const SEGMENT: u64 = 10;

fn settings() -> Settings {
    let retention = Retention { count: 1_000_000, bytes: 1 << 30, age: None };
    Settings { segment_count: SEGMENT, ..Settings::new(retention, Vec::new(), SyncPolicy::Commit) }
}

fn open(path: &Path, epoch: u64) -> Result<Log, OpenError> {
    let disk = Directory::open_or_create(path).expect("it can be made");
    let fresh = Fresh { id: [7; 16], hash: [8; 16], epoch: Epoch::from_bits(epoch) };
    Log::open(Arc::new(disk), settings(), &fresh)
}

fn at(offset: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + offset)
}

fn topic(name: impl AsRef<str>) -> Topic {
    Topic::new(name).expect("a topic")
}

/// Of each kind some.
fn update(offset: u64) -> Update {
    let mut update = Update::new(topic(format!("/t/{}", offset % 3)), format!("line {offset}\nand\n"));
    if offset.is_multiple_of(4) {
        update.topics.push(topic("/fours"));
        update.private = true;
    }
    if offset.is_multiple_of(5) {
        update.id = Some(EventId::new(format!("mine-{offset}")).expect("an id"));
        update.event_type = Some(EventType::new("tick").expect("a type"));
        update.retry = Some(Retry::from_millis(offset));
    }
    update
}

/// Publishes these offsets, two in a submission.
fn publish(log: &Log, offsets: Range<u64>) {
    let mut next = offsets.start;
    while next < offsets.end {
        let of = next..offsets.end.min(next + 2);
        let key = IdempotencyKey::new(b"someone", &next.to_string(), 1);
        let submission = Submission::new(of.clone().map(update)).with_key(key);
        let sealed = submission.drafts.into_iter().zip(of.clone());
        let batch: Vec<_> =
            sealed.map(|(draft, offset)| Arc::new(draft.seal(log.epoch(), offset, at(offset)).0)).collect();
        log.append(&batch).expect("the disk takes it");
        next = of.end;
    }
}

/// A history of so many updates, ended in good order.
fn history(updates: u64) -> (TempDir, PathBuf) {
    let folder = folder();
    let path = folder.path().join("history");
    let log = open(&path, 1).expect("it begins");
    publish(&log, 1..updates + 1);
    log.do_chores().expect("the disk works");
    end(log);
    (folder, path)
}

/// Ends it in good order, and lets go of the lock.
fn end(log: Log) {
    log.close();
    drop(log);
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What can be read: the offsets, each with what was published at it; and what is missing.
fn exported(path: &Path) -> (Vec<u64>, Vec<Range<u64>>) {
    let (mut offsets, mut missing) = (Vec::new(), Vec::new());
    for item in Export::open(path).expect("it opens") {
        match item {
            Ok(retained) => {
                let offset = retained.offset;
                assert_eq!((&retained.update, retained.at), (&update(offset), at(offset)), "at {offset}");
                offsets.push(offset);
            }
            Err(UpkeepError::NotWhole { from, until }) => missing.push(from..until),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(offsets.is_sorted_by(|a, b| a < b));
    (offsets, missing)
}

/// Makes a segment one of version 1.
fn make_plain(path: &Path) {
    let bytes = fs::read(path).expect("it is there");
    fs::write(path, version_1::segment(&bytes)).expect("it is written");
}

fn flip(path: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).expect("it is there");
    let at = at(bytes.len());
    bytes[at] ^= 4;
    fs::write(path, bytes).expect("it is written");
}

#[test]
fn what_was_published_is_exported() {
    let (_folder, path) = history(35);
    assert_eq!(exported(&path), ((1..36).collect(), vec![]));
}

#[test]
fn an_event_that_is_more_than_a_decoder_takes_by_default_is_exported() {
    let folder = folder();
    let mut import = Import::open(folder.path()).unwrap();
    let mut large = Update::new(topic("t"), "x".repeat(17 << 20));
    large.id = Some(EventId::new("i".repeat(9 << 10)).unwrap());
    import.append([large.clone()], at(1)).unwrap();
    drop(import);
    let read: Vec<_> = Export::open(folder.path()).unwrap().map(|r| r.unwrap().update).collect();
    assert!(read == [large]);
}

#[test]
fn info_counts_what_is_there() {
    let (_folder, path) = history(35);
    let log = open(&path, 2).unwrap();
    let running = info(&path, 3, &mut go_on).unwrap();
    assert!(running.in_use && !running.clean);
    drop(log); // A crash.
    let log = open(&path, 3).unwrap();
    publish(&log, 36..41);
    log.purge(&topic("/t/1")).unwrap();
    end(log);

    let info = info(&path, 3, &mut go_on).unwrap();
    assert_eq!((info.version, info.id, info.segments), (2, [7; 16], 4));
    assert_eq!((info.first, info.next, info.updates()), (1, 41, 40));
    assert_eq!((info.first_time, info.last_time), (Some(at(1)), Some(at(40))));
    assert!(info.clean && !info.in_use && info.bytes > 2000 && info.index_bytes > 500);
    assert_eq!(info.epochs, [(Epoch::from_bits(1), 1), (Epoch::from_bits(3), 36)]);
    assert_eq!(info.pending_purges, [PendingPurge { topic: topic("/t/1"), before: 41 }]);
    let counts: Vec<_> = info.topics.iter().map(|count| (count.topic.as_str(), count.updates)).collect();
    assert_eq!(counts, [("/t/0", 13), ("/t/2", 13), ("/fours", 10)], "what is to be purged does not count");
}

#[test]
fn what_was_purged_is_neither_exported_nor_counted_nor_damage() {
    let (_folder, path) = history(35);
    let log = open(&path, 2).unwrap();
    log.purge(&topic("/fours")).unwrap();
    let all = |offset: &u64| !offset.is_multiple_of(4);
    assert_eq!(exported(&path), ((1..36).filter(all).collect(), vec![]), "before it is overwritten");
    log.do_chores().unwrap();
    assert_eq!(exported(&path), ((1..36).filter(all).collect(), vec![]), "and after it");
    publish(&log, 36..37);
    end(log);

    let info = info(&path, 9, &mut go_on).unwrap();
    let fours = info.topics.iter().find(|count| count.topic == "/fours").unwrap();
    assert_eq!(fours.updates, 1, "the one that was published afterwards");
    let verified = verify(&path, &mut go_on).unwrap();
    assert_eq!((verified.damage, verified.updates), (vec![], 36));
    assert_eq!(repair(&path, &mut go_on).unwrap(), Repaired::default());
}

#[test]
fn imported_updates_follow_those_that_are_there() {
    let (_folder, path) = history(15);
    let mut import = Import::open(&path).unwrap();
    let now = at(3);
    assert_eq!(import.append([update(16), update(17)], now).unwrap(), 16..18);
    assert_eq!(import.append([], now).unwrap(), 18..18);
    assert!(matches!(Import::open(&path), Err(UpkeepError::Start(StartError::InUse { .. }))));
    drop(import);
    let read: Vec<_> = Export::open(&path).unwrap().skip(15).map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|r| &r.update).collect::<Vec<_>>(), [&update(16), &update(17)]);
    assert!(read.iter().all(|r| r.at == at(15)), "they are no older than what they follow");
    assert!(info(&path, 0, &mut go_on).unwrap().clean);
}

#[test]
fn what_is_no_history_is_told() {
    let folder = folder();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter.txt"), "Dear").unwrap();
    let named = folder.path().join("named");
    fs::create_dir(&named).unwrap();
    fs::write(named.join("manifest"), "of a ship").unwrap();
    for (path, foreign) in [(folder.path().join("none"), false), (empty, false), (other, true), (named, true)]
    {
        let before = fs::read_dir(&path).map(Iterator::count).ok();
        let errors = [
            info(&path, 3, &mut go_on).err(),
            Export::open(&path).err(),
            verify(&path, &mut go_on).err(),
            repair(&path, &mut go_on).err(),
            backup(&path, folder.path().join("copy"), &mut go_on).err(),
        ];
        for error in errors {
            match error {
                Some(UpkeepError::Missing { .. }) => assert!(!foreign, "{path:?}"),
                Some(UpkeepError::Start(StartError::Foreign { .. })) => assert!(foreign, "{path:?}"),
                other => panic!("{path:?}: {other:?}"),
            }
        }
        assert_eq!(fs::read_dir(&path).map(Iterator::count).ok(), before, "nothing was changed");
        assert!(!folder.path().join("copy").exists());
    }
}

#[test]
fn who_watches_can_end_it() {
    let (folder, path) = history(35);
    let copy = folder.path().join("copy");
    let mut stop = |_: Progress| ControlFlow::Break(());
    assert!(matches!(verify(&path, &mut stop), Err(UpkeepError::Interrupted)));
    assert!(matches!(repair(&path, &mut stop), Err(UpkeepError::Interrupted)));
    assert!(matches!(backup(&path, &copy, &mut stop), Err(UpkeepError::Interrupted)));
    assert!(!copy.exists(), "nothing is left of it");
    let mut told = Vec::new();
    verify(&path, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(told.is_sorted_by_key(|p| p.done) && told.last().is_some_and(|p| p.done == p.total));
}
