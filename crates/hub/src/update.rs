//! What a publisher submits.

use headwater_sse::{EventId, EventType, Retry};

use crate::Topic;

/// An event with its topics and its visibility: what a publisher submits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// The canonical topic first, then the alternates. Never empty.
    pub topics: Vec<Topic>,
    /// Only for subscribers whose grant matches one of the topics.
    pub private: bool,
    /// The publisher's own id; without one the hub makes `#{epoch}-{offset}`, and one that begins with `#` is never
    /// found again. Several updates may have the same: whoever comes back with it goes on after the first of them,
    /// and gets all that is retained once that one is forgotten.
    pub id: Option<EventId>,
    /// The event's type; without one it is a `message`.
    pub event_type: Option<EventType>,
    /// The reconnection time that clients shall take on.
    pub retry: Option<Retry>,
    /// The event's data; CR, LF and CRLF each make one line break.
    pub data: String,
}

impl Update {
    /// A public update to one topic.
    pub fn new(topic: Topic, data: impl Into<String>) -> Self {
        Self {
            topics: vec![topic],
            private: false,
            id: None,
            event_type: None,
            retry: None,
            data: data.into(),
        }
    }
}
