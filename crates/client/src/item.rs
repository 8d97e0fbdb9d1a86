//! What a source yields.

use std::time::Duration;

use headwater_sse::Event;
use serde::Deserialize;

use crate::Error;

/// One thing that happened to a [`Source`](crate::Source).
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// The stream is open: at the start, and after every reconnection.
    Open(Open),
    /// An event.
    Event(Event),
    /// Events are lost: the hub no longer holds what came after the last one received.
    Gap(Gap),
    /// The connection was lost or could not be made. The source waits and tries again by itself.
    Reconnecting {
        /// Why.
        error: Error,
        /// How long it waits before the next attempt.
        delay: Duration,
    },
}

/// An opened stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Open {
    /// The last event id that the request asked to go on from; empty if none.
    pub asked: String,
    /// The answer's `Last-Event-ID` header: the id just before the first event that follows, or `earliest`
    /// where the hub holds nothing before it. Only hubs send it, and only when they were asked.
    pub last_event_id: Option<String>,
}

impl Open {
    /// Whether the hub goes on from another place than asked: what lies between is lost.
    pub fn is_gap(&self) -> bool {
        !self.asked.is_empty() && self.last_event_id.as_ref().is_some_and(|answer| *answer != self.asked)
    }
}

/// A known loss. Reported once, whether the hub tells it in the stream (as Headwater does), or only by the
/// `Last-Event-ID` of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gap {
    /// The id of the last event before the gap, if known.
    pub from: Option<String>,
    /// The id of the first event after the gap, if known.
    pub to: Option<String>,
}

/// The type of the event by which a hub tells of a gap, to those who ask with `include=gap`.
pub(crate) const GAP_TYPE: &str = "headwater:gap";

impl Gap {
    /// A gap is reported also when what the hub says about it cannot be read.
    pub(crate) fn from_event(data: &str) -> Self {
        serde_json::from_str(data).unwrap_or_default()
    }
}
