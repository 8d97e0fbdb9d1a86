//! How a hub begins and ends, and what its disk goes through.

use std::{
    ops::Range,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    Wrong,
    client::Client,
    facts::{Fact, Held, Purged, Read, serial},
    world::{Hub, World, rules},
};
use crate::{
    Framing,
    cursor::Offset,
    disk::sim::{Fault, Operation},
    log::{Fresh, Log, OpenError, Settings, version_1},
    record::Shared,
    upkeep::{Deed, repair_simulated},
};

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    Kill,
    Crash,
}

impl World {
    /// Starts, if need be after a repair. `false`: that had to begin with nothing but the updates.
    pub(super) fn start(&mut self) -> Result<bool, Wrong> {
        let settings = Settings {
            retention: self.config.retention.clone(),
            rules: rules(&self.config),
            sync: self.config.sync,
            segment_bytes: self.config.segment_bytes,
            segment_count: self.config.segment_count,
            ahead: self.config.ahead,
        };
        let mut random =
            || (u128::from(self.random.next()) << 64 | u128::from(self.random.next())).to_le_bytes();
        let (id, hash) = (random(), random());
        let fresh = Fresh { id, hash, epoch: self.epoch() };
        if self.config.version == 1 && self.disk.files().is_empty() {
            Log::open(self.disk.directory(), settings.clone(), &fresh).expect("it is new").close();
            version_1::convert(&self.disk);
        }
        let mut log = Log::open(self.disk.directory(), settings.clone(), &fresh);
        if let Err(OpenError::Disk { .. }) = &log
            && (self.trouble.writes || self.trouble.reads)
        {
            let refusal = log.map(drop);
            self.tell(|| format!("a start fails: {refusal:?}"));
            self.heal();
            let fresh = Fresh { epoch: self.epoch(), ..fresh };
            log = Log::open(self.disk.directory(), settings.clone(), &fresh);
        }
        if let Err(refusal) = &log
            && self.may_refuse()
        {
            let rebuilt = matches!(refusal, OpenError::Foreign { .. })
                || matches!(refusal, OpenError::Damaged { what } if what.starts_with("manifest"));
            let refusal = format!("{refusal:?}");
            self.counts.refused += 1;
            self.heal();
            if self.random.one_in(3) {
                // In the middle of the repair the power goes.
                self.disk.cut_power_after(self.random.below(80) as u64);
                let interrupted = repair_simulated(self.disk.directory()).is_err();
                self.tell(|| format!("the power goes, in a repair: {interrupted}"));
                self.disk = self.disk.crash();
            }
            let repaired = repair_simulated(self.disk.directory());
            self.tell(|| format!("it refuses to start: {refusal}; {repaired:?}"));
            let repaired =
                repaired.map_err(|error| format!("after {refusal} the repair fails: {error:?}"))?;
            if rebuilt || repaired.deeds.contains(&Deed::ManifestRebuilt) {
                // What was purged, and which ids were forgotten, nobody knows any more.
                return Ok(false);
            }
            let fresh = Fresh { epoch: self.epoch(), ..fresh };
            log = Log::open(self.disk.directory(), settings, &fresh);
        }
        match log {
            Ok(log) => {
                self.tell(|| format!("starts in epoch {}", log.epoch()));
                if self.trouble.reads {
                    self.heal();
                }
                self.found(&log)?;
                self.trouble.unread = false;
                self.hub = Some(Hub::new(log, &self.config, self.now));
                let wall = self.now.wall;
                self.facts.retain(wall);
                self.floor_is_right(wall, true)?;
                Ok(true)
            }
            Err(refusal) => Err(format!("it does not start: {refusal:?}")),
        }
    }

    /// Where not each commit is synced, the process may have had no time to write down what a failed sync has lost.
    fn may_refuse(&mut self) -> bool {
        self.flipped
            || !self.config.is_synced() && self.facts.from(1).iter().any(|fact| fact.held == Held::Perhaps)
    }

