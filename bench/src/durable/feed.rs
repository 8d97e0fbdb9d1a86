//! One connection that publishes lines of JSON as fast as they are taken, and reads the answers meanwhile.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    ops::Range,
    thread,
    time::{Duration, Instant},
};

use headwater::bench::{Body, Head, Stamp};

use crate::Failure;

/// What is written at once: small enough that the hub's batches are its own.
const PIECE: usize = 64 << 10;
/// The frame of a chunk: its size, always in eight digits, and a line break.
const FRAME: usize = 10;
/// A hub that answers nothing for so long has hung.
const PATIENCE: Duration = Duration::from_mins(1);
/// The stamps of what only fills a history.
const FILLER: u16 = 0;

/// Where to publish.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub address: SocketAddr,
    pub token: String,
}

/// How publishing went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fed {
    /// From the first line sent to the last answer.
    pub took: Duration,
    /// The longest time without an answer while lines were waiting for theirs.
    pub silence: Duration,
}

/// Writes the line numbered so, without its line feed.
pub(crate) type Line<'a> = &'a (dyn Fn(u64, &mut Vec<u8>) + Sync);

/// Publishes the lines with these `numbers`; calls `answered` with how many have been, after each read. A line that is
/// refused is an error.
pub(crate) fn feed(
    target: &Target,
    numbers: Range<u64>,
    line: Line<'_>,
    mut answered: impl FnMut(u64) -> Result<(), Failure>,
) -> Result<Fed, Failure> {
    let wanted = numbers.end - numbers.start;
    let mut stream = TcpStream::connect(target.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST /.well-known/mercure HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
        target.token
    );
    stream.write_all(head.as_bytes())?;
    let output = stream.try_clone()?;
    let began = Instant::now();
    thread::scope(|scope| {
        let writer = scope.spawn(move || write(output, numbers, line));
        let mut answers = Answers::default();
        let mut buffer = vec![0; PIECE];
        let (mut last, mut silence) = (began, Duration::ZERO);
        let read = loop {
            if answers.count == wanted {
                break Ok(());
            }
            let before = answers.count;
            match stream.read(&mut buffer) {
                Ok(0) => break Err("the hub closed the connection".into()),
                Ok(read) => {
                    if let Err(error) = answers.feed(&buffer[..read]) {
                        break Err(error);
                    }
                }
                Err(error) => break Err(format!("no answer to a line: {error}").into()),
            }
            if answers.count > before {
                let now = Instant::now();
                silence = silence.max(now - last);
                last = now;
                if let Err(error) = answered(answers.count) {
                    break Err(error);
                }
            }
        };
        if read.is_err() {
            // The writer may wait for a hub that reads no more. Where the connection is gone it does not.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let written = writer.join().map_err(|_| Failure::from("the writer of lines panicked"))?;
        // Why nothing was answered says more than why nothing could be written.
        read.and_then(|()| Ok(written?))?;
        Ok(Fed { took: last - began, silence })
    })
}

fn write(mut output: TcpStream, numbers: Range<u64>, line: Line<'_>) -> io::Result<()> {
    let mut piece = vec![b'0'; FRAME];
    for number in numbers {
        line(number, &mut piece);
        piece.push(b'\n');
        if piece.len() >= PIECE {
            send(&mut output, &mut piece)?;
        }
    }
    if piece.len() > FRAME {
        send(&mut output, &mut piece)?;
    }
    output.write_all(b"0\r\n\r\n")
}

fn send(output: &mut TcpStream, piece: &mut Vec<u8>) -> io::Result<()> {
    let frame = format!("{:08x}\r\n", piece.len() - FRAME);
    piece[..FRAME].copy_from_slice(frame.as_bytes());
    piece.extend_from_slice(b"\r\n");
    output.write_all(piece)?;
    piece.truncate(FRAME);
    Ok(())
}

/// Counts the lines of the answer, wherever reads cut it.
#[derive(Default)]
struct Answers {
    head: Head,
    body: Option<Body>,
    count: u64,
    /// The line that has begun, in case it is a refusal.
    line: Vec<u8>,
}

impl Answers {
    fn feed(&mut self, mut input: &[u8]) -> Result<(), Failure> {
        if self.body.is_none() {
            let Some((status, body)) = self.head.feed(&mut input)? else { return Ok(()) };
            if status != 200 {
                return Err(format!("lines were answered with {status}").into());
            }
            self.body = Some(body);
        }
        while let Some(mut data) = self.body.as_mut().map_or(Ok(None), |body| body.next(&mut input))? {
            while let Some(end) = memchr::memchr(b'\n', data) {
                let (line, rest) = data.split_at(end);
                self.line.extend_from_slice(line);
                data = &rest[1..];
                if !self.line.starts_with(b"{\"id\"") {
                    let said = String::from_utf8_lossy(&self.line);
                    return Err(format!("line {} was refused: {said}", self.count + 1).into());
                }
                self.line.clear();
                self.count += 1;
            }
            self.line.extend_from_slice(data);
        }
        Ok(())
    }
}

/// Appends an update as a line of JSON, without its line feed. Neither topic nor id may need escapes.
pub(crate) fn update(topic: &str, id: Option<&str>, stamp: &Stamp, size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"topic\":\"");
    out.extend_from_slice(topic.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(b"\",\"id\":\"");
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(b"\",\"data\":\"");
    stamp.write(size, out);
    out.extend_from_slice(b"\"}");
}

/// Publishes `count` updates of 100 bytes that nobody asks for.
pub(crate) fn fill(target: &Target, count: u64) -> Result<(), Failure> {
    feed(target, 0..count, &filler, |_| Ok(())).map(drop)
}

/// One of them.
pub(crate) fn filler(number: u64, out: &mut Vec<u8>) {
    let stamp = Stamp { run: FILLER, lane: 0, sequence: number as u32, nanos: 0 };
    update(&format!("filler/{}", number % 10_000), None, &stamp, 100, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn count(stream: &[u8], cut: usize) -> Result<u64, Failure> {
        let mut answers = Answers::default();
        answers.feed(&stream[..cut])?;
        answers.feed(&stream[cut..])?;
        Ok(answers.count)
    }

    #[test]
    fn answers_are_counted_wherever_they_are_cut() {
        let stream = [HEAD, b"c\r\n{\"id\":\"#a\"}\n\r\n8\r\n{\"id\":\"#\r\n4\r\nb\"}\n\r\n"].concat();
        for cut in 0..stream.len() {
            assert_eq!(count(&stream, cut).unwrap(), 2, "cut at {cut}");
        }
    }

    #[test]
    fn a_refusal_is_an_error_with_its_words() {
        let refused = b"{\"error\":{\"title\":\"Full\"}}\n";
        let stream = [HEAD, format!("{:x}\r\n", refused.len()).as_bytes(), refused, b"\r\n"].concat();
        for cut in 0..stream.len() {
            assert!(count(&stream, cut).unwrap_err().to_string().contains("Full"), "cut at {cut}");
        }
    }

    #[test]
    fn a_line_is_json() {
        let mut line = Vec::new();
        let stamp = Stamp { run: 1, lane: 0, sequence: 5, nanos: 7 };
        update("a/1", Some("urn:5"), &stamp, 50, &mut line);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&value["topic"], &value["id"]), (&"a/1".into(), &"urn:5".into()));
        assert_eq!(value["data"].as_str().map(str::len), Some(50));
        line.clear();
        filler(12_345, &mut line);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["topic"], "filler/2345");
        assert_eq!(value.get("id"), None);
    }
}
