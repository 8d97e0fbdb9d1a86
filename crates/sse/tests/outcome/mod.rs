//! All that can be observed of a decoder, so that two runs can be compared.

use headwater_sse::{Decoder, Item, Limit, Limits};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Event { event_type: String, data: String, last_event_id: String },
    Retry(u64),
    Comment(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) items: Vec<Seen>,
    pub(crate) last_event_id: String,
    pub(crate) error: Option<Limit>,
}

/// Decodes one stream after another, each in the reads that `cut` makes of it.
pub(crate) fn read<'s>(
    streams: &'s [Vec<u8>],
    limits: Limits,
    mut cut: impl FnMut(&'s [u8]) -> Vec<&'s [u8]>,
) -> Outcome {
    let mut decoder = Decoder::with_limits(limits);
    let mut outcome = Outcome::default();
    for (i, stream) in streams.iter().enumerate() {
        if i > 0 {
            decoder.reset();
        }
        let reads = cut(stream);
        assert_eq!(reads.concat(), *stream, "the reads make up the stream");
        for mut input in reads {
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(item)) => outcome.items.push(seen(item)),
                    Ok(None) => {
                        assert!(input.is_empty(), "the decoder asked for more before it had used everything");
                        break;
                    }
                    Err(error) => {
                        assert_eq!(decoder.next(&mut &b"\n"[..]), Err(error), "an error stays");
                        outcome.error = Some(error.limit());
                        break;
                    }
                }
            }
        }
    }
    decoder.last_event_id().clone_into(&mut outcome.last_event_id);
    outcome
}

fn seen(item: Item<'_>) -> Seen {
    match item {
        Item::Event(event) => {
            let event = event.to_owned();
            Seen::Event { event_type: event.event_type, data: event.data, last_event_id: event.last_event_id }
        }
        Item::Retry(retry) => Seen::Retry(retry.as_millis()),
        Item::Comment(text) => Seen::Comment(text.to_owned()),
        other => panic!("an item that no test knows: {other:?}"),
    }
}
