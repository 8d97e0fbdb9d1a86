//! A history that an earlier version began is gone on with.

use super::*;
use crate::log::head::SegmentHead;

impl Bench {
    /// The version of each segment.
    fn versions(&self) -> Vec<u32> {
        let mut files = self.disk.files();
        files.retain(|name, _| Segment::first_of(name, ".log").is_some());
        let head = |bytes: &Vec<u8>| SegmentHead::from_bytes(bytes.first_chunk().unwrap()).unwrap();
        files.values().map(|bytes| head(bytes).version).collect()
    }
}

#[test]
fn a_segment_stays_of_the_version_that_began_it() {
    let mut bench = Bench::new(settings(3));
    bench.make_plain();
    bench.say("a b");
    bench.restart();
    bench.publish([Submission::new([update(&["me"], "c")])]).unwrap();
    assert_eq!(bench.versions(), [1]);
    // The next one would be too many, and begins a segment.
    bench.publish([words("d e")]).unwrap();
    assert_eq!(bench.versions(), [1, 2]);
    let all = "1:a 2:b 3:c 4:d 5:e";
    for _ in 0..2 {
        assert_eq!((bench.all().as_str(), bench.of(&["me"]).as_str()), (all, "3:c"));
        bench.fall(bench.disk.crash());
        bench.open().unwrap();
    }
    bench.log().purge(&Topic::new("me").unwrap()).unwrap();
    bench.log().do_chores().unwrap();
    // Read from the records: what is purged is whole, and no damage.
    bench.disk.directory().remove(&Segment::index_name(1)).unwrap();
    bench.restart();
    assert_eq!((bench.all().as_str(), bench.versions()), ("1:a 2:b 4:d 5:e", vec![1, 2]));
}

/// The power goes at each operation of a purge, in a segment of the first version and in one of the second.
#[test]
fn a_purge_is_finished_in_both() {
    let mut ended = false;
    for operations in 0..200 {
        let mut bench = Bench::on(SimDisk::new(operations), settings(2));
        bench.make_plain();
        for topic in ["a", "me", "me", "a", "a"] {
            bench.publish([Submission::new([update(&[topic], "x")])]).unwrap();
        }
        bench.disk.cut_power_after(operations);
        let purged = bench.log().purge(&Topic::new("me").unwrap());
        ended = bench.log().do_chores().is_ok();
        bench.fall(bench.disk.crash());
        bench.open().unwrap_or_else(|error| panic!("{operations} operations: {error:?}"));
        let all = bench.all();
        assert!(all == "1:x 4:x 5:x" || purged.is_err() && all == "1:x 2:x 3:x 4:x 5:x", "{all}");
        assert_eq!(bench.versions(), [1, 2, 2]);
        if ended {
            break;
        }
    }
    assert!(ended, "that many operations it has not");
}
