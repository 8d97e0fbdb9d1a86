//! The standard's text (HTML 9.2.5 and 9.2.6) as plainly as it can be written: the whole stream at once, decoded,
//! then split into lines, then interpreted. Slow, unbounded, and easy to compare with the text.

use crate::outcome::{Outcome, Seen};

/// Decodes one stream after another; the last event id goes from each to the next.
pub(crate) fn read(streams: &[Vec<u8>]) -> Outcome {
    let mut outcome = Outcome::default();
    for stream in streams {
        read_one(stream, &mut outcome);
    }
    outcome
}

fn read_one(stream: &[u8], outcome: &mut Outcome) {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // What follows the last line end is not a line; at the end of the stream it is discarded.
    let Some((lines, _unfinished)) = text.rsplit_once('\n') else { return };

    let (mut data, mut event_type, mut id) = (String::new(), String::new(), outcome.last_event_id.clone());
    for line in lines.split('\n') {
        if line.is_empty() {
            outcome.last_event_id.clone_from(&id);
            if !data.is_empty() {
                data.pop();
                let name = if event_type.is_empty() { "message" } else { &event_type };
                outcome.items.push(Seen::Event {
                    event_type: name.to_owned(),
                    data: data.clone(),
                    last_event_id: id.clone(),
                });
            }
            data.clear();
            event_type.clear();
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => outcome.items.push(Seen::Comment(value.to_owned())),
            "data" => data.extend([value, "\n"]),
            "event" => value.clone_into(&mut event_type),
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                let ms = value.parse::<u64>().unwrap_or(u64::MAX).min(i32::MAX as u64);
                outcome.items.push(Seen::Retry(ms));
            }
            _ => {}
        }
    }
}
