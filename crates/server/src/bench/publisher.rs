//! The thread that publishes: connections that are kept, one request at a time on each unless told to
//! pipeline, at the schedule's pace.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    Error, Options, Volley,
    answer::{Answer, Answers, reason},
    lanes::Lanes,
    request::Requests,
    schedule::Schedule,
    shared::Shared,
    stamp::Stamp,
};

/// After the last volley, for its answers; and the longest that a burst may be on its way.
const GRACE: u64 = 10_000_000_000;
/// A server that fails this often is not worth more load.
const FAILURES: u64 = 1_000;
/// Events that wait for a connection. Beyond it the server is hopelessly behind, and they go unsent.
const BACKLOG: usize = 1 << 20;

/// What was published.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Events that the server said yes to.
    pub acknowledged: u64,
    /// Deliveries that follow from them.
    pub expected: u64,
    /// Events refused, unanswered, or never sent for want of a free connection.
    pub failed: u64,
    /// From the first request to the last answer, in nanoseconds.
    pub elapsed: u64,
    /// The longest that an event waited for a free connection, in nanoseconds.
    pub behind: u64,
    /// Each burst: deliveries, and nanoseconds from its first byte to its last delivery.
    pub bursts: Vec<(u64, u64)>,
}

struct Connection {
    stream: Option<TcpStream>,
    output: Vec<u8>,
    written: usize,
    answers: Answers,
    /// Requests without an answer: topic and events of each.
    in_flight: VecDeque<(usize, u64)>,
    lanes: Vec<usize>,
    turn: usize,
    /// Events of the volley that are still to be sent.
    todo: u64,
    /// When the volley was due, if it had to wait.
    due: Option<u64>,
}

struct Burst {
    began: u64,
    connection: usize,
    /// Deliveries expected before it.
    before: u64,
}

/// See the module.
pub(super) struct Publisher<'a> {
    shared: &'a Shared,
    requests: &'a mut Requests,
    poll: Poll,
    address: SocketAddr,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    lanes: Lanes,
    sequences: Vec<u32>,
    burst: u64,
    volley: Volley,
    buffer: Vec<u8>,
    published: Published,
    /// Expected deliveries of all phases so far, to tell when a burst is complete.
    expected_total: u64,
}

impl<'a> Publisher<'a> {
    pub(super) fn new(
        options: &Options,
        shared: &'a Shared,
        requests: &'a mut Requests,
    ) -> Result<Self, Error> {
        let lanes = Lanes::new(options.topics, options.publishers);
        let address = requests.publish_address(options.volley == Volley::Batch && options.burst > 1);
        let connections = (0..options.publishers)
            .map(|publisher| Connection {
                stream: None,
                output: Vec::new(),
                written: 0,
                answers: Answers::default(),
                in_flight: VecDeque::new(),
                lanes: lanes.of_publisher(publisher).collect(),
                turn: 0,
                todo: 0,
                due: None,
            })
            .collect::<Vec<_>>();
        Ok(Self {
            shared,
            requests,
            poll: Poll::new()?,
            address,
            idle: (0..connections.len()).collect(),
            connections,
            lanes,
            sequences: vec![0; lanes.count()],
            burst: u64::from(options.burst),
            volley: options.volley,
            buffer: vec![0; 64 * 1024],
            published: Published::default(),
            expected_total: 0,
        })
    }

