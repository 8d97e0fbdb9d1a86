//! Why decoding stopped.

use std::fmt;

use crate::Limit;

/// The stream went past one of the decoder's [`Limits`](crate::Limits).
///
/// Nothing else can fail: the format has no syntax errors, and invalid UTF-8 is replaced. The sender is at
/// fault, or the limit is too small for it; trying again meets the same bytes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeError {
    limit: Limit,
    max: usize,
}

impl DecodeError {
    pub(crate) const fn new(limit: Limit, max: usize) -> Self {
        Self { limit, max }
    }

    /// Which limit it was.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// What it was set to, in bytes.
    pub const fn max(&self) -> usize {
        self.max
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, max) = (self.limit, self.max);
        write!(f, "the stream has more than {max} bytes in one {limit}; if it may, raise `Limits::{limit}`")
    }
}

impl std::error::Error for DecodeError {}
