//! What is handed to the sequencer, and what it answers.

use std::{future::IntoFuture, pin::Pin, sync::Arc, task};

use headwater_sse::EventId;

use crate::{Update, record::Draft};

/// Updates that are published together: in this order, in one commit, all or none.
#[derive(Debug)]
#[must_use = "a submission does nothing until it is published"]
pub struct Submission {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) key: Option<IdempotencyKey>,
}

impl Submission {
    /// Takes the updates and encodes them, on this thread.
    pub fn new(updates: impl IntoIterator<Item = Update>) -> Self {
        let mut drafts: Vec<_> = updates.into_iter().map(Draft::new).collect();
        let followed = drafts.len().saturating_sub(1);
        drafts[..followed].iter_mut().for_each(Draft::be_continued);
        Self { drafts, key: None }
    }

    /// Publishes them no second time under the same key, for as long as history holds them.
    pub fn with_key(mut self, key: IdempotencyKey) -> Self {
        // The key is held for as long as the last update is, and so it is paid for.
        let updates = self.drafts.len();
        if let Some(last) = self.drafts.last_mut() {
            last.put_key(&key, updates);
            last.weigh_down(key.weight());
        }
        self.key = Some(key);
        self
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.drafts.iter().map(Draft::weight).sum::<usize>()
    }
}

impl From<Update> for Submission {
    fn from(update: Update) -> Self {
        Self::new([update])
    }
}

/// What makes a retry safe: a submission under a key that history still holds is answered as the first one was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(crate) name: Box<[u8]>,
    pub(crate) fingerprint: u128,
}

impl IdempotencyKey {
    /// `scope` says whose key it is (two publishers may choose the same), `key` is the publisher's, `fingerprint` of
    /// what is published tells a retry from a mistake.
    pub fn new(scope: &[u8], key: &str, fingerprint: u128) -> Self {
        // The scope's length keeps "ab" + "c" and "a" + "bc" apart.
        let name = [&(scope.len() as u64).to_le_bytes(), scope, key.as_bytes()].concat().into_boxed_slice();
        Self { name, fingerprint }
    }

    /// Its bytes in the map of keys and in the queue of those to be forgotten, and what stands beside them.
    fn weight(&self) -> usize {
        2 * self.name.len() + 128
    }
}

/// The hub has it: the updates have their places and go out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The ids, in the order of the updates.
    pub ids: Arc<[EventId]>,
    /// Whether this was published before, under the same key, and now no second time.
    pub repeated: bool,
}

/// Why nothing was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// More waits for the sequencer than the hub admits. Try again in a moment.
    #[error("the hub is busy: too much waits to be published; try again in a moment")]
    Overloaded,
    /// The same key came before with other updates.
    #[error("this idempotency key was used for something else; use a new key for each publish")]
    KeyReused,
    /// The disk is full, read-only or failing: nothing can be made durable. The hub tries again with each publish; its
    /// log says what to do.
    #[error("the hub cannot store updates: its disk is full or fails; try again later")]
    Unavailable,
    /// The hub has been closed.
    #[error("the hub is closed")]
    Closed,
}

impl PublishError {
    /// Whether the same submission may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Unavailable)
    }
}

/// The sequencer's answer, to be awaited in any async runtime, or waited for.
#[derive(Debug)]
#[must_use = "whether it was published is known when this resolves"]
pub struct Pending(pub(crate) oneshot::Receiver<Result<Receipt, PublishError>>);

impl Pending {
    /// Blocks the thread until the answer is there.
    pub fn wait(self) -> Result<Receipt, PublishError> {
        self.0.recv().unwrap_or(Err(PublishError::Closed))
    }
}

impl IntoFuture for Pending {
    type Output = Result<Receipt, PublishError>;
    type IntoFuture = Publishing;

    fn into_future(self) -> Publishing {
        Publishing(self.0.into_future())
    }
}

/// The future of a [`Pending`] answer.
#[derive(Debug)]
pub struct Publishing(oneshot::AsyncReceiver<Result<Receipt, PublishError>>);

impl Future for Publishing {
    type Output = Result<Receipt, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(PublishError::Closed)))
    }
}
