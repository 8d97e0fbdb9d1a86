//! Making a damaged history one that a hub starts with, without removing anything that is whole.

use std::{io::ErrorKind, ops::Range, path::Path, sync::Arc};

use super::{
    UpkeepError, Watch,
    epochs::Told,
    examine::{Examined, IndexIs, examine},
    head::HeadIs,
    place::{Found, Place, is_foreign},
    step,
};
use crate::{
    Epoch, StartError,
    cursor::Offset,
    disk::DiskFile,
    epochs::Epochs,
    log::{
        Fresh, OpenError, create_segment,
        hash::Hasher,
        head::{LogId, SEGMENT_HEAD, SegmentHead},
        manifest::{Manifest, ManifestError},
        redo,
        segment::{Index, Segment},
        survey::{Tail, survey},
    },
};

/// What [`repair`] has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// In the order in which it was done; empty if there was nothing to do.
    pub deeds: Vec<Deed>,
}

/// Something that [`repair`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// The manifest was made anew from the segments. Which gaps subscribers had been told of, and which purges had not
    /// been carried out, is not known any more: the gaps are found again, the purges have to be repeated.
    ManifestRebuilt,
    /// The first bytes of a segment were written again.
    HeadRewritten {
        /// The segment.
        file: String,
    },
    /// A file that does not belong to this history, or repeats a part of it, got another name.
    SetAside {
        /// Its name so far.
        file: String,
        /// Its name now.
        name: String,
    },
    /// A segment of which the disk cannot read a part was copied without that part.
    Rescued {
        /// The segment.
        file: String,
    },
    /// The beginning of a commit that was never acknowledged was cut off.
    TailCut {
        /// The segment.
        file: String,
        /// How much it was.
        bytes: u64,
    },
    /// Subscribers are told that these updates are gone.
    Lost {
        /// Their offsets; the end is not among them.
        offsets: Range<u64>,
    },
    /// Updates that a hub could not read are whole, and are read again.
    Regained {
        /// Their offsets; the end is not among them.
        offsets: Range<u64>,
    },
    /// The index of a segment was made again.
    IndexRebuilt {
        /// The index.
        file: String,
    },
    /// Updates go on in a new segment, behind what was lost.
    GoesOn {
        /// The next offset.
        at: u64,
    },
}

/// Makes a history whole again as far as it can be: what is whole stays, what is not becomes a gap that subscribers are
/// told of. Locks the directory. Afterwards a hub starts with it.
///
/// It can be interrupted, and begun again, at any moment.
pub fn repair(path: impl AsRef<Path>, watch: Watch<'_>) -> Result<Repaired, UpkeepError> {
    repair_place(Place::open(path.as_ref())?, watch)
}

/// The same, of a simulated one.
#[cfg(test)]
pub(crate) fn repair_simulated(disk: Arc<dyn crate::disk::Disk>) -> Result<Repaired, UpkeepError> {
    repair_place(Place::simulated(disk), &mut |_| std::ops::ControlFlow::Continue(()))
}

fn repair_place(place: Place, watch: Watch<'_>) -> Result<Repaired, UpkeepError> {
    let firsts = place.firsts()?;
    let known = manifest(&place, firsts.is_empty())?;
    place.disk.home().map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => place.start_error(OpenError::InUse),
        _ => place.failed("locking it")(error),
    })?;
    let mut deeds = Vec::new();
    let (manifest, told) = if let Some(manifest) = known {
        (manifest, None)
    } else {
        deeds.push(Deed::ManifestRebuilt);
        (anew(&place, &firsts)?, Some(Told::default()))
    };
    finish_purge(&place, manifest.id, &firsts)?;
    let mut repairing = Repairing {
        hasher: Hasher::new(manifest.hash),
        place,
        manifest,
        told,
        deeds,
        next: None,
        last: None,
    };
    let segments = repairing.place.segments()?;
    for (i, segment) in segments.iter().enumerate() {
        step(watch, i as u64, segments.len() as u64)?;
        repairing.segment(segment, i + 1 == segments.len())?;
    }
    step(watch, 1, 1)?;
    repairing.finish()
}

/// The manifest; `None` if it is to be made anew.
fn manifest(place: &Place, empty: bool) -> Result<Option<Manifest>, UpkeepError> {
    match Manifest::load(&*place.disk) {
        Ok(None) if empty => {
            let path = place.path.clone();
            Err(match place.names()?.into_iter().find(|name| is_foreign(name)) {
                Some(file) => StartError::Foreign { path, file }.into(),
                None => UpkeepError::Missing { path },
            })
        }
        Ok(manifest) => Ok(manifest),
        Err(error @ (ManifestError::Io(_) | ManifestError::Newer { .. })) => {
            Err(place.start_error(error.into()))
        }
        // Of an empty history there is nothing to be rescued, and the file may be anybody's.
        Err(error) if empty => Err(place.start_error(error.into())),
        Err(_) => Ok(None),
    }
}

