//! Opening a directory: what is there, is it whole, and where do updates go on?

use std::{
    collections::{BTreeSet, VecDeque},
    hash::{BuildHasher as _, RandomState},
    io,
    ops::Range,
    sync::{Arc, Mutex, RwLock, atomic::AtomicU64},
};

use super::{
    Log, NEXT, Settings, State,
    chores::Bell,
    create_segment,
    fetch::Unread,
    files::{Files, MOST_OPEN},
    hash::Hasher,
    head::{BadHead, LogId, SEGMENT_HEAD, SegmentHead},
    manifest::{Manifest, ManifestError},
    redo,
    segment::{Index, Segment},
    survey::{Survey, Tail, survey},
};
use crate::{
    cursor::{Epoch, Offset},
    disk::{Disk, DiskFile},
    epochs::Epochs,
};

/// Why a directory cannot be used.
#[derive(Debug)]
pub(crate) enum OpenError {
    InUse,
    Foreign { file: String },
    Newer { version: u32 },
    Damaged { what: String },
    Disk { what: String, error: io::Error },
}

impl OpenError {
    fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Disk { what, error }
    }
}

impl From<ManifestError> for OpenError {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Io(error) => Self::Disk { what: "reading the manifest".into(), error },
            ManifestError::Foreign => Self::Foreign { file: "manifest".into() },
            ManifestError::Newer { version } => Self::Newer { version },
            other => Self::Damaged { what: other.to_string() },
        }
    }
}

/// What is new in a directory, or in an epoch: random, and given from outside.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub(crate) id: LogId,
    pub(crate) hash: [u8; 16],
    pub(crate) epoch: Epoch,
}

impl Fresh {
    /// From the standard library's source of randomness.
    pub(crate) fn random(epoch: Epoch) -> Self {
        let bytes = || (u128::from(random()) << 64 | u128::from(random())).to_le_bytes();
        Self { id: bytes(), hash: bytes(), epoch }
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

/// Ranges of offsets, as a person reads them.
fn list(ranges: &[Range<Offset>]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> =
        ranges
            .iter()
            .take(SHOWN)
            .map(|r| {
                if r.end - r.start == 1 {
                    r.start.to_string()
                } else {
                    format!("{} to {}", r.start, r.end - 1)
                }
            })
            .collect();
    if ranges.len() > SHOWN {
        text.push(format!("{} more places", ranges.len() - SHOWN));
    }
    text.join(", ")
}

impl Log {
    /// Opens the log, or begins one in a directory that is empty.
    ///
    /// What stands behind the last whole submission was never acknowledged, and is cut off. A start that does not follow
    /// a clean stop begins a new epoch: should the disk have lost more than it may, or be an older copy of itself, those
    /// who have seen what is gone come with cursors that do not hold any more, and are told.
    pub(crate) fn open(disk: Arc<dyn Disk>, settings: Settings, fresh: &Fresh) -> Result<Self, OpenError> {
        let list = || disk.list().map_err(OpenError::disk("listing its files"));
        let names = list()?;
        // The lock is a file, and none is left in a directory that is somebody else's.
        if !names.iter().any(|name| matches!(&**name, "lock" | "manifest")) {
            refuse_others(&*disk, &names)?;
        }
        let home = disk.home().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse,
            _ => OpenError::Disk { what: "locking it".into(), error },
        })?;
        // Another process may have begun one before it was locked.
        let names = list()?;
        let manifest = Manifest::load(&*disk)?;
        let files = Files::new(disk.clone(), MOST_OPEN);
        let (manifest, segments) = match manifest {
            Some(manifest) => Opening { disk: &*disk, files: &files, manifest, names }.open(home, fresh)?,
            None => begin(&*disk, home, &names, fresh)?,
        };
        let next = segments.back().expect("there is always one").next();
        let floor = segments[0].first;
        let id = manifest.id;
        let forgot = manifest.lost.iter().any(|range| range.end <= floor);
        let log = Self {
            disk,
            files,
            id,
            hasher: Hasher::new(manifest.hash),
            settings,
            state: RwLock::new(State {
                segments,
                next,
                floor,
                manifest,
                ids_unsure_before: if forgot { next } else { 0 },
                unwritten: false,
                overwriting: None,
            }),
            writer: Mutex::default(),
            storing: Mutex::default(),
            bell: Bell::default(),
            unweighed: AtomicU64::new(u64::MAX / 2),
            unread: Unread::default(),
        };
        // There may be something that the last one did not come to.
        log.bell.ring();
        Ok(log)
    }
}

/// A segment's head, and its file.
type Begun = (SegmentHead, Arc<dyn DiskFile>);

type Opened = (Manifest, VecDeque<Arc<Segment>>);

