//! The engine of Headwater: takes updates, gives them one order, and hands them to all who subscribed.
//!
//! An update goes one way: it is encoded once on its publisher's thread, gets its place from the sequencer, and is
//! written by the shards, threads that each own some of the subscribers. A publisher waits for no subscriber, and no
//! subscriber for another: one that is slow keeps its place in the stream, a cursor, and reads on from history.
//!
//! It can be embedded in a program of your own, without a server and without an async runtime:
//!
//! ```
//! use headwater_hub::{Hub, Options, Selector, Since, Subscribe, Topic, Update};
//!
//! let hub = Hub::start(Options::default())?;
//!
//! let books = Subscribe::to([Selector::new("/books/{id}")]);
//! let mut frames = hub.attach_stream(hub.subscribe(books.clone())?);
//!
//! let update = Update::new(Topic::new("/books/1")?, "sold out");
//! let receipt = hub.publish(update).wait()?;     // or `.await`
//!
//! let frame = frames.next_blocking().expect("the stream goes on");
//! assert_eq!(frame.id(), Some(receipt.ids[0].as_str()));
//! assert_eq!(frame.bytes(), format!("id: {}\ndata: sold out\n\n", receipt.ids[0]).as_bytes());
//!
//! // Whoever comes later, or comes back, gets what was missed.
//! let mut again = hub.attach_stream(hub.subscribe(books.since(Since::Earliest))?);
//! assert_eq!(again.next_blocking().expect("history holds it").bytes(), frame.bytes());
//!
//! // The end: those who are behind get a second to catch up. Dropping the hub alone would not wait for them.
//! hub.drain(std::time::Duration::from_secs(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What goes wrong has a type of its own: [`PublishError`], [`SubscribeError`], and [`End`] for a stream.

mod automaton;
mod clock;
mod cursor;
mod disk;
mod epochs;
mod filter;
mod framing;
mod gap;
mod history;
mod hub;
mod inbox;
mod index;
mod intake;
mod log;
#[cfg(test)]
mod model;
mod options;
mod pass;
#[cfg(test)]
mod pipe;
mod places;
mod pull;
mod readers;
mod record;
mod ring;
mod selector;
mod sequencer;
mod shard;
#[cfg(test)]
mod simulation;
mod sink;
mod start_error;
mod submission;
mod subscribe;
mod subscriber;
mod template;
mod timer;
mod told;
mod topic;
mod update;
pub mod upkeep;
mod worker;

pub use clock::{Clock, SystemClock};
pub use cursor::Epoch;
pub use framing::Framing;
pub use gap::GAP_EVENT_TYPE;
pub use headwater_sse::{EventId, EventType, Retry};
pub use hub::{Hub, Purged};
pub use options::{HistoryPlace, Limits, Options, RetainRule, SlowReader, SyncPolicy};
pub use pull::{End, Frame, FrameStream};
pub use ring::Retention;
pub use selector::Selector;
pub use start_error::StartError;
pub use submission::{IdempotencyKey, Pending, PublishError, Publishing, Receipt, Submission};
pub use subscribe::{Admitted, Since, Subscribe, SubscribeError, UnknownCursor};
pub use topic::{Topic, TopicError};
pub use update::Update;
