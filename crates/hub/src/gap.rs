//! A known loss, told inside the stream.

use std::fmt::Write;

use crate::cursor::Cursor;

/// The type of the event that tells of a gap to those who asked for it (`include=gap`).
pub const GAP_EVENT_TYPE: &str = "headwater:gap";

/// The event that says: what lies between the update `from` and the one at `to`, both exclusive, is lost.
///
/// Its id is `before`, the cursor just before `to`, so that a reconnection does not report the same gap again.
pub(crate) fn event(from: &str, before: Cursor, to: Cursor) -> Vec<u8> {
    let mut event = format!("event: {GAP_EVENT_TYPE}\nid: {before}\ndata: {{\"from\":\"");
    for c in from.chars() {
        match c {
            '"' | '\\' => event.extend(['\\', c]),
            c if c < ' ' => write!(event, "\\u{:04x}", c as u32).expect("writing to a string does not fail"),
            c => event.push(c),
        }
    }
    write!(event, "\",\"to\":\"{to}\"}}\n\n").expect("writing to a string does not fail");
    event.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epoch;

    #[test]
    fn the_event_names_both_ends_and_moves_the_cursor() {
        let at = |offset| Cursor { epoch: Epoch::from_bits(1), offset };
        let event = event("my \"id\"\\\u{1}é", at(6), at(7));
        assert_eq!(
            String::from_utf8(event).unwrap(),
            "event: headwater:gap\nid: #000000000001-6\n\
             data: {\"from\":\"my \\\"id\\\"\\\\\\u0001é\",\"to\":\"#000000000001-7\"}\n\n"
        );
    }
}
