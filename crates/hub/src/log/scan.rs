//! Reading records one after the other.

use std::io;

use super::{
    checksum::Checksum,
    format::{self, Head, RECORD_HEAD},
};
use crate::{cursor::Offset, disk::DiskFile};

/// What stands at a place of a segment.
#[derive(Debug)]
pub(crate) enum Scanned<'a> {
    /// The end.
    End,
    /// A whole record, and where it stands.
    Record { at: u64, head: Head, bytes: &'a [u8] },
    /// Something else. The scanner stays before it.
    Bad { at: u64 },
}

/// Reads the records of a file from a place on, through a buffer.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    file: &'a dyn DiskFile,
    checksum: Checksum,
    /// Where the next record begins.
    at: u64,
    end: u64,
    /// What the next record must be, if that is known.
    next: Option<Offset>,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    ahead: usize,
}

impl<'a> Scanner<'a> {
    /// Reads from `at` on and before `end`, so many bytes at a time.
    pub(crate) fn new(file: &'a dyn DiskFile, checksum: Checksum, at: u64, end: u64, ahead: usize) -> Self {
        let ahead = ahead.max(RECORD_HEAD);
        Self { file, checksum, at, end, next: None, buffer: Vec::new(), start: at, ahead }
    }

    /// Says which record comes next: another one there is a bad one.
    pub(crate) fn expecting(mut self, next: Offset) -> Self {
        self.next = Some(next);
        self
    }

    /// Where the next record begins.
    pub(crate) fn place(&self) -> u64 {
        self.at
    }

    /// Goes on at another place.
    pub(crate) fn go_to(&mut self, at: u64, next: Option<Offset>) {
        self.at = at;
        self.next = next;
    }

    /// The record at the scanner's place. After a whole one it stands behind it.
    pub(crate) fn next(&mut self) -> io::Result<Scanned<'_>> {
        let at = self.at;
        if at >= self.end {
            return Ok(Scanned::End);
        }
        let left = self.end - at;
        if left < RECORD_HEAD as u64 {
            return Ok(Scanned::Bad { at });
        }
        let head = Head::read(self.bytes(RECORD_HEAD)?.first_chunk().expect("as long as asked"));
        // A length that is wrong must not have its bytes read, let alone memory for them.
        if head.size < RECORD_HEAD as u64 || head.size > left || self.next.is_some_and(|o| o != head.offset) {
            return Ok(Scanned::Bad { at });
        }
        let size = head.size as usize;
        let checksum = self.checksum;
        if format::check(self.bytes(size)?, checksum).is_none() {
            return Ok(Scanned::Bad { at });
        }
        self.at += head.size;
        self.next = self.next.map(|next| next + 1);
        let from = (at - self.start) as usize;
        Ok(Scanned::Record { at, head, bytes: &self.buffer[from..from + size] })
    }

    /// So many bytes from the scanner's place on; there are as many before the end.
    fn bytes(&mut self, len: usize) -> io::Result<&[u8]> {
        let buffered =
            self.at.checked_sub(self.start).filter(|&skip| skip + len as u64 <= self.buffer.len() as u64);
        if buffered.is_none() {
            let want = (self.ahead.max(len) as u64).min(self.end - self.at) as usize;
            self.buffer.resize(want, 0);
            self.start = self.at;
            if let Err(error) = self.file.read_exact_at(&mut self.buffer, self.at) {
                self.buffer.clear();
                return Err(error);
            }
        }
        let from = (self.at - self.start) as usize;
        Ok(&self.buffer[from..from + len])
    }
}
