//! What a publisher writes is data, whatever it looks like.

use super::{
    super::version_1::{SECRET, forged},
    *,
};
use crate::{
    log::checksum::Checksum,
    record::{CHOSEN_ID, KEYED, PRIVATE},
    upkeep::repair_simulated,
};

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

/// A CRC is linear: if it only began with the secret, that would cancel out in the sum of a record that takes in, at the
/// right distance, the sum of another. That other one is here the second update of the same submission, of which a publisher
/// can know all but the time, and that can be guessed.
fn covering(bench: &Bench) -> Submission {
    let seal = |submission: Submission| {
        let drafts = submission.drafts.into_iter().zip(2..);
        let records = drafts.map(|(draft, offset)| draft.seal(bench.log().epoch(), offset, bench.now).0);
        let plain = |record| {
            let mut bytes = Vec::new();
            format::encode(&record, 2, Checksum::PLAIN, &mut bytes);
            bytes
        };
        records.map(plain).collect::<Vec<_>>()
    };
    let submission = |data: &str, filler: usize| {
        Submission::new([update(&["mine"], data), update(&["mine"], &"z".repeat(filler))])
    };
    for n in 0..100_000 {
        // The rest of the first update, and the second one's length, are its key; the second one's sum is the number of
        // updates.
        let event = format!("id: x\ndata: forged {n}");
        let topic =
            [&1_u32.to_le_bytes()[..], &(SECRET.len() as u32).to_le_bytes(), SECRET.as_bytes()].concat();
        // No byte of its length is more than 127.
        let size = 8 + 0x160_usize;
        let rest = size - (format::RECORD_HEAD + event.len() + topic.len() + 4 + 20);
        let head = [(size - 8) as u32, 0, 3, 0, 0x0101_0101, 0x0001_0101, PRIVATE | CHOSEN_ID | KEYED, 0];
        let mut forged: Vec<u8> = head.iter().flat_map(|number| number.to_le_bytes()).collect();
        forged.extend((event.len() as u32).to_le_bytes());
        forged.extend(event.bytes().chain(topic).chain((rest as u32).to_le_bytes()));
        // Behind the data: two line ends and the topic, and what the forged one takes of the next record.
        let behind = 2 + 12 + 8;
        forged.resize(size - behind, b'y');
        let text = |bytes: &[u8]| Some(String::from_utf8(bytes.to_vec()).ok()?.replace("\ndata: ", "\n"));
        let Some(data) = text(&forged) else { continue };
        let filler = size - 4 - seal(submission("", 0))[1].len();
        let sealed = seal(submission(&data, filler)).concat();
        let at = sealed.windows(20).position(|window| window == &forged[..20]).unwrap();
        let sum = Checksum::PLAIN.of([&sealed[at..at + 4], &sealed[at + 8..at + size]]);
        forged[4..8].copy_from_slice(&sum.to_le_bytes());
        if let Some(data) = text(&forged).filter(|data| data.matches(['\n', '\r']).count() == 1) {
            return submission(&data, filler);
        }
    }
    unreachable!("one sum in 16 is text");
}

#[test]
fn a_record_that_takes_in_the_sum_of_the_next_one_is_none() {
    let mut bench = Bench::new(settings(100));
    bench.say("a");
    bench.publish([covering(&bench)]).unwrap();
    bench.say("d e");
    behead(&mut bench, 2);
    assert_eq!(bench.damage(), "updates are missing or not whole: 2");
    repair_simulated(bench.disk.directory()).unwrap();
    bench.open().unwrap();
    assert_eq!(bench.of(&[SECRET]), "!2-2");
    assert_eq!(bench.of(&["t"]), "1:a !2-2 4:d 5:e");
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

    let mut bench = Bench::new(settings(100));
    bench.make_plain();
    bench.say("a");
    bench.publish([covering(&bench)]).unwrap();
    bench.say("d e");
    behead(&mut bench, 2);
    assert_eq!(bench.damage(), "updates are missing or not whole: 2, 4");
}
