//! The whole of it, but for threads and sockets, on a disk that fails: sequencer, history, log, ring, shard, readers and
//! subscribers over all their connections, driven by one seed and held against plain facts.
//!
//! `HEADWATER_SEEDS` says how many seeds are tried, `HEADWATER_SEED` which is the first. A failure prints its seed, all
//! that was done, and the disk's last operations; with `HEADWATER_SEED=n HEADWATER_SEEDS=1` the same happens again.

mod client;
mod facts;
mod life;
mod world;

use std::{
    env,
    ops::AddAssign,
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use self::world::World;
use crate::{Retention, SlowReader, SyncPolicy, disk::sim::Random, ring::Window};

/// What is not as it should be.
type Wrong = String;

/// What bounds the hub of one seed: all of it so small that it is met.
#[derive(Clone, Debug)]
struct Config {
    retention: Retention,
    rules: bool,
    sync: SyncPolicy,
    slow_reader: SlowReader,
    window: Window,
    segment_bytes: u64,
    segment_count: u64,
    ahead: usize,
    /// Besides what is written, reads fail too.
    reads_fail: bool,
    flips: bool,
    /// The first segment's: an earlier hub may have begun it.
    version: u32,
}

impl Config {
    fn draw(random: &mut Random) -> Self {
        let many = 1 << 20;
        Self {
            retention: Retention {
                count: *random.pick(&[0, 3, 10, 40, many]),
                bytes: *random.pick(&[0, 600, 3_000, 10_000, 1 << 30, 1 << 30, 1 << 30]),
                age: random.one_in(3).then(|| Duration::from_secs(*random.pick(&[5, 100, 2_000]))),
            },
            rules: random.one_in(3),
            sync: if random.one_in(3) {
                SyncPolicy::Every(Duration::from_secs(1))
            } else {
                SyncPolicy::Commit
            },
            slow_reader: if random.one_in(4) { SlowReader::Close } else { SlowReader::CatchUp },
            window: Window {
                count: *random.pick(&[0, 1, 5, many]),
                bytes: *random.pick(&[0, 2_000, 1 << 30]),
            },
            segment_bytes: *random.pick(&[200, 700, 2_000, 1 << 20]),
            segment_count: *random.pick(&[1, 2, 5, 20]),
            ahead: *random.pick(&[0, 64, 700, 2_000]),
            reads_fail: random.one_in(4),
            flips: random.one_in(4),
            version: *random.pick(&[1, 2, 2, 2]),
        }
    }

    fn is_synced(&self) -> bool {
        self.sync == SyncPolicy::Commit
    }
}

/// How often what is of interest has happened.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    events: u64,
    ends: u64,
    adopted: u64,
    cut_off: u64,
    repeated: u64,
    purges: u64,
    troubles: u64,
    flips: u64,
    refused: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.ends += other.ends;
        self.adopted += other.adopted;
        self.cut_off += other.cut_off;
        self.repeated += other.repeated;
        self.purges += other.purges;
        self.troubles += other.troubles;
        self.flips += other.flips;
        self.refused += other.refused;
    }
}

/// One seed's program, to its end.
fn run(world: &mut World) -> Result<(), Wrong> {
    if !world.start()? {
        return Err("an empty directory is damaged".into());
    }
    for _ in 0..10 + world.random.below(100) {
        if !step(world)? {
            return Ok(());
        }
        world.observe()?;
    }
    world.heal();
    if world.config.flips && !world.flip_bits()? {
        return Ok(());
    }
    rest(world)?;
    world.check()?;
    world.has_forgotten()?;
    if world.end()? {
        rest(world)?;
        world.check()?;
    }
    Ok(())
}

/// Everything that was going on comes to its end.
fn rest(world: &mut World) -> Result<(), Wrong> {
    world.heal();
    world.commit()?;
    world.sync();
    world.settle()?;
    world.trouble.reads = false;
    world.chores();
    world.settle()
}

/// Does something; `false`: the history is damaged, and that was said.
fn step(world: &mut World) -> Result<bool, Wrong> {
    match world.random.below(100) {
        0..20 => world.publish(),
        20..38 => {
            world.commit()?;
            if world.random.coin() {
                world.turn();
            }
        }
        38..44 => world.chores(),
        44..48 => world.sync(),
        48..54 => world.connect()?,
        54..65 => world.turn(),
        65..72 => world.fetch(),
        72..79 => world.answer(),
        79..82 => world.room(),
        82..86 => world.pass_time(),
        86..88 => world.purge()?,
        88..91 => world.trouble(),
        91..94 => rest(world)?,
        94..96 => world.check()?,
        _ => return world.end(),
    }
    Ok(true)
}

/// Runs one seed; what is wrong says all that is known of it.
fn try_seed(seed: u64) -> Result<Counts, Wrong> {
    let attempt = |tell| {
        let mut world = World::new(seed, tell);
        let done = panic::catch_unwind(AssertUnwindSafe(|| run(&mut world)));
        let done = done.unwrap_or_else(|_| Err("it panics, as printed above".into()));
        (done, world)
    };
    match attempt(false) {
        (Ok(()), world) => Ok(world.counts),
        (Err(_), _) => {
            // Once more, with all that happens.
            let (done, world) = attempt(true);
            let what = done.err().unwrap_or_else(|| "and not when it is tried again".into());
            let story = world.story.unwrap_or_default();
            Err(format!("{story}{:?}\nseed {seed}: {what}", world.disk))
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn whatever_the_disk_does_nothing_is_lost_in_silence() {
    let (first, count) = (number("HEADWATER_SEED", 0), number("HEADWATER_SEEDS", 10_000));
    let keep_going = env::var_os("HEADWATER_KEEP_GOING").is_some();
    let next = AtomicU64::new(first);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut counts = Counts::default();
        let mut wrong = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                break;
            }
            match try_seed(seed) {
                Ok(new) => counts += new,
                Err(what) => {
                    failed.store(!keep_going, Ordering::Relaxed);
                    wrong.push(what);
                }
            }
        }
        (counts, wrong)
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let (counts, wrong) = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = (Counts::default(), Vec::new());
        for thread in threads {
            let (counts, wrong) = thread.join().expect("it catches panics");
            all.0 += counts;
            all.1.extend(wrong);
        }
        all
    });
    assert!(wrong.is_empty(), "{} of {count} seeds, the first of them:\n{}", wrong.len(), wrong[0]);
    if count >= 1_000 {
        // A program that does nothing finds nothing.
        let Counts { events, ends, adopted, cut_off, repeated, purges, troubles, flips, refused } = counts;
        let seen = [events, ends, adopted, cut_off, repeated, purges, troubles, flips, refused];
        assert!(seen.iter().all(|&n| n > count / 100), "{counts:?}");
    }
}
