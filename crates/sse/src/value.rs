//! The values of an event that the format cannot hold in every form: each is checked once, here.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// Why a string cannot be an [`EventId`], an [`EventType`], a [`Retry`] or a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// It holds CR or LF, which would end the line early and let data pose as fields.
    LineBreak,
    /// It holds U+0000: clients ignore such an id (HTML standard, 9.2.6).
    Nul,
    /// It is not a sequence of ASCII digits, which is all that a `retry` field may hold.
    NotDigits,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreak => "it holds a line break (CR or LF); leave it out",
            Self::Nul => "it holds a NUL character; leave it out",
            Self::NotDigits => "it is not a number of milliseconds; write digits only",
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

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(s: &str) -> Result<Self, ValueError> {
                Self::new(s)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
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
    /// An event's id: any string without CR, LF and NUL (HTML standard, 9.2.6). An empty one resets the
    /// receiver's last event id. Cloning is cheap.
    ///
    /// Mint ASCII ids: receivers send them back in a header, and one browser encodes any others twice.
    ///
    /// ```
    /// use headwater_sse::{EventId, ValueError};
    ///
    /// assert_eq!(EventId::new("#a1-42")?.as_str(), "#a1-42");
    /// assert_eq!(EventId::new("1\ndata: forged"), Err(ValueError::LineBreak));
    /// assert_eq!(EventId::new("1\0"), Err(ValueError::Nul));
    /// # Ok::<(), ValueError>(())
    /// ```
    EventId
}
value! {
    /// An event's type, as `addEventListener` takes it: any string without CR, LF and NUL. An empty one means
    /// `message`. Cloning is cheap.
    ///
    /// ```
    /// use headwater_sse::{EventType, ValueError};
    ///
    /// let price: EventType = "price".parse()?;
    /// assert_eq!(price.to_string(), "price");
    /// assert_eq!(EventType::new("price\r"), Err(ValueError::LineBreak));
    /// # Ok::<(), ValueError>(())
    /// ```
    EventType
}

/// A reconnection time, in whole milliseconds, of at most [`Retry::MAX`].
///
/// ```
/// use std::time::Duration;
/// use headwater_sse::{Retry, ValueError};
///
/// assert_eq!(Duration::from("1500".parse::<Retry>()?), Duration::from_millis(1500));
/// assert_eq!("+5".parse::<Retry>(), Err(ValueError::NotDigits));
/// assert_eq!("99999999999999999999999".parse(), Ok(Retry::MAX));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Retry(u64);

impl Retry {
    /// 2³¹ − 1 ms, nearly 25 days. JavaScript's `setTimeout` takes more than that for no wait at all, and adding
    /// a far greater time to a clock overflows; what is longer becomes this.
    pub const MAX: Self = Self(i32::MAX as u64);

    /// So many milliseconds, or [`Retry::MAX`] if that is less.
    pub const fn from_millis(ms: u64) -> Self {
        if ms < Self::MAX.0 { Self(ms) } else { Self::MAX }
    }

    /// The milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// What a `retry` field's value means: None unless it is one or more ASCII digits and nothing else.
    pub(crate) fn from_digits(value: &[u8]) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        value
            .iter()
            .try_fold(0_u64, |ms, byte| {
                byte.is_ascii_digit().then(|| ms.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
            })
            .map(Self::from_millis)
    }
}

impl FromStr for Retry {
    type Err = ValueError;

    /// One or more ASCII digits; no sign, no space.
    fn from_str(s: &str) -> Result<Self, ValueError> {
        Self::from_digits(s.as_bytes()).ok_or(ValueError::NotDigits)
    }
}

impl From<Retry> for Duration {
    fn from(r: Retry) -> Self {
        Self::from_millis(r.0)
    }
}
