//! What a history knows about itself beside its updates: a small text file, replaced as a whole.
//!
//! A line is a word and what belongs to it, one space between; numbers are decimal, without leading zeros; hex is in
//! small letters; every line ends with a line feed. The first line names the format, the last one is the CRC-32 of all
//! bytes before it, and both stay so in every version: a damaged file is told from one of a newer version.
//!
//! ```text
//! headwater-history 1
//! id 00112233445566778899aabbccddeeff        the log's own, in each of its files
//! hash 000102030405060708090a0b0c0d0e0f      the key of the hashes in its indexes
//! home 2049:131                              device and inode of the directory's lock file: a copy has others
//! epoch 0123456789ab 1                       an epoch and its first offset; oldest first, the last one is current
//! clean 4711                                 the next offset; only after a clean stop
//! lost 17 20                                 offsets from 17 on and before 20 are lost; subscribers are told
//! damaged 30 31                              found damaged while running: the next start refuses
//! purge 500 2f626f6f6b73                     a topic (hex of its UTF-8): of its updates before 500 some are not
//!                                            overwritten yet
//! forgotten 0123456789abcdef                 hash of a chosen id whose first bearer was dropped while another is held
//! crc32 89abcdef
//! ```

mod text;

use std::{io, ops::Range};

use crate::{
    Topic,
    cursor::Offset,
    disk::{Disk, DiskFile},
    epochs::Epochs,
};

pub(crate) const NAME: &str = "manifest";
/// Where the next one is written before it takes the name.
const NEXT: &str = "manifest.new";
pub(crate) const VERSION: u32 = 1;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Of the log; each of its files has it.
    pub(crate) id: [u8; 16],
    /// The key of [`Hasher`](super::hash::Hasher).
    pub(crate) hash: [u8; 16],
    /// What [`Disk::home`] said when the log was last opened.
    pub(crate) home: String,
    pub(crate) epochs: Epochs,
    /// The next offset, after a clean stop.
    pub(crate) clean: Option<Offset>,
    /// Gaps that subscribers are told of.
    pub(crate) lost: Vec<Range<Offset>>,
    /// What was found damaged while running.
    pub(crate) damaged: Vec<Range<Offset>>,
    pub(crate) purges: Vec<Purge>,
    /// Hashes of chosen ids that do not stand for the first update that bore them.
    pub(crate) forgotten: Vec<u64>,
}

/// A purge of which not all is overwritten yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purge {
    pub(crate) topic: Topic,
    /// Updates from here on were published after it, and stay.
    pub(crate) before: Offset,
}

/// Why there is no manifest to go by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("{NAME}: {0}")]
    Io(#[from] io::Error),
    /// The file is none of Headwater's.
    #[error("{NAME} is not the manifest of a Headwater history")]
    Foreign,
    #[error("{NAME} is damaged: its checksum is not that of its lines")]
    Checksum,
    /// It is whole, and of a format that only a newer Headwater reads.
    #[error("{NAME} is of version {version}, and this Headwater reads version {VERSION}")]
    Newer { version: u32 },
    /// It is whole, and says what this version never writes.
    #[error("{NAME}, line {line}: {problem}: {text:?}")]
    Line { line: usize, text: String, problem: &'static str },
    #[error("{NAME} has no line `{0}`")]
    Missing(&'static str),
    /// There is none, or they go back, or one of them comes twice.
    #[error("{NAME}: its epochs cannot follow one another")]
    Epochs,
}

impl Manifest {
    /// Reads the manifest; `None` where there is none yet.
    pub(crate) fn load(disk: &dyn Disk) -> Result<Option<Self>, ManifestError> {
        let file = match disk.open(NAME) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        Self::from_bytes(&read(&*file)?).map(Some)
    }

    /// The log's id in a manifest that is not whole, if that line of it looks so.
    pub(crate) fn told_id(disk: &dyn Disk) -> Option<[u8; 16]> {
        text::told_id(&read(&*disk.open(NAME).ok()?).ok()?)
    }

    /// Adds a range to those that subscribers are told of.
    pub(crate) fn add_lost(&mut self, range: Range<Offset>) {
        add(&mut self.lost, range);
    }

    /// Adds a range to those that the next start refuses.
    pub(crate) fn add_damaged(&mut self, range: Range<Offset>) {
        add(&mut self.damaged, range);
    }

    /// No offset before this one can be given again: each of them was, as far as is written here.
    pub(crate) fn least_next(&self) -> Offset {
        let ends = self.lost.iter().chain(&self.damaged).map(|range| range.end);
        let epoch = self.epochs.list().last().map(|&(_, first)| first);
        ends.chain(self.clean).chain(epoch).max().unwrap_or_default()
    }

    /// Whether subscribers are told of all of this range.
    pub(crate) fn is_lost(&self, range: &Range<Offset>) -> bool {
        self.lost.iter().any(|lost| lost.start <= range.start && range.end <= lost.end)
    }

    /// Puts this in place of the one that is there. After an error that one, or this, is there.
    pub(crate) fn store(&self, disk: &dyn Disk) -> io::Result<()> {
        let file = match disk.create(NEXT) {
            // Of a start or a stop that did not get to its end. Not written over: a backup may be linked to it.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(NEXT)?;
                disk.create(NEXT)?
            }
            file => file?,
        };
        file.write_at(self.to_text().as_bytes(), 0)?;
        // Before the name: a name that is durable earlier than what it names would be that of an empty file.
        file.sync()?;
        disk.rename(NEXT, NAME)?;
        disk.sync()
    }
}

/// Adds a range to others, which stay apart and in order.
fn add(ranges: &mut Vec<Range<Offset>>, mut new: Range<Offset>) {
    ranges.retain(|old| {
        let touches = old.start <= new.end && new.start <= old.end;
        if touches {
            new = old.start.min(new.start)..old.end.max(new.end);
        }
        !touches
    });
    let at = ranges.partition_point(|old| old.start < new.start);
    ranges.insert(at, new);
}

fn read(file: &dyn DiskFile) -> Result<Vec<u8>, ManifestError> {
    // A file of that name that is someone else's may be of any size.
    let mut start = [0; text::FORMAT.len()];
    let read = file.read_at(&mut start, 0)?;
    if start[..read] != *text::FORMAT.as_bytes() {
        return Err(ManifestError::Foreign);
    }
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
