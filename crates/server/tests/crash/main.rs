//! The promise, kept through SIGKILL: a real hub on a real disk is killed again and again, at random moments (also while
//! it starts, and while it replays), under load from publishers and with subscribers who come back each time.
//!
//! In the end, on each directory: what was acknowledged is there, once, whole, in its publisher's order; an array is
//! there completely or not at all; what came under a key is there once, however often it was sent; what nobody
//! acknowledged is there once at most. And what each subscriber was sent, over all its connections, is exactly what
//! matches of that, from the first on.
//!
//! `HEADWATER_CRASHES=1000` kills more often, `HEADWATER_SEED=…` repeats a plan (not its moments: it is a real machine).

mod connection;
mod dice;
mod epochs;
mod ledger;
mod lobby;
mod operation;
mod publisher;
mod site;
mod subscriber;
mod tear;

use std::{
    env,
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    dice::Dice,
    epochs::{End, Starts},
    ledger::Ledger,
    lobby::{Alarm, Lobby},
    operation::{Answer, Operation},
    publisher::Publisher,
    site::Site,
    subscriber::{Record, Subscriber, Wish},
};

/// Longer than anything here takes on a busy machine: who waits so long has found a hub that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

const PUBLISHERS: usize = 16;
const SUBSCRIBERS: usize = 50;
/// What is read and checked at once.
const CRASHES_OF_A_DIRECTORY: u64 = 25;

#[test]
fn nothing_is_lost_however_often_the_hub_is_killed() {
    let crashes = number("HEADWATER_CRASHES").unwrap_or(100);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let seed = number("HEADWATER_SEED").unwrap_or(now.as_nanos() as u64);
    let mut tally = Tally::default();
    for first in (0..crashes).step_by(CRASHES_OF_A_DIRECTORY as usize) {
        Life::new(seed + first).run(CRASHES_OF_A_DIRECTORY.min(crashes - first), &mut tally);
    }
    tally.check();
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// One directory, from its first hub to its last.
struct Life {
    dice: Dice,
    site: Site,
    lobby: Lobby,
    starts: Starts,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            site: Site::new(seed),
            lobby: Lobby::new(SUBSCRIBERS),
            starts: Starts::default(),
        }
    }

    fn run(mut self, crashes: u64, tally: &mut Tally) {
        let address = self.site.address();
        let publishers: Vec<_> = (0..PUBLISHERS).map(|number| (number, self.dice.fork())).collect();
        let subscribers: Vec<_> = (0..SUBSCRIBERS)
            .map(|number| (number, Wish::new(number, &mut self.dice), self.dice.fork()))
            .collect();
        let Self { dice, site, lobby, starts } = &mut self;
        let lobby = &*lobby;
        let (ledger, records) = thread::scope(|scope| {
            // Where this thread fails the others are to end, or the scope would wait for them.
            let _alarm = Alarm(lobby);
            let publishers: Vec<_> = publishers
                .into_iter()
                .map(|(number, dice)| {
                    let publisher = Publisher::new(number, address, lobby, dice);
                    spawn(scope, lobby, format!("publisher {number}"), || publisher.run())
                })
                .collect();
            let subscribers: Vec<_> = subscribers
                .into_iter()
                .map(|(number, wish, dice)| {
                    let subscriber = Subscriber::new(number, wish, address, lobby, dice);
                    spawn(scope, lobby, format!("subscriber {number}"), || subscriber.run())
                })
                .collect();

            for crash in 0..crashes {
                kill_once(crash, dice, site, lobby, starts);
            }
            site.start("the last one under load", &[]);
            site.wait_until_it_listens();
            starts.listens();
            lobby.open();
            lobby.close();
            let mut publishers: Vec<_> = publishers.into_iter().map(join).collect();
            assert!(lobby.wait_for_all(), "all subscribers come back");
            publishers.push(Publisher::new(PUBLISHERS, address, lobby, dice.fork()).end());
            let records: Vec<Record> = subscribers.into_iter().map(join).collect();
            (Ledger { publishers }, records)
        });

        // What it says now is what it holds: nothing of it is in memory.
        site.kill();
        site.start("the one that is read", &[]);
        site.wait_until_it_listens();
        let history = Subscriber::new(0, Wish::everything(), address, lobby, dice.fork()).run();
        site.kill();
        ledger.check(&history.events).check(&records);
        ledger.check_epochs(starts);
        site.check_log();
        tally.add(&ledger, &history, &records);
        tally.torn_commits += site.count_in_log("the last commit had not been completed");
    }
}

