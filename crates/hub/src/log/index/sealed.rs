//! The index of a sealed segment, read from its file.

use std::{
    io::{self, ErrorKind},
    ops::Range,
    sync::{Arc, OnceLock},
    vec,
};

use super::{
    Position,
    header::{self, ENTRY, Header, bucket, u32_at, u64_at},
};
use crate::{cursor::Offset, disk::DiskFile};

/// How much is read at once to check a file: enough that the calls do not count, and little memory.
const CHECKED_AT_ONCE: usize = 64 << 10;

/// The entries of a bucket that are read at once. There are one or two where hashes are spread well, and a file of
/// others is still searched without reading much.
const BUCKET: usize = 32;

/// Postings, positions or entries that are read at once.
const BLOCK: usize = 1024;

/// Holds nothing but the header: what is looked up is read from the file, and the system's cache makes that cheap.
///
/// Every method but the ones that ask the header may say `InvalidData`: the file is damaged, and has to be made again
/// from the segment.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: Arc<dyn DiskFile>,
    header: Header,
    /// Whether all that follows the header is what was written; not known before it is used.
    sound: OnceLock<bool>,
}

impl Sealed {
    /// Reads the header only: a start opens many. `InvalidData`: it is not whole, or none of this version.
    pub(crate) fn open(file: Arc<dyn DiskFile>) -> io::Result<Self> {
        let mut bytes = [0; header::LEN];
        read(&*file, &mut bytes, 0)?;
        let header = Header::from_bytes(&bytes).ok_or_else(damaged)?;
        if file.len()? != header.file_len() {
            return Err(damaged());
        }
        Ok(Self { file, header, sound: OnceLock::new() })
    }

    /// Reads all of it, unless that was done before. Every lookup begins with this; to call it early makes the first
    /// one faster.
    pub(crate) fn check(&self) -> io::Result<()> {
        let sound = if let Some(&sound) = self.sound.get() {
            sound
        } else {
            // Two threads may both do it: neither has to wait.
            let sound = self.checksum()? == self.header.body;
            *self.sound.get_or_init(|| sound)
        };
        if sound { Ok(()) } else { Err(damaged()) }
    }

    fn checksum(&self) -> io::Result<u32> {
        let mut checksum = crc32fast::Hasher::new();
        let (mut at, end) = (header::LEN as u64, self.header.file_len());
        let mut buffer = vec![0; CHECKED_AT_ONCE.min((end - at) as usize)];
        while at < end {
            let part = buffer.len().min((end - at) as usize);
            read(&*self.file, &mut buffer[..part], at)?;
            checksum.update(&buffer[..part]);
            at += part as u64;
        }
        Ok(checksum.finalize())
    }

    /// The log that the segment is of.
    pub(crate) fn log_id(&self) -> [u8; 16] {
        self.header.log_id
    }

    /// The length of the segment's file.
    pub(crate) fn end(&self) -> u64 {
        self.header.end
    }

    /// The offset of the first record.
    pub(crate) fn first(&self) -> Offset {
        self.header.first
    }

    /// How many records there are.
    pub(crate) fn count(&self) -> u32 {
        self.header.records
    }

    /// How many hashes there are.
    pub(crate) fn distinct(&self) -> u32 {
        self.header.hashes
    }

    /// How many records have an id that the publisher chose.
    pub(crate) fn ids(&self) -> u32 {
        self.header.ids
    }

    /// How many records have an idempotency key.
    pub(crate) fn keys(&self) -> u32 {
        self.header.keys
    }

    /// The time of the first record, in microseconds since 1970; 0 where there is none.
    pub(crate) fn first_time(&self) -> u64 {
        self.header.first_time
    }

    /// The time of the last record.
    pub(crate) fn last_time(&self) -> u64 {
        self.header.last_time
    }

    /// Where the record with this offset begins.
    pub(crate) fn position(&self, offset: Offset) -> io::Result<Option<Position>> {
        let mut into = Vec::new();
        self.positions(offset, 1, &mut into)?;
        Ok(into.first().copied())
    }

    /// Appends where the record with the offset `from` begins, and those that follow it: `most` of them, or as many as
    /// there are.
    pub(crate) fn positions(&self, from: Offset, most: usize, into: &mut Vec<Position>) -> io::Result<()> {
        self.check()?;
        let count = u64::from(self.header.records);
        let Some(start) = from.checked_sub(self.header.first).filter(|&start| start < count) else {
            return Ok(());
        };
        let end = start.saturating_add(most as u64).min(count);
        self.numbers(header::LEN as u64, start as u32..end as u32, |position| into.push(position))
    }

    /// Appends the positions of the records with this hash that begin at `from` or later, in order.
    pub(crate) fn find(&self, hash: u64, from: Position, into: &mut Vec<Position>) -> io::Result<()> {
        self.find_first(hash, from, usize::MAX, into)
    }

    /// Appends the first of these positions: `most` of them, or as many as there are.
    pub(crate) fn find_first(
        &self,
        hash: u64,
        from: Position,
        most: usize,
        into: &mut Vec<Position>,
    ) -> io::Result<()> {
        self.check()?;
        let Some(all) = self.postings_of(hash)? else { return Ok(()) };
        let near = narrow(all.clone(), BLOCK, |i| {
            let mut posting = [0; 4];
            read(&*self.file, &mut posting, self.header.posting_at(i))?;
            Ok(u32_at(&posting, 0) <= from)
        })?;
        // The first one that counts is among the near ones, or follows them.
        let end = u64::from(near.end).saturating_add(most as u64).min(u64::from(all.end)) as u32;
        let before = into.len();
        self.numbers(self.header.posting_at(0), near.start..end, |position| {
            if position >= from && into.len() - before < most {
                into.push(position);
            }
        })
    }

