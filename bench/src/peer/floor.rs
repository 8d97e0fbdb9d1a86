//! The floor: one thread that accepts, then writes the same bytes to every connection, a `write(2)` an event
//! and a connection. It parses no more HTTP than it must to be driven, and what does not fit is dropped.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

const LISTENER: Token = Token(usize::MAX);
/// A batch of 100,000 events of 100 bytes, and room.
const REQUEST: usize = 16 << 20;
const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\r\n";
const DONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

#[derive(Default)]
struct Connection {
    stream: Option<TcpStream>,
    input: Vec<u8>,
}

struct Floor {
    connections: Vec<Connection>,
    free: Vec<usize>,
    subscribers: Vec<usize>,
    published: u64,
}

pub(super) fn serve(address: SocketAddr) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    super::announce(listener.local_addr()?)?;
    let mut floor = Floor { connections: vec![], free: vec![], subscribers: vec![], published: 0 };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                floor.accept(&listener, &poll)?;
            } else {
                floor.read(event.token().0, &mut buffer);
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    let index = self.free.pop().unwrap_or_else(|| {
                        self.connections.push(Connection::default());
                        self.connections.len() - 1
                    });
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
                    self.connections[index].stream = Some(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        loop {
            let connection = &mut self.connections[index];
            let Some(stream) = &mut connection.stream else { return };
            match stream.read(buffer) {
                Ok(read) if read > 0 && connection.input.len() < REQUEST => {
                    connection.input.extend_from_slice(&buffer[..read]);
                    while self.answer(index) {}
                    if read < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => return self.close(index),
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = Connection::default();
        self.subscribers.retain(|&subscriber| subscriber != index);
        self.free.push(index);
    }

    /// Serves one request, if a whole one is there.
    fn answer(&mut self, index: usize) -> bool {
        let input = std::mem::take(&mut self.connections[index].input);
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let answer = match request.parse(&input) {
            Ok(httparse::Status::Complete(head)) => {
                let length = request
                    .headers
                    .iter()
                    .find(|field| field.name.eq_ignore_ascii_case("content-length"))
                    .and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<usize>().ok())
                    .unwrap_or(0);
                let Some(body) = input.get(head..head.saturating_add(length)) else {
                    self.connections[index].input = input;
                    return false;
                };
                if request.method == Some("GET") {
                    self.write(index, STREAM);
                    self.subscribers.push(index);
                } else {
                    self.write(index, DONE);
                    let batch = request.path == Some("/batch");
                    for event in body.split(|&byte| batch && byte == b'\n').filter(|event| !event.is_empty())
                    {
                        self.publish(event);
                    }
                }
                head + length
            }
            Ok(httparse::Status::Partial) => {
                self.connections[index].input = input;
                return false;
            }
            Err(_) => {
                self.write(index, BAD);
                input.len()
            }
        };
        let connection = &mut self.connections[index];
        if connection.stream.is_none() {
            return false;
        }
        connection.input.extend_from_slice(&input[answer..]);
        answer < input.len()
    }

    fn publish(&mut self, data: &[u8]) {
        // As long an id as the hub's, so that the bytes are as many.
        let mut event = format!("id: #benchfloor0-{}\ndata: ", self.published).into_bytes();
        event.extend_from_slice(data);
        event.extend_from_slice(b"\n\n");
        let mut chunk = format!("{:x}\r\n", event.len()).into_bytes();
        chunk.append(&mut event);
        chunk.extend_from_slice(b"\r\n");
        self.published += 1;
        for i in (0..self.subscribers.len()).rev() {
            self.write(self.subscribers[i], &chunk);
        }
    }

    /// One `write(2)`. What the kernel does not take ends the connection, which the load then reports.
    fn write(&mut self, index: usize, bytes: &[u8]) {
        let Some(stream) = &mut self.connections[index].stream else { return };
        if stream.write(bytes).ok() != Some(bytes.len()) {
            self.close(index);
        }
    }
}
