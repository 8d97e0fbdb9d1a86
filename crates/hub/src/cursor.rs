//! Positions: a numbering's incarnation, a place in it, and how an event id carries both.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    io::Write as _,
};

use headwater_sse::EventId;

/// A place in a hub's one order of updates. The first update has offset 1; offsets never restart within an epoch.
pub(crate) type Offset = u64;

/// One incarnation of the numbering. A cursor of another epoch says nothing about this one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Sixty bits are told apart for as long as anyone keeps a cursor, and are twelve letters.
const LETTERS: usize = 12;

/// `#{epoch}-{offset}` with the longest offset.
const LONGEST: usize = 1 + LETTERS + 1 + 20;

impl Epoch {
    /// The epoch of these bits; the upper four are dropped. Tests and callers with a source of randomness of their
    /// own use this.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << (5 * LETTERS)) - 1))
    }

    /// An epoch from the standard library's source of randomness.
    pub fn random() -> Self {
        Self::from_bits(RandomState::new().hash_one(0u8))
    }

    /// Reads the letters as they are written.
    pub(crate) fn parse(s: &str) -> Option<Self> {
        if s.len() != LETTERS {
            return None;
        }
        s.bytes()
            .try_fold(0u64, |bits, b| {
                let digit = ALPHABET.iter().position(|&a| a == b)?;
                Some(bits << 5 | digit as u64)
            })
            .map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = [0u8; LETTERS];
        for (i, letter) in letters.iter_mut().enumerate() {
            *letter = ALPHABET[(self.0 >> (5 * (LETTERS - 1 - i)) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&letters).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An epoch and an offset: what a generated event id (`#{epoch}-{offset}`) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) epoch: Epoch,
    pub(crate) offset: Offset,
}

impl Cursor {
    /// Reads a generated id. Anything else, a publisher's own id for instance, is `None`.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (epoch, offset) = id.strip_prefix('#')?.split_once('-')?;
        // One spelling an offset, so that ids can be compared as strings: no sign, no leading zero.
        let plain = offset == "0" || !offset.starts_with('0') && offset.bytes().all(|b| b.is_ascii_digit());
        if !plain {
            return None;
        }
        Some(Self { epoch: Epoch::parse(epoch)?, offset: offset.parse().ok()? })
    }

    pub(crate) fn id(self) -> EventId {
        // On the stack: each update that is published comes by here.
        let mut text = [0; LONGEST];
        let mut space = &mut text[..];
        write!(space, "{self}").expect("it is not longer than the longest");
        let left = space.len();
        let text = str::from_utf8(&text[..LONGEST - left]).expect("it is ASCII");
        EventId::new(text).expect("digits and letters hold no line break and no NUL")
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}-{}", self.epoch, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for bits in [0, 1, 31, 32, 0x0123_4567_89ab_cdef, u64::MAX] {
            for offset in [0, 1, 10, u64::MAX] {
                let cursor = Cursor { epoch: Epoch::from_bits(bits), offset };
                assert_eq!(Cursor::parse(cursor.id().as_str()), Some(cursor));
            }
        }
    }

    #[test]
    fn what_is_not_generated_is_no_cursor() {
        let epoch = Epoch::from_bits(7);
        for id in [
            String::new(),
            "1".into(),
            "#".into(),
            "#-1".into(),
            format!("{epoch}-1"),
            format!("#{epoch}"),
            format!("#{epoch}-"),
            format!("#{epoch}-01"),
            format!("#{epoch}-+1"),
            format!("#{epoch}--1"),
            format!("#{epoch}-18446744073709551616"),
            "#00000000000i-1".into(),
            "#0000000000-1".into(),
            "#00000000000é-1".into(),
        ] {
            assert_eq!(Cursor::parse(&id), None, "{id}");
        }
    }
}
