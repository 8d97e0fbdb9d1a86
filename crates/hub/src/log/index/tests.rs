//! The index in memory and the file that it becomes, beside each other.

use std::{collections::BTreeMap, io, io::ErrorKind, sync::Arc};

use proptest::prelude::*;

use super::{super::steps::Steps, *};
use crate::disk::DiskFile;

const LOG: [u8; 16] = *b"the id of a log.";

fn open(bytes: &[u8]) -> io::Result<Sealed> {
    Sealed::open(Steps::default().put("idx", bytes))
}

/// Numbers that are spread as hashes are.
fn spread(n: u64) -> u64 {
    let n = (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn small() -> Growing {
    let mut index = Growing::new(10);
    index.push(64, 0x1000, Hashes { topics: &[0x11 << 56, 0x99 << 56], ..Hashes::default() });
    index.push(100, 0x1001, Hashes { topics: &[0x11 << 56], id: Some(0x22 << 56), key: None });
    index.push(200, 0x1002, Hashes { topics: &[0x99 << 56, 0x11 << 56], id: None, key: Some(0xee << 56) });
    index
}

/// The file of `small`, part by part: later versions and other programs read the same.
const SMALL: &[&str] = &[
    "6865616477696478",
    "01000000",
    "03000000",
    "746865206964206f662061206c6f672e",
    "0a00000000000000",
    "2c01000000000000",
    "0010000000000000",
    "0210000000000000",
    "04000000",
    "07000000",
    "02000000",
    "01000000",
    "01000000",
    "00000000",
    "68bf0258",
    "d5c6b570",
    // positions
    "40000000",
    "64000000",
    "c8000000",
    // fan-out
    "00000000",
    "02000000",
    "02000000",
    "03000000",
    "04000000",
    // hashes
    "0000000000000011",
    "00000000",
    "0000000000000022",
    "03000000",
    "0000000000000099",
    "04000000",
    "00000000000000ee",
    "06000000",
    // postings
    "40000000",
    "64000000",
    "c8000000",
    "64000000",
    "40000000",
    "c8000000",
    "c8000000",
];

#[test]
fn the_file_is_as_it_is_written_down() {
    let bytes = small().seal(300, LOG);
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex.concat(), SMALL.concat());
}

fn found(index: &Sealed, hash: u64, from: Position) -> Vec<Position> {
    let mut into = vec![7];
    index.find(hash, from, &mut into).unwrap();
    assert_eq!(into.remove(0), 7, "what was found comes after what was there");
    into
}

#[test]
fn the_header_says_what_a_start_asks() {
    let index = open(&small().seal(300, LOG)).unwrap();
    assert_eq!((index.log_id(), index.end(), index.first(), index.count()), (LOG, 300, 10, 3));
    assert_eq!((index.ids(), index.keys()), (1, 1));
    assert_eq!((index.first_time(), index.last_time()), (0x1000, 0x1002));
    let positions = [9, 10, 12, 13, u64::MAX].map(|o| index.position(o).unwrap());
    assert_eq!(positions, [None, Some(64), Some(200), None, None]);
}

#[test]
fn an_index_of_nothing_is_a_file_too() {
    let index = open(&Growing::new(5).seal(64, LOG)).unwrap();
    assert_eq!((index.first(), index.count(), index.position(5).unwrap()), (5, 0, None));
    assert_eq!(found(&index, 0, 0), []);
    assert_eq!(index.hashes().count(), 0);
}

/// Uses everything once.
fn use_all(index: &Sealed) -> io::Result<()> {
    let mut into = Vec::new();
    index.positions(0, usize::MAX, &mut into)?;
    index.positions(index.first(), usize::MAX, &mut into)?;
    for hash in [0, 0x11 << 56, 0x22 << 56, 0x99 << 56, 0xee << 56, u64::MAX] {
        index.find(hash, 0, &mut into)?;
        index.find_first(hash, 100, 1, &mut into)?;
    }
    index.hashes().try_for_each(|hash| hash.map(drop))
}

#[test]
fn no_bit_can_change_and_no_byte_be_missing() {
    let bytes = small().seal(300, LOG);
    let refused = |bytes: &[u8], what: &str| {
        let result = open(bytes).and_then(|index| {
            let position = index.position(10);
            assert_eq!(position.unwrap_err().kind(), ErrorKind::InvalidData, "{what}");
            assert_eq!(index.hashes().next().unwrap().unwrap_err().kind(), ErrorKind::InvalidData, "{what}");
            index.find(0x11 << 56, 0, &mut Vec::new())
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidData, "{what}");
    };
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[i] ^= 1 << bit;
            refused(&flipped, &format!("bit {bit} of byte {i}"));
        }
        refused(&bytes[..i], &format!("{i} bytes"));
    }
    refused(&[&bytes[..], &[0]].concat(), "one byte more");
    use_all(&open(&bytes).unwrap()).unwrap();
}

