//! The engine against a plain reference: random steps, in every order, and each byte of each connection held against
//! what was published.
//!
//! `PROPTEST_CASES` says how many cases are tried. A failing case is made as small as it gets, and printed;
//! `PROPTEST_RNG_SEED` repeats a run.

mod reader;
mod reference;
mod world;

use proptest::{option, prelude::*, sample::select};

use self::{
    reference::{Bounds, SELECTORS, TOPICS},
    world::{GRANTS, World},
};
use crate::{SlowReader, timer::Tick, told::Include};

/// What bounds the hub of one case: all of it so small that it is met.
#[derive(Clone, Debug)]
struct Config {
    bounds: Bounds,
    unknown_live: bool,
    /// How large the pages are of a past behind the ring, if there is one.
    past: Option<u64>,
    slow_reader: SlowReader,
    heartbeat: Option<Tick>,
    write_timeout: Tick,
    pass_items: usize,
    pass_bytes: usize,
    page_items: usize,
    page_bytes: usize,
    lists: usize,
    catch_up: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Publish {
        updates: Vec<Update>,
        key: Option<(u8, u8)>,
    },
    Commit,
    Admit(Ask),
    Attach,
    Room {
        who: usize,
        bytes: usize,
    },
    Break {
        who: usize,
    },
    Read {
        who: usize,
        frames: usize,
    },
    Reconnect {
        who: usize,
    },
    Spurious {
        key: usize,
    },
    Commands,
    Time {
        ticks: Tick,
    },
    Pass,
    CatchUp,
    /// What is asked of the past is read.
    Fetch,
    /// One of the pages that have been read comes in.
    Answer {
        nth: usize,
    },
    /// What has been read is worthless.
    Forget,
    Turn,
    Settle,
    Drain {
        over: Tick,
    },
}

#[derive(Clone, Debug)]
struct Update {
    topics: Vec<usize>,
    private: bool,
    id: Option<&'static str>,
    event_type: Option<&'static str>,
    retry: Option<u64>,
    size: usize,
}

#[derive(Clone, Debug)]
struct Ask {
    selectors: Vec<usize>,
    grant: Option<usize>,
    from: From,
    gap_events: bool,
    include: Include,
    expires: Option<Tick>,
    transport: Transport,
}

#[derive(Clone, Debug)]
enum From {
    Now,
    Earliest,
    /// The generated id of this offset.
    Offset(u64),
    Id(String),
}

#[derive(Clone, Copy, Debug)]
enum Transport {
    Pipe { chunked: bool, room: usize },
    Pull { room: usize },
}

const CHOSEN: &[&str] = &["x", "y", "with \"quotes\""];

fn config() -> impl Strategy<Value = Config> {
    let few = || prop_oneof![0u64..12, Just(1000)];
    let bytes = || prop_oneof![0usize..3000, Just(1 << 20)];
    let bounds = (few(), bytes(), option::weighted(0.3, 20..200u32), few(), bytes()).prop_map(
        |(count, bytes, age, window_count, window_bytes)| Bounds {
            count,
            bytes,
            age,
            window_count,
            window_bytes,
        },
    );
    let portions = (1..5usize, 1..800usize, 1..5usize, 1..800usize, 1..6usize, 1..20usize);
    let past = option::weighted(0.5, 1..6u64);
    let slow_reader = prop_oneof![4 => Just(SlowReader::CatchUp), 1 => Just(SlowReader::Close)];
    let rules = (any::<bool>(), past, slow_reader, option::weighted(0.8, 3..40u32), 10..60u32);
    (bounds, rules, portions).prop_map(
        |(bounds, (unknown_live, past, slow_reader, heartbeat, write_timeout), portions)| {
            let (pass_items, pass_bytes, page_items, page_bytes, lists, catch_up) = portions;
            Config {
                bounds,
                unknown_live,
                past,
                slow_reader,
                heartbeat,
                write_timeout,
                pass_items,
                pass_bytes,
                page_items,
                page_bytes,
                lists,
                catch_up,
            }
        },
    )
}

