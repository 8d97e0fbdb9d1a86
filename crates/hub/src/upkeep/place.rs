//! A directory that holds a history, perhaps in use.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{UpkeepError, lenient::Lenient};
use crate::{
    StartError,
    cursor::Offset,
    disk::{Directory, Disk, DiskFile as _},
    log::{
        NEXT, OpenError,
        manifest::{Manifest, NAME as MANIFEST},
        segment::Segment,
    },
};

/// So many segments are open at once.
const HELD: usize = 128;

/// A segment that was there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) first: Offset,
    /// The length that it had.
    pub(super) len: u64,
    file: Option<Arc<Lenient>>,
}

impl Found {
    /// One that is not open.
    pub(super) fn new(first: Offset, len: u64) -> Self {
        Self { first, len, file: None }
    }
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    /// The same, unless it is simulated.
    pub(super) directory: Option<Arc<Directory>>,
}

impl Place {
    /// Opens a directory that is there.
    pub(super) fn open(path: &Path) -> Result<Self, UpkeepError> {
        match Directory::open(path) {
            Ok(directory) => Ok(Self::new(path, directory)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(UpkeepError::Missing { path: path.to_owned() })
            }
            Err(error) => Err(UpkeepError::disk(path, "opening the directory")(error)),
        }
    }

    pub(super) fn new(path: &Path, directory: Directory) -> Self {
        let directory = Arc::new(directory);
        Self { path: path.to_owned(), disk: directory.clone(), directory: Some(directory) }
    }

    /// The directory, for what no other disk can do.
    pub(super) fn directory(&self) -> &Directory {
        self.directory.as_ref().expect("nobody asks for more than a simulated one can do")
    }

    /// One that is simulated.
    #[cfg(test)]
    pub(super) fn simulated(disk: Arc<dyn Disk>) -> Self {
        Self { path: "simulated".into(), disk, directory: None }
    }

    pub(super) fn failed(&self, what: impl Into<String>) -> impl FnOnce(std::io::Error) -> UpkeepError {
        UpkeepError::disk(&self.path, what)
    }

    /// What the manifest says; an error if there is none.
    pub(super) fn manifest(&self) -> Result<Manifest, UpkeepError> {
        match self.try_manifest()? {
            Some(manifest) => Ok(manifest),
            None => Err(self.no_manifest()?),
        }
    }

    pub(super) fn try_manifest(&self) -> Result<Option<Manifest>, UpkeepError> {
        Manifest::load(&*self.disk).map_err(|error| self.start_error(error.into()))
    }

    pub(super) fn start_error(&self, error: OpenError) -> UpkeepError {
        StartError::of_history(&self.path, error).into()
    }

    /// What a directory without a manifest is.
    fn no_manifest(&self) -> Result<UpkeepError, UpkeepError> {
        let names = self.names()?;
        let path = self.path.clone();
        Ok(if let Some(segment) = names.iter().find(|name| Segment::first_of(name, ".log").is_some()) {
            StartError::Damaged { path, what: format!("there is {segment}, but no {MANIFEST}") }.into()
        } else if let Some(file) = names.into_iter().find(|name| is_foreign(name)) {
            StartError::Foreign { path, file }.into()
        } else {
            UpkeepError::Missing { path }
        })
    }

    pub(super) fn names(&self) -> Result<Vec<String>, UpkeepError> {
        self.disk.list().map_err(self.failed("listing its files"))
    }

    /// The first offsets of the segments that there are, ascending.
    pub(super) fn firsts(&self) -> Result<Vec<Offset>, UpkeepError> {
        let names = self.names()?;
        let mut firsts: Vec<_> = names.iter().filter_map(|name| Segment::first_of(name, ".log")).collect();
        firsts.sort_unstable();
        Ok(firsts)
    }

    /// The segments that there are, oldest first, the oldest of them open: retention, which drops the oldest first,
    /// cannot take them away from under a reader that is slow.
    pub(super) fn segments(&self) -> Result<VecDeque<Found>, UpkeepError> {
        let mut segments = VecDeque::new();
        for first in self.firsts()? {
            match self.segment(first)? {
                Some(file) => {
                    let len = file.len().map_err(self.failed(format!("reading {}", Segment::name(first))))?;
                    let file = (segments.len() < HELD).then_some(file);
                    segments.push_back(Found { first, len, file });
                }
                // What lies before one that is gone is gone, too.
                None => segments.clear(),
            }
        }
        Ok(segments)
    }

    /// The file of a segment that was found. `None`: it is gone.
    pub(super) fn file(&self, found: &Found) -> Result<Option<Arc<Lenient>>, UpkeepError> {
        found.file.clone().map_or_else(|| self.segment(found.first), |file| Ok(Some(file)))
    }

    /// Whether another process has it locked.
    pub(super) fn is_in_use(&self) -> Result<bool, UpkeepError> {
        let locked = self.directory.as_ref().map_or(Ok(false), |directory| directory.is_locked());
        locked.map_err(self.failed("looking at its lock"))
    }

    /// Opens a segment's file, which reads as zeros where the disk fails. `None`: it is gone.
    pub(super) fn segment(&self, first: Offset) -> Result<Option<Arc<Lenient>>, UpkeepError> {
        let name = Segment::name(first);
        match self.disk.open(&name) {
            Ok(file) => Ok(Some(Arc::new(Lenient::new(file)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(format!("reading {name}"))(error)),
        }
    }
}

/// Whether no history has a file of this name.
pub(super) fn is_foreign(name: &str) -> bool {
    !matches!(name, "lock" | "manifest.new" | NEXT) && !name.starts_with('.')
}
