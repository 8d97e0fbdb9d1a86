//! Any damage: after a repair a hub starts, and each update is there as it was published, or known to be lost.

use super::*;
use crate::disk::sim::Random;

const UPDATES: u64 = 45;

fn harm(path: &Path, random: &mut Random) -> String {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // What is before the first segment that is there was dropped by retention, as far as anybody can tell.
        .filter(|name| name != "lock" && name != "manifest" && !name.starts_with("00000000000000000001."))
        .collect();
    names.sort();
    let name = random.pick(&names);
    let file = path.join(name);
    let len = fs::metadata(&file).unwrap().len() as usize;
    match random.below(5) {
        0 => {
            fs::remove_file(&file).unwrap();
            format!("{name} removed")
        }
        1 => {
            let cut = random.below(len + 1);
            fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(cut as u64).unwrap();
            format!("{name} cut to {cut} of {len}")
        }
        2 if len > 0 => {
            let mut bytes = fs::read(&file).unwrap();
            let from = random.below(len);
            let until = (from + 1 + random.below(300)).min(bytes.len());
            bytes[from..until].fill(0);
            fs::write(&file, bytes).unwrap();
            format!("{name} zeroed {from}..{until} of {len}")
        }
        _ if len > 0 => {
            let at = random.below(len);
            flip(&file, |_| at);
            format!("{name} flipped at {at} of {len}")
        }
        _ => format!("{name} is empty already"),
    }
}

#[test]
fn any_damage() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (_folder, path) = history(UPDATES);
        // Some were written by an earlier version.
        for first in (1..=random.below(4) as u64 * SEGMENT).step_by(SEGMENT as usize) {
            make_plain(&path.join(Segment::name(first)));
        }
        let harms: Vec<_> = (0..=random.below(3)).map(|_| harm(&path, &mut random)).collect();
        let context = format!("seed {seed}: {harms:?}");

        let found = verify(&path, &mut go_on).expect(&context);
        let (before, _) = exported(&path);
        let repaired = repair(&path, &mut go_on).unwrap_or_else(|error| panic!("{context}: {error}"));
        let verified = verify(&path, &mut go_on).expect(&context);
        assert_eq!(verified.damage, [], "{context}, {repaired:?}");
        let (after, missing) = exported(&path);
        assert_eq!(missing, [], "{context}");
        assert_eq!(before, after, "{context}: what could be read can be read; {found:?}, {repaired:?}");
        let mut all: Vec<u64> = after.into_iter().chain(verified.gaps.into_iter().flatten()).collect();
        all.sort_unstable();
        assert_eq!(all, (1..=UPDATES).collect::<Vec<_>>(), "{context}, {repaired:?}");

        let log = open(&path, 9).unwrap_or_else(|error| panic!("{context}, {repaired:?}: {error:?}"));
        assert_eq!(log.next(), UPDATES + 1, "{context}");
        publish(&log, UPDATES + 1..UPDATES + 3);
        end(log);
        assert_eq!(verify(&path, &mut go_on).expect(&context).damage, [], "{context}");
    }
}
