//! The far end of one connection: takes the bytes apart, and holds each event against what was published.

use headwater_sse::{Decoder, Item};

use super::reference::{Reference, Wants, generated};
use crate::{Framing, GAP_EVENT_TYPE, cursor::Offset, timer::Tick};

/// What is wrong with a stream.
pub(super) type Wrong = String;

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) wants: Wants,
    pub(super) gap_events: bool,
    /// The gap that must be told before anything else: what was asked for, and where the stream goes on.
    pub(super) told_first: Option<(String, Offset)>,
    /// All before this has been received, was not for it, or was reported as lost.
    pub(super) cursor: Offset,
    /// When something last arrived.
    pub(super) heard: Tick,
    heartbeat: Option<Tick>,
    /// How long nothing had arrived when the frame that is arriving began to.
    silence: Tick,
    /// How the bytes are framed; `None` for frames that are handed over one by one.
    framing: Option<Framing>,
    /// Bytes of a chunk that is not yet complete.
    rest: Vec<u8>,
    /// The last bytes of the event stream.
    tail: Vec<u8>,
    ended: bool,
    decoder: Decoder,
    retry: Option<u64>,
}

#[derive(Debug)]
struct Event {
    name: String,
    data: String,
    id: String,
}

impl Reader {
    pub(super) fn new(
        wants: Wants,
        gap_events: bool,
        start: Offset,
        told_first: Option<String>,
        heartbeat: Option<Tick>,
        framing: Option<Framing>,
        now: Tick,
    ) -> Self {
        Self {
            wants,
            gap_events,
            told_first: told_first.map(|from| (from, start)),
            cursor: start,
            heard: now,
            heartbeat,
            silence: 0,
            framing,
            rest: Vec::new(),
            tail: Vec::new(),
            ended: false,
            decoder: Decoder::new(),
            retry: None,
        }
    }

    pub(super) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The first update that it should have and has not, if there is one.
    pub(super) fn missing(&self, reference: &Reference) -> Option<Offset> {
        (self.cursor..reference.next()).find(|&o| self.wants.admits(reference.get(o)))
    }

