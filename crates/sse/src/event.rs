//! What comes out of the decoder, and what goes into the encoder.

use crate::{EventId, EventType, Retry};

/// One thing that the decoder found. It borrows from the decoder and from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event was dispatched (HTML standard, 9.2.6): its blank line was read, and it had data.
    Event(EventRef<'a>),
    /// A `retry` field: the reconnection time has changed, from its line on.
    Retry(Retry),
    /// A comment: what follows the colon, without one leading space. Servers send them to keep a connection
    /// open; to a client they are the sign that it still is.
    Comment(&'a str),
}

/// A dispatched event, borrowed: nothing is allocated for it. [`EventRef::to_owned`] keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventRef<'a> {
    /// The type that `addEventListener` would listen for: `message` when the stream named none.
    pub event_type: &'a str,
    /// The values of the `data` fields, an LF between each two.
    pub data: &'a str,
    /// The last id that the stream has set up to and including this event; empty when none.
    pub last_event_id: &'a str,
}

impl EventRef<'_> {
    /// A copy that borrows nothing.
    pub fn to_owned(&self) -> Event {
        Event {
            event_type: self.event_type.to_owned(),
            data: self.data.to_owned(),
            last_event_id: self.last_event_id.to_owned(),
        }
    }
}

impl From<EventRef<'_>> for Event {
    fn from(event: EventRef<'_>) -> Self {
        event.to_owned()
    }
}

/// A dispatched event, owned: to send to another task, or to keep.
///
/// ```
/// use headwater_sse::{Decoder, Event, Item};
///
/// let mut decoder = Decoder::new();
/// let mut input: &[u8] = b"data: a\n\nevent: tick\nid: 7\ndata: b\n\n";
/// let mut events: Vec<Event> = Vec::new();
/// while let Some(item) = decoder.next(&mut input)? {
///     if let Item::Event(event) = item {
///         events.push(event.to_owned());
///     }
/// }
/// assert_eq!(events[0].event_type, "message");
/// assert_eq!((&*events[1].event_type, &*events[1].data), ("tick", "b"));
/// # Ok::<(), headwater_sse::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event {
    /// The type that `addEventListener` would listen for: `message` when the stream named none.
    pub event_type: String,
    /// The values of the `data` fields, an LF between each two.
    pub data: String,
    /// The last id that the stream has set up to and including this event; empty when none.
    pub last_event_id: String,
}

/// The fields of an event to encode; see [`encode::event`](crate::encode::event).
///
/// Only the data is a plain string, because any string will do; the others have been checked when they were
/// made, so that encoding cannot fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventFields<'a> {
    /// The event's id, which becomes the receiver's last event id. An empty one resets that.
    pub id: Option<&'a EventId>,
    /// The event's type. An empty one means `message`, as does none.
    pub event_type: Option<&'a EventType>,
    /// The reconnection time that receivers shall take on.
    pub retry: Option<Retry>,
    /// The data. CR, LF and CRLF each make one line break, which receivers see as LF.
    pub data: &'a str,
}
