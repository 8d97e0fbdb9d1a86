//! What a start finds, mends, or refuses.

use super::*;

fn write(bench: &Bench, name: &str, bytes: &[u8]) {
    let directory = bench.disk.directory();
    let _ = directory.remove(name);
    let file = directory.create(name).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    directory.sync().unwrap();
}

fn bytes(bench: &Bench, name: &str) -> Vec<u8> {
    bench.disk.files().remove(name).unwrap()
}

/// Cuts off the last segment at each byte, after a kill: what is left is whole submissions.
#[test]
fn a_torn_tail_is_cut_off_to_a_whole_submission() {
    let mut bench = Bench::new(settings(100));
    bench.publish([words("a"), words("b c"), words("d")]).unwrap();
    bench.publish([words("e f g")]).unwrap();
    let ends: Vec<_> = (1..=7).map(|o| bench.place(o).1.end).collect();
    bench.fall(bench.disk.kill());
    let name = Segment::name(1);
    let whole = bytes(&bench, &name);
    assert_eq!(ends[6] + 100, whole.len(), "zeros stand behind it");
    for len in SEGMENT_HEAD..=ends[6] {
        for behind in [0, 40] {
            let mut torn = whole[..len].to_vec();
            torn.resize(len + behind, 0);
            write(&bench, &name, &torn);
            bench.open().unwrap();
            let expected = match ends.partition_point(|&end| end <= len) {
                0 => "",
                1 | 2 => "1:a",
                3 => "1:a 2:b 3:c",
                4..7 => "1:a 2:b 3:c 4:d",
                _ => "1:a 2:b 3:c 4:d 5:e 6:f 7:g",
            };
            assert_eq!(bench.all(), expected, "{len} of {} bytes", whole.len());
            bench.log = None;
            let cut = bytes(&bench, &name).len();
            assert!(cut == SEGMENT_HEAD || ends.contains(&cut), "what is behind is gone");
            let mut manifest = Manifest::load(&*bench.disk.directory()).unwrap().unwrap();
            manifest.epochs = crate::epochs::Epochs::new(Epoch::from_bits(1), 1);
            manifest.store(&*bench.disk.directory()).unwrap();
        }
    }
}

#[test]
fn damage_is_told_by_offsets_and_nothing_is_changed() {
    let mut bench = Bench::new(settings(100));
    bench.say("a b c d e f g h i j");
    let places: Vec<_> = (1..=10).map(|o| bench.place(o)).collect();
    bench.fall(bench.disk.kill());
    let flip = |bench: &Bench, offset: usize| {
        let (name, place) = &places[offset - 1];
        bench.disk.flip_bit(name, (place.start + place.end) as u64 / 2 * 8);
    };
    for (damaged, told) in [
        (&[3][..], "3"),
        (&[1, 2, 3, 4], "1 to 4"),
        (&[2, 4, 5, 9], "2, 4 to 5, 9"),
        (&[1, 3, 5, 7, 9], "1, 3, 5, 7, 9"),
    ] {
        for &offset in damaged {
            flip(&bench, offset);
        }
        let before = bench.disk.files();
        assert_eq!(bench.damage(), format!("updates are missing or not whole: {told}"));
        assert!(bench.disk.files() == before);
        for &offset in damaged {
            flip(&bench, offset);
        }
    }
    bench.open().unwrap();
    bench.stop();
    // After a clean stop the last one is known to have been whole.
    flip(&bench, 10);
    assert_eq!(bench.damage(), "updates are missing or not whole: 10");
    flip(&bench, 10);
    // So is what an epoch has begun behind.
    bench.open().unwrap();
    bench.fall(bench.disk.kill());
    flip(&bench, 10);
    assert_eq!(bench.damage(), "updates are missing or not whole: 10");
}