    /// What a start finds on the disk: all that is there counts from now on.
    fn found(&mut self, log: &Log) -> Result<(), Wrong> {
        let next = log.next();
        if next < self.facts.next() {
            if next < self.may_be_cut_off_from() {
                let what = self.facts.get(next);
                return Err(format!("from {next} on all is gone: {what:?}"));
            }
            self.tell(|| format!("what was not synced is gone, from {next} on"));
            self.counts.cut_off += 1;
            self.facts.truncate(next);
            self.clients.iter_mut().for_each(|client| client.forget_from(next));
        }
        // Long ago nothing was too old.
        let read = World::read(log, 1, None, UNIX_EPOCH)?;
        self.adopt(log, &read)?;
        let first = match read.first() {
            Some((1, Read::Gap(first))) => *first,
            _ => 1,
        };
        let floor = self.facts.floor;
        for offset in 1..first {
            let fact = self.facts.get_mut(offset);
            // Of one that was being overwritten, too, a flipped bit may be all that is left.
            if fact.held == Held::Perhaps || self.flipped && fact.purged != Purged::No {
                fact.held = Held::Lost;
            }
            if offset >= floor && !fact.is_lost() {
                return Err(format!("{first} is the first that is there, and {offset} should be: {fact:?}"));
            }
        }
        let read: Vec<_> = read.into_iter().filter(|(offset, _)| *offset >= first).collect();
        for (offset, what) in &read {
            // A purge that was refused was not done, if this is there.
            if let Read::Record(_) = what
                && self.facts.get(*offset).purged == Purged::Perhaps
            {
                self.facts.get_mut(*offset).purged = Purged::No;
            }
        }
        let rules = std::mem::take(&mut self.facts.rules);
        let compared = self.facts.compare(first, None, UNIX_EPOCH, &read);
        self.facts.rules = rules;
        compared?;
        self.facts.from(1).iter_mut().for_each(Fact::settle);
        self.facts.synced = next;
        self.facts.limbo.clear();
        Ok(())
    }

    /// Updates behind those that are known to be there: of submissions that were refused, or not answered any more.
    fn adopt(&mut self, log: &Log, read: &[(Offset, Read)]) -> Result<(), Wrong> {
        let known = self.facts.next();
        let mut new = read
            .iter()
            .filter(|(offset, _)| *offset >= known)
            .map(|(offset, what)| match what {
                Read::Record(record) => Ok((*offset, record.clone())),
                Read::Gap(_) => Err(format!("a gap at {offset}, where nothing was")),
            })
            .peekable();
        while let Some(first) = new.next_if(|_| true) {
            let (offset, record) = first?;
            let limbo = &mut self.facts.limbo;
            let place =
                limbo.iter().position(|facts| facts.first().map(|fact| fact.serial) == number(&record));
            let facts = limbo.swap_remove(place.ok_or(format!("nobody has published {offset}: {record:?}"))?);
            for fact in &facts[1..] {
                let next = new.next().transpose()?;
                if next.and_then(|(_, record)| number(&record)) != Some(fact.serial) {
                    return Err(format!("half a submission from {offset} on"));
                }
            }
            if let Some(((name, _), _)) = facts.last().and_then(|fact| fact.key)
                && self.facts.holder(name, self.facts.floor).is_some_and(|(_, sure)| sure)
            {
                return Err(format!("what begins with {offset} is published twice"));
            }
            self.counts.adopted += 1;
            let epoch =
                crate::cursor::Cursor::parse(&log.cursor(offset).to_string()).expect("a cursor").epoch;
            self.facts.add(facts, epoch, known, None);
        }
        Ok(())
    }

    /// The first update that an end may have cost, though it was acknowledged.
    fn may_be_cut_off_from(&mut self) -> Offset {
        let next = self.facts.next();
        let unsynced = if self.config.is_synced() { next } else { self.facts.synced };
        if !self.flipped {
            return unsynced;
        }
        // Of a flipped bit in what was written last nobody can tell that it is not a torn end.
        let facts = &self.facts;
        let proves = |later: Offset, offset| {
            let later = facts.get(later);
            later.held == Held::Surely && later.durable > offset
        };
        let proven = |offset: Offset| (offset + 1..unsynced).any(|later| proves(later, offset));
        let unproven = (1..next).find(|&o| facts.get(o).held == Held::Perhaps && !proven(o));
        unproven.map_or(unsynced, |offset| facts.get(offset).start.min(unsynced))
    }

