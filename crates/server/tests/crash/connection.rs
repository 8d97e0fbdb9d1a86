//! A client's connection to a hub that may be killed at any byte.
//!
//! That it breaks is an `io::Error`; anything that a hub must never send, or a hub that hangs, is a panic.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use socket2::{Domain, Socket, Type};

use crate::PATIENCE;

pub(crate) struct Connection {
    stream: TcpStream,
    /// Read from the socket; what lies before `used` is used up.
    buffer: Vec<u8>,
    used: usize,
}

pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Of one that is narrow the kernel keeps little, so that the hub is soon in the middle of a frame.
    pub(crate) fn open(address: SocketAddr, narrow: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if narrow {
            socket.set_recv_buffer_size(8 << 10)?;
        }
        socket.connect(&address.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new(), used: 0 })
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let sent = self.stream.write_all(bytes.as_ref());
        sent.map_err(|error| or_hangs(error, "takes nothing"))
    }

    /// Sends one chunk of HTTP/1.1; an empty one is the last.
    pub(crate) fn send_chunk(&mut self, data: &str) -> io::Result<()> {
        self.send(format!("{:x}\r\n{data}\r\n", data.len()))
    }

    /// What came last is a part of something: it was cut off in the middle.
    pub(crate) fn is_in_the_middle(&self) -> bool {
        self.used < self.buffer.len()
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.used > self.buffer.len() / 2 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        let mut scratch = [0; 16 << 10];
        match self.stream.read(&mut scratch) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.buffer.extend_from_slice(&scratch[..n]);
                Ok(())
            }
            Err(error) => Err(or_hangs(error, "sends nothing")),
        }
    }

    /// Uses up what comes, once the end of it is there.
    fn take(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> io::Result<&[u8]> {
        loop {
            if let Some(length) = end(&self.buffer[self.used..]) {
                self.used += length;
                return Ok(&self.buffer[self.used - length..self.used]);
            }
            self.fill()?;
        }
    }

    pub(crate) fn head(&mut self) -> io::Result<Head> {
        let text = self.take(|bytes| memchr::memmem::find(bytes, b"\r\n\r\n").map(|i| i + 4))?;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(text);
        assert!(parsed.is_ok_and(|p| p.is_complete()), "not a head: {:?}", text.escape_ascii().to_string());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("headers are UTF-8");
        let headers = response.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect();
        Ok(Head { status: response.code.expect("a whole head has one"), headers })
    }

    /// The body of an answer whose length is given.
    pub(crate) fn body(&mut self, head: &Head) -> io::Result<String> {
        let length: usize =
            head.header("content-length").and_then(|l| l.parse().ok()).expect("answers have a length");
        let body = self.take(|bytes| (bytes.len() >= length).then_some(length))?;
        Ok(String::from_utf8(body.to_vec()).expect("answers are UTF-8"))
    }

    /// The next chunk; empty is the last.
    pub(crate) fn chunk(&mut self) -> io::Result<&[u8]> {
        let whole = |bytes: &[u8]| {
            let parsed = httparse::parse_chunk_size(bytes);
            assert!(parsed.is_ok(), "not a chunk: {:?}", bytes.escape_ascii().to_string());
            match parsed {
                Ok(httparse::Status::Complete((start, length))) => Some((start, start + length as usize)),
                _ => None,
            }
        };
        let taken =
            self.take(|bytes| whole(bytes).map(|(_, end)| end + 2).filter(|&end| bytes.len() >= end))?;
        let (start, end) = whole(taken).expect("it is whole");
        assert_eq!(&taken[end..], b"\r\n", "a chunk's end");
        Ok(&taken[start..end])
    }
}

fn or_hangs(error: io::Error, what: &str) -> io::Error {
    let hangs = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!hangs, "the hub is up, and {what} for {PATIENCE:?}");
    error
}