/// A manifest for segments whose own is lost.
fn anew(place: &Place, firsts: &[Offset]) -> Result<Manifest, UpkeepError> {
    let fresh = Fresh::random(Epoch::random());
    Ok(Manifest {
        id: place.told_id()?.unwrap_or(fresh.id),
        hash: fresh.hash,
        home: "unknown".into(),
        epochs: Epochs::new(fresh.epoch, firsts.first().copied().unwrap_or(1)),
        clean: None,
        lost: Vec::new(),
        damaged: Vec::new(),
        purges: Vec::new(),
        forgotten: Vec::new(),
    })
}

/// Before anything is read: a record that is half overwritten is not damage.
fn finish_purge(place: &Place, id: LogId, firsts: &[Offset]) -> Result<(), UpkeepError> {
    let mut segments: Vec<(SegmentHead, Arc<dyn DiskFile>)> = Vec::new();
    for &first in firsts {
        if let Some(file) = place.segment(first)? {
            let (_, head) = place.head(&file, first, Some(id))?;
            segments.push((head, file));
        }
    }
    // If one of its records is damaged, so that it cannot be done, the purge itself is still noted in the manifest.
    redo::redo(&*place.disk, &segments)
        .or_else(|_| redo::clear(&*place.disk))
        .map_err(place.failed("finishing a purge"))
}

struct Repairing {
    place: Place,
    manifest: Manifest,
    hasher: Hasher,
    /// The epochs, where the manifest is made anew.
    told: Option<Told>,
    deeds: Vec<Deed>,
    /// What the next segment should begin with.
    next: Option<Offset>,
    /// The last segment, if it is one that can be written to.
    last: Option<Examined>,
}

impl Repairing {
    fn segment(&mut self, segment: &Found, last: bool) -> Result<(), UpkeepError> {
        let first = segment.first;
        let tail = if last && self.manifest.clean.is_none() {
            Tail::MayBeTorn(self.manifest.least_next())
        } else {
            Tail::Whole
        };
        let id = Some(self.manifest.id);
        let Some(mut found) = examine(&self.place, segment, tail, id, Some(&self.hasher), false)? else {
            return Ok(());
        };
        let foreign = match found.head_is {
            HeadIs::Whole => found.head.id != self.manifest.id,
            HeadIs::Renamed => true,
            HeadIs::Damaged => false,
        };
        if foreign || self.next.is_some_and(|next| next > first) {
            return self.set_aside(first);
        }
        if found.file.has_failed() {
            self.rescue(&found)?;
            let copy = Found::new(first, found.len);
            let Some(again) = examine(&self.place, &copy, tail, id, Some(&self.hasher), false)? else {
                return Ok(());
            };
            found = again;
        }
        if found.head_is == HeadIs::Damaged {
            let file = Segment::name(first);
            found
                .file
                .write_at(&found.head.to_bytes(), 0)
                .and_then(|()| found.file.sync())
                .map_err(self.place.failed(format!("writing {file}")))?;
            self.deeds.push(Deed::HeadRewritten { file });
        }
        if let Some(told) = &mut self.told {
            let failed = self.place.failed(format!("reading {}", Segment::name(first)));
            told.read(&found.file, found.head, found.survey.end).map_err(failed)?;
        }
        if let Some(next) = self.next {
            self.lose(next..first);
        }
        for hole in std::mem::take(&mut found.survey.holes) {
            self.lose(hole);
        }
        self.next = Some(found.next());
        if last {
            self.last = Some(found);
            Ok(())
        } else {
            self.index(found)
        }
    }

    fn lose(&mut self, offsets: Range<Offset>) {
        if !offsets.is_empty() && !self.manifest.is_lost(&offsets) {
            self.manifest.add_lost(offsets.clone());
            self.deeds.push(Deed::Lost { offsets });
        }
    }

    fn set_aside(&mut self, first: Offset) -> Result<(), UpkeepError> {
        let file = Segment::name(first);
        let names = self.place.names()?;
        let free = |n: &u32| !names.contains(&format!("{file}.aside-{n}"));
        let n = (1..=u32::MAX).find(free).expect("a directory does not hold so many files");
        let name = format!("{file}.aside-{n}");
        let disk = &self.place.disk;
        disk.rename(&file, &name)
            .and_then(|()| match disk.remove(&Segment::index_name(first)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => disk.sync(),
            })
            .map_err(self.place.failed(format!("renaming {file}")))?;
        self.deeds.push(Deed::SetAside { file, name });
        Ok(())
    }

