//! A hub behind a listener, and the far ends of its connections.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read},
    net::{TcpListener, TcpStream},
    ops::Deref,
    sync::Mutex,
};

use headwater_hub::{Framing, Hub, Options, Subscribe};
use headwater_sse::{Decoder, Item};

use crate::{PATIENCE, until};

pub(crate) struct Site {
    pub(crate) hub: Hub,
    listener: Mutex<TcpListener>,
}

impl Deref for Site {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl Site {
    pub(crate) fn open(options: Options) -> Self {
        let hub = Hub::start(options).expect("a hub starts");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        hub.prepare(&listener).expect("a listener can be prepared");
        Self { hub, listener: Mutex::new(listener) }
    }

    /// The two ends of a connection, the client's first.
    pub(crate) fn pair(&self) -> (TcpStream, TcpStream) {
        // One after the other, or two would get each other's far ends.
        let listener = self.listener.lock().expect("nobody panicked");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
        let (server, _) = listener.accept().expect("someone has connected");
        (client, server)
    }

    pub(crate) fn connect(&self, subscribe: Subscribe) -> Peer {
        self.connect_as(subscribe, Framing::Chunked)
    }

    pub(crate) fn connect_as(&self, subscribe: Subscribe, framing: Framing) -> Peer {
        let admitted = self.subscribe(subscribe).expect("there is room");
        let told = admitted.last_event_id().map(str::to_owned);
        let (client, server) = self.pair();
        self.attach_socket(admitted, server, framing).expect("a socket can be attached");
        Peer {
            socket: client,
            told,
            framing,
            wire: Vec::new(),
            decoder: Decoder::new(),
            ready: VecDeque::new(),
            beats: 0,
            end: None,
        }
    }

    #[track_caller]
    pub(crate) fn until_subscribers(&self, n: usize) {
        until("the subscribers are so many", || self.subscribers() == n);
    }
}

/// How a stream has ended for the one who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With the last chunk, or, where there are none, with the connection, at an event's end.
    Good,
    /// Anywhere else.
    Cut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

/// The far end of a connection.
pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    /// What the answer's `Last-Event-ID` says.
    pub(crate) told: Option<String>,
    framing: Framing,
    wire: Vec<u8>,
    decoder: Decoder,
    /// Events that have come and were not asked for yet.
    ready: VecDeque<Event>,
    /// Heartbeats that have come.
    pub(crate) beats: usize,
    pub(crate) end: Option<Ending>,
}

impl Peer {
    /// Reads once, at most so many bytes, and gives what has become whole.
    pub(crate) fn read(&mut self, at_most: usize) -> Vec<Event> {
        self.fill(at_most);
        self.ready.drain(..).collect()
    }

    fn fill(&mut self, at_most: usize) {
        if self.end.is_some() {
            return;
        }
        let mut bytes = vec![0; at_most];
        let n = match self.socket.read(&mut bytes) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::ConnectionReset => 0,
            Err(e) => panic!("nothing comes any more: {e}"),
        };
        self.wire.extend_from_slice(&bytes[..n]);
        if self.framing == Framing::Chunked {
            while let Some(content) = self.chunk() {
                if content.is_empty() {
                    assert!(self.wire.is_empty(), "bytes after the last chunk");
                    self.end = Some(Ending::Good);
                }
                self.decode(&content);
            }
        } else {
            let content = std::mem::take(&mut self.wire);
            self.decode(&content);
        }
        if n == 0 && self.end.is_none() {
            self.end = Some(if self.framing == Framing::Bare { Ending::Good } else { Ending::Cut });
        }
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.wire.windows(2).position(|w| w == b"\r\n")?;
        let digits = str::from_utf8(&self.wire[..line]).expect("a chunk's length");
        let len = usize::from_str_radix(digits, 16).expect("a chunk's length");
        let (start, end) = (line + 2, line + 2 + len);
        let content = self.wire.get(start..end)?.to_vec();
        assert_eq!(self.wire.get(end..end + 2)?, b"\r\n", "a chunk ends where it says");
        self.wire.drain(..end + 2);
        Some(content)
    }

    fn decode(&mut self, mut content: &[u8]) {
        while let Some(item) = self.decoder.next(&mut content).expect("an event stream") {
            match item {
                Item::Event(e) => self.ready.push_back(Event {
                    name: e.event_type.to_owned(),
                    data: e.data.to_owned(),
                    id: e.last_event_id.to_owned(),
                }),
                Item::Comment(_) => self.beats += 1,
                _ => {}
            }
        }
    }

    /// The next so many events.
    #[track_caller]
    pub(crate) fn events(&mut self, n: usize) -> Vec<Event> {
        while self.ready.len() < n {
            assert_eq!(self.end, None, "it ended after {} of {n} events", self.ready.len());
            self.fill(64 << 10);
        }
        self.ready.drain(..n).collect()
    }

    /// The data of the next event.
    #[track_caller]
    pub(crate) fn next(&mut self) -> String {
        self.events(1).remove(0).data
    }

    /// Reads to the end.
    pub(crate) fn rest(&mut self) -> (Vec<Event>, Ending) {
        let mut events = Vec::new();
        loop {
            events.extend(self.read(64 << 10));
            if let Some(end) = self.end {
                return (events, end);
            }
        }
    }
}
