//! The table's rows, each a load, the servers that carry it, and what must come out.

use headwater::bench::{Options, Volley};

use crate::{
    round::Run,
    server::{History, Server},
    verdict::Bound,
};

/// One row.
pub(crate) struct Row {
    pub name: &'static str,
    pub title: &'static str,
    pub entries: Vec<Entry>,
    pub figures: Vec<Figure>,
}

/// A server under a load.
pub(crate) struct Entry {
    pub label: &'static str,
    pub server: Server,
    /// Updates published before anything is measured.
    pub fill: u64,
    pub load: Options,
    /// A second load that only holds its connections while the first one works.
    pub beside: Option<Options>,
}

/// What is read off a run, and what it must be for some entries.
pub(crate) struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub of: fn(&Run) -> f64,
    pub checks: Vec<Check>,
}

/// A bound.
pub(crate) struct Check {
    pub entry: &'static str,
    pub must: Bound,
}

const FLOOR: Server = Server::Floor;
const AXUM: Server = Server::Axum;
const NCHAN: Server = Server::Nchan;
const HEADWATER: Server = Server::Headwater(History::Memory, &KEEP);
const LINGER: Server =
    Server::Headwater(History::Memory, &[KEEP[0], KEEP[1], KEEP[2], KEEP[3], "--linger", "5ms"]);
const DURABLE: Server = Server::Headwater(History::Disk, &KEEP);

/// So little that a round goes past it, and so much that it is a history.
const KEEP: [&str; 4] = ["--retain-count", "100000", "--retain-bytes", "64MiB"];
/// Updates that take a history past what it may keep, so that retention works while it is measured.
const FILL: u64 = 250_000;

fn entry(label: &'static str, server: Server, load: &Options) -> Entry {
    Entry { label, server, fill: 0, load: load.clone(), beside: None }
}

