//! `headwater bench`: load for a hub, and whether it carried it.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use headwater_client::hub_url;
use indicatif::{ProgressBar, ProgressStyle};

use super::{print, tell, usage};
use crate::bench::{self, Error, Observer, Options, Phase, Snapshot, Volley};

const EXAMPLES: &str = "\
Examples:
  headwater bench http://127.0.0.1:3000 --token $TOKEN
  headwater bench $HUB --token $TOKEN --subscribers 10000 --rate 5 --seconds 30
  headwater bench $HUB --token $TOKEN --subscribers 1000 --rate 200 --burst 100 --topics 10
  headwater bench $HUB --token $TOKEN --subscribers 1 --publishers 64 --rate max

Exit status: 0 every subscriber received every event once and in order, 1 not so, 2 used wrongly.";

/// Loads a hub with subscribers and events, and checks that each one receives each event once and in order.
///
/// Every event carries its number and the time it was sent, so what is lost, doubled or out of order shows for every
/// single subscriber. It publishes: use topics that nobody else listens to. It takes CPU beside the hub when both are on
/// one machine; figures of a hub's capacity want a second one.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct BenchArgs {
    /// The hub's URL, such as `http://127.0.0.1:3000`; without a path it gets `/.well-known/mercure`.
    url: String,

    /// Token that may publish to the topics (`headwater token --publish '*'`).
    #[arg(long, value_name = "JWT", env = "HEADWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Connections that receive.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    subscribers: usize,

    /// Events a second over all topics; `max`: as many as the hub answers.
    #[arg(long, value_name = "EVENTS", default_value = "10", value_parser = rate)]
    rate: Rate,

    /// How long to publish.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    seconds: f64,

    /// Events at once. Then a burst begins when the one before has arrived everywhere.
    #[arg(long, value_name = "K", default_value_t = 1)]
    burst: u32,

    /// Bytes of an event's data.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    size: usize,

    /// Connections that publish. Each waits for an answer before its next request.
    #[arg(long, value_name = "P", default_value_t = 1)]
    publishers: usize,

    /// Topics; the subscribers are spread over them.
    #[arg(long, value_name = "T", default_value_t = 1)]
    topics: usize,

    /// Prints the results as JSON.
    #[arg(long)]
    json: bool,

    /// Name of the topics; `{index}` stands for a topic's number, `{sequence}` for an event's.
    #[arg(long, value_name = "NAME", default_value = "bench/{index}", help_heading = "Special loads")]
    topic: String,

    /// What subscribers ask for instead of the topic's name; `{index}` as in --topic.
    #[arg(long, value_name = "SELECTOR", help_heading = "Special loads")]
    selector: Option<String>,

    /// Subscribes without the token.
    #[arg(long, help_heading = "Special loads")]
    anonymous: bool,

    /// Sends each --burst as NDJSON in one request.
    #[arg(long, conflicts_with = "pipeline", help_heading = "Special loads")]
    ndjson: bool,

    /// Sends the requests of a --burst without waiting for answers in between.
    #[arg(long, help_heading = "Special loads")]
    pipeline: bool,

    /// Further subscribers, which never read.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Special loads")]
    stalled: usize,

    /// Seconds to publish beforehand without measuring.
    #[arg(long, value_name = "S", default_value_t = 0.0, help_heading = "Special loads")]
    warmup: f64,

    /// Threads that receive.
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Special loads")]
    threads: usize,
}

/// A pace; `None`: as fast as it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate(Option<f64>);

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate(None));
    }
    match text.parse() {
        Ok(rate) if rate >= 0.0 => Ok(Rate(Some(rate))),
        _ => Err("write a number of events a second, or `max`".into()),
    }
}

impl From<&BenchArgs> for Options {
    fn from(args: &BenchArgs) -> Self {
        let volley = match (args.ndjson, args.pipeline) {
            (true, _) => Volley::Batch,
            (false, true) => Volley::Pipelined,
            (false, false) => Volley::Singly,
        };
        Self {
            // What is no URL is refused by the bench, in its words.
            url: hub_url(&args.url).map_or_else(|_| args.url.clone(), String::from),
            // A variable that is empty is as good as none, as for the other commands.
            token: args.token.clone().filter(|token| !token.is_empty()),
            anonymous: args.anonymous,
            subscribers: args.subscribers,
            stalled: args.stalled,
            topics: args.topics,
            topic: args.topic.clone(),
            selector: args.selector.clone(),
            rate: args.rate.0,
            seconds: args.seconds,
            warmup: args.warmup,
            burst: args.burst,
            volley,
            size: args.size,
            publishers: args.publishers,
            threads: args.threads,
            ..Self::default()
        }
    }
}