    /// The hub ends in some way, and starts again.
    pub(super) fn end(&mut self) -> Result<bool, Wrong> {
        let end = *self.random.pick(&[End::Stop, End::Kill, End::Kill, End::Crash, End::Crash, End::Crash]);
        if end != End::Stop && self.random.coin() {
            // In the middle of something.
            let operations = self.random.below(40) as u64;
            self.tell(|| format!("it all ends in {operations} operations"));
            self.disk.cut_power_after(operations);
            self.trouble.writes = true;
            self.doubt();
            self.trouble.reads = true;
            for _ in 0..=self.random.below(3) {
                self.work()?;
            }
        } else if self.random.coin() {
            self.heal();
        }
        let goes_on = self.end_by(end, false)?;
        // Some come back at once, others when much has happened.
        for _ in 0..self.random.below(4) {
            if goes_on {
                self.connect()?;
            }
        }
        Ok(goes_on)
    }

    fn end_by(&mut self, end: End, flip: bool) -> Result<bool, Wrong> {
        let disk = self.disk.clone();
        self.tell(|| format!("{end:?} of {disk:?}"));
        self.observe()?;
        if end == End::Stop {
            self.hub().log.close();
        }
        self.hub = None;
        self.clients.iter_mut().for_each(Client::disconnect);
        self.disk = match end {
            End::Kill if self.random.one_in(8) => self.disk.copy(),
            End::Stop | End::Kill => self.disk.kill(),
            End::Crash => self.disk.crash(),
        };
        self.counts.ends += 1;
        self.trouble.reads = false;
        self.trouble.writes = self.trouble.lasting;
        if flip {
            self.flip(end);
        } else if self.random.one_in(8) {
            self.trouble();
        }
        self.start()
    }

    /// Something that is at work when the power goes.
    fn work(&mut self) -> Result<(), Wrong> {
        match self.random.below(8) {
            0 => self.chores(),
            1 | 2 => {
                self.purge()?;
                self.chores();
            }
            3 => self.sync(),
            _ => {
                self.publish();
                self.commit()?;
            }
        }
        Ok(())
    }

    /// The last life: some bits of what was synced flip.
    pub(super) fn flip_bits(&mut self) -> Result<bool, Wrong> {
        self.heal();
        self.commit()?;
        let end = *self.random.pick(&[End::Stop, End::Crash]);
        self.end_by(end, true)
    }

    fn flip(&mut self, end: End) {
        self.disk = self.disk.crash();
        self.flipped = true;
        let files = self.disk.files();
        for _ in 0..=self.random.below(2) {
            let names: Vec<_> = files.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
            let (name, bytes) = *self.random.pick(&names);
            let bit = self.random.below(bytes.len() * 8);
            self.disk.flip_bit(name, bit as u64);
            let hit = hit(name, bytes, bit / 8);
            let next = self.facts.next();
            for offset in hit.start.min(next)..hit.end.min(next) {
                self.facts.get_mut(offset).doubt();
            }
            self.tell(|| format!("after {end:?} bit {bit} of {name} flips, in {hit:?}"));
            self.counts.flips += 1;
        }
    }

