//! What one file holds: in the machine's memory, and on the disk's platter.

use std::{collections::BTreeSet, ops::Range};

use super::random::Random;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What a read sees.
    cached: Vec<u8>,
    /// Whole sectors; zeros beyond the length.
    platter: Vec<u8>,
    platter_len: usize,
    /// The sectors that the next sync has to write.
    dirty: BTreeSet<usize>,
    /// The lengths since the last sync, in order. After a power cut it may be any of them.
    lengths: Vec<usize>,
}

impl Content {
    /// All of it on the platter.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        let mut platter = bytes.clone();
        platter.resize(bytes.len().next_multiple_of(SECTOR), 0);
        Self { platter_len: bytes.len(), platter, cached: bytes, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn unsynced(&self) -> usize {
        self.dirty.len()
    }

    pub(super) fn is_synced(&self) -> bool {
        self.dirty.is_empty() && self.lengths.is_empty()
    }

    pub(super) fn read(&self, buffer: &mut [u8], at: usize) -> usize {
        let from = at.min(self.cached.len());
        let n = buffer.len().min(self.cached.len() - from);
        buffer[..n].copy_from_slice(&self.cached[from..from + n]);
        n
    }

    pub(super) fn write(&mut self, bytes: &[u8], at: usize, random: &mut Random) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        // What lies between the old end and the write becomes zeros, which are written like the rest.
        self.soil(at.min(self.cached.len())..end, random);
        if end > self.cached.len() {
            self.cached.resize(end, 0);
            self.lengths.push(end);
        }
        self.cached[at..end].copy_from_slice(bytes);
    }

    pub(super) fn set_len(&mut self, len: usize, random: &mut Random) {
        let old = self.cached.len();
        if len != old {
            self.soil(len.min(old)..len.max(old), random);
            self.cached.resize(len, 0);
            self.lengths.push(len);
        }
    }

    /// Of a sector that is written again before a sync, the version that goes may have reached the platter.
    fn soil(&mut self, range: Range<usize>, random: &mut Random) {
        for sector in range.start / SECTOR..range.end.div_ceil(SECTOR) {
            if !self.dirty.insert(sector) && random.one_in(4) {
                put(&mut self.platter, sector, &self.cached);
            }
        }
    }

    pub(super) fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            put(&mut self.platter, sector, &self.cached);
        }
        self.platter_len = self.cached.len();
        self.platter.resize(self.platter_len.next_multiple_of(SECTOR), 0);
        // What lay beyond a new end is gone, even if the zeros that stood for it never got through.
        self.platter[self.platter_len..].fill(0);
        self.lengths.clear();
    }

    /// Linux does as much: some sectors have been written, the others not, and all count as written from then on. The
    /// next sync finds nothing to do and succeeds. The length is no data: it waits for the next sync.
    pub(super) fn fail_to_sync(&mut self, random: &mut Random) {
        let luck = Luck::draw(random);
        for sector in std::mem::take(&mut self.dirty) {
            if luck.is_kind(random) {
                put(&mut self.platter, sector, &self.cached);
            }
        }
    }

    /// Memory keeps only what has not been written yet.
    pub(super) fn forget_cached(&mut self) {
        let mut read = self.platter.clone();
        for &sector in &self.dirty {
            put(&mut read, sector, &self.cached);
        }
        read.resize(self.cached.len(), 0);
        self.cached = read;
    }

    /// What a power cut leaves.
    pub(super) fn crash(&self, random: &mut Random) -> Self {
        let mut found = self.platter.clone();
        let luck = Luck::draw(random);
        for &sector in &self.dirty {
            if luck.is_kind(random) {
                put(&mut found, sector, &self.cached);
            }
        }
        found.resize(self.length_after_crash(random), 0);
        Self::durable(found)
    }

    fn length_after_crash(&self, random: &mut Random) -> usize {
        let which = random.below(self.lengths.len() + 1);
        let Some(reached) = which.checked_sub(1) else {
            return self.platter_len;
        };
        let before = reached.checked_sub(1).map_or(self.platter_len, |before| self.lengths[before]);
        let after = self.lengths[reached];
        // One large write may be lengthened bit by bit.
        let steps = (after / SECTOR).saturating_sub(before / SECTOR);
        if steps > 0 && random.one_in(3) {
            (before / SECTOR + 1 + random.below(steps)) * SECTOR
        } else {
            after
        }
    }

    /// Flips a bit of what is on the platter. Who reads the sector sees it, unless there is newer in memory.
    pub(super) fn flip_bit(&mut self, bit: usize) {
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        assert!(byte < self.platter_len, "the platter holds {} bytes of it", self.platter_len);
        self.platter[byte] ^= mask;
        if !self.dirty.contains(&(byte / SECTOR)) && byte < self.cached.len() {
            self.cached[byte] = self.platter[byte];
        }
    }
}