    /// Publishes for `seconds`, `rate` events a second or as fast as the answers come.
    pub(super) fn run(&mut self, seconds: f64, rate: Option<f64>) -> Result<Published, Error> {
        let began = self.shared.clock.now();
        let mut schedule = Schedule::new(began, seconds, rate.map(|rate| rate / self.burst as f64));
        let mut waiting = VecDeque::new();
        let mut burst: Option<Burst> = None;
        let mut events = Events::with_capacity(256);
        self.published = Published::default();
        loop {
            let now = self.shared.clock.now();
            if let Some(running) = &burst
                && self.complete(running, now)
            {
                burst = None;
                schedule.skip_to(now);
            }
            if self.burst > 1 {
                if burst.is_none()
                    && !self.idle.is_empty()
                    && schedule.take(now)
                    && let Some(connection) = self.idle.pop_front()
                {
                    burst = Some(Burst { began: now, connection, before: self.expected_total });
                    self.start(connection, None)?;
                }
            } else {
                self.singles(&mut schedule, &mut waiting, now)?;
            }
            let quiet = self.idle.len() == self.connections.len() && burst.is_none() && waiting.is_empty();
            let over = now > schedule.end() + GRACE;
            if schedule.exhausted(now) && (quiet || over) {
                let unsent = waiting.len() as u64 + self.connections.iter().map(|c| c.todo).sum::<u64>();
                let unanswered: u64 =
                    self.connections.iter().flat_map(|c| &c.in_flight).map(|&(_, events)| events).sum();
                if unsent + unanswered > 0 {
                    self.published.failed += unsent + unanswered;
                    self.shared.trouble(|| format!("{unanswered} publishes were not answered in time"));
                }
                self.published.elapsed = now - began;
                return Ok(std::mem::take(&mut self.published));
            }
            if self.published.failed > FAILURES {
                let reason = self.shared.trouble.get().cloned().unwrap_or_default();
                return Err(Error::Publish { failed: self.published.failed, reason });
            }
            let wait = if burst.is_some() {
                // The readers do not say when the last delivery is in; they are asked.
                Duration::from_millis(1)
            } else {
                schedule.next().filter(|_| schedule.paced()).map_or(Duration::from_millis(20), |at| {
                    Duration::from_nanos(at.saturating_sub(now)).min(Duration::from_millis(100))
                })
            };
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                self.ready(event.token().0)?;
            }
        }
    }

    /// Hands what is due to the connections that are free; what finds none waits, its time running.
    fn singles(
        &mut self,
        schedule: &mut Schedule,
        waiting: &mut VecDeque<u64>,
        now: u64,
    ) -> Result<(), Error> {
        while let (Some(&due), false) = (waiting.front(), self.idle.is_empty()) {
            waiting.pop_front();
            self.published.behind = self.published.behind.max(now - due);
            if let Some(connection) = self.idle.pop_front() {
                self.start(connection, Some(due))?;
            }
        }
        // As fast as it goes: a volley for each free connection. At a pace: all that is due.
        while (schedule.paced() || !self.idle.is_empty())
            && self.published.failed <= FAILURES
            && schedule.take(now)
        {
            match self.idle.pop_front() {
                Some(connection) => self.start(connection, None)?,
                None if waiting.len() < BACKLOG => waiting.push_back(now),
                None => self.published.failed += 1,
            }
        }
        Ok(())
    }

    fn complete(&mut self, burst: &Burst, now: u64) -> bool {
        let connection = &self.connections[burst.connection];
        if connection.todo > 0 || !connection.in_flight.is_empty() {
            return now > burst.began + GRACE;
        }
        let totals = self.shared.totals();
        let all = totals.received >= self.expected_total;
        if all && self.expected_total > burst.before {
            let took = totals.last.saturating_sub(burst.began);
            self.published.bursts.push((self.expected_total - burst.before, took));
        }
        all || now > burst.began + GRACE
    }

    /// Begins a volley on a free connection.
    fn start(&mut self, index: usize, due: Option<u64>) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        connection.todo = self.burst;
        connection.due = due;
        connection.turn = (connection.turn + 1) % connection.lanes.len();
        self.advance(index)
    }

    /// Sends what the connection may send now.
    fn advance(&mut self, index: usize) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        let lane = connection.lanes[connection.turn];
        let topic = self.lanes.topic(lane);
        let (shared, sequence) = (self.shared, &mut self.sequences[lane]);
        let mut stamp = |due: Option<u64>| {
            let nanos = due.unwrap_or_else(|| shared.clock.now());
            let stamp = Stamp { run: shared.run, lane: lane as u16, sequence: *sequence, nanos };
            *sequence += 1;
            stamp
        };
        while connection.todo > 0 && (connection.in_flight.is_empty() || self.volley == Volley::Pipelined) {
            let events = if self.volley == Volley::Batch && self.burst > 1 {
                let stamps = (0..connection.todo).map(|_| stamp(None));
                self.requests.batch(topic, stamps, &mut connection.output);
                connection.todo
            } else {
                self.requests.publish(topic, stamp(connection.due), &mut connection.output);
                1
            };
            connection.todo -= events;
            connection.in_flight.push_back((topic, events));
        }
        if connection.stream.is_none() {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            let interests = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(index), interests)?;
            connection.stream = Some(stream);
        }
        self.flush(index);
        Ok(())
    }

    fn flush(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let Some(stream) = &mut connection.stream else { return };
        while connection.written < connection.output.len() {
            match stream.write(&connection.output[connection.written..]) {
                Ok(written) => connection.written += written,
                Err(error) if pauses(&error) => return,
                Err(error) => return self.lost(index, &error.to_string()),
            }
        }
        connection.output.clear();
        connection.written = 0;
    }

    fn ready(&mut self, index: usize) -> Result<(), Error> {
        self.flush(index);
        loop {
            let connection = &mut self.connections[index];
            let Some(stream) = &mut connection.stream else { return Ok(()) };
            let read = match stream.read(&mut self.buffer) {
                Ok(0) => {
                    self.lost(index, "the server closed the connection");
                    return Ok(());
                }
                Ok(read) => read,
                Err(error) if pauses(&error) => return Ok(()),
                Err(error) => {
                    self.lost(index, &error.to_string());
                    return Ok(());
                }
            };
            let mut input = &self.buffer[..read];
            let mut busy = false;
            loop {
                match connection.answers.next(&mut input) {
                    Ok(None) => break,
                    Ok(Some(answer)) => {
                        let Some((topic, events)) = connection.in_flight.pop_front() else { break };
                        busy = true;
                        if answer.status / 100 == 2 {
                            let audience = u64::from(self.shared.audience[topic].load(Relaxed));
                            self.published.acknowledged += events;
                            self.published.expected += events * audience;
                            self.expected_total += events * audience;
                        } else {
                            self.published.failed += events;
                            self.shared.trouble(|| refusal(&answer));
                        }
                    }
                    Err(error) => {
                        self.lost(index, &error.to_string());
                        return Ok(());
                    }
                }
            }
            if busy {
                self.next(index)?;
            }
            if read < self.buffer.len() {
                return Ok(());
            }
        }
    }

    /// After an answer: the rest of the volley, or the connection is free again.
    fn next(&mut self, index: usize) -> Result<(), Error> {
        let connection = &self.connections[index];
        if connection.todo > 0 {
            self.advance(index)
        } else {
            if connection.in_flight.is_empty() {
                self.idle.push_back(index);
            }
            Ok(())
        }
    }

    /// The connection is gone; the next volley opens another. Its unanswered events may or may not arrive.
    fn lost(&mut self, index: usize, reason: &str) {
        let connection = &mut self.connections[index];
        let unanswered: u64 = connection.in_flight.iter().map(|&(_, events)| events).sum();
        let failed = unanswered + connection.todo;
        let was_busy = failed > 0;
        connection.stream = None;
        connection.output.clear();
        connection.written = 0;
        connection.answers = Answers::default();
        connection.in_flight.clear();
        connection.todo = 0;
        if was_busy {
            self.published.failed += failed;
            self.idle.push_back(index);
            self.shared.trouble(|| format!("a publish got no answer: {reason}"));
        }
    }
}

fn refusal(answer: &Answer) -> String {
    format!("a publish was answered with {}: {}", answer.status, reason(answer.text.as_bytes()))
}

fn pauses(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected
    )
}
