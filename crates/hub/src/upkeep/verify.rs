//! Whether all that a history holds is as it was written.

use std::{fmt, ops::Range, path::Path};

use super::{
    UpkeepError, Watch,
    examine::{Examined, IndexIs, examine, extend},
    head::HeadIs,
    place::{Found, Place, is_foreign},
    step,
};
use crate::{
    StartError,
    cursor::Offset,
    log::{
        OpenError,
        hash::Hasher,
        head::LogId,
        manifest::{Manifest, ManifestError, NAME as MANIFEST},
        segment::Segment,
        survey::Tail,
    },
};

/// What [`verify`] has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Whether a hub has the directory. What it writes meanwhile is not looked at.
    pub in_use: bool,
    /// Files of updates.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Updates that are whole. What was purged counts: its place is whole.
    pub updates: u64,
    /// Which ones: offsets, each range without its end.
    pub whole: Vec<Range<u64>>,
    /// What subscribers are told of as gaps.
    pub gaps: Vec<Range<u64>>,
    /// All that is damaged, the manifest first, then in the order of the updates.
    pub damage: Vec<Damage>,
    /// The beginning of a commit that was never acknowledged. No damage: the next start cuts it off.
    pub torn: Option<Torn>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file in which it is; for missing updates the one that should hold them.
    pub file: String,
    /// The updates that are affected, if any are: the range's end is not.
    pub offsets: Option<Range<u64>>,
    /// What it is.
    pub kind: DamageKind,
}

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The manifest is missing, or not whole.
    Manifest {
        /// What is wrong with it.
        problem: String,
    },
    /// The first bytes of a segment. What follows them may be whole.
    Head,
    /// The file is one of another history, or has another one's name.
    Foreign,
    /// The segment overlaps with the one before it.
    Overlap,
    /// Updates whose checksums are wrong, or that are no updates.
    Records,
    /// The disk cannot read a part of the segment.
    Unreadable,
    /// Updates that no file holds.
    Missing,
    /// A hub could not read these, and has told its subscribers of a gap; now they are whole again.
    WasUnreadable,
    /// A segment's index. It costs nothing but the time to make it again.
    Index,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest { problem } => problem,
            Self::Head => "the file does not begin as a segment does",
            Self::Foreign => "the file is of another history, or was renamed",
            Self::Overlap => "the file holds updates that the one before it holds as well",
            Self::Records => "not whole",
            Self::Unreadable => "the disk cannot read a part of the file",
            Self::Missing => "missing",
            Self::WasUnreadable => "could not be read by a hub, and are whole now",
            Self::Index => "the index is damaged (no update is; it can be made again)",
        })
    }
}

/// The beginning of a commit at the end of the last segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Torn {
    /// The segment.
    pub file: String,
    /// How much of it stands there.
    pub bytes: u64,
}

/// Reads every byte of every file and checks it: checksums, the order of the offsets, indexes against their segments.
/// Writes nothing, and may be used while a hub has the directory.
pub fn verify(path: impl AsRef<Path>, watch: Watch<'_>) -> Result<Verified, UpkeepError> {
    let place = Place::open(path.as_ref())?;
    let mut verified = Verified { in_use: place.is_in_use()?, ..Verified::default() };
    let manifest = manifest(&place, &mut verified)?;
    let id = manifest.as_ref().map(|manifest| manifest.id);
    let id = id.map_or_else(|| place.told_id(), |id| Ok(Some(id)))?;
    let segments = place.segments()?;
    let total = segments.iter().map(|segment| segment.len).sum();
    let mut walk = Verifying {
        hasher: manifest.as_ref().map(|manifest| Hasher::new(manifest.hash)),
        place,
        manifest,
        verified,
        id,
        next: None,
        proven: 0,
    };
    for (i, segment) in segments.iter().enumerate() {
        step(watch, walk.verified.bytes, total)?;
        walk.segment(segment, segments.get(i + 1).map(|following| following.first))?;
    }
    step(watch, total, total)?;
    Ok(walk.finish())
}

fn manifest(place: &Place, verified: &mut Verified) -> Result<Option<Manifest>, UpkeepError> {
    let problem = match Manifest::load(&*place.disk) {
        Ok(Some(manifest)) => return Ok(Some(manifest)),
        Ok(None) => {
            let names = place.names()?;
            if names.iter().all(|name| Segment::first_of(name, ".log").is_none()) {
                let path = place.path.clone();
                return Err(match names.into_iter().find(|name| is_foreign(name)) {
                    Some(file) => StartError::Foreign { path, file }.into(),
                    None => UpkeepError::Missing { path },
                });
            }
            "it is missing".to_owned()
        }
        Err(error @ (ManifestError::Io(_) | ManifestError::Newer { .. })) => {
            return Err(place.start_error(OpenError::from(error)));
        }
        // Any file can be of that name. Beside segments, it was a manifest.
        Err(ManifestError::Foreign) if place.firsts()?.is_empty() => {
            return Err(place.start_error(OpenError::from(ManifestError::Foreign)));
        }
        Err(error) => error.to_string(),
    };
    let kind = DamageKind::Manifest { problem };
    verified.damage.push(Damage { file: MANIFEST.into(), offsets: None, kind });
    Ok(None)
}

