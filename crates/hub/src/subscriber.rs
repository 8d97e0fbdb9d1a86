//! One live connection that receives: a sink, a filter and a cursor.

use std::{
    cell::OnceCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use crate::{
    SlowReader, Topic,
    cursor::Offset,
    filter::Filter,
    framing::Framing,
    index::Place,
    pass::{Node, ROOT},
    readers::{Page, Want},
    sink::Sink,
    timer::Tick,
    told::{Include, Sent},
};

/// How a subscriber stands to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything up to the shard's position has been handed to the sink; it stands in the index.
    Live,
    /// The sink is full. It waits to be writable, and costs nothing but its place.
    Blocked,
    /// It reads history from its cursor on.
    CatchingUp,
    /// It catches up, and the page that it needs is being read.
    Waiting,
}

/// What a subscriber has been told of where its stream stands, if it wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing.
    Unopened,
    /// Where it begins.
    Replaying,
    /// That replay has ended; or it wants to be told nothing.
    Current,
}

/// The frame that a subscriber is inside of.
#[derive(Debug)]
pub(crate) struct Partial {
    frame: PartialFrame,
    at: usize,
}

#[derive(Debug)]
enum PartialFrame {
    Update(Sent),
    Fixed(&'static [u8]),
    Own(Box<[u8]>),
}

impl Partial {
    pub(crate) fn update(sent: Sent, at: usize) -> Self {
        Self { frame: PartialFrame::Update(sent), at }
    }

    pub(crate) fn fixed(bytes: &'static [u8], at: usize) -> Self {
        Self { frame: PartialFrame::Fixed(bytes), at }
    }

    pub(crate) fn own(bytes: Box<[u8]>, at: usize) -> Self {
        Self { frame: PartialFrame::Own(bytes), at }
    }

    /// What is left of the frame.
    pub(crate) fn rest(&self, framing: Framing) -> &[u8] {
        let bytes = match &self.frame {
            PartialFrame::Update(sent) => sent.bytes(framing),
            PartialFrame::Fixed(bytes) => bytes,
            PartialFrame::Own(bytes) => bytes,
        };
        &bytes[self.at..]
    }

    pub(crate) fn advance(&mut self, by: usize) {
        self.at += by;
    }
}

/// What the hub counts of a subscriber as long as it is there, wherever it is: handed out on admission, given back
/// when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) counts: Arc<Counts>,
    pub(crate) selector_bytes: usize,
    /// The shard's load, once it has been given one.
    pub(crate) shard: Option<Arc<AtomicUsize>>,
}

/// How many subscribers there are, and how much they hold.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) subscribers: AtomicUsize,
    pub(crate) selector_bytes: AtomicUsize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.counts.subscribers.fetch_sub(1, Ordering::Relaxed);
        self.counts.selector_bytes.fetch_sub(self.selector_bytes, Ordering::Relaxed);
        if let Some(shard) = &self.shard {
            shard.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How a subscriber wants to be told of lost updates.
#[derive(Debug)]
pub(crate) enum GapNotice {
    /// By the end of the stream: the next connection's answer tells.
    End,
    /// Inside the stream.
    Event,
    /// Inside the stream, and there is one to be told at the start: what follows this id is lost.
    EventAfter(Box<str>),
}

/// One live connection that receives.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) sink: Sink,
    pub(crate) filter: Filter,
    pub(crate) state: State,
    /// The next update to look at; while it is live, the shard's position says so.
    pub(crate) next: Offset,
    pub(crate) gap: GapNotice,
    /// Of what is lost before this it was told when it came.
    pub(crate) told_until: Offset,
    /// What it is told beside the updates.
    pub(crate) include: Include,
    pub(crate) standing: Standing,
    /// Up to where it knows that the stream has come, if it wants to: the next offset.
    pub(crate) told: Offset,
    /// The page of the past that it will be handed when it is its turn.
    pub(crate) page: Option<Arc<Page>>,
    /// What [`Filter::exact_topics`] said, once it has been asked.
    topics: OnceCell<Option<Arc<[Topic]>>>,
    /// Whether it has ever been live.
    pub(crate) has_been_live: bool,
    pub(crate) partial: Option<Box<Partial>>,
    /// Its places in the shard's index while it is live.
    pub(crate) places: Box<[Place]>,
    /// What it has been given in the pass that is under way.
    pub(crate) node: Node,
    /// The update that was last held against its filter, so that several selectors give it once.
    pub(crate) seen: Offset,
    /// When something was last written.
    pub(crate) written: Tick,
    /// The earliest alarm that is set for it.
    pub(crate) alarm: Tick,
    pub(crate) expires: Option<SystemTime>,
    /// When it is to end because the hub drains.
    pub(crate) leave: Option<Tick>,
    /// Given back when the subscriber is dropped.
    _seat: Seat,
}

impl Subscriber {
    pub(crate) fn new(
        sink: Sink,
        filter: Filter,
        next: Offset,
        gap: GapNotice,
        include: Include,
        expires: Option<SystemTime>,
        seat: Seat,
    ) -> Self {
        Self {
            sink,
            filter,
            state: State::CatchingUp,
            next,
            gap,
            told_until: 0,
            include,
            standing: if include.cursor { Standing::Unopened } else { Standing::Current },
            told: 0,
            page: None,
            topics: OnceCell::new(),
            has_been_live: false,
            partial: None,
            places: Box::default(),
            node: ROOT,
            seen: 0,
            written: 0,
            alarm: Tick::MAX,
            expires,
            leave: None,
            _seat: seat,
        }
    }

    /// The topics to which all that it can get is published; `None`: they cannot be told.
    pub(crate) fn topics(&self) -> Option<&Arc<[Topic]>> {
        self.topics.get_or_init(|| self.filter.exact_topics()).as_ref()
    }

    /// What it needs of the past.
    pub(crate) fn want(&self) -> Want {
        Want { from: self.next, topics: self.topics().cloned() }
    }

    /// Whether it is to be closed, should it be behind all that is in memory: it was not, once.
    pub(crate) fn is_lagging(&self, rule: SlowReader) -> bool {
        self.has_been_live && rule == SlowReader::Close
    }

    /// Whether the peer has a frame's beginning and not its end.
    pub(crate) fn is_inside_of_a_frame(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.at > 0)
    }
}
