//! A disk in memory, for tests: what is not synced may vanish, anything may fail, and one seed repeats it all.
//!
//! It is meaner than the disks we know. After a power cut each 512-byte sector that was not synced has any of its
//! versions since, and a file any of its lengths; a file's sync does not make its name durable. What a log survives
//! here it survives on every file system that keeps the order of its renamings.

mod content;
mod faults;
mod handles;
mod names;
mod random;
mod state;
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    content::Content,
    faults::{Course, Faults},
    handles::SimDirectory,
    names::Names,
    state::State,
};
pub(crate) use self::{
    faults::{Fault, Operation},
    random::Random,
};
use super::Disk;

/// Enough of them to see what led to a failure.
const LAST_CALLS: usize = 100;

/// The machine's disk with the one directory on it, as the test has it in hand. A clone is the same disk.
///
/// The hub opens [`SimDisk::directory`].
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

/// One operation, for who looks for the reason of a failure.
struct Call {
    number: u64,
    operation: Operation,
    name: Arc<str>,
    range: Range<u64>,
    error: Option<io::Error>,
}

impl SimDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let device = random.next();
        Self::of(State {
            seed,
            random,
            device,
            names: Names::default(),
            files: BTreeMap::new(),
            next_inode: 1,
            removed: false,
            read_only: false,
            room: None,
            faults: Faults::default(),
            last: VecDeque::new(),
        })
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that fails while it holds the lock shall still be able to print the disk.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory as a process opens it.
    pub(crate) fn directory(&self) -> Arc<dyn Disk> {
        Arc::new(SimDirectory::new(self.clone()))
    }

    /// The disk as it is found after a power cut at this moment. Asked again it may be found otherwise.
    pub(crate) fn crash(&self) -> Self {
        let mut state = self.state();
        let State { names, files, random, .. } = &mut *state;
        let names = names.crash(random);
        let found: Vec<_> =
            names.iter().map(|(_, inode)| (inode, files[&inode].content.crash(random))).collect();
        Self::of(state.successor(names, found.into_iter()))
    }

    /// The disk after the death of the process alone: all that it has written is there, synced or not.
    pub(crate) fn kill(&self) -> Self {
        let mut state = self.state();
        let names = state.names.clone();
        let files: Vec<_> = state.files.iter().map(|(inode, file)| (*inode, file.content.clone())).collect();
        let mut successor = state.successor(names, files.into_iter());
        successor.release();
        Self::of(successor)
    }

    /// Another disk, to which the files have been copied one by one.
    pub(crate) fn copy(&self) -> Self {
        let mut state = self.state();
        let mut names = BTreeMap::new();
        let mut files = Vec::new();
        for (name, inode) in state.names.iter() {
            let copied = state.next_inode + files.len() as u64;
            names.insert(name.to_owned(), copied);
            let content = Content::durable(state.files[&inode].content.bytes().to_vec());
            files.push((copied, content));
        }
        state.next_inode += files.len() as u64;
        let mut copy = state.successor(Names::durable(names), files.into_iter());
        copy.device = copy.random.next();
        (copy.read_only, copy.room) = (false, None);
        Self::of(copy)
    }

    /// After so many operations (of a kind, if one is given) the next one fails.
    pub(crate) fn fail(&self, of: impl Into<Option<Operation>>, after: u64, fault: Fault) {
        self.state().faults.plan(of.into(), after, fault);
    }

    /// Of the operations of this kind one in so many fails, at random.
    pub(crate) fn fail_at_random(&self, operation: Operation, fault: Fault, one_in: usize) {
        self.state().faults.flaky(operation, fault, one_in);
    }

    /// No operation fails any more, other than for want of room, of rights or of power.
    pub(crate) fn heal(&self) {
        self.state().faults.heal();
    }

    /// After so many operations the power goes: from the next one on everything fails, and no more of it arrives than
    /// a part of that one. [`SimDisk::crash`] then tells what is found.
    pub(crate) fn cut_power_after(&self, operations: u64) {
        self.state().faults.power_goes_after(operations);
    }

    /// How many bytes all files may have together. `None`: any number.
    pub(crate) fn set_room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    pub(crate) fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// Someone removes the directory with all that is in it.
    pub(crate) fn remove_directory(&self) {
        let mut state = self.state();
        state.names = Names::default();
        state.removed = true;
        state.release();
    }

    /// Flips a bit of what the platter holds of a file.
    pub(crate) fn flip_bit(&self, name: &str, bit: u64) {
        let mut state = self.state();
        let inode = state.names.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        state.content(inode).flip_bit(bit as usize);
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> u64 {
        self.state().faults.count
    }

    /// The names of the files and what a read would see, without an operation.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let bytes = |inode| state.files[&inode].content.bytes().to_vec();
        state.names.iter().map(|(name, inode)| (name.to_owned(), bytes(inode))).collect()
    }
}

impl SimDisk {
    /// Every operation comes through here: it is counted, fails if it is to fail, and is remembered.
    fn operate<T>(
        &self,
        operation: Operation,
        name: impl Into<Arc<str>>,
        range: Range<u64>,
        work: impl FnOnce(&mut State, Course) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        let number = state.faults.count;
        let State { faults, random, .. } = &mut *state;
        let course = faults.next(operation, random);
        let result = work(&mut state, course);
        // An `io::Error` is no value; the operating system's number and the kind are.
        let error = result.as_ref().err().map(|error| match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => error.kind().into(),
        });
        if state.last.len() == LAST_CALLS {
            state.last.pop_front();
        }
        state.last.push_back(Call { number, operation, name: name.into(), range, error });
        result
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        writeln!(f, "a disk of seed {}, after {} operations:", state.seed, state.faults.count)?;
        for (name, inode) in state.names.iter() {
            let content = &state.files[&inode].content;
            let unsynced = content.unsynced();
            writeln!(f, "  {name}: {} bytes, {unsynced} sectors not synced", content.bytes().len())?;
        }
        writeln!(f, "the last operations:")?;
        for Call { number, operation, name, range, error } in &state.last {
            write!(f, "  {number} {operation:?}")?;
            if !name.is_empty() {
                write!(f, " {name}")?;
            }
            if !range.is_empty() {
                write!(f, " {range:?}")?;
            }
            match error {
                Some(error) => writeln!(f, ": {error}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
