//! A server that does what a test tells it, byte for byte.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

pub(super) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr().unwrap())
    }

    /// The next connection, with its request's head read.
    pub(super) async fn accept(&self) -> Exchange {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut exchange =
            Exchange { stream: BufReader::new(stream), target: String::new(), headers: Vec::new() };
        exchange.read_head().await;
        exchange
    }

    /// Accepts, answers, and hangs up.
    pub(super) async fn answer(&self, response: impl AsRef<str>) -> Exchange {
        let mut exchange = self.accept().await;
        exchange.read_body().await;
        exchange.send(response.as_ref()).await;
        exchange.hang_up().await;
        exchange
    }
}

pub(super) struct Exchange {
    stream: BufReader<TcpStream>,
    pub(super) target: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Exchange {
    async fn read_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.unwrap();
        assert_eq!(line.pop(), Some(b'\n'), "a whole line");
        assert_eq!(line.pop(), Some(b'\r'));
        line
    }

    async fn read_head(&mut self) {
        let first = String::from_utf8(self.read_line().await).unwrap();
        first.split(' ').nth(1).unwrap().clone_into(&mut self.target);
        loop {
            let line = self.read_line().await;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
            self.headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
    }

    /// Every header of that name, joined: a doubled one shows.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.iter().filter(|header| header.0 == name).collect();
        let values: Vec<_> =
            values.iter().map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// A body with a length, if there is one.
    pub(super) async fn read_body(&mut self) -> String {
        let length = self.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// One chunk of a chunked body; empty at its end.
    pub(super) async fn read_chunk(&mut self) -> String {
        let length = String::from_utf8(self.read_line().await).unwrap();
        let mut chunk = vec![0; usize::from_str_radix(&length, 16).unwrap()];
        self.stream.read_exact(&mut chunk).await.unwrap();
        self.read_line().await;
        String::from_utf8(chunk).unwrap()
    }

    pub(super) async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Ends the connection in order: what was sent arrives.
    pub(super) async fn hang_up(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Waits until the client has closed the connection.
    pub(super) async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is a close too.
        _ = self.stream.read_to_end(&mut rest).await;
    }
}

/// The head of an event stream that lasts until the connection ends.
pub(super) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n";

/// A whole response.
pub(super) fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
