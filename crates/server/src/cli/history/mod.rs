//! `headwater history`: looks at a history's directory, copies updates out and in, checks it, mends it.

mod export;
mod import;
mod info;
mod repair;
mod verify;

use std::{
    fmt::Display,
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand, ValueHint};
use headwater_hub::{StartError, upkeep::UpkeepError};
use indicatif::HumanCount;

use super::tell;

const EXAMPLES: &str = "\
Examples:
  headwater history info                              of ./headwater-data
  headwater history export /var/lib/headwater > updates.ndjson
  headwater history import /srv/new < updates.ndjson
  headwater history verify /var/lib/headwater && echo whole
  headwater history repair /var/lib/headwater         with the hub stopped

info, export and verify may be used while a hub runs; import and repair need the directory for themselves.

Exit status: 0 done, 1 failed, or not all is whole, 2 used wrongly (nothing was done).";

/// Looks at a history, copies updates out of it and into it, checks it, and mends it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HistoryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(info::InfoArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Verify(verify::VerifyArgs),
    Repair(repair::RepairArgs),
}

/// The directory.
#[derive(Args)]
struct Place {
    /// The history's directory.
    #[arg(default_value = "./headwater-data", value_hint = ValueHint::DirPath)]
    path: PathBuf,
}

pub(super) fn run(args: &HistoryArgs) -> ExitCode {
    match &args.command {
        Command::Info(args) => info::run(args),
        Command::Export(args) => export::run(args),
        Command::Import(args) => import::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Repair(args) => repair::run(args),
    }
}

/// Says why nothing was done, or not all.
pub(super) fn failed(error: &UpkeepError) -> ExitCode {
    tell(format_args!("headwater: {error}"));
    match error {
        UpkeepError::Missing { .. }
        | UpkeepError::NotEmpty { .. }
        | UpkeepError::Start(
            StartError::InUse { .. } | StartError::Foreign { .. } | StartError::Newer { .. },
        ) => super::usage(),
        _ => ExitCode::FAILURE,
    }
}

/// `1 update`, `1,234 updates`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// Offsets as a person reads them: both ends are meant.
fn offsets(range: &Range<u64>) -> String {
    let last = range.end.saturating_sub(1);
    if range.start >= last {
        return HumanCount(range.start).to_string();
    }
    format!("{} to {}", HumanCount(range.start), HumanCount(last))
}

/// Some of many.
fn some_of<T: Display>(all: impl ExactSizeIterator<Item = T>) -> String {
    const SHOWN: usize = 8;
    let more = all.len().saturating_sub(SHOWN);
    let mut text: Vec<String> = all.take(SHOWN).map(|item| item.to_string()).collect();
    if more > 0 {
        text.push(format!("and {} more", HumanCount(more as u64)));
    }
    // The numbers have commas in them.
    text.join("; ")
}

/// `2026-11-22T18:56:26.123456Z`, for programs.
fn timestamp(at: SystemTime) -> String {
    // What no calendar has, no hub has written.
    let micros = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let at = UNIX_EPOCH + std::time::Duration::from_micros(micros.min(LATEST));
    humantime::format_rfc3339_micros(at).to_string()
}

/// `2026-11-22 18:56:26 UTC`, for people.
fn moment(at: SystemTime) -> String {
    let text = timestamp(at);
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{} UTC", seconds.replace('T', " "))
}

/// The last microsecond of the year 9999.
const LATEST: u64 = 253_402_300_799_999_999;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_and_times_are_for_people() {
        assert_eq!([0, 1, 1234].map(|n| counted(n, "update")), ["0 updates", "1 update", "1,234 updates"]);
        assert_eq!([3..4, 3..5, 999..1001].map(|r| offsets(&r)), ["3", "3 to 4", "999 to 1,000"]);
        assert_eq!(some_of(1..9), "1; 2; 3; 4; 5; 6; 7; 8");
        assert_eq!(some_of(vec![0; 1010].iter()), "0; 0; 0; 0; 0; 0; 0; 0; and 1,002 more");
        let at = UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001);
        assert_eq!(timestamp(at), "2023-11-14T22:13:20.000001Z");
        assert_eq!(moment(at), "2023-11-14 22:13:20 UTC");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(timestamp(far), "9999-12-31T23:59:59.999999Z");
    }
}
