//! What a subscriber asks for, and where it will start.

use std::{sync::Arc, time::SystemTime};

use crate::{
    Selector,
    cursor::Offset,
    filter::Filter,
    history::{Found, History},
    subscriber::{GapNotice, Seat},
    told::Include,
};

/// From where on a subscriber wants the updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// All that is retained, then on.
    Earliest,
    /// What came after the update with this id, then on.
    Id(String),
}

/// What to do for one who comes with an id that the hub does not know, or no longer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownCursor {
    /// Replay all that is retained, as the Mercure protocol reads.
    #[default]
    Replay,
    /// Start with what comes next: for those who move over from another hub, and hold its ids.
    Live,
}

/// What a subscriber asks for.
///
/// ```
/// use headwater_hub::{Selector, Since, Subscribe};
///
/// let request = Subscribe::to([Selector::new("https://example.com/books/{id}")]).since(Since::Earliest);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscribe {
    pub(crate) selectors: Vec<Selector>,
    pub(crate) grant: Option<Arc<[Selector]>>,
    pub(crate) since: Since,
    pub(crate) gap_events: bool,
    pub(crate) include: Include,
    pub(crate) expires: Option<SystemTime>,
}

impl Subscribe {
    /// Public updates whose topics match one of the selectors, from now on.
    pub fn to(selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self {
            selectors: selectors.into_iter().collect(),
            grant: None,
            since: Since::Now,
            gap_events: false,
            include: Include::default(),
            expires: None,
        }
    }

    /// Private updates too, where one of their topics matches one of these.
    pub fn with_grant(mut self, grant: Arc<[Selector]>) -> Self {
        self.grant = Some(grant);
        self
    }

    /// From where on.
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// Tell of gaps inside the stream, by an event of type [`GAP_EVENT_TYPE`](crate::GAP_EVENT_TYPE). Without this a
    /// gap that arises while the subscriber is connected ends the stream.
    pub fn with_gap_events(mut self) -> Self {
        self.gap_events = true;
        self
    }

    /// Tell the cursor of each update in a field `cursor` (`{epoch}-{offset}`, the same as a generated id without its
    /// `#`), and by a block of `id` and `cursor` without data where the stream stands: at its beginning, when replay has
    /// ended, and with heartbeats once it has advanced. So one who is cut off before its first event can resume, too. A
    /// heartbeat within a replay has the `id` alone: the second `cursor` without data says that the replay has ended.
    pub fn with_cursors(mut self) -> Self {
        self.include.cursor = true;
        self
    }

    /// Tell in fields `topic` which topics of each update the subscriber's selectors match, as far as it may see them.
    pub fn with_topics(mut self) -> Self {
        self.include.topic = true;
        self
    }

    /// Tell in fields `selector` which of the subscriber's selectors match.
    pub fn with_selectors(mut self) -> Self {
        self.include.selector = true;
        self
    }

    /// End the stream at this time.
    pub fn until(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }
}

/// Why a subscriber was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// Without a selector it would never get anything.
    #[error("name at least one selector")]
    NoSelector,
    /// More selectors than one subscriber may have.
    #[error("{given} selectors are more than the {max} that a subscriber may have")]
    TooManySelectors {
        /// How many it gave.
        given: usize,
        /// How many it may have.
        max: usize,
    },
    /// A selector is longer than one may be.
    #[error("a selector of {bytes} bytes is longer than the {max} that one may have")]
    SelectorTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// There are as many subscribers as the hub admits, or their selectors take all the memory there is for them.
    #[error("the hub is full; try again later")]
    Full,
    /// The hub drains or has been closed.
    #[error("the hub is closed")]
    Closed,
}

impl SubscribeError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Full)
    }
}

/// Where a subscriber starts.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) next: Offset,
    pub(crate) gap: GapNotice,
    /// Of what is lost before this the answer has told.
    pub(crate) told_until: Offset,
    /// What the answer says of it: the id of the update just before the first one sent, or `earliest`. Only for
    /// those who came with a cursor.
    pub(crate) after: Option<Box<str>>,
}

impl Start {
    pub(crate) fn find(
        history: &History,
        since: &Since,
        unknown: UnknownCursor,
        gap_events: bool,
        now: SystemTime,
    ) -> Self {
        let at = |next, after| Self::at(history, next, gap_events, after);
        let earliest = || Some("earliest".into());
        let id = match since {
            Since::Now => return at(history.next(), None),
            Since::Earliest => {
                let retained = history.earliest(now);
                let next = history.after_loss(retained);
                let start = at(next, earliest());
                // Whoever is told inside the stream is told of this, too.
                let from = || history.cursor(retained - 1).to_string().into();
                return if next > retained { start.with_gap_after(from) } else { start };
            }
            Since::Id(id) => id,
        };
        if let Found::At(offset) = history.resolve(id, now) {
            let next = history.after_loss(offset + 1);
            let loss = history.last_loss(offset + 1);
            // The answer names what was lost last, where that is not told inside the stream: it is another id than the
            // one that was asked for, and that is how a client knows.
            let after = match loss {
                Some(end) if !gap_events || next > offset + 1 => {
                    let told = if gap_events { next } else { end };
                    history.cursor(told - 1).to_string().into()
                }
                _ => id.as_str().into(),
            };
            let start = at(next, Some(after));
            return if next > offset + 1 { start.with_gap_after(|| id.as_str().into()) } else { start };
        }
        let (next, after) = match unknown {
            UnknownCursor::Replay => (history.after_loss(history.earliest(now)), earliest()),
            UnknownCursor::Live => {
                let (next, newest) = history.head();
                (next, newest.map_or_else(earliest, |id| Some(id.as_str().into())))
            }
        };
        at(next, after).with_gap_after(|| id.as_str().into())
    }

    fn at(history: &History, next: Offset, gap_events: bool, after: Option<Box<str>>) -> Self {
        let gap = if gap_events { GapNotice::Event } else { GapNotice::End };
        // Only an answer that names a cursor tells of losses.
        let told_until = after.as_ref().and_then(|_| history.last_loss(next)).unwrap_or(next);
        Self { next, gap, told_until, after }
    }

    /// For those who are told inside the stream: what follows this id is lost.
    fn with_gap_after(mut self, from: impl FnOnce() -> Box<str>) -> Self {
        if matches!(self.gap, GapNotice::Event) {
            self.gap = GapNotice::EventAfter(from());
        }
        self
    }
}

/// A subscriber that has been admitted and has its place in the stream, but nothing to receive with yet.
#[derive(Debug)]
#[must_use = "it receives nothing until it is attached to a socket or a stream"]
pub struct Admitted {
    pub(crate) filter: Filter,
    pub(crate) start: Start,
    pub(crate) include: Include,
    pub(crate) expires: Option<SystemTime>,
    pub(crate) seat: Seat,
}

impl Admitted {
    /// What the answer's `Last-Event-ID` header is to say: the id of the update just before the first one that will
    /// be sent, or `earliest`. `None` for a subscriber that brought no cursor.
    pub fn last_event_id(&self) -> Option<&str> {
        self.start.after.as_deref()
    }
}
