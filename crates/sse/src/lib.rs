//! Server-Sent Events: values, decoder, encoder.

mod value;

pub use value::{EventId, EventType, Retry, ValueError};