/// What the start has written down, and what records say, tells damage from a commit that is torn.
#[test]
fn damage_is_no_torn_commit_and_a_torn_commit_no_damage() {
    let mut bench = Bench::new(settings(100));
    bench.publish([words("a b c d")]).unwrap();
    bench.fall(bench.disk.kill());
    bench.open().unwrap();
    bench.damage_record(2);
    bench.fall(bench.disk.kill());
    assert_eq!(bench.damage(), "updates are missing or not whole: 2");

    let mut bench = Bench::new(settings(100));
    bench.say("a b");
    bench.publish([words("c"), words("d")]).unwrap();
    // Of the last commit one update is whole, and proves that "b" was durable; but not that "c" was.
    bench.damage_record(2);
    bench.damage_record(3);
    bench.fall(bench.disk.kill());
    assert_eq!(bench.damage(), "updates are missing or not whole: 2");
}

/// Without the index nothing leads to the last record of a segment, and nothing is whole behind it.
#[test]
fn damage_is_told_behind_a_damaged_index_too() {
    let mut bench = Bench::new(settings(3));
    bench.publish([Submission::new(["a", "b"].map(|topic| update(&[topic], "x")))]).unwrap();
    bench.publish([Submission::new(["a", "b"].map(|topic| update(&[topic], "x")))]).unwrap();
    bench.say("y");
    bench.log().do_chores().unwrap();
    let (log, place) = bench.place(4);
    bench.fall(bench.disk.crash());
    // An index is checked when it is used first.
    bench.open().unwrap();
    bench.disk.flip_bit(&log, (place.start + place.end) as u64 / 2 * 8);
    let name = Segment::index_name(1);
    bench.disk.flip_bit(&name, bytes(&bench, &name).len() as u64 * 8 - 1);
    assert_eq!(bench.of(&["b"]), "2:x !4-4");
    assert_eq!(bench.of(&["a"]), "1:x 3:x !4-4");
    assert_eq!(bench.all(), "1:x 2:x 3:x !4-4 5:y");
    bench.stop();
    assert_eq!(bench.damage(), "updates that could not be read any more: 4");
}

/// No flipped bit anywhere is ever served, or makes an update vanish without a word.
#[test]
fn each_flipped_bit_of_each_file_is_noticed_or_does_no_harm() {
    let mut bench = Bench::new(settings(2));
    bench
        .publish([words("a b"), words("c").with_key(key("k", 1)), Submission::new([with_id("x", "d")])])
        .unwrap();
    bench.say("e f g");
    bench.log().do_chores().unwrap();
    bench.restart();
    bench.stop();
    let mut refused = 0;
    for (name, content) in bench.disk.files() {
        for bit in (0..content.len() as u64 * 8).step_by(7) {
            bench.fall(bench.disk.kill());
            bench.disk.flip_bit(&name, bit);
            let before = bench.disk.files();
            match bench.open() {
                Ok(()) => {
                    let served = bench.all();
                    let told = served.split(' ').all(|item| {
                        "1:a 2:b 3:c 4:d 5:e 6:f 7:g".split(' ').any(|i| i == item) || item.starts_with('!')
                    });
                    let count: u64 = served
                        .split(' ')
                        .map(|item| match item.strip_prefix('!').and_then(|lost| lost.split_once('-')) {
                            Some((a, b)) => b.parse::<u64>().unwrap() - a.parse::<u64>().unwrap() + 1,
                            None => 1,
                        })
                        .sum();
                    assert!(told && count == 7, "bit {bit} of {name}: {served}");
                    assert_eq!(bench.of(&["t"]).matches(':').count(), served.matches(':').count());
                    bench.log = None;
                    // As it was, for the next one.
                    for (name, bytes) in &before {
                        write(&bench, name, bytes);
                    }
                }
                Err(_) => refused += 1,
            }
            let directory = bench.disk.directory();
            let file = directory.open(&name).unwrap();
            file.write_at(&content, 0).unwrap();
            file.sync().unwrap();
        }
    }
    assert!(refused > 400, "{refused}");
}

