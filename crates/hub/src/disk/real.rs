//! A directory of the machine's own file system.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt},
    path::Path,
    sync::{Arc, Mutex},
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{Disk, DiskFile};

/// What is published may be private: the files are the hub's user's alone.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The file that is locked. It stays empty.
const LOCK: &str = "lock";

/// Holds the directory itself open, not its path: when it is removed or replaced while we run, no file of ours ends up
/// in another one.
#[derive(Debug)]
pub(crate) struct Directory {
    directory: File,
    /// Locked as long as it is open.
    lock: Mutex<Option<File>>,
}

impl Directory {
    /// Opens one that is there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { directory: directory.into(), lock: Mutex::default() })
    }

    /// Opens one, and creates it before if it is missing.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        create_durably(path)?;
        Self::open(path)
    }

    /// Whether another process has it locked. Changes nothing in it.
    pub(crate) fn is_locked(&self) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock: File = match rustix::fs::openat(&self.directory, LOCK, flags, Mode::empty()) {
            Ok(file) => file.into(),
            Err(rustix::io::Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // There is no other way to ask. One that starts in the very microsecond in which this is held is refused.
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives a file a second name, in another directory. `CrossesDevices`: that one is on another file system.
    pub(crate) fn link(&self, name: &str, to: &Self) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.directory, name, &to.directory, name, AtFlags::empty())?)
    }

    fn open_file(&self, name: &str, more: OFlags) -> io::Result<RealFile> {
        // A link would lead out of the directory.
        let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | more;
        match rustix::fs::openat(&self.directory, name, flags | OFlags::RDWR, FILE_MODE) {
            Ok(file) => Ok(RealFile { file: file.into(), read_only: false }),
            // A disk that has become read-only still has a history to be read.
            Err(rustix::io::Errno::ROFS) if !more.contains(OFlags::EXCL) => {
                let file = rustix::fs::openat(&self.directory, name, flags | OFlags::RDONLY, FILE_MODE)?;
                Ok(RealFile { file: file.into(), read_only: true })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Creates a directory, and those above it that are missing. One that a power cut took away again would take all that
/// is in it.
fn create_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_durably(parent)?;
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        // Another process may have been faster. That a file lies in the way is told when the directory is opened.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => File::open(parent)?.sync_all(),
    }
}

impl Disk for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            let is_file = match entry.file_type() {
                // Some file systems do not tell.
                FileType::Unknown => {
                    let stat =
                        rustix::fs::statat(&self.directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode).is_file()
                }
                known => known.is_file(),
            };
            // No file of ours has a name that is not text.
            if let (true, Ok(name)) = (is_file, entry.file_name().to_str()) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(self.open_file(name, OFlags::empty())?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(self.open_file(name, OFlags::CREATE | OFlags::EXCL)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.directory, name, AtFlags::empty())?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.directory, from, &self.directory, to)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn home(&self) -> io::Result<String> {
        let mut lock = self.lock.lock().expect("no code that holds this lock panics");
        let file = if let Some(file) = &*lock {
            file
        } else {
            let file = self.open_file(LOCK, OFlags::CREATE)?.file;
            file.try_lock()?;
            // The directory, too: a lock file can be removed by someone who takes it for a left-over.
            self.directory.try_lock()?;
            lock.insert(file)
        };
        let found = file.metadata()?;
        Ok(format!("{}:{}", found.dev(), found.ino()))
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    /// The disk was read-only when it was opened.
    read_only: bool,
}

impl RealFile {
    fn writable(&self) -> io::Result<&File> {
        if self.read_only { Err(ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(&self.file) }
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.writable()?.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?.set_len(len)
    }

    fn forget_cached(&self) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed)?;
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    fn directory() -> (tempfile::TempDir, Directory) {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::open_or_create(&parent.path().join("a/b")).unwrap();
        (parent, directory)
    }

    #[test]
    fn what_it_creates_is_its_users_alone() {
        let (parent, directory) = directory();
        directory.create("f").unwrap();
        directory.home().unwrap();
        let mode = |path: &str| fs::metadata(parent.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode("a"), mode("a/b"), mode("a/b/f"), mode("a/b/lock")], [0o700, 0o700, 0o600, 0o600]);
    }

    #[test]
    fn a_path_that_is_no_directory_is_told() {
        let (parent, _) = directory();
        let path = parent.path().join("file");
        fs::write(&path, "").unwrap();
        assert_eq!(kind(Directory::open_or_create(&path)), Some(ErrorKind::NotADirectory));
        assert_eq!(kind(Directory::open_or_create(&path.join("in it"))), Some(ErrorKind::NotADirectory));
        assert_eq!(kind(Directory::open(&parent.path().join("none"))), Some(ErrorKind::NotFound));
    }

    #[test]
    fn a_file_is_written_and_read_anywhere() {
        let (_parent, directory) = directory();
        let file = directory.create("f").unwrap();
        file.write_at(b"world", 6).unwrap();
        file.write_at(b"hello", 0).unwrap();
        file.sync().unwrap();
        file.forget_cached().unwrap();
        assert_eq!(file.len().unwrap(), 11);

        let again = directory.open("f").unwrap();
        let mut buffer = [9; 16];
        assert_eq!(again.read_at(&mut buffer, 0).unwrap(), 11);
        assert_eq!(&buffer[..11], b"hello\0world");
        assert_eq!(again.read_at(&mut buffer, 20).unwrap(), 0);
        assert_eq!(kind(again.read_exact_at(&mut buffer, 0)), Some(ErrorKind::UnexpectedEof));
        again.read_exact_at(&mut buffer[..3], 6).unwrap();
        assert_eq!(&buffer[..3], b"wor");

        again.set_len(5).unwrap();
        file.set_len(7).unwrap();
        assert_eq!(again.read_at(&mut buffer, 0).unwrap(), 7);
        assert_eq!(&buffer[..7], b"hello\0\0");
    }

    #[test]
    fn names_come_and_go() {
        let (parent, directory) = directory();
        let old = directory.create("a").unwrap();
        old.write_at(b"a", 0).unwrap();
        assert_eq!(kind(directory.create("a")), Some(ErrorKind::AlreadyExists));
        directory.create("b").unwrap().write_at(b"bb", 0).unwrap();
        directory.rename("b", "a").unwrap();
        directory.sync().unwrap();
        assert_eq!(directory.open("a").unwrap().len().unwrap(), 2);
        assert_eq!(kind(directory.open("b")), Some(ErrorKind::NotFound));
        assert_eq!(kind(directory.rename("b", "c")), Some(ErrorKind::NotFound));

        assert!(!old.is_linked().unwrap(), "another file has its name");
        assert_eq!(old.read_at(&mut [0; 4], 0).unwrap(), 1, "and it can still be read");

        fs::create_dir(parent.path().join("a/b/folder")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", parent.path().join("a/b/link")).unwrap();
        assert_eq!(directory.list().unwrap(), ["a"]);
        assert!(directory.open("link").is_err(), "it leads out of the directory");

        directory.remove("a").unwrap();
        assert_eq!(kind(directory.remove("a")), Some(ErrorKind::NotFound));
        assert!(directory.list().unwrap().is_empty());
    }

    #[test]
    fn one_at_a_time_has_it() {
        let (parent, first) = directory();
        let path = parent.path().join("a/b");
        let second = Directory::open(&path).unwrap();
        let home = first.home().unwrap();
        assert_eq!(first.home().unwrap(), home, "whoever has it may ask again");
        assert_eq!(kind(second.home()), Some(ErrorKind::WouldBlock));
        drop(first);
        assert_eq!(second.home().unwrap(), home);

        let copy = Directory::open_or_create(&parent.path().join("copy")).unwrap();
        fs::copy(path.join("lock"), parent.path().join("copy/lock")).unwrap();
        assert_ne!(copy.home().unwrap(), home);
    }

    #[test]
    fn one_that_is_removed_is_not_mistaken_for_its_successor() {
        let (parent, directory) = directory();
        let path = parent.path().join("a/b");
        let file = directory.create("f").unwrap();
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(!file.is_linked().unwrap());
        assert_eq!(kind(directory.create("g")), Some(ErrorKind::NotFound));
        assert_eq!(kind(directory.open("f")), Some(ErrorKind::NotFound));
        // Some file systems say that it is empty, others that it is gone.
        assert!(directory.list().unwrap_or_default().is_empty());
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }
}
