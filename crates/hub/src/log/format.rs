//! A record, byte by byte. `docs/log-format.md` says the same for strangers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::checksum::Checksum;
use crate::{
    cursor::Offset,
    framing::Framing,
    record::{PURGED, Record},
};

/// Bytes of a record before its event.
pub(crate) const RECORD_HEAD: usize = 36;

/// What the checksum of a record stands behind, and covers with all that follows it.
const LENGTH_END: usize = 4;
const CHECKSUM_END: usize = 8;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The fixed part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of all of the record.
    pub(crate) size: u64,
    sum: u32,
    pub(crate) offset: Offset,
    /// Microseconds since 1970.
    pub(crate) at: u64,
    pub(crate) flags: u32,
    /// How many of the records before it were not synced yet when it was written.
    pub(crate) place: u32,
    event: u32,
}

impl Head {
    /// Reads it; nothing is known to be true until [`check`] has seen all of the record.
    pub(crate) fn read(bytes: &[u8; RECORD_HEAD]) -> Self {
        Self {
            size: CHECKSUM_END as u64 + u64::from(u32_at(bytes, 0)),
            sum: u32_at(bytes, 4),
            offset: u64_at(bytes, 8),
            at: u64_at(bytes, 16),
            flags: u32_at(bytes, 24),
            place: u32_at(bytes, 28),
            event: u32_at(bytes, 32),
        }
    }

    /// What lies before this offset was durable when the record was written.
    pub(crate) fn durable(&self) -> Offset {
        self.offset.saturating_sub(self.place.into())
    }

    pub(crate) fn is_purged(&self) -> bool {
        self.flags & PURGED != 0
    }
}

fn sum(record: &[u8], checksum: Checksum) -> u32 {
    checksum.of([&record[..LENGTH_END], &record[CHECKSUM_END..]])
}

/// How many bytes [`encode`] appends.
pub(crate) fn size(record: &Record) -> usize {
    RECORD_HEAD + record.bytes(Framing::Bare).len() + record.rest().len()
}

/// Appends a record. What lies before `durable` has been synced.
pub(crate) fn encode(record: &Record, durable: Offset, checksum: Checksum, into: &mut Vec<u8>) {
    let start = into.len();
    // It fits: a segment has fewer, and begins with a sync.
    let place = (record.offset - durable) as u32;
    let (event, rest) = (record.bytes(Framing::Bare), record.rest());
    let length = (size(record) - CHECKSUM_END) as u32;
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(&record.offset.to_le_bytes());
    into.extend_from_slice(&micros(record.at).to_le_bytes());
    into.extend_from_slice(&record.flags.to_le_bytes());
    into.extend_from_slice(&place.to_le_bytes());
    into.extend_from_slice(&(event.len() as u32).to_le_bytes());
    into.extend_from_slice(event);
    into.extend_from_slice(rest);
    put_checksum(&mut into[start..], checksum);
}

fn put_checksum(record: &mut [u8], checksum: Checksum) {
    let sum = sum(record, checksum);
    record[LENGTH_END..CHECKSUM_END].copy_from_slice(&sum.to_le_bytes());
}

/// Whether these bytes are one whole record, as it was written.
pub(crate) fn check(record: &[u8], checksum: Checksum) -> Option<Head> {
    let head = Head::read(record.first_chunk()?);
    let whole = head.size == record.len() as u64 && head.sum == sum(record, checksum);
    whole.then_some(head)
}

/// Reads a record that [`check`] has found whole. `None`: some other program wrote what no update looks like.
pub(crate) fn decode(head: &Head, record: &[u8]) -> Option<Record> {
    let at = time(head.at);
    if head.is_purged() {
        return Some(Record::purged(head.offset, at));
    }
    let (event, rest) = record[RECORD_HEAD..].split_at_checked(head.event as usize)?;
    Record::from_parts(head.offset, at, head.flags, event, rest)
}

/// Leaves of a whole record nothing but its place.
pub(crate) fn purge(record: &mut [u8], checksum: Checksum) {
    let head = Head::read(record.first_chunk().expect("a whole record"));
    record[24..].fill(0);
    record[24..28].copy_from_slice(&PURGED.to_le_bytes());
    record[28..32].copy_from_slice(&head.place.to_le_bytes());
    put_checksum(record, checksum);
}