/// Copies one sector. Where `from` ends it is zeros.
fn put(platter: &mut Vec<u8>, sector: usize, from: &[u8]) {
    let Range { start, end } = sector * SECTOR..(sector + 1) * SECTOR;
    if platter.len() < end {
        platter.resize(end, 0);
    }
    let have = &from[start.min(from.len())..end.min(from.len())];
    let (data, rest) = platter[start..end].split_at_mut(have.len());
    data.copy_from_slice(have);
    rest.fill(0);
}

/// How much of what was under way arrives: from nothing, over every mixture, to everything.
struct Luck(usize);

impl Luck {
    const CERTAIN: usize = 8;

    fn draw(random: &mut Random) -> Self {
        Self(*random.pick(&[0, 1, 4, 7, Self::CERTAIN]))
    }

    fn is_kind(&self, random: &mut Random) -> bool {
        random.below(Self::CERTAIN) < self.0
    }
}

mod tests {
    use super::*;

    /// A content, and all that it has been since it was last synced.
    #[derive(Default)]
    struct Watched {
        content: Content,
        versions: Vec<Vec<u8>>,
    }

    impl Watched {
        fn new() -> Self {
            Self { versions: vec![Vec::new()], ..Self::default() }
        }

        /// Something small happens to it. Every byte that is written differs from the one before it there.
        fn step(&mut self, stamp: u8, random: &mut Random) {
            let mut bytes = self.content.bytes().to_vec();
            let at = random.below(bytes.len() + 2 * SECTOR);
            if random.one_in(6) {
                bytes.resize(at, 0);
                self.content.set_len(at, random);
            } else if random.one_in(5) {
                self.content.sync();
                self.versions.clear();
            } else {
                let data = vec![stamp; random.below(3 * SECTOR)];
                if !data.is_empty() {
                    bytes.resize(bytes.len().max(at + data.len()), 0);
                    bytes[at..at + data.len()].copy_from_slice(&data);
                }
                self.content.write(&data, at, random);
            }
            assert_eq!(self.content.bytes(), bytes);
            self.versions.push(bytes);
        }
    }

    /// Of one sector, padded with zeros, and cut off at the end of a file of `len` bytes.
    fn sector(of: &[u8], sector: usize, len: usize) -> Vec<u8> {
        let byte = |at: usize| if at < len { of.get(at).copied().unwrap_or(0) } else { 0 };
        (sector * SECTOR..(sector + 1) * SECTOR).map(byte).collect()
    }

    #[test]
    fn after_a_power_cut_each_sector_and_the_length_are_of_some_version_since_the_last_sync() {
        for seed in 0..3000 {
            let mut random = Random::new(seed);
            let mut watched = Watched::new();
            for stamp in 1..=random.below(12) {
                watched.step(stamp as u8, &mut random);
            }
            let found = watched.content.crash(&mut random);
            assert!(found.is_synced());
            let (found, versions) = (found.bytes(), &watched.versions);

            let len = found.len();
            let grown = |pair: &[Vec<u8>]| (pair[0].len()..pair[1].len()).contains(&len);
            let within = len.is_multiple_of(SECTOR) && versions.windows(2).any(grown);
            assert!(within || versions.iter().any(|v| v.len() == len), "seed {seed}: a length of {len}");
            for s in 0..len.div_ceil(SECTOR) {
                let is = sector(found, s, len);
                assert!(versions.iter().any(|v| sector(v, s, len) == is), "seed {seed}: sector {s}");
            }
        }
    }

