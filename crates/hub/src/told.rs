//! What a subscriber is told beside the updates, in lines that the standard has every other client ignore.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    cursor::{Cursor, Offset},
    filter::Filter,
    framing::Framing,
    record::{Record, Shared},
};

/// What a subscriber wants to be told beside the updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Include {
    /// The cursor of each update, and of the stream where it has none to send.
    pub(crate) cursor: bool,
    /// Those of the update's topics that it is subscribed to, and may see.
    pub(crate) topic: bool,
    /// Those of its selectors that match them.
    pub(crate) selector: bool,
}

impl Include {
    /// Whether it is told nothing beside the updates.
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// The lines that the subscriber with this filter gets with an update.
    pub(crate) fn lines(self, filter: &Filter, record: &Record, cursor: Cursor) -> String {
        let mut lines = String::new();
        if self.cursor {
            put_cursor(&mut lines, cursor);
        }
        if self.topic || self.selector {
            let shown: Vec<&str> = filter.shown_topics(record).collect();
            if self.topic {
                for topic in &shown {
                    writeln!(lines, "topic: {topic}").expect("writing to a string does not fail");
                }
            }
            if self.selector {
                // What matches a topic has no line break, as no topic has.
                for selector in filter.selectors.iter().filter(|s| shown.iter().any(|t| s.matches(t))) {
                    writeln!(lines, "selector: {}", selector.as_str())
                        .expect("writing to a string does not fail");
                }
            }
        }
        lines
    }
}

fn put_cursor(lines: &mut String, Cursor { epoch, offset }: Cursor) {
    writeln!(lines, "cursor: {epoch}-{offset}").expect("writing to a string does not fail");
}

/// A block that says where the stream stands, and dispatches nothing: everything up to this cursor has been sent, or was
/// not for the subscriber. Its id moves a browser's own cursor, too.
pub(crate) fn position(cursor: Cursor) -> Vec<u8> {
    let mut block = format!("id: {cursor}\n");
    put_cursor(&mut block, cursor);
    block.push('\n');
    block.into_bytes()
}

/// A block that says how far a replay has come. It has no cursor line: that would say that the replay has ended.
pub(crate) fn progress(cursor: Cursor) -> Vec<u8> {
    format!("id: {cursor}\n\n").into_bytes()
}

/// An update with lines behind its id.
#[derive(Debug)]
pub(crate) struct Told {
    record: Shared,
    /// The chunk.
    buffer: Box<[u8]>,
    event: usize,
}

/// `\r\n` behind a chunk.
const CHUNK_END: usize = 2;

impl Told {
    pub(crate) fn new(record: Shared, lines: &str) -> Self {
        let bare = record.bytes(Framing::Bare);
        let behind_id = record.id_end();
        let event = [&bare[..behind_id], lines.as_bytes(), &bare[behind_id..]].concat();
        let buffer = Framing::Chunked.wrap(&event);
        let event = buffer.len() - CHUNK_END - event.len();
        Self { record, buffer, event }
    }

    pub(crate) fn record(&self) -> &Shared {
        &self.record
    }

    pub(crate) fn bytes(&self, framing: Framing) -> &[u8] {
        match framing {
            Framing::Chunked => &self.buffer,
            Framing::Bare => &self.buffer[self.event..self.buffer.len() - CHUNK_END],
        }
    }
}

/// An update as it goes to a subscriber.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Plain(Shared),
    Told(Arc<Told>),
}

impl Sent {
    pub(crate) fn record(&self) -> &Shared {
        match self {
            Self::Plain(record) => record,
            Self::Told(told) => &told.record,
        }
    }

    pub(crate) fn offset(&self) -> Offset {
        self.record().offset
    }

    pub(crate) fn bytes(&self, framing: Framing) -> &[u8] {
        match self {
            Self::Plain(record) => record.bytes(framing),
            Self::Told(told) => told.bytes(framing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Selector, Topic, Update, record::Draft};

    fn record(topics: &[&str], private: bool) -> Shared {
        let mut update = Update::new(Topic::new(topics[0]).unwrap(), "id: x\ny");
        update.topics = topics.iter().map(|t| Topic::new(t).unwrap()).collect();
        update.private = private;
        update.event_type = Some("tick".parse().unwrap());
        Arc::new(Draft::new(update).seal(Epoch::from_bits(1), 7, std::time::UNIX_EPOCH).0)
    }

    fn filter(selectors: &[&str], grant: Option<&[&str]>) -> Filter {
        let all = |texts: &[&str]| texts.iter().map(Selector::new).collect::<Vec<_>>();
        Filter { selectors: all(selectors).into(), grant: grant.map(|g| all(g).into()) }
    }

    const CURSOR: Cursor = Cursor { epoch: Epoch::from_bits(1), offset: 7 };
    const ALL: Include = Include { cursor: true, topic: true, selector: true };

    #[test]
    fn the_lines_stand_behind_the_id_and_the_frame_fits() {
        let told = Told::new(record(&["a"], false), "cursor: c\n");
        let bare = "event: tick\nid: #000000000001-7\ncursor: c\ndata: id: x\ndata: y\n\n";
        assert_eq!(str::from_utf8(told.bytes(Framing::Bare)).unwrap(), bare);
        let chunk = format!("{:x}\r\n{bare}\r\n", bare.len());
        assert_eq!(str::from_utf8(told.bytes(Framing::Chunked)).unwrap(), chunk);
    }

    #[test]
    fn a_subscriber_is_shown_its_own_topics_and_selectors() {
        let lines =
            ALL.lines(&filter(&["a", "{x}", "other"], None), &record(&["a", "b/c", "d"], false), CURSOR);
        assert_eq!(lines, "cursor: 000000000001-7\ntopic: a\ntopic: d\nselector: a\nselector: {x}\n");
        let topics = Include { topic: true, ..Include::default() };
        assert_eq!(
            topics.lines(&filter(&["*"], None), &record(&["a", "b"], false), CURSOR),
            "topic: a\ntopic: b\n"
        );
    }

    #[test]
    fn of_a_private_update_only_granted_topics_are_shown() {
        let filter = filter(&["*", "a"], Some(&["b"]));
        assert_eq!(
            ALL.lines(&filter, &record(&["a", "b"], true), CURSOR),
            "cursor: 000000000001-7\ntopic: b\nselector: *\n"
        );
    }

    #[test]
    fn a_position_dispatches_nothing() {
        assert_eq!(position(CURSOR), b"id: #000000000001-7\ncursor: 000000000001-7\n\n");
        assert_eq!(progress(CURSOR), b"id: #000000000001-7\n\n");
    }
}
