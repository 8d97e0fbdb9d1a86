//! What is done beside the log's own work: sealing, unlinking, overwriting what was purged.
//!
//! What is to be done is read off the state, so that a chore that fails is simply still to be done.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use super::{
    Log, format,
    head::SEGMENT_HEAD,
    scan::Scanned,
    segment::{Index, Segment},
};
use crate::record::Record;

/// Where a chore has failed it is tried again after so long.
const PAUSE: Duration = Duration::from_secs(1);

/// Memory for the filters of all segments: enough for ten million topics, ids and keys.
const FILTERS: usize = 16 << 20;

/// Wakes the thread that does the chores.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct BellState {
    rung: bool,
    closed: bool,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.state.lock().expect("no code that holds this lock panics").rung = true;
        self.rung.notify_one();
    }

    fn close(&self) {
        self.state.lock().expect("no code that holds this lock panics").closed = true;
        self.rung.notify_one();
    }

    /// Waits until it is rung, or for so long; answers whether it is closed.
    fn wait(&self, at_most: Option<Duration>) -> bool {
        let state = self.state.lock().expect("no code that holds this lock panics");
        let idle = |state: &mut BellState| !state.rung && !state.closed;
        let mut state = match at_most {
            None => self.rung.wait_while(state, idle).expect("no code that holds this lock panics"),
            Some(pause) => {
                self.rung
                    .wait_timeout_while(state, pause, idle)
                    .expect("no code that holds this lock panics")
                    .0
            }
        };
        state.rung = false;
        state.closed
    }
}

impl Log {
    /// The thread: does the chores until [`end_chores`](Self::end_chores).
    pub(crate) fn keep(&self) {
        let mut failing = false;
        loop {
            if self.bell.wait(failing.then_some(PAUSE)) {
                return;
            }
            let done = self.do_chores();
            if let Err(error) = &done
                && !failing
            {
                tracing::warn!(%error, "the history could not be tidied up; it is tried again each second");
            }
            failing = done.is_err();
        }
    }

    pub(crate) fn end_chores(&self) {
        self.bell.close();
    }

    /// Does all that is to be done.
    pub(crate) fn do_chores(&self) -> io::Result<()> {
        // Room first: the rest may need it.
        let room = self.unlink_old();
        let tidy = self.seal_all().and(self.write_down());
        let purged = self.overwrite_purged();
        self.make_filters();
        room.and(tidy).and(purged)
    }

    /// Removes the segments of which nothing is retained.
    fn unlink_old(&self) -> io::Result<()> {
        loop {
            let segments: Vec<_> = {
                let state = self.state();
                match state.segments.get(1) {
                    Some(second) if second.first <= state.floor => {}
                    _ => return Ok(()),
                }
                state.segments.iter().cloned().collect()
            };
            self.unlink_first(&segments)?;
        }
    }

    fn unlink_first(&self, segments: &[Arc<Segment>]) -> io::Result<()> {
        let (old, rest) = segments.split_first().expect("there are two");
        // Only this must be durable before the segment goes: a disk without room for it has none to gain else.
        self.forget_ids(self.shared_ids(old, rest)?, segments);
        self.write_down()?;
        // The index can be made anew, should this have to be tried again.
        for name in [Segment::index_name(old.first), Segment::name(old.first)] {
            match self.disk.remove(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let mut state = self.state_mut();
        state.segments.pop_front();
        state.drop_losses(old.first);
        let first = state.segments[0].first;
        state.manifest.epochs.forget_before(first);
        Ok(())
    }

    /// Hashes of the chosen ids that one segment has in common with any of the others.
    fn shared_ids(&self, old: &Segment, rest: &[Arc<Segment>]) -> io::Result<HashSet<u64>> {
        let mut shared = HashSet::new();
        if !old.has_ids() {
            return Ok(shared);
        }
        let mut common = HashSet::new();
        for other in rest.iter().filter(|s| s.has_ids()) {
            old.common_hashes(other, &self.hasher, &mut common)?;
        }
        if common.is_empty() {
            return Ok(shared);
        }
        // Most of these are topics. Which are ids, the records say.
        let mut scanner = old.scan(SEGMENT_HEAD as u64, 256 << 10).expecting(old.first);
        loop {
            match scanner.next()? {
                Scanned::Record { head, bytes, .. } => {
                    if let Some(record) = format::decode(&head, bytes).filter(Record::has_chosen_id) {
                        let hash = self.hasher.id(record.id());
                        if common.contains(&hash) {
                            shared.insert(hash);
                        }
                    }
                }
                Scanned::End => return Ok(shared),
                // Some of these it may have had as ids; as topics they do no harm.
                Scanned::Bad { .. } => return Ok(common),
            }
        }
    }

    /// From now on these ids, by their hashes, stand for no place any more. What none of the segments bears need not be
    /// remembered.
    pub(super) fn forget_ids(&self, ids: HashSet<u64>, segments: &[Arc<Segment>]) {
        let before = self.state().manifest.forgotten.clone();
        let is_borne = |hash: u64| {
            let mut places = Vec::new();
            segments
                .iter()
                .filter(|s| s.has_ids())
                .any(|s| s.find(hash, 0, &self.hasher, &mut places).is_err() || !places.is_empty())
        };
        let mut kept: Vec<u64> = before.iter().copied().chain(ids).filter(|&hash| is_borne(hash)).collect();
        kept.sort_unstable();
        kept.dedup();
        let mut state = self.state_mut();
        state.unwritten |= kept.iter().any(|hash| !before.contains(hash));
        state.manifest.forgotten = kept;
    }

    /// Gives each segment that is written to no more its index.
    fn seal_all(&self) -> io::Result<()> {
        let segments: Vec<_> = self.state().segments.iter().cloned().collect();
        for segment in &segments[..segments.len() - 1] {
            self.find_damage(segment);
            if let Index::Growing(_) = segment.index() {
                segment.seal(&*self.disk)?;
                let sealed = Segment::sealed(segment.head, &self.files)?;
                let mut state = self.state_mut();
                if let Some(own) = state.segments.iter_mut().find(|own| Arc::ptr_eq(own, segment)) {
                    *own = Arc::new(sealed);
                }
            }
        }
        Ok(())
    }

    /// Gives the newest segments their filters, as far as memory is meant for that.
    fn make_filters(&self) {
        let segments: Vec<_> = self.state().segments.iter().rev().cloned().collect();
        let mut left = FILTERS;
        for segment in segments {
            // Without one a lookup asks the index itself, which may be mended then.
            let Ok(bytes) = segment.make_filter(left) else { continue };
            let Some(rest) = left.checked_sub(bytes) else { return };
            left = rest;
        }
    }
}
