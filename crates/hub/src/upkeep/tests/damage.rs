//! One kind of damage after the other.

use super::*;
use crate::upkeep::place::Place;

/// Does something to a history of 35 updates, in segments that begin with 1, 11, 21 and 31, and repairs it. Afterwards a
/// hub starts, tells its subscribers of what is missing, and gives no offset twice.
fn check(
    harm: impl FnOnce(&Path),
    damage: &[(&str, Option<Range<u64>>)],
    lost: &[Range<u64>],
    deeds: &[Deed],
) {
    let (_folder, path) = history(35);
    harm(&path);

    let verified = verify(&path, &mut go_on).unwrap();
    let found: Vec<_> = verified.damage.iter().map(|d| (d.file.as_str(), d.offsets.clone())).collect();
    assert_eq!(found, damage, "{verified:?}");

    let repaired = repair(&path, &mut go_on).unwrap();
    assert_eq!(repaired.deeds, deeds);
    let verified = verify(&path, &mut go_on).unwrap();
    assert_eq!(verified.damage, []);
    assert_eq!(verified.gaps, lost);
    let whole = |offset: &u64| !lost.iter().any(|lost| lost.contains(offset));
    let left: Vec<u64> = (1..36).filter(whole).collect();
    assert_eq!(verified.whole.iter().cloned().flatten().collect::<Vec<_>>(), left);
    assert_eq!(exported(&path), (left, vec![]));
    assert_eq!(repair(&path, &mut go_on).unwrap(), Repaired::default(), "once is enough");

    let log = open(&path, 9).unwrap();
    assert_eq!(log.next(), 36);
    publish(&log, 36..40);
    for lost in lost {
        assert_eq!(log.after_loss(lost.start), lost.end);
    }
    log.do_chores().unwrap();
    end(log);
    assert_eq!(verify(&path, &mut go_on).unwrap().damage, []);
    assert!(exported(&path).0.ends_with(&[36, 37, 38, 39]));
}

fn log_file(path: &Path, first: u64) -> PathBuf {
    path.join(Segment::name(first))
}

fn log_name(first: u64) -> String {
    Segment::name(first)
}

fn index_name(first: u64) -> String {
    Segment::index_name(first)
}

fn rebuilt(first: u64) -> Deed {
    Deed::IndexRebuilt { file: index_name(first) }
}

#[test]
fn nothing() {
    check(|_| (), &[], &[], &[]);
}

#[test]
fn a_bit_in_a_record() {
    let lost = Deed::Lost { offsets: 13..14 };
    let place = |path: &Path| {
        let bytes = fs::read(log_file(path, 11)).unwrap();
        let text = b"line 13";
        bytes.windows(text.len()).position(|window| window == text).unwrap()
    };
    let harm = |path: &Path| {
        let place = place(path);
        flip(&log_file(path, 11), |_| place);
    };
    check(harm, &[(&log_name(11), Some(13..14))], &[13..14], &[lost, rebuilt(11)]);
}

#[test]
fn the_length_of_a_record() {
    // The first one of all stands behind the head.
    let lost = Deed::Lost { offsets: 1..2 };
    let harm = |path: &Path| flip(&log_file(path, 1), |_| 66);
    check(harm, &[(&log_name(1), Some(1..2))], &[1..2], &[lost, rebuilt(1)]);
}

#[test]
fn a_segment_that_is_cut_off() {
    let lost = Deed::Lost { offsets: 15..21 };
    let harm = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(log_file(path, 11)).unwrap();
        let bytes = fs::read(log_file(path, 11)).unwrap();
        let text = b"line 15";
        let place = bytes.windows(text.len()).position(|window| window == text).unwrap();
        file.set_len(place as u64).unwrap();
    };
    check(harm, &[(&log_name(21), Some(15..21))], &[15..21], &[rebuilt(11), lost]);
}

#[test]
fn a_segment_that_is_gone() {
    let harm = |path: &Path| fs::remove_file(log_file(path, 11)).unwrap();
    let lost = Deed::Lost { offsets: 11..21 };
    check(harm, &[(&log_name(21), Some(11..21))], &[11..21], &[lost]);
}

#[test]
fn the_last_segment_gone_after_a_clean_end() {
    let harm = |path: &Path| fs::remove_file(log_file(path, 31)).unwrap();
    let deeds = [Deed::Lost { offsets: 31..36 }, Deed::GoesOn { at: 36 }];
    check(harm, &[(&log_name(21), Some(31..36))], &[31..36], &deeds);
}

