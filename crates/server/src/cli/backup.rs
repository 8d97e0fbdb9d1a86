//! `headwater backup`: a copy of a history, also while a hub writes to it.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::{Args, ValueHint};
use headwater_hub::upkeep;
use indicatif::BinaryBytes;

use super::{
    history::{counted, failed},
    print,
    watch::Watched,
};

const EXAMPLES: &str = "\
Examples:
  headwater backup ./headwater-data /backups/today
  headwater serve --history /backups/today             a backup is a history like any other

A backup on the same file system shares its files with the original: when that is deleted or damaged by hand the backup
stays, but a dying disk takes both. Copy it to another disk (cp, rsync, tar) to be safe from that.

Whoever purges a topic, in the original or in a hub that runs on the backup, purges it in both, but for the newest
updates, which are copies. After a purge, make new backups and delete the old ones, or purge again when one is used.

Exit status: 0 done, 1 failed, 2 used wrongly (nothing was done).";

/// Copies a history, also one that a running hub writes to.
///
/// On one file system that takes less than a second and hardly any room: all but the newest files are hard links. To
/// another one everything is copied. Every update that was acknowledged before is in the copy.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackupArgs {
    /// The history's directory.
    #[arg(value_hint = ValueHint::DirPath)]
    path: PathBuf,

    /// Where the copy is to be: a directory that is empty, or is made.
    #[arg(value_hint = ValueHint::DirPath)]
    to: PathBuf,
}

pub(super) fn run(args: &BackupArgs) -> ExitCode {
    let start = Instant::now();
    let watched = Watched::new();
    let made = upkeep::backup(&args.path, &args.to, &mut |progress| watched.see(progress));
    watched.finish();
    let made = match made {
        Ok(made) => made,
        Err(error) => return failed(&error),
    };
    let how = if made.linked == 0 {
        format!("{} copied ({})", counted(made.copied as u64, "segment"), BinaryBytes(made.copied_bytes))
    } else {
        let linked = counted(made.linked as u64, "segment");
        format!("{linked} linked, {} copied ({})", made.copied, BinaryBytes(made.copied_bytes))
    };
    print(format_args!(
        "{}: {} in {:.2} s, {how}",
        args.to.display(),
        counted(made.next - made.first, "update"),
        start.elapsed().as_secs_f64()
    ))
}
