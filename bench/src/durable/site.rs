//! Where histories are while they are measured, and what the disk below can do without a hub.

use std::{
    env, fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use tempfile::TempDir;

use crate::{Failure, verdict::quantile};

/// Filesystems that keep nothing when the power goes.
const VOLATILE: [&str; 2] = ["tmpfs", "ramfs"];
/// Of an update of 200 bytes, about.
const RECORD: usize = 320;
const SYNCS: usize = 300;
const PIECE: usize = 1 << 20;

/// A folder on a real disk. It is empty when the comparison begins and gone when it ends.
pub(crate) struct Site {
    folder: PathBuf,
    filesystem: String,
    /// Held, so that a second comparison neither disturbs this one nor empties its folder.
    _lock: File,
}

impl Site {
    /// Below `folder`, or else beside this program, where `target/` is.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, Failure> {
        let program = env::current_exe()?;
        let above = folder.or(program.parent()).ok_or("this program lies nowhere")?;
        let above = above.canonicalize().map_err(|error| format!("{}: {error}", above.display()))?;
        let filesystem = filesystem(&fs::read_to_string("/proc/self/mountinfo")?, &above);
        if VOLATILE.contains(&filesystem.as_str()) {
            let place = above.display();
            return Err(
                format!("{place} is {filesystem}, not a disk: name a folder on one with --data").into()
            );
        }
        let folder = above.join("headwater-bench-data");
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|_| format!("another comparison uses {}: wait for it", folder.display()))?;
        // What a comparison left behind that was ended in its midst.
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self { folder, filesystem, _lock: lock })
    }

    /// A directory for one history, empty.
    pub(crate) fn directory(&self) -> io::Result<TempDir> {
        TempDir::new_in(&self.folder)
    }

    /// Measures the disk.
    pub(crate) fn disk(&self, quick: bool) -> io::Result<Disk> {
        let folder = self.directory()?;
        let mut syncs = Floor::create(folder.path(), RECORD)?;
        let mut took = (0..SYNCS).map(|_| syncs.append()).collect::<io::Result<Vec<f64>>>()?;
        let mut file = File::create(folder.path().join("sequential"))?;
        let piece = vec![b'x'; PIECE];
        let pieces = if quick { 64 } else { 512 };
        let began = Instant::now();
        for _ in 0..pieces {
            file.write_all(&piece)?;
        }
        file.sync_data()?;
        let written = (pieces * PIECE) as f64 / began.elapsed().as_secs_f64();
        let (p50, p99) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
        Ok(Disk { filesystem: self.filesystem.clone(), p50, p99, megabytes: written / 1e6 })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Histories in it have removed themselves; what cannot be removed now is when the next comparison begins.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What the disk does for a program that only writes and syncs.
pub(crate) struct Disk {
    filesystem: String,
    p50: f64,
    p99: f64,
    megabytes: f64,
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filesystem, p50, p99, megabytes } = self;
        write!(
            f,
            "The disk without a hub: {filesystem}; append {RECORD} bytes and fdatasync: p50 {p50:.0} µs, p99 {p99:.0} \
             µs; sequential write: {megabytes:.0} MB/s."
        )
    }
}

/// The bare loop that a durable publish is held against: append, then `fdatasync`.
pub(crate) struct Floor {
    file: File,
    record: Vec<u8>,
}

impl Floor {
    /// A file in `folder` that grows by `record` bytes at a time.
    pub(crate) fn create(folder: &Path, record: usize) -> io::Result<Self> {
        Ok(Self { file: File::create(folder.join("floor"))?, record: vec![b'x'; record] })
    }

    /// Microseconds.
    pub(crate) fn append(&mut self) -> io::Result<f64> {
        let began = Instant::now();
        self.file.write_all(&self.record)?;
        self.file.sync_data()?;
        Ok(began.elapsed().as_secs_f64() * 1e6)
    }
}

/// Bytes that the files of `folder` take up.
pub(crate) fn disk_use(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        // Retention may have removed it since it was listed.
        if let Ok(metadata) = entry?.metadata() {
            bytes += metadata.blocks() * 512;
        }
    }
    Ok(bytes)
}

/// The type of the filesystem that `path` is on, by the text of `/proc/self/mountinfo`.
fn filesystem(mounts: &str, path: &Path) -> String {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        // Spaces in it are written \040.
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&point).then_some((point.len(), after.split(' ').next()?.to_owned()))
    };
    // The longest is the innermost; of equal ones the last covers the others.
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map_or("?".into(), |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_says_what_a_path_is_on() {
        let mounts = "\
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
            30 22 0:25 / /tmp rw shared:7 - tmpfs tmpfs rw\n\
            31 30 8:1 / /tmp/a\\040disk rw master:1 - xfs /dev/sda rw\n\
            32 22 8:2 / /tmp2 rw - btrfs /dev/sdb rw\n\
            33 32 8:3 / /tmp2 rw - zfs pool rw\n";
        let on = |path: &str| filesystem(mounts, Path::new(path));
        assert_eq!(on("/home/x"), "ext4");
        assert_eq!(on("/tmp/x"), "tmpfs");
        assert_eq!(on("/tmp/a disk/x"), "xfs");
        assert_eq!(on("/tmp/a diskette"), "tmpfs");
        assert_eq!(on("/tmp2/x"), "zfs");
        assert_eq!(filesystem("", Path::new("/")), "?");
    }

    #[test]
    fn the_floor_s_bytes_are_on_the_disk() {
        let folder = TempDir::new().unwrap();
        let mut floor = Floor::create(folder.path(), 5_000).unwrap();
        for _ in 0..3 {
            floor.append().unwrap();
        }
        assert!(disk_use(folder.path()).unwrap() >= 15_000);
    }
}
