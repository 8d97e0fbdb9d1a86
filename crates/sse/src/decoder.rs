//! The decoder: bytes in, as they are read; events out, as the HTML standard says (9.2.6).

use memchr::memchr;

use crate::{
    DecodeError, EventId, EventRef, Item, Limit, Limits, Retry,
    block::Block,
    line::{Line, Lines, TooLong},
    text,
};

/// A push decoder for `text/event-stream`.
///
/// Give it every read's bytes and call [`next`](Decoder::next) until it returns `None`. How the reads cut the
/// stream makes no difference, not inside a UTF-8 sequence, a CRLF or the byte order mark either. It takes time
/// linear in the bytes, and allocates nothing once its buffers have grown to the stream's events.
///
/// ```
/// use headwater_sse::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for read in ["retry: 2000\n: hello\nid: 1\nda", "ta: first\ndata: sec", "ond\n\n"] {
///     let mut input = read.as_bytes();
///     while let Some(item) = decoder.next(&mut input)? {
///         match item {
///             Item::Event(event) => seen.push(format!("{}: {:?}", event.event_type, event.data)),
///             Item::Retry(retry) => seen.push(format!("wait {} ms", retry.as_millis())),
///             Item::Comment(text) => seen.push(format!("comment {text:?}")),
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(seen, ["wait 2000 ms", r#"comment "hello""#, r#"message: "first\nsecond""#]);
/// assert_eq!(decoder.last_event_id(), "1");
/// # Ok::<(), headwater_sse::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    lines: Lines,
    block: Block,
    last_event_id: String,
    /// Text that something had to be replaced in, as long as an item borrows it.
    scratch: String,
    /// The block has been given out as an event: it goes at the next call.
    dispatched: bool,
    failed: Option<DecodeError>,
}

/// An item that is ready, before it borrows from the decoder.
enum Ready<'i> {
    /// With the data, if all of it is one line of the input; else the block has it.
    Event(Option<&'i [u8]>),
    Retry(Retry),
    Comment(Line<'i>),
}

impl Decoder {
    /// A decoder for a new stream, with the default [`Limits`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder for a new stream with limits of your own.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// For a stream that goes on where another one ended, perhaps in another process: events that set no id of
    /// their own have this one.
    ///
    /// ```
    /// use headwater_sse::{Decoder, EventId, Item};
    ///
    /// let mut decoder = Decoder::new().with_last_event_id(&EventId::new("41")?);
    /// let Some(Item::Event(event)) = decoder.next(&mut &b"data\n\n"[..])? else { panic!("an event") };
    /// assert_eq!(event.last_event_id, "41");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_last_event_id(mut self, id: &EventId) -> Self {
        id.as_str().clone_into(&mut self.last_event_id);
        self
    }

    /// The last event id (HTML standard, 9.2.6): what a client sends as `Last-Event-ID` when it reconnects,
    /// unless it is empty. A block has set it once its blank line was read, also a block without data.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// For the new stream after a reconnection. Drops the unfinished line and event, and the error if there was
    /// one; expects a byte order mark again; keeps the limits and the last event id.
    ///
    /// ```
    /// use headwater_sse::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// decoder.next(&mut &b"id: 1\n\nid: 2\ndata: never finis"[..])?;
    /// decoder.reset();
    /// assert_eq!(decoder.last_event_id(), "1");
    /// # Ok::<(), headwater_sse::DecodeError>(())
    /// ```
    pub fn reset(&mut self) {
        self.lines.reset();
        self.block.clear();
        self.dispatched = false;
        self.failed = None;
    }

    /// The next item that `input` completes; `input` shrinks by what was read. `None` means that all of it has
    /// been used: come back with more. There is no call for the end of a stream, since the standard discards
    /// what is unfinished then: see [`reset`](Decoder::reset).
    ///
    /// # Errors
    /// The stream went past one of the [`Limits`]. The decoder repeats that error until it is reset.
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Option<Item<'a>>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.dispatched {
            self.dispatched = false;
            self.block.clear();
        }
        let ready = match self.advance(input) {
            Ok(Some(ready)) => ready,
            Ok(None) => return Ok(None),
            Err(limit) => {
                let error = DecodeError::new(limit, self.limits.get(limit));
                self.failed = Some(error);
                return Err(error);
            }
        };
        Ok(Some(match ready {
            Ready::Event(whole) => {
                self.dispatched = true;
                Item::Event(EventRef {
                    event_type: self.block.event_type(),
                    data: text::decode(whole.unwrap_or_else(|| self.block.data()), &mut self.scratch),
                    last_event_id: &self.last_event_id,
                })
            }
            Ready::Retry(retry) => Item::Retry(retry),
            Ready::Comment(line) => {
                let line = match line {
                    Line::Whole(line) => line,
                    Line::Joined => self.lines.joined(),
                };
                Item::Comment(text::decode(value_at(line, 1), &mut self.scratch))
            }
        }))
    }

    /// Reads lines until one of them makes an item, or the input is used up.
    #[inline]
    fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Ready<'i>>, Limit> {
        // The first data line of a block, as long as it need not outlive this read: most events have no other,
        // and are never copied.
        let mut held: Option<&'i [u8]> = None;
        let ready = loop {
            let line = match self.lines.next(input, self.limits.line) {
                Ok(Some(line)) => line,
                Ok(None) => break None,
                Err(TooLong) => return Err(Limit::Line),
            };
            let bytes = match line {
                Line::Whole(bytes) => bytes,
                Line::Joined => self.lines.joined(),
            };

            if bytes.is_empty() {
                self.block.commit_id(&mut self.last_event_id);
                if held.is_some() || self.block.has_data() {
                    return Ok(Some(Ready::Event(held)));
                }
                self.block.clear();
                continue;
            }
            let colon = if bytes.starts_with(b"data:") { Some(4) } else { memchr(b':', bytes) };
            let (name, value) = match colon {
                Some(colon) => (&bytes[..colon], value_at(bytes, colon + 1)),
                None => (bytes, &[][..]),
            };
            match name {
                b"data" => {
                    if let Some(first) = held.take() {
                        self.block.push_data(first);
                    }
                    if self.block.data_len() + value.len() > self.limits.event {
                        return Err(Limit::Event);
                    }
                    let start = bytes.len() - value.len();
                    match line {
                        _ if self.block.has_data() => self.block.push_data(value),
                        Line::Whole(bytes) => held = Some(&bytes[start..]),
                        Line::Joined => self.block.take_data(start, |empty| self.lines.swap_joined(empty)),
                    }
                }
                b"event" => self.block.set_type(value),
                b"id" if memchr(0, value).is_none() => {
                    if value.len() > self.limits.id {
                        return Err(Limit::Id);
                    }
                    self.block.set_id(value);
                }
                b"retry" => {
                    if let Some(retry) = Retry::from_digits(value) {
                        break Some(Ready::Retry(retry));
                    }
                }
                b"" => break Some(Ready::Comment(line)),
                _ => {}
            }
        };
        if let Some(first) = held {
            self.block.push_data(first);
        }
        Ok(ready)
    }
}

