//! A client that sees bytes.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    str::from_utf8,
};

use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};

use super::PATIENCE;

pub(crate) struct Client {
    stream: TcpStream,
    /// Read from the socket, and not used up yet.
    buffer: Vec<u8>,
}

/// How the other side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it can be connected to");
        Self::new(stream)
    }

    /// A client for which the kernel keeps little, of what it sends and of what it does not read.
    pub(crate) fn connect_narrow(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(32 << 10).unwrap();
        socket.set_send_buffer_size(32 << 10).unwrap();
        socket.connect(&address.into()).expect("it can be connected to");
        Self::new(socket.into())
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the hub takes what is sent");
    }

    /// Sends as much as the hub takes; it may close in the middle.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The same, where the hub may have ended the connection before.
    pub(crate) fn try_half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn local_port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }

    /// Ends the connection as a crash does.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// Another handle to the socket, to send from another thread.
    pub(crate) fn writer(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    #[track_caller]
    fn fill(&mut self) -> Result<(), End> {
        let mut scratch = [0; 16 << 10];
        match self.stream.read(&mut scratch) {
            Ok(0) => Err(End::Closed),
            Ok(n) => {
                self.buffer.extend_from_slice(&scratch[..n]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(End::Reset),
            Err(error) => panic!("{error}, after {:?}", self.buffer.escape_ascii().to_string()),
        }
    }

    #[track_caller]
    fn need(&mut self) {
        if let Err(end) = self.fill() {
            panic!("{end:?}, after {:?}", self.buffer.escape_ascii().to_string());
        }
    }

    /// The next so many bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            self.need();
        }
        self.buffer.drain(..length).collect()
    }

    /// What comes up to `end`, without it.
    #[track_caller]
    pub(crate) fn take_until(&mut self, end: &str) -> String {
        let mut looked_at = 0;
        loop {
            let found = memchr::memmem::find(&self.buffer[looked_at..], end.as_bytes());
            if let Some(i) = found {
                let taken: Vec<u8> = self.buffer.drain(..looked_at + i + end.len()).collect();
                return from_utf8(&taken[..taken.len() - end.len()]).expect("it is UTF-8").to_owned();
            }
            looked_at = (self.buffer.len() + 1).saturating_sub(end.len());
            self.need();
        }
    }

    /// These very bytes come next.
    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: &str) {
        assert_eq!(
            self.take(bytes.len()).escape_ascii().to_string(),
            bytes.as_bytes().escape_ascii().to_string()
        );
    }

    /// All that still comes, and how it ends.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.fill() {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
    }

    /// The hub closes, and nothing comes before.
    #[track_caller]
    pub(crate) fn is_closed_unanswered(&mut self) {
        let (rest, _) = self.rest();
        assert_eq!(rest.escape_ascii().to_string(), "");
    }

    /// Whether something comes before the end.
    #[track_caller]
    pub(crate) fn is_answered(&mut self) -> bool {
        !self.buffer.is_empty() || self.fill().is_ok()
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// An answer's head.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        let head = self.take_until("\r\n\r\n");
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let headers = headers
            .lines()
            .map(|line| line.split_once(": ").expect("a header line"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (version, status) = line.split_once(' ').expect("a status line");
        let status = status[..3].parse().expect("a status");
        Answer { version: version.to_owned(), status, headers, body: Vec::new() }
    }

    /// A whole answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a length");
            answer.body = self.take(length);
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                answer.body.extend(chunk);
            }
        } else if ![100, 204, 304].contains(&answer.status) {
            answer.body = self.rest().0;
        }
        answer
    }

    /// The next chunk; `None` for the last.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.take_until("\r\n"), 16).expect("a chunk's length");
        let chunk = self.take(length);
        self.expect("\r\n");
        (length > 0).then_some(chunk)
    }
}

/// What the hub answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The header of this name, if it is there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(n, _)| n == name);
        let first = all.next();
        assert!(all.next().is_none(), "{name} twice: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        from_utf8(&self.body).expect("it is UTF-8")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The id that a form's publisher is answered.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text().to_owned()
    }

    /// It is an error of this kind, in the form that all have; answers the detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, title: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["title"]), (&status.into(), &title.into()));
        let detail = problem["detail"].as_str().expect("a detail");
        // Whole sentences: what is wrong, and what to do about it.
        assert!(detail.ends_with('.') && detail.contains(' '), "{detail}");
        detail.to_owned()
    }
}

/// An open event stream.
pub(crate) struct Stream {
    pub(crate) client: Client,
    pub(crate) head: Answer,
}

impl Stream {
    /// Reads its beginning.
    #[track_caller]
    pub(crate) fn open(mut client: Client) -> Self {
        let head = client.head();
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        let mut stream = Self { client, head };
        assert_eq!(stream.event(), ":\n");
        stream
    }

    /// The next event or comment; each is a chunk.
    #[track_caller]
    pub(crate) fn event(&mut self) -> String {
        let chunk = self.client.chunk().expect("the stream goes on");
        String::from_utf8(chunk).expect("it is UTF-8")
    }

    /// The next event's data, if that is one line.
    #[track_caller]
    pub(crate) fn data(&mut self) -> String {
        let event = self.event();
        let data = event.strip_suffix("\n\n").and_then(|event| event.rsplit_once("data: "));
        data.unwrap_or_else(|| panic!("{event:?}")).1.to_owned()
    }

    /// What the answer says that the stream starts after.
    #[track_caller]
    pub(crate) fn after(&self) -> Option<&str> {
        self.head.header("last-event-id")
    }

    /// It ends in good order, and nothing comes before.
    #[track_caller]
    pub(crate) fn ended(mut self) {
        let (rest, end) = self.client.rest();
        assert_eq!((rest.escape_ascii().to_string().as_str(), end), ("0\\r\\n\\r\\n", End::Closed));
    }
}
