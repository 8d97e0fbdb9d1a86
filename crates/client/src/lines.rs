//! Bytes in, as they are read; lines out.

/// An answer is an id or a short problem. Without a bound a server could fill the memory with one line.
const MAX_LINE: usize = 256 * 1024;

/// Cuts a stream at LF.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// How much of the buffer has been given out.
    given: usize,
    /// How much of the buffer holds no further LF: it is not searched again.
    searched: usize,
}

/// A line went past the bound.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Takes a read's bytes. Only to be called once `next` has returned `None`.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.buffer.drain(..self.given);
        self.searched -= self.given;
        self.given = 0;
        if self.buffer.len() > MAX_LINE {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next line that is whole, without its end.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let start = self.given;
        if let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            let end = self.searched + length;
            self.given = end + 1;
            self.searched = end + 1;
            Some(&self.buffer[start..end])
        } else {
            self.searched = self.buffer.len();
            None
        }
    }

    /// What follows the last line end, when no more will come.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.given..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_it_is_cut() {
        let input = b"one\n\ntwo\r\nthree";
        for size in 1..=input.len() {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            for read in input.chunks(size) {
                lines.push(read).unwrap();
                while let Some(line) = lines.next() {
                    seen.push(line.to_vec());
                }
            }
            assert_eq!(seen, [&b"one"[..], b"", b"two\r"]);
            assert_eq!(lines.rest(), b"three");
        }
    }

    #[test]
    fn bounded() {
        let mut lines = Lines::default();
        let read = [b'x'; 1024];
        let taken = (0..1000).take_while(|_| lines.push(&read).is_ok() && lines.next().is_none()).count();
        assert_eq!(taken, MAX_LINE / read.len() + 1);
    }
}
