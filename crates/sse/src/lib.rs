//! [Server-Sent Events](https://html.spec.whatwg.org/multipage/server-sent-events.html): a decoder that reads
//! what the HTML standard says (9.2.5 and 9.2.6) and an encoder that cannot write what the standard forbids.
//!
//! Neither does any input or output: the [`Decoder`] takes slices of bytes, however they were cut, and the
//! functions of [`encode`] append to a buffer. Both suit any runtime, and none.
//!
//! ```
//! use headwater_sse::{Decoder, EventFields, EventId, Item, encode};
//!
//! let id = EventId::new("1")?;
//! let mut stream = Vec::new();
//! encode::event(&mut stream, EventFields { id: Some(&id), data: "hello", ..EventFields::default() });
//! assert_eq!(stream, b"id: 1\ndata: hello\n\n");
//!
//! let mut decoder = Decoder::new();
//! for read in stream.chunks(4) {
//!     let mut input = read;
//!     while let Some(item) = decoder.next(&mut input)? {
//!         if let Item::Event(event) = item {
//!             assert_eq!((event.event_type, event.data, event.last_event_id), ("message", "hello", "1"));
//!         }
//!     }
//! }
//! assert_eq!(decoder.last_event_id(), "1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod decoder;
pub mod encode;
mod error;
mod event;
mod limits;
mod line;
mod text;
mod value;
mod work;

pub use decoder::Decoder;
pub use error::DecodeError;
pub use event::{Event, EventFields, EventRef, Item};
pub use limits::{Limit, Limits};
pub use value::{EventId, EventType, Retry, ValueError};
