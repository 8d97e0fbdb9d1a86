//! That the simulated disk is as mean, and as dependable, as it says.

use std::{collections::BTreeSet, io::ErrorKind};

use rustix::io::Errno;

use super::*;
use crate::disk::DiskFile;

/// A disk with a file "f" that holds "old", all of it durable, and that file.
fn disk(seed: u64) -> (SimDisk, Arc<dyn Disk>, Arc<dyn DiskFile>) {
    let disk = SimDisk::new(seed);
    let directory = disk.directory();
    let file = directory.create("f").unwrap();
    file.write_at(b"old", 0).unwrap();
    file.sync().unwrap();
    directory.sync().unwrap();
    (disk, directory, file)
}

fn bytes(file: &dyn DiskFile) -> Vec<u8> {
    let mut buffer = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut buffer, 0).unwrap();
    buffer
}

fn read(disk: &SimDisk, name: &str) -> io::Result<Vec<u8>> {
    Ok(bytes(&*disk.directory().open(name)?))
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn errno<T>(result: io::Result<T>) -> Option<Errno> {
    result.err().and_then(|error| Errno::from_io_error(&error))
}

#[test]
fn what_is_synced_survives_and_what_is_not_may_vanish() {
    let mut found = BTreeSet::new();
    for seed in 0..200 {
        let (disk, directory, file) = disk(seed);
        file.write_at(b"new", 0).unwrap();
        directory.create("g").unwrap().sync().unwrap();
        let crashed = disk.crash();
        found.insert((read(&crashed, "f").unwrap(), read(&crashed, "g").is_ok()));
        assert_eq!(crashed.files(), crashed.crash().files(), "what was found is on the platter");

        file.sync().unwrap();
        directory.sync().unwrap();
        let crashed = disk.crash();
        assert_eq!(read(&crashed, "f").unwrap(), b"new", "seed {seed}");
        assert_eq!(read(&crashed, "g").unwrap(), b"", "seed {seed}");

        crashed.directory().create("h").unwrap().write_at(b"h", 0).unwrap();
        assert_eq!(read(&crashed, "f").unwrap(), b"new", "a new file is none of the old ones");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_files_sync_does_not_make_its_name_durable_nor_a_names_sync_its_file() {
    let (mut nameless, mut empty) = (0, 0);
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let directory = disk.directory();
        for (name, sync_file) in [("a", true), ("b", false)] {
            let file = directory.create(name).unwrap();
            file.write_at(b"x", 0).unwrap();
            if sync_file {
                file.sync().unwrap();
                nameless += u32::from(read(&disk.crash(), "a").is_err());
            } else {
                directory.sync().unwrap();
                empty += u32::from(read(&disk.crash(), "b").unwrap().is_empty());
            }
        }
    }
    assert!((1..200).contains(&nameless) && (1..200).contains(&empty), "{nameless}, {empty}");
}

#[test]
fn a_removed_file_may_come_back_with_what_was_synced() {
    let mut back = 0;
    for seed in 0..50 {
        let (disk, directory, _) = disk(seed);
        directory.remove("f").unwrap();
        directory.create("f").unwrap();
        match read(&disk.crash(), "f") {
            Ok(bytes) if bytes == b"old" => back += 1,
            Ok(bytes) => assert!(bytes.is_empty(), "seed {seed}: {bytes:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
    }
    assert!((1..50).contains(&back), "{back}");
}

#[test]
fn the_death_of_the_process_alone_loses_nothing_but_what_has_no_name() {
    let (disk, directory, file) = disk(1);
    directory.home().unwrap();
    file.write_at(b"new!", 0).unwrap();
    directory.create("g").unwrap();
    directory.rename("f", "h").unwrap();
    let killed = disk.kill();
    let expected = [("g", &b""[..]), ("h", b"new!"), ("lock", b"")];
    assert_eq!(killed.files(), expected.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).into());
    assert_eq!(killed.directory().home().unwrap(), directory.home().unwrap(), "and the lock is free");

    let left: BTreeSet<_> = (0..100)
        .flat_map(|_| killed.crash().files().into_values())
        .filter(|bytes| !bytes.is_empty())
        .collect();
    assert!(left.contains(&b"old"[..]) && left.contains(&b"new!"[..]), "it is still not synced: {left:?}");

    file.write_at(b"dead", 0).unwrap();
    assert_eq!(read(&killed, "h").unwrap(), b"new!", "the dead do not write");
}

#[test]
fn an_open_file_outlives_its_name() {
    let (disk, directory, file) = disk(1);
    let other = directory.create("g").unwrap();
    assert!(file.is_linked().unwrap());
    directory.rename("g", "f").unwrap();
    assert!(!file.is_linked().unwrap() && other.is_linked().unwrap());
    directory.sync().unwrap();
    file.write_at(b"er", 3).unwrap();
    file.sync().unwrap();
    assert_eq!(bytes(&*file), b"older");
    assert_eq!(read(&disk.crash(), "f").unwrap(), b"");
    drop(file);
    assert_eq!(disk.state().files.len(), 1, "nobody can come to it any more");
    drop(other);
    directory.remove("f").unwrap();
    assert_eq!(disk.state().files.len(), 1, "a power cut may bring it back");
    directory.sync().unwrap();
    assert!(disk.state().files.is_empty());
}

#[test]
fn the_operation_that_is_to_fail_fails_and_no_other() {
    let (disk, directory, file) = disk(1);
    let count = disk.operations();
    assert_eq!(count, 4);
    disk.fail(None, 1, Fault::Failing);
    disk.fail(Operation::Write, 1, Fault::Full);
    file.write_at(b"a", 0).unwrap();
    assert_eq!(errno(directory.list()), Some(Errno::IO));
    directory.list().unwrap();
    assert_eq!(errno(file.write_at(b"b", 0)), Some(Errno::NOSPC));
    file.write_at(b"c", 0).unwrap();
    assert_eq!(disk.operations(), count + 5, "the failed ones count too");

    disk.fail(None, 0, Fault::Failing);
    disk.heal();
    file.sync().unwrap();
}

#[test]
fn faults_at_random_are_of_the_kind_and_about_as_often_as_said() {
    let (disk, directory, file) = disk(1);
    disk.fail_at_random(Operation::Read, Fault::Failing, 4);
    let failed = (0..1000).filter(|_| errno(file.read_at(&mut [0], 0)) == Some(Errno::IO)).count();
    assert!((200..300).contains(&failed), "{failed}");
    assert!((0..100).all(|_| directory.list().is_ok() && file.len().is_ok()));
}

#[test]
fn of_a_write_that_fails_any_part_may_be_written() {
    let written: BTreeSet<_> = (0..200)
        .map(|seed| {
            let (disk, _, file) = disk(seed);
            disk.fail(Operation::Write, 0, Fault::Failing);
            assert_eq!(errno(file.write_at(b"new!", 0)), Some(Errno::IO));
            String::from_utf8(bytes(&*file)).unwrap()
        })
        .collect();
    assert_eq!(written.iter().collect::<Vec<_>>(), ["ned", "new", "new!", "nld", "old"].map(|s| s));
}

#[test]
fn after_a_failed_sync_a_later_success_means_nothing() {
    let mut lost = 0;
    for seed in 0..100 {
        let (disk, _, file) = disk(seed);
        file.write_at(b"new", 0).unwrap();
        disk.fail(Operation::Sync, 0, Fault::Failing);
        assert_eq!(errno(file.sync()), Some(Errno::IO));
        file.sync().unwrap();
        assert_eq!(bytes(&*file), b"new", "that is what the memory has");
        let found = read(&disk.crash(), "f").unwrap();
        file.forget_cached().unwrap();
        assert_eq!(bytes(&*file), found, "seed {seed}");
        lost += u32::from(found == b"old");
    }
    assert!((1..100).contains(&lost), "{lost}");
}

#[test]
fn a_failed_sync_of_the_names_is_made_up_for_by_the_next() {
    let mut lost = 0;
    for seed in 0..50 {
        let (disk, directory, _) = disk(seed);
        directory.rename("f", "g").unwrap();
        disk.fail(Operation::SyncNames, 0, Fault::Failing);
        assert_eq!(errno(directory.sync()), Some(Errno::IO));
        lost += u32::from(read(&disk.crash(), "f").is_ok());
        directory.sync().unwrap();
        assert_eq!(read(&disk.crash(), "g").unwrap(), b"old", "seed {seed}");
    }
    assert!((1..50).contains(&lost), "{lost}");
}

#[test]
fn a_full_disk_takes_what_fits_until_there_is_room_again() {
    let (disk, directory, file) = disk(1);
    disk.set_room(Some(10));
    assert_eq!(kind(file.write_at(b"0123456789abc", 0)), Some(ErrorKind::StorageFull));
    assert_eq!(bytes(&*file), b"0123456789", "the beginning is written");
    file.write_at(b"x", 9).unwrap();
    assert_eq!(kind(file.write_at(b"y", 10)), Some(ErrorKind::StorageFull));
    assert_eq!(kind(file.set_len(11)), Some(ErrorKind::StorageFull));
    assert_eq!(kind(directory.create("g")), Some(ErrorKind::StorageFull));
    file.sync().unwrap();

    file.set_len(4).unwrap();
    let other = directory.create("g").unwrap();
    other.write_at(b"123456", 0).unwrap();
    assert_eq!(kind(file.write_at(b"y", 4)), Some(ErrorKind::StorageFull));
    directory.remove("g").unwrap();
    assert_eq!(kind(file.write_at(b"y", 4)), Some(ErrorKind::StorageFull), "it is still open");
    drop(other);
    file.write_at(b"y", 4).unwrap();
    assert_eq!(disk.kill().state().left(), 5, "it is as full for the next process");
    disk.set_room(None);
    file.write_at(&[0; 100], 0).unwrap();
}

#[test]
fn a_read_only_disk_is_read() {
    let (disk, directory, file) = disk(1);
    directory.home().unwrap();
    directory.sync().unwrap();
    disk.set_read_only(true);
    let file_again = directory.open("f").unwrap();
    assert_eq!(bytes(&*file_again), b"old");
    let refused = [
        kind(file.write_at(b"x", 0)),
        kind(file.set_len(1)),
        kind(directory.create("g")),
        kind(directory.remove("f")),
        kind(directory.rename("f", "g")),
    ];
    assert_eq!(refused, [Some(ErrorKind::ReadOnlyFilesystem); 5]);
    assert!(file.sync().is_ok() && directory.sync().is_ok(), "there is nothing to write");
    let next = disk.kill().directory();
    assert!(next.home().is_ok(), "the lock file is there");
    assert_eq!(kind(next.create("g")), Some(ErrorKind::ReadOnlyFilesystem));

    disk.set_read_only(false);
    file.write_at(b"x", 0).unwrap();
    directory.create("g").unwrap();
    disk.set_read_only(true);
    assert_eq!(kind(file.sync()), Some(ErrorKind::ReadOnlyFilesystem));
    assert_eq!(kind(directory.sync()), Some(ErrorKind::ReadOnlyFilesystem));
}

#[test]
fn a_removed_directory_is_gone_for_good() {
    let (disk, directory, file) = disk(1);
    let home = directory.home().unwrap();
    disk.remove_directory();
    assert!(!file.is_linked().unwrap());
    file.write_at(b"new", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(directory.home().unwrap(), home, "it was ours");
    let gone = [
        kind(directory.list()),
        kind(directory.open("f")),
        kind(directory.create("f")),
        kind(directory.remove("f")),
        kind(directory.rename("f", "g")),
        kind(disk.directory().home()),
        kind(disk.crash().directory().list()),
    ];
    assert_eq!(gone, [Some(ErrorKind::NotFound); 7]);
}

#[test]
fn one_at_a_time_has_the_lock() {
    let (disk, first, file) = disk(1);
    let second = disk.directory();
    let home = first.home().unwrap();
    assert_eq!(first.home().unwrap(), home);
    assert_eq!(kind(second.home()), Some(ErrorKind::WouldBlock));
    first.sync().unwrap();
    file.write_at(b"new", 0).unwrap();

    let copy = disk.copy();
    assert_eq!(read(&copy, "f").unwrap(), b"new");
    assert_ne!(copy.directory().home().unwrap(), home, "a copy is elsewhere");
    assert_eq!(copy.crash().files(), copy.files());
    assert_eq!(disk.crash().directory().home().unwrap(), home);

    drop(first);
    assert_eq!(second.home().unwrap(), home);
    second.remove("lock").unwrap();
    assert_ne!(disk.directory().home().unwrap(), home, "another file is another home");
}

#[test]
fn when_the_power_goes_nothing_works_and_no_more_than_a_part_arrives() {
    let mut found = BTreeSet::new();
    for seed in 0..300 {
        let (disk, directory, file) = disk(seed);
        disk.cut_power_after(1);
        file.set_len(4).unwrap();
        let error = file.write_at(b"news", 0);
        assert_eq!(errno(error), Some(Errno::IO));
        assert!(file.write_at(b"late", 0).is_err() && file.sync().is_err() && directory.sync().is_err());
        assert!(directory.remove("f").is_err() && directory.list().is_err());
        disk.heal();
        assert!(directory.create("g").is_err(), "the power is still gone");

        let crashed = disk.crash();
        found.insert(read(&crashed, "f").unwrap());
        crashed.directory().create("g").unwrap();
    }
    let found: Vec<_> = found.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
    let expected = ["ned", "ned\0", "new", "new\0", "news", "nld", "nld\0", "old", "old\0"];
    assert_eq!(found, expected);
}

#[test]
fn a_flipped_bit_is_found() {
    let (disk, _, file) = disk(1);
    disk.flip_bit("f", 8);
    assert_eq!(bytes(&*file), b"omd");
    assert_eq!(read(&disk.crash(), "f").unwrap(), b"omd");
}

#[test]
fn one_seed_repeats_all_of_it() {
    let run = |seed| {
        let (disk, directory, file) = disk(seed);
        disk.fail_at_random(Operation::Write, Fault::Failing, 3);
        disk.fail_at_random(Operation::Sync, Fault::Full, 3);
        for n in 0..20 {
            let _ = file.write_at(&[n; 700], u64::from(n) * 600);
            let _ = file.sync();
            let _ = directory.create(&n.to_string());
        }
        let crashed = disk.crash();
        (format!("{disk:?}"), crashed.files(), crashed.crash().files())
    };
    assert!((0..20).all(|seed| run(seed) == run(seed)));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_disk_tells_what_was_done_to_it() {
    let (disk, _, file) = disk(7);
    disk.fail(Operation::Read, 0, Fault::Failing);
    file.write_at(&[0; 600], 3).unwrap();
    let _ = file.read_at(&mut [0; 8], 2);
    assert_eq!(
        format!("{disk:?}"),
        "a disk of seed 7, after 6 operations:\n  f: 603 bytes, 2 sectors not synced\nthe last operations:\n  \
         0 Create f\n  1 Write f 0..3\n  2 Sync f\n  3 SyncNames\n  4 Write f 3..603\n  \
         5 Read f 2..10: Input/output error (os error 5)\n"
    );
}