struct Verifying {
    place: Place,
    manifest: Option<Manifest>,
    hasher: Option<Hasher>,
    verified: Verified,
    /// The history's, as its manifest or else most of its files say.
    id: Option<LogId>,
    /// What the next segment should begin with.
    next: Option<Offset>,
    /// What lies before was durable once, as the last segment's records say.
    proven: Offset,
}

impl Verifying {
    fn damage(&mut self, first: Offset, offsets: Option<Range<Offset>>, kind: DamageKind) {
        self.verified.damage.push(Damage { file: Segment::name(first), offsets, kind });
    }

    fn segment(&mut self, segment: &Found, following: Option<Offset>) -> Result<(), UpkeepError> {
        let first = segment.first;
        let in_use = self.verified.in_use;
        let clean = self.manifest.as_ref().is_some_and(|manifest| manifest.clean.is_some());
        let last = following.is_none();
        let durable = self.manifest.as_ref().map_or(0, Manifest::least_next);
        let tail = if last && !clean { Tail::MayBeTorn(durable) } else { Tail::Whole };
        let Some(found) = examine(&self.place, segment, tail, self.id, self.hasher.as_ref(), in_use)? else {
            // Retention was faster: what came before is gone as well.
            self.verified.whole.clear();
            (self.verified.updates, self.next) = (0, None);
            return Ok(());
        };
        self.verified.bytes += found.len;
        self.verified.segments += 1;
        if !self.is_own(&found) {
            return Ok(());
        }
        match self.next {
            Some(next) if next > first => {
                self.damage(first, Some(first..found.next()), DamageKind::Overlap);
                return Ok(());
            }
            Some(next) => self.miss(first, next..first, DamageKind::Missing),
            None => {}
        }
        self.records(&found);
        (self.next, self.proven) = (Some(found.next()), found.survey.proven);
        // An index that was made before the damage says what there was.
        let missing = found.next()..following.unwrap_or(found.next());
        let mut holes = found.survey.holes.iter().chain([&missing]);
        let holes_known = holes.all(|hole| hole.is_empty() || self.is_known(hole));
        if last && !clean && found.survey.torn && !in_use {
            self.torn(first, found.len - found.survey.end);
        }
        if !last && found.index == IndexIs::Damaged && holes_known {
            self.verified.damage.push(Damage {
                file: Segment::index_name(first),
                offsets: None,
                kind: DamageKind::Index,
            });
        }
        Ok(())
    }

    /// Whether the segment is one of this history's.
    fn is_own(&mut self, found: &Examined) -> bool {
        match found.head_is {
            HeadIs::Damaged => self.damage(found.first, None, DamageKind::Head),
            HeadIs::Whole if self.id == Some(found.head.id) => {}
            HeadIs::Whole | HeadIs::Renamed => {
                self.damage(found.first, None, DamageKind::Foreign);
                return false;
            }
        }
        true
    }

    fn records(&mut self, found: &Examined) {
        if found.file.has_failed() {
            self.damage(found.first, None, DamageKind::Unreadable);
        }
        let mut at = found.first;
        for hole in &found.survey.holes {
            self.whole(at..hole.start);
            self.miss(found.first, hole.clone(), DamageKind::Records);
            at = hole.end;
        }
        self.whole(at..found.next());
    }

    fn whole(&mut self, range: Range<Offset>) {
        self.verified.updates += range.end - range.start;
        extend(&mut self.verified.whole, range);
    }

    fn torn(&mut self, first: Offset, bytes: u64) {
        self.verified.torn = Some(Torn { file: Segment::name(first), bytes });
    }

    fn is_known(&self, range: &Range<Offset>) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.is_lost(range))
    }

    fn miss(&mut self, first: Offset, range: Range<Offset>, kind: DamageKind) {
        if !range.is_empty() && !self.is_known(&range) {
            self.damage(first, Some(range), kind);
        }
    }

    fn finish(mut self) -> Verified {
        let Some(manifest) = self.manifest.take() else { return self.verified };
        let next = self.next.unwrap_or(manifest.epochs.list()[0].1);
        let end = manifest.least_next().max(self.proven);
        let known = manifest.is_lost(&(next..end));
        let missing = next < end && !known;
        let last = self.place.firsts().ok().and_then(|firsts| firsts.last().copied()).unwrap_or(next);
        if missing {
            self.damage(last, Some(next..end), DamageKind::Missing);
        } else if self.verified.segments == 0 {
            self.damage(next, None, DamageKind::Missing);
        }
        for range in &manifest.damaged {
            let told = self.verified.damage.iter().filter_map(|damage| damage.offsets.as_ref());
            let covered = told.into_iter().any(|told| told.start < range.end && range.start < told.end);
            if !covered {
                self.damage(range.start, Some(range.clone()), DamageKind::WasUnreadable);
            }
        }
        self.verified.gaps = manifest.lost;
        self.verified
    }
}
