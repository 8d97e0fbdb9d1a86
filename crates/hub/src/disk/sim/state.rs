//! What a simulated disk is in, and what the operations do to it.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind},
};

use super::{
    Call, Fault, Random,
    content::Content,
    faults::{Course, Faults},
    names::{Inode, Names},
};

pub(super) struct State {
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) device: u64,
    pub(super) names: Names,
    pub(super) files: BTreeMap<Inode, Node>,
    /// Never used again, not after a crash either.
    pub(super) next_inode: Inode,
    pub(super) removed: bool,
    pub(super) read_only: bool,
    /// How many bytes all files may have.
    pub(super) room: Option<u64>,
    pub(super) faults: Faults,
    pub(super) last: VecDeque<Call>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) handles: usize,
    /// Somebody holds the lock on it.
    pub(super) locked: bool,
}

impl State {
    /// The same disk in the hands of the next process, who has no file open. Faults that were planned are over; what
    /// ails the disk stays.
    pub(super) fn successor(&mut self, names: Names, files: impl Iterator<Item = (Inode, Content)>) -> Self {
        let files = files.map(|(inode, content)| (inode, Node { content, ..Node::default() })).collect();
        Self {
            seed: self.seed,
            random: Random::new(self.random.next()),
            device: self.device,
            names,
            files,
            next_inode: self.next_inode,
            removed: self.removed,
            read_only: self.read_only,
            room: self.room,
            faults: Faults::default(),
            last: VecDeque::new(),
        }
    }

    pub(super) fn node(&mut self, inode: Inode) -> &mut Node {
        self.files.get_mut(&inode).expect("a file stays as long as it has a name or is open")
    }

    pub(super) fn content(&mut self, inode: Inode) -> &mut Content {
        &mut self.node(inode).content
    }

    /// A file's content, and chance beside it.
    fn chanced(&mut self, inode: Inode) -> (&mut Content, &mut Random) {
        let node = self.files.get_mut(&inode).expect("a file stays as long as it has a name or is open");
        (&mut node.content, &mut self.random)
    }

    pub(super) fn find(&self, name: &str) -> io::Result<Inode> {
        self.names.get(name).ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub(super) fn may_write(&self) -> io::Result<()> {
        if self.read_only { Err(Fault::ReadOnly.error()) } else { Ok(()) }
    }

    /// How many bytes can still be written.
    pub(super) fn left(&self) -> u64 {
        let takes_room = |&(inode, file): &(&Inode, &Node)| file.handles > 0 || self.names.has(*inode);
        let used = || self.files.iter().filter(takes_room).map(|(_, file)| file.content.bytes().len() as u64);
        self.room.map_or(u64::MAX, |room| room.saturating_sub(used().sum()))
    }

    /// Forgets the files that nobody can come to any more.
    pub(super) fn release(&mut self) {
        let names = &self.names;
        self.files.retain(|&inode, file| file.handles > 0 || names.may_have(inode));
    }

    pub(super) fn is_there(&self) -> io::Result<()> {
        if self.removed { Err(ErrorKind::NotFound.into()) } else { Ok(()) }
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<Inode> {
        self.is_there()?;
        self.may_write()?;
        if self.left() == 0 {
            return Err(Fault::Full.error());
        }
        let inode = self.next_inode;
        self.next_inode += 1;
        self.files.insert(inode, Node::default());
        self.names.create(name, inode);
        Ok(inode)
    }

    /// Of a write that does not fit, the beginning is written, as by a real disk.
    pub(super) fn write(&mut self, inode: Inode, bytes: &[u8], at: u64, course: Course) -> io::Result<()> {
        if course == Course::PowerGone {
            return course.check();
        }
        self.may_write()?;
        let has = self.content(inode).bytes().len() as u64;
        let fits = (has.saturating_add(self.left()).saturating_sub(at)).min(bytes.len() as u64) as usize;
        let written = match course {
            Course::Well => fits,
            _ => self.random.below(fits + 1),
        };
        let (content, random) = self.chanced(inode);
        content.write(&bytes[..written], at as usize, random);
        course.check()?;
        if written < bytes.len() { Err(Fault::Full.error()) } else { Ok(()) }
    }

    pub(super) fn set_len(&mut self, inode: Inode, len: u64) -> io::Result<()> {
        self.may_write()?;
        let has = self.content(inode).bytes().len() as u64;
        if len.saturating_sub(has) > self.left() {
            return Err(Fault::Full.error());
        }
        let (content, random) = self.chanced(inode);
        content.set_len(len as usize, random);
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: Inode, course: Course) -> io::Result<()> {
        let course = match course {
            Course::Well if self.read_only && !self.content(inode).is_synced() => {
                Course::Fails(Fault::ReadOnly)
            }
            course => course,
        };
        let (content, random) = self.chanced(inode);
        match course {
            Course::Well => content.sync(),
            Course::Fails(_) => content.fail_to_sync(random),
            // How much of it arrives the crash decides.
            Course::PowerGoes | Course::PowerGone => {}
        }
        course.check()
    }

    /// If it fails the changes stay in the file system's journal: for the next sync, or for a crash to find.
    pub(super) fn sync_names(&mut self) -> io::Result<()> {
        if !self.names.is_synced() {
            self.may_write()?;
        }
        self.names.sync();
        self.release();
        Ok(())
    }
}