    /// The disk begins to fail in some way.
    pub(super) fn trouble(&mut self) {
        const WRITES: [Operation; 8] = [
            Operation::Write,
            Operation::Write,
            Operation::Sync,
            Operation::Sync,
            Operation::SetLen,
            Operation::Create,
            Operation::Rename,
            Operation::SyncNames,
        ];
        const OTHERS: [Operation; 6] = [
            Operation::Remove,
            Operation::ForgetCached,
            Operation::IsLinked,
            Operation::Read,
            Operation::Open,
            Operation::Len,
        ];
        let reads = self.config.reads_fail && self.random.one_in(3);
        let operation = if reads { *self.random.pick(&OTHERS) } else { *self.random.pick(&WRITES) };
        let fault = *self.random.pick(&[Fault::Failing, Fault::Failing, Fault::Full, Fault::ReadOnly]);
        let what = self.random.below(8);
        self.tell(|| format!("trouble {what}: {operation:?}, {fault:?}"));
        self.trouble.writes = true;
        self.doubt();
        self.counts.troubles += 1;
        match what {
            0 => {
                let used: usize = self.disk.files().values().map(Vec::len).sum();
                self.disk.set_room(Some((used + self.random.below(600)) as u64));
                self.trouble.lasting = true;
            }
            1 => {
                self.disk.set_read_only(true);
                self.trouble.lasting = true;
            }
            2 | 3 => {
                self.disk.fail_at_random(operation, fault, 1 + self.random.below(4));
                self.trouble.reads |= reads;
                self.trouble.unread |= reads;
            }
            _ => {
                self.disk.fail(operation, self.random.below(4) as u64, fault);
                self.trouble.reads |= reads;
                self.trouble.unread |= reads;
            }
        }
    }

    /// Whether the disk has nothing of what was purged any more.
    pub(super) fn has_forgotten(&mut self) -> Result<(), Wrong> {
        // What is damaged is not found to be overwritten, and may look like anything.
        if self.flipped {
            return Ok(());
        }
        let found = self.disk.crash().files();
        for offset in 1..self.facts.next() {
            let fact = self.facts.get(offset);
            let gone = fact.purged == Purged::Yes && fact.held == Held::Surely;
            let data = format!("data: n{}\n", fact.serial);
            let holds = |bytes: &[u8]| memchr::memmem::find(bytes, data.as_bytes()).is_some();
            if let Some((name, _)) = found.iter().find(|(_, bytes)| gone && holds(bytes)) {
                return Err(format!("{name} still has what was purged of {offset}: {fact:?}"));
            }
        }
        Ok(())
    }

    /// While something may fail, what has not been synced may get lost.
    pub(super) fn doubt(&mut self) {
        if self.trouble.writes && !self.config.is_synced() {
            let synced = self.facts.synced;
            self.facts.from(synced).iter_mut().for_each(Fact::doubt);
        }
    }

    /// The disk is as good as new.
    pub(super) fn heal(&mut self) {
        self.tell(|| "the disk is well".into());
        self.disk.heal();
        self.disk.set_room(None);
        self.disk.set_read_only(false);
        self.trouble.writes = false;
        self.trouble.lasting = false;
    }

    pub(super) fn pass_time(&mut self) {
        let seconds = *self.random.pick(&[0, 1, 1, 3, 10, 60, 1000]);
        let step = Duration::from_secs(seconds);
        self.now.tick += 1;
        self.now.wall = if self.random.one_in(6) { self.now.wall - step } else { self.now.wall + step };
        let wall = self.now.wall;
        self.tell(|| format!("it is {:?}", wall.duration_since(UNIX_EPOCH)));
        self.facts.retain(wall);
    }
}

fn number(record: &Shared) -> Option<u64> {
    serial(std::str::from_utf8(record.bytes(Framing::Bare)).ok()?)
}

/// The offsets of the record in which a byte of a segment lies; behind a loss, of all that follow.
fn hit(name: &str, bytes: &[u8], byte: usize) -> Range<Offset> {
    let Some(mut next) = name.strip_suffix(".log").and_then(|first| first.parse().ok()) else { return 0..0 };
    let mut at = 64;
    while let Some(head) = bytes.get(at..at + 36) {
        let size = 8 + u32::from_le_bytes(head[..4].try_into().expect("four bytes")) as usize;
        let offset = u64::from_le_bytes(head[8..16].try_into().expect("eight bytes"));
        if size < 36 || at + size > bytes.len() || offset != next {
            return next..Offset::MAX;
        }
        if (at..at + size).contains(&byte) {
            return offset..offset + 1;
        }
        (at, next) = (at + size, next + 1);
    }
    0..0
}
