//! All that is whole in one segment, record by record.

use std::{collections::VecDeque, io, ops::Range, sync::Arc, thread, time::Duration};

use super::lenient::Lenient;
use crate::{
    cursor::Offset,
    log::{
        checksum::Checksum,
        format,
        head::{SEGMENT_HEAD, SegmentHead},
        scan::{Scanned, Scanner},
        survey::{self, Tail},
    },
    record::{CONTINUED, Record},
};

/// Bytes that are read at a time.
const AHEAD: usize = 256 << 10;

/// A hub overwrites what was purged in place: for a moment such a record is not whole.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(100)];

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Step {
    Record(Record),
    /// These are not whole, and one that follows them is.
    Hole(Range<Offset>),
}

/// Reads a segment from its beginning. It never ends between the updates of one submission.
#[derive(Debug)]
pub(super) struct Walk {
    file: Arc<Lenient>,
    checksum: Checksum,
    len: u64,
    /// What lies before was durable once, whole or not.
    proven: Offset,
    /// A hub may be at work in it.
    in_use: bool,
    /// Where the next record begins, and which one it is.
    at: u64,
    next: Offset,
    /// Where the last whole submission ends, and which update follows it.
    end: (u64, Offset),
    /// Of a submission whose end has not come yet, each with where it ends.
    open: Vec<(u64, Record)>,
    ready: VecDeque<Step>,
    over: bool,
}

impl Walk {
    pub(super) fn new(file: Arc<Lenient>, head: SegmentHead, len: u64, tail: Tail, in_use: bool) -> Self {
        let at = SEGMENT_HEAD as u64;
        Self {
            file,
            checksum: head.checksum(),
            len,
            proven: tail.proven(),
            in_use,
            at,
            next: head.first,
            end: (at, head.first),
            open: Vec::new(),
            ready: VecDeque::new(),
            over: false,
        }
    }

    /// Where the records end in a segment that a hub writes to right now: what stands before is not in flight any more.
    pub(super) fn end(file: &Arc<Lenient>, head: SegmentHead, len: u64, tail: Tail) -> io::Result<u64> {
        let mut walk = Self::new(file.clone(), head, len, tail, true);
        while walk.next()?.is_some() {}
        Ok(walk.end.0)
    }

    /// How far it has read.
    pub(super) fn place(&self) -> u64 {
        self.at
    }

    /// After the last step: the offset behind the last whole submission.
    pub(super) fn next_offset(&self) -> Offset {
        self.end.1
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Step>> {
        while self.ready.is_empty() && !self.over {
            self.fill()?;
        }
        Ok(self.ready.pop_front())
    }

    /// Reads a buffer's worth.
    fn fill(&mut self) -> io::Result<()> {
        let file = self.file.clone();
        let mut scanner = Scanner::new(&*file, self.checksum, self.at, self.len, AHEAD).expecting(self.next);
        let from = self.at;
        while self.at - from < AHEAD as u64 {
            match scanner.next()? {
                Scanned::End => {
                    self.finish();
                    return Ok(());
                }
                Scanned::Record { at, head, bytes } => {
                    let record = format::decode(&head, bytes);
                    (self.at, self.next) = (at + head.size, self.next + 1);
                    let Some(record) = record else {
                        // Whole, and no update: some other program's.
                        self.close();
                        self.ready.push_back(Step::Hole(self.next - 1..self.next));
                        continue;
                    };
                    let complete = record.flags & CONTINUED == 0;
                    self.open.push((self.at, record));
                    if complete {
                        self.close();
                    }
                }
                Scanned::Bad { at } => return self.pass(at),
            }
        }
        Ok(())
    }

    /// What has been read is known to be a whole submission, or stands before damage that must not hide it.
    fn close(&mut self) {
        self.ready.extend(self.open.drain(..).map(|(_, record)| Step::Record(record)));
        self.end = (self.at, self.next);
    }

    /// There is nothing more that is whole. What was durable stays, also without the rest of its submission.
    fn finish(&mut self) {
        self.over = true;
        let proven = self.proven;
        for (end, record) in self.open.drain(..).take_while(|(_, record)| record.offset < proven) {
            self.end = (end, record.offset + 1);
            self.ready.push_back(Step::Record(record));
        }
    }

    /// Gets over something that is not whole, if anything whole follows.
    fn pass(&mut self, at: u64) -> io::Result<()> {
        let next = self.next;
        let is_whole_now = || -> io::Result<bool> {
            let mut again = Scanner::new(&*self.file, self.checksum, at, self.len, 0).expecting(next);
            Ok(matches!(again.next()?, Scanned::Record { .. }))
        };
        for pause in PATIENCE.into_iter().filter(|_| self.in_use) {
            thread::sleep(pause);
            if is_whole_now()? {
                return Ok(());
            }
        }
        let ahead = survey::look_ahead(&*self.file, self.checksum, at, self.len, next, self.proven)?;
        self.proven = self.proven.max(ahead.proven);
        // If some of what is missing before it had never been durable, it is a part of a torn end itself.
        let Some((place, offset)) = ahead.first.filter(|&(_, offset)| offset <= self.proven) else {
            self.finish();
            return Ok(());
        };
        // Written while this was looking for what follows it.
        if self.in_use && is_whole_now()? {
            return Ok(());
        }
        self.close();
        self.ready.push_back(Step::Hole(self.next..offset));
        (self.at, self.next) = (place, offset);
        Ok(())
    }
}