/// Starts a hub, and kills it at a random moment.
fn kill_once(crash: u64, dice: &mut Dice, site: &mut Site, lobby: &Lobby, starts: &mut Starts) {
    let flags: &[&str] = if dice.one_in(4) { &["--sync", "1s"] } else { &[] };
    site.start(&format!("to be killed, number {crash}"), flags);
    let listens = !dice.one_in(6);
    if listens {
        site.wait_until_it_listens();
        starts.listens();
        lobby.open();
    }
    // While it starts, or while replays go on, or, mostly, under load.
    let soon = !listens || dice.one_in(4);
    let mut well =
        lobby.let_pass(Duration::from_millis(if soon { dice.within(0..40) } else { dice.within(40..350) }));
    let drains = listens && dice.one_in(6);
    if drains {
        site.stop();
        well &= lobby.let_pass(Duration::from_millis(dice.within(0..40)));
    }
    let stopped = site.kill();
    lobby.shut();
    // Only one that was about to write can leave a part.
    if listens && !drains && dice.one_in(3) {
        tear::tear(&site.history(), dice);
    }
    // One that was killed before it listened may have come to nothing at all.
    starts.ended(match (listens, drains) {
        (true, false) => End::Killed,
        (true, true) if stopped => End::Stopped,
        _ => End::Unclear,
    });
    assert!(well, "a client has failed");
}

fn spawn<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    lobby: &'s Lobby,
    name: String,
    run: impl FnOnce() -> T + Send + 's,
) -> ScopedJoinHandle<'s, T> {
    let run = move || {
        let _alarm = Alarm(lobby);
        run()
    };
    thread::Builder::new().name(name).spawn_scoped(scope, run).expect("there is room for a thread")
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What came about. A run in which it did not would have shown nothing.
#[derive(Debug, Default)]
struct Tally {
    published: usize,
    acknowledged: usize,
    /// Without an answer, and there or not.
    unanswered: usize,
    unanswered_and_there: usize,
    attempts_beyond_the_first: u32,
    received: usize,
    connections: u32,
    torn_events: u32,
    /// Parts of commits that a start has found.
    torn_commits: usize,
}

impl Tally {
    fn add(&mut self, ledger: &Ledger, history: &Record, records: &[Record]) {
        let answers = || ledger.all().flat_map(|operation| &operation.answers);
        let acknowledged = answers().filter(|answer| **answer != Answer::None).count();
        self.published += history.events.len();
        self.acknowledged += acknowledged;
        self.unanswered += answers().count() - acknowledged;
        self.unanswered_and_there += history.events.len() - acknowledged;
        self.attempts_beyond_the_first +=
            ledger.all().map(|o: &Operation| o.attempts.max(1) - 1).sum::<u32>();
        self.received += records.iter().map(|record| record.events.len()).sum::<usize>();
        self.connections += records.iter().map(|record| record.connections).sum::<u32>();
        self.torn_events += records.iter().map(|record| record.torn).sum::<u32>();
    }

    #[expect(clippy::print_stderr, reason = "what a run was worth")]
    fn check(&self) {
        eprintln!("{self:#?}");
        assert!(self.acknowledged > 0 && self.received > self.acknowledged, "there was a load: {self:?}");
        assert!(self.unanswered > self.unanswered_and_there, "requests were cut off: {self:?}");
        assert!(self.attempts_beyond_the_first > 0 && self.torn_events > 0, "so were streams: {self:?}");
        assert!(self.torn_commits > 0, "and commits: {self:?}");
    }
}
