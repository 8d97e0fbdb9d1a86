//! `headwater history verify`: whether all is as it was written.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use clap::Args;
use headwater_hub::upkeep::{self, DamageKind, Verified};
use indicatif::BinaryBytes;
use serde::Serialize;

use super::{
    Place, counted,
    info::{Offsets, ranges},
    offsets, some_of,
};
use crate::cli::{print, watch::Watched};

/// Reads every byte of a history and checks it; changes nothing.
///
/// Says what is damaged, the first of it first, and what is still whole. The exit status is 1 if anything is damaged.
/// While a hub uses the directory, what it writes meanwhile is not looked at.
#[derive(Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: Place,

    /// Prints it as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    let watched = Watched::new();
    let verified = upkeep::verify(&args.place.path, &mut |progress| watched.see(progress));
    watched.finish();
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return super::failed(&error),
    };
    let printed =
        if args.json { print(json(&verified)) } else { print(text(&args.place.path, &verified).trim_end()) };
    if verified.damage.is_empty() { printed } else { ExitCode::FAILURE }
}

/// So many damages are listed; all of them with --json.
const SHOWN: usize = 50;

fn text(path: &Path, verified: &Verified) -> String {
    let mut text = String::new();
    write(&mut text, path, verified).expect("writing to a string does not fail");
    text
}

fn write(text: &mut String, path: &Path, verified: &Verified) -> std::fmt::Result {
    let path = path.display();
    let whole = format!(
        "{} in {}, {}",
        counted(verified.updates, "update"),
        counted(verified.segments as u64, "segment"),
        BinaryBytes(verified.bytes)
    );
    let Some(first) = verified.damage.first() else {
        writeln!(text, "{path} is whole: {whole}")?;
        notes(text, verified)?;
        return Ok(());
    };
    writeln!(text, "{path} is damaged in {}, first in {}:", places(verified.damage.len()), first.file)?;
    let shown = &verified.damage[..verified.damage.len().min(SHOWN)];
    let affected: Vec<_> = shown.iter().map(|damage| damage.offsets.as_ref().map(offsets)).collect();
    let files = shown.iter().map(|damage| damage.file.len()).max().unwrap_or_default();
    let width = affected.iter().flatten().map(String::len).max().unwrap_or_default();
    for (damage, affected) in shown.iter().zip(&affected) {
        match affected {
            Some(affected) => {
                writeln!(text, "  {:files$}  offsets {affected:width$}  {}", damage.file, damage.kind)?;
            }
            None => writeln!(text, "  {:files$}  {}", damage.file, damage.kind)?,
        }
    }
    if verified.damage.len() > SHOWN {
        writeln!(text, "  and {} more; --json lists all", places(verified.damage.len() - SHOWN))?;
    }
    writeln!(text, "Whole: {whole}")?;
    if !verified.whole.is_empty() {
        writeln!(text, "       offsets {}", some_of(verified.whole.iter().map(offsets)))?;
    }
    notes(text, verified)?;
    let stop = if verified.in_use { "Stop the hub, then run" } else { "Run" };
    writeln!(
        text,
        "{stop} `headwater history repair {path}`: it keeps all that is whole, and makes the rest a gap that \
         subscribers are told of."
    )
}

/// What is no damage.
fn notes(text: &mut String, verified: &Verified) -> std::fmt::Result {
    if !verified.gaps.is_empty() {
        writeln!(text, "Gaps that subscribers are told of: {}", some_of(verified.gaps.iter().map(offsets)))?;
    }
    if let Some(torn) = &verified.torn {
        writeln!(
            text,
            "At the end of {} are {} of a commit that was never acknowledged; the next start cuts them off.",
            torn.file,
            BinaryBytes(torn.bytes)
        )?;
    }
    Ok(())
}

fn places(count: usize) -> String {
    counted(count as u64, "place")
}

#[derive(Serialize)]
struct Json<'a> {
    whole: bool,
    in_use: bool,
    segments: usize,
    bytes: u64,
    updates: u64,
    whole_offsets: Vec<Offsets>,
    gaps: Vec<Offsets>,
    damage: Vec<Damage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torn: Option<Torn<'a>>,
}

#[derive(Serialize)]
struct Damage<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offsets: Option<Offsets>,
    kind: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Torn<'a> {
    file: &'a str,
    bytes: u64,
}

fn json(verified: &Verified) -> String {
    let damage = verified.damage.iter().map(|damage| Damage {
        file: &damage.file,
        offsets: damage.offsets.as_ref().and_then(|range| ranges(std::slice::from_ref(range)).pop()),
        kind: name(&damage.kind),
        detail: damage.kind.to_string(),
    });
    let json = Json {
        whole: verified.damage.is_empty(),
        in_use: verified.in_use,
        segments: verified.segments,
        bytes: verified.bytes,
        updates: verified.updates,
        whole_offsets: ranges(&verified.whole),
        gaps: ranges(&verified.gaps),
        damage: damage.collect(),
        torn: verified.torn.as_ref().map(|torn| Torn { file: &torn.file, bytes: torn.bytes }),
    };
    serde_json::to_string_pretty(&json).expect("strings and numbers always serialize")
}

/// The kind, for programs.
fn name(kind: &DamageKind) -> &'static str {
    match kind {
        DamageKind::Manifest { .. } => "manifest",
        DamageKind::Head => "segment-head",
        DamageKind::Foreign => "foreign-segment",
        DamageKind::Overlap => "overlapping-segment",
        DamageKind::Records => "records",
        DamageKind::Unreadable => "unreadable",
        DamageKind::Missing => "missing",
        DamageKind::WasUnreadable => "was-unreadable",
        DamageKind::Index => "index",
        _ => "other",
    }
}
