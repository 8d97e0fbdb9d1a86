//! Subscribers that want to know one thing: whether all came, in order, once. They share the machine with the hub, so
//! they do no more than find the stamp of each event and compare its number.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use headwater::bench::{Body, Head, Scanner, Stamp};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::Failure;

const BUFFER: usize = 256 << 10;
/// When nothing has come for so long, nothing will.
const PATIENCE: Duration = Duration::from_secs(20);

/// Some connections with the same wish, read by one thread.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    /// What each of them must get: the updates of this mark, from this number on.
    run: u16,
    /// Those that may hold more than was read.
    full: Vec<usize>,
    buffer: Vec<u8>,
    deliveries: u64,
    doubled: u64,
    strange: u64,
    closed: u64,
    lost: u64,
}

struct Member {
    stream: TcpStream,
    state: State,
    next: u32,
}

enum State {
    Head(Box<Head>),
    Streaming(Body, Scanner),
    Ended,
}

impl Crowd {
    /// Opens the connections, and asks nothing yet. Each is to get the updates marked `run`, from number `first` on.
    pub(crate) fn connect(address: SocketAddr, count: usize, run: u16, first: u32) -> Result<Self, Failure> {
        let poll = Poll::new()?;
        let members = (0..count)
            .map(|index| {
                // Waits for each: no more may connect at once than the hub's queue holds.
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
                Ok(Member { stream, state: State::Head(Box::default()), next: first })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            members,
            run,
            full: Vec::new(),
            buffer: vec![0; BUFFER],
            deliveries: 0,
            doubled: 0,
            strange: 0,
            closed: 0,
            lost: 0,
        })
    }

    /// Subscribes all of them.
    pub(crate) fn ask(&mut self, query: &str) -> Result<(), Failure> {
        let request = format!(
            "GET /.well-known/mercure?{query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        );
        for member in &mut self.members {
            // Nothing has been written before: it fits.
            member.stream.write_all(request.as_bytes())?;
        }
        Ok(())
    }

    /// Events that came, doubled ones not counted.
    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Reads until all streams are open.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while self.members.iter().any(|member| matches!(member.state, State::Head(_))) {
            if began.elapsed() > PATIENCE {
                return Err("a subscriber got no answer".into());
            }
            self.turn(Duration::from_millis(100), &mut |_| {})?;
        }
        Ok(())
    }

    /// Reads until all have got what comes before number `end`; answers when the last one had. `None`: some never did,
    /// and [`faults`](Self::faults) tells how many events are missing.
    pub(crate) fn follow(
        &mut self,
        end: u32,
        each: &mut impl FnMut(Stamp),
    ) -> Result<Option<Instant>, Failure> {
        let mut last = Instant::now();
        loop {
            let before = self.deliveries;
            self.turn(Duration::from_millis(100), each)?;
            if self.deliveries > before {
                last = Instant::now();
            }
            let missing = |member: &Member| u64::from(end.saturating_sub(member.next));
            let missing: u64 = self.members.iter().map(missing).sum();
            if missing == 0 {
                return Ok(Some(last));
            }
            if last.elapsed() > PATIENCE {
                self.lost += missing;
                return Ok(None);
            }
        }
    }

    /// Waits until something comes, but no longer than `wait`, and reads it.
    pub(crate) fn turn(&mut self, wait: Duration, each: &mut impl FnMut(Stamp)) -> Result<(), Failure> {
        let wait = if self.full.is_empty() { wait } else { Duration::ZERO };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let mut ready = std::mem::take(&mut self.full);
        ready.extend(self.events.iter().map(|event| event.token().0));
        for index in ready {
            self.read(index, each)?;
        }
        Ok(())
    }

    /// One read, so that each gets its turn.
    fn read(&mut self, index: usize, each: &mut impl FnMut(Stamp)) -> Result<(), Failure> {
        let member = &mut self.members[index];
        let read = match member.stream.read(&mut self.buffer) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            // The hub may reset what it gives up.
            Ok(0) | Err(_) => {
                if !matches!(member.state, State::Ended) {
                    self.closed += 1;
                    member.state = State::Ended;
                }
                return Ok(());
            }
            Ok(read) => read,
        };
        if read == self.buffer.len() {
            self.full.push(index);
        }
        let mut input = &self.buffer[..read];
        if let State::Head(head) = &mut member.state {
            let Some((status, body)) = head.feed(&mut input)? else { return Ok(()) };
            if status != 200 {
                let said = String::from_utf8_lossy(input);
                return Err(format!("a subscriber was answered with {status}: {said}").into());
            }
            member.state = State::Streaming(body, Scanner::default());
        }
        let State::Streaming(body, scanner) = &mut member.state else { return Ok(()) };
        let (run, next) = (self.run, &mut member.next);
        let (deliveries, doubled) = (&mut self.deliveries, &mut self.doubled);
        let (strange, lost) = (&mut self.strange, &mut self.lost);
        while let Some(data) = body.next(&mut input)? {
            scanner.feed(data, &mut |stamp| {
                if stamp.run != run {
                    *strange += 1;
                } else if stamp.sequence < *next {
                    *doubled += 1;
                } else {
                    *lost += u64::from(stamp.sequence - *next);
                    *deliveries += 1;
                    *next = stamp.sequence + 1;
                    each(stamp);
                }
            });
        }
        Ok(())
    }

    /// What went wrong, in words; nothing if nothing did.
    pub(crate) fn faults(&self, who: &str) -> Option<String> {
        let Self { lost, doubled, strange, closed, .. } = self;
        ([*lost, *doubled, *strange, *closed] != [0; 4]).then(|| {
            format!(
                "{who}: {lost} events lost, {doubled} doubled or out of order, {strange} not asked for, {closed} \
                 streams closed"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

    /// A crowd of one, after a server has sent these events, up to `end`.
    fn after(events: &[(u16, u32)], first: u32, end: u32) -> (Crowd, Option<Instant>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut crowd = Crowd::connect(listener.local_addr().unwrap(), 1, 1, first).unwrap();
        let mut stream = HEAD.as_bytes().to_vec();
        for &(run, sequence) in events {
            stream.extend_from_slice(b"id: x\ndata: ");
            Stamp { run, lane: 0, sequence, nanos: 0 }.write(50, &mut stream);
            stream.extend_from_slice(b"\n\n");
        }
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = socket.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /.well-known/mercure?topic=a HTTP/1.1\r\n"));
            socket.write_all(&stream).unwrap();
            // Until the other side has seen enough.
            let _ = socket.read(&mut request);
        });
        crowd.ask("topic=a").unwrap();
        crowd.open().unwrap();
        let reached = crowd.follow(end, &mut |_| {}).unwrap();
        (crowd, reached)
    }

    #[test]
    fn a_whole_stream_has_no_fault() {
        let (crowd, reached) = after(&[(1, 7), (1, 8), (1, 9)], 7, 10);
        assert!(reached.is_some());
        assert_eq!((crowd.deliveries(), crowd.faults("x")), (3, None));
    }

    #[test]
    fn what_is_lost_doubled_or_not_asked_for_is_told() {
        let (crowd, reached) = after(&[(1, 0), (1, 1), (1, 1), (2, 5), (1, 5), (1, 4), (1, 6)], 0, 7);
        assert!(reached.is_some());
        let told = "x: 3 events lost, 2 doubled or out of order, 1 not asked for, 0 streams closed";
        assert_eq!((crowd.deliveries(), crowd.faults("x").as_deref()), (4, Some(told)));
    }
}
