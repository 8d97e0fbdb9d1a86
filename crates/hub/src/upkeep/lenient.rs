//! A file on a disk that may fail in places.

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::disk::DiskFile;

/// What disks read and lose at once is no smaller.
const BLOCK: usize = 4096;

/// Reads as zeros what cannot be read: no record is made of those, so that what lies around them is still found.
#[derive(Debug)]
pub(super) struct Lenient {
    file: Arc<dyn DiskFile>,
    failed: AtomicBool,
}

impl Lenient {
    pub(super) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, failed: AtomicBool::new(false) }
    }

    /// Whether anything could not be read so far.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl DiskFile for Lenient {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if let Ok(read) = self.file.read_at(buffer, at) {
            return Ok(read);
        }
        self.failed.store(true, Ordering::Relaxed);
        // Block by block, of the file's own: the one that fails shall take no other with it.
        let mut done = 0;
        let len = (self.file.len()?.saturating_sub(at)).min(buffer.len() as u64) as usize;
        while done < len {
            let place = at + done as u64;
            let part = (BLOCK - (place % BLOCK as u64) as usize).min(len - done);
            let block = &mut buffer[done..done + part];
            if self.file.read_exact_at(block, place).is_err() {
                block.fill(0);
            }
            done += part;
        }
        Ok(done)
    }

    /// A hub cuts off the zeros behind its last update at any moment; they are read as if they were still there.
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let read = self.read_at(buffer, at)?;
        buffer[read..].fill(0);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn forget_cached(&self) -> io::Result<()> {
        // Where the disk does not know this wish, what is cached is all there is.
        match self.file.forget_cached() {
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            _ => Ok(()),
        }
    }

    fn is_linked(&self) -> io::Result<bool> {
        self.file.is_linked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its bytes are all ones, but for one block that fails.
    #[derive(Debug)]
    struct Failing {
        block: u64,
        blocks: u64,
    }

    impl DiskFile for Failing {
        fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            let len = (self.len()?.saturating_sub(at)).min(buffer.len() as u64);
            let bad = self.block * BLOCK as u64..(self.block + 1) * BLOCK as u64;
            if at < bad.end && bad.start < at + len {
                return Err(io::Error::other("a bad sector"));
            }
            buffer[..len as usize].fill(1);
            Ok(len as usize)
        }

        fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn len(&self) -> io::Result<u64> {
            Ok(self.blocks * BLOCK as u64)
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn forget_cached(&self) -> io::Result<()> {
            Ok(())
        }

        fn is_linked(&self) -> io::Result<bool> {
            Ok(true)
        }
    }

    #[test]
    fn a_bad_block_takes_no_other_with_it() {
        let file = Lenient::new(Arc::new(Failing { block: 2, blocks: 4 }));
        let mut buffer = vec![9; 5 * BLOCK];
        assert_eq!(file.read_at(&mut buffer[..10], 7).unwrap(), 10);
        assert!(!file.has_failed());
        assert_eq!(file.read_at(&mut buffer, 100).unwrap(), 4 * BLOCK - 100);
        assert!(file.has_failed());
        for (i, byte) in buffer[..4 * BLOCK - 100].iter().enumerate() {
            let bad = (i + 100) / BLOCK == 2;
            assert_eq!(*byte, u8::from(!bad), "at {}", i + 100);
        }
    }

    #[test]
    fn what_was_cut_off_is_read_as_the_zeros_that_it_was() {
        let file = Lenient::new(Arc::new(Failing { block: 9, blocks: 1 }));
        let mut buffer = [9; 4];
        file.read_exact_at(&mut buffer, BLOCK as u64 - 1).unwrap();
        assert_eq!((buffer, file.has_failed()), ([1, 0, 0, 0], false));
    }
}
