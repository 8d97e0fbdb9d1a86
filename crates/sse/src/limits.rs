//! How much the decoder will hold for a sender it does not know.

use std::fmt;

/// The sizes that a [`Decoder`](crate::Decoder) accepts, all in bytes as they arrived.
///
/// Past one of them the decoder answers with a [`DecodeError`](crate::DecodeError) that says which. Together
/// they bound its memory: it holds a line, an event's data and type, and two ids, in buffers that grow by
/// doubling, and one of these a second time where invalid UTF-8 had to be replaced (a U+FFFD takes three bytes).
///
/// ```
/// use headwater_sse::{Decoder, Limit, Limits};
///
/// let mut decoder = Decoder::with_limits(Limits { line: 16, ..Limits::default() });
/// let mut input: &[u8] = b"data: this line goes on and on\n\n";
/// let error = decoder.next(&mut input).unwrap_err();
/// assert_eq!((error.limit(), error.max()), (Limit::Line, 16));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// A line of any kind, without its line end. 16 MiB by default, as for `event`: an event may be one line.
    pub line: usize,
    /// An event's data: its lines and the breaks between them. 16 MiB by default: hubs commonly admit a
    /// publish of 10 MiB, and a client must be able to receive what its hub accepts.
    pub event: usize,
    /// The value of an `id` field. 8 KiB by default: it goes back in a `Last-Event-ID` header, and the common
    /// servers and proxies refuse a longer header line.
    pub id: usize,
}

impl Limits {
    /// What [`Limits::default`] returns.
    pub const DEFAULT: Self = Self { line: 16 << 20, event: 16 << 20, id: 8 << 10 };

    pub(crate) const fn get(&self, limit: Limit) -> usize {
        match limit {
            Limit::Line => self.line,
            Limit::Event => self.event,
            Limit::Id => self.id,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One of the [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::line`].
    Line,
    /// [`Limits::event`].
    Event,
    /// [`Limits::id`].
    Id,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Event => "event",
            Self::Id => "id",
        })
    }
}
