//! The log as a whole, on a simulated disk.

mod faults;
mod finding;
mod forging;
mod losses;
mod opening;
mod purging;
mod reading;
mod retaining;
mod versions;

use std::{
    io,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use headwater_sse::EventId;

use super::*;
use crate::{
    IdempotencyKey, Submission, Topic, Update,
    disk::sim::SimDisk,
    history::Found,
    readers::{Past, Want},
};

/// A log on a disk, and the clock.
struct Bench {
    disk: SimDisk,
    /// None: it is stopped.
    log: Option<Log>,
    settings: Settings,
    now: SystemTime,
    starts: u64,
}

/// Much fits, in segments of so many updates.
fn settings(segment_count: u64) -> Settings {
    Settings {
        retention: Retention { count: 1 << 20, bytes: 1 << 30, age: None },
        rules: Vec::new(),
        sync: SyncPolicy::Commit,
        segment_bytes: 1 << 20,
        segment_count,
        ahead: 100,
    }
}

fn update(topics: &[&str], data: &str) -> Update {
    let mut update = Update::new(Topic::new(topics[0]).unwrap(), data);
    update.topics = topics.iter().map(|topic| Topic::new(topic).unwrap()).collect();
    update
}

fn with_id(id: &str, data: &str) -> Update {
    Update { id: Some(EventId::new(id).unwrap()), ..update(&["t"], data) }
}

/// Updates of one submission that bear the topic "t", one for each word.
fn words(words: &str) -> Submission {
    Submission::new(words.split(' ').map(|word| update(&["t"], word)))
}

fn key(key: &str, fingerprint: u128) -> IdempotencyKey {
    IdempotencyKey::new(b"scope", key, fingerprint)
}

impl Bench {
    fn new(settings: Settings) -> Self {
        Self::on(SimDisk::new(1), settings)
    }

    fn on(disk: SimDisk, settings: Settings) -> Self {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let mut bench = Self { disk, log: None, settings, now, starts: 0 };
        bench.open().unwrap();
        bench
    }

    /// Makes what is there of version 1, and goes on.
    fn make_plain(&mut self) {
        self.stop();
        version_1::convert(&self.disk);
        self.open().unwrap();
    }

    /// Starts; each start would begin an epoch of its own.
    fn open(&mut self) -> Result<(), OpenError> {
        self.starts += 1;
        let fresh = Fresh { id: [7; 16], hash: [9; 16], epoch: Epoch::from_bits(self.starts) };
        self.log = None;
        let log = Log::open(self.disk.directory(), self.settings.clone(), &fresh)?;
        log.retain(self.now);
        self.log = Some(log);
        Ok(())
    }

    /// What the start says is damaged.
    fn damage(&mut self) -> String {
        match self.open() {
            Err(OpenError::Damaged { what }) => what,
            other => panic!("{other:?}"),
        }
    }

    fn log(&self) -> &Log {
        self.log.as_ref().expect("it is running")
    }

    /// Ends in good order.
    fn stop(&mut self) {
        self.log.take().expect("it is running").close();
    }

    fn restart(&mut self) {
        self.stop();
        self.open().unwrap();
    }

    /// The process dies, or the machine.
    fn fall(&mut self, disk: SimDisk) {
        self.log = None;
        self.disk = disk;
    }

    fn publish(&self, submissions: impl IntoIterator<Item = Submission>) -> io::Result<()> {
        let log = self.log();
        let drafts = submissions.into_iter().flat_map(|submission| submission.drafts);
        let sealed =
            drafts.zip(log.next()..).map(|(draft, o)| Arc::new(draft.seal(log.epoch(), o, self.now).0));
        log.append(&sealed.collect::<Vec<_>>())?;
        log.retain(self.now);
        Ok(())
    }

    /// A commit for each word.
    fn say(&self, text: &str) {
        for word in text.split(' ') {
            self.publish([words(word)]).unwrap();
        }
    }

    /// What one gets who reads from `from` on: `3:word` for an update, `!4-6` where all from 4 to 6 are lost.
    fn read(&self, mut from: Offset, topics: Option<&[&str]>) -> String {
        let log = self.log();
        let topics: Option<Arc<[Topic]>> = topics.map(|t| t.iter().map(|t| Topic::new(t).unwrap()).collect());
        let mut text = Vec::new();
        while from < log.next() {
            let want = Want { from, topics: topics.clone() };
            let fetched = log.fetch(&want, self.now);
            if fetched.earliest > from {
                text.push(format!("!{from}-{}", fetched.earliest - 1));
                from = fetched.earliest;
                continue;
            }
            if fetched.next == from {
                text.push(format!("?{from}"));
                break;
            }
            assert!(fetched.records.is_sorted_by_key(|record| record.offset));
            text.extend(fetched.records.iter().map(|r| format!("{}:{}", r.offset, data(r))));
            from = fetched.next;
        }
        text.join(" ")
    }

    fn all(&self) -> String {
        self.read(1, None)
    }

    fn of(&self, topics: &[&str]) -> String {
        self.read(1, Some(topics))
    }

    fn resolve(&self, id: &str) -> Found {
        self.log().resolve(id, self.now).unwrap()
    }

    /// The generated id of an epoch, as they are counted here.
    fn id(epoch: u64, offset: Offset) -> String {
        Cursor { epoch: Epoch::from_bits(epoch), offset }.to_string()
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The first offsets of the files with this extension.
    fn files(&self, extension: &str) -> Vec<Offset> {
        self.disk.files().keys().filter_map(|name| Segment::first_of(name, extension)).collect()
    }

    /// Where in its file the record with this offset stands.
    fn place(&self, offset: Offset) -> (String, Range<usize>) {
        let log = self.log();
        let segment = log.state().segment_of(offset).unwrap().clone();
        let at = |offset| segment.position(offset, &log.hasher).unwrap().unwrap_or(segment.end()) as usize;
        (Segment::name(segment.first), at(offset)..at(offset + 1))
    }

    /// Flips a bit in the middle of a record.
    fn damage_record(&self, offset: Offset) {
        let (name, place) = self.place(offset);
        self.disk.flip_bit(&name, (place.start + place.end) as u64 / 2 * 8);
    }
}

/// The data of an update of one line.
fn data(record: &crate::record::Record) -> String {
    let event = String::from_utf8(record.bytes(crate::Framing::Bare).to_vec()).unwrap();
    let line = event.lines().find_map(|line| line.strip_prefix("data: "));
    line.unwrap_or_default().to_owned()
}