    /// Puts a copy in the place of a file that the disk cannot read everywhere.
    fn rescue(&mut self, found: &Examined) -> Result<(), UpkeepError> {
        let file = Segment::name(found.first);
        let new = format!("{file}.new");
        let disk = &self.place.disk;
        let copy = || {
            match disk.remove(&new) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let copy = disk.create(&new)?;
            let mut buffer = vec![0; 1 << 20];
            let mut at = 0;
            while at < found.len {
                let read = found.file.read_at(&mut buffer, at)?;
                if read == 0 {
                    break;
                }
                copy.write_at(&buffer[..read], at)?;
                at += read as u64;
            }
            copy.sync()?;
            disk.rename(&new, &file)?;
            disk.sync()
        };
        copy().map_err(self.place.failed(format!("copying {file}")))?;
        self.deeds.push(Deed::Rescued { file });
        Ok(())
    }

    /// Makes the index of a segment that is written to no more, unless it has a right one.
    fn index(&mut self, found: Examined) -> Result<(), UpkeepError> {
        if found.index == IndexIs::Whole {
            return Ok(());
        }
        let file = Segment::index_name(found.first);
        let index = Index::growing(found.survey.index);
        Segment::new(found.head, found.file, found.survey.end, index)
            .seal(&*self.place.disk)
            .map_err(self.place.failed(format!("writing {file}")))?;
        self.deeds.push(Deed::IndexRebuilt { file });
        Ok(())
    }

    fn finish(mut self) -> Result<Repaired, UpkeepError> {
        if let Some(told) = self.told.take() {
            let (epoch, first) = self.manifest.epochs.list()[0];
            self.manifest.epochs = told.table(epoch, first);
        }
        let epochs_first = self.manifest.epochs.list()[0].1;
        let next = self.next.unwrap_or(epochs_first);
        // Offsets that were given are not given again, also if what had them is gone.
        let proven = self.last.as_ref().map_or(0, |last| last.survey.proven);
        let resume = next.max(self.manifest.least_next()).max(proven);
        let was_clean = self.manifest.clean.is_some();
        match self.last.take() {
            Some(last) if resume == next && self.can_go_on(&last, was_clean)? => {
                if last.survey.torn && !was_clean {
                    self.cut(&last)?;
                }
            }
            last => {
                self.lose(next..resume);
                if let Some(last) = last {
                    self.index(last)?;
                }
                create_segment(&*self.place.disk, SegmentHead::new(self.manifest.id, resume))
                    .map_err(self.place.failed(format!("creating {}", Segment::name(resume))))?;
                self.deeds.push(Deed::GoesOn { at: resume });
            }
        }
        for offsets in std::mem::take(&mut self.manifest.damaged) {
            if !self.manifest.lost.iter().any(|lost| lost.start < offsets.end && offsets.start < lost.end) {
                self.deeds.push(Deed::Regained { offsets });
            }
        }
        if !self.deeds.is_empty() {
            // After a clean end nothing is missing but what is told.
            self.manifest.clean = self.manifest.clean.filter(|&clean| clean == resume);
            self.manifest.store(&*self.place.disk).map_err(self.place.failed("writing the manifest"))?;
        }
        Ok(Repaired { deeds: self.deeds })
    }

    /// Whether a hub that starts finds the same end of the last segment.
    fn can_go_on(&self, last: &Examined, was_clean: bool) -> Result<bool, UpkeepError> {
        if !was_clean {
            return Ok(true);
        }
        let failed = self.place.failed(format!("reading {}", Segment::name(last.first)));
        let tail = Tail::MayBeTorn(self.manifest.least_next());
        let as_torn = survey(&*last.file, last.head, last.len, &self.hasher, tail).map_err(failed)?;
        Ok(as_torn.end == last.survey.end && as_torn.holes.iter().all(|hole| self.manifest.is_lost(hole)))
    }

    fn cut(&mut self, last: &Examined) -> Result<(), UpkeepError> {
        let file = Segment::name(last.first);
        last.file
            .set_len(last.survey.end.max(SEGMENT_HEAD as u64))
            .and_then(|()| last.file.sync())
            .map_err(self.place.failed(format!("cutting off the end of {file}")))?;
        self.deeds.push(Deed::TailCut { file, bytes: last.len - last.survey.end });
        Ok(())
    }
}
