//! The values of an event that the format cannot hold in every form: each is checked once, here.

use std::{fmt, sync::Arc, time::Duration};

/// Why a string cannot be an [`EventId`] or an [`EventType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// It holds CR or LF, which would end the line early and let data pose as fields.
    LineBreak,
    /// It holds U+0000: clients ignore such an id (HTML standard, 9.2.6).
    Nul,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "it holds a line break (CR or LF); leave it out",
            Self::Nul => "it holds a NUL character; leave it out",
        })
    }
}

impl std::error::Error for ValueError {}

fn check(s: &str) -> Result<(), ValueError> {
    match s.bytes().find(|b| matches!(b, b'\r' | b'\n' | 0)) {
        None => Ok(()),
        Some(0) => Err(ValueError::Nul),
        Some(_) => Err(ValueError::LineBreak),
    }
}

macro_rules! value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a string without CR, LF and NUL.
            pub fn new(s: impl AsRef<str>) -> Result<Self, ValueError> {
                let s = s.as_ref();
                check(s)?;
                Ok(Self(s.into()))
            }

            /// The string.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

value! {
    /// An event's id: any string without CR, LF and NUL (HTML standard, 9.2.6). May be empty, which resets.
    EventId
}
value! {
    /// An event's type, as `addEventListener` takes it: any string without CR, LF and NUL.
    EventType
}

/// A reconnection time, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Retry(u64);

impl Retry {
    /// So many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// The milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl From<Retry> for Duration {
    fn from(r: Retry) -> Self {
        Self::from_millis(r.0)
    }
}
