//! What a segment surely does not hold, known without a look at the disk.
//!
//! A publish under a key must be looked up in every segment, and is mostly in none. A split block Bloom filter (Putze,
//! Sanders, Singler 2007; the form that Parquet has made common) says so with one cache line a segment.

/// Bits a hash: about one lookup in a hundred goes to the disk for nothing.
const BITS: usize = 10;

/// The odd numbers that give each word of a block its bit, as Parquet has them.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// A set of hashes that answers "maybe" or "no".
#[derive(Debug)]
pub(crate) struct Filter(Box<[[u32; 8]]>);

impl Filter {
    /// Room for so many.
    pub(crate) fn with_room(hashes: usize) -> Self {
        Self(vec![[0; 8]; Self::bytes(hashes) / size_of::<[u32; 8]>()].into())
    }

    /// The memory that so many take.
    pub(crate) fn bytes(hashes: usize) -> usize {
        (hashes * BITS / 256 + 1) * size_of::<[u32; 8]>()
    }

    fn block(&self, hash: u64) -> usize {
        (((hash >> 32) * self.0.len() as u64) >> 32) as usize
    }

    pub(crate) fn insert(&mut self, hash: u64) {
        let block = self.block(hash);
        for (word, bit) in self.0[block].iter_mut().zip(bits(hash)) {
            *word |= bit;
        }
    }

    /// `false`: it was never inserted.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        self.0[self.block(hash)].iter().zip(bits(hash)).all(|(word, bit)| word & bit != 0)
    }
}

fn bits(hash: u64) -> impl Iterator<Item = u32> {
    SALT.into_iter().map(move |salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::hash::Hasher;

    #[test]
    fn it_holds_what_it_was_given_and_little_else() {
        let hasher = Hasher::new([1; 16]);
        let hash = |i: u32| hasher.key(&i.to_le_bytes());
        for room in [0, 1, 100, 50_000] {
            let mut filter = Filter::with_room(room);
            let n = room as u32;
            (0..n).for_each(|i| filter.insert(hash(i)));
            assert!((0..n).all(|i| filter.may_hold(hash(i))));
            let wrong = (n..n + 100_000).filter(|&i| filter.may_hold(hash(i))).count();
            assert!(wrong < 2_000, "{wrong} of 100,000, with room for {room}");
        }
    }
}