fn figure(
    name: &'static str,
    unit: &'static str,
    of: fn(&Run) -> f64,
    checks: &[(&'static str, Bound)],
) -> Figure {
    let checks = checks.iter().map(|&(entry, must)| Check { entry, must }).collect();
    Figure { name, unit, of, checks }
}

/// All rows, in the order in which they run.
pub(crate) fn rows() -> Vec<Row> {
    vec![
        connect(),
        steady(),
        burst("burst", "10,000 subscribers, bursts of 100, posted singly on one connection", Volley::Singly),
        burst("batch", "10,000 subscribers, bursts of 100, each in one request", Volley::Batch),
        fast(),
        publishers(),
        durable(),
        topics(),
        stalled(),
    ]
}

fn connect() -> Row {
    let load = Options { subscribers: 10_000, rate: Some(0.0), seconds: 0.0, ..Options::default() };
    Row {
        name: "connect",
        title: "connecting 10,000 subscribers, then idle",
        entries: vec![
            entry("floor", FLOOR, &load),
            entry("axum", AXUM, &load),
            entry("nchan", NCHAN, &load),
            entry("headwater", HEADWATER, &load),
        ],
        figures: vec![
            figure("memory (PSS) a subscriber", "KiB", Run::idle_memory, &[("headwater", Bound::Most(1.0))]),
            figure("CPU a connect", "µs", Run::cpu_per_connect, &[("headwater", Bound::MostOf(1.0, "axum"))]),
        ],
    }
}

fn steady() -> Row {
    let load =
        Options { subscribers: 10_000, rate: Some(5.0), warmup: 0.5, seconds: 4.0, ..Options::default() };
    Row {
        name: "steady",
        title: "10,000 subscribers, 5 events/s",
        entries: vec![
            entry("floor", FLOOR, &load),
            entry("axum", AXUM, &load),
            entry("nchan", NCHAN, &load),
            entry("headwater", HEADWATER, &load),
        ],
        figures: vec![
            figure(
                "CPU a delivery",
                "µs",
                Run::cpu_per_delivery,
                &[("headwater", Bound::MostOf(1.15, "floor"))],
            ),
            figure("of it, user", "µs", Run::user_per_delivery, &[]),
            figure("latency p99", "ms", Run::p99, &[]),
        ],
    }
}

fn burst(name: &'static str, title: &'static str, volley: Volley) -> Row {
    let load = Options {
        subscribers: 10_000,
        burst: 100,
        volley,
        rate: None,
        warmup: 0.5,
        seconds: 3.0,
        ..Options::default()
    };
    Row {
        name,
        title,
        // A burst took nchan more than the ten seconds that the load allows; at the floor's cost a delivery it would
        // take the floor as long.
        entries: vec![entry("axum", AXUM, &load), entry("headwater", HEADWATER, &load)],
        figures: vec![
            figure("deliveries/s", "", Run::burst_deliveries, &[("headwater", Bound::LeastOf(3.0, "axum"))]),
            figure("CPU a delivery", "µs", Run::cpu_per_delivery, &[]),
        ],
    }
}

fn fast() -> Row {
    let load =
        Options { subscribers: 1_000, rate: Some(500.0), warmup: 0.5, seconds: 4.0, ..Options::default() };
    Row {
        name: "fast",
        title: "1,000 subscribers, 500 events/s, posted singly",
        entries: vec![
            entry("floor", FLOOR, &load),
            entry("axum", AXUM, &load),
            entry("nchan", NCHAN, &load),
            entry("headwater", HEADWATER, &load),
            entry("headwater --linger 5ms", LINGER, &load),
        ],
        figures: vec![
            // Deliveries, not answers: a hub may answer long before it delivers. What comes up to 80 ms after the
            // last of four seconds is on time.
            figure(
                "deliveries/s, to the last one",
                "",
                Run::deliveries_per_second,
                &[
                    ("headwater", Bound::Least(0.98 * 500_000.0)),
                    ("headwater --linger 5ms", Bound::Least(0.98 * 500_000.0)),
                ],
            ),
            figure(
                "CPU a delivery",
                "µs",
                Run::cpu_per_delivery,
                &[
                    ("headwater", Bound::MostOf(0.9, "axum")),
                    ("headwater --linger 5ms", Bound::MostOf(0.65, "axum")),
                ],
            ),
            figure("of it, user", "µs", Run::user_per_delivery, &[]),
            figure("publishes/s", "", Run::publishes, &[]),
            figure("latency p50", "ms", Run::p50, &[]),
            figure("latency p99", "ms", Run::p99, &[("headwater", Bound::MostOf(0.5, "axum"))]),
        ],
    }
}

fn publishers() -> Row {
    let load = Options {
        subscribers: 1,
        publishers: 64,
        size: 200,
        rate: None,
        warmup: 0.5,
        seconds: 3.0,
        ..Options::default()
    };
    Row {
        name: "publishers",
        title: "64 publishers, single 200-byte updates, 1 subscriber that receives all",
        entries: vec![
            entry("axum", AXUM, &load),
            entry("nchan", NCHAN, &load),
            entry("headwater", HEADWATER, &load),
        ],
        figures: vec![
            figure("publishes/s", "", Run::publishes, &[("headwater", Bound::LeastOf(0.9, "axum"))]),
            figure("CPU a publish", "µs", Run::cpu_per_publish, &[]),
        ],
    }
}

fn durable() -> Row {
    let load = Options {
        subscribers: 1,
        publishers: 64,
        size: 200,
        rate: None,
        warmup: 0.5,
        seconds: 3.0,
        ..Options::default()
    };
    let filled = |label, server| Entry { fill: FILL, ..entry(label, server, &load) };
    Row {
        name: "durable",
        title: "64 publishers, single 200-byte updates that survive a power cut, 1 subscriber that receives all",
        entries: vec![filled("memory", HEADWATER), filled("headwater", DURABLE)],
        figures: vec![
            figure("publishes/s", "", Run::publishes, &[("headwater", Bound::LeastOf(0.7, "memory"))]),
            figure("CPU a publish", "µs", Run::cpu_per_publish, &[]),
        ],
    }
}

fn topics() -> Row {
    let load = Options {
        subscribers: 10,
        topic: "watched/{index}".into(),
        rate: Some(200.0),
        warmup: 0.5,
        seconds: 2.0,
        ..Options::default()
    };
    // Every event on a topic of its own, so that nothing found out for the one before helps.
    let fresh = Options {
        topic: "watched/{index}/{sequence}".into(),
        selector: Some("watched/{index}/{number}".into()),
        ..load.clone()
    };
    let others = |topic: &str| Options {
        subscribers: 10_000,
        topics: 10_000,
        topic: topic.into(),
        rate: Some(0.0),
        seconds: 0.0,
        ..Options::default()
    };
    let beside = |label, load, topic| Entry { beside: Some(others(topic)), ..entry(label, HEADWATER, load) };
    Row {
        name: "topics",
        title: "a topic with 10 subscribers, 200 events/s",
        entries: vec![
            entry("alone", HEADWATER, &load),
            beside("beside 10,000 on other topics", &load, "other/{index}"),
            beside("beside 10,000 templates", &load, "other/{index}/{+rest}"),
            beside("beside 10,000 templates, each event a new topic", &fresh, "other/{index}/{+rest}"),
            beside("beside 10,000 templates that begin alike", &fresh, "watched/{part}/{index}/{+rest}"),
        ],
        figures: vec![
            figure(
                "CPU a publish",
                "µs",
                Run::cpu_per_publish,
                &[
                    ("beside 10,000 on other topics", Bound::MostOf(1.2, "alone")),
                    ("beside 10,000 templates", Bound::Most(1_000.0)),
                    ("beside 10,000 templates, each event a new topic", Bound::Most(1_000.0)),
                    ("beside 10,000 templates that begin alike", Bound::Most(1_000.0)),
                ],
            ),
            figure("latency p99", "ms", Run::p99, &[]),
        ],
    }
}

fn stalled() -> Row {
    let load = Options {
        subscribers: 1_000,
        size: 1_024,
        rate: Some(100.0),
        warmup: 0.5,
        seconds: 4.0,
        ..Options::default()
    };
    let with = Options { stalled: STALLED as usize, ..load.clone() };
    Row {
        name: "stalled",
        title: "1,000 subscribers, 100 events/s of 1 KiB, beside 100 that never read",
        entries: vec![
            entry("axum, without", AXUM, &load),
            entry("axum, with", AXUM, &with),
            entry("headwater, without", HEADWATER, &load),
            entry("headwater, with", HEADWATER, &with),
        ],
        figures: vec![
            figure(
                "server's memory, a 100th of its growth",
                "KiB",
                |run| run.grown_memory() / STALLED,
                &[("headwater, with", Bound::MostAbove(16.0, "headwater, without"))],
            ),
            figure(
                "kernel's memory for TCP, a 100th of its growth",
                "KiB",
                |run| run.grown_sockets() / STALLED,
                &[("headwater, with", Bound::MostAbove(192.0, "headwater, without"))],
            ),
            figure(
                "latency p99 of the rest",
                "ms",
                Run::p99,
                &[("headwater, with", Bound::MostOf(1.5, "headwater, without"))],
            ),
        ],
    }
}

const STALLED: f64 = 100.0;