    /// Everything that the description allows does happen to a file of "a"s that are synced, over which "b"s and "c"s
    /// are written, two sectors more than before.
    #[test]
    fn a_power_cut_leaves_any_mixture() {
        let mut seen = BTreeSet::new();
        for seed in 0..2000 {
            let mut random = Random::new(seed);
            let mut content = Content::durable(vec![b'a'; 2 * SECTOR]);
            content.write(&[b'b'; SECTOR], SECTOR, &mut random);
            content.write(&[b'c'; 3 * SECTOR], SECTOR, &mut random);
            let found = content.crash(&mut random);
            seen.insert(found.bytes().chunks(SECTOR).map(|s| char::from(s[0])).collect::<String>());
        }
        let seen: Vec<_> = seen.iter().map(|s| s.replace('\0', "-")).collect();
        let ends = ["--", "-c", "c-", "cc"];
        let expected: BTreeSet<_> = ["aa", "ab", "ac"]
            .into_iter()
            .flat_map(|start| {
                let longer = ["", "-", "c"].into_iter().chain(ends).map(move |end| format!("{start}{end}"));
                longer.collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn what_a_failed_sync_dropped_no_later_one_brings_back() {
        let mut outcomes = BTreeSet::new();
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut content = Content::durable(vec![b'a'; 2 * SECTOR]);
            content.write(&[b'b'; 3 * SECTOR], 0, &mut random);
            content.fail_to_sync(&mut random);
            assert_eq!(content.bytes(), [b'b'; 3 * SECTOR], "the memory still has it");
            content.sync();
            assert!(content.is_synced(), "nothing seems to be missing");

            let found = content.crash(&mut random);
            content.forget_cached();
            assert_eq!(content.bytes(), found.bytes(), "memory or power cut, the platter is the same");
            assert_eq!(content.bytes().len(), 3 * SECTOR, "the length is no data");
            outcomes.insert(content.bytes().chunks(SECTOR).map(|s| s[0]).collect::<Vec<_>>());

            content.write(&[b'c'; 3 * SECTOR], 0, &mut random);
            content.sync();
            assert_eq!(content.crash(&mut random).bytes(), [b'c'; 3 * SECTOR], "written again it is there");
        }
        assert_eq!(outcomes.len(), 8, "any of the three sectors may be dropped");
        assert!(outcomes.contains(&b"aa\0"[..]) && outcomes.contains(&b"bbb"[..]), "{outcomes:?}");
    }

    #[test]
    fn what_was_cut_off_does_not_come_back_when_the_file_grows_again() {
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let mut content = Content::durable(vec![b'a'; 3 * SECTOR]);
            content.set_len(10, &mut random);
            content.fail_to_sync(&mut random);
            let mut other = content.clone();
            let lengths: BTreeSet<_> = (0..50).map(|_| content.crash(&mut random).bytes().len()).collect();
            assert_eq!(lengths, [10, 3 * SECTOR].into(), "that it was cut off is not durable yet");

            content.sync();
            content.set_len(3 * SECTOR, &mut random);
            let found = content.crash(&mut random);
            assert!(found.bytes().iter().skip(10).all(|&byte| byte == 0), "seed {seed}");

            other.write(b"b", 2 * SECTOR, &mut random);
            other.sync();
            let found = other.crash(&mut random);
            assert!(found.bytes()[10..2 * SECTOR].iter().all(|&byte| byte == 0), "seed {seed}");
        }
    }

    #[test]
    fn memory_keeps_what_is_not_written_yet() {
        let mut random = Random::new(1);
        let mut content = Content::durable(vec![b'a'; 2 * SECTOR + 7]);
        content.write(b"b", SECTOR + 1, &mut random);
        content.set_len(2 * SECTOR + 3, &mut random);
        let before = content.bytes().to_vec();
        content.forget_cached();
        assert_eq!(content.bytes(), before);
    }

    #[test]
    fn a_flipped_bit_is_read_until_it_is_written_over() {
        let mut random = Random::new(1);
        let mut content = Content::durable(vec![0; SECTOR + 1]);
        content.flip_bit(8 * SECTOR + 3);
        assert_eq!(content.bytes()[SECTOR], 8);
        assert_eq!(content.crash(&mut random).bytes()[SECTOR], 8);

        content.write(b"x", SECTOR, &mut random);
        content.flip_bit(8 * SECTOR);
        assert_eq!(content.bytes()[SECTOR], b'x', "the newer one is in memory");
        content.sync();
        assert_eq!(content.crash(&mut random).bytes()[SECTOR], b'x');
    }
}
