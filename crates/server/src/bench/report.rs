//! What a bench found, for people and for machines.

use std::fmt::{self, Write};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Drained, Options, publisher::Published, shared::Shared};

/// The outcome of a bench.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Streams that were opened, those that never read included.
    pub connected: u64,
    /// Streams that could not be opened.
    pub not_connected: u64,
    /// Streams that the server ended before the bench did.
    pub closed: u64,
    /// Events that the server acknowledged, without the warm-up's.
    pub published: u64,
    /// Events refused, unanswered or never sent.
    pub publish_failures: u64,
    /// Acknowledged events a second.
    pub publishes_per_second: f64,
    /// The longest that an event waited because all publishers were waiting for answers, in milliseconds.
    pub behind_ms: f64,
    /// Deliveries that follow from what was acknowledged, without the warm-up's.
    pub expected: u64,
    /// Deliveries that came, each counted once.
    pub received: u64,
    /// From the first publish to the last delivery.
    pub deliveries_per_second: f64,
    /// Time from an event's due time to its arrival.
    pub latency: Latency,
    /// Expected and not received; this and what follows with the warm-up's.
    pub lost: u64,
    /// Received again.
    pub duplicated: u64,
    /// Received after a later one of the same publisher and topic.
    pub out_of_order: u64,
    /// Events of topics that the subscriber had not asked for.
    pub misdirected: u64,
    /// Where there were bursts.
    pub bursts: Option<Bursts>,
    /// The first thing that went wrong, in words.
    pub trouble: Option<String>,
}

/// Quantiles, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Latency {
    /// Deliveries that were timed.
    pub samples: u64,
    /// The median.
    pub p50_ms: f64,
    /// Of a hundred, the slowest but one.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Deliveries a second within bursts, each from its first byte to its last delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bursts {
    /// Bursts that arrived whole.
    pub count: u64,
    /// The slowest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The fastest.
    pub max: f64,
}

impl Report {
    /// Whether every subscriber received every event once and in order.
    pub fn is_faultless(&self) -> bool {
        [
            self.not_connected,
            self.closed,
            self.publish_failures,
            self.lost,
            self.duplicated,
            self.out_of_order,
            self.misdirected,
        ] == [0; 7]
    }
}

pub(super) fn make(
    options: &Options,
    shared: &Shared,
    warm: &Published,
    published: &Published,
    [before, after]: &[Drained; 2],
    latency: &Histogram<u64>,
) -> Report {
    let totals = shared.totals();
    let took = after.last.saturating_sub(after.began) as f64 / 1e9;
    let received = after.received - before.received;
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let mut bursts: Vec<f64> = published
        .bursts
        .iter()
        .map(|&(deliveries, nanos)| deliveries as f64 * 1e9 / nanos.max(1) as f64)
        .collect();
    bursts.sort_by(f64::total_cmp);
    Report {
        connected: totals.connected,
        not_connected: (options.subscribers + options.stalled) as u64 - totals.connected,
        closed: totals.closed,
        published: published.acknowledged,
        publish_failures: warm.failed + published.failed,
        publishes_per_second: per(published.acknowledged as f64, published.elapsed as f64 / 1e9),
        behind_ms: millis(published.behind),
        expected: published.expected,
        received,
        deliveries_per_second: per(received as f64, took),
        latency: Latency {
            samples: latency.len(),
            p50_ms: millis(latency.value_at_quantile(0.5)),
            p99_ms: millis(latency.value_at_quantile(0.99)),
            max_ms: millis(latency.max()),
        },
        lost: (warm.expected + published.expected).saturating_sub(totals.received),
        duplicated: totals.duplicated,
        out_of_order: totals.out_of_order,
        misdirected: totals.misdirected,
        bursts: (!bursts.is_empty()).then(|| Bursts {
            count: bursts.len() as u64,
            min: bursts[0],
            median: bursts[bursts.len() / 2],
            max: bursts[bursts.len() - 1],
        }),
        trouble: shared.trouble.get().cloned(),
    }
}

fn per(count: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

/// The table that `headwater bench` ends with.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<24}{value:>16}");
        row("connected", grouped(self.connected))?;
        if self.not_connected + self.closed > 0 {
            row("  could not connect", grouped(self.not_connected))?;
            row("  closed by the server", grouped(self.closed))?;
        }
        row("published", grouped(self.published))?;
        row("  a second", grouped(self.publishes_per_second.round() as u64))?;
        if self.publish_failures > 0 {
            row("  failed", grouped(self.publish_failures))?;
        }
        if self.behind_ms >= 1.0 {
            row("  behind schedule by", format!("{:.1} ms", self.behind_ms))?;
        }
        row("deliveries expected", grouped(self.expected))?;
        row("  received", grouped(self.received))?;
        row("  a second", grouped(self.deliveries_per_second.round() as u64))?;
        if let Some(bursts) = &self.bursts {
            row("  a second, in bursts", grouped(bursts.median.round() as u64))?;
        }
        for (name, value) in [
            ("latency p50", self.latency.p50_ms),
            ("        p99", self.latency.p99_ms),
            ("        max", self.latency.max_ms),
        ] {
            let timed = self.latency.samples > 0;
            row(name, if timed { format!("{value:.3} ms") } else { "-".into() })?;
        }
        row("lost", grouped(self.lost))?;
        row("duplicated", grouped(self.duplicated))?;
        row("out of order", grouped(self.out_of_order))?;
        if self.misdirected > 0 {
            row("to the wrong subscriber", grouped(self.misdirected))?;
        }
        if let Some(trouble) = &self.trouble {
            writeln!(f, "\nfirst trouble: {trouble}")?;
        }
        Ok(())
    }
}

/// 1234567 as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        // Writing to a string cannot fail.
        let _ = out.write_char(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_table_names_what_went_wrong_and_only_that() {
        let good = Report { connected: 10_000, received: 5, expected: 5, ..Report::default() };
        assert!(good.is_faultless());
        assert!(!good.to_string().contains("closed by"), "{good}");
        let bad = Report { closed: 1, trouble: Some("a stream ended".into()), ..good };
        assert!(!bad.is_faultless());
        assert!(bad.to_string().contains("closed by the server"), "{bad}");
        assert!(bad.to_string().ends_with("first trouble: a stream ended\n"), "{bad}");
    }
}
