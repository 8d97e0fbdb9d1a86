//! An update in the form in which it travels: encoded once, shared by all.
//!
//! One buffer holds all of it: the chunk frame, with the event inside as it stands in a stream, and behind it what is
//! not sent, the topics and the key. The log stores the same bytes, so that neither side of it encodes anything.

use std::{fmt::Write as _, io::Write as _, sync::Arc, time::SystemTime};

use headwater_sse::{EventId, EventType, Retry};

use crate::{
    Update,
    cursor::{Cursor, Epoch, Offset},
    framing::Framing,
    submission::IdempotencyKey,
};

/// `{len:x}\r\n` of a chunk: a length has at most 16 hex digits.
const CHUNK_HEAD: usize = 18;
/// `data: ` of each line.
const DATA_NAME: usize = 6;
/// `\r\n` behind a chunk.
const CHUNK_END: &[u8] = b"\r\n";
/// `id: #{epoch}-{offset}\n` with the longest offset.
const GENERATED_ID: usize = 4 + 1 + 12 + 1 + 20 + 1;

/// Only for subscribers whose grant matches one of the topics.
pub(crate) const PRIVATE: u32 = 1;
/// The id is the publisher's own.
pub(crate) const CHOSEN_ID: u32 = 2;
/// The next update belongs to the same submission: both are published, or none.
pub(crate) const CONTINUED: u32 = 4;
/// It holds the key that its submission, of which it is the last, was published under.
pub(crate) const KEYED: u32 = 8;
/// Its topic was purged: nothing is left of it but its place.
pub(crate) const PURGED: u32 = 16;

/// An update that has been encoded but for its id, which is the sequencer's to give.
///
/// The publisher's thread does the work that grows with the data; sealing only fills in the hole in front of it.
#[derive(Debug)]
pub(crate) struct Draft {
    flags: u32,
    id: Option<EventId>,
    /// The lines before the id.
    head: String,
    /// A hole, then the data lines, the blank line, the chunk's end, and what is not sent.
    buffer: Vec<u8>,
    hole: usize,
    /// Where the chunk's end stands.
    event_end: usize,
    /// Where the topics end.
    topics_end: usize,
    /// Bytes that are held as long as this is, beside it.
    beside: usize,
}

impl Draft {
    pub(crate) fn new(update: Update) -> Self {
        let Update { topics, private, id, event_type, retry, data } = update;
        let head = head(event_type.as_ref(), retry);
        let hole = CHUNK_HEAD + head.len() + id.as_ref().map_or(GENERATED_ID, |id| id.as_str().len() + 5);
        // Enough to the byte for lines that end in LF or CR: a buffer that is sealed at its size is not moved.
        let lines = 1 + memchr::memchr2_iter(b'\n', b'\r', data.as_bytes()).count();
        let beside_data =
            1 + CHUNK_END.len() + 4 + topics.iter().map(|t| 4 + t.as_str().len()).sum::<usize>();
        let mut buffer = Vec::with_capacity(hole + data.len() + (DATA_NAME + 1) * lines + beside_data);
        buffer.resize(hole, 0);
        headwater_sse::encode::data(&mut buffer, &data);
        buffer.push(b'\n');
        let event_end = buffer.len();
        buffer.extend_from_slice(CHUNK_END);
        put_len(&mut buffer, topics.len());
        for topic in &topics {
            put_len(&mut buffer, topic.as_str().len());
            buffer.extend_from_slice(topic.as_str().as_bytes());
        }
        let flags = if private { PRIVATE } else { 0 } | if id.is_some() { CHOSEN_ID } else { 0 };
        let topics_end = buffer.len();
        Self { flags, id, head, buffer, hole, event_end, topics_end, beside: 0 }
    }

    /// What it will weigh in memory, for the budgets of the queue and of history.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Record>() + self.buffer.len() + self.beside
    }

    /// Counts bytes with it that are held as long as it is.
    pub(crate) fn weigh_down(&mut self, bytes: usize) {
        self.beside += bytes;
    }

    /// Says that the next one belongs to the same submission.
    pub(crate) fn be_continued(&mut self) {
        self.flags |= CONTINUED;
    }

    /// Puts down the key of the submission that ends with this one, of so many updates.
    pub(crate) fn put_key(&mut self, key: &IdempotencyKey, updates: usize) {
        self.flags |= KEYED;
        self.buffer.truncate(self.topics_end);
        put_len(&mut self.buffer, key.name.len());
        self.buffer.extend_from_slice(&key.name);
        self.buffer.extend_from_slice(&key.fingerprint.to_le_bytes());
        put_len(&mut self.buffer, updates);
    }

    /// Gives it its place, and with it its id.
    pub(crate) fn seal(self, epoch: Epoch, offset: Offset, at: SystemTime) -> (Record, EventId) {
        let weight = self.weight();
        let Self { flags, id, head, buffer, hole, event_end, .. } = self;
        let id = id.unwrap_or_else(|| Cursor { epoch, offset }.id());
        let mut buffer = buffer.into_boxed_slice();

        // From right to left: the id's line ends where the data begins, the chunk's head where the event begins.
        let mut event = hole;
        for part in [b"\n", id.as_str().as_bytes(), b"id: ", head.as_bytes()] {
            event -= part.len();
            buffer[event..event + part.len()].copy_from_slice(part);
        }
        let chunk = put_chunk_head(&mut buffer, event, event_end);
        (Record { offset, at, flags, buffer, chunk, event, event_end, weight }, id)
    }
}

