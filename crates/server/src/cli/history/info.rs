//! `headwater history info`: what is there, at a glance.

use std::{fmt::Write as _, ops::Range, process::ExitCode};

use clap::Args;
use headwater_hub::upkeep::{self, Info};
use indicatif::{BinaryBytes, HumanCount};
use serde::Serialize;

use super::{Place, counted, moment, offsets, some_of, timestamp};
use crate::cli::{print, watch::Watched};

/// Says what a history holds: updates, times, epochs, gaps, and the topics that most updates bear.
#[derive(Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    place: Place,

    /// So many topics are named.
    #[arg(long, value_name = "N", default_value_t = 10)]
    topics: usize,

    /// Prints it as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InfoArgs) -> ExitCode {
    let watched = Watched::new();
    let info = upkeep::info(&args.place.path, args.topics, &mut |progress| watched.see(progress));
    watched.finish();
    match info {
        Err(error) => super::failed(&error),
        Ok(info) if args.json => print(json(&info)),
        Ok(info) => print(text(&args.place.path.display().to_string(), &info).trim_end()),
    }
}

fn text(path: &str, info: &Info) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:<10}{value}").expect("writing to a string does not fail");
    };
    let state = match (info.in_use, info.clean) {
        (true, _) => "in use by a hub",
        (false, true) => "not in use; the last hub ended in good order",
        (false, false) => "not in use; the last hub did not end in good order",
    };
    line("history", format!("{path}, {state}"));
    line("format", format!("{}, id {}", info.version, hex(&info.id)));
    let updates = info.updates();
    if updates == 0 {
        line("updates", format!("none; the next one gets offset {}", HumanCount(info.next)));
    } else {
        line("updates", format!("{}, offsets {}", HumanCount(updates), offsets(&(info.first..info.next))));
    }
    if let Some((first, last)) = info.first_time.zip(info.last_time) {
        line("times", format!("{} to {}", moment(first), moment(last)));
    }
    line(
        "on disk",
        format!(
            "{} in {}, {} of indexes",
            BinaryBytes(info.bytes),
            counted(info.segments as u64, "segment"),
            BinaryBytes(info.index_bytes)
        ),
    );
    let epochs = info.epochs.iter().map(|(epoch, first)| format!("{epoch} from {}", HumanCount(*first)));
    line("epochs", some_of(epochs));
    if info.gaps.is_empty() {
        line("gaps", "none".into());
    } else {
        line("gaps", some_of(info.gaps.iter().map(offsets)));
    }
    if !info.damaged.is_empty() {
        let damaged = some_of(info.damaged.iter().map(offsets));
        line("damaged", format!("{damaged}; stop the hub and run `headwater history repair {path}`"));
    }
    for purge in &info.pending_purges {
        line("purging", format!("{} (what came before {})", purge.topic, HumanCount(purge.before)));
    }
    let width = info.topics.iter().map(|topic| HumanCount(topic.updates).to_string().len()).max();
    for (i, topic) in info.topics.iter().enumerate() {
        let count = HumanCount(topic.updates).to_string();
        let name = if i == 0 { "topics" } else { "" };
        line(name, format!("{count:>width$}  {}", topic.topic, width = width.unwrap_or_default()));
    }
    text
}

fn hex(id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    id: String,
    in_use: bool,
    clean: bool,
    updates: u64,
    first_offset: u64,
    next_offset: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    bytes: u64,
    index_bytes: u64,
    segments: usize,
    epochs: Vec<Epoch>,
    gaps: Vec<Offsets>,
    damaged: Vec<Offsets>,
    pending_purges: Vec<Purge<'a>>,
    topics: Vec<Topic<'a>>,
}

#[derive(Serialize)]
struct Epoch {
    epoch: String,
    first_offset: u64,
}

/// Both ends are meant.
#[derive(Serialize)]
pub(super) struct Offsets {
    first: u64,
    last: u64,
}

#[derive(Serialize)]
struct Purge<'a> {
    topic: &'a str,
    before: u64,
}

#[derive(Serialize)]
struct Topic<'a> {
    topic: &'a str,
    updates: u64,
}

pub(super) fn ranges(ranges: &[Range<u64>]) -> Vec<Offsets> {
    ranges.iter().map(|range| Offsets { first: range.start, last: range.end.saturating_sub(1) }).collect()
}

fn json(info: &Info) -> String {
    let json = Json {
        format: info.version,
        id: hex(&info.id),
        in_use: info.in_use,
        clean: info.clean,
        updates: info.updates(),
        first_offset: info.first,
        next_offset: info.next,
        first_time: info.first_time.map(timestamp),
        last_time: info.last_time.map(timestamp),
        bytes: info.bytes,
        index_bytes: info.index_bytes,
        segments: info.segments,
        epochs: info
            .epochs
            .iter()
            .map(|(epoch, first)| Epoch { epoch: epoch.to_string(), first_offset: *first })
            .collect(),
        gaps: ranges(&info.gaps),
        damaged: ranges(&info.damaged),
        pending_purges: info
            .pending_purges
            .iter()
            .map(|purge| Purge { topic: purge.topic.as_str(), before: purge.before })
            .collect(),
        topics: info.topics.iter().map(|t| Topic { topic: &t.topic, updates: t.updates }).collect(),
    };
    serde_json::to_string_pretty(&json).expect("strings and numbers always serialize")
}
