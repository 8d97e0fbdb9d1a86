//! Rounds: every entry of a row in turn, each with a fresh server, forwards and backwards alternately.

use std::{thread, time::Duration};

use headwater::bench::{Options, Phase, Report};
use serde::Serialize;

use crate::{
    Failure,
    durable::feed,
    load::Load,
    probe::Usage,
    rows::{Entry, Row},
    server::{Installed, Running},
};

/// After starting and after connecting: what is put off happens now, before memory is read.
const SETTLE: Duration = Duration::from_millis(500);

/// One run of an entry: what the server used between the phases.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// While the subscribers connected, and half a second more.
    pub connecting: Usage,
    /// From the first event after the warm-up to the last delivery.
    pub working: Usage,
    /// From connected to the end, warm-up included.
    pub whole: Usage,
    pub report: Report,
}

/// The runs of an entry; `None`: this server was left out.
pub(crate) type Runs = Option<Vec<Run>>;

/// A run as it is saved.
#[derive(Debug, Serialize)]
pub(crate) struct Saved<'a> {
    figures: Vec<(&'static str, f64)>,
    report: &'a Report,
}

impl Run {
    pub(crate) fn saved<'a>(&'a self, row: &Row) -> Saved<'a> {
        let figures = row.figures.iter().map(|figure| (figure.name, (figure.of)(self))).collect();
        Saved { figures, report: &self.report }
    }

    fn connected(&self) -> f64 {
        self.report.connected.max(1) as f64
    }

    fn deliveries(&self) -> f64 {
        self.report.received.max(1) as f64
    }

    /// KiB a subscriber.
    pub(crate) fn idle_memory(&self) -> f64 {
        self.connecting.pss as f64 / 1024.0 / self.connected()
    }

    /// Microseconds.
    pub(crate) fn cpu_per_connect(&self) -> f64 {
        self.connecting.cpu as f64 / 1e3 / self.connected()
    }

    /// Microseconds.
    pub(crate) fn cpu_per_delivery(&self) -> f64 {
        self.working.cpu as f64 / 1e3 / self.deliveries()
    }

    /// Microseconds; the kernel tells the two sides apart by its ticks.
    pub(crate) fn user_per_delivery(&self) -> f64 {
        let ticks = self.working.user_ticks + self.working.system_ticks;
        self.cpu_per_delivery() * self.working.user_ticks as f64 / ticks.max(1) as f64
    }

    /// Microseconds.
    pub(crate) fn cpu_per_publish(&self) -> f64 {
        self.working.cpu as f64 / 1e3 / self.report.published.max(1) as f64
    }

    pub(crate) fn publishes(&self) -> f64 {
        self.report.publishes_per_second
    }

    /// From the first publish to the last delivery, so that what lags behind lowers it.
    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.report.deliveries_per_second
    }

    pub(crate) fn burst_deliveries(&self) -> f64 {
        self.report.bursts.map_or(0.0, |bursts| bursts.median)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.report.latency.p50_ms
    }

    pub(crate) fn p99(&self) -> f64 {
        self.report.latency.p99_ms
    }

    /// KiB.
    pub(crate) fn grown_memory(&self) -> f64 {
        self.whole.pss as f64 / 1024.0
    }

    /// KiB.
    pub(crate) fn grown_sockets(&self) -> f64 {
        self.whole.sockets as f64 / 1024.0
    }
}

/// Runs a row; `hurry` shortens it by that factor.
pub(crate) fn run(
    row: &Row,
    rounds: u16,
    hurry: f64,
    installed: &Installed,
    admitted: &dyn Fn(&Entry) -> bool,
) -> Result<Vec<Runs>, Failure> {
    let mut outcome: Vec<Runs> = row.entries.iter().map(|entry| admitted(entry).then(Vec::new)).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..row.entries.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let (entry, Some(runs)) = (&row.entries[index], &mut outcome[index]) else { continue };
            eprintln!("{}: {} (round {} of {rounds})", row.name, entry.label, round + 1);
            let run = once(entry, hurry, installed)
                .map_err(|error| format!("{}, {}: {error}", row.name, entry.label))?;
            runs.push(run);
        }
    }
    Ok(outcome)
}

fn once(entry: &Entry, hurry: f64, installed: &Installed) -> Result<Run, Failure> {
    let server = Running::start(entry.server, installed)?;
    if entry.fill > 0 {
        feed::fill(&server.target(), (entry.fill as f64 / hurry) as u64)?;
    }
    let usage = || Usage::of(server.process());
    let load = |load: &Options| {
        let Options { seconds, warmup, .. } = *load;
        Load::start(&server.address(&Options {
            seconds: seconds / hurry,
            warmup: warmup / hurry,
            ..load.clone()
        }))
    };
    let mut beside = entry.beside.as_ref().map(load).transpose()?;
    if let Some(beside) = &mut beside {
        beside.go(Phase::Connected)?;
    }
    let mut load = load(&entry.load)?;
    thread::sleep(SETTLE / 2);
    let start = usage()?;
    load.go(Phase::Connected)?;
    thread::sleep(SETTLE);
    let connected = usage()?;
    load.go(Phase::Warm)?;
    let warm = usage()?;
    load.go(Phase::Delivered)?;
    let delivered = usage()?;
    let report = load.finish()?;
    Ok(Run { connecting: connected - start, working: delivered - warm, whole: delivered - connected, report })
}
