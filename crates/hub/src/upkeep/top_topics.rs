//! Which topics most updates bear, without a table of all topics.
//!
//! The indexes list their hashes in order, so that they can be merged in one pass in little memory. What a hash stands
//! for, and how many of its updates have not been purged since, the records say; only those of the few most frequent
//! hashes are read.

use std::{cmp::Reverse, collections::BinaryHeap, io, sync::Arc};

use super::info::TopicCount;
use crate::{
    cursor::Offset,
    log::{
        format::{Head, RECORD_HEAD},
        hash::Hasher,
        index::Position,
        lookup,
        manifest::Purge,
        segment::{Index, Segment},
    },
};

/// Among the most frequent hashes there are chosen ids and keys, and topics that were purged: so many times what is
/// asked for is looked at.
const SPARE: usize = 4;

/// Records that lie close together are read with one call.
const WINDOW: usize = 64 << 10;

type Counts<'a> = Box<dyn Iterator<Item = io::Result<(u64, u32)>> + 'a>;

/// The topics that most updates bear, the first one most.
pub(super) fn top_topics(
    segments: &[Arc<Segment>],
    hasher: &Hasher,
    purges: &[Purge],
    most: usize,
) -> io::Result<Vec<TopicCount>> {
    let mut topics = Vec::new();
    for hash in most_frequent(segments, most * SPARE)? {
        topics.extend(count(segments, hash, hasher, purges)?);
    }
    topics.sort_by(|a, b| b.updates.cmp(&a.updates).then_with(|| a.topic.cmp(&b.topic)));
    topics.truncate(most);
    Ok(topics)
}

fn most_frequent(segments: &[Arc<Segment>], most: usize) -> io::Result<Vec<u64>> {
    let indexes: Vec<_> = segments.iter().map(|segment| segment.index()).collect();
    let mut counts: Vec<Counts<'_>> = indexes
        .iter()
        .map(|index| match index {
            Index::Growing(index) => {
                let hashes = index.read().expect("no code that holds this lock panics").hashes();
                Box::new(hashes.into_iter().map(Ok)) as Counts<'_>
            }
            Index::Sealed(index) => Box::new(index.hashes()),
        })
        .collect();
    // The next hash of each index, the least on top.
    let mut next = BinaryHeap::new();
    for (i, counts) in counts.iter_mut().enumerate() {
        next.extend(counts.next().transpose()?.map(|(hash, count)| Reverse((hash, i, count))));
    }
    // The most frequent ones so far, the least of them on top.
    let mut top = BinaryHeap::new();
    let mut current: Option<(u64, u64)> = None;
    let mut keep = |entry: Option<(u64, u64)>| {
        top.extend(entry.map(|(hash, count)| Reverse((count, hash))));
        if top.len() > most {
            top.pop();
        }
    };
    while let Some(Reverse((hash, i, count))) = next.pop() {
        match &mut current {
            Some((same, sum)) if *same == hash => *sum += u64::from(count),
            _ => keep(current.replace((hash, count.into()))),
        }
        next.extend(counts[i].next().transpose()?.map(|(hash, count)| Reverse((hash, i, count))));
    }
    keep(current);
    Ok(top.into_iter().map(|Reverse((_, hash))| hash).collect())
}

/// How many updates bear the topic of this hash; `None` if it is none's, or nothing is left of them.
fn count(
    segments: &[Arc<Segment>],
    hash: u64,
    hasher: &Hasher,
    purges: &[Purge],
) -> io::Result<Option<TopicCount>> {
    let mut topic: Option<String> = None;
    let mut before: Offset = 0;
    let mut updates = 0;
    let mut places = Vec::new();
    for segment in segments {
        places.clear();
        segment.find(hash, 0, hasher, &mut places)?;
        let mut heads = Heads { segment, buffer: Vec::new(), start: 0 };
        for &place in &places {
            let Some(head) = heads.read(place)?.filter(|head| !head.is_purged()) else { continue };
            if topic.is_none() {
                let Some(record) = lookup::read_at(segment, place)? else { continue };
                let name = record.topics().find(|name| hasher.topic(name) == hash).map(str::to_owned);
                let Some(name) = name else { return Ok(None) };
                let of_it = purges.iter().filter(|purge| purge.topic.as_str() == name);
                before = of_it.map(|purge| purge.before).max().unwrap_or_default();
                topic = Some(name);
            }
            updates += u64::from(head.offset >= before);
        }
    }
    Ok(topic.filter(|_| updates > 0).map(|topic| TopicCount { topic, updates }))
}

/// Reads the heads of records, in ascending order of their places.
struct Heads<'a> {
    segment: &'a Segment,
    buffer: Vec<u8>,
    start: u64,
}

impl Heads<'_> {
    fn read(&mut self, place: Position) -> io::Result<Option<Head>> {
        let place = u64::from(place);
        let skip = place.wrapping_sub(self.start) as usize;
        if place < self.start || skip + RECORD_HEAD > self.buffer.len() {
            self.start = place;
            self.buffer.resize(WINDOW, 0);
            let read = self.segment.file.read_at(&mut self.buffer, place)?;
            self.buffer.truncate(read);
        }
        let skip = (place - self.start) as usize;
        Ok(self.buffer.get(skip..).and_then(<[u8]>::first_chunk).map(Head::read))
    }
}