#[test]
fn an_index_that_is_missing_or_damaged_is_made_anew() {
    let mut bench = Bench::new(settings(2));
    bench.publish([Submission::new([with_id("x", "a"), update(&["u"], "b")]).with_key(key("k", 1))]).unwrap();
    bench.say("c d e");
    bench.log().do_chores().unwrap();
    bench.restart();
    let (name, whole) = (Segment::index_name(1), bytes(&bench, &Segment::index_name(1)));
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    for damaged in [None, Some(&other[..]), Some(&[]), Some(&whole[..50]), Some(&whole[..whole.len() - 1])] {
        bench.stop();
        match damaged {
            None => bench.disk.directory().remove(&name).unwrap(),
            Some(damaged) => write(&bench, &name, damaged),
        }
        bench.open().unwrap();
        assert_eq!(bench.of(&["u"]), "2:b");
        assert_eq!(bench.all(), "1:a 2:b 3:c 4:d 5:e");
        assert_eq!(bench.resolve("x"), Found::At(1));
        assert!(bench.log().find_key(&key("k", 1).name, bench.now).unwrap().is_some());
        bench.log().do_chores().unwrap();
        assert_eq!(bytes(&bench, &name), whole);
    }
    // While it runs, too.
    bench.disk.flip_bit(&name, whole.len() as u64 * 8 - 1);
    bench.open().unwrap();
    bench.fall(bench.disk.kill());
    bench.open().unwrap();
    assert_eq!(bench.of(&["u"]), "2:b");
}

#[test]
fn a_segment_that_is_missing_renamed_or_anothers_is_told() {
    let mut bench = Bench::new(settings(2));
    bench.say("a b c d e f g");
    bench.log().do_chores().unwrap();
    bench.stop();
    let [first, second, last] = [1, 3, 7].map(Segment::name);
    let (whole, whole_last) = (bytes(&bench, &second), bytes(&bench, &last));
    bench.disk.directory().remove(&second).unwrap();
    assert_eq!(bench.damage(), "updates are missing or not whole: 3 to 4");
    write(&bench, &second, &bytes(&bench, &first));
    assert_eq!(bench.damage(), format!("{second} is of another history, or was renamed"));
    let foreign = [&SegmentHead::new([3; 16], 3).to_bytes()[..], &whole[SEGMENT_HEAD..]].concat();
    write(&bench, &second, &foreign);
    assert_eq!(bench.damage(), format!("{second} is of another history, or was renamed"));
    write(&bench, &second, b"something else");
    assert_eq!(bench.damage(), format!("{second} does not begin as a segment does"));
    write(&bench, &second, &whole);
    bench.disk.directory().remove(&last).unwrap();
    assert_eq!(bench.damage(), "updates are missing or not whole: 7");
    write(&bench, &last, &[&whole_last[..8], &[0; 56]].concat());
    assert_eq!(bench.damage(), format!("{last} does not begin as a segment does"));
    write(&bench, &last, &whole_last);
    bench.open().unwrap();
    assert_eq!(bench.all(), "1:a 2:b 3:c 4:d 5:e 6:f 7:g");
    bench.stop();
    for name in bench.disk.files().keys().filter(|name| Segment::first_of(name, ".log").is_some()) {
        bench.disk.directory().remove(name).unwrap();
    }
    assert_eq!(bench.damage(), "all segments are missing");
}

#[test]
fn a_manifest_that_is_missing_damaged_or_newer_is_told() {
    let mut bench = Bench::new(settings(2));
    bench.say("a b c");
    bench.stop();
    let manifest = bytes(&bench, "manifest");
    bench.disk.directory().remove("manifest").unwrap();
    assert_eq!(bench.damage(), "there is 00000000000000000001.log, but no manifest");
    let mut damaged = manifest.clone();
    damaged[30] ^= 1;
    write(&bench, "manifest", &damaged);
    assert_eq!(bench.damage(), "manifest is damaged: its checksum is not that of its lines");
    write(&bench, "manifest", b"someone else's");
    assert!(matches!(bench.open(), Err(OpenError::Foreign { file }) if file == "manifest"));
    let mut newer = b"headwater-history 2\n".to_vec();
    newer.extend(format!("crc32 {:08x}\n", crc32fast::hash(&newer)).bytes());
    write(&bench, "manifest", &newer);
    assert!(matches!(bench.open(), Err(OpenError::Newer { version: 2 })));
    write(&bench, "manifest", &manifest);
    let head = SegmentHead { version: 3, ..SegmentHead::new([7; 16], 1) };
    write(&bench, &Segment::name(1), &head.to_bytes());
    assert!(matches!(bench.open(), Err(OpenError::Newer { version: 3 })));
}

