//! An update in the form in which it travels: encoded once, shared by all.

use std::{fmt::Write as _, io::Write as _, sync::Arc, time::SystemTime};

use headwater_sse::{EventId, EventType, Retry};

use crate::{
    Topic, Update,
    cursor::{Cursor, Epoch, Offset},
    framing::Framing,
};

/// `{len:x}\r\n` of a chunk: a length has at most 16 hex digits.
const CHUNK_HEAD: usize = 18;
/// `data: ` of each line.
const DATA_NAME: usize = 6;
/// `\r\n` behind a chunk.
const CHUNK_END: usize = 2;
/// The blank line, and the chunk's end.
const END: &[u8] = b"\n\r\n";
/// `id: #{epoch}-{offset}\n` with the longest offset.
const GENERATED_ID: usize = 4 + 1 + 12 + 1 + 20 + 1;

/// An update that has been encoded but for its id, which is the sequencer's to give.
///
/// The publisher's thread does the work that grows with the data; sealing only fills in the hole in front of it.
#[derive(Debug)]
pub(crate) struct Draft {
    topics: Box<[Topic]>,
    private: bool,
    id: Option<EventId>,
    /// The lines before the id.
    head: String,
    /// A hole, then the data lines, the blank line and the chunk's end.
    buffer: Vec<u8>,
    hole: usize,
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
        let mut buffer = Vec::with_capacity(hole + data.len() + DATA_NAME * lines + 1 + END.len());
        buffer.resize(hole, 0);
        headwater_sse::encode::data(&mut buffer, &data);
        buffer.extend_from_slice(END);
        Self { topics: topics.into_boxed_slice(), private, id, head, buffer, hole, beside: 0 }
    }

    /// What it will weigh in memory, for the budgets of the queue and of history.
    pub(crate) fn weight(&self) -> usize {
        let topics = self.topics.iter().map(|t| t.as_str().len() + 32).sum::<usize>();
        size_of::<Record>() + self.buffer.len() + topics + self.beside
    }

    /// Counts bytes with it that are held as long as it is.
    pub(crate) fn weigh_down(&mut self, bytes: usize) {
        self.beside += bytes;
    }

    /// Gives it its place, and with it its id.
    pub(crate) fn seal(self, epoch: Epoch, offset: Offset, at: SystemTime) -> Record {
        let weight = self.weight();
        let Self { topics, private, id, head, buffer, hole, .. } = self;
        let id = id.unwrap_or_else(|| Cursor { epoch, offset }.id());
        let mut bytes = buffer.into_boxed_slice();
        let end = bytes.len() - CHUNK_END;

        // From right to left: the id's line ends where the data begins, the chunk's head where the event begins.
        let mut start = hole;
        let mut put = |part: &[u8]| {
            let end = start;
            start -= part.len();
            bytes[start..end].copy_from_slice(part);
            start
        };
        put(b"\n");
        put(id.as_str().as_bytes());
        put(b"id: ");
        let sse = put(head.as_bytes());
        let mut chunk_head = [0; CHUNK_HEAD];
        let mut space = &mut chunk_head[..];
        write!(space, "{:x}\r\n", end - sse).expect("a length has at most 16 digits");
        let left = space.len();
        let start = put(&chunk_head[..CHUNK_HEAD - left]);
        Record { offset, at, topics, private, id, bytes, start, sse, weight }
    }
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
    pub(crate) topics: Box<[Topic]>,
    pub(crate) private: bool,
    pub(crate) id: EventId,
    bytes: Box<[u8]>,
    /// Where the chunk begins; it ends with the bytes.
    start: usize,
    /// Where the event begins; it ends two bytes before the chunk.
    sse: usize,
    weight: usize,
}

impl Record {
    /// The bytes of its event, framed as the sink's transport wants them.
    pub(crate) fn bytes(&self, framing: Framing) -> &[u8] {
        match framing {
            Framing::Chunked => &self.bytes[self.start..],
            Framing::Bare => &self.bytes[self.sse..self.bytes.len() - CHUNK_END],
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether the id is the publisher's own, so that only an index finds it.
    pub(crate) fn has_chosen_id(&self) -> bool {
        !self.id.as_str().starts_with('#')
    }
}

/// A record as it is passed around.
pub(crate) type Shared = Arc<Record>;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(update: Update) -> (String, String) {
        let record = Draft::new(update).seal(Epoch::from_bits(1), 42, SystemTime::UNIX_EPOCH);
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
        let record = Draft::new(update(&"x".repeat(1 << 20))).seal(
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