#[test]
fn the_end_of_the_last_segment_gone_after_a_clean_end() {
    let harm = |path: &Path| {
        let len = fs::metadata(log_file(path, 31)).unwrap().len();
        fs::OpenOptions::new().write(true).open(log_file(path, 31)).unwrap().set_len(len - 1).unwrap();
    };
    let deeds = [Deed::Lost { offsets: 35..36 }, rebuilt(31), Deed::GoesOn { at: 36 }];
    check(harm, &[(&log_name(31), Some(35..36))], &[35..36], &deeds);
}

/// Nothing whole was written after it, as after a commit that is torn; but the end was a clean one.
#[test]
fn a_bit_in_the_last_commit_after_a_clean_end() {
    let (_folder, path) = history(34);
    flip(&log_file(&path, 31), |_| {
        let bytes = fs::read(log_file(&path, 31)).unwrap();
        let text = b"line 33";
        bytes.windows(text.len()).position(|window| window == text).unwrap()
    });
    assert!(matches!(open(&path, 9), Err(OpenError::Damaged { .. })));
    let damage = verify(&path, &mut go_on).unwrap().damage;
    assert_eq!(damage.iter().map(|d| d.offsets.clone()).collect::<Vec<_>>(), [Some(33..34)]);
    assert_eq!(repair(&path, &mut go_on).unwrap().deeds, [Deed::Lost { offsets: 33..34 }]);
    assert_eq!(exported(&path), ((1..35).filter(|&o| o != 33).collect(), vec![]));
    assert_eq!(open(&path, 9).unwrap().next(), 35);
}

#[test]
fn a_tail_that_was_never_acknowledged() {
    let (_folder, path) = history(34);
    let log = open(&path, 2).unwrap();
    publish(&log, 35..37);
    drop(log); // A crash: no clean end, and zeros behind the last commit.
    let bytes = fs::read(log_file(&path, 31)).unwrap();
    let text = b"line 36";
    let place = bytes.windows(text.len()).position(|window| window == text).unwrap();
    fs::write(log_file(&path, 31), &bytes[..place]).unwrap();

    let verified = verify(&path, &mut go_on).unwrap();
    assert_eq!((verified.damage, verified.updates), (vec![], 34));
    let torn = verified.torn.unwrap();
    assert_eq!(torn.file, log_name(31));
    let cut = Deed::TailCut { file: torn.file, bytes: torn.bytes };
    assert_eq!(repair(&path, &mut go_on).unwrap().deeds, [cut]);
    assert_eq!(exported(&path), ((1..35).collect(), vec![]));
    assert_eq!(open(&path, 9).unwrap().next(), 35);
}

#[test]
fn the_head_of_a_segment() {
    // Also of one whose version only its records tell.
    for version in 1..=2 {
        let harm = |path: &Path| {
            if version == 1 {
                make_plain(&log_file(path, 11));
            }
            flip(&log_file(path, 11), |_| 20);
        };
        check(harm, &[(&log_name(11), None)], &[], &[Deed::HeadRewritten { file: log_name(11) }]);
    }
}

/// Of each file that says it: the records are proven with the log's id.
#[test]
fn all_heads_and_the_manifest() {
    let all = [1, 11, 21, 31];
    let harm_all = |path: &Path| all.iter().for_each(|&first| flip(&log_file(path, first), |_| 20));
    let damaged: Vec<_> = [None].into_iter().chain(all.map(Some)).collect();
    let names: Vec<_> = damaged.iter().map(|first| first.map_or("manifest".into(), log_name)).collect();
    let damage: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
    let rewritten = |first| Deed::HeadRewritten { file: log_name(first) };
    // The indexes know it.
    let mut deeds = vec![Deed::ManifestRebuilt];
    for first in all {
        deeds.push(rewritten(first));
        deeds.extend((first != 31).then(|| rebuilt(first)));
    }
    let harm = |path: &Path| {
        harm_all(path);
        fs::remove_file(path.join("manifest")).unwrap();
    };
    check(harm, &damage, &[], &deeds);
    // The line of the manifest is whole that says it.
    let harm = |path: &Path| {
        harm_all(path);
        all[..3].iter().for_each(|&first| fs::remove_file(path.join(index_name(first))).unwrap());
        flip(&path.join("manifest"), |len| len / 2);
    };
    check(harm, &damage, &[], &deeds);
}

