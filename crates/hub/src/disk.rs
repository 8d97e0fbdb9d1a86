//! What the log asks of a disk: one directory of files. A trait, so that a test can own every fault of it.

mod real;
#[cfg(test)]
pub(crate) mod sim;

use std::{fmt, io, sync::Arc};

pub(crate) use self::real::Directory;

/// One directory. Names are those of its files, never paths.
pub(crate) trait Disk: Send + Sync + fmt::Debug + 'static {
    /// The names of its files, in no order. What is not a file is not listed.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file that is there, to read and to write. Where the whole disk is read-only it can still be read.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file; `AlreadyExists` if there is one of that name. Durable after [`Disk::sync`], as are
    /// removals and renamings.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Takes the name away. Who has the file open can go on with it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, and takes that from the file that had it: at no moment has none of the two it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the names durable, not what the files hold.
    fn sync(&self) -> io::Result<()>;

    /// Locks the directory for as long as `self` lives, and tells which one it is: "device:inode" of the lock file,
    /// which a copy does not share. `WouldBlock`: another one has it locked.
    fn home(&self) -> io::Result<String>;
}

/// A file of a [`Disk`], which any number of threads may use at once.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// Reads as much as the buffer takes; less only at the file's end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Fills the buffer, or says `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if self.read_at(buffer, at)? < buffer.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Writes all of it. After an error any part of it may be written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes durable what has been written, and the length. After an error nothing that was written since the last
    /// success can be relied on, not even if a later call succeeds.
    fn sync(&self) -> io::Result<()>;

    fn len(&self) -> io::Result<u64>;

    /// Cuts off what lies beyond, or appends zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Asks that the next read be served by the disk itself. What has not been written to it yet stays in memory, and a
    /// system that knows no such wish ignores it.
    fn forget_cached(&self) -> io::Result<()>;

    /// Whether the file still has a name. `false`: someone has removed it, and what is written to it will be gone.
    fn is_linked(&self) -> io::Result<bool>;
}