/// Makes the last segment what was found whole of it.
fn cut_off(segment: &Segment, torn: bool) -> io::Result<()> {
    let len = segment.file.len()?;
    if torn {
        tracing::info!(
            bytes = len - segment.end(),
            "the last commit had not been completed, nor acknowledged; it was cut off"
        );
    }
    if segment.end() < len {
        segment.file.set_len(segment.end())?;
    }
    // A process that died alone leaves behind what it had not synced. It is there, and will be served.
    segment.file.sync()
}

/// Whether a log may begin beside these files.
fn refuse_others(disk: &dyn Disk, names: &[String]) -> Result<(), OpenError> {
    for name in names {
        match Segment::first_of(name, ".log") {
            // Of a first start that did not come to its manifest.
            Some(1) if is_empty(disk, name)? => {}
            Some(_) => {
                return Err(OpenError::Damaged { what: format!("there is {name}, but no manifest") });
            }
            None if matches!(&**name, "lock" | "manifest.new" | NEXT) || name.starts_with('.') => {}
            None => return Err(OpenError::Foreign { file: name.clone() }),
        }
    }
    Ok(())
}

/// Whether no update was ever written to this segment.
fn is_empty(disk: &dyn Disk, name: &str) -> Result<bool, OpenError> {
    let len = disk.open(name).and_then(|file| file.len());
    Ok(len.map_err(OpenError::disk(format!("reading {name}")))? <= SEGMENT_HEAD as u64)
}

fn begin(disk: &dyn Disk, home: String, names: &[String], fresh: &Fresh) -> Result<Opened, OpenError> {
    refuse_others(disk, names)?;
    let manifest = Manifest {
        id: fresh.id,
        hash: fresh.hash,
        home,
        epochs: Epochs::new(fresh.epoch, 1),
        clean: None,
        lost: Vec::new(),
        damaged: Vec::new(),
        purges: Vec::new(),
        forgotten: Vec::new(),
    };
    // The segment first: a manifest without one would say that all were lost.
    let segment = create_segment(disk, SegmentHead::new(fresh.id, 1))
        .map_err(OpenError::disk("creating the first segment"))?;
    manifest.store(disk).map_err(OpenError::disk("writing the manifest"))?;
    Ok((manifest, [segment].into()))
}

/// What a [`Survey`] says beside the index.
struct Found {
    holes: Vec<Range<Offset>>,
    torn: bool,
    proven: Offset,
}

struct Opening<'a> {
    disk: &'a dyn Disk,
    files: &'a Arc<Files>,
    manifest: Manifest,
    names: Vec<String>,
}