/// Lengths have 32 bits: no body that the server admits comes near that.
fn put_len(buffer: &mut Vec<u8>, len: usize) {
    buffer.extend_from_slice(&(len as u32).to_le_bytes());
}

/// Writes the chunk's head in front of the event, and answers where it begins.
fn put_chunk_head(buffer: &mut [u8], event: usize, event_end: usize) -> usize {
    let mut head = [0; CHUNK_HEAD];
    let mut space = &mut head[..];
    write!(space, "{:x}\r\n", event_end - event).expect("a length has at most 16 digits");
    let len = CHUNK_HEAD - space.len();
    buffer[event - len..event].copy_from_slice(&head[..len]);
    event - len
}

fn head(event_type: Option<&EventType>, retry: Option<Retry>) -> String {
    let mut head = String::new();
    if let Some(event_type) = event_type.filter(|t| !t.as_str().is_empty()) {
        writeln!(head, "event: {event_type}").expect("writing to a string does not fail");
    }
    // A retry of 0 has no line (Mercure 0.x, on the wire).
    if let Some(retry) = retry.filter(|r| r.as_millis() > 0) {
        writeln!(head, "retry: {}", retry.as_millis()).expect("writing to a string does not fail");
    }
    head
}

/// An update that has its place: immutable, encoded, shared by history and all sinks.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) offset: Offset,
    pub(crate) at: SystemTime,
    pub(crate) flags: u32,
    /// The chunk's head, the event, the chunk's end, and what is not sent.
    buffer: Box<[u8]>,
    /// Where the chunk begins.
    chunk: usize,
    event: usize,
    event_end: usize,
    weight: usize,
}

/// The key of a submission, as its last update holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyOf<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) fingerprint: u128,
    /// How many updates the submission has.
    pub(crate) updates: u32,
}

impl Record {
    /// Puts one together again from what the log holds of it. `None` if that is nothing that [`Draft`] makes.
    pub(crate) fn from_parts(
        offset: Offset,
        at: SystemTime,
        flags: u32,
        event: &[u8],
        rest: &[u8],
    ) -> Option<Self> {
        let mut buffer = vec![0; CHUNK_HEAD + event.len() + CHUNK_END.len() + rest.len()].into_boxed_slice();
        let event_end = CHUNK_HEAD + event.len();
        buffer[CHUNK_HEAD..event_end].copy_from_slice(event);
        buffer[event_end..event_end + CHUNK_END.len()].copy_from_slice(CHUNK_END);
        buffer[event_end + CHUNK_END.len()..].copy_from_slice(rest);
        let chunk = put_chunk_head(&mut buffer, CHUNK_HEAD, event_end);
        let weight = size_of::<Self>() + buffer.len();
        let record = Self { offset, at, flags, buffer, chunk, event: CHUNK_HEAD, event_end, weight };
        record.is_sound().then_some(record)
    }

    /// What is left of an update whose topic was purged: its place. It matches nothing, and is sent to nobody.
    pub(crate) fn purged(offset: Offset, at: SystemTime) -> Self {
        let buffer = [CHUNK_END, &[0; 4]].concat().into_boxed_slice();
        let weight = size_of::<Self>() + buffer.len();
        Self { offset, at, flags: PURGED, buffer, chunk: 0, event: 0, event_end: 0, weight }
    }

    fn is_sound(&self) -> bool {
        let mut rest = self.rest();
        let topics = take_topics(&mut rest).is_some();
        let key = self.flags & KEYED == 0 || take_key(&mut rest).is_some();
        topics && key && rest.is_empty() && (self.flags & PURGED != 0 || self.find_id().is_some())
    }

    /// The bytes of its event, framed as the sink's transport wants them.
    pub(crate) fn bytes(&self, framing: Framing) -> &[u8] {
        match framing {
            Framing::Chunked => &self.buffer[self.chunk..self.event_end + CHUNK_END.len()],
            Framing::Bare => &self.buffer[self.event..self.event_end],
        }
    }

