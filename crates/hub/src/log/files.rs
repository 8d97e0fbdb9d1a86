//! A long history has more files than a process may have open: what has not been used for a while is closed, and opened
//! again when it is.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::disk::{Disk, DiskFile};

/// Files that are open at once, about: two of each segment of a history of the default size, and some to spare. The
/// server sets as many descriptors aside.
pub(crate) const MOST_OPEN: usize = 200;

/// The files of a directory that are open.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    most: usize,
    /// In the order in which they were opened, but for those that got a second chance.
    open: Mutex<VecDeque<Weak<Lazy>>>,
}

/// A file that is open when it is used.
#[derive(Debug)]
struct Lazy {
    name: String,
    files: Arc<Files>,
    handle: Mutex<Option<Arc<dyn DiskFile>>>,
    /// Again, since it was opened or last thought of closing it.
    used: AtomicBool,
    own: Weak<Lazy>,
}

impl Files {
    pub(crate) fn new(disk: Arc<dyn Disk>, most: usize) -> Arc<Self> {
        Arc::new(Self { disk, most, open: Mutex::default() })
    }

    /// Stands for a file that is there.
    pub(crate) fn file(self: &Arc<Self>, name: String) -> Arc<dyn DiskFile> {
        Arc::new_cyclic(|own| Lazy {
            name,
            files: self.clone(),
            handle: Mutex::default(),
            used: AtomicBool::new(false),
            own: own.clone(),
        })
    }

    fn open(&self) -> MutexGuard<'_, VecDeque<Weak<Lazy>>> {
        self.open.lock().expect("no code that holds this lock panics")
    }

    /// Counts a file that has been opened, and closes others that nobody has used for a while.
    fn opened(&self, file: Weak<Lazy>) {
        let mut open = self.open();
        open.push_back(file);
        let mut chances = open.len();
        while open.len() > self.most {
            let Some(oldest) = open.pop_front() else { return };
            let Some(lazy) = oldest.upgrade() else { continue };
            if chances > 0 && lazy.used.swap(false, Ordering::Relaxed) {
                chances -= 1;
                open.push_back(oldest);
            } else if let Ok(mut handle) = lazy.handle.try_lock() {
                *handle = None;
            } else {
                // It is being opened at this moment.
                open.push_back(oldest);
                return;
            }
        }
    }
}

impl Lazy {
    fn handle(&self) -> io::Result<Arc<dyn DiskFile>> {
        let open = self.handle.lock().expect("no code that holds this lock panics").clone();
        if let Some(file) = open {
            self.used.store(true, Ordering::Relaxed);
            return Ok(file);
        }
        // Two may do this at once: then one of the two handles is closed again.
        let file = self.files.disk.open(&self.name)?;
        let before = self.handle.lock().expect("no code that holds this lock panics").replace(file.clone());
        if before.is_none() {
            self.files.opened(self.own.clone());
        }
        Ok(file)
    }
}

impl DiskFile for Lazy {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.handle()?.read_at(buffer, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.handle()?.write_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.handle()?.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.handle()?.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.handle()?.set_len(len)
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.handle()?.forget_cached()
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.handle()?.is_linked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    #[test]
    fn few_are_open_at_once_and_those_that_are_used_stay() {
        let disk = SimDisk::new(1).directory();
        let files = Files::new(disk.clone(), 4);
        let all: Vec<_> = (0..20u8)
            .map(|i| {
                let name = i.to_string();
                disk.create(&name).unwrap().write_at(&[i], 0).unwrap();
                files.file(name)
            })
            .collect();
        for round in 0..3 {
            for (file, i) in all.iter().zip(0..) {
                let (mut first, mut byte) = ([9], [9]);
                all[0].read_exact_at(&mut first, 0).unwrap();
                file.read_exact_at(&mut byte, 0).unwrap();
                assert_eq!((first, byte), ([0], [i]), "round {round}");
                let open = files.open().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
                assert!(open.len() <= 4, "{open:?}");
                assert!(open.iter().any(|lazy| lazy.name == "0"), "the one that is used all the time");
            }
        }
    }

    #[test]
    fn what_was_removed_cannot_be_opened_again() {
        let disk = SimDisk::new(1).directory();
        let files = Files::new(disk.clone(), 1);
        disk.create("a").unwrap();
        let file = files.file("a".into());
        assert!(file.is_linked().unwrap());
        disk.remove("a").unwrap();
        assert!(!file.is_linked().unwrap(), "it is still open");
        disk.create("b").unwrap();
        // The first of these leaves it open, as it has been used again.
        for _ in 0..2 {
            assert_eq!(files.file("b".into()).len().unwrap(), 0);
        }
        assert_eq!(file.len().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
