//! The tokens that were verified lately.

use std::{collections::HashMap, mem, sync::Arc};

/// A token's hash: the token itself is not kept.
pub(super) type TokenHash = [u8; 32];

/// What one half may weigh: some 3,000 tokens of 300 bytes.
const HALF: usize = 16 << 20;

/// What a short selector takes beside the bytes of token that it stands in is some ten times those.
const BYTES_PER_TOKEN_BYTE: usize = 16;
const BYTES_PER_TOKEN: usize = 512;

/// A bounded map in two halves. What is found in the old half moves to the young; when the young one is full it becomes
/// the old, and the old one is dropped. So what is used stays, and nothing is ever searched for something to drop.
pub(super) struct Cache<T> {
    young: HashMap<TokenHash, Entry<T>>,
    old: HashMap<TokenHash, Entry<T>>,
    /// What the young half weighs.
    weight: usize,
}

struct Entry<T> {
    value: Arc<T>,
    weight: usize,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0 }
    }
}

impl<T> Cache<T> {
    pub(super) fn get(&mut self, hash: &TokenHash) -> Option<Arc<T>> {
        if let Some(entry) = self.young.get(hash) {
            return Some(Arc::clone(&entry.value));
        }
        let entry = self.old.remove(hash)?;
        let value = Arc::clone(&entry.value);
        self.put(*hash, entry);
        Some(value)
    }

    /// Keeps what a token of so many bytes stands for.
    pub(super) fn insert(&mut self, hash: TokenHash, token_bytes: usize, value: Arc<T>) {
        self.put(hash, Entry { value, weight: BYTES_PER_TOKEN + BYTES_PER_TOKEN_BYTE * token_bytes });
    }

    fn put(&mut self, hash: TokenHash, entry: Entry<T>) {
        if self.weight + entry.weight > HALF {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += entry.weight;
        if let Some(replaced) = self.young.insert(hash, entry) {
            self.weight -= replaced.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> TokenHash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&n.to_le_bytes());
        hash
    }

    #[test]
    fn it_stays_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        let mut most = 0;
        for n in 0..100_000 {
            cache.insert(hash(n), 300, Arc::new(n));
            assert_eq!(cache.get(&hash(0)).as_deref(), Some(&0), "the one in use, after {n}");
            most = most.max(cache.young.len() + cache.old.len());
        }
        let weight = BYTES_PER_TOKEN + BYTES_PER_TOKEN_BYTE * 300;
        assert!(most <= 2 * HALF / weight, "{most} tokens");
        assert!(most > HALF / weight, "{most} tokens");
        assert_eq!(cache.get(&hash(1)), None);
        assert_eq!(cache.get(&hash(99_999)).as_deref(), Some(&99_999));
    }

    #[test]
    fn the_same_token_weighs_once() {
        let mut cache = Cache::default();
        for n in 0..100_000 {
            cache.insert(hash(7), 300, Arc::new(n));
        }
        assert_eq!((cache.young.len(), cache.old.len()), (1, 0));
        assert_eq!(cache.get(&hash(7)).as_deref(), Some(&99_999));
    }
}
