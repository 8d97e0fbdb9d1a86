//! The simulated disk as the hub sees it.

use std::{
    fmt,
    io::{self, ErrorKind},
    sync::{Arc, Mutex},
};

use super::{Operation, SimDisk, names::Inode, state::State};
use crate::disk::{Disk, DiskFile};

const LOCK: &str = "lock";

#[derive(Debug)]
pub(super) struct SimDirectory {
    disk: SimDisk,
    /// Locked, if it is open.
    lock: Mutex<Option<SimFile>>,
}

impl SimDirectory {
    pub(super) fn new(disk: SimDisk) -> Self {
        Self { disk, lock: Mutex::default() }
    }

    fn operate<T>(
        &self,
        operation: Operation,
        name: &str,
        work: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.disk.operate(operation, name, 0..0, |state, course| {
            course.check()?;
            work(state)
        })
    }

    fn file(&self, state: &mut State, name: &str, inode: Inode) -> SimFile {
        state.node(inode).handles += 1;
        SimFile { disk: self.disk.clone(), name: name.into(), inode }
    }
}

impl Disk for SimDirectory {
    fn list(&self) -> io::Result<Vec<String>> {
        self.operate(Operation::List, "", |state| {
            state.is_there()?;
            Ok(state.names.iter().map(|(name, _)| name.to_owned()).collect())
        })
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.operate(Operation::Open, name, |state| {
            let inode = state.find(name)?;
            Ok(Arc::new(self.file(state, name, inode)) as _)
        })
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.operate(Operation::Create, name, |state| {
            if state.find(name).is_ok() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            let inode = state.create(name)?;
            Ok(Arc::new(self.file(state, name, inode)) as _)
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operate(Operation::Remove, name, |state| {
            state.find(name)?;
            state.may_write()?;
            state.names.remove(name);
            state.release();
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(Operation::Rename, &format!("{from} to {to}"), |state| {
            state.find(from)?;
            state.may_write()?;
            state.names.rename(from, to);
            state.release();
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.operate(Operation::SyncNames, "", State::sync_names)
    }

    fn home(&self) -> io::Result<String> {
        let mut lock = self.lock.lock().expect("no code that holds this lock panics");
        self.operate(Operation::Home, LOCK, |state| {
            if let Some(lock) = &*lock {
                return Ok(format!("{}:{}", state.device, lock.inode));
            }
            let inode = state.find(LOCK).or_else(|_| state.create(LOCK))?;
            if state.node(inode).locked {
                return Err(ErrorKind::WouldBlock.into());
            }
            state.node(inode).locked = true;
            *lock = Some(self.file(state, LOCK, inode));
            Ok(format!("{}:{inode}", state.device))
        })
    }
}

impl Drop for SimDirectory {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.get_mut().expect("no code that holds this lock panics").take() {
            self.disk.state().node(lock.inode).locked = false;
        }
    }
}

struct SimFile {
    disk: SimDisk,
    name: Arc<str>,
    inode: Inode,
}

impl SimFile {
    fn operate<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.disk.operate(operation, self.name.clone(), 0..0, |state, course| {
            course.check()?;
            work(state)
        })
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let range = at..at.saturating_add(buffer.len() as u64);
        self.disk.operate(Operation::Read, self.name.clone(), range, |state, course| {
            course.check()?;
            Ok(state.content(self.inode).read(buffer, at as usize))
        })
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let range = at..at.saturating_add(bytes.len() as u64);
        self.disk.operate(Operation::Write, self.name.clone(), range, |state, course| {
            state.write(self.inode, bytes, at, course)
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.disk
            .operate(Operation::Sync, self.name.clone(), 0..0, |state, course| state.sync(self.inode, course))
    }

    fn len(&self) -> io::Result<u64> {
        self.operate(Operation::Len, |state| Ok(state.content(self.inode).bytes().len() as u64))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.operate(Operation::SetLen, self.name.clone(), 0..len, |state, course| {
            course.check()?;
            state.set_len(self.inode, len)
        })
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.operate(Operation::ForgetCached, |state| {
            state.content(self.inode).forget_cached();
            Ok(())
        })
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.operate(Operation::IsLinked, |state| Ok(state.names.has(self.inode)))
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (file {})", self.name, self.inode)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        state.node(self.inode).handles -= 1;
        state.release();
    }
}
