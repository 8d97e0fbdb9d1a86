//! What a publisher writes is data, whatever it looks like.

use super::{
    super::version_1::{SECRET, forged},
    *,
};
use crate::upkeep::repair_simulated;

/// A history whose segment is of this version, with a forged update 3 inside of update 2.
fn deceived(version: u32) -> Bench {
    let mut bench = Bench::new(settings(100));
    if version == 1 {
        bench.make_plain();
    }
    bench.say("a");
    bench.publish([Submission::new([update(&["mine"], &forged(3))])]).unwrap();
    bench
}

/// Nothing is left of the head of a record.
fn behead(bench: &mut Bench, offset: Offset) {
    let (name, place) = bench.place(offset);
    bench.fall(bench.disk.kill());
    let file = bench.disk.directory().open(&name).unwrap();
    file.write_at(&[0; format::RECORD_HEAD], place.start as u64).unwrap();
    file.sync().unwrap();
}

/// Behind damage records are looked for byte by byte.
#[test]
fn a_record_inside_of_damaged_data_is_none() {
    let mut bench = deceived(2);
    bench.say("c d e");
    behead(&mut bench, 2);
    assert_eq!(bench.damage(), "updates are missing or not whole: 2");
    repair_simulated(bench.disk.directory()).unwrap();
    bench.open().unwrap();
    assert_eq!(bench.all(), "1:a !2-2 3:c 4:d 5:e");
    assert_eq!(bench.of(&[SECRET]), "!2-2");
}

#[test]
fn a_record_inside_of_a_torn_commit_is_none() {
    let mut bench = deceived(2);
    behead(&mut bench, 2);
    bench.open().unwrap();
    assert_eq!((bench.all().as_str(), bench.log().next()), ("1:a", 2));
}

/// Where each test above would fail, if the checksum had no secret: otherwise they would show nothing.
#[test]
fn with_plain_checksums_it_is_one() {
    let mut bench = deceived(1);
    bench.say("c d e");
    behead(&mut bench, 2);
    assert_eq!(bench.damage(), "updates are missing or not whole: 2, 4");
    repair_simulated(bench.disk.directory()).unwrap();
    bench.open().unwrap();
    assert!(bench.of(&[SECRET]).contains("3:forged"), "{}", bench.all());

    let mut bench = deceived(1);
    behead(&mut bench, 2);
    assert_eq!(bench.damage(), "updates are missing or not whole: 2");
}