/// The checksum was right when it was looked at. What a disk does after that must not bring the hub down.
#[test]
fn what_changes_later_panics_nowhere() {
    let bytes = small().seal(300, LOG);
    for i in 0..bytes.len() as u64 {
        for byte in [0, 1, 0x7f, 0xff] {
            let file = Steps::default().put("idx", &bytes);
            let index = Sealed::open(file.clone()).unwrap();
            index.check().unwrap();
            file.write_at(&[byte], i).unwrap();
            let _ = use_all(&index);
            file.set_len(i).unwrap();
            let _ = use_all(&index);
        }
    }
}

#[test]
fn a_read_that_fails_is_no_damage() {
    let disk = Steps::default();
    let index = Sealed::open(disk.put("idx", &small().seal(300, LOG))).unwrap();
    for _ in 0..2 {
        disk.refuse_after(0);
        assert_eq!(index.check().unwrap_err().kind(), ErrorKind::Other);
    }
    use_all(&index).unwrap();
}

#[test]
fn a_lookup_reads_little_and_the_checksum_once() {
    let mut growing = Growing::new(1);
    for i in 0..20_000 {
        let own = spread(u64::from(i));
        growing.push(64 + i, 0, Hashes { topics: &[spread(1 << 40)], id: Some(own), key: None });
    }
    let disk = Steps::default();
    let file: Arc<dyn DiskFile> = disk.put("idx", &growing.seal(1 << 20, LOG));
    let index = Sealed::open(file).unwrap();
    assert_eq!(disk.take(), ["read idx 96"]);
    index.check().unwrap();
    disk.take();

    let mut entries = 0;
    for i in 0..20_000 {
        assert_eq!(found(&index, spread(u64::from(i)), 0), [64 + i]);
        let reads: Vec<usize> =
            disk.take().iter().map(|step| step["read idx ".len()..].parse().unwrap()).collect();
        assert!(matches!(reads[..], [8, _, 4]), "{reads:?}");
        entries += reads[1] / 12;
    }
    assert!(entries < 4 * 20_000, "one or two, one of chance, and one behind: {entries}");

    for i in 1 << 20..(1 << 20) + 1_000 {
        assert_eq!(found(&index, spread(i), 0), []);
        assert!(disk.take().len() <= 2);
    }
    let mut into = Vec::new();
    index.find_first(spread(1 << 40), 15_000, 3, &mut into).unwrap();
    assert_eq!(into, [15_000, 15_001, 15_002]);
    let steps = disk.take();
    assert!(steps.len() < 10 && !steps.contains(&"read idx 65536".into()), "{steps:?}");
}

