//! What an index knows a topic, a chosen id and a key by.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// SipHash-1-3 under a key of the log's own: without it nobody can choose topics that collide.
///
/// Two texts may still have one hash, so it only says where to look: the record itself is compared. The kind of the
/// text is hashed with it, and the three kinds can share one table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher(SipHasher13);

impl Hasher {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&key))
    }

    /// Of a topic of an update, main or alternate.
    pub(crate) fn topic(&self, topic: &str) -> u64 {
        self.hash(b't', topic.as_bytes())
    }

    /// Of an id that the publisher chose.
    pub(crate) fn id(&self, id: &str) -> u64 {
        self.hash(b'i', id.as_bytes())
    }

    /// Of the name of an idempotency key.
    pub(crate) fn key(&self, name: &[u8]) -> u64 {
        self.hash(b'k', name)
    }

    fn hash(&self, kind: u8, bytes: &[u8]) -> u64 {
        let mut state = self.0;
        state.write(&[kind]);
        state.write(bytes);
        state.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// These stand in files: another version, another machine and another program must come to the same.
    #[test]
    fn hashes_stay_what_they_are() {
        let hasher = Hasher::new(KEY);
        assert_eq!(hasher.topic(""), 0x818d_ffc9_4497_037d);
        assert_eq!(hasher.topic("https://example.com/books/1"), 0x4e6e_b85b_ca7e_eaae);
        assert_eq!(hasher.id("urn:uuid:1"), 0x6f41_c0b6_353c_1bc9);
        assert_eq!(hasher.key(&[0, 255, b'\n']), 0xe9e9_e38c_2ede_791f);
    }

    #[test]
    fn kinds_and_logs_are_told_apart() {
        let hasher = Hasher::new(KEY);
        let other = Hasher::new([7; 16]);
        let all = [hasher.topic("a"), hasher.id("a"), hasher.key(b"a"), other.topic("a"), hasher.topic("b")];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "{all:x?}");
        }
    }
}