impl Opening<'_> {
    fn open(mut self, home: String, fresh: &Fresh) -> Result<Opened, OpenError> {
        let hasher = Hasher::new(self.manifest.hash);
        if !self.manifest.damaged.is_empty() {
            let what = format!("updates that could not be read any more: {}", list(&self.manifest.damaged));
            return Err(OpenError::Damaged { what });
        }
        let mut files = self.files()?;
        redo::redo(self.disk, &files).map_err(OpenError::disk("finishing a purge"))?;
        let firsts: Vec<Offset> = files.iter().map(|(head, _)| head.first).collect();
        let mut segments = VecDeque::new();
        let mut holes = Vec::new();
        let (last, _) =
            files.pop().ok_or_else(|| OpenError::Damaged { what: "all segments are missing".into() })?;
        for ((head, file), following) in files.into_iter().zip(firsts.into_iter().skip(1)) {
            let segment = self.whole_segment(head, file, &hasher, &mut holes)?;
            let next = segment.next();
            if next > following {
                return Err(OpenError::Damaged {
                    what: format!(
                        "{} holds more than the next one leaves room for",
                        Segment::name(head.first)
                    ),
                });
            }
            holes.extend((next < following).then_some(next..following));
            segments.push_back(segment);
        }
        let (segment, survey) = self.last_segment(last, &hasher)?;
        let mut next = segment.next();
        holes.extend(survey.holes);
        // What the manifest or a record names was there when it was written, and offsets must not be given again.
        let least = self.manifest.least_next().max(survey.proven);
        holes.extend((next < least).then_some(next..least));
        holes.retain(|hole| !self.manifest.is_lost(hole));
        if !holes.is_empty() {
            return Err(OpenError::Damaged {
                what: format!("updates are missing or not whole: {}", list(&holes)),
            });
        }
        cut_off(&segment, survey.torn)
            .map_err(OpenError::disk(format!("cutting off the end of {}", Segment::name(segment.first))))?;
        segments.push_back(segment);
        if next < least {
            // Lost, as subscribers are told: an update that got one of these offsets would be skipped like them.
            let segment = create_segment(self.disk, SegmentHead::new(self.manifest.id, least));
            segments.push_back(segment.map_err(OpenError::disk("creating a segment"))?);
            next = least;
        }
        let manifest = &mut self.manifest;
        if manifest.clean != Some(next) || manifest.home != home {
            manifest.epochs.begin(fresh.epoch, next);
        }
        manifest.epochs.forget_before(segments[0].first);
        // Where not each commit is synced, a purge may speak of updates that are gone, and must not of the next ones.
        manifest.purges.iter_mut().for_each(|purge| purge.before = purge.before.min(next));
        (manifest.clean, manifest.home) = (None, home);
        self.manifest.store(self.disk).map_err(OpenError::disk("writing the manifest"))?;
        self.remove_strays(&segments).map_err(OpenError::disk("removing files that are left over"))?;
        Ok((self.manifest, segments))
    }

    /// The segments' files, in their order.
    fn files(&self) -> Result<Vec<Begun>, OpenError> {
        let firsts: BTreeSet<Offset> =
            self.names.iter().filter_map(|name| Segment::first_of(name, ".log")).collect();
        let mut files = Vec::new();
        for first in firsts {
            let name = Segment::name(first);
            let reading = |error| OpenError::Disk { what: format!("reading {name}"), error };
            let file = self.files.file(name.clone());
            let problem = match SegmentHead::read(&*file).map_err(reading)? {
                Ok(head) if (head.id, head.first) == (self.manifest.id, first) => {
                    files.push((head, file));
                    continue;
                }
                Err(BadHead::Newer(version)) => return Err(OpenError::Newer { version }),
                Ok(_) => "is of another history, or was renamed",
                Err(BadHead::Damaged) => "does not begin as a segment does",
            };
            return Err(OpenError::Damaged { what: format!("{name} {problem}") });
        }
        Ok(files)
    }

    /// A segment that another one follows.
    fn whole_segment(
        &self,
        head: SegmentHead,
        file: Arc<dyn DiskFile>,
        hasher: &Hasher,
        holes: &mut Vec<Range<Offset>>,
    ) -> Result<Arc<Segment>, OpenError> {
        let name = Segment::name(head.first);
        let reading = |error| OpenError::Disk { what: format!("reading {name}"), error };
        let len = file.len().map_err(reading)?;
        if let Ok(segment) = Segment::sealed(head, self.files)
            && segment.end() <= len
        {
            return Ok(Arc::new(segment));
        }
        let survey = survey(&*file, head, len, hasher, Tail::Whole).map_err(reading)?;
        let segment = Segment::new(head, file, survey.end, Index::growing(survey.index));
        if !survey.torn {
            // The hub before had no time to seal it: the zeros behind its end are still there.
            segment.set_room(len);
        }
        if !survey.holes.is_empty() {
            // The next start is to see them again.
            holes.extend(survey.holes);
            return Ok(Arc::new(segment));
        }
        // At once: the indexes of a long history do not fit into memory. Where it cannot be written, the disk is full or
        // read-only, and that is told when something is to be written to the log itself.
        let sealed = segment.seal(self.disk);
        let sealed = sealed.and_then(|()| Segment::sealed(head, self.files));
        Ok(Arc::new(sealed.unwrap_or(segment)))
    }

    /// The segment that was written last.
    fn last_segment(&self, head: SegmentHead, hasher: &Hasher) -> Result<(Arc<Segment>, Found), OpenError> {
        let name = Segment::name(head.first);
        let reading = |error| OpenError::Disk { what: format!("reading {name}"), error };
        // It stays open: that a sync of it has failed is told to this handle alone.
        let file = self.disk.open(&name).map_err(reading)?;
        let len = file.len().map_err(reading)?;
        // Should a sync have failed, what is cached is not what the disk has.
        file.forget_cached().map_err(reading)?;
        let tail = Tail::MayBeTorn(self.manifest.least_next());
        let Survey { index, end, holes, torn, proven } =
            survey(&*file, head, len, hasher, tail).map_err(reading)?;
        let segment = Segment::new(head, file, end, Index::growing(index));
        Ok((Arc::new(segment), Found { holes, torn, proven }))
    }

    /// Removes what was being made, or being removed, when the last writer ended.
    fn remove_strays(&self, segments: &VecDeque<Arc<Segment>>) -> io::Result<()> {
        let kept: BTreeSet<Offset> = segments.iter().map(|s| s.first).collect();
        let newest = kept.last().copied();
        for name in &self.names {
            let segment = Segment::first_of(name, ".log").is_some_and(|first| !kept.contains(&first));
            let index = Segment::first_of(name, ".idx")
                .is_some_and(|first| !kept.contains(&first) || Some(first) == newest);
            if segment || index || name == NEXT {
                self.disk.remove(name)?;
            }
        }
        Ok(())
    }
}
