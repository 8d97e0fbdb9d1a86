//! What is done to the directory of a history beside the hub: look at it, copy it, check it, mend it.
//!
//! [`info`], [`export`](Export::open), [`verify`] and [`backup`] only read, and may be used while a hub has the
//! directory; [`Import`] and [`repair`] write, and take its lock. None of them prints: they answer plain values, and
//! tell how far they are through a callback, which can also end them.
//!
//! ```
//! use std::{ops::ControlFlow, time::SystemTime};
//!
//! use headwater_hub::{Topic, Update, upkeep};
//!
//! let place = tempfile::tempdir()?;
//! let mut import = upkeep::Import::open(place.path())?;
//! import.append([Update::new(Topic::new("/books/1")?, "sold out")], SystemTime::now())?;
//! drop(import);
//!
//! for retained in upkeep::Export::open(place.path())? {
//!     let retained = retained?;
//!     assert_eq!((retained.offset, &*retained.update.data), (1, "sold out"));
//! }
//!
//! let verified = upkeep::verify(place.path(), &mut |_| ControlFlow::Continue(()))?;
//! assert!(verified.damage.is_empty());
//! assert_eq!(verified.updates, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backup;
mod epochs;
mod examine;
mod export;
mod head;
mod import;
mod info;
mod lenient;
mod place;
mod repair;
#[cfg(test)]
mod tests;
mod top_topics;
mod verify;
mod walk;

use std::{io, ops::ControlFlow, path::PathBuf};

#[cfg(test)]
pub(crate) use self::repair::repair_simulated;
pub use self::{
    backup::{BackedUp, backup},
    export::{Export, Retained},
    import::Import,
    info::{Info, PendingPurge, TopicCount, info},
    repair::{Deed, Repaired, repair},
    verify::{Damage, DamageKind, Torn, Verified, verify},
};
use crate::StartError;

/// How far something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in all, as they were when it began.
    pub total: u64,
}

/// Is told how far something is, and answers whether it is to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Why something could not be done to a directory, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// There is no such directory, or it is empty.
    #[error("there is no history in \"{}\"; name the directory that `headwater serve --history` uses", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// A backup must not be mixed with what is there.
    #[error("\"{}\" is not empty; name a directory that is empty, or yet to be made", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// These updates are not whole. What follows them can still be read.
    #[error("the updates {from} to {} are damaged or missing; `headwater history verify` says more", until - 1)]
    NotWhole {
        /// The first one.
        from: u64,
        /// The one after the last.
        until: u64,
    },
    /// The one who watched has ended it.
    #[error("it was interrupted")]
    Interrupted,
    /// As a hub that starts would say it.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl UpkeepError {
    /// The disk refuses.
    fn disk(path: impl Into<PathBuf>, what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let (path, what) = (path.into(), what.into());
        move |error| StartError::Disk { path, what, error }.into()
    }
}

/// Tells the watcher.
fn step(watch: Watch<'_>, done: u64, total: u64) -> Result<(), UpkeepError> {
    // Of a directory that grows meanwhile more may be read than there was.
    match watch(Progress { done: done.min(total), total }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(UpkeepError::Interrupted),
    }
}
