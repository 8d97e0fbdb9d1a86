//! What a power cut leaves behind and SIGKILL does not, as a `write` is finished once it has begun: a part of a commit.

use std::{
    fs::{self, File},
    hash::Hasher as _,
    os::unix::fs::FileExt as _,
    path::Path,
};

use siphasher::sip::SipHasher13;

use crate::dice::Dice;

const SEGMENT_HEAD: usize = 64;
/// Of a record's length and checksum; its length counts what follows.
const PREFIX: usize = 8;
/// The next record belongs to the same submission.
const CONTINUED: u32 = 4;

/// Writes a part of a submission of three updates behind the last one. There may be no log yet.
pub(crate) fn tear(history: &Path, dice: &mut Dice) {
    let files =
        fs::read_dir(history).into_iter().flatten().map(|entry| entry.expect("it can be listed").path());
    let Some(path) = files.filter(|path| path.extension().is_some_and(|e| e == "log")).max() else { return };
    let bytes = fs::read(&path).expect("it can be read");
    let (Some(id), Some(first)) = (bytes.get(16..).and_then(<[u8]>::first_chunk), bytes.get(32..40)) else {
        return;
    };
    let mut next = u64::from_le_bytes(first.try_into().expect("eight bytes"));
    let mut end = SEGMENT_HEAD;
    // Behind the last record are zeros, or nothing.
    while let Some(length) = bytes.get(end..end + 4).filter(|length| *length != [0; 4]) {
        end += PREFIX + u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        next += 1;
    }
    let submission: Vec<u8> = (0..3).flat_map(|place| record(id, next, place, &dice.text(40))).collect();
    let part = dice.within(1..submission.len() as u64) as usize;
    let file = File::options().write(true).open(&path).expect("it can be written");
    file.write_all_at(&submission[..part], end as u64).expect("there is room");
}

/// An update that nobody has published: docs/log-format.md.
fn record(id: &[u8; 16], next: u64, place: u32, data: &str) -> Vec<u8> {
    let event = format!("id: torn-{place}\ndata: {}\n\n", data.replace('\n', " ").repeat(20));
    let topic = "/room/0";
    let mut rest = Vec::new();
    rest.extend((next + u64::from(place)).to_le_bytes());
    // The year 2096: no record is older than one before it.
    rest.extend(4_000_000_000_000_000_u64.to_le_bytes());
    for number in [if place < 2 { CONTINUED } else { 0 }, place, event.len() as u32] {
        rest.extend(number.to_le_bytes());
    }
    rest.extend(event.as_bytes());
    rest.extend(1_u32.to_le_bytes());
    rest.extend((topic.len() as u32).to_le_bytes());
    rest.extend(topic.as_bytes());
    let length = (rest.len() as u32).to_le_bytes();
    let mut hasher = SipHasher13::new_with_key(id);
    hasher.write(&crc32fast::hash(&[&length[..], &rest].concat()).to_le_bytes());
    let checksum = hasher.finish() as u32;
    [&length[..], &checksum.to_le_bytes(), &rest].concat()
}