    /// Which postings are those of the hash.
    fn postings_of(&self, hash: u64) -> io::Result<Option<Range<u32>>> {
        let header = &self.header;
        let mut pair = [0; 8];
        read(&*self.file, &mut pair, header.fan_out_at() + 4 * bucket(hash, header.bits))?;
        let bucket = range(u32_at(&pair, 0), u32_at(&pair, 4), header.hashes)?;
        if bucket.is_empty() {
            return Ok(None);
        }
        let near = narrow(bucket, BUCKET, |i| {
            let mut other = [0; 8];
            read(&*self.file, &mut other, header.hash_at(i))?;
            Ok(u64_at(&other, 0) <= hash)
        })?;
        let mut buffer = [0; (BUCKET + 1) * ENTRY];
        let mut entries = self.entries(near, &mut buffer)?;
        let found = entries.find(|&(other, ..)| other == hash);
        found.map(|(_, start, end)| range(start, end, header.postings)).transpose()
    }

    /// Reads entries: each hash, and where its postings begin and end. The buffer has to have room for one more.
    fn entries<'a>(
        &self,
        range: Range<u32>,
        buffer: &'a mut [u8],
    ) -> io::Result<impl Iterator<Item = (u64, u32, u32)> + use<'a>> {
        let header = &self.header;
        let until = range.end.saturating_add(1).min(header.hashes);
        let buffer = &mut buffer[..(until - range.start) as usize * ENTRY];
        read(&*self.file, buffer, header.hash_at(range.start))?;
        let (entries, _) = buffer.as_chunks::<ENTRY>();
        let ends = entries.iter().skip(1).map(|next| u32_at(next, 8)).chain([header.postings]);
        Ok(entries
            .iter()
            .zip(ends)
            .take(range.len())
            .map(|(entry, end)| (u64_at(entry, 0), u32_at(entry, 8), end)))
    }

    /// Reads numbers of four bytes each, block by block.
    fn numbers(&self, at: u64, range: Range<u32>, mut each: impl FnMut(u32)) -> io::Result<()> {
        let mut buffer = [0; 4 * BLOCK];
        let mut next = range.start;
        while next < range.end {
            let count = (range.end - next).min(BLOCK as u32);
            let block = &mut buffer[..4 * count as usize];
            read(&*self.file, block, at + 4 * u64::from(next))?;
            block.chunks_exact(4).for_each(|number| each(u32_at(number, 0)));
            next += count;
        }
        Ok(())
    }

    /// All hashes in order, each with the number of its records, read in blocks.
    pub(crate) fn hashes(&self) -> SortedHashes<'_> {
        SortedHashes { index: self, next: 0, block: Vec::new().into_iter() }
    }
}

/// See [`Sealed::hashes`]. After an error it ends.
#[derive(Debug)]
pub(crate) struct SortedHashes<'a> {
    index: &'a Sealed,
    /// The first one that is not in the block.
    next: u32,
    block: vec::IntoIter<(u64, u32)>,
}

impl SortedHashes<'_> {
    fn read_on(&mut self) -> io::Result<()> {
        self.index.check()?;
        let end = self.next.saturating_add(BLOCK as u32).min(self.index.header.hashes);
        let mut buffer = [0; (BLOCK + 1) * ENTRY];
        let entries = self.index.entries(self.next..end, &mut buffer)?;
        let block: Vec<_> = entries.map(|(hash, start, end)| (hash, end.saturating_sub(start))).collect();
        self.block = block.into_iter();
        self.next = end;
        Ok(())
    }
}

impl Iterator for SortedHashes<'_> {
    type Item = io::Result<(u64, u32)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.block.len() == 0
            && self.next < self.index.header.hashes
            && let Err(error) = self.read_on()
        {
            self.next = self.index.header.hashes;
            return Some(Err(error));
        }
        self.block.next().map(Ok)
    }
}

/// Halves a range of sorted numbers until it is no longer than `most`. `not_after(i)`: the i-th is not greater than what
/// is looked for. What is equal to that is in the range if it was in it before, and the first that is greater is in it, or
/// follows it.
fn narrow(
    mut range: Range<u32>,
    most: usize,
    not_after: impl Fn(u32) -> io::Result<bool>,
) -> io::Result<Range<u32>> {
    while range.len() > most {
        let middle = range.start + (range.end - range.start) / 2;
        if not_after(middle)? { range.start = middle } else { range.end = middle }
    }
    Ok(range)
}

/// A range that the file names. The checksum was right when it was looked at, and still nothing is read beyond a part.
fn range(start: u32, end: u32, len: u32) -> io::Result<Range<u32>> {
    if start <= end && end <= len { Ok(start..end) } else { Err(damaged()) }
}

/// Fills the buffer. That the file ends too early is damage, too.
fn read(file: &dyn DiskFile, buffer: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(buffer, at)
        .map_err(|e| if e.kind() == ErrorKind::UnexpectedEof { damaged() } else { e })
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the index is damaged")
}
