//! A client for [Server-Sent Events](https://html.spec.whatwg.org/multipage/server-sent-events.html) and for hubs
//! that speak the Mercure protocol: Headwater and others.
//!
//! [`Source`] listens: it reconnects with back-off, goes on after the last event it received, notices a dead
//! connection by its silence, and says when a hub no longer holds what came in between.
//!
//! ```no_run
//! # async fn example() -> Result<(), headwater_client::Error> {
//! use headwater_client::{Item, Source};
//!
//! let mut source = Source::hub("http://localhost:3000").topic("/demo/system").build()?;
//! while let Some(item) = source.next().await {
//!     if let Item::Event(event) = item? {
//!         println!("{}", event.data);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Publisher`] publishes: one update with a retry that cannot double it, or a stream of them.
//!
//! Both run on tokio, read no environment unless told to (`system_proxy`), and never let a token leave the origin
//! that it was given for.

mod backoff;
mod builder;
mod error;
mod http_client;
mod hub_url;
mod item;
mod line_answers;
mod lines;
mod outside;
mod publisher;
mod reconnect;
mod redirect;
mod refusal;
mod retry_after;
mod source;
mod update;

#[cfg(test)]
mod tests;

pub use builder::SourceBuilder;
pub use error::Error;
pub use headwater_sse::{Event, EventId, EventType, Limits, Retry};
pub use hub_url::hub_url;
pub use item::{Gap, Item, Open};
pub use line_answers::{LineAnswers, LineError};
pub use publisher::{Publisher, PublisherBuilder};
pub use refusal::Refusal;
pub use source::Source;
pub use update::Update;