#[test]
fn a_directory_of_other_things_or_in_use_is_refused() {
    let bench = Bench::new(settings(2));
    let fresh = Fresh { id: [1; 16], hash: [1; 16], epoch: Epoch::from_bits(1) };
    let second = Log::open(bench.disk.directory(), settings(2), &fresh);
    assert!(matches!(second, Err(OpenError::InUse)));

    let disk = SimDisk::new(1);
    disk.directory().create("holiday.jpg").unwrap();
    let opened = Log::open(disk.directory(), settings(2), &fresh);
    assert!(matches!(opened, Err(OpenError::Foreign { file }) if file == "holiday.jpg"));
    let disk = SimDisk::new(1);
    disk.directory().create(".keep").unwrap();
    Log::open(disk.directory(), settings(2), &fresh).unwrap();
}

#[test]
fn a_copy_goes_on_in_an_epoch_of_its_own() {
    let mut bench = Bench::new(settings(2));
    bench.say("a b c");
    bench.stop();
    let copy = bench.disk.copy();
    bench.open().unwrap();
    bench.say("d");
    assert_eq!(bench.log().epoch(), Epoch::from_bits(1));
    bench.fall(copy);
    bench.open().unwrap();
    bench.say("e");
    assert_eq!(bench.resolve(&Bench::id(1, 3)), Found::At(3));
    assert_eq!(bench.resolve(&Bench::id(1, 4)), Found::Lost, "the first one's fourth update is not here");
    assert_eq!(bench.resolve(&Bench::id(3, 4)), Found::At(4));
}

/// The power goes at each operation of the first start, and of a start after it.
#[test]
fn a_start_that_does_not_get_to_its_end_is_begun_again() {
    for acknowledged in ["", "a b c"] {
        let mut ended = false;
        for operations in 0..200 {
            for seed in 0..4 {
                let mut bench = Bench {
                    disk: SimDisk::new(seed),
                    log: None,
                    settings: settings(2),
                    now: UNIX_EPOCH,
                    starts: 0,
                };
                if !acknowledged.is_empty() {
                    bench.open().unwrap();
                    bench.say(acknowledged);
                    bench.fall(bench.disk.crash());
                }
                bench.disk.cut_power_after(operations);
                ended = bench.open().is_ok();
                bench.fall(bench.disk.crash());
                if let Err(error) = bench.open() {
                    panic!("power went after {operations} operations: {error:?}\n{:?}", bench.disk);
                }
                bench.say("x");
                let expected = if acknowledged.is_empty() { "1:x" } else { "1:a 2:b 3:c 4:x" };
                assert_eq!(bench.all(), expected);
            }
            if ended {
                break;
            }
        }
        assert!(ended, "that many operations it has not");
    }
}

/// Only a sync of a file that keeps its length is a cheap one.
#[test]
fn zeros_are_written_once_for_many_commits_and_are_cut_off_in_the_end() {
    let bench = Bench::new(Settings { ahead: 10_000, ..settings(10) });
    let len = |bench: &Bench, first| bytes(bench, &Segment::name(first)).len();
    bench.publish([words("0")]).unwrap();
    let begun = len(&bench, 1);
    for i in 1..10 {
        bench.publish([words(&i.to_string())]).unwrap();
        assert_eq!(len(&bench, 1), begun);
    }
    let end = bench.place(10).1.end;
    bench.publish([words("the next segment")]).unwrap();
    bench.log().do_chores().unwrap();
    assert_eq!(len(&bench, 1), end);
}