    /// Takes what has arrived on a connection.
    pub(super) fn feed(&mut self, bytes: &[u8], reference: &Reference, now: Tick) -> Result<(), Wrong> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err(format!("{} bytes after the end", bytes.len()));
        }
        if self.is_whole() {
            self.silence = now - self.heard;
        }
        self.heard = now;
        self.rest.extend_from_slice(bytes);
        if self.framing != Some(Framing::Chunked) {
            let bytes = std::mem::take(&mut self.rest);
            return self.content(&bytes, reference, now).map(drop);
        }
        while let Some(content) = self.chunk()? {
            if content.is_empty() {
                self.ended = true;
                return if self.rest.is_empty() { Ok(()) } else { Err("bytes after the last chunk".into()) };
            }
            self.frame(&content, reference, now)?;
        }
        Ok(())
    }

    /// Takes a whole frame.
    pub(super) fn frame(&mut self, bytes: &[u8], reference: &Reference, now: Tick) -> Result<(), Wrong> {
        let events = self.content(bytes, reference, now)?;
        if !self.at_boundary() {
            return Err(format!(
                "a frame that does not end with its event: {:?}",
                String::from_utf8_lossy(bytes)
            ));
        }
        if events > 1 {
            return Err("more than one event in a frame".into());
        }
        Ok(())
    }

    /// Takes a chunk off the bytes that wait, as strictly as RFC 9112, 7.1 can be read.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Wrong> {
        let Some(line) = self.rest.iter().position(|&b| b == b'\n') else {
            let plain = self.rest.iter().all(|b| b.is_ascii_hexdigit() || *b == b'\r');
            return if plain && self.rest.len() <= 17 { Ok(None) } else { Err(self.bad_chunk()) };
        };
        let digits = self.rest[..line].strip_suffix(b"\r").and_then(|d| str::from_utf8(d).ok());
        let len = digits.and_then(|d| usize::from_str_radix(d, 16).ok().filter(|n| format!("{n:x}") == d));
        let len = len.ok_or_else(|| self.bad_chunk())?;
        let end = line + 1 + len + 2;
        if self.rest.len() < end {
            return Ok(None);
        }
        if &self.rest[end - 2..end] != b"\r\n" {
            return Err(self.bad_chunk());
        }
        let content = self.rest[line + 1..end - 2].to_vec();
        self.rest.drain(..end);
        Ok(Some(content))
    }

    fn bad_chunk(&self) -> Wrong {
        format!("not a chunk: {:?}", String::from_utf8_lossy(&self.rest))
    }

    /// Takes bytes of the event stream; answers how many events were in them.
    fn content(&mut self, mut bytes: &[u8], reference: &Reference, now: Tick) -> Result<usize, Wrong> {
        let mut events = 0;
        self.tail.extend_from_slice(bytes);
        self.tail.drain(..self.tail.len().saturating_sub(3));
        loop {
            enum What {
                Event(Event),
                Retry(u64),
                Comment,
            }
            let what = match self.decoder.next(&mut bytes).map_err(|e| format!("undecodable: {e}"))? {
                None => return Ok(events),
                Some(Item::Event(e)) => What::Event(Event {
                    name: e.event_type.into(),
                    data: e.data.into(),
                    id: e.last_event_id.into(),
                }),
                Some(Item::Retry(retry)) => What::Retry(retry.as_millis()),
                Some(Item::Comment("")) => What::Comment,
                Some(other) => return Err(format!("what is this: {other:?}")),
            };
            match what {
                What::Event(event) => {
                    self.event(&event, reference, now)?;
                    events += 1;
                }
                What::Retry(retry) => self.retry = Some(retry),
                What::Comment => self.beat()?,
            }
        }
    }

    fn beat(&self) -> Result<(), Wrong> {
        // When a frame was put into a slot is not when it is taken out.
        match self.heartbeat {
            None => Err("a heartbeat, where there are none".into()),
            Some(h) if self.framing.is_some() && self.silence < h => {
                Err(format!("a heartbeat after {} of {h} ticks", self.silence))
            }
            Some(_) => Ok(()),
        }
    }

    fn event(&mut self, event: &Event, reference: &Reference, now: Tick) -> Result<(), Wrong> {
        if event.name == GAP_EVENT_TYPE {
            return self.gap(event, reference, now);
        }
        if let Some(gap) = &self.told_first {
            return Err(format!("an update before the gap {gap:?} was told: {event:?}"));
        }
        let Some(at) = reference.updates.iter().position(|u| u.data == event.data) else {
            return Err(format!("never published: {event:?}"));
        };
        let offset = at as Offset + 1;
        let update = reference.get(offset);
        if offset < self.cursor {
            return Err(format!("twice or out of order: {offset} at {}", self.cursor));
        }
        if !self.wants.admits(update) {
            return Err(format!("not for it: {offset} {update:?}"));
        }
        if let Some(missing) = self.missing(reference).filter(|&m| m < offset) {
            return Err(format!("{missing} is missing before {offset}"));
        }
        if (&event.id, &*event.name, self.retry.take()) != (&update.id, update.event_type, update.retry) {
            return Err(format!("{event:?} is not as published: {update:?}"));
        }
        self.cursor = offset + 1;
        Ok(())
    }

    fn gap(&mut self, event: &Event, reference: &Reference, now: Tick) -> Result<(), Wrong> {
        let wrong = |what: &str| Err(format!("{what}: {event:?}"));
        if !self.gap_events {
            return wrong("a gap event that was not asked for");
        }
        let parts = event.data.strip_prefix("{\"from\":\"").and_then(|d| d.strip_suffix("\"}"));
        let Some((from, to)) = parts.and_then(|d| d.split_once("\",\"to\":\"")) else {
            return wrong("not a gap's data");
        };
        let Some(to) = (1..=reference.next()).find(|&o| generated(o) == to) else {
            return wrong("a gap to nowhere");
        };
        if event.id != generated(to - 1) {
            return wrong("a gap that does not move the cursor");
        }
        if let Some((asked, start)) = self.told_first.take() {
            let asked = asked.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\u000a");
            return if (from, to) == (&*asked, start) { Ok(()) } else { wrong("not the gap at the start") };
        }
        let Some(last) = (0..to).find(|&o| generated(o) == from) else {
            return wrong("a gap from nowhere");
        };
        if last + 1 < self.cursor || to > reference.held(now) {
            return wrong("a gap where there is none");
        }
        if let Some(missing) = self.missing(reference).filter(|&m| m <= last) {
            return wrong(&format!("the gap begins before {missing}, which is missing"));
        }
        self.cursor = to;
        Ok(())
    }

    /// The connection has ended in good order; `room` is whether it would have taken more.
    pub(super) fn finished(&self, room: bool) -> Result<(), Wrong> {
        let terminator: &[u8] = match self.framing {
            Some(Framing::Chunked) if !self.ended => b"0\r\n\r\n",
            _ => b"",
        };
        if terminator.starts_with(&self.rest) && (terminator.is_empty() || !room) && self.is_whole() {
            return Ok(());
        }
        Err(format!(
            "an end inside a frame, or without the last chunk: {:?}",
            String::from_utf8_lossy(&self.rest)
        ))
    }

    /// Whether the stream stands between two frames, as far as its bytes tell.
    pub(super) fn is_whole(&self) -> bool {
        match self.framing {
            Some(Framing::Chunked) => self.rest.is_empty() || b"0\r\n\r\n".starts_with(&self.rest),
            _ => self.at_boundary(),
        }
    }

    /// Whether the event stream stands behind a blank line or a comment.
    fn at_boundary(&self) -> bool {
        matches!(&*self.tail, [] | [b':', b'\n'] | [.., b'\n', b'\n'] | [b'\n', b':', b'\n'])
    }
}