/// Microseconds since 1970; what is earlier is 1970.
pub(crate) fn micros(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

pub(crate) fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_micros(micros)).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use headwater_sse::{EventId, EventType, Retry};

    use super::*;
    use crate::{IdempotencyKey, Submission, Topic, Update, cursor::Epoch, record::KeyOf};

    fn sums() -> Checksum {
        Checksum::with(&[3; 16])
    }

    fn records() -> Vec<Record> {
        let mut update = Update::new(Topic::new("a").unwrap(), "x\ny");
        update.topics.push(Topic::new("b/é").unwrap());
        update.private = true;
        update.event_type = Some(EventType::new("tick").unwrap());
        update.retry = Some(Retry::from_millis(7));
        let mut chosen = update.clone();
        chosen.id = Some(EventId::new("mine").unwrap());
        let plain = Update::new(Topic::new("t").unwrap(), "");
        let key = IdempotencyKey::new(b"scope", "key", 42);
        let drafts = Submission::new([plain, update, chosen]).with_key(key).drafts;
        drafts.into_iter().zip(1..).map(|(d, o)| d.seal(Epoch::from_bits(9), o, time(o * 1000)).0).collect()
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        for record in records() {
            bytes.clear();
            encode(&record, 1, sums(), &mut bytes);
            let head = check(&bytes, sums()).expect("it is whole");
            assert_eq!(head.durable(), 1);
            let read = decode(&head, &bytes).expect("it is one of ours");
            assert_eq!((read.offset, read.at, read.flags), (record.offset, record.at, record.flags));
            for framing in [Framing::Bare, Framing::Chunked] {
                assert_eq!(read.bytes(framing), record.bytes(framing));
            }
            assert!(read.topics().eq(record.topics()));
            assert_eq!((read.id(), read.key()), (record.id(), record.key()));
        }
        let name = IdempotencyKey::new(b"scope", "key", 42).name;
        let last = records().pop().expect("there are three");
        assert_eq!(last.key(), Some(KeyOf { name: &name, fingerprint: 42, updates: 3 }));
    }

    /// What a stranger reads of it.
    #[test]
    fn the_example_in_the_documentation_is_one() {
        let documentation = include_str!("../../../../docs/log-format.md");
        let example = documentation.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next());
        let lines = example.expect("there is one").lines();
        let hex = lines.flat_map(|line| line.split("  ").next().unwrap_or_default().split(' '));
        let written: Vec<u8> = hex.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();

        let update = Update::new(Topic::new("/a").unwrap(), "hello");
        let key = IdempotencyKey { name: b"klmnopqr"[..].into(), fingerprint: 7 };
        let draft = Submission::from(update).with_key(key).drafts.remove(0);
        let record = draft.seal(Epoch::from_bits(9), 1, time(1_700_000_000_000_000)).0;
        let id = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();
        let mut bytes = Vec::new();
        encode(&record, 1, Checksum::with(&id), &mut bytes);
        assert_eq!(written, bytes);
        // What it was in version 1 is said beside it.
        put_checksum(&mut bytes, Checksum::PLAIN);
        let plain = bytes[4..8].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        assert!(documentation.contains(&format!("checksum; `{plain}` in version 1")), "{plain}");
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        let mut bytes = Vec::new();
        encode(&records()[2], 3, sums(), &mut bytes);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&bytes, sums()), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!((0..bytes.len()).all(|len| check(&bytes[..len], sums()).is_none()));
        assert!(check(&bytes, sums()).is_some());
    }

    #[test]
    fn what_is_whole_and_no_update_is_told() {
        let mut bytes = Vec::new();
        encode(&records()[0], 1, sums(), &mut bytes);
        for (at, what) in [(32, 200u32), (36 + 20, u32::MAX)] {
            let mut wrong = bytes.clone();
            wrong[at..at + 4].copy_from_slice(&what.to_le_bytes());
            put_checksum(&mut wrong, sums());
            let head = check(&wrong, sums()).expect("it is whole");
            assert!(decode(&head, &wrong).is_none() || at != 32);
        }
    }

    #[test]
    fn a_purged_record_keeps_its_place_alone() {
        let record = &records()[2];
        let mut bytes = Vec::new();
        encode(record, 1, sums(), &mut bytes);
        let len = bytes.len();
        purge(&mut bytes, sums());
        let head = check(&bytes, sums()).expect("it is whole");
        assert_eq!((bytes.len(), head.offset, head.place, head.at), (len, 3, 2, 3000));
        assert!(bytes[32..].iter().all(|&b| b == 0));
        let read = decode(&head, &bytes).expect("it is one of ours");
        assert_eq!((read.topics().len(), read.id(), read.key()), (0, "", None));
    }
}
