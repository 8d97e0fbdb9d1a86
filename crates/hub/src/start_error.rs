//! Why a hub did not start.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::log::OpenError;

/// Why a hub did not start, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system gives no more of what the hub needs (threads, descriptors).
    #[error("the system refuses a thread or a descriptor ({0})")]
    System(#[from] io::Error),
    /// Another process has the directory.
    #[error("\"{}\" is in use by another process; stop that one, or use another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds other things.
    #[error(
        "\"{}\" holds files that are no history of Headwater (such as \"{file}\"); use an empty directory, or one that is \
         yet to be made",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        file: String,
    },
    /// The history was written by a later version.
    #[error(
        "the history in \"{}\" has format {version}, which is newer than this program; use the version that wrote it, \
         or a newer one",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// Something that was acknowledged cannot be read any more.
    #[error(
        "the history in \"{}\" is damaged: {what}. No update was changed. `headwater history verify` says more; \
         `headwater history repair` keeps all that is whole and makes the rest a gap that subscribers are told of",
        path.display()
    )]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What, and which offsets are affected.
        what: String,
    },
    /// The disk refuses.
    #[error("the history in \"{}\" cannot be opened: {what} ({error}); check the disk, its free space and the permissions", path.display())]
    Disk {
        /// The directory.
        path: PathBuf,
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

impl StartError {
    pub(crate) fn of_history(path: &Path, error: OpenError) -> Self {
        let path = path.to_owned();
        match error {
            OpenError::InUse => Self::InUse { path },
            OpenError::Foreign { file } => Self::Foreign { path, file },
            OpenError::Newer { version } => Self::Newer { path, version },
            OpenError::Damaged { what } => Self::Damaged { path, what },
            OpenError::Disk { what, error } => Self::Disk { path, what, error },
        }
    }
}