#[test]
fn long_lists_are_read_in_blocks() {
    let mut growing = Growing::new(1);
    for i in 0..5_000 {
        // All in one bucket: only the highest bits differ that no bucket is told by.
        growing.push(64 + 3 * i, 0, Hashes { topics: &[1, u64::from(i) << 8], ..Hashes::default() });
    }
    let index = open(&growing.seal(1 << 20, LOG)).unwrap();
    for from in (0..64 + 15_000).step_by(97) {
        let mut expected = vec![];
        growing.find(1, from, &mut expected);
        assert_eq!(found(&index, 1, from), expected);
        for most in [0, 1, 2_000] {
            let mut into = vec![];
            index.find_first(1, from, most, &mut into).unwrap();
            assert_eq!(into, expected[..most.min(expected.len())]);
        }
    }
    for i in 0..5_000 {
        assert_eq!(found(&index, u64::from(i) << 8, 0), [64 + 3 * i]);
        assert_eq!(found(&index, u64::from(i) << 8 | 2, 0), []);
    }
    assert_eq!(index.hashes().collect::<io::Result<Vec<_>>>().unwrap(), growing.hashes());
    let mut positions = vec![];
    index.positions(2, usize::MAX, &mut positions).unwrap();
    assert_eq!(positions, (1..5_000).map(|i| 64 + 3 * i).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
struct Record {
    gap: u32,
    topics: Vec<u64>,
    id: Option<u64>,
    key: Option<u64>,
}

/// Few, so that they come again; some spread, some beside each other, and the outermost.
fn hash() -> impl Strategy<Value = u64> {
    prop_oneof![(0..40u64).prop_map(spread), 0..5u64, (0..3u64).prop_map(|n| u64::MAX - n)]
}

fn record() -> impl Strategy<Value = Record> {
    let id = proptest::option::weighted(0.2, hash());
    let key = proptest::option::weighted(0.2, hash());
    (1..200u32, proptest::collection::vec(hash(), 1..4), id, key).prop_map(|(gap, topics, id, key)| Record {
        gap,
        topics,
        id,
        key,
    })
}

proptest! {
    #[test]
    fn memory_and_file_say_the_same(
        records in proptest::collection::vec(record(), 0..150),
        asked in proptest::collection::vec((hash(), 0..20_000u32, 0..20usize), 1..40),
    ) {
        let mut growing = Growing::new(1_000);
        let mut plain: BTreeMap<u64, Vec<Position>> = BTreeMap::new();
        let mut positions = vec![];
        let mut position = 63;
        for Record { gap, topics, id, key } in &records {
            position += gap;
            positions.push(position);
            growing.push(position, u64::from(position) * 10, Hashes { topics, id: *id, key: *key });
            for &hash in topics.iter().chain(id).chain(key) {
                let list = plain.entry(hash).or_default();
                if list.last() != Some(&position) {
                    list.push(position);
                }
            }
        }
        let sealed = open(&growing.seal(u64::from(position) + 100, LOG)).unwrap();

        let counts: Vec<_> = plain.iter().map(|(&hash, list)| (hash, list.len() as u32)).collect();
        prop_assert_eq!(growing.hashes(), counts.clone());
        prop_assert_eq!(sealed.hashes().collect::<io::Result<Vec<_>>>().unwrap(), counts);
        for (hash, from, most) in asked {
            let list = plain.get(&hash).map(Vec::as_slice).unwrap_or_default();
            let expected = &list[list.partition_point(|&p| p < from)..];
            let mut into = vec![];
            growing.find(hash, from, &mut into);
            prop_assert_eq!(&into, expected);
            prop_assert_eq!(&found(&sealed, hash, from), expected);
            into.clear();
            sealed.find_first(hash, from, most, &mut into).unwrap();
            prop_assert_eq!(&into, &expected[..most.min(expected.len())]);
        }
        for i in 0..positions.len() + 2 {
            let offset = 999 + i as u64;
            let expected = i.checked_sub(1).and_then(|i| positions.get(i)).copied();
            prop_assert_eq!(growing.position(offset), expected);
            prop_assert_eq!(sealed.position(offset).unwrap(), expected);
        }
        prop_assert_eq!((sealed.first(), sealed.count()), (growing.first(), growing.count()));
        prop_assert_eq!((sealed.ids(), sealed.keys()), (growing.ids(), growing.keys()));
        prop_assert_eq!((sealed.first_time(), sealed.last_time()), (growing.first_time(), growing.last_time()));
    }
}
