//! `headwater history export`: all updates, as lines that can be published or imported again.

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    process::ExitCode,
};

use clap::Args;
use headwater_hub::{
    EventId, EventType, Retry, Topic,
    upkeep::{Export, Retained, UpkeepError},
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{Place, counted, offsets, timestamp};
use crate::cli::{
    tell,
    watch::{Interrupt, bar, show},
};

/// Writes all updates to standard output, oldest first, one JSON object a line.
///
/// The lines are those that `headwater history import` and `headwater publish --ndjson` take. An id stands in them only
/// if the publisher chose it. What was purged is left out, and what is damaged is told on standard error; the rest is
/// written all the same.
#[derive(Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    place: Place,

    /// Adds each update's `offset` and `time`. Such lines can neither be imported nor published.
    #[arg(long)]
    with_places: bool,
}

/// The members in the order in which the documentation of publishing names them.
#[derive(Serialize)]
struct Line<'a> {
    topic: Topics<'a>,
    data: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Topics<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

impl<'a> Line<'a> {
    fn of(retained: &'a Retained, with_places: bool) -> Self {
        let update = &retained.update;
        let topics: Vec<_> = update.topics.iter().map(Topic::as_str).collect();
        Self {
            topic: if let [one] = topics[..] { Topics::One(one) } else { Topics::Many(topics) },
            data: &update.data,
            private: update.private,
            id: update.id.as_ref().map(EventId::as_str),
            event_type: update.event_type.as_ref().map(EventType::as_str),
            retry: update.retry.map(Retry::as_millis),
            offset: with_places.then_some(retained.offset),
            time: with_places.then(|| timestamp(retained.at)),
        }
    }
}

pub(super) fn run(args: &ExportArgs) -> ExitCode {
    let export = match Export::open(&args.place.path) {
        Ok(export) => export,
        Err(error) => return super::failed(&error),
    };
    // On a terminal the lines themselves show that it goes on.
    let bar = if io::stdout().is_terminal() { ProgressBar::hidden() } else { bar(ProgressBar::no_length()) };
    let outcome = write(export, args.with_places, &bar, BufWriter::new(io::stdout().lock()));
    bar.finish_and_clear();
    match outcome {
        Ok(status) => status,
        // Whoever reads has had enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            tell(format_args!("headwater: the export cannot be written: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The bar is moved each time that so many lines have been written.
const LINES: u64 = 1024;

fn write(
    mut export: Export,
    with_places: bool,
    bar: &ProgressBar,
    mut out: impl Write,
) -> io::Result<ExitCode> {
    let interrupt = Interrupt::listen();
    let (mut lines, mut missing) = (0_u64, 0);
    let mut status = ExitCode::SUCCESS;
    while let Some(item) = export.next() {
        match item {
            Ok(retained) => {
                serde_json::to_writer(&mut out, &Line::of(&retained, with_places))?;
                out.write_all(b"\n")?;
                lines += 1;
                if lines.is_multiple_of(LINES) {
                    show(bar, export.progress());
                    if interrupt.is_asked() {
                        out.flush()?;
                        bar.suspend(|| {
                            tell("headwater: interrupted; what was written so far is whole lines");
                        });
                        return Ok(ExitCode::FAILURE);
                    }
                }
            }
            Err(UpkeepError::NotWhole { from, until }) => {
                missing += until - from;
                status = ExitCode::FAILURE;
                bar.suspend(|| {
                    tell(format_args!("headwater: not whole, and left out: {}", offsets(&(from..until))));
                });
            }
            Err(error) => {
                out.flush()?;
                bar.suspend(|| super::failed(&error));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    out.flush()?;
    if missing > 0 {
        bar.suspend(|| {
            tell(format_args!(
                "headwater: {} could not be exported; `headwater history verify` says more",
                counted(missing, "update")
            ));
        });
    }
    Ok(status)
}
