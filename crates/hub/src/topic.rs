//! A topic: the exact name that an update is published to.

use std::{fmt, sync::Arc};

/// Why a string cannot be a [`Topic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It is empty.
    #[error("a topic must not be empty")]
    Empty,
    /// It holds a control character.
    #[error("a topic must not hold control characters")]
    Control,
}

/// The exact name that an update is published to: any non-empty string without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Takes a non-empty string without control characters.
    pub fn new(s: impl AsRef<str>) -> Result<Self, TopicError> {
        let s = s.as_ref();
        if s.is_empty() {
            return Err(TopicError::Empty);
        }
        if s.chars().any(char::is_control) {
            return Err(TopicError::Control);
        }
        Ok(Self(s.into()))
    }

    /// The string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