fn update() -> impl Strategy<Value = Update> {
    (
        proptest::collection::vec(0..TOPICS.len(), 1..3),
        proptest::bool::weighted(0.3),
        option::weighted(0.3, select(CHOSEN)),
        option::weighted(0.2, select(&["tick", ""][..])),
        option::weighted(0.2, select(&[0, 1500][..])),
        prop_oneof![3 => 0..3usize, 1 => 0..60usize],
    )
        .prop_map(|(topics, private, id, event_type, retry, size)| Update {
            topics,
            private,
            id,
            event_type,
            retry,
            size,
        })
}

fn ask() -> impl Strategy<Value = Ask> {
    let from = prop_oneof![
        3 => Just(From::Now),
        2 => Just(From::Earliest),
        3 => (0..40u64).prop_map(From::Offset),
        2 => select(CHOSEN).prop_map(|id| From::Id(id.to_owned())),
        1 => select(&["", "never", "earlier\n", "#00000000000a-1", "#000000000005-x"][..])
            .prop_map(|id| From::Id(id.to_owned())),
    ];
    let transport = prop_oneof![
        6 => (any::<bool>(), prop_oneof![Just(0), 0..400usize, Just(1 << 20)])
            .prop_map(|(chunked, room)| Transport::Pipe { chunked, room }),
        2 => (1..6usize).prop_map(|room| Transport::Pull { room }),
    ];
    (
        proptest::collection::vec(0..SELECTORS.len(), 1..5),
        option::weighted(0.5, 0..GRANTS.len()),
        from,
        any::<bool>(),
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.2),
        option::weighted(0.1, 0..100u32),
        transport,
    )
        .prop_map(|(selectors, grant, from, gap_events, cursor, topic, expires, transport)| Ask {
            selectors,
            grant,
            from,
            gap_events,
            include: Include { cursor, topic, selector: topic },
            expires,
            transport,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..16usize;
    prop_oneof![
        16 => (proptest::collection::vec(update(), 0..5), option::weighted(0.15, (0..4u8, 0..2u8)))
            .prop_map(|(updates, key)| Step::Publish { updates, key }),
        12 => Just(Step::Commit),
        10 => ask().prop_map(Step::Admit),
        10 => Just(Step::Attach),
        14 => (who(), prop_oneof![1..20usize, 1..600usize, Just(1 << 16)])
            .prop_map(|(who, bytes)| Step::Room { who, bytes }),
        1 => who().prop_map(|who| Step::Break { who }),
        6 => (who(), 1..8usize).prop_map(|(who, frames)| Step::Read { who, frames }),
        4 => who().prop_map(|who| Step::Reconnect { who }),
        2 => (0..10usize).prop_map(|key| Step::Spurious { key }),
        5 => Just(Step::Commands),
        6 => prop_oneof![5 => 1..8u32, 1 => 1..80u32, 1 => 1..3000u32].prop_map(|ticks| Step::Time { ticks }),
        8 => Just(Step::Pass),
        8 => Just(Step::CatchUp),
        8 => Just(Step::Fetch),
        8 => (0..8usize).prop_map(|nth| Step::Answer { nth }),
        1 => Just(Step::Forget),
        8 => Just(Step::Turn),
        3 => Just(Step::Settle),
    ]
}

proptest! {
    #[test]
    fn every_connection_gets_what_the_reference_says(
        config in config(),
        steps in proptest::collection::vec(step(), 1..160),
        drain in option::weighted(0.3, (0..60u32, proptest::collection::vec(step(), 0..20))),
    ) {
        let drain = drain.into_iter().flat_map(|(over, steps)| [Step::Drain { over }].into_iter().chain(steps));
        let steps = steps.into_iter().chain(drain);
        let mut world = World::new(&config);
        for (i, step) in steps.enumerate() {
            world.step(&step).map_err(|e| TestCaseError::fail(format!("at step {i}: {e}")))?;
        }
        world.end().map_err(|e| TestCaseError::fail(format!("at the end: {e}")))?;
    }
}