pub(super) fn run(args: &BenchArgs) -> ExitCode {
    let options = Options::from(args);
    let outcome = bench::run(&options, &mut Watcher::new(&options));
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            tell(format_args!("headwater bench: {error}"));
            return match error {
                Error::Url { .. } | Error::Token | Error::Option { .. } => usage(),
                _ => ExitCode::FAILURE,
            };
        }
    };
    let printed = if args.json {
        match serde_json::to_string_pretty(&report) {
            Ok(json) => print(json),
            Err(_) => ExitCode::FAILURE,
        }
    } else {
        print(&report)
    };
    if report.is_faultless() { printed } else { ExitCode::FAILURE }
}

/// Progress on a terminal; indicatif keeps silent where standard error is none.
struct Watcher {
    bar: ProgressBar,
    subscribers: u64,
    /// Seconds of publishing.
    seconds: f64,
    began: f64,
    before: Snapshot,
}

impl Watcher {
    fn new(options: &Options) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{prefix:>12} {wide_bar} {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            subscribers: (options.subscribers + options.stalled) as u64,
            seconds: options.seconds,
            began: 0.0,
            before: Snapshot::default(),
        }
    }
}

impl Observer for Watcher {
    fn phase(&mut self, phase: Phase, now: Snapshot) {
        let (prefix, length) = match phase {
            Phase::Start => ("connecting", self.subscribers),
            Phase::Connected | Phase::Warm => {
                ("publishing", Duration::from_secs_f64(self.seconds).as_millis() as u64)
            }
            Phase::Delivered => return self.bar.finish_and_clear(),
        };
        self.bar.set_prefix(prefix);
        self.bar.set_length(length);
        self.bar.set_position(0);
        self.began = now.seconds;
        self.before = now;
    }

    fn tick(&mut self, phase: Phase, now: Snapshot) {
        if phase == Phase::Start {
            self.bar.set_position(now.connected);
            self.bar.set_message(format!("{} of {}", now.connected, self.subscribers));
            return;
        }
        self.bar.set_position(((now.seconds - self.began) * 1e3) as u64);
        let elapsed = now.seconds - self.before.seconds;
        // A rate over less jumps about.
        if elapsed >= 0.5 {
            let rate = (now.received - self.before.received) as f64 / elapsed;
            self.bar.set_message(format!("{rate:.0} deliveries/s"));
            self.before = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn options(line: &str) -> Options {
        Options::from(&Cli::try_parse_from(line.split(' ')).unwrap().args)
    }

    #[test]
    fn what_is_typed_is_what_runs() {
        let typed = options(
            "bench http://h/ --subscribers 10 --rate 2.5 --seconds 3 --burst 4 --size 50 --publishers 6 --topics 7",
        );
        assert_eq!((typed.subscribers, typed.rate, typed.burst, typed.size), (10, Some(2.5), 4, 50));
        assert_eq!((typed.publishers, typed.topics, typed.volley), (6, 7, Volley::Singly));
        assert_eq!(options("bench http://h/ --ndjson").volley, Volley::Batch);
        assert_eq!(options("bench http://h/ --pipeline").volley, Volley::Pipelined);
        assert_eq!(options("bench http://h/ --rate max").rate, None);
        assert_eq!(typed.url, "http://h/.well-known/mercure");
        assert_eq!(options("bench http://h/hub").url, "http://h/hub");
        assert_eq!(options("bench nonsense").url, "nonsense");
        assert_eq!(options("bench http://h/ --token=").token, None);
        assert_eq!(options("bench http://h/ --token=t").token.as_deref(), Some("t"));
    }

    #[test]
    fn a_rate_is_a_number_or_max() {
        assert_eq!(rate("0"), Ok(Rate(Some(0.0))));
        for bad in ["", "-1", "fast", "NaN"] {
            assert!(rate(bad).is_err(), "{bad:?}");
        }
    }
}
