//! A copy of a history while a hub writes to it.
//!
//! A segment that has its index is written to no more (but for what is purged in it), so a second name for its file is as
//! good as a copy, and takes no time and no room. The others are copied. The manifest comes last: what is left of a backup
//! that was not finished is no history.

use std::{io::ErrorKind, ops::Range, path::Path};

use super::{UpkeepError, Watch, lenient::Lenient, place::Place, step, walk::Walk};
use crate::{
    StartError,
    cursor::Offset,
    disk::{Directory, DiskFile},
    epochs::Epochs,
    log::{
        hash::Hasher,
        manifest::Manifest,
        redo,
        segment::Segment,
        survey::{Tail, survey},
    },
};

/// Bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// How often a segment is copied again that was overwritten meanwhile, and the list read again that has changed.
const TRIES: usize = 10;

/// What [`backup`] has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// Segments that are the same files in both directories.
    pub linked: usize,
    /// Segments that were copied.
    pub copied: usize,
    /// The bytes of those.
    pub copied_bytes: u64,
    /// The offset of the first update in it.
    pub first: u64,
    /// The offset of the first update that is not in it any more.
    pub next: u64,
}

/// Copies a history, also one that a hub writes to, into a directory that is empty or is made. Every update that was
/// acknowledged before is in it, whole, unless retention drops it meanwhile.
///
/// On the same file system all segments but the newest become hard links: that takes no time and no room. What is purged
/// later, in one of the two, is then overwritten in both, but for what is in the newest segment. Elsewhere all of it is
/// copied.
///
/// A hub starts with the copy as with any history, in an epoch of its own.
pub fn backup(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    watch: Watch<'_>,
) -> Result<BackedUp, UpkeepError> {
    let (from, to) = (Place::open(from.as_ref())?, to.as_ref());
    from.manifest()?;
    let existed = to.is_dir();
    let disk = Directory::open_or_create(to).map_err(UpkeepError::disk(to, "making the directory"))?;
    let to = Place::new(to, disk);
    if !is_empty(&to)? {
        return Err(UpkeepError::NotEmpty { path: to.path });
    }
    let mut copying = Copying { from, to, made: BackedUp::default(), crosses: false };
    let done = copying.run(watch);
    if done.is_err() {
        copying.undo(existed);
    }
    done.map(|()| copying.made)
}

fn is_empty(place: &Place) -> Result<bool, UpkeepError> {
    let mut entries = std::fs::read_dir(&place.path).map_err(place.failed("listing its files"))?;
    Ok(entries.next().is_none())
}

struct Copying {
    from: Place,
    to: Place,
    made: BackedUp,
    /// The two are on different file systems.
    crosses: bool,
}

impl Copying {
    fn run(&mut self, watch: Watch<'_>) -> Result<(), UpkeepError> {
        let before = self.from.manifest()?;
        for _ in 0..TRIES {
            if self.segments(&before, watch)? {
                return self.manifest(before);
            }
            self.clear()?;
        }
        Err(self.from.failed("listing its files")(ErrorKind::ResourceBusy.into()))
    }

    /// Copies all segments; `false`: the newest of them was removed meanwhile.
    fn segments(&mut self, manifest: &Manifest, watch: Watch<'_>) -> Result<bool, UpkeepError> {
        let firsts = self.from.firsts()?;
        let mut all = Vec::new();
        for &first in &firsts {
            if let Some(file) = self.from.segment(first)? {
                all.push((first, file.len().map_err(self.from.failed("reading a segment"))?));
            }
        }
        let total = all.iter().map(|(_, len)| len).sum();
        let mut done = 0;
        self.made.first = 0;
        for (i, &(first, len)) in all.iter().enumerate() {
            step(watch, done, total)?;
            let last = i + 1 == all.len();
            let there = if !last && self.link(first) {
                true
            } else {
                let tail = if last { Tail::MayBeTorn(manifest.least_next()) } else { Tail::Whole };
                match self.copy(first, tail, manifest, &mut |at| step(&mut *watch, done + at, total))? {
                    Some(next) => {
                        self.made.next = next;
                        true
                    }
                    None => false,
                }
            };
            if !there {
                if last {
                    return Ok(false);
                }
                // Retention drops the oldest first.
                self.clear()?;
            } else if self.made.first == 0 {
                self.made.first = first;
            }
            done += len;
        }
        step(watch, total, total)?;
        Ok(!all.is_empty())
    }

    /// Whether a segment is linked, with its index. One that has none may still be written to.
    fn link(&mut self, first: Offset) -> bool {
        if self.crosses {
            return false;
        }
        for name in [Segment::index_name(first), Segment::name(first)] {
            match self.from.directory().link(&name, self.to.directory()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => return false,
                // Another file system, one that knows no links, or one that forbids them.
                Err(_) => {
                    self.crosses = true;
                    return false;
                }
            }
        }
        self.made.linked += 1;
        true
    }

