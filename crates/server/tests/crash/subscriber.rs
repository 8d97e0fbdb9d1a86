//! A subscriber that comes back after each crash, as a browser's `EventSource` does, and its record of all it was sent.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use crate::{
    connection::Connection,
    dice::Dice,
    lobby::{Generation, Lobby},
    operation::{Planned, is_the_end, topics},
    site::{PATH, bearer},
};

#[derive(Clone, Debug)]
pub(crate) enum Selector {
    All,
    /// The template `/room/{n}`.
    Rooms,
    Exact(Vec<String>),
}

impl Selector {
    /// The `topic` parameters.
    fn topics(&self) -> Vec<&str> {
        match self {
            Self::All => vec!["*"],
            Self::Rooms => vec!["/room/{n}"],
            Self::Exact(topics) => topics.iter().map(String::as_str).collect(),
        }
    }

    fn matches(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Rooms => topic.starts_with("/room/"),
            Self::Exact(topics) => topics.iter().any(|t| t == topic),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    Steady,
    /// Stops reading for a while, so that the hub is killed in the middle of a frame.
    Slow,
    /// Goes now and then, and comes back.
    Restless,
}

/// What a subscriber asks for.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own, and all combine")]
pub(crate) struct Wish {
    pub(crate) selector: Selector,
    /// May see private updates.
    granted: bool,
    /// Wants all that there is, and not only what comes from now on.
    pub(crate) earliest: bool,
    gap: bool,
    /// Its cursor travels in the header, not in the query.
    header: bool,
    manner: Manner,
}

impl Wish {
    pub(crate) fn new(number: usize, dice: &mut Dice) -> Self {
        let selector = match number % 10 {
            0 => Selector::All,
            1..3 => Selector::Rooms,
            n => Selector::Exact((0..=n % 2).map(|_| dice.pick(&topics()).clone()).collect()),
        };
        let manner = *dice.pick(&[Manner::Steady, Manner::Steady, Manner::Slow, Manner::Restless]);
        Self {
            selector,
            granted: dice.one_in(2),
            earliest: dice.one_in(2),
            gap: dice.one_in(2),
            header: dice.one_in(2),
            manner,
        }
    }

    /// All that there is, at one go.
    pub(crate) fn everything() -> Self {
        let manner = Manner::Steady;
        Self { selector: Selector::All, granted: true, earliest: true, gap: true, header: true, manner }
    }

    /// Whether the update is one of those that it is to be sent.
    pub(crate) fn wants(&self, update: &Planned) -> bool {
        (self.granted || !update.private) && update.topics.iter().any(|topic| self.selector.matches(topic))
    }

    fn request(&self, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.selector.topics().into_iter().map(|topic| ("topic", topic)));
        if self.gap {
            query.append_pair("include", "gap");
        }
        if let Some(cursor) = cursor.filter(|_| !self.header) {
            query.append_pair("lastEventID", cursor);
        }
        let grant = if self.granted { format!("{}\r\n", bearer()) } else { String::new() };
        let cursor = cursor.filter(|_| self.header).map(|cursor| format!("Last-Event-ID: {cursor}\r\n"));
        let cursor = cursor.unwrap_or_default();
        format!("GET {PATH}?{} HTTP/1.1\r\nHost: hub\r\n{grant}{cursor}\r\n", query.finish())
    }
}

/// What a subscriber was sent, over all its connections.
pub(crate) struct Record {
    pub(crate) wish: Wish,
    pub(crate) events: Vec<String>,
    pub(crate) connections: u32,
    /// How often it had a part of an event when the hub was killed.
    pub(crate) torn: u32,
}

pub(crate) struct Subscriber<'a> {
    pub(crate) number: usize,
    address: SocketAddr,
    lobby: &'a Lobby,
    dice: Dice,
    record: Record,
    /// Of the last event.
    last_id: Option<String>,
}

impl<'a> Subscriber<'a> {
    pub(crate) fn new(number: usize, wish: Wish, address: SocketAddr, lobby: &'a Lobby, dice: Dice) -> Self {
        let record = Record { wish, events: Vec::new(), connections: 0, torn: 0 };
        Self { number, address, lobby, dice, record, last_id: None }
    }

    /// Listens until the last event, over as many connections as it takes.
    pub(crate) fn run(mut self) -> Record {
        let mut dead = None;
        while let Some(generation) = self.lobby.enter(dead) {
            match Connection::open(self.address, self.record.wish.manner == Manner::Slow) {
                Err(_) => dead = Some(generation),
                Ok(mut connection) => {
                    if let Ok(Over::TheEnd) = self.listen(&mut connection, generation) {
                        break;
                    }
                    self.record.torn += u32::from(connection.is_in_the_middle());
                }
            }
        }
        self.record
    }

    fn listen(&mut self, connection: &mut Connection, generation: Generation) -> io::Result<Over> {
        let cursor = self.last_id.as_deref().or(self.record.wish.earliest.then_some("earliest"));
        connection.send(self.record.wish.request(cursor))?;
        let head = connection.head()?;
        let after = head.header("last-event-id");
        assert_eq!((head.status, after), (200, cursor), "what is held is known, and echoed");
        self.record.connections += 1;
        self.lobby.arrive(self.number, generation);

        let mut until_it_stops = match self.record.wish.manner {
            Manner::Steady => None,
            Manner::Slow | Manner::Restless => Some(self.dice.within(0..200)),
        };
        let mut text = Vec::new();
        loop {
            if until_it_stops == Some(0) {
                until_it_stops = None;
                if self.record.wish.manner == Manner::Slow {
                    self.lobby.wait_for_the_end_of(generation);
                } else if self.lobby.leave(self.number) {
                    return Ok(Over::Left);
                }
            }
            let chunk = connection.chunk()?;
            if chunk.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            text.extend_from_slice(chunk);
            while let Some(end) = memchr::memmem::find(&text, b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                let event = str::from_utf8(&event[..end]).expect("event streams are UTF-8");
                until_it_stops = until_it_stops.map(|n| n.saturating_sub(1));
                if self.take(event) {
                    return Ok(Over::TheEnd);
                }
            }
        }
    }

    /// Answers whether it was the last event.
    fn take(&mut self, event: &str) -> bool {
        // The stream's opening is a comment, and no event.
        let event = event.strip_prefix(":\n").unwrap_or(event);
        let id = event.lines().find_map(|line| line.strip_prefix("id: "));
        self.last_id = Some(id.unwrap_or_else(|| panic!("an event without an id: {event:?}")).to_owned());
        self.record.events.push(event.to_owned());
        is_the_end(event)
    }
}

enum Over {
    TheEnd,
    Left,
}
