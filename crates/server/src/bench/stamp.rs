//! What each event of a bench carries: whose it is, its place and the time it left, in a form that one
//! `memchr` finds wherever the stream was cut.

/// Begins every stamp. Nothing else that a hub sends (ids, field names, our padding) holds this byte, and a
/// form body may carry it as it is.
const MARK: u8 = b'~';
/// Sixteen bytes of numbers, a letter for every four bits.
const LETTERS: usize = 32;
/// The bytes of a stamp, and so the smallest event a bench can send.
pub(super) const LEN: usize = 1 + LETTERS;

/// Who sent an event, which one it is, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Tells this bench's events from another's on the same topics.
    pub run: u16,
    /// The publisher's lane: events of one lane arrive in order.
    pub lane: u16,
    /// The place within its lane, from 0.
    pub sequence: u32,
    /// When it was due, on the bench's own clock.
    pub nanos: u64,
}

impl Stamp {
    /// Appends the stamp and fills it up to `size` bytes.
    pub fn write(&self, size: usize, out: &mut Vec<u8>) {
        let end = out.len() + size.max(LEN);
        out.push(MARK);
        letters(u32::from(self.run) << 16 | u32::from(self.lane), out);
        letters(self.sequence, out);
        letters((self.nanos >> 32) as u32, out);
        letters(self.nanos as u32, out);
        out.resize(end, b'x');
    }

    fn read(text: &[u8; LETTERS]) -> Option<Self> {
        let place = number(text, 0)?;
        Some(Self {
            run: (place >> 16) as u16,
            lane: place as u16,
            sequence: number(text, 8)?,
            nanos: u64::from(number(text, 16)?) << 32 | u64::from(number(text, 24)?),
        })
    }
}

/// Eight letters from `a` (0) to `p` (15), the most significant first.
fn letters(value: u32, out: &mut Vec<u8>) {
    out.extend((0..8).rev().map(|i| b'a' + (value >> (4 * i) & 15) as u8));
}

/// The eight letters at `at`, all at once: this runs for every event of every subscriber.
fn number(text: &[u8; LETTERS], at: usize) -> Option<u32> {
    let word = u64::from_be_bytes(text[at..at + 8].try_into().ok()?);
    // A byte below `a` borrows, which leaves its own high half set; one above `p` has it set anyway.
    let nibbles = word.wrapping_sub(0x6161_6161_6161_6161);
    if nibbles & 0xF0F0_F0F0_F0F0_F0F0 != 0 {
        return None;
    }
    let pairs = (nibbles | nibbles >> 4) & 0x00FF_00FF_00FF_00FF;
    let quads = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
    Some((quads | quads >> 16) as u32)
}

/// Finds stamps in a stream of bytes; keeps the one that a cut went through, and nothing else.
#[derive(Debug, Default)]
pub struct Scanner {
    kept: [u8; LETTERS],
    /// Bytes of the unfinished stamp, its mark included; 0: there is none.
    len: u8,
}

impl Scanner {
    /// Calls `found` for every stamp that ends in `bytes`.
    #[inline]
    pub fn feed(&mut self, mut bytes: &[u8], found: &mut impl FnMut(Stamp)) {
        if self.len > 0 {
            bytes = self.finish(bytes, found);
        }
        while let Some(at) = memchr::memchr(MARK, bytes) {
            let rest = &bytes[at + 1..];
            let Some(text) = rest.first_chunk::<LETTERS>() else {
                self.kept[..rest.len()].copy_from_slice(rest);
                self.len = 1 + rest.len() as u8;
                return;
            };
            bytes = match Stamp::read(text) {
                Some(stamp) => {
                    found(stamp);
                    &rest[LETTERS..]
                }
                None => rest,
            };
        }
    }

    /// Completes the kept stamp; answers what is left of `bytes`.
    #[cold]
    fn finish<'a>(&mut self, bytes: &'a [u8], found: &mut impl FnMut(Stamp)) -> &'a [u8] {
        let have = usize::from(self.len) - 1;
        let (taken, rest) = bytes.split_at(bytes.len().min(LETTERS - have));
        self.kept[have..have + taken.len()].copy_from_slice(taken);
        self.len += taken.len() as u8;
        if usize::from(self.len) == LEN {
            self.len = 0;
            let kept = self.kept;
            if let Some(stamp) = Stamp::read(&kept) {
                found(stamp);
            } else if let Some(at) = memchr::memchr(MARK, &kept) {
                // Not a stamp after all, but one may begin inside of it. Each turn is a byte shorter.
                self.feed(&kept[at..], found);
                if self.len > 0 {
                    return self.finish(rest, found);
                }
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(sequence: u32) -> Stamp {
        Stamp { run: 0xBEEF, lane: 0x0102, sequence, nanos: 0x0123_4567_89AB_CDEF }
    }

    fn scan(parts: &[&[u8]]) -> Vec<Stamp> {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        for part in parts {
            scanner.feed(part, &mut |stamp| found.push(stamp));
        }
        found
    }

    #[test]
    fn a_stamp_survives_a_cut_at_every_byte() {
        let mut stream = Vec::new();
        for sequence in [0, 1, u32::MAX] {
            stream.extend_from_slice(b"id: #a-1\ndata: ");
            stamp(sequence).write(100, &mut stream);
            stream.extend_from_slice(b"\n\n");
        }
        let whole = [stamp(0), stamp(1), stamp(u32::MAX)];
        for first in 0..stream.len() {
            for second in (first..stream.len()).step_by(7) {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(scan(&parts), whole, "cut at {first} and {second}");
            }
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(scan(&bytes), whole);
    }

    #[test]
    fn a_mark_that_begins_no_stamp_hides_none() {
        let mut stream = b"~abc~~".to_vec();
        stamp(7).write(LEN, &mut stream);
        stream.extend_from_slice(b"~pq~");
        stamp(8).write(LEN, &mut stream);
        for cut in 0..stream.len() {
            assert_eq!(scan(&[&stream[..cut], &stream[cut..]]), [stamp(7), stamp(8)], "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(scan(&bytes), [stamp(7), stamp(8)]);
    }

    #[test]
    fn letters_outside_the_alphabet_are_no_stamp() {
        let mut good = Vec::new();
        stamp(3).write(LEN, &mut good);
        for at in 1..LEN {
            for letter in [b'a' - 1, b'q', b'A', b'0', 0, 0xFF] {
                let mut bad = good.clone();
                bad[at] = letter;
                assert_eq!(scan(&[&bad]), [], "{letter:#x} at {at}");
            }
        }
    }

    #[test]
    fn an_event_has_the_size_asked_for() {
        for (asked, made) in [(0, LEN), (LEN, LEN), (100, 100)] {
            let mut out = b"before".to_vec();
            stamp(0).write(asked, &mut out);
            assert_eq!(out.len() - 6, made);
        }
    }
}
