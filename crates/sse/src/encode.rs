//! Writing events, so that every receiver reads back what was meant (HTML standard, 9.2.5).
//!
//! The values were checked when they were made, so there is nothing left that can fail, and no data that could
//! pose as a field, whatever it holds.

use bytes::BufMut;
use memchr::memchr2;

use crate::{EventFields, ValueError};

/// The shortest comment, for heartbeats: receivers see that the connection is open, and no event.
pub const COMMENT: &[u8] = b":\n";

/// Appends an event: the fields `event`, `retry`, `id` and `data`, in this order, and a blank line.
///
/// Data that is empty has its line, too: an event without data would not be dispatched.
///
/// # Panics
/// As `BufMut` does, if the buffer is one that cannot grow and is too small. `Vec<u8>` and `BytesMut` grow.
///
/// ```
/// use headwater_sse::{EventFields, EventId, EventType, encode};
///
/// let mut buf = Vec::new();
/// encode::event(
///     &mut buf,
///     EventFields {
///         id: Some(&EventId::new("7")?),
///         event_type: Some(&EventType::new("price")?),
///         data: "two\nlines",
///         ..EventFields::default()
///     },
/// );
/// assert_eq!(buf, b"event: price\nid: 7\ndata: two\ndata: lines\n\n");
/// # Ok::<(), headwater_sse::ValueError>(())
/// ```
pub fn event(buf: &mut impl BufMut, fields: EventFields<'_>) {
    if let Some(event_type) = fields.event_type
        && !event_type.as_str().is_empty()
    {
        field(buf, b"event: ", event_type.as_str().as_bytes());
    }
    if let Some(retry) = fields.retry {
        let mut digits = [0; 20];
        field(buf, b"retry: ", decimal(retry.as_millis(), &mut digits));
    }
    if let Some(id) = fields.id {
        field(buf, b"id: ", id.as_str().as_bytes());
    }
    data(buf, fields.data);
    buf.put_slice(b"\n");
}

/// Appends a comment, which no receiver dispatches.
///
/// # Errors
/// The text holds CR or LF: the rest of it would be read as a field.
///
/// ```
/// use headwater_sse::{ValueError, encode};
///
/// let mut buf = Vec::new();
/// encode::comment(&mut buf, "still here")?;
/// assert_eq!(buf, b": still here\n");
/// assert_eq!(encode::comment(&mut buf, "\ndata: forged"), Err(ValueError::LineBreak));
/// # Ok::<(), ValueError>(())
/// ```
pub fn comment(buf: &mut impl BufMut, text: &str) -> Result<(), ValueError> {
    if memchr2(b'\r', b'\n', text.as_bytes()).is_some() {
        return Err(ValueError::LineBreak);
    }
    if text.is_empty() {
        buf.put_slice(COMMENT);
    } else {
        field(buf, b": ", text.as_bytes());
    }
    Ok(())
}

/// Appends one `data` line for each line of the data, and no blank line: a part of an event, for those who know the
/// rest of it only later. The space after the colon is what lets a leading space survive.
pub fn data(buf: &mut impl BufMut, data: &str) {
    let mut rest = data.as_bytes();
    while let Some(end) = memchr2(b'\r', b'\n', rest) {
        field(buf, b"data: ", &rest[..end]);
        rest = match &rest[end..] {
            [b'\r', b'\n', next @ ..] | [_, next @ ..] => next,
            [] => &[],
        };
    }
    field(buf, b"data: ", rest);
}

fn field(buf: &mut impl BufMut, name: &[u8], value: &[u8]) {
    buf.put_slice(name);
    buf.put_slice(value);
    buf.put_slice(b"\n");
}

/// The decimal digits of `number`, without allocating.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}
