//! `headwater history repair`: makes a damaged history one that a hub starts with.

use std::process::ExitCode;

use clap::Args;
use headwater_hub::upkeep::{self, Deed};
use indicatif::{BinaryBytes, HumanCount};

use super::{Place, offsets};
use crate::cli::{print, watch::Watched};

/// Makes a damaged history one that a hub starts with.
///
/// All that is whole is kept. What is not becomes a gap that subscribers are told of; indexes, and a manifest that is
/// missing, are made again. Says what it does, and can be repeated. No hub may use the directory meanwhile. Where there
/// is room, copy the directory first (`cp -a`): what a repair has once given up, no later one finds again.
#[derive(Args)]
pub(super) struct RepairArgs {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &RepairArgs) -> ExitCode {
    let watched = Watched::new();
    let repaired = upkeep::repair(&args.place.path, &mut |progress| watched.see(progress));
    watched.finish();
    let path = args.place.path.display();
    match repaired {
        Err(error) => super::failed(&error),
        Ok(repaired) if repaired.deeds.is_empty() => print(format_args!("{path} needs no repair")),
        Ok(repaired) => {
            let mut lines: Vec<_> = repaired.deeds.iter().map(|deed| format!("  {}", text(deed))).collect();
            lines.insert(0, format!("{path} is repaired:"));
            if repaired.deeds.contains(&Deed::ManifestRebuilt) {
                lines.push(
                    "Purges that were asked for and not yet carried out are not known any more: ask for the latest \
                     ones again."
                        .into(),
                );
            }
            lines.push("A hub starts with it now.".into());
            print(lines.join("\n"))
        }
    }
}

fn text(deed: &Deed) -> String {
    match deed {
        Deed::ManifestRebuilt => "the manifest was made again from the segments".into(),
        Deed::HeadRewritten { file } => format!("{file}: its first bytes were written again"),
        Deed::SetAside { file, name } => {
            format!("{file}: does not belong here, or repeats what others hold; it is {name} now")
        }
        Deed::Rescued { file } => format!("{file}: copied, without what the disk cannot read"),
        Deed::TailCut { file, bytes } => {
            format!("{file}: {} of a commit that was never acknowledged were cut off", BinaryBytes(*bytes))
        }
        Deed::Lost { offsets: range } => format!("lost, and a gap from now on: offsets {}", offsets(range)),
        Deed::Regained { offsets: range } => format!("whole again: offsets {}", offsets(range)),
        Deed::IndexRebuilt { file } => format!("{file}: the index was made again"),
        Deed::GoesOn { at } => format!("updates go on at offset {}", HumanCount(*at)),
        other => format!("{other:?}"),
    }
}