/// A field's value: what follows its colon, without one leading space. No other space or tab is taken away.
#[inline]
fn value_at(line: &[u8], start: usize) -> &[u8] {
    let value = &line[start..];
    value.strip_prefix(b" ").unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work;

    #[test]
    fn a_reset_takes_the_error_back_and_keeps_the_id_and_the_limits() {
        let mut decoder = Decoder::with_limits(Limits { line: 8, ..Limits::default() });
        let error = DecodeError::new(Limit::Line, 8);
        assert_eq!(decoder.next(&mut &b"id: 1\n\ndata: abc\n\n"[..]), Err(error));
        assert_eq!(decoder.next(&mut &b"data: a\n\n"[..]), Err(error));
        decoder.reset();
        let mut input = &b"data: a\n\ndata: abc\n\n"[..];
        let event = EventRef { event_type: "message", data: "a", last_event_id: "1" };
        assert_eq!(decoder.next(&mut input), Ok(Some(Item::Event(event))));
        assert_eq!(decoder.next(&mut input), Err(error));
    }

    /// How many bytes the decoder looks at or moves for each byte of `stream`, read `size` bytes at a time.
    fn work_per_byte(stream: &[u8], size: usize) -> u64 {
        let mut decoder = Decoder::new();
        work::take();
        for read in stream.chunks(size) {
            let mut input = read;
            while decoder.next(&mut input).expect("within the limits").is_some() {}
        }
        work::take() / stream.len() as u64
    }

    /// However the bytes are cut, each is looked at and moved a fixed number of times: scanned for its line end,
    /// copied to the line's buffer and from there to the event's, both of which grow by doubling, and decoded.
    #[test]
    fn work_is_linear_in_the_bytes() {
        const MIB: usize = 1 << 20;
        let long = [b"data: ".as_slice(), &b"x".repeat(4 * MIB), b"\n\n"].concat();
        let invalid = [b"data: ".as_slice(), &b"\xFF".repeat(MIB / 4), b"\n\n"].concat();
        let comment = [b":".as_slice(), &b"x".repeat(MIB / 4), b"\n"].concat();
        let unknown = [b"name".repeat(MIB / 16), b"\n".to_vec()].concat();
        let lines = [b"data: x\n".repeat(MIB / 32), b"\n".to_vec()].concat();
        let events = b"data: x\n\n".repeat(MIB / 36);
        let ids = b"id: 1\r\ndata\r\n\r\n".repeat(MIB / 64);
        let crs = b"\r".repeat(MIB / 4);
        for stream in [long, invalid, comment, unknown, lines, events, ids, crs] {
            for size in [1, 2, 3, 7, 128, 4096, usize::MAX] {
                let work = work_per_byte(&stream, size);
                let start = String::from_utf8_lossy(&stream[..8]);
                assert!(work <= 6, "{work} for each byte of {start:?}…, read by {size}");
            }
        }
    }
}
