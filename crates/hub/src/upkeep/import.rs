//! Updates that come from somewhere else.

use std::{ops::Range, path::Path, sync::Arc, time::SystemTime};

use super::UpkeepError;
use crate::{
    Epoch, Retention, StartError, Submission, SyncPolicy, Update,
    disk::Directory,
    log::{Fresh, Log, OpenError, Settings},
};

/// Adds updates to a history that no hub has, or makes one. They get offsets as if they were published now, one after
/// the other.
///
/// Nothing is dropped for what is added: what is past retention the hub lets go of when it starts. Dropping this ends it
/// in good order.
#[derive(Debug)]
pub struct Import {
    log: Log,
    path: Box<Path>,
    latest: SystemTime,
}

impl Import {
    /// Opens a directory, or makes it, and locks it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, UpkeepError> {
        let path = path.as_ref();
        // As long as those of a hub that holds what it holds by default.
        let retention = Retention { count: 1_000_000, bytes: 1 << 30, age: None };
        let settings = Settings::new(retention, Vec::new(), SyncPolicy::Commit);
        let log = Directory::open_or_create(path)
            .map_err(|error| OpenError::Disk { what: "opening the directory".into(), error })
            .and_then(|disk| Log::open(Arc::new(disk), settings, &Fresh::random(Epoch::random())))
            .map_err(|error| StartError::of_history(path, error))?;
        Ok(Self { latest: log.last_time(), log, path: path.into() })
    }

    /// Adds these in one commit; answers their offsets. They are durable then, or after an error none of them is there.
    ///
    /// `now` is the time that they get, unless those before them are younger already.
    pub fn append(
        &mut self,
        updates: impl IntoIterator<Item = Update>,
        now: SystemTime,
    ) -> Result<Range<u64>, UpkeepError> {
        self.latest = self.latest.max(now);
        let first = self.log.next();
        let mut records = Vec::new();
        for (update, offset) in updates.into_iter().zip(first..) {
            // Each is a submission of its own: of those that a crash cuts, whole ones stay.
            for draft in Submission::from(update).drafts {
                records.push(Arc::new(draft.seal(self.log.epoch(), offset, self.latest).0));
            }
        }
        self.log.append(&records).map_err(UpkeepError::disk(&*self.path, "storing updates"))?;
        // The index of what is full goes out of memory. Where that fails, the next start does it.
        let _ = self.log.do_chores();
        Ok(first..self.log.next())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        self.log.close();
    }
}
