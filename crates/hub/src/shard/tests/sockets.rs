//! The same over real sockets, with all the threads.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use headwater_sse::{Decoder, Item};
use mio::{Poll, Waker};

use super::*;
use crate::{
    Clock, SystemClock,
    history::Read,
    inbox::{Command, Inbox},
    readers::{Past, Readers, fake::FakePast},
    worker::{self, WAKER, Worker},
};

/// A shard and the readers, each with its threads.
struct Site {
    history: Arc<History>,
    sequencer: Sequencer,
    past: Arc<FakePast>,
    readers: Arc<Readers>,
    inbox: Arc<Inbox>,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    threads: Vec<JoinHandle<()>>,
}

impl Site {
    /// Memory holds so many updates, or the newest batch.
    fn open(held: u64) -> Self {
        let past = Arc::new(FakePast::new(64));
        let window = Window { count: held, bytes: usize::MAX };
        let history = Arc::new(History::window(Epoch::from_bits(0), 1, None, window, past.clone()));
        let readers = Arc::new(Readers::new(past.clone() as Arc<dyn Past>));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let poll = Poll::new().unwrap();
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), WAKER).unwrap()));
        let rules = Rules {
            heartbeat: None,
            write_timeout: Duration::from_mins(10),
            slow_reader: SlowReader::CatchUp,
            portions: Portions::default(),
        };
        let orders = Orders::new(readers.clone(), inbox.clone());
        let shard = Shard::new(history.clone(), Some(orders), &rules, worker::now(&*clock));
        let worker =
            Worker { shard, poll, inbox: inbox.clone(), clock: clock.clone(), linger: Duration::ZERO };
        let mut threads = vec![std::thread::spawn(move || worker.run())];
        for _ in 0..2 {
            let (readers, clock) = (readers.clone(), clock.clone());
            threads.push(std::thread::spawn(move || readers.run(&*clock)));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sequencer = Sequencer::new(history.clone());
        Self { history, sequencer, past, readers, inbox, clock, listener, threads }
    }

    /// Publishes one batch; the data are the offsets, and so much more.
    fn publish(&mut self, updates: u64, padding: usize) {
        let from = self.history.next();
        let update = |i| Update::new(Topic::new("t").unwrap(), format!("{i} {}", "x".repeat(padding)));
        let now = self.clock.wall();
        self.sequencer.commit([Submission::new((from..from + updates).map(update))], now);
        let mut batch = vec![];
        let read = self.history.read(from, Offset::MAX, usize::MAX, usize::MAX, now, &mut batch);
        assert_eq!(read, Read::Upto(from + updates), "the newest batch is in memory");
        self.past.append(batch);
        self.inbox.ring();
    }

    fn connect(&self, next: Offset) -> TcpStream {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let (server, _) = self.listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let filter = Filter { selectors: [Selector::new("*")].into(), grant: None };
        let counts = Arc::<Counts>::default();
        counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { counts, selector_bytes: 0, shard: None };
        let stream = mio::net::TcpStream::from_std(server);
        let sink = Sink::Plain { stream, framing: Framing::Bare, discarded: 0 };
        let subscriber =
            Subscriber::new(sink, filter, next, GapNotice::End, crate::told::Include::default(), None, seat);
        self.inbox.send(Command::Attach(Box::new(subscriber)));
        client
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.inbox.send(Command::Stop);
        self.readers.close();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Reads until the update at `last` has come, and looks that none is missing from `first` on, and none comes twice.
fn read_all(client: &mut TcpStream, first: Offset, last: Offset) {
    let (mut decoder, mut buffer, mut next) = (Decoder::new(), vec![0; 64 << 10], first);
    while next <= last {
        let n = client.read(&mut buffer).unwrap();
        assert!(n > 0, "the stream ends before {next}");
        let mut bytes = &buffer[..n];
        while let Some(item) = decoder.next(&mut bytes).unwrap() {
            if let Item::Event(event) = item {
                assert_eq!(event.data.split(' ').next(), Some(&*next.to_string()));
                next += 1;
            }
        }
    }
}

#[test]
fn a_reader_that_is_lapped_while_it_does_not_read_gets_all_of_it_afterwards() {
    const BATCH: u64 = 500;
    let mut site = Site::open(BATCH);
    let mut stuck = site.connect(1);
    let mut quick = site.connect(1);
    let mut published = 0;
    // Much more than the kernel takes for one who does not read, and 80 times what memory holds.
    while published < 80 * BATCH {
        site.publish(BATCH, 1000);
        read_all(&mut quick, published + 1, published + BATCH);
        published += BATCH;
    }
    let reader = std::thread::spawn(move || {
        read_all(&mut stuck, 1, 80 * BATCH + 20);
        stuck
    });
    // And the stream goes on meanwhile.
    for _ in 0..20 {
        site.publish(1, 10);
    }
    let mut stuck = reader.join().unwrap();
    let from = site.history.next();
    site.publish(1, 0);
    read_all(&mut stuck, from, from);
    assert!(site.past.take_wants().len() > 100, "most of it was not in memory any more");
}
