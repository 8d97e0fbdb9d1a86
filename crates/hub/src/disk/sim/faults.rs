//! What goes wrong, and when.

use std::io;

use rustix::io::Errno;

use super::random::Random;

/// The kinds of operations on a disk and its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    List,
    Open,
    Create,
    Remove,
    Rename,
    SyncNames,
    Home,
    Read,
    Write,
    Sync,
    Len,
    SetLen,
    ForgetCached,
    IsLinked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO
    Failing,
    /// ENOSPC
    Full,
    /// EROFS
    ReadOnly,
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        // The very errors of a real disk: EIO has no `ErrorKind` of its own.
        let errno = match self {
            Self::Failing => Errno::IO,
            Self::Full => Errno::NOSPC,
            Self::ReadOnly => Errno::ROFS,
        };
        errno.into()
    }
}

/// How one operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Well,
    /// It fails, perhaps half way.
    Fails(Fault),
    /// The power goes while it is under way: nobody hears of it any more.
    PowerGoes,
    /// Nothing happens: the power is gone.
    PowerGone,
}

impl Course {
    pub(super) fn check(self) -> io::Result<()> {
        match self {
            Self::Well => Ok(()),
            Self::Fails(fault) => Err(fault.error()),
            Self::PowerGoes | Self::PowerGone => Err(Errno::IO.into()),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    /// How many operations there were.
    pub(super) count: u64,
    planned: Vec<Planned>,
    flaky: Vec<Flaky>,
    power_goes_at: Option<u64>,
}

#[derive(Debug)]
struct Planned {
    of: Option<Operation>,
    skip: u64,
    fault: Fault,
}

#[derive(Debug)]
struct Flaky {
    of: Operation,
    fault: Fault,
    one_in: usize,
}

impl Faults {
    pub(super) fn plan(&mut self, of: Option<Operation>, skip: u64, fault: Fault) {
        self.planned.push(Planned { of, skip, fault });
    }

    pub(super) fn flaky(&mut self, of: Operation, fault: Fault, one_in: usize) {
        self.flaky.push(Flaky { of, fault, one_in });
    }

    pub(super) fn power_goes_after(&mut self, operations: u64) {
        self.power_goes_at = Some(self.count + operations);
    }

    pub(super) fn heal(&mut self) {
        self.planned.clear();
        self.flaky.clear();
    }

    pub(super) fn next(&mut self, operation: Operation, random: &mut Random) -> Course {
        let number = self.count;
        self.count += 1;
        if let Some(at) = self.power_goes_at.filter(|&at| number >= at) {
            return if number == at { Course::PowerGoes } else { Course::PowerGone };
        }
        let mut due = None;
        self.planned.retain_mut(|planned| {
            if planned.of.is_some_and(|of| of != operation) {
                return true;
            }
            if planned.skip == 0 {
                due = Some(planned.fault);
                return false;
            }
            planned.skip -= 1;
            true
        });
        for flaky in self.flaky.iter().filter(|flaky| flaky.of == operation) {
            if random.one_in(flaky.one_in) {
                due = due.or(Some(flaky.fault));
            }
        }
        due.map_or(Course::Well, Course::Fails)
    }
}
