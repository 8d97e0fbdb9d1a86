//! Lines out of reads: the byte order mark, the three line ends, and lines that the reads cut.

use memchr::memchr2;

use crate::work;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Where a line's bytes are, without its line end.
#[derive(Clone, Copy)]
pub(crate) enum Line<'i> {
    /// All of it was in this read.
    Whole(&'i [u8]),
    /// Earlier reads had a part of it: it stands in [`Lines::joined`] until the next call.
    Joined,
}

/// A line, or its beginning, is longer than allowed.
pub(crate) struct TooLong;

#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not been read, or the line that was last given out as joined.
    buffer: Vec<u8>,
    /// `buffer` holds a line that was given out: it goes when the next one is asked for.
    given: bool,
    /// How much of the byte order mark has been met; all of its length once the stream's start is behind.
    bom: usize,
    /// The last read ended in CR. An LF that comes next belongs to it.
    after_cr: bool,
}

impl Lines {
    /// The next line of `input`, which shrinks by what was read. None: all of it was used, and the line is not
    /// at its end.
    #[inline]
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8], max: usize) -> Result<Option<Line<'i>>, TooLong> {
        if self.given {
            self.given = false;
            self.buffer.clear();
        }
        if self.bom < BOM.len() {
            self.skip_bom(input);
        }
        if self.after_cr
            && let Some((first, rest)) = input.split_first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                *input = rest;
            }
        }

        let bytes = *input;
        let end = find_end(bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        if self.buffer.len() + part.len() > max {
            return Err(TooLong);
        }
        let Some(end) = end else {
            *input = &[];
            work::append(&mut self.buffer, part);
            return Ok(None);
        };
        *input = self.skip_end(&bytes[end..]);
        if self.buffer.is_empty() {
            return Ok(Some(Line::Whole(part)));
        }
        work::append(&mut self.buffer, part);
        self.given = true;
        Ok(Some(Line::Joined))
    }

    /// The line that was last given out as [`Line::Joined`].
    pub(crate) fn joined(&self) -> &[u8] {
        &self.buffer
    }

    /// Gives that line away in exchange for an empty buffer, which saves copying it.
    pub(crate) fn swap_joined(&mut self, empty: &mut Vec<u8>) {
        debug_assert!(self.given && empty.is_empty());
        std::mem::swap(&mut self.buffer, empty);
    }

    /// Forgets an unfinished line and expects the start of a stream.
    pub(crate) fn reset(&mut self) {
        self.buffer.clear();
        self.given = false;
        self.bom = 0;
        self.after_cr = false;
    }

    /// Skips the one byte order mark that a stream may start with. What only looked like one is content.
    #[cold]
    fn skip_bom(&mut self, input: &mut &[u8]) {
        while let Some((first, rest)) = input.split_first() {
            if *first != BOM[self.bom] {
                self.buffer.extend_from_slice(&BOM[..self.bom]);
                self.bom = BOM.len();
                return;
            }
            *input = rest;
            self.bom += 1;
            if self.bom == BOM.len() {
                return;
            }
        }
    }

    /// What follows the line end that `bytes` starts with. A CR at the end of a read ends its line at once, so
    /// that a stream of CRs never waits for a byte that may not come.
    #[inline]
    fn skip_end<'i>(&mut self, bytes: &'i [u8]) -> &'i [u8] {
        match bytes {
            [b'\r'] => {
                self.after_cr = true;
                &[]
            }
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => &[],
        }
    }
}

#[inline]
fn find_end(bytes: &[u8]) -> Option<usize> {
    // A blank line, which every event ends with, is not worth the call.
    let end = if bytes.first() == Some(&b'\n') { Some(0) } else { memchr2(b'\n', b'\r', bytes) };
    work::count(end.map_or(bytes.len(), |end| end + 1));
    end
}
