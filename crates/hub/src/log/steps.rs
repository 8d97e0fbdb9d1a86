//! A directory in memory for the tests of single parts: it notes what is done to it, and can refuse one step.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    sync::{Arc, Mutex},
};

use crate::disk::{Disk, DiskFile};

#[derive(Debug, Default)]
pub(super) struct Steps {
    files: Mutex<BTreeMap<String, Arc<Bytes>>>,
    notes: Arc<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    steps: Mutex<Vec<String>>,
    /// So many steps succeed, then one does not.
    until_fault: Mutex<Option<usize>>,
}

impl Notes {
    fn step(&self, step: String) -> io::Result<()> {
        self.steps.lock().unwrap().push(step);
        let mut left = self.until_fault.lock().unwrap();
        *left = match *left {
            Some(0) => {
                *left = None;
                return Err(io::Error::other("the step that the test refuses"));
            }
            left => left.map(|left| left - 1),
        };
        Ok(())
    }
}

impl Steps {
    /// What was done since this was last asked.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.steps.lock().unwrap())
    }

    /// Lets the step after so many others fail.
    pub(super) fn refuse_after(&self, steps: usize) {
        *self.notes.until_fault.lock().unwrap() = Some(steps);
    }

    /// Whether the step that was to fail did.
    pub(super) fn refused(&self) -> bool {
        self.notes.until_fault.lock().unwrap().is_none()
    }

    /// Puts a file there, past the notes.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Arc<Bytes> {
        let file = Bytes { name: name.into(), content: Mutex::new(bytes.into()), notes: self.notes.clone() };
        let file = Arc::new(file);
        self.files.lock().unwrap().insert(name.into(), file.clone());
        file
    }
}

impl Disk for Steps {
    fn list(&self) -> io::Result<Vec<String>> {
        self.notes.step("list".into())?;
        Ok(self.files.lock().unwrap().keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.notes.step(format!("open {name}"))?;
        let file = self.files.lock().unwrap().get(name).cloned();
        Ok(file.ok_or(ErrorKind::NotFound)?)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.notes.step(format!("create {name}"))?;
        if self.files.lock().unwrap().contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok(self.put(name, &[]))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.notes.step(format!("remove {name}"))?;
        self.files.lock().unwrap().remove(name).ok_or(ErrorKind::NotFound)?;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.notes.step(format!("rename {from} {to}"))?;
        let mut files = self.files.lock().unwrap();
        let file = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.into(), file);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.notes.step("sync".into())
    }

    fn home(&self) -> io::Result<String> {
        Ok("0:0".into())
    }
}

#[derive(Debug)]
pub(super) struct Bytes {
    name: String,
    content: Mutex<Vec<u8>>,
    notes: Arc<Notes>,
}

impl DiskFile for Bytes {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.notes.step(format!("read {} {}", self.name, buffer.len()))?;
        let bytes = self.content.lock().unwrap();
        let rest = bytes.get(at as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&self, written: &[u8], at: u64) -> io::Result<()> {
        self.notes.step(format!("write {}", self.name))?;
        let mut bytes = self.content.lock().unwrap();
        let (at, end) = (at as usize, at as usize + written.len());
        let len = bytes.len().max(end);
        bytes.resize(len, 0);
        bytes[at..end].copy_from_slice(written);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.notes.step(format!("sync {}", self.name))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.notes.step(format!("set_len {} {len}", self.name))?;
        self.content.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(true)
    }
}