/// Whoever reads looks for what follows a damaged record. With the checksums of version 1 that was whatever its publisher
/// wanted.
#[test]
fn a_record_that_a_publisher_made_in_a_damaged_one() {
    for (version, taken) in [(1, 1), (2, 0)] {
        let (_folder, path) = history(1);
        let log = open(&path, 2).unwrap();
        let draft = Submission::from(Update::new(topic("/mine"), forged(3))).drafts.remove(0);
        log.append(&[Arc::new(draft.seal(log.epoch(), 2, at(2)).0)]).unwrap();
        publish(&log, 3..6);
        end(log);
        if version == 1 {
            make_plain(&log_file(&path, 1));
        }
        let bytes = fs::read(log_file(&path, 1)).unwrap();
        let first = u32::from_le_bytes(bytes[64..68].try_into().unwrap()) as usize;
        flip(&log_file(&path, 1), |_| 64 + 8 + first + 2);

        let found = || {
            let read = Export::open(&path).unwrap().flatten();
            let secrets = read.filter(|read| read.update.topics[0].as_str() == SECRET);
            let counted = info(&path, 9, &mut go_on).unwrap().topics;
            (secrets.count(), counted.iter().filter(|count| count.topic == SECRET).count())
        };
        assert_eq!(found(), (taken, taken), "version {version}");
        let damage = verify(&path, &mut go_on).unwrap().damage;
        assert_eq!(damage.len(), 1 + taken, "version {version}: {damage:?}");
        repair(&path, &mut go_on).unwrap();
        assert_eq!(found(), (taken, taken), "version {version}");
        if version == 2 {
            assert_eq!(exported(&path), (vec![1, 3, 4, 5], vec![]));
        }
    }
}

#[test]
fn an_index() {
    for place in [20, 100, 200] {
        let harm = |path: &Path| flip(&path.join(index_name(11)), |_| place);
        check(harm, &[(&index_name(11), None)], &[], &[rebuilt(11)]);
    }
    check(|path| fs::remove_file(path.join(index_name(11))).unwrap(), &[], &[], &[rebuilt(11)]);
    let other = |path: &Path| _ = fs::copy(path.join(index_name(21)), path.join(index_name(11))).unwrap();
    check(other, &[(&index_name(11), None)], &[], &[rebuilt(11)]);
}

#[test]
fn a_segment_of_another_history() {
    let harm = |path: &Path| {
        let other = folder();
        drop(Import::open(other.path()).unwrap());
        fs::copy(log_file(other.path(), 1), log_file(path, 11)).unwrap();
    };
    let aside = Deed::SetAside { file: log_name(11), name: format!("{}.aside-1", log_name(11)) };
    let damage = [(log_name(11), None), (log_name(21), Some(11..21))];
    let damage: Vec<_> = damage.iter().map(|(file, offsets)| (file.as_str(), offsets.clone())).collect();
    check(harm, &damage, &[11..21], &[aside, Deed::Lost { offsets: 11..21 }]);
}

#[test]
fn a_manifest_that_is_gone_or_not_whole() {
    let deeds = [Deed::ManifestRebuilt, rebuilt(1), rebuilt(11), rebuilt(21)];
    check(|path| fs::remove_file(path.join("manifest")).unwrap(), &[("manifest", None)], &[], &deeds);
    check(|path| flip(&path.join("manifest"), |len| len / 2), &[("manifest", None)], &[], &deeds);
    check(|path| fs::write(path.join("manifest"), "").unwrap(), &[("manifest", None)], &[], &deeds);
}

#[test]
fn a_manifest_that_is_made_anew_knows_the_epochs_from_the_updates() {
    let (_folder, path) = history(12);
    let log = open(&path, 2).unwrap();
    publish(&log, 13..15);
    drop(log); // A crash.
    let log = open(&path, 3).unwrap();
    publish(&log, 15..17);
    end(log);
    let told = info(&path, 0, &mut go_on).unwrap().epochs;
    fs::remove_file(path.join("manifest")).unwrap();
    repair(&path, &mut go_on).unwrap();
    // The first update of the third one has an id of its publisher's: it is found all the same.
    assert_eq!(told, [(Epoch::from_bits(1), 1), (Epoch::from_bits(3), 15)]);
    assert_eq!(info(&path, 0, &mut go_on).unwrap().epochs, told);
}

#[test]
fn what_a_hub_found_damaged_and_is_whole_again() {
    let (_folder, path) = history(35);
    let place = Place::open(&path).unwrap();
    let mut manifest = place.manifest().unwrap();
    manifest.add_damaged(12..14);
    manifest.store(&*place.disk).unwrap();
    assert!(matches!(open(&path, 9), Err(OpenError::Damaged { .. })));
    let verified = verify(&path, &mut go_on).unwrap();
    assert_eq!(verified.damage.len(), 1);
    assert_eq!(
        (&verified.damage[0].offsets, &verified.damage[0].kind),
        (&Some(12..14), &DamageKind::WasUnreadable)
    );
    assert_eq!(repair(&path, &mut go_on).unwrap().deeds, [Deed::Regained { offsets: 12..14 }]);
    assert_eq!(exported(&path), ((1..36).collect(), vec![]));
    open(&path, 9).unwrap();
}
