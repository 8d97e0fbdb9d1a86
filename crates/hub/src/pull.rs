//! A stream of frames for those who write them elsewhere: embedders, and transports that the shard does not write.

use std::{
    collections::VecDeque,
    future::poll_fn,
    ops::Deref,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use crate::{
    cursor::Offset,
    framing::Framing,
    inbox::{Command, Inbox},
    told::Sent,
};

/// Frames that wait in a slot: enough that a reader is not woken for each, and little beside one frame's size.
const FRAMES: usize = 64;

/// The encoded bytes of one event, or a heartbeat.
#[derive(Clone, Debug)]
pub struct Frame(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Update(Sent),
    Heartbeat,
    Gap(Arc<[u8]>),
    Position(Arc<[u8]>),
    Progress(Arc<[u8]>),
}

impl Frame {
    pub(crate) fn update(sent: Sent) -> Self {
        Self(Kind::Update(sent))
    }

    pub(crate) const HEARTBEAT: Self = Self(Kind::Heartbeat);

    pub(crate) fn gap(event: &[u8]) -> Self {
        Self(Kind::Gap(event.into()))
    }

    pub(crate) fn position(block: &[u8]) -> Self {
        Self(Kind::Position(block.into()))
    }

    pub(crate) fn progress(block: &[u8]) -> Self {
        Self(Kind::Progress(block.into()))
    }

    /// The bytes as they stand in an event stream (HTML standard, 9.2.5).
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Update(sent) => sent.bytes(Framing::Bare),
            Kind::Heartbeat => Framing::Bare.heartbeat(),
            Kind::Gap(bytes) | Kind::Position(bytes) | Kind::Progress(bytes) => bytes,
        }
    }

    /// The id of the update, if it is one.
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            Kind::Update(sent) => Some(sent.record().id()),
            _ => None,
        }
    }

    pub(crate) fn offset(&self) -> Option<Offset> {
        match &self.0 {
            Kind::Update(sent) => Some(sent.offset()),
            _ => None,
        }
    }

    /// The topics of the update, the canonical one first; none for other frames.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let record = match &self.0 {
            Kind::Update(sent) => Some(sent.record()),
            _ => None,
        };
        record.into_iter().flat_map(|record| record.topics())
    }

    /// Whether it is a heartbeat.
    pub fn is_heartbeat(&self) -> bool {
        matches!(self.0, Kind::Heartbeat)
    }

    /// Whether it tells where the stream stands (see [`with_cursors`](crate::Subscribe::with_cursors)). The first one
    /// comes at the stream's beginning, the second when replay has ended.
    pub fn is_position(&self) -> bool {
        matches!(self.0, Kind::Position(_))
    }

    /// Whether it tells how far a replay has come that finds nothing for long; as a heartbeat, and only with
    /// [`with_cursors`](crate::Subscribe::with_cursors).
    pub fn is_progress(&self) -> bool {
        matches!(self.0, Kind::Progress(_))
    }

    /// Whether it tells of a gap: updates that are lost to this subscriber.
    pub fn is_gap(&self) -> bool {
        matches!(self.0, Kind::Gap(_))
    }
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The hub drains or has been closed.
    Drained,
    /// The grant has expired.
    Expired,
    /// Updates were lost to it, and it had not asked to be told inside the stream.
    Gap,
    /// It was slower than the updates, and the hub does not let such a one
    /// [catch up](crate::SlowReader::CatchUp). It may come back with its last event id.
    Lagged,
    /// What it was to get next could not be read from the disk. It may have better luck with its last event id later.
    Unreadable,
    /// It took nothing for the write timeout.
    Stalled,
    /// The peer closed the connection, or it broke.
    Peer,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    /// How many frames it takes.
    room: usize,
    end: Option<End>,
    waker: Option<Waker>,
    /// The shard has more than the slot takes, and waits for room.
    full: bool,
    /// The reader has taken a frame since the slot was full, or since this was last asked.
    moved: bool,
    /// Where the subscriber stands in its shard.
    key: u32,
}

/// What a shard and the reader of a stream share.
#[derive(Debug)]
pub(crate) struct Slot(Mutex<State>);

impl Default for Slot {
    fn default() -> Self {
        Self::with_room(FRAMES)
    }
}

impl Slot {
    pub(crate) fn with_room(frames: usize) -> Self {
        Self(Mutex::new(State { room: frames, ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no code that holds this lock panics")
    }

    pub(crate) fn set_key(&self, key: u32) {
        self.state().key = key;
    }

    pub(crate) fn key(&self) -> u32 {
        self.state().key
    }

    /// Takes frames until it is full. What is left in the iterator did not fit.
    pub(crate) fn push(&self, frames: &mut std::iter::Peekable<impl Iterator<Item = Frame>>) {
        let mut state = self.state();
        while frames.peek().is_some() {
            if state.frames.len() >= state.room {
                state.full = true;
                state.moved = false;
                break;
            }
            state.frames.extend(frames.next());
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the reader has taken a frame since the slot was full, or since this was last asked.
    pub(crate) fn has_moved(&self) -> bool {
        std::mem::take(&mut self.state().moved)
    }

    pub(crate) fn end(&self, end: End) {
        let mut state = self.state();
        state.end.get_or_insert(end);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The shard's end of a slot. However it goes, the reader is told.
#[derive(Debug)]
pub(crate) struct Feed(Arc<Slot>);

impl Feed {
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        Self(slot)
    }

    pub(crate) fn is_of(&self, slot: &Arc<Slot>) -> bool {
        Arc::ptr_eq(&self.0, slot)
    }
}

impl Deref for Feed {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.0
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.end(End::Drained);
    }
}

/// A subscriber's stream of frames. Dropping it unsubscribes.
///
/// It holds up to 64 frames; a reader that is slower than the stream keeps its place and reads on from history.
#[derive(Debug)]
pub struct FrameStream {
    slot: Arc<Slot>,
    inbox: Arc<Inbox>,
}

impl FrameStream {
    pub(crate) fn new(slot: Arc<Slot>, inbox: Arc<Inbox>) -> Self {
        Self { slot, inbox }
    }

    /// The next frame; `None` once the stream has ended and all frames are taken.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        let mut state = self.slot.state();
        let Some(frame) = state.frames.pop_front() else {
            if state.end.is_some() {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        state.moved = true;
        // Half empty, not at once: a shard that were woken for each frame would write one at a time.
        let room = state.full && state.frames.len() <= state.room / 2;
        if room {
            state.full = false;
        }
        drop(state);
        if room {
            self.inbox.send(Command::Ready(self.slot.clone()));
        }
        Poll::Ready(Some(frame))
    }

    /// The next frame, in any async runtime.
    pub async fn next(&mut self) -> Option<Frame> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next frame; blocks the thread until there is one.
    pub fn next_blocking(&mut self) -> Option<Frame> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut context = Context::from_waker(&waker);
        let mut next = pin!(self.next());
        loop {
            match next.as_mut().poll(&mut context) {
                Poll::Ready(frame) => return frame,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Why the stream ended; `None` while it goes on.
    pub fn end(&self) -> Option<End> {
        self.slot.state().end
    }
}

impl futures_core::Stream for FrameStream {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        Self::poll_next(&mut self, context)
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        self.inbox.send(Command::Leave(self.slot.clone()));
    }
}