    /// What is not sent: the topics and the key, as the log stores them.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.event_end + CHUNK_END.len()..]
    }

    /// The topics, the canonical one first.
    pub(crate) fn topics(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        let mut rest = self.rest();
        take_topics(&mut rest).expect("it was looked at when the record was made")
    }

    /// The event's id.
    pub(crate) fn id(&self) -> &str {
        self.find_id().unwrap_or_default()
    }

    /// Where in the event the line behind its id's begins.
    pub(crate) fn id_end(&self) -> usize {
        let event = self.bytes(Framing::Bare);
        let mut at = 0;
        for line in event.split_inclusive(|&b| b == b'\n').take(3) {
            at += line.len();
            if line.starts_with(b"id: ") {
                break;
            }
        }
        at
    }

    /// At most the type and the reconnection time stand before the id.
    fn find_id(&self) -> Option<&str> {
        let mut lines = self.bytes(Framing::Bare).split(|&b| b == b'\n').take(3);
        let id = lines.find_map(|line| line.strip_prefix(b"id: "))?;
        str::from_utf8(id).ok()
    }

    /// The key that its submission was published under, if it is the last one of it.
    pub(crate) fn key(&self) -> Option<KeyOf<'_>> {
        if self.flags & KEYED == 0 {
            return None;
        }
        let mut rest = self.rest();
        take_topics(&mut rest)?;
        take_key(&mut rest)
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn is_private(&self) -> bool {
        self.flags & PRIVATE != 0
    }

    /// Whether the id is the publisher's own, so that only an index finds it.
    pub(crate) fn has_chosen_id(&self) -> bool {
        self.flags & CHOSEN_ID != 0
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes, 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
}

fn take_str<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let len = take_u32(bytes)?;
    str::from_utf8(take(bytes, len as usize)?).ok()
}

fn take_key<'a>(bytes: &mut &'a [u8]) -> Option<KeyOf<'a>> {
    let len = take_u32(bytes)?;
    let name = take(bytes, len as usize)?;
    let fingerprint = u128::from_le_bytes(take(bytes, 16)?.try_into().ok()?);
    Some(KeyOf { name, fingerprint, updates: take_u32(bytes)? })
}

/// Takes the topics off the bytes, and answers them, if all of them are there.
fn take_topics<'a>(bytes: &mut &'a [u8]) -> Option<Topics<'a>> {
    let left = take_u32(bytes)?;
    let topics = Topics { rest: bytes, left };
    for _ in 0..left {
        take_str(bytes)?;
    }
    Some(topics)
}

/// The topics of a record.
#[derive(Clone)]
struct Topics<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Iterator for Topics<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        take_str(&mut self.rest)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Topics<'_> {}

/// A record as it is passed around.
pub(crate) type Shared = Arc<Record>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Topic;

    fn sealed(update: Update) -> (String, String) {
        let (record, _) = Draft::new(update).seal(Epoch::from_bits(1), 42, SystemTime::UNIX_EPOCH);
        let text = |framing| String::from_utf8(record.bytes(framing).to_vec()).unwrap();
        (text(Framing::Bare), text(Framing::Chunked))
    }

    fn update(data: &str) -> Update {
        Update::new(Topic::new("t").unwrap(), data)
    }

    #[test]
    fn fields_stand_in_the_protocols_order() {
        let mut u = update("a\r\nb\rc\n");
        u.event_type = Some(EventType::new("tick").unwrap());
        u.retry = Some(Retry::from_millis(2500));
        u.id = Some(EventId::new("mine é").unwrap());
        let (bare, chunked) = sealed(u);
        assert_eq!(bare, "event: tick\nretry: 2500\nid: mine é\ndata: a\ndata: b\ndata: c\ndata: \n\n");
        assert_eq!(chunked, format!("{:x}\r\n{bare}\r\n", bare.len()));
    }

    #[test]
    fn a_generated_id_says_where_the_update_stands() {
        let (bare, _) = sealed(update(""));
        assert_eq!(bare, "id: #000000000001-42\ndata: \n\n");
    }

    #[test]
    fn an_empty_type_and_a_retry_of_zero_have_no_line() {
        let mut u = update("x");
        u.event_type = Some(EventType::new("").unwrap());
        u.retry = Some(Retry::from_millis(0));
        u.id = Some(EventId::new("i").unwrap());
        assert_eq!(sealed(u).0, "id: i\ndata: x\n\n");
    }

    #[test]
    fn the_hole_fits_the_longest_head() {
        let (record, _) = Draft::new(update(&"x".repeat(1 << 20))).seal(
            Epoch::from_bits(u64::MAX),
            u64::MAX,
            SystemTime::UNIX_EPOCH,
        );
        let bare = record.bytes(Framing::Bare);
        assert!(bare.starts_with(b"id: #zzzzzzzzzzzz-18446744073709551615\ndata: x"));
        let chunked = record.bytes(Framing::Chunked);
        assert!(chunked.starts_with(format!("{:x}\r\nid: ", bare.len()).as_bytes()));
    }
}