    /// Copies a segment up to its last whole submission; answers the offset behind that. `None`: it is gone.
    fn copy(
        &mut self,
        first: Offset,
        tail: Tail,
        manifest: &Manifest,
        tell: &mut dyn FnMut(u64) -> Result<(), UpkeepError>,
    ) -> Result<Option<Offset>, UpkeepError> {
        let name = Segment::name(first);
        let mut tries = TRIES;
        loop {
            let Some(file) = self.from.segment(first)? else { return Ok(None) };
            let (_, head) = self.from.head(&file, first, Some(manifest.id))?;
            let to = self.to.disk.create(&name).map_err(self.to.failed(format!("creating {name}")))?;
            let mut len = file.len().map_err(self.from.failed(format!("reading {name}")))?;
            if tail != Tail::Whole {
                // What is being written right now is not copied half.
                len =
                    Walk::end(&file, head, len, tail).map_err(self.from.failed(format!("reading {name}")))?;
            }
            self.copy_bytes(&file, &*to, len, &name, tell)?;
            let copy = survey(&*to, head, len, &Hasher::new(manifest.hash), tail)
                .map_err(self.to.failed(format!("reading {name}")))?;
            tries -= 1;
            // While a purge overwrites a record it is not whole. Of one that stays so there is no better copy.
            if !copy.holes.is_empty() && tries > 0 && self.from.is_in_use()? {
                self.to.disk.remove(&name).map_err(self.to.failed(format!("removing {name}")))?;
                continue;
            }
            to.sync().map_err(self.to.failed(format!("writing {name}")))?;
            self.made.copied += 1;
            self.made.copied_bytes += copy.end;
            return Ok(Some(first + u64::from(copy.index.count())));
        }
    }

    fn copy_bytes(
        &self,
        from: &Lenient,
        to: &dyn DiskFile,
        len: u64,
        name: &str,
        tell: &mut dyn FnMut(u64) -> Result<(), UpkeepError>,
    ) -> Result<(), UpkeepError> {
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while at < len {
            let piece = &mut buffer[..PIECE.min((len - at) as usize)];
            from.read_exact_at(piece, at).map_err(self.from.failed(format!("reading {name}")))?;
            to.write_at(piece, at).map_err(self.to.failed(format!("writing {name}")))?;
            at += piece.len() as u64;
            tell(at)?;
        }
        Ok(())
    }

    fn manifest(&self, before: Manifest) -> Result<(), UpkeepError> {
        let next = self.made.next;
        let mut manifest = self.from.manifest()?;
        if before.clean.is_some_and(|clean| next < clean) {
            let path = self.from.path.clone();
            let what = format!("updates are missing: {next} to {}", before.clean.unwrap_or(next) - 1);
            return Err(StartError::Damaged { path, what }.into());
        }
        // One that was carried out meanwhile may have come too late for what was copied.
        for purge in before.purges {
            if !manifest.purges.contains(&purge) {
                manifest.purges.push(purge);
            }
        }
        // What happened behind the end of the copy is of another future.
        let cut = |range: &Range<Offset>| range.start..range.end.min(next);
        manifest.lost = manifest.lost.iter().map(cut).filter(|range| !range.is_empty()).collect();
        manifest.damaged = manifest.damaged.iter().map(cut).filter(|range| !range.is_empty()).collect();
        let epochs = manifest.epochs.list().iter().copied().filter(|&(_, first)| first <= next).collect();
        manifest.epochs = Epochs::from_list(epochs).unwrap_or(manifest.epochs);
        manifest.clean = None;
        manifest.home = "backup".into();
        self.copy_note()?;
        manifest.store(&*self.to.disk).map_err(self.to.failed("writing the manifest"))
    }

    /// What is being overwritten right now may be half overwritten in a linked file. As long as the hub lives it goes on
    /// in both; should it not, the copy can finish it alone.
    fn copy_note(&self) -> Result<(), UpkeepError> {
        let Ok(file) = self.from.disk.open(redo::NAME) else { return Ok(()) };
        let mut bytes =
            vec![0; file.len().map_err(self.from.failed("reading what is being purged"))? as usize];
        if file.read_exact_at(&mut bytes, 0).is_err() || redo::parse(&bytes).is_none() {
            return Ok(());
        }
        let copy = || {
            let note = self.to.disk.create(redo::NAME)?;
            note.write_at(&bytes, 0)?;
            note.sync()
        };
        copy().map_err(self.to.failed("writing what is being purged"))
    }

    /// Removes what has been made so far.
    fn clear(&mut self) -> Result<(), UpkeepError> {
        for name in self.to.names()? {
            self.to.disk.remove(&name).map_err(self.to.failed(format!("removing {name}")))?;
        }
        self.made = BackedUp::default();
        Ok(())
    }

    /// Leaves nothing behind that could be taken for a backup.
    fn undo(&mut self, existed: bool) {
        // Why it failed is told; that a rest of it lies there is seen.
        if self.clear().is_ok() && !existed {
            let _ = std::fs::remove_dir(&self.to.path);
        }
    }
}
